"""Module 2: gradients of the functions of tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import apart_from, broadcast_tensors, positive_floats, shapes, tensors

import minitorch
from minitorch import Context, Function, MathTestVariable, Tensor, grad_check

task2_4 = pytest.mark.task2_4
fewer = settings(max_examples=12)

ONE, TWO, REDUCTIONS = MathTestVariable._tests()
smooth = apart_from(0.0)
small_shapes = shapes(max_dims=3)


def ids(pairs: list[Any]) -> dict[str, Any]:
    return {"argvalues": pairs, "ids": [name for name, _ in pairs]}


def leaf(values: Any) -> Tensor:
    return minitorch.tensor(values, backend="simple", requires_grad=True)


def untied(a: Tensor, b: Tensor, offset: float = 0.0) -> bool:
    """Return whether no pair of elements comes near equality: comparisons jump there."""
    return bool(np.all(np.abs(a.numpy() - b.numpy() - offset) > 0.01))


# Task 2.4, on the simple backend.


@task2_4
@fewer
@given(tensors(smooth, small_shapes), tensors(positive_floats, small_shapes))
def test_gradients_of_functions_of_one_tensor(a: Tensor, positive: Tensor) -> None:
    grad_check(lambda x: x.relu(), a)
    grad_check(lambda x: x.sigmoid(), a)
    grad_check(lambda x: x.exp(), a)
    grad_check(lambda x: x.log(), positive)


@task2_4
@fewer
@given(broadcast_tensors(smooth))
def test_gradients_of_products_and_comparisons_with_broadcasting(pair: list[Tensor]) -> None:
    a, b = pair
    assume(untied(a, b))
    grad_check(lambda x, y: x * y, a, b)
    grad_check(lambda x, y: x * y * y + x, a, b)
    grad_check(lambda x, y: (x < y) * x + (x > y) + (x == y) * y, a, b)


@task2_4
@fewer
@given(tensors(smooth, small_shapes))
def test_gradients_of_sums(a: Tensor) -> None:
    for dim in range(a.dims):
        grad_check(lambda x, dim=dim: x.sum(dim) * x, a)
    grad_check(lambda x: x.sum() * x, a)


@task2_4
@fewer
@given(st.data())
def test_gradients_of_permutations(data: st.DataObject) -> None:
    a = data.draw(tensors(smooth, small_shapes))
    order = data.draw(st.permutations(range(a.dims)))
    grad_check(lambda x: x.permute(*order) * x.permute(*order), a)


@task2_4
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_gradient_is_permuted_back(order: tuple[int, ...]) -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    weights = np.random.default_rng(0).uniform(size=values.transpose(order).shape)
    a = leaf(values)
    a.permute(*order).backward(weights)
    np.testing.assert_array_equal(a.grad.numpy(), weights.transpose(np.argsort(order)))


@task2_4
def test_a_factors_gradient_is_the_other_factor() -> None:
    a, b = leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), leaf([10.0, 20.0, 30.0])
    (a * b).sum().backward()
    assert a.grad.numpy().tolist() == [[10.0, 20.0, 30.0]] * 2
    assert b.grad.numpy().tolist() == [5.0, 7.0, 9.0]


@task2_4
def test_a_constant_factor_gets_no_gradient() -> None:
    a, constant = leaf([2.0, 3.0]), minitorch.tensor([5.0, 7.0], backend="simple")
    (a * constant + constant * a).sum().backward()
    assert a.grad.numpy().tolist() == [10.0, 14.0]
    assert constant.grad is None


@task2_4
def test_a_sums_gradient_reaches_every_element() -> None:
    a = leaf(np.arange(6.0).reshape(2, 3))
    a.sum(1).backward([[2.0], [5.0]] * np.ones((2, 1)))
    assert a.grad.numpy().tolist() == [[2.0] * 3, [5.0] * 3]


@task2_4
def test_gradients_are_multiplied_by_the_one_from_above() -> None:
    x, above = np.array([-2.0, 0.5, 3.0]), np.array([10.0, -100.0, 1000.0])
    s = 1.0 / (1.0 + np.exp(-x))
    for function, expected in [
        (lambda a: a.relu(), above * (x > 0)),
        (lambda a: a.sigmoid(), above * s * (1.0 - s)),
        (lambda a: a.exp(), above * np.exp(x)),
        (lambda a: (a * a).log(), above * 2.0 / x),
    ]:
        a = leaf(x)
        function(a).backward(above)
        np.testing.assert_allclose(a.grad.numpy(), expected, rtol=1e-9)


@task2_4
def test_comparisons_have_gradients_of_zero() -> None:
    for compare in (lambda a, b: a < b, lambda a, b: a > b, lambda a, b: a == b):
        a, b = leaf([[1.0, 2.0], [3.0, 4.0]]), leaf([1.0, 3.0])
        compare(a, b).backward(np.full((2, 2), 9.0))
        assert a.grad.numpy().tolist() == [[0.0, 0.0], [0.0, 0.0]]
        assert b.grad.numpy().tolist() == [0.0, 0.0]


@task2_4
def test_a_logs_gradient_is_exact_near_zero() -> None:
    a = leaf([1e-6, 1e-3])
    a.log().sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), [1e6, 1e3], rtol=1e-12)


@task2_4
def test_a_sigmoids_gradient_vanishes_far_out() -> None:
    a = leaf([-1000.0, 1000.0])
    a.sigmoid().sum().backward()
    assert a.grad.numpy().tolist() == [0.0, 0.0]


@task2_4
@pytest.mark.parametrize(("name", "function"), **ids(ONE))
@fewer
@given(a=tensors(apart_from(-0.7), shapes(max_dims=2)))  # where `complex` has a corner
def test_gradients_of_compositions_of_one_tensor(
    name: str, function: Callable[..., Tensor], a: Tensor
) -> None:
    grad_check(function, a)


@task2_4
@pytest.mark.parametrize(("name", "function"), **ids(TWO))
@fewer
@given(pair=broadcast_tensors(smooth, max_dims=2))
def test_gradients_of_compositions_of_two_tensors(
    name: str, function: Callable[..., Tensor], pair: list[Tensor]
) -> None:
    a, b = pair
    assume(untied(a, b, -1.2))
    assume(untied(a, b, 5.5))
    grad_check(function, a, b)


@task2_4
@pytest.mark.parametrize(("name", "function"), **ids(REDUCTIONS))
@fewer
@given(a=tensors(smooth, small_shapes))
def test_gradients_of_reductions(name: str, function: Callable[..., Tensor], a: Tensor) -> None:
    grad_check(lambda x: function(x * x), a)


# Task 2.4: the check itself.


class Product(Function):
    """a * b; its gradient by b is off by a factor."""

    factor = 1.0

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return minitorch.from_numpy(a.numpy() * b.numpy(), "simple")

    @classmethod
    def backward(cls, ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor]:
        a, b = ctx.saved_values
        return grad * b, grad * a * cls.factor


@task2_4
def test_grad_check_finds_a_wrong_gradient() -> None:
    class Wrong(Product):
        factor = 1.01

    a, b = leaf([[1.0, 2.0], [3.0, 4.0]]), leaf([[5.0, 6.0]])
    grad_check(Product.apply, a, b)
    with pytest.raises(AssertionError, match=r"by argument 1 \(shape \(1, 2\)\) at index \(0, 0\)"):
        grad_check(Wrong.apply, a, b)


@task2_4
def test_grad_check_looks_at_every_index() -> None:
    class WrongInOnePlace(Product):
        @classmethod
        def backward(cls, ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor]:
            by_a, by_b = super().backward(ctx, grad)
            values = by_a.numpy().copy()
            values[1, 2] += 0.5
            return minitorch.tensor(values, backend="simple"), by_b

    a, b = leaf(np.ones((2, 3))), leaf(np.ones((2, 3)))
    with pytest.raises(AssertionError, match=r"argument 0 .* at index \(1, 2\)"):
        grad_check(WrongInOnePlace.apply, a, b)


@task2_4
def test_grad_check_finds_errors_that_cancel_in_a_sum() -> None:
    class Rolled(Function):
        @staticmethod
        def forward(ctx: Context, a: Tensor) -> Tensor:
            return a.backend.id_map(a)

        @staticmethod
        def backward(ctx: Context, grad: Tensor) -> Tensor:
            return minitorch.tensor(np.roll(grad.numpy(), 1), backend="simple")

    with pytest.raises(AssertionError, match="gradient by argument 0"):
        grad_check(Rolled.apply, leaf([1.0, 2.0, 3.0]))


@task2_4
def test_grad_check_leaves_its_arguments_alone() -> None:
    a = leaf([1.0, 2.0])
    grad_check(lambda x: x * x, a)
    assert a.grad is None
    assert a.numpy().tolist() == [1.0, 2.0]


# The library: what is given.


@fewer
@given(broadcast_tensors(positive_floats))
def test_gradients_of_given_functions(pair: list[Tensor]) -> None:
    a, b = pair
    grad_check(lambda x, y: x / y - y / x + 2.0 / x, a, b)
    grad_check(lambda x, y: x.tanh() - y, a, b)
    grad_check(lambda x: x.contiguous().view(x.size) * 2.0, a)
    grad_check(lambda x: x.mean() * x, a)


@fewer
@given(st.data())
def test_gradients_of_matrix_products(data: st.DataObject) -> None:
    n, k, m, batch = (data.draw(st.integers(1, 3)) for _ in range(4))
    a = data.draw(tensors(smooth, (batch, n, k)))
    b = data.draw(tensors(smooth, (k, m)))
    grad_check(lambda x, y: x @ y, a, b)


@pytest.mark.parametrize("key", [0, -1, (slice(None), 1), (..., slice(0, 2)), (None, 1)])
def test_gradients_of_slices(key: Any) -> None:
    grad_check(lambda x: x[key] * x[key], leaf(np.arange(12.0).reshape(3, 4)))


@pytest.mark.parametrize("shape", [(2, 3), (4, 2, 3), (4, 1, 2, 3)])
def test_gradients_of_expand(shape: tuple[int, ...]) -> None:
    grad_check(lambda x: x.expand(*shape) * x, leaf([[1.0], [2.0]]))


def test_gradients_of_largest_and_smallest_elements() -> None:
    a = leaf([[3.0, 1.0, 2.0], [4.0, 9.0, 5.0]])
    for dim in (0, 1):
        grad_check(lambda x, dim=dim: x.max(dim).values * 2.0, a)
        grad_check(lambda x, dim=dim: x.min(dim, keepdim=True).values, a)
    grad_check(lambda x: x.max() - x.min() * 3.0, a)
