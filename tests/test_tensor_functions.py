"""Module 2: the values of the functions of tensors, and their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import broadcast_tensors, medium_floats, positive_floats, shapes, tensors

import minitorch
from minitorch import Context, MathTestVariable, Tensor, operators
from minitorch.tensor_functions import IsClose, Permute, Sum

task2_3 = pytest.mark.task2_3

ONE, TWO, _ = MathTestVariable._comp_testing()


def ids(triples: list[Any]) -> dict[str, Any]:
    return {"argvalues": triples, "ids": [triple[0] for triple in triples]}


def simple(values: Any) -> Tensor:
    return minitorch.tensor(values, backend="simple")


# Task 2.3: values, on the simple backend.


@task2_3
@given(broadcast_tensors())
def test_arithmetic_broadcasts_as_numpy(pair: list[Tensor]) -> None:
    a, b = pair
    x, y = a.numpy(), b.numpy()
    np.testing.assert_array_equal((a * b).numpy(), x * y)
    np.testing.assert_array_equal((a + b).numpy(), x + y)
    np.testing.assert_array_equal((a - b).numpy(), x - y)
    assert (a * b).shape == np.broadcast_shapes(a.shape, b.shape)


@task2_3
@given(tensors(), medium_floats)
def test_arithmetic_with_numbers_on_either_side(a: Tensor, number: float) -> None:
    x = a.numpy()
    for got, expected in [
        (a * number, x * number), (number * a, number * x), (a + number, x + number),
        (number + a, number + x), (a - number, x - number), (number - a, number - x),
    ]:  # fmt: skip
        np.testing.assert_array_equal(got.numpy(), expected)


@task2_3
@given(tensors())
def test_relu_and_sigmoid(a: Tensor) -> None:
    np.testing.assert_array_equal(a.relu().numpy(), np.maximum(a.numpy(), 0.0))
    sigmoid = (1.0 + np.tanh(a.numpy() / 2.0)) / 2.0
    np.testing.assert_allclose(a.sigmoid().numpy(), sigmoid, rtol=1e-9, atol=1e-15)


@task2_3
@given(tensors(), tensors(positive_floats))
def test_exp_and_log(a: Tensor, positive: Tensor) -> None:
    np.testing.assert_allclose(a.exp().numpy(), np.exp(a.numpy()), rtol=1e-9)
    np.testing.assert_allclose(positive.log().numpy(), np.log(positive.numpy()), rtol=1e-9)


@task2_3
def test_log_is_exact() -> None:
    logs = simple([0.0, 1e-6, 1.0, -1.0]).log().numpy()
    np.testing.assert_allclose(logs, [-np.inf, np.log(1e-6), 0.0, np.nan], rtol=1e-12)


@task2_3
@given(broadcast_tensors(elements=st.integers(-2, 2).map(float)))
def test_comparisons_give_ones_and_zeros(pair: list[Tensor]) -> None:
    a, b = pair
    x, y = a.numpy(), b.numpy()
    np.testing.assert_array_equal((a < b).numpy(), x < y)
    np.testing.assert_array_equal((a > b).numpy(), x > y)
    np.testing.assert_array_equal((a == b).numpy(), x == y)
    np.testing.assert_array_equal((a < 1.0).numpy(), x < 1.0)


@task2_3
def test_equality_is_exact() -> None:
    near = simple([1.0, 1.001, 0.999])
    assert (near == 1.0).numpy().tolist() == [1.0, 0.0, 0.0]
    assert (near < 1.0).numpy().tolist() == [0.0, 0.0, 1.0]


@task2_3
def test_is_close_within_a_hundredth() -> None:
    a = simple([[1.0, 1.009, 0.991, 1.02, -1.0]])
    np.testing.assert_array_equal(a.is_close(simple([1.0])).numpy(), [[1, 1, 1, 0, 0]])
    np.testing.assert_array_equal(IsClose.apply(simple([1.0]), a).numpy(), [[1, 1, 1, 0, 0]])


@task2_3
@given(st.data())
def test_sum_over_each_dimension_keeps_it(data: st.DataObject) -> None:
    a = data.draw(tensors())
    for dim in range(a.dims):
        expected = a.numpy().sum(dim, keepdims=True)
        np.testing.assert_allclose(a.sum(dim).numpy(), expected, atol=1e-9)
        np.testing.assert_allclose(Sum.apply(a, dim).numpy(), expected, atol=1e-9)
    np.testing.assert_allclose(a.sum().numpy(), [a.numpy().sum()], atol=1e-9)


@task2_3
@given(tensors(st.sampled_from([0.0, 1.0, -2.0, 0.5])))
def test_all_is_over_each_dimension(a: Tensor) -> None:
    for dim in range(a.dims):
        np.testing.assert_array_equal(a.all(dim).numpy(), a.numpy().all(dim, keepdims=True))
    np.testing.assert_array_equal(a.all().numpy(), [a.numpy().all()])


@task2_3
def test_all_takes_anything_but_zero_for_true() -> None:
    rows = [[np.nan, 2.0, -1.0], [np.nan, 0.0, 1.0], [-1.0, 1.0, 2.0], [np.inf, 1e-300, 1e-300]]
    np.testing.assert_array_equal(simple(rows).all(1).numpy(), [[1], [0], [1], [1]])


@task2_3
@given(st.data())
def test_permute_is_numpys_transpose(data: st.DataObject) -> None:
    a = data.draw(tensors())
    order = data.draw(st.permutations(range(a.dims)))
    np.testing.assert_array_equal(a.permute(*order).numpy(), a.numpy().transpose(order))


@task2_3
@pytest.mark.parametrize(("name", "plain", "function"), **ids(ONE))
@given(a=tensors(medium_floats, shapes(max_dims=3)))
def test_compositions_of_one_tensor(
    name: str, plain: Callable[..., Any], function: Callable[..., Any], a: Tensor
) -> None:
    expected = np.vectorize(plain, otypes=[float])(a.numpy())
    np.testing.assert_allclose(function(a).numpy(), expected, rtol=1e-6, atol=1e-6)


@task2_3
@pytest.mark.parametrize(("name", "plain", "function"), **ids(TWO))
@given(pair=broadcast_tensors(medium_floats, max_dims=2))
def test_compositions_of_two_tensors(
    name: str, plain: Callable[..., Any], function: Callable[..., Any], pair: list[Tensor]
) -> None:
    a, b = pair
    expected = np.vectorize(plain, otypes=[float])(a.numpy(), b.numpy())
    np.testing.assert_allclose(function(a, b).numpy(), expected, rtol=1e-6, atol=1e-6)


# The library: what is given.


@given(broadcast_tensors(positive_floats))
def test_division_and_tanh_agree_with_numpy(pair: list[Tensor]) -> None:
    a, b = pair
    np.testing.assert_allclose((a / b).numpy(), a.numpy() / b.numpy(), rtol=1e-12)
    np.testing.assert_allclose((2.0 / b).numpy(), 2.0 / b.numpy(), rtol=1e-12)
    np.testing.assert_allclose(a.tanh().numpy(), np.tanh(a.numpy()), rtol=1e-12)
    np.testing.assert_array_equal((a != b).numpy(), a.numpy() != b.numpy())


def test_forward_and_backward_can_be_called_by_hand() -> None:
    ctx = Context()
    out = Permute.forward(ctx, simple([[[1.0, 2.0]]]), (2, 0, 1))
    assert out.shape == (2, 1, 1)
    assert Permute.backward(ctx, out).shape == (1, 1, 2)


def test_an_error_names_the_operation_and_the_shapes() -> None:
    with pytest.raises(minitorch.ShapeError) as caught:
        simple(np.zeros((4, 2, 3))) * simple(np.zeros((2, 2)))
    lines = str(caught.value).splitlines()
    assert lines[:3] == ["mul", "  left   (4, 2, 3)", "  right     (2, 2)"]
    assert "dimension -1" in lines[3]


def test_operations_refuse_what_is_no_number() -> None:
    for other in (None, "1", [1.0], object()):
        with pytest.raises(minitorch.DTypeError, match="cannot be combined"):
            simple([1.0]) + other


@given(tensors())
def test_functions_of_the_package_are_the_methods(a: Tensor) -> None:
    x = a.numpy()
    np.testing.assert_array_equal(minitorch.relu(a).numpy(), np.maximum(x, 0.0))
    np.testing.assert_array_equal(minitorch.neg(a).numpy(), -x)
    np.testing.assert_array_equal(minitorch.mul(a, 2.0).numpy(), 2.0 * x)
    np.testing.assert_array_equal(minitorch.lt(a, 0.0).numpy(), x < 0.0)
    np.testing.assert_array_equal(minitorch.eq(a, a).numpy(), np.ones_like(x))
    np.testing.assert_array_equal(minitorch.is_close(0.0, a).numpy(), abs(x) < 1e-2)
    np.testing.assert_allclose(minitorch.sum(a, 0).numpy(), x.sum(0, keepdims=True), atol=1e-9)
    assert minitorch.sigmoid(0.0) == operators.sigmoid(0.0)
