"""The names that PyTorch users expect of tensors: shapes, parts, dtypes, making, refusals."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from kernel_cases import BACKENDS, numbers
from strategies import shapes, tensors

import minitorch
from minitorch import BackendError, DTypeError, IndexingError, ShapeError, Tensor

on_each_backend = pytest.mark.parametrize("backend", BACKENDS)


def made(*shape: int, requires_grad: bool = False) -> Tensor:
    return minitorch.tensor(numbers(*shape), backend="fast", requires_grad=requires_grad)


# Sizes.


def test_size_is_a_number_and_can_be_called() -> None:
    t = made(2, 3)
    assert t.size == 6
    assert t.size() == (2, 3)
    assert (t.size(0), t.size(-1), t.size(dim=1)) == (2, 3, 3)
    assert (t.dim(), t.numel(), made().dim(), made().size()) == (2, 6, 0, ())
    with pytest.raises(IndexingError, match="size: shape"):
        t.size(2)


def test_size_is_copied_and_written_as_a_plain_number() -> None:
    size = made(2, 3).size
    assert [copy.deepcopy(size), pickle.loads(pickle.dumps(size))] == [6, 6]
    assert json.dumps([size, size + 1]) == "[6, 7]"
    assert repr(size) == "6"


# Shapes.


@given(tensors(backend="fast"), st.data())
def test_reshape_is_numpys_and_shares_memory_where_numpy_does(t: Tensor, data: DataObject) -> None:
    sides = [n for n in range(1, t.size + 1) if t.size % n == 0]
    side = data.draw(st.sampled_from(sides))
    shape = data.draw(st.permutations([side, t.size // side, 1]))
    array = t.numpy()
    got, expected = t.reshape(*shape), array.reshape(shape)
    np.testing.assert_array_equal(got.to_numpy(), expected)
    shared = np.shares_memory(got.numpy(), array)
    assert shared == np.shares_memory(expected, array)
    assert (got._tensor.last_write is t._tensor.last_write) == shared


@given(tensors(shape=shapes(min_dims=0, max_dims=4), backend="fast"), st.data())
def test_dimensions_come_and_go(t: Tensor, data: DataObject) -> None:
    array, dims = t.numpy(), t.dims
    place = data.draw(st.integers(-dims - 1, dims))
    np.testing.assert_array_equal(t.unsqueeze(place).to_numpy(), np.expand_dims(array, place))
    np.testing.assert_array_equal(t.squeeze().to_numpy(), array.squeeze())
    np.testing.assert_array_equal(t.T.to_numpy(), array.T)
    np.testing.assert_array_equal(t.flatten().to_numpy(), array.flatten())
    for new in (t.unsqueeze(place), t.squeeze(), t.T):
        assert np.shares_memory(new.numpy(), array)
    if dims:
        a, b = data.draw(st.integers(-dims, dims - 1)), data.draw(st.integers(-dims, dims - 1))
        np.testing.assert_array_equal(t.transpose(a, b).to_numpy(), array.swapaxes(a, b))


@on_each_backend
@given(data=st.data())
def test_joining_is_numpys(backend: str, data: DataObject) -> None:
    shape = data.draw(shapes())
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    parts = []
    for _ in range(data.draw(st.integers(1, 3))):
        sizes = list(shape)
        sizes[dim] = data.draw(st.integers(0, 3))
        parts.append(data.draw(tensors(shape=tuple(sizes), backend=backend)))
    got = minitorch.cat(parts, dim)
    np.testing.assert_array_equal(
        got.to_numpy(), np.concatenate([p.to_numpy() for p in parts], dim)
    )
    assert got.backend is minitorch.get_backend(backend)
    same = [data.draw(tensors(shape=shape, backend=backend)) for _ in range(2)]
    np.testing.assert_array_equal(
        minitorch.stack(same, dim).to_numpy(), np.stack([s.to_numpy() for s in same], dim)
    )


# Parts.


@given(tensors(shape=shapes(min_dims=2), backend="fast", requires_grad=True), st.data())
def test_reading_by_integer_arrays_adds_up_the_gradient(t: Tensor, data: DataObject) -> None:
    rows = np.array(data.draw(st.lists(st.integers(-t.shape[0], t.shape[0] - 1), max_size=4)), int)
    columns = np.resize(np.arange(t.shape[1]), rows.shape)
    for key in (rows, (rows, columns), rows.tolist(), (slice(None), columns), (..., columns * 0)):
        expected = t.to_numpy()[key]
        got = t[key]
        np.testing.assert_array_equal(got.to_numpy(), expected)
        weights = np.arange(1.0, got.size + 1).reshape(got.shape)
        t.grad = None
        got.backward(weights)
        counted = np.zeros(t.shape)
        np.add.at(counted, key, weights)
        np.testing.assert_array_equal(t.grad.to_numpy(), counted)


@given(tensors(backend="fast", requires_grad=True))
def test_reading_by_a_mask_gives_a_line_with_gradient(t: Tensor) -> None:
    array = t.to_numpy()
    for mask in (t > 0, array > 0):
        got = t[mask]
        np.testing.assert_array_equal(got.to_numpy(), array[array > 0])
        t.grad = None
        (got * got).sum().backward()
        np.testing.assert_array_equal(t.grad.to_numpy(), np.where(array > 0, 2 * array, 0))


def test_what_happens_to_an_index_afterwards_does_not_matter() -> None:
    t, mask = made(3, requires_grad=True), np.array([True, False, True])
    rows, condition = np.array([1, 2]), made(3) < 100
    outs = [t[rows], t[mask], t.gather(0, rows), minitorch.where(condition, t, 0.0)[:2]]
    rows[:], mask[:] = 0, False
    condition.zero_()
    for out in outs:
        out.sum().backward()
    np.testing.assert_array_equal(t.grad.to_numpy(), [2.0, 3.0, 3.0])


@given(tensors(shape=shapes(min_dims=1), backend="fast"), st.data())
def test_gather_is_numpys_take_along_axis(t: Tensor, data: DataObject) -> None:
    dim = data.draw(st.integers(-t.dims, t.dims - 1))
    shape = list(t.shape)
    shape[dim] = data.draw(st.integers(1, 4))
    index = np.random.default_rng(0).integers(0, t.shape[dim], shape)
    np.testing.assert_array_equal(
        t.gather(dim, index).to_numpy(), np.take_along_axis(t.to_numpy(), index, dim)
    )


# Dtypes, backends, records.


@on_each_backend
def test_to_another_dtype_or_backend_and_back_with_gradients(backend: str) -> None:
    x = minitorch.tensor(numbers(2, 3), backend="simple", requires_grad=True)
    y = x.to(backend)
    assert y.backend is minitorch.get_backend(backend)
    z = y.float().to("float64").to(minitorch.float32).double()
    assert (y.float().dtype, z.dtype) == ("float32", "float64")
    (z * z.detach() * 2.0).to("tuned").sum().backward()
    assert x.grad.backend is minitorch.get_backend("simple")
    np.testing.assert_allclose(x.grad.to_numpy(), 2 * numbers(2, 3), 1e-6)


def test_to_what_it_is_already_gives_the_tensor_itself() -> None:
    x = made(2, 3)
    for same in (x.to("cpu"), x.cpu(), x.to("fast"), x.to(x.backend), x.double(), x.to(x.device)):
        assert same is x


def test_a_copy_on_another_backend_has_a_storage_of_its_own() -> None:
    x = made(2, 3)
    for other in (x.to("simple"), x.float(), x.clone()):
        assert not np.shares_memory(other.numpy(), x.numpy())
        other.zero_()
    np.testing.assert_array_equal(x.to_numpy(), numbers(2, 3))


def test_device_and_grad_fn_print_as_people_know_them() -> None:
    x = made(2, 3)
    assert x.device == "cpu"
    assert (str(x.device), x.device.type) == ("cpu", "cpu")
    assert x.grad_fn is None
    x.requires_grad = True
    assert x.is_leaf()
    assert x.requires_grad
    assert x.grad_fn is None
    made_by = x.exp().grad_fn
    assert (repr(made_by), made_by.name()) == ("<Exp>", "Exp")
    x.requires_grad = False
    assert x.is_constant()
    assert x.exp().grad_fn is None


def test_numbers_out_of_a_tensor() -> None:
    x = minitorch.tensor([[1.0, 2.0]])
    assert x.tolist() == [[1.0, 2.0]]
    assert minitorch.tensor(3.0).tolist() == 3.0
    assert minitorch.allclose(x, x + 1e-9)
    assert not x.allclose(x + 1e-3)
    assert x.allclose(x + 1e-3, atol=1e-2)
    assert not (x / 0 - x / 0).allclose(x / 0 - x / 0)
    assert (x / 0 - x / 0).allclose(x / 0 - x / 0, equal_nan=True)
    assert (x.argmin(), x.argmin(1).tolist()) == (0, [0])
    assert [minitorch.abs(-2), minitorch.pow(2, 3)] == [2, 8]


def test_a_parameter_stands_for_its_tensor() -> None:
    p = minitorch.Parameter(minitorch.tensor([1.0, -4.0]))
    x = minitorch.tensor([2.0, 3.0])
    (x * p + minitorch.abs(p)).sum().backward()
    assert p.grad.tolist() == [3.0, 2.0]


# Making.


def test_randint_gives_labels_or_a_tensor() -> None:
    minitorch.manual_seed(1)
    labels = minitorch.randint(low=3, high=7, size=(200,))
    assert isinstance(labels, np.ndarray)
    assert labels.dtype == np.int64
    assert sorted(set(labels.tolist())) == [3, 4, 5, 6]
    assert set(minitorch.randint(2, (50,)).tolist()) == {0, 1}
    assert set(minitorch.randint(2, size=(50,)).tolist()) == {0, 1}
    image = minitorch.randint(0, 256, (3, 4), dtype=minitorch.float)
    assert (image.shape, image.dtype) == ((3, 4), "float32")
    assert image.unsqueeze(0).shape == (1, 3, 4)


def test_likes_take_shape_dtype_and_backend() -> None:
    like = minitorch.ones(2, 3, dtype="float32", backend="simple")
    for make in ("zeros", "ones", "rand", "randn"):
        got = getattr(minitorch, f"{make}_like")(like)
        assert (got.shape, got.dtype) == ((2, 3), "float32")
        assert got.backend is like.backend


# What does not fit.

REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "cat of sizes": (lambda t: minitorch.cat([t, t.T]), ShapeError, "cat\n  0  .2, 3.\n  1"),
    "cat of dims": (lambda t: minitorch.cat([t, t[0]]), ShapeError, "may differ"),
    "cat of nothing": (lambda t: minitorch.cat([]), ShapeError, "no tensor"),
    "cat of one": (lambda t: minitorch.cat(t), DTypeError, "takes a list of tensors"),
    "cat of arrays": (lambda t: minitorch.cat([t, t.to_numpy()]), DTypeError, "number 1"),
    "cat along": (lambda t: minitorch.cat([t, t], 2), IndexingError, "no dimension 2"),
    "stack of sizes": (lambda t: minitorch.stack([t, t.T]), ShapeError, "must be equal"),
    "stack along": (lambda t: minitorch.stack([t, t], 3), IndexingError, "stack: .*dimension 3"),
    "clamp": (lambda t: t.clamp(), ValueError, "min or max"),
    "clamp by a word": (lambda t: t.clamp("a"), DTypeError, "are numbers"),
    "norm": (lambda t: t.norm(3), ValueError, "norm: p is 3"),
    "norm of nothing": (
        lambda t: t[:0].norm(np.inf), ShapeError, "norm: shape .0, 3. has no elements"),
    "max of nothing": (lambda t: t[:0].max(0), ShapeError, "^max: shape .0, 3. has no elements"),
    "where of shapes": (
        lambda t: minitorch.where(t > 0, t.T, t), ShapeError, "where\n  condition  .2, 3.\n  a "),
    "where by numbers": (lambda t: minitorch.where(t, t, t), IndexingError, "where: a mask"),
    "where of numbers": (
        lambda t: minitorch.where(np.array([True]), 1, 2), DTypeError, "must be a tensor"),
    "gather range": (
        lambda t: t.gather(1, np.array([[3]])), IndexingError, "from 0 to 2; they go from 3"),
    "gather below": (lambda t: t.gather(1, np.array([[-1]])), IndexingError, "go from -1"),
    "gather dims": (lambda t: t.gather(1, np.array([1])), ShapeError, "number of dimensions"),
    "gather size": (lambda t: t.gather(1, np.zeros((3, 1), int)), ShapeError, "no larger"),
    "gather floats": (lambda t: t.gather(1, np.zeros((1, 1))), IndexingError, "integer numpy"),
    "reshape": (lambda t: t.reshape(4), ShapeError, "has 6 elements"),
    "reshape permuted": (lambda t: t.T.reshape(5), ShapeError, "has 6 elements"),
    "reshape -1": (lambda t: t.reshape(-1, 4), ShapeError, "reshape: .*does not divide"),
    "flatten": (lambda t: t.flatten(1, 0), ShapeError, "comes after"),
    "squeeze": (lambda t: t.squeeze(2), IndexingError, "squeeze: "),
    "unsqueeze": (lambda t: t.unsqueeze(-4), IndexingError, "unsqueeze: "),
    "transpose": (lambda t: t.transpose(0, 2), IndexingError, "transpose: "),
    "t": (lambda t: t.unsqueeze(0).t(), ShapeError, "more than two"),
    "mm": (lambda t: t.mm(t[0]), ShapeError, "both must be matrices"),
    "mm sizes": (lambda t: t.mm(t), ShapeError, "must equal"),
    "to int": (lambda t: t.to(np.int64), DTypeError, "float32 and float64"),
    "to half": (lambda t: t.to("float16"), DTypeError, "dtype 'float16'"),
    "to nowhere": (lambda t: t.to("mars"), BackendError, "'mars'"),
    "index out of range": (lambda t: t[np.array([2])], IndexingError, "does not fit shape"),
    "index of floats": (lambda t: t[np.array([0.0])], IndexingError, "of integers or bool"),
    "index by values": (lambda t: t[t], IndexingError, "a mask is a tensor of 0 and 1"),
    "ragged index": (lambda t: t[[[0], [1, 1]]], IndexingError, "index"),
    "allclose": (lambda t: t.allclose(t.T), ShapeError, "allclose\n  tensor  .2, 3.\n  other"),
    "sqrt of a list": (lambda t: minitorch.sqrt([4.0]), DTypeError, "sqrt: takes a tensor"),
    "ones twice": (lambda t: minitorch.ones(2, size=2), ShapeError, "twice"),
    "randint": (lambda t: minitorch.randint(2, 2, (1,)), ValueError, "no integer"),
    "randint of floats": (lambda t: minitorch.randint(0, 2.5, (1,)), DTypeError, "0 and 2.5"),
    "randint without size": (lambda t: minitorch.randint(2), ShapeError, "takes"),
    "arange": (lambda t: minitorch.arange(0, 1, -1), ValueError, "no way"),
    "linspace": (lambda t: minitorch.linspace(0, 1, -1), ShapeError, "negative"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_a_reason(name: str) -> None:
    call, error, reason = REFUSED[name]
    with pytest.raises(error, match=reason):
        call(made(2, 3))
