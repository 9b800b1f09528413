"""Module 2: map, zip and reduce over storages with shapes and strides, in plain Python."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import broadcast_shapes, indices, shapes, tensor_data, tensors

import minitorch
from minitorch import SimpleBackend, SimpleOps, Tensor, TensorData
from minitorch.tensor_ops import tensor_map, tensor_reduce, tensor_zip

task2_3 = pytest.mark.task2_3

Shape = tuple[int, ...]


def three_times_plus_one(x: float) -> float:
    return 3.0 * x + 1.0


def lopsided(x: float, y: float) -> float:
    return x - 2.0 * y


def as_digits(result: float, element: float) -> float:
    return 10.0 * result + element


# Task 2.3: the three functions of functions.


@task2_3
@given(st.data())
def test_map_goes_from_any_layout_to_any_layout(data: st.DataObject) -> None:
    source = data.draw(tensor_data())
    out = data.draw(tensor_data(shape=source.shape))
    expected = 3.0 * source.numpy() + 1.0
    assert tensor_map(three_times_plus_one)(*out.tuple(), *source.tuple()) is None
    np.testing.assert_array_equal(out.numpy(), expected)


@task2_3
@given(st.data())
def test_map_broadcasts_its_input(data: st.DataObject) -> None:
    small, other = data.draw(broadcast_shapes())
    source = data.draw(tensor_data(shape=small))
    out = data.draw(tensor_data(shape=np.broadcast_shapes(small, other)))
    tensor_map(three_times_plus_one)(*out.tuple(), *source.tuple())
    expected = np.broadcast_to(3.0 * source.numpy() + 1.0, out.shape)
    np.testing.assert_array_equal(out.numpy(), expected)


@task2_3
@given(st.data())
def test_map_writes_only_where_the_output_lies(data: st.DataObject) -> None:
    storage = np.full(12, -1.0)
    out = TensorData(storage, (2, 3), (6, 2))
    source = data.draw(tensor_data(shape=(2, 3)))
    tensor_map(three_times_plus_one)(*out.tuple(), *source.tuple())
    np.testing.assert_array_equal(storage[0::2].reshape(2, 3), 3.0 * source.numpy() + 1.0)
    np.testing.assert_array_equal(storage[1::2], -1.0)


@task2_3
@given(st.data())
def test_zip_pairs_elements_of_any_layouts(data: st.DataObject) -> None:
    shape = data.draw(shapes())
    left, right, out = (data.draw(tensor_data(shape=shape)) for _ in range(3))
    expected = left.numpy() - 2.0 * right.numpy()
    tensor_zip(lopsided)(*out.tuple(), *left.tuple(), *right.tuple())
    np.testing.assert_array_equal(out.numpy(), expected)


@task2_3
@given(st.data())
def test_zip_broadcasts_both_inputs(data: st.DataObject) -> None:
    drawn = data.draw(broadcast_shapes())
    left, right = (data.draw(tensor_data(shape=shape)) for shape in drawn)
    out = data.draw(tensor_data(shape=np.broadcast_shapes(*drawn)))
    tensor_zip(lopsided)(*out.tuple(), *left.tuple(), *right.tuple())
    np.testing.assert_array_equal(out.numpy(), left.numpy() - 2.0 * right.numpy())


@task2_3
@given(st.data())
def test_reduce_folds_in_order_from_what_the_output_holds(data: st.DataObject) -> None:
    source = data.draw(tensor_data(st.integers(0, 9).map(float)))
    dim = data.draw(st.integers(0, source.dims - 1))
    shape = (*source.shape[:dim], 1, *source.shape[dim + 1 :])
    out = data.draw(tensor_data(shape=shape))
    out._storage[:] = 7.0
    tensor_reduce(as_digits)(*out.tuple(), *source.tuple(), dim)
    lines = np.moveaxis(source.numpy(), dim, 0)
    expected = functools.reduce(as_digits, lines, np.full(lines.shape[1:], 7.0))
    np.testing.assert_array_equal(out.numpy(), np.expand_dims(expected, dim))


@task2_3
def test_reduce_of_a_middle_dimension() -> None:
    source = TensorData(list(range(24)), (2, 3, 4))
    out = TensorData([0.0] * 8, (2, 1, 4))
    tensor_reduce(lambda result, element: result + element)(*out.tuple(), *source.tuple(), 1)
    np.testing.assert_array_equal(out.numpy(), source.numpy().sum(1, keepdims=True))


@task2_3
def test_reduce_folds_each_line_once_whatever_the_storages_length() -> None:
    source = TensorData(np.arange(24.0), (2, 3), (12, 4))
    out = TensorData(np.zeros(8), (2, 1), (4, 4))
    tensor_reduce(lambda result, element: result + element)(*out.tuple(), *source.tuple(), 1)
    assert out._storage.tolist() == [12.0, 0.0, 0.0, 0.0, 48.0, 0.0, 0.0, 0.0]


@task2_3
@given(st.data())
def test_inputs_are_left_as_they_were(data: st.DataObject) -> None:
    left, right = data.draw(tensor_data(shape=(2, 3))), data.draw(tensor_data(shape=(3,)))
    out, row = TensorData([0.0] * 6, (2, 3)), TensorData([0.0] * 3, (1, 3))
    before = left._storage.copy(), right._storage.copy(), left._shape.copy(), right._shape.copy()
    tensor_map(three_times_plus_one)(*out.tuple(), *right.tuple())
    tensor_zip(lopsided)(*out.tuple(), *left.tuple(), *right.tuple())
    tensor_reduce(as_digits)(*row.tuple(), *left.tuple(), 0)
    after = left._storage, right._storage, left._shape, right._shape
    for kept, now in zip(before, after, strict=True):
        np.testing.assert_array_equal(kept, now)


# Task 2.3: the same through a backend.


@task2_3
@given(tensors())
def test_a_backends_maps_agree_with_numpy(tensor: Tensor) -> None:
    values = tensor.numpy()
    np.testing.assert_array_equal(SimpleBackend.neg_map(tensor).numpy(), -values)
    np.testing.assert_array_equal(SimpleBackend.id_map(tensor).numpy(), values)
    np.testing.assert_array_equal(SimpleBackend.relu_map(tensor).numpy(), np.maximum(values, 0))


@task2_3
@given(st.data())
def test_a_backends_zips_broadcast_as_numpy(data: st.DataObject) -> None:
    left, right = (data.draw(tensors(shape=shape)) for shape in data.draw(broadcast_shapes()))
    x, y = left.numpy(), right.numpy()
    np.testing.assert_array_equal(SimpleBackend.add_zip(left, right).numpy(), x + y)
    np.testing.assert_array_equal(SimpleBackend.lt_zip(left, right).numpy(), x < y)


@task2_3
@given(st.data())
def test_a_backends_reductions_agree_with_numpy(data: st.DataObject) -> None:
    tensor = data.draw(tensors())
    dim = data.draw(st.integers(0, tensor.dims - 1))
    total = SimpleBackend.add_reduce(tensor, dim).numpy()
    product = SimpleBackend.mul_reduce(tensor, dim).numpy()
    np.testing.assert_allclose(total, tensor.numpy().sum(dim, keepdims=True), atol=1e-9)
    np.testing.assert_allclose(product, tensor.numpy().prod(dim, keepdims=True), rtol=1e-9)


@task2_3
def test_float32_stays_float32() -> None:
    tensor = minitorch.tensor([[1.0, 2.0]], backend="simple", dtype="float32")
    assert SimpleBackend.neg_map(tensor).dtype == np.float32
    assert SimpleBackend.add_zip(tensor, tensor).dtype == np.float32
    assert SimpleBackend.add_reduce(tensor, 1).dtype == np.float32


# The library: what is given.


@given(st.data())
def test_cmap_fills_an_output_by_broadcasting(data: st.DataObject) -> None:
    small, other = data.draw(broadcast_shapes())
    tensor = data.draw(tensors(shape=small))
    out = data.draw(tensors(shape=np.broadcast_shapes(small, other)))
    assert SimpleBackend.id_cmap(tensor, out) is out
    np.testing.assert_array_equal(out.numpy(), np.broadcast_to(tensor.numpy(), out.shape))


@given(st.data())
def test_matrix_products_agree_with_numpy(data: st.DataObject) -> None:
    batches = data.draw(broadcast_shapes(max_dims=2))
    n, k, m = (data.draw(st.integers(1, 3)) for _ in range(3))
    left = data.draw(tensors(shape=(*batches[0], n, k)))
    right = data.draw(tensors(shape=(*batches[1], k, m)))
    product = SimpleBackend.matrix_multiply(left, right).numpy()
    np.testing.assert_allclose(product, left.numpy() @ right.numpy(), atol=1e-8)


@pytest.mark.parametrize("operation", ["neg_map", "add_zip", "add_reduce"])
def test_zero_sizes_work_as_in_numpy(operation: str) -> None:
    empty = minitorch.zeros((2, 0, 3), backend="simple")
    if operation == "neg_map":
        assert SimpleBackend.neg_map(empty).shape == (2, 0, 3)
    elif operation == "add_zip":
        assert SimpleBackend.add_zip(empty, minitorch.ones((1,), backend="simple")).size == 0
    else:
        np.testing.assert_array_equal(
            SimpleBackend.add_reduce(empty, 1).numpy(), np.zeros((2, 1, 3))
        )
        assert SimpleBackend.add_reduce(empty, 0).shape == (1, 0, 3)


def test_division_by_zero_and_overflow_give_no_warning() -> None:
    values = minitorch.tensor([1.0, -1.0, 0.0, 1e308], backend="simple")
    with np.errstate(all="raise"):
        np.testing.assert_array_equal((values / 0.0).numpy(), [np.inf, -np.inf, np.nan, np.inf])
        np.testing.assert_array_equal((values * 10.0).numpy(), [10.0, -10.0, 0.0, np.inf])
        np.testing.assert_array_equal((values + values).exp().numpy()[3], np.inf)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda a, b: SimpleBackend.add_zip(a, b),
        lambda a, b: SimpleBackend.id_cmap(a, b),
        lambda a, b: SimpleBackend.matrix_multiply(a, b),
        lambda a, b: SimpleBackend.add_reduce(a, 2),
        lambda a, b: SimpleBackend.add_reduce(a, -3),
    ],
)
def test_shapes_that_do_not_fit_reach_no_kernel(
    attempt: Callable[[Tensor, Tensor], Tensor],
) -> None:
    left, right = (minitorch.zeros(shape, backend="simple") for shape in ((2, 3), (2, 4)))
    with pytest.raises(minitorch.IndexingError):
        attempt(left, right)


def test_operations_of_ones_own() -> None:
    values = minitorch.tensor([[1.0, 2.0], [3.0, 4.0]], backend="simple")
    assert SimpleOps.map(three_times_plus_one)(values).numpy().tolist() == [[4, 7], [10, 13]]
    assert SimpleOps.zip(lopsided)(values, values).numpy().tolist() == [[-1, -2], [-3, -4]]
    assert SimpleOps.reduce(as_digits, 5.0)(values, 1).numpy().tolist() == [[512.0], [534.0]]
    assert SimpleOps.cuda is False


@given(st.data())
def test_an_element_is_read_where_the_index_says(data: st.DataObject) -> None:
    tensor = data.draw(tensors())
    index = data.draw(indices(tensor._tensor))
    assert tensor[index] == tensor.numpy()[index]
