"""The fused forms of `nn.py`'s compositions and of the losses: equal to what they replace.

The compositions run on the fast backend, where no fused form is in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_cases import LAYOUTS, close, numbers, tensor

import minitorch
import minitorch.tuned_nn  # registers the fused forms
from minitorch import jit
from minitorch.errors import ShapeError
from minitorch.fusion import fused_form
from minitorch.kernels.dropout import dropout
from minitorch.kernels.pool import PIECE, pooling
from minitorch.kernels.softmax import (
    BLOCK,
    cross_entropy_back,
    line_kernels,
    nll_loss,
    nll_loss_back,
)
from minitorch.more_functions import Pick
from minitorch.testing import grad_check

TUNED = minitorch.get_backend("tuned")
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])

# Shapes of images and tiles: builds of their own and not, one piece of work and several.
POOLS = [
    ((2, 3, 8, 12), (4, 4)),
    ((2, 1, 6, 4), (2, 2)),
    ((3, 2, 4, 6), (2, 3)),
    ((1, 2, 3, 5), (3, 5)),
    ((2, 1, 2, 3), (1, 1)),
    ((1, 1, 60, 56), (2, 2)),
    ((5, 7, 28, 28), (4, 4)),
    ((0, 2, 4, 4), (2, 2)),
    ((2, 2, 0, 4), (2, 2)),
]
LINES = [
    ((5, 7), 1),
    ((5, 7), 0),
    ((3, 4, 2), 1),
    ((2, 3, 4), -1),
    ((6,), 0),
    ((3, 1), 1),
    ((2, 5, BLOCK + 3), 1),
    ((4, 300), 1),
    ((0, 3), 1),
    ((3, 0), 0),
]
CASES = [(name, shape, (k,)) for name in ("avgpool2d", "maxpool2d") for shape, k in POOLS] + [
    (name, shape, (dim,)) for name in ("max", "softmax", "logsoftmax") for shape, dim in LINES
]
cases = pytest.mark.parametrize(("name", "shape", "more"), CASES, ids=str)


def labels_for(rows: int, classes: int) -> Any:
    return np.random.default_rng(rows).integers(0, classes, rows)


def composed_nll_loss(input: Any, labels: Any) -> Any:
    return -Pick.apply(input, labels.reshape(-1, 1), 1).mean().view()


def composed_cross_entropy(input: Any, labels: Any) -> Any:
    return composed_nll_loss(minitorch.logsoftmax(input, 1), labels)


def fused(name: str) -> Callable[..., Any]:
    function = fused_form(TUNED, name)
    assert function is not None
    return function


def results(function: Callable[..., Any], a: Any, more: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return what a function of a tensor gives, and its gradient for a random one by that."""
    a.requires_grad_(True)
    out = function(a, *more)
    out.backward(numbers(*out.shape, dtype=out.dtype, seed=9) / 64)
    return out.numpy(), a.grad.numpy()


def equal(name: str, array: Any, more: tuple[Any, ...], layout: str = "contiguous") -> None:
    """Check a fused form against its composition, values and gradients."""
    composition = globals().get(f"composed_{name}") or getattr(minitorch, name)
    with np.errstate(invalid="ignore"):
        expected = results(composition, tensor(array, layout), more)
        got = results(fused(name), tensor(array, layout, backend="tuned"), more)
    for actual, right in zip(got, expected, strict=True):
        close(actual, right)


@DTYPES
@cases
def test_fused_equals_the_composition(name: str, shape: Any, more: Any, dtype: Any) -> None:
    equal(name, numbers(*shape, dtype=dtype), more)


@DTYPES
@pytest.mark.parametrize("layout", LAYOUTS[1:])
@pytest.mark.parametrize(
    ("name", "more"),
    [("avgpool2d", ((2, 4),)), ("maxpool2d", ((2, 2),))]
    + [(name, (dim,)) for name in ("max", "softmax", "logsoftmax") for dim in (1, 3)],
    ids=str,
)
def test_layouts(name: str, more: Any, layout: str, dtype: Any) -> None:
    equal(name, numbers(2, 3, 4, 8, dtype=dtype), more, layout)


@DTYPES
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (3, 1), (1, 4), (128, 10), (0, 3)], ids=str)
def test_losses_equal_the_composition(name: str, shape: Any, layout: str, dtype: Any) -> None:
    equal(name, numbers(*shape, dtype=dtype) / 8, (labels_for(*shape),), layout)


@cases
def test_gradients_where_elements_tie(name: str, shape: Any, more: Any) -> None:
    equal(name, np.random.default_rng(1).integers(0, 3, shape).astype(np.float64), more)


@DTYPES
@pytest.mark.parametrize("special", [np.nan, -np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("everywhere", [False, True])
@cases
def test_nan_and_infinity(
    name: str, shape: Any, more: Any, special: float, everywhere: bool, dtype: Any
) -> None:
    array = np.full(shape, special, dtype) if everywhere else numbers(*shape, dtype=dtype)
    array[..., 1::3] = special
    equal(name, array, more)


@DTYPES
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_losses_of_nan_and_infinity(name: str, special: float, dtype: Any) -> None:
    array = numbers(6, 4, dtype=dtype)
    for place in range(4):
        array[place, place] = special
    for labels in ([0, 0, 0, 0, 0, 0], [3, 3, 3, 3, 3, 3]):
        equal(name, array, (np.array(labels),))
        equal(name, array[3:], (np.array(labels[3:]),))


@pytest.mark.parametrize("name", ["maxpool2d", "max"])
def test_an_infinite_gradient_of_max(name: str) -> None:
    more = ((2, 2),) if name == "maxpool2d" else (3,)
    for backend in ("fast", "tuned"):
        a = tensor(numbers(1, 1, 4, 4), backend=backend).requires_grad_(True)
        out = getattr(minitorch, name)(a, *more)
        out.backward(np.where(np.arange(out.size).reshape(out.shape) == 1, np.inf, 1.0))
        got = a.grad.numpy()
        if backend == "fast":
            expected = got
    assert np.isnan(expected).any()
    close(got, expected)


@DTYPES
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("shape", "dim"), [((2, 4), 1), ((4, 2), 0), ((2, 64), 1)], ids=str)
def test_logarithms_beside_large_numbers_are_kept(
    shape: Any, dim: int, sign: int, dtype: Any
) -> None:
    array = np.full(shape, sign * (2.0**27 if dtype == np.float32 else 2.0**60), dtype)
    out = fused("logsoftmax")(tensor(array, backend="tuned"), dim)
    close(out, np.full(shape, -np.log(shape[dim]), dtype))


@pytest.mark.parametrize("dim", [0, 1])
def test_negative_numbers_far_apart(dim: int) -> None:
    array = np.array([[-1e6, -5.0], [-5.0, -1e6]])
    close(fused("softmax")(tensor(array, backend="tuned"), dim), 1.0 * (array == -5.0))
    expected = array + 5.0
    close(fused("logsoftmax")(tensor(array, backend="tuned"), dim), expected)


@pytest.mark.parametrize(
    ("name", "shape", "more"),
    [
        ("avgpool2d", (1, 2, 4, 4), ((2, 2),)),
        ("avgpool2d", (2, 1, 4, 6), ((4, 3),)),
        ("maxpool2d", (1, 1, 8, 8), ((4, 4),)),
        ("maxpool2d", (2, 1, 4, 6), ((2, 3),)),
        ("max", (3, 4), (1,)),
        ("max", (3, 4), (0,)),
        ("softmax", (3, 4), (1,)),
        ("softmax", (2, 3, 2), (1,)),
        ("logsoftmax", (3, 4), (1,)),
        ("logsoftmax", (2, 3, 2), (1,)),
        ("nll_loss", (4, 3), (labels_for(4, 3),)),
        ("cross_entropy", (4, 3), (labels_for(4, 3),)),
    ],
    ids=str,
)
def test_gradients_by_differences(name: str, shape: Any, more: Any) -> None:
    grad_check(lambda a: fused(name)(a, *more), tensor(numbers(*shape) / 4, backend="tuned"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape", "more"),
    [
        ("avgpool2d", (3, 2, 4 * PIECE // 16, 16), ((4, 4),)),
        ("maxpool2d", (3, 2, 4 * PIECE // 16, 16), ((4, 4),)),
        ("avgpool2d", (3, 5, 28, 28), ((7, 2),)),
        *((name, (3, 40, 2 * BLOCK + 5), (1,)) for name in ("max", "softmax", "logsoftmax")),
        *((name, (100, 71), (1,)) for name in ("max", "softmax", "logsoftmax")),
        ("cross_entropy", (301, 11), (labels_for(301, 11),)),
        ("dropout", (300, 20), (0.3,)),
    ],
    ids=str,
)
def test_both_builds_agree(
    name: str, shape: Any, more: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = []
    for parallel_from in (1 << 60, 0):
        monkeypatch.setattr(jit, "PARALLEL_FROM", parallel_from)
        minitorch.manual_seed(3)
        both.append(results(fused(name), tensor(numbers(*shape), backend="tuned"), more))
    for serial, parallel in zip(*both, strict=True):
        # Not to the last bit: compilers may add up a line in another order.
        np.testing.assert_allclose(serial, parallel, rtol=1e-14, atol=1e-300)


def guarded(array: Any) -> tuple[Any, Any]:
    """Return the numbers of an array in a flat array of exactly their size, and what is around."""
    around = np.full(array.size + 128, np.nan, array.dtype)
    around[64 : 64 + array.size] = array.ravel()
    return around[64 : 64 + array.size], around


@DTYPES
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (2, 8), (5, 3, 65), (2, 4, 130), (9, 33)])
def test_kernels_stay_within_their_arrays(shape: tuple[int, ...], dtype: Any) -> None:
    outer, length, inner = (*shape, 1)[:3]
    size = outer * length * inner
    lines = line_kernels(np.dtype(dtype))
    labels = labels_for(outer, length * inner)
    flat = (length * inner,)
    tiles = [(outer * 2, 2, 2, length * inner), (outer, 4, 4, length * inner),
             (outer, 3, 5, length * inner), (outer, 1, length, inner)]  # fmt: skip

    def run(kernel: Any, sizes: tuple[int, ...], more: tuple[Any, ...], read: int) -> None:
        """Run a kernel, all of whose arrays but the last `read` are written."""
        arrays = [guarded(numbers(n, dtype=dtype, seed=i) / 100) for i, n in enumerate(sizes)]
        kernel.launch(0, *(a for a, _ in arrays), *more)
        for number, (array, around) in enumerate(arrays):
            if number < len(sizes) - read:
                assert np.isfinite(array).all()
            assert np.isnan(around[:64]).all()
            assert np.isnan(around[64 + array.size :]).all()

    whole = size
    dims = (outer, length, inner)
    run(lines.softmax, (whole,) * 3, dims, 2)
    run(lines.softmax_back, (whole,) * 3, dims, 2)
    run(lines.logsoftmax, (whole,) * 3, dims, 2)
    run(lines.logsoftmax_back, (whole,) * 3, dims, 2)
    run(dropout, (whole,) * 3, (0.5, 2.0), 1)
    run(lines.cross_entropy, (1, whole, whole), (labels, *flat), 1)
    run(cross_entropy_back, (whole, whole, 1), (outer,), 2)
    run(nll_loss, (1, whole), (labels, *flat), 1)
    run(nll_loss_back, (whole, 1), (labels, *flat), 1)
    for tile in tiles:
        bands, height, width, columns = tile
        pool = pooling(height, width)
        images, values = bands * height * width * columns, bands * columns
        run(pool.mean_back, (images, values), tile, 1)
        for kernel in (pool.mean, pool.largest):
            run(kernel, (images, values), tile, 0)
        array, around = guarded(numbers(images, dtype=dtype))
        top = array.reshape(bands, height, columns, width).max((1, 3)).ravel()
        target, beside = guarded(array)
        pool.largest_back.launch(0, target, array, guarded(top)[0], guarded(top)[0], *tile)
        assert np.isfinite(target).all()
        assert np.isnan(beside).sum() == np.isnan(around).sum() == 128
    array = guarded(numbers(size, dtype=dtype))[0]
    top = array.reshape(outer, length, inner).max(1).ravel()
    target, beside = guarded(array)
    lines.max_back.launch(0, target, array, guarded(top)[0], guarded(top)[0], *dims)
    assert np.isfinite(target).all()
    assert np.isnan(beside).sum() == 128


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
@pytest.mark.parametrize("label", [-1, 3, 2**40, -(2**40)])
def test_no_label_leads_out_of_bounds(name: str, label: int) -> None:
    a = tensor(numbers(2, 3), backend="tuned").requires_grad_(True)
    out = fused(name)(a, np.array([label, 1]))
    assert np.isnan(out.item())
    out.backward()
    assert np.isfinite(a.grad.numpy()).all()


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_losses_refuse_shapes_that_do_not_fit(name: str) -> None:
    for shape, labels in (((2, 3), [0]), ((2, 3), [0, 1, 2]), ((2,), [0, 0])):
        with pytest.raises(ShapeError, match=name):
            fused(name)(tensor(np.zeros(shape), backend="tuned"), np.array(labels, np.int64))


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_losses_are_single_numbers_and_scale_the_gradient(name: str) -> None:
    a = tensor(numbers(4, 3), backend="tuned").requires_grad_(True)
    out = fused(name)(a, [0, 2, 1, 1])
    assert out.shape == ()
    (out * 3.0).backward()
    tripled = a.grad.numpy()
    a.grad = None
    fused(name)(a, [0, 2, 1, 1]).backward()
    close(tripled, 3.0 * a.grad.numpy())


@DTYPES
@pytest.mark.parametrize("rate", [0, 0.1, 0.5, 1, 1.0])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_dropout_draws_as_the_composition_does(layout: str, rate: float, dtype: Any) -> None:
    array = numbers(7, 9, dtype=dtype)
    array[0, 0], array[1, 1], array[2, :] = np.nan, np.inf, -np.inf
    both = []
    for backend in ("fast", "tuned"):
        minitorch.manual_seed(5)
        a = tensor(array, layout, backend)
        function = minitorch.dropout if backend == "fast" else fused("dropout")
        with np.errstate(invalid="ignore"):
            both.append((*results(function, a, (rate,)), minitorch.rand(3).numpy()))
    for expected, got in zip(*both, strict=True):
        np.testing.assert_array_equal(got, expected)


@DTYPES
def test_dropout_compares_in_the_dtype(dtype: Any) -> None:
    chances = np.array([0.7, np.nextafter(dtype(0.7), dtype(0)), 0.0, 0.8], dtype)
    out = np.empty(4, dtype)
    dropout.launch(0, out, chances, np.ones(4, dtype), 0.7, 2.0)
    assert chances.tolist() == out.tolist() == [2.0, 0.0, 0.0, 2.0]


def test_dropout_of_nothing_and_of_one_number() -> None:
    for array in (np.zeros((0, 3)), np.array(2.0)):
        assert fused("dropout")(tensor(array, backend="tuned"), 0.0).shape == array.shape


def test_dropout_is_left_out_in_evaluation() -> None:
    a = tensor(numbers(3), backend="tuned")
    assert fused("dropout")(a, 0.5, ignore=True) is a


def test_compositions_give_way_on_the_tuned_backend() -> None:
    a = tensor(numbers(1, 1, 4, 4), backend="tuned").requires_grad_(True)
    for out in (
        minitorch.avgpool2d(a, (2, 2)), minitorch.maxpool2d(a, (2, 2)), minitorch.max(a, 1),
        minitorch.softmax(a, 1), minitorch.logsoftmax(a, 1), minitorch.dropout(a, 0.5),
    ):  # fmt: skip
        assert out.history is not None
        assert out.history.last_fn.__module__ == "minitorch.tuned_nn"
