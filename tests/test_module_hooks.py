"""Hooks before and after the forward pass, and behind the backward pass."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import Module, Parameter


class Scale(Module):
    """a * w + b, where b may be left out."""

    def __init__(self) -> None:
        super().__init__()
        self.w = Parameter(minitorch.tensor([2.0, 3.0], backend="simple"))

    def forward(self, a: Any, b: Any = None, *, twice: bool = False) -> Any:
        out = a * self.w.value
        out = out if b is None else out + b
        return out * 2.0 if twice else out


class Split(Module):
    """Its input times 2 and times 3."""

    def forward(self, a: Any) -> Any:
        return a * 2.0, a * 3.0


def tensor(*numbers: float, grad: bool = True) -> Any:
    return minitorch.tensor(list(numbers), backend="simple", requires_grad=grad)


def listed(values: Any) -> list[Any]:
    return [None if value is None else value.numpy().tolist() for value in values]


def test_hooks_before_and_after_in_their_order() -> None:
    module, seen = Scale(), []
    for name in "ab":
        module.register_forward_pre_hook(lambda m, args, name=name: seen.append((name, m, args)))
        module.register_forward_hook(lambda m, args, out, name=name: seen.append((name, args, out)))
    x = tensor(1.0, 1.0)
    out = module(x, twice=True)
    assert out.numpy().tolist() == [4.0, 6.0]
    assert seen == [("a", module, (x,)), ("b", module, (x,)), ("a", (x,), out), ("b", (x,), out)]


def test_hooks_change_what_goes_in_and_comes_out() -> None:
    module = Scale()
    first = module.register_forward_pre_hook(lambda m, args: args[0] + 1.0)
    second = module.register_forward_pre_hook(lambda m, args: (*args, tensor(10.0, 10.0)))
    third = module.register_forward_hook(lambda m, args, out: -out)
    assert module(tensor(0.0, 0.0)).numpy().tolist() == [-12.0, -13.0]
    first.remove()
    assert module(tensor(0.0, 0.0)).numpy().tolist() == [-10.0, -10.0]
    second.remove()
    third.remove()
    third.remove()
    assert module(tensor(1.0, 1.0)).numpy().tolist() == [2.0, 3.0]
    assert not module._hooks


def test_a_hook_may_remove_itself() -> None:
    module, seen = Scale(), []

    def once(*_: Any) -> None:
        seen.append(1)
        handle.remove()

    handle = module.register_forward_hook(once)
    module(tensor(1.0, 1.0))
    module(tensor(1.0, 1.0))
    assert seen == [1]


def test_a_copy_has_hooks_of_its_own() -> None:
    module, seen = Scale(), []
    handle = module.register_forward_hook(lambda *_: seen.append(1))
    other = copy.deepcopy(module)
    handle.remove()
    module(tensor(1.0, 1.0))
    assert seen == []
    other(tensor(1.0, 1.0))
    assert seen == [1]


def test_a_backward_hook_sees_the_gradients_of_inputs_and_outputs() -> None:
    module, seen = Scale(), []
    module.register_full_backward_hook(lambda m, gi, go: seen.append((m, listed(gi), listed(go))))
    a, b = tensor(1.0, 4.0), tensor(0.0, 0.0, grad=False)
    (module(a, b) * tensor(5.0, 7.0, grad=False)).sum().backward()
    assert seen == [(module, [[10.0, 21.0], None], [[5.0, 7.0]])]
    assert a.grad.numpy().tolist() == [10.0, 21.0]
    assert module.w.grad.numpy().tolist() == [5.0, 28.0]


def test_a_backward_hook_changes_the_gradients_of_inputs() -> None:
    module = Scale()
    module.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10.0, -gi[1]))
    module.register_full_backward_hook(lambda m, gi, go: (gi[0] + 1.0, gi[1]))
    a, b = tensor(1.0, 4.0), tensor(0.0, 0.0)
    module(a, b).sum().backward()
    assert a.grad.numpy().tolist() == [21.0, 31.0]
    assert b.grad.numpy().tolist() == [-1.0, -1.0]
    assert module.w.grad.numpy().tolist() == [1.0, 4.0]


def test_a_backward_hook_without_gradients_at_the_entrance() -> None:
    module, seen = Scale(), []
    module.register_full_backward_hook(lambda m, gi, go: seen.append((listed(gi), listed(go))))
    module(tensor(1.0, 1.0, grad=False)).sum().backward()
    assert seen == [([None], [[1.0, 1.0]])]
    module.register_full_backward_hook(lambda m, gi, go: (go[0],))
    with pytest.raises(minitorch.GradientError, match="backward hook of Scale"):
        module(tensor(1.0, 1.0, grad=False)).sum().backward()


def test_a_backward_hook_waits_for_all_outputs_and_takes_the_lack_of_one() -> None:
    module, seen = Split(), []
    module.register_full_backward_hook(lambda m, gi, go: seen.append((listed(gi), listed(go))))
    a = tensor(1.0)
    left, right = module(a)
    (left * 5.0 + right).sum().backward()
    assert seen == [([[13.0]], [[5.0], [1.0]])]
    left, right = module(a)
    right.sum().backward()
    assert seen[1:] == [([[3.0]], [None, [1.0]])]
    assert a.grad.numpy().tolist() == [16.0]


def test_an_input_that_is_not_used_has_no_gradient() -> None:
    class First(Module):
        def forward(self, a: Any, b: Any) -> Any:
            return a * 2.0

    module, seen = First(), []
    module.register_full_backward_hook(lambda m, gi, go: seen.append(listed(gi)))
    module(tensor(1.0), tensor(1.0)).sum().backward()
    assert seen == [[[2.0], None]]


def test_a_graph_kept_for_another_backward_runs_the_hooks_again() -> None:
    module, seen = Scale(), []
    module.register_full_backward_hook(lambda m, gi, go: seen.append(listed(gi)))
    out = module(tensor(1.0, 1.0)).sum()
    out.backward(retain_graph=True)
    out.backward()
    assert seen == [[[2.0, 3.0]]] * 2
    with pytest.raises(minitorch.GradientError, match="freed"):
        out.backward()


def test_a_second_backward_knows_nothing_of_the_first() -> None:
    module, seen = Split(), []
    module.register_full_backward_hook(lambda m, gi, go: seen.append(listed(go)))
    left, right = module(tensor(1.0))
    left.sum().backward(retain_graph=True)
    right.sum().backward()
    assert seen == [[[1.0], None], [None, [1.0]]]


def test_what_a_hook_kept_is_not_the_gradient_that_is_written_to() -> None:
    module, kept = Scale(), []
    module.register_full_backward_hook(lambda m, gi, go: kept.append(gi[0]))
    a = tensor(1.0, 1.0)
    module(a).sum().backward()
    assert not np.shares_memory(kept[0].numpy(), a.grad.numpy())


def test_nothing_is_recorded_for_backward_hooks_where_nothing_is_recorded() -> None:
    module, seen = Scale(), []
    module.register_full_backward_hook(lambda m, gi, go: None)
    module.register_forward_hook(lambda m, args, out: seen.append(args))
    a = tensor(1.0, 1.0)
    with minitorch.no_grad():
        out = module(a)
    assert out.history is None
    assert seen == [(a,)]
    assert seen[0][0] is a


def test_a_wrong_number_of_gradients_is_refused() -> None:
    module = Scale()
    module.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    with pytest.raises(minitorch.GradientError, match="2 gradients for 1 inputs"):
        module(tensor(1.0, 1.0)).sum().backward()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3.0, "gradient 0 is a float, not a tensor or None"),
        ((np.ones(2),), "gradient 0 is a ndarray"),
        ([None], "gradient 0 is a list"),
        ((minitorch.ones(1),), r"Scale, gradient 0\n  grad_input  \(2,\)\n  given       \(1,\)"),
    ],
)
def test_what_is_no_gradient_is_refused(given: Any, message: str) -> None:
    module = Scale()
    module.register_full_backward_hook(lambda m, gi, go: given)
    with pytest.raises(minitorch.GradientError, match=f"backward hook of.*{message}"):
        module(tensor(1.0, 1.0)).sum().backward()


def test_an_old_handle_removes_no_other_hook() -> None:
    module, called = Scale(), []
    old = module.register_forward_hook(lambda *_: called.append("old"))
    old.remove()
    module.register_forward_hook(lambda *_: called.append("new"))
    old.remove()
    module(minitorch.ones(1))
    assert called == ["new"]
