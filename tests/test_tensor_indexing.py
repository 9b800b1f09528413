"""Indexing tensors: numbers, views that share storage, writing in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices
from strategies import tensors

import minitorch
from minitorch import GradientError, IndexingError, ShapeError, Tensor


def simple(values: Any, **options: Any) -> Tensor:
    return minitorch.tensor(values, backend="simple", **options)


def counted(*shape: int, **options: Any) -> Tensor:
    return simple(np.arange(float(np.prod(shape))).reshape(shape), **options)


@given(st.data())
def test_basic_indexing_is_numpys(data: st.DataObject) -> None:
    a = data.draw(tensors())
    key = data.draw(basic_indices(a.shape, allow_newaxis=True, allow_ellipsis=True))
    part, expected = a[key], a.numpy()[key]
    assert np.shape(part) == expected.shape
    np.testing.assert_array_equal(np.asarray(part), expected)


def test_a_full_index_gives_a_float() -> None:
    a = counted(2, 3)
    for key in [(1, 2), (-1, -1), (np.int64(1), -1)]:
        assert a[key] == 5.0
        assert type(a[key]) is float
    assert type(counted(3)[1]) is float
    assert type(simple(2.0)[()]) is float


def test_a_partial_index_or_a_slice_is_a_view() -> None:
    a = counted(2, 3, 4)
    for key in (0, -1, (0, 1), slice(0, 1), (slice(None), 2), (..., slice(1, 3)), None):
        part = a[key]
        assert isinstance(part, Tensor)
        assert np.shares_memory(part.numpy(), a.numpy())
    a[1][2][0:2][0:1] = -5.0
    assert a[1, 2, 0] == -5.0


def test_a_slice_stands_at_the_start_of_its_storage() -> None:
    a = counted(3, 4)
    part = a[1:, 2]
    storage, shape, strides = part.tuple()
    assert storage[0] == 6.0
    assert shape.tolist() == [2]
    assert strides.tolist() == [4]
    assert (part + 0.0).numpy().tolist() == [6.0, 10.0]
    assert part.sum().item() == 16.0
    assert a[2:][0:1].permute(1, 0).contiguous().view(4).numpy().tolist() == [8, 9, 10, 11]


def test_a_negative_step_copies() -> None:
    a = counted(4)
    back = a[::-1]
    assert back.numpy().tolist() == [3.0, 2.0, 1.0, 0.0]
    assert not np.shares_memory(back.numpy(), a.numpy())


@pytest.mark.parametrize(
    "key", [2, -3, (0, 3), (-3, 0), (0, 0, 0), (slice(None), 5), (..., ..., 0)]
)
def test_an_index_that_does_not_fit_is_refused(key: Any) -> None:
    with pytest.raises(IndexingError) as caught:
        counted(2, 3)[key]
    assert "(2, 3)" in str(caught.value)
    assert isinstance(caught.value, IndexError)


def test_a_refused_index_is_named_as_it_was_given() -> None:
    with pytest.raises(IndexingError, match=r"index \(-5, 0\)|index \[-5, 0\]"):
        counted(2, 3)[-5, 0]


@pytest.mark.parametrize("key", [True, 1.0, "0", (0, "1"), (0, 1.0)])
def test_an_index_of_another_kind_is_refused(key: Any) -> None:
    with pytest.raises(IndexingError, match="can index a tensor"):
        counted(2, 3)[key]


# Writing in place.


def test_writing_takes_numbers_arrays_and_tensors_and_broadcasts() -> None:
    a = counted(2, 3)
    a[0, 1] = 10
    a[1] = [7.0, 8.0, 9.0]
    a[:, 2:] = simple([[-1.0], [-2.0]])
    assert a.numpy().tolist() == [[0.0, 10.0, -1.0], [7.0, 8.0, -2.0]]
    a[...] = 3.0
    assert a.numpy().tolist() == [[3.0] * 3] * 2


def test_writing_what_does_not_fit_is_refused() -> None:
    a = counted(2, 3)
    with pytest.raises(ShapeError, match="writing at index"):
        a[0] = [1.0, 2.0]
    with pytest.raises(IndexingError, match="does not fit shape"):
        a[5] = 1.0


def test_writing_into_a_recorded_tensor_needs_no_grad() -> None:
    a = counted(3, requires_grad=True)
    with pytest.raises(GradientError, match="may not be written in place"):
        a[0] = 1.0
    with minitorch.no_grad():
        a[0] = 100.0
    assert a[0] == 100.0


@pytest.mark.parametrize("way", ["itself", "view", "detached", "permuted", "no_grad"])
def test_writing_what_a_graph_still_needs_is_found_out(way: str) -> None:
    weight, x = counted(2, 3, requires_grad=True), counted(2, 3)
    loss = (weight * x).sum()
    if way == "itself":
        x[0, 0] = 5.0
    elif way == "view":
        x[1][0:2] = 5.0
    elif way == "detached":
        x.detach()[0, 0] = 5.0
    elif way == "permuted":
        x.permute(1, 0)[0, 0] = 5.0
    else:
        with minitorch.no_grad():
            weight[0, 0] = 5.0
    with pytest.raises(GradientError, match="changed in place"):
        loss.backward()
    assert weight.grad is None


def test_writing_what_no_gradient_needs_is_allowed() -> None:
    weight, x = counted(3, requires_grad=True), counted(3)
    loss = (weight + x).sum()
    x[0] = 5.0
    loss.backward()
    assert weight.grad.numpy().tolist() == [1.0] * 3


def test_writing_after_the_backward_is_allowed() -> None:
    weight, x = counted(3, requires_grad=True), counted(3)
    (weight * x).sum().backward()
    x[0] = 5.0
    (weight * x).sum().backward()
    assert weight.grad.numpy().tolist() == [5.0, 2.0, 4.0]
