"""Tensors as variables: leaves, histories, backward and its errors."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import Context, Function, GradientError, ShapeError, Tensor


def leaf(values: Any = (1.0, 2.0, 3.0)) -> Tensor:
    return minitorch.tensor(values, backend="simple", requires_grad=True)


def test_a_tensor_is_a_leaf_a_constant_or_a_result() -> None:
    a, constant = leaf(), leaf().detach()
    result = a * constant
    kinds = [(t.is_leaf(), t.is_constant()) for t in (a, constant, result)]
    assert kinds == [(True, False), (False, True), (False, False)]
    assert [parent is a for parent in result.parents] == [True, False]
    assert (constant * 2.0).is_constant()
    assert result.history.last_fn.__name__ == "Mul"


def test_requires_grad_is_a_flag_that_can_be_called() -> None:
    a = leaf()
    assert a.requires_grad
    assert a.requires_grad() is True
    assert a.requires_grad_(False) is a
    assert not a.requires_grad
    assert a.requires_grad() is False
    assert repr(a.requires_grad) == "False"
    assert a.requires_grad == False  # noqa: E712, as course code compares
    assert a.requires_grad_().is_leaf()


def test_requires_grad_keeps_the_history_of_a_result() -> None:
    a = leaf()
    result = (a * 2.0).requires_grad_(True)
    result.sum().backward()
    assert a.grad.numpy().tolist() == [2.0] * 3


def test_detach_shares_storage_and_stops_the_gradient() -> None:
    a = leaf()
    apart = a.detach()
    assert np.shares_memory(apart.numpy(), a.numpy())
    (a * apart).sum().backward()
    assert a.grad.numpy().tolist() == [1.0, 2.0, 3.0]


def test_gradients_accumulate_until_they_are_zeroed() -> None:
    a = leaf()
    (a * 2.0).sum().backward()
    (a * 3.0).sum().backward()
    assert a.grad.numpy().tolist() == [5.0] * 3
    a.zero_grad_()
    assert a.grad.numpy().tolist() == [0.0] * 3


def test_two_leaves_given_one_gradient_do_not_share_it() -> None:
    a, b = leaf(), leaf()
    (a + b).sum().backward()
    a.grad[0] = 100.0
    assert b.grad[0] == 1.0
    (a + b).sum().backward()
    assert b.grad.numpy().tolist() == [2.0] * 3


@pytest.mark.parametrize("use", [lambda a: a, lambda a: a + 1.0, lambda a: a.view(3)])
def test_a_gradient_given_to_backward_is_not_kept(use: Callable[[Tensor], Tensor]) -> None:
    a, given = leaf(), minitorch.tensor([1.0, 2.0, 3.0], backend="simple")
    use(a).backward(given)
    given[0] = 50.0
    assert a.grad.numpy().tolist() == [1.0, 2.0, 3.0]


def test_a_function_may_return_its_input() -> None:
    class Same(Function):
        @staticmethod
        def forward(ctx: Context, a: Tensor) -> Tensor:
            return a

        @staticmethod
        def backward(ctx: Context, grad: Tensor) -> Tensor:
            return grad * 2.0

    a = leaf()
    result = Same.apply(a)
    result.sum().backward()
    assert a.is_leaf()
    assert not result.is_leaf()
    assert a.grad.numpy().tolist() == [2.0] * 3


def test_a_result_that_its_function_keeps_is_no_loop_of_references() -> None:
    result = leaf().sigmoid()
    (kept,) = result.history.ctx.saved_values
    assert kept.is_constant()


def test_only_leaves_keep_a_gradient() -> None:
    a = leaf()
    middle = a * 2.0
    middle.sum().backward()
    assert middle.grad is None
    with pytest.raises(GradientError, match="not a leaf"):
        middle.accumulate_derivative(middle)


def test_no_grad_records_nothing() -> None:
    a = leaf()
    with minitorch.no_grad():
        result = (a * a).sum()
    assert result.is_constant()
    with pytest.raises(GradientError, match="has no history"):
        result.backward()


def test_gradients_are_constants() -> None:
    a = leaf()
    (a * a).sum().backward()
    assert a.grad.is_constant()


def test_a_second_backward_needs_the_graph_retained() -> None:
    a = leaf()
    loss = (a * a).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert a.grad.numpy().tolist() == [4.0, 8.0, 12.0]
    with pytest.raises(GradientError, match="retain_graph=True"):
        loss.backward()
    assert a.grad.numpy().tolist() == [4.0, 8.0, 12.0]


def test_a_backward_through_a_freed_part_changes_nothing() -> None:
    a, b = leaf(), leaf()
    shared = a * a
    shared.sum().backward()
    before = a.grad.numpy().tolist()
    with pytest.raises(GradientError, match="freed by an earlier backward"):
        (b * 2.0 + shared).sum().backward()
    assert b.grad is None
    assert a.grad.numpy().tolist() == before


def test_backward_frees_what_was_saved() -> None:
    class Saving(Function):
        @staticmethod
        def forward(ctx: Context, a: Tensor) -> Tensor:
            ctx.save_for_backward(Kept())
            return a.backend.id_map(a)

        @staticmethod
        def backward(ctx: Context, grad: Tensor) -> Tensor:
            return grad

    class Kept:
        def __init__(self) -> None:
            alive.add(self)

    alive: weakref.WeakSet[Kept] = weakref.WeakSet()
    loss = Saving.apply(leaf()).sum()
    assert len(alive) == 1
    loss.backward()
    gc.collect()
    assert len(alive) == 0


def test_backward_without_history_says_why() -> None:
    with pytest.raises(GradientError, match="no history"):
        minitorch.tensor([1.0], backend="simple").backward()


def test_backward_of_several_numbers_needs_a_gradient_of_their_shape() -> None:
    a = leaf()
    with pytest.raises(GradientError, match="is not a single number"):
        (a * 2.0).backward()
    with pytest.raises(ShapeError, match="shapes must be equal"):
        (a * 2.0).backward(np.ones(4))
    (a * 2.0).backward(np.array([1.0, 10.0, 100.0]))
    assert a.grad.numpy().tolist() == [2.0, 20.0, 200.0]


def test_a_gradient_of_the_wrong_shape_is_found_out() -> None:
    class Misshapen(Function):
        @staticmethod
        def forward(ctx: Context, a: Tensor) -> Tensor:
            return a.sum()

        @staticmethod
        def backward(ctx: Context, grad: Tensor) -> Tensor:
            return grad.zeros((4,))

    class Miscounted(Misshapen):
        @staticmethod
        def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, ...]:
            return grad, grad, grad

    with pytest.raises(GradientError, match="the shapes do not fit"):
        Misshapen.apply(leaf()).backward()
    with pytest.raises(GradientError, match="gave 3 gradients for 1 inputs"):
        Miscounted.apply(leaf()).backward()


@pytest.mark.parametrize("shape", [(2, 3), (3, 1), (3,), (2, 1, 3)])
def test_a_gradient_smaller_than_its_input_is_repeated(shape: tuple[int, ...]) -> None:
    class Total(Function):
        """The sum of all, whose gradient is given back as it came, as in course code."""

        @staticmethod
        def forward(ctx: Context, a: Tensor) -> Tensor:
            return a.sum()

        @staticmethod
        def backward(ctx: Context, grad: Tensor) -> Tensor:
            return grad

    a = leaf(np.ones(shape))
    Total.apply(a).backward(np.array([7.0]))
    np.testing.assert_array_equal(a.grad.numpy(), np.full(shape, 7.0))


def test_plain_inputs_need_no_gradient() -> None:
    class Scaled(Function):
        @staticmethod
        def forward(ctx: Context, a: Tensor, factor: float, b: Tensor) -> Tensor:
            ctx.save_for_backward(factor)
            return a * factor + b

        @staticmethod
        def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor]:
            (factor,) = ctx.saved_values
            return grad * factor, grad

    a, b = leaf(), leaf()
    Scaled.apply(a, 3.0, b).sum().backward()
    assert a.grad.numpy().tolist() == [3.0] * 3
    assert b.grad.numpy().tolist() == [1.0] * 3


def test_chain_rule_sums_gradients_down_to_their_inputs() -> None:
    a, b = leaf([[1.0], [2.0]]), leaf([1.0, 2.0, 3.0])
    result = a * b
    (first, by_a), (second, by_b) = result.chain_rule(leaf(np.ones((2, 3))).detach())
    assert first is a
    assert second is b
    assert by_a.numpy().tolist() == [[6.0], [6.0]]
    assert by_b.numpy().tolist() == [3.0, 3.0, 3.0]
    with pytest.raises(GradientError, match="no function made"):
        a.chain_rule(a)


@pytest.mark.parametrize("operation", ["add", "sigmoid"])
def test_a_deep_graph_needs_no_recursion(operation: str) -> None:
    a = leaf([1.0])
    result = a
    for _ in range(50_000 if operation == "add" else 5_000):
        result = result + 1.0 if operation == "add" else result.sigmoid()
    result.sum().backward()
    assert a.grad.shape == (1,)
    assert operation == "sigmoid" or a.grad.item() == 1.0


def test_a_wide_diamond_is_walked_once() -> None:
    a = leaf([1.0])
    result = a
    for _ in range(60):
        result = result + result
    result.sum().backward()
    assert a.grad.item() == 2.0**60


def test_an_error_in_forward_leaves_recording_on() -> None:
    a = leaf()
    with pytest.raises(ShapeError):
        a * leaf([1.0, 2.0])
    assert not (a * 2.0).is_constant()


def test_a_gradient_that_a_function_keeps_is_copied() -> None:
    kept: list[minitorch.Tensor] = []

    class Triple(minitorch.Function):
        @staticmethod
        def forward(ctx: minitorch.Context, a: minitorch.Tensor) -> minitorch.Tensor:
            kept.append(a.zeros() + 3.0)
            return a.detach() * 3.0

        @staticmethod
        def backward(ctx: minitorch.Context, grad: minitorch.Tensor) -> minitorch.Tensor:
            return kept[0]

    x = minitorch.tensor([1.0, 2.0], requires_grad=True)
    Triple.apply(x).sum().backward()
    x.grad[0] = 100.0
    assert kept[0].numpy().tolist() == [3.0, 3.0]


def test_leaves_of_one_sum_have_gradients_of_their_own() -> None:
    x = minitorch.tensor([1.0, 2.0], requires_grad=True)
    y = minitorch.tensor([1.0, 2.0], requires_grad=True)
    (x + y).sum().backward()
    x.grad[0] = 100.0
    assert y.grad.numpy().tolist() == [1.0, 1.0]
