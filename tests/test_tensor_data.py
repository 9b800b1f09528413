"""Module 2: storages, shapes, strides; broadcasting."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import broadcast_shapes, indices, shapes, tensor_data

from minitorch import (
    IndexingError,
    TensorData,
    broadcast_index,
    count,
    index_to_position,
    shape_broadcast,
    strides_from_shape,
    to_index,
)

task2_1 = pytest.mark.task2_1
task2_2 = pytest.mark.task2_2

Shape = tuple[int, ...]


def array(values: Shape) -> np.ndarray:
    return np.array(values, np.int64)


# Task 2.1: index arithmetic.


@task2_1
def test_the_position_is_the_index_times_the_strides() -> None:
    assert index_to_position(array((2, 1)), array((5, 1))) == 11
    assert index_to_position(array((2, 1)), array((1, 5))) == 7
    assert index_to_position(array((1, 2, 3)), array((100, 0, 7))) == 121
    assert index_to_position(array(()), array(())) == 0


@task2_1
@given(st.data())
def test_the_position_is_where_numpy_finds_the_element(data: st.DataObject) -> None:
    tensor = data.draw(tensor_data())
    tensor._storage[:] = np.arange(tensor.size)
    index = data.draw(indices(tensor))
    position = index_to_position(array(index), array(tensor.strides))
    assert position == tensor.numpy()[index]
    assert position == tensor.index(index)


@task2_1
@given(shapes(min_dims=0))
def test_ordinals_run_through_the_indices_in_reading_order(shape: Shape) -> None:
    out = np.full(len(shape), -1, np.int64)
    for ordinal, expected in enumerate(np.ndindex(shape)):
        to_index(ordinal, array(shape), out)
        assert tuple(out) == expected


@task2_1
def test_an_index_of_a_long_shape() -> None:
    out = array((0, 0, 0))
    to_index(2 * 35 + 3 * 7 + 4, array((3, 5, 7)), out)
    assert tuple(out) == (2, 3, 4)
    to_index(3 * 5 * 7 - 1, array((3, 5, 7)), out)
    assert tuple(out) == (2, 4, 6)


@task2_1
def test_finding_an_index_leaves_the_shape_alone() -> None:
    shape = array((2, 3))
    to_index(4, shape, array((0, 0)))
    assert tuple(shape) == (2, 3)


@task2_1
def test_index_arrays_may_be_longer_than_the_shape() -> None:
    index = array((7, 7, 7, 7))
    to_index(4, array((2, 3)), index)
    assert tuple(index[:2]) == (1, 1)
    assert index_to_position(array((1, 2, 9, 9)), array((3, 1))) == 5


@task2_1
@given(tensor_data())
def test_indices_are_all_there_once(tensor: TensorData) -> None:
    found = list(tensor.indices())
    assert found == list(itertools.product(*[range(size) for size in tensor.shape]))
    assert all(type(i) is int for index in found for i in index)


@task2_1
@given(tensor_data())
def test_get_reads_the_elements_in_reading_order(tensor: TensorData) -> None:
    read = [tensor.get(index) for index in tensor.indices()]
    assert read == tensor.numpy().ravel().tolist()


@task2_1
@given(st.data())
def test_set_writes_one_element(data: st.DataObject) -> None:
    tensor = data.draw(tensor_data())
    index = data.draw(indices(tensor))
    before = tensor.numpy().copy()
    tensor.set(index, 1000.0)
    before[index] = 1000.0
    np.testing.assert_array_equal(tensor.numpy(), before)


@task2_1
def test_a_cycle_of_three_dimensions() -> None:
    tensor = TensorData(list(range(24)), (2, 3, 4))
    permuted = tensor.permute(1, 2, 0)
    assert permuted.shape == (3, 4, 2)
    assert permuted.strides == (4, 1, 12)
    assert permuted.get((2, 3, 1)) == tensor.get((1, 2, 3)) == 23.0


@task2_1
@given(st.data())
def test_permute_is_numpys_transpose_over_one_storage(data: st.DataObject) -> None:
    tensor = data.draw(tensor_data())
    order = data.draw(st.permutations(range(tensor.dims)))
    permuted = tensor.permute(*order)
    assert permuted.shape == tuple(tensor.shape[dim] for dim in order)
    np.testing.assert_array_equal(permuted.numpy(), tensor.numpy().transpose(order))
    assert permuted._storage is tensor._storage


@task2_1
@given(st.data())
def test_permuting_back_gives_the_first_tensor(data: st.DataObject) -> None:
    tensor = data.draw(tensor_data())
    order = data.draw(st.permutations(range(tensor.dims)))
    shape, strides = tensor.shape, tensor.strides
    back = tensor.permute(*order).permute(*np.argsort(order).tolist())
    assert (back.shape, back.strides) == (shape, strides)
    assert (tensor.shape, tensor.strides) == (shape, strides)


@task2_1
def test_permuted_shapes_are_made_of_python_integers() -> None:
    permuted = TensorData(list(range(6)), (2, 3)).permute(1, 0)
    assert [type(n) for n in permuted.shape + permuted.strides] == [int] * 4


# Task 2.2: broadcasting.


@task2_2
@given(broadcast_shapes(count=2, max_dims=4))
def test_shapes_broadcast_as_in_numpy(pair: list[Shape]) -> None:
    left, right = pair
    assert shape_broadcast(left, right) == np.broadcast_shapes(left, right)


@task2_2
@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((1,), (5, 5), (5, 5)),
        ((5, 5), (1,), (5, 5)),
        ((1, 5, 5), (5, 5), (1, 5, 5)),
        ((5, 1, 5, 1), (1, 5, 1, 5), (5, 5, 5, 5)),
        ((2, 5), (5,), (2, 5)),
        ((3,), (2, 1), (2, 3)),
        ((), (2, 3), (2, 3)),
        ((), (), ()),
        ((0,), (1,), (0,)),
        ((2, 1), (0,), (2, 0)),
    ],
)
def test_known_broadcasts(left: Shape, right: Shape, expected: Shape) -> None:
    assert shape_broadcast(left, right) == expected
    assert shape_broadcast(right, left) == expected


@task2_2
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((2,), (3,)),
        ((5, 2), (5,)),
        ((5, 7, 5, 1), (1, 5, 1, 5)),
        ((2, 3), (3, 2)),
        ((4,), (2,)),
        ((2, 2), (2, 4)),
        ((3, 1), (2, 3)),
        ((0,), (2,)),
    ],
)
def test_shapes_that_do_not_broadcast(left: Shape, right: Shape) -> None:
    with pytest.raises(IndexingError):
        shape_broadcast(left, right)
    with pytest.raises(IndexingError):
        shape_broadcast(right, left)


@task2_2
def test_broadcast_shapes_are_made_of_python_integers() -> None:
    sizes = shape_broadcast(tuple(array((2, 1))), tuple(array((3,))))
    assert [type(n) for n in sizes] == [int, int]


@task2_2
@given(st.data())
def test_a_broadcast_index_is_where_numpy_looks(data: st.DataObject) -> None:
    small, other = data.draw(broadcast_shapes(count=2, max_dims=4))
    big = np.broadcast_shapes(small, other)
    ordinals = np.broadcast_to(np.arange(math.prod(small)).reshape(small), big)
    out = np.full(len(small), -1, np.int64)
    for index in np.ndindex(big):
        broadcast_index(array(index), array(big), array(small), out)
        assert np.ravel_multi_index(tuple(out), small) == ordinals[index]


@task2_2
@pytest.mark.parametrize(
    ("index", "big", "small", "expected"),
    [
        ((1, 2), (2, 3), (2, 3), (1, 2)),
        ((1, 2), (2, 3), (3,), (2,)),
        ((1, 2), (2, 3), (1, 3), (0, 2)),
        ((1, 2), (2, 3), (2, 1), (1, 0)),
        ((4, 1, 2), (5, 2, 3), (2, 1), (1, 0)),
        ((4, 1, 2), (5, 2, 3), (1,), (0,)),
        ((1, 2), (2, 3), (), ()),
    ],
)
def test_known_broadcast_indices(index: Shape, big: Shape, small: Shape, expected: Shape) -> None:
    out = np.full(len(small), -1, np.int64)
    given_index, given_shape = array(index), array(small)
    broadcast_index(given_index, array(big), given_shape, out)
    assert tuple(out) == expected
    assert tuple(given_index) == index
    assert tuple(given_shape) == small


@task2_2
def test_broadcasting_takes_index_arrays_longer_than_the_shapes() -> None:
    out = array((-1, -1, -1, -1))
    broadcast_index(array((4, 1, 2, 9)), array((5, 2, 3)), array((1, 3)), out)
    assert tuple(out[:2]) == (0, 2)


# The library: what is given.


def test_strides_are_contiguous_unless_given() -> None:
    tensor = TensorData([0.0] * 15, (3, 5))
    assert tensor.strides == strides_from_shape((3, 5)) == (5, 1)
    assert tensor.is_contiguous()
    assert not TensorData([0.0] * 15, (5, 3), (1, 5)).is_contiguous()
    assert strides_from_shape((4, 2, 2)) == (4, 2, 1)
    assert strides_from_shape(()) == ()


def test_sizes_of_one_do_not_break_contiguity() -> None:
    assert TensorData([0.0] * 3, (1, 3), (99, 1)).is_contiguous()
    assert TensorData([0.0] * 3, (3, 1), (1, 0)).is_contiguous()


@pytest.mark.parametrize("index", [(-1, 0), (0, -1), (3, 0), (0, 5), (1,), (1, 1, 1), 1])
def test_an_index_that_does_not_fit_is_refused(index: Shape) -> None:
    with pytest.raises(IndexingError, match="index"):
        TensorData([0.0] * 15, (3, 5)).index(index)


@pytest.mark.parametrize(
    ("storage", "shape", "strides"),
    [
        (15, (3, 5), (5,)),
        (15, (3, 5), (5, -1)),
        (15, (3, 5), (6, 1)),
        (14, (3, 5), None),
        (16, (3, 5), None),
        (15, (-3, -5), None),
    ],
)
def test_a_layout_that_does_not_fit_is_refused(
    storage: int, shape: Shape, strides: Shape | None
) -> None:
    with pytest.raises(IndexingError):
        TensorData([0.0] * storage, shape, strides)


def test_an_array_is_shared_and_a_list_is_copied() -> None:
    storage = np.zeros(6)
    TensorData(storage, (2, 3)).set((1, 2), 5.0)
    assert storage[5] == 5.0
    values = [0.0] * 6
    TensorData(values, (2, 3)).set((1, 2), 5.0)
    assert values[5] == 0.0


def test_a_tensor_without_dimensions_has_one_element() -> None:
    tensor = TensorData([7.0], ())
    assert (tensor.size, tensor.dims, tensor.strides) == (1, 0, ())
    assert tensor.get(()) == 7.0
    assert list(tensor.indices()) == [()]


def test_shape_and_strides_are_python_integers() -> None:
    tensor = TensorData(np.zeros(6), array((2, 3)), array((3, 1)))
    assert tensor.shape == (2, 3)
    assert [type(n) for n in (*tensor.shape, *tensor.strides, tensor.size)] == [int] * 5
    storage, shape, strides = tensor.tuple()
    assert storage is tensor._storage
    assert shape.tolist() == [2, 3]
    assert strides.tolist() == [3, 1]


@given(tensor_data())
def test_an_array_of_any_layout_becomes_a_tensor_that_shares_it(tensor: TensorData) -> None:
    values = tensor.numpy()
    shared = TensorData.from_array(values)
    np.testing.assert_array_equal(shared.numpy(), values)
    assert np.shares_memory(shared._storage, tensor._storage)
    assert shared.shape == tensor.shape


def test_an_array_with_negative_strides_is_copied() -> None:
    values = np.arange(4.0)
    tensor = TensorData.from_array(values[::-1])
    assert tensor.numpy().tolist() == [3.0, 2.0, 1.0, 0.0]
    assert not np.shares_memory(tensor._storage, values)


def test_printing_shows_nested_brackets() -> None:
    assert TensorData([1.0, 2.0, 3.0, 4.0], (2, 2)).to_string() == "[[1., 2.],\n [3., 4.]]"


def test_count_is_to_index() -> None:
    out = array((0, 0))
    count(4, array((2, 3)), out)
    assert tuple(out) == (1, 1)


def test_more_dimensions_than_allowed_are_refused() -> None:
    TensorData([1.0], (1,) * 32)
    with pytest.raises(IndexingError, match="33 dimensions"):
        TensorData([1.0], (1,) * 33)
