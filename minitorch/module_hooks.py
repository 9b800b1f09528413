"""Hooks: functions of the user that a module calls before, after and behind its forward pass.

A backward hook is told the gradients by a module's inputs and outputs. For that the tensors
pass a gate on their way in, and another on their way out::

    inputs -> gate -> forward -> gate -> outputs

On the way back, a gate waits for the gradients of all the tensors that passed it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .autodiff import Context, grad_mode
from .errors import GradientError, describe_shapes
from .function import Function, is_tensor

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["ModuleHooks", "RemovableHandle"]

# No two hooks have one number, so that an old handle removes none but its own.
_numbers = itertools.count()

Hook = Callable[..., Any]
Gradients = list[Any]


class RemovableHandle:
    """What registering a hook gives: by it the hook is removed.

    Args:
        hooks: the hooks of a module by their numbers.
        number: that of this hook.
    """

    def __init__(self, hooks: dict[int, tuple[str, Hook]], number: int) -> None:
        self._hooks = hooks
        self._number = number

    def remove(self) -> None:
        """Remove the hook; nothing happens if it was removed before."""
        self._hooks.pop(self._number, None)


class ModuleHooks:
    """The methods of `Module` that call it, with the hooks that stand before and behind."""

    # Hooks of all kinds in the order in which they came; most modules have none.
    _hooks: Mapping[int, tuple[str, Hook]] = MappingProxyType({})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return `forward` of the arguments, and run the hooks if there are any."""
        if not self._hooks:
            return self.forward(*args, **kwargs)
        for hook in self._hooks_of("before"):
            changed = hook(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        backward = self._hooks_of("backward")
        gates = _Gates(self, backward, len(args)) if backward and grad_mode.enabled else None
        if gates is not None:
            args = gates.entered(args)
        out = self.forward(*args, **kwargs)
        for hook in self._hooks_of("after"):
            changed = hook(self, args, out)
            if changed is not None:
                out = changed
        return out if gates is None else gates.left(out)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the module's output; each kind of module defines its own."""
        raise TypeError(f"{type(self).__name__} defines no forward method")

    def register_forward_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Let `hook(module, args)` be called before each forward pass.

        What it returns, if not None, takes the place of the arguments given by position: a
        tuple of them, or the only one.
        """
        return self._registered("before", hook)

    def register_forward_hook(self, hook: Hook) -> RemovableHandle:
        """Let `hook(module, args, output)` be called after each forward pass.

        What it returns, if not None, takes the place of the output.
        """
        return self._registered("after", hook)

    def register_full_backward_hook(self, hook: Hook) -> RemovableHandle:
        """Let `hook(module, grad_input, grad_output)` be called in each backward pass.

        Both are tuples, with an entry for each argument given by position, and for each
        output; None for what is no tensor or has no gradient. What the hook returns, if not
        None, takes the place of `grad_input`.
        """
        return self._registered("backward", hook)

    def _registered(self, kind: str, hook: Hook) -> RemovableHandle:
        hooks: dict[int, tuple[str, Hook]] = self.__dict__.setdefault("_hooks", {})
        number = next(_numbers)
        hooks[number] = kind, hook
        return RemovableHandle(hooks, number)

    def _hooks_of(self, kind: str) -> list[Hook]:
        return [hook for own, hook in self._hooks.values() if own == kind]


class _Gates:
    """The two gates of one call of a module.

    Args:
        module: the module.
        hooks: its backward hooks.
        count: how many arguments were given by position.
    """

    def __init__(self, module: ModuleHooks, hooks: list[Hook], count: int) -> None:
        self.module = module
        self.hooks = hooks
        self.count = count
        self.places: list[int] = []
        self.grad_output: tuple[Any, ...] = ()

    def entered(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments behind the gate at the entrance."""
        self.places, passed = _passed(args, self._at_entrance)
        return passed

    def left(self, out: Any) -> Any:
        """Return the output, a tensor or a tuple, behind the gate at the exit."""
        outputs = out if isinstance(out, tuple) else (out,)
        self.grad_output = (None,) * len(outputs)
        places: list[int] = []

        def at_exit(gradients: Gradients) -> Gradients:
            found = dict(zip(places, gradients, strict=True))
            self.grad_output = tuple([found.get(i) for i in range(len(outputs))])
            if not self.places:
                self._run_hooks((None,) * self.count)
            return gradients

        places, passed = _passed(outputs, at_exit)
        return passed if isinstance(out, tuple) else passed[0]

    def _at_entrance(self, gradients: Gradients) -> Gradients:
        found = dict(zip(self.places, gradients, strict=True))
        after = self._run_hooks(tuple([found.get(i) for i in range(self.count)]))
        return [after[place] for place in self.places]

    def _run_hooks(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...]:
        name = type(self.module).__name__
        for hook in self.hooks:
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is None:
                continue
            given = changed if isinstance(changed, tuple) else (changed,)
            if len(given) != self.count or not self.places:
                raise GradientError(
                    f"backward hook of {name}: it gave {len(given)} gradients for {self.count} "
                    f"inputs, of which {len(self.places)} have one; return one for each, or None"
                )
            for number, (gradient, known) in enumerate(zip(given, grad_input, strict=True)):
                self._check(number, gradient, known)
            grad_input = given
        return grad_input

    def _check(self, number: int, gradient: Any, known: Any) -> None:
        """Raise `GradientError` if a hook's gradient cannot take the place of the known one."""
        if gradient is None or (is_tensor(gradient) and known is None):
            return
        name = type(self.module).__name__
        if not is_tensor(gradient):
            kind = type(gradient).__name__
            raise GradientError(
                f"backward hook of {name}: gradient {number} is a {kind}, not a tensor or None"
            )
        if gradient.shape != known.shape:
            shapes = [("grad_input", known.shape), ("given", gradient.shape)]
            raise GradientError(
                describe_shapes(f"backward hook of {name}, gradient {number}", shapes)
                + "\nthe shapes must be equal"
            )


def _passed(
    values: tuple[Any, ...], at_gate: Callable[[Gradients], Gradients]
) -> tuple[list[int], tuple[Any, ...]]:
    """Return the places of the tensors whose gradients are wanted, and the values with those
    tensors behind a gate.
    """
    places = [i for i, value in enumerate(values) if is_tensor(value) and value.history is not None]
    if not places:
        return places, values
    arrived: Gradients = [None] * len(places)
    gate = _Gate.apply(arrived, at_gate, *[values[place] for place in places])
    behind = list(values)
    for number, place in enumerate(places):
        behind[place] = _Behind.apply(gate, values[place].detach(), arrived, number)
    return places, tuple(behind)


class _Gate(Function):
    """One node that all tensors pass; the number it gives only ties what is behind it to it."""

    @staticmethod
    def forward(
        ctx: Context,
        arrived: Gradients,
        at_gate: Callable[[Gradients], Gradients],
        *tensors: Tensor,
    ) -> Tensor:
        """Return a number."""
        ctx.save_for_backward(arrived, at_gate)
        return tensors[0].zeros(())

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Any, ...]:
        """Return what `at_gate` makes of the gradients that arrived."""
        arrived, at_gate = ctx.saved_values
        given = at_gate(list(arrived))
        arrived[:] = [None] * len(arrived)
        # Copies, since a hook may hold on to what it saw and a leaf to what it is given.
        copies = [None if one is None else one.backend.id_map(one) for one in given]
        return None, None, *copies


class _Behind(Function):
    """A tensor behind its gate."""

    @staticmethod
    def forward(
        ctx: Context, gate: Tensor, value: Tensor, arrived: Gradients, number: int
    ) -> Tensor:
        """Return the tensor, sharing its storage."""
        ctx.save_for_backward(arrived, number)
        return value._new(value._tensor)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Any, ...]:
        """Leave the gradient at the gate, and send a number on to it."""
        arrived, number = ctx.saved_values
        arrived[number] = grad
        return grad.zeros(()), None, None, None
