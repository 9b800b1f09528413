"""Writing into tensors: what changes, what is refused, and that no gradient is lost by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_cases import BACKENDS, numbers

import minitorch
from minitorch import GradientError, IndexingError, ShapeError, Tensor

on_each_backend = pytest.mark.parametrize("backend", BACKENDS)


def made(
    array: Any, backend: Any = "fast", requires_grad: bool = False, beside: Tensor | None = None
) -> Tensor:
    backend = backend if beside is None else beside.backend
    return minitorch.tensor(np.asarray(array, float), backend=backend, requires_grad=requires_grad)


def assigned(t: Tensor, value: Any) -> None:
    t.data = value


def item_set(t: Tensor, key: Any, value: Any) -> None:
    t[key] = value


def augmented(operator: str) -> Callable[[Tensor, Any], Any]:
    return lambda t, other: getattr(t, f"__i{operator}__")(other)


# In place on a tensor, with the same on a numpy array.
OTHER = numbers(3, seed=5)
METHODS: dict[str, tuple[Callable[[Tensor], Any], Callable[[Any], Any]]] = {
    "add_": (lambda t: t.add_(made(OTHER, beside=t)), lambda a: a + OTHER),
    "add_ alpha": (lambda t: t.add_(OTHER, alpha=-0.5), lambda a: a - 0.5 * OTHER),
    "sub_": (lambda t: t.sub_(1.5), lambda a: a - 1.5),
    "sub_ alpha": (lambda t: t.sub_(made(OTHER, beside=t), alpha=2), lambda a: a - 2 * OTHER),
    "mul_": (lambda t: t.mul_(made(OTHER, beside=t)), lambda a: a * OTHER),
    "div_": (lambda t: t.div_(4), lambda a: a / 4),
    "copy_": (lambda t: t.copy_(made(OTHER, beside=t)), lambda a: a * 0 + OTHER),
    "fill_": (lambda t: t.fill_(2.5), lambda a: np.full_like(a, 2.5)),
    "zero_": (lambda t: t.zero_(), np.zeros_like),
    "+=": (lambda t: augmented("add")(t, made(OTHER, beside=t)), lambda a: a + OTHER),
    "-=": (lambda t: augmented("sub")(t, OTHER), lambda a: a - OTHER),
    "*=": (lambda t: augmented("mul")(t, -2), lambda a: a * -2),
    "/=": (
        lambda t: augmented("truediv")(t, made([[2.0], [4.0]], beside=t)),
        lambda a: a / [[2], [4]],
    ),
    "with itself": (lambda t: t.sub_(t[:, :1]), lambda a: a - a[:, :1]),
}
ASSIGNMENTS: dict[str, tuple[Callable[[Tensor], Any], Callable[[Any], Any]]] = {
    "slice": (lambda t: item_set(t, slice(1), 7.0), lambda a: np.where([[1], [0]], 7.0, a)),
    "mask": (lambda t: item_set(t, t < 0, 0), lambda a: np.maximum(a, 0)),
    "numpy mask": (lambda t: item_set(t, t.to_numpy() < 0, 0), lambda a: np.maximum(a, 0)),
    "rows": (lambda t: item_set(t, [1, 0], t.detach()), lambda a: a[::-1]),
    "element": (lambda t: item_set(t, (0, np.array([1])), 7.0),
                lambda a: np.where([[0, 1, 0], [0, 0, 0]], 7.0, a)),
}  # fmt: skip
DATA: dict[str, tuple[Callable[[Tensor], Any], Callable[[Any], Any]]] = {
    "data": (
        lambda t: assigned(t, made(numbers(2, 3, seed=3), beside=t)),
        lambda a: numbers(2, 3, seed=3),
    ),
    "data -=": (lambda t: assigned(t, t.data.__isub__(0.5)), lambda a: a - 0.5),
    "data -": (lambda t: assigned(t, t.data - 0.5 * t.detach()), lambda a: a / 2),
    "data[]": (lambda t: item_set(t.data, t < 0, 0), lambda a: np.maximum(a, 0)),
}
ALL = METHODS | ASSIGNMENTS | DATA


@on_each_backend
@pytest.mark.parametrize("name", ALL)
def test_a_write_changes_the_storage_and_all_of_its_views(backend: str, name: str) -> None:
    write, expected = ALL[name]
    array = numbers(2, 3)
    t = made(array, backend)
    view, transposed, data = t.view(6), t.T, t._tensor
    before = t._version
    got = write(t)
    assert got is None or got is t or name in DATA
    assert t._tensor is data
    assert t._version > before
    want = np.asarray(expected(array), float)
    for one in (t, view.view(2, 3), transposed.T):
        np.testing.assert_allclose(one.to_numpy(), want, 1e-12)


@pytest.mark.parametrize("name", ALL)
def test_a_write_into_part_of_a_larger_tensor_leaves_the_rest(name: str) -> None:
    write, expected = ALL[name]
    whole = made(numbers(4, 4))
    array = whole.to_numpy().copy()
    array[1:3, 1:] = expected(array[1:3, 1:].copy())
    write(whole[1:3, 1:])
    np.testing.assert_allclose(whole.to_numpy(), array, 1e-12)


@pytest.mark.parametrize("name", METHODS | ASSIGNMENTS)
def test_a_leaf_is_not_written_while_operations_are_recorded(name: str) -> None:
    array = numbers(2, 3)
    leaf = made(array, requires_grad=True)
    with pytest.raises(GradientError, match="may not be written in place"):
        (METHODS | ASSIGNMENTS)[name][0](leaf)
    np.testing.assert_array_equal(leaf.to_numpy(), array)


@pytest.mark.parametrize("name", ALL)
def test_a_leaf_written_within_no_grad_stays_that_leaf(name: str) -> None:
    write, expected = ALL[name]
    array = numbers(2, 3)
    leaf = made(array, requires_grad=True)
    (leaf * leaf).sum().backward()
    gradient, history = leaf.grad, leaf.history
    with minitorch.no_grad():
        write(leaf)
    assert leaf.is_leaf()
    assert leaf.history is history
    assert leaf.grad is gradient
    np.testing.assert_allclose(leaf.to_numpy(), np.asarray(expected(array), float), 1e-12)
    leaf.grad.zero_()
    assert leaf.grad is gradient
    assert not gradient.to_numpy().any()
    (leaf * leaf).sum().backward()
    np.testing.assert_allclose(leaf.grad.to_numpy(), 2 * leaf.to_numpy(), 1e-12)


@pytest.mark.parametrize("name", ALL)
def test_a_backward_pass_refuses_a_kept_value_that_was_written(name: str) -> None:
    leaf, constant = made(numbers(2, 3), requires_grad=True), made(numbers(2, 3, seed=1))
    for changed in (leaf, constant):
        out = (leaf * constant).sum()
        with minitorch.no_grad():
            ALL[name][0](changed)
        with pytest.raises(GradientError, match="changed in place"):
            out.backward()
    assert leaf.grad is None


@pytest.mark.parametrize(
    "function", [lambda t: t.max(), lambda t: t.min(), lambda t: t.norm(np.inf), lambda t: t.exp()]
)
def test_a_backward_pass_refuses_a_kept_result_that_was_written(function: Any) -> None:
    leaf = made(numbers(2, 3), requires_grad=True)
    out = function(leaf)
    out.detach().fill_(7.0)
    with pytest.raises(GradientError, match="changed in place"):
        out.sum().backward()
    assert leaf.grad is None


@pytest.mark.parametrize("operator", ["add", "sub", "mul", "truediv"])
@pytest.mark.parametrize("kind", ["computed", "constant"])
def test_a_recorded_result_takes_a_new_tensor(operator: str, kind: str) -> None:
    w = made([1.0, -2.0, 4.0], requires_grad=True)
    first = w * w if kind == "computed" else made([3.0, 5.0, 7.0])
    kept = first.to_numpy().copy()
    out = augmented(operator)(first, w)
    assert out is not first
    np.testing.assert_array_equal(first.to_numpy(), kept)
    out.sum().backward()
    v = made([1.0, -2.0, 4.0], requires_grad=True)
    plain = v * v if kind == "computed" else made([3.0, 5.0, 7.0])
    getattr(plain, f"__{operator}__")(v).sum().backward()
    np.testing.assert_array_equal(w.grad.to_numpy(), v.grad.to_numpy())


@pytest.mark.parametrize("name", ["add_", "sub_", "mul_", "div_", "copy_"])
def test_a_recorded_value_is_not_lost_in_a_constant(name: str) -> None:
    constant, w = made(numbers(2, 3)), made(OTHER, requires_grad=True)
    with pytest.raises(GradientError, match="is not recorded"):
        getattr(constant, name)(w * 2.0)
    np.testing.assert_array_equal(constant.to_numpy(), numbers(2, 3))


@pytest.mark.parametrize("name", ["add_", "sub_", "mul_", "div_", "copy_", "__iadd__", "__isub__"])
def test_what_does_not_fit_is_refused_before_anything_changes(name: str) -> None:
    t = made(numbers(2, 3))
    for shape in [(2, 2), (3, 2, 3), (4,)]:
        with pytest.raises(ShapeError):
            getattr(t, name)(made(np.ones(shape)))
    np.testing.assert_array_equal(t.to_numpy(), numbers(2, 3))


def test_data_takes_its_own_shape_only_and_keeps_its_dtype() -> None:
    p = minitorch.ones(2, 3, dtype="float32", requires_grad=True)
    with pytest.raises(ShapeError, match="must be equal"):
        p.data = minitorch.ones(3)
    p.data = p.data - 0.25 * made(np.ones((2, 3)))
    assert p.dtype == np.float32
    np.testing.assert_array_equal(p.to_numpy(), np.full((2, 3), 0.75))


@pytest.mark.parametrize("name", METHODS)
def test_a_tensor_that_repeats_its_elements_is_not_written(name: str) -> None:
    row = made(OTHER)
    with pytest.raises(ShapeError, match="share their storage"):
        METHODS[name][0](row.expand(2, 3))
    with pytest.raises(ShapeError, match="share their storage"):
        row.expand(2, 3)[0, 0] = 1.0
    np.testing.assert_array_equal(row.to_numpy(), OTHER)


def test_a_mask_that_does_not_fit_is_refused() -> None:
    t = made(numbers(2, 3))
    for mask in (made([1.0, 0.0, 1.0]), np.array([True, False, True])):
        with pytest.raises(IndexingError, match="does not fit"):
            t[mask] = 0
    with pytest.raises(IndexingError, match="a mask is a tensor of 0 and 1"):
        t[t] = 0
    with pytest.raises(ShapeError):
        t[t < 100] = [1.0, 2.0]
    np.testing.assert_array_equal(t.to_numpy(), numbers(2, 3))
