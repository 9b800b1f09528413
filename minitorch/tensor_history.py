"""What a tensor is as a variable: its history, its gradient, the chain rule."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy.typing as npt

from .autodiff import backpropagate, no_grad, recorded_contexts, recorded_history
from .devices import devices, refuse_mixed
from .dtypes import checked_dtype
from .errors import GradientError, ShapeError, describe_shapes
from .function import History, is_tensor
from .tensor_data import shape_broadcast
from .tensor_functions import Copy, Sum

if TYPE_CHECKING:
    from .function import Function
    from .tensor import Tensor

__all__ = ["Flag", "GradFn", "HistoryMethods", "summed_to"]


class Flag(int):
    """True or False, which can also be called, as course code calls `requires_grad()`."""

    def __call__(self) -> bool:
        """Return the flag as a bool."""
        return bool(self)

    def __repr__(self) -> str:
        return str(bool(self))


_FLAGS = (Flag(False), Flag(True))


class GradFn:
    """The record of the function that made a tensor; it prints as the function's name.

    Args:
        history: the tensor's history.
    """

    __slots__ = ("history",)

    def __init__(self, history: History) -> None:
        self.history = history

    def name(self) -> str:
        """Return the function's name."""
        made_by = self.history.last_fn
        return made_by.__name__ if made_by is not None else "None"

    def __repr__(self) -> str:
        return f"<{self.name()}>"


class HistoryMethods:
    """The methods of `Tensor` that make it a `Variable`, which can be differentiated."""

    __slots__ = ("grad", "history", "own_storage")

    history: History | None
    grad: Tensor | None
    # Whether this is a gradient just computed, whose storage nothing else refers to.
    own_storage: bool

    @property
    def requires_grad(self: Any) -> Flag:
        """Return whether operations on this tensor are recorded; it can also be called."""
        return _FLAGS[self.history is not None]

    @requires_grad.setter
    def requires_grad(self: Any, value: bool) -> None:
        self.requires_grad_(bool(value))

    @property
    def grad_fn(self: Any) -> GradFn | None:
        """Return the record of the function that made this; None for leaves and constants."""
        history = self.history
        return None if history is None or history.last_fn is None else GradFn(history)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Make this a leaf whose gradient is wanted, or a constant; return it."""
        if not requires_grad:
            if self.history is not None and self.history.last_fn is not None:
                raise GradientError("requires_grad_(False): only leaves take it; use detach()")
            self.history = None
        elif self.history is None:
            self.history = History()
        return self

    def is_leaf(self: Any) -> bool:
        """Return whether the user made this tensor, and wants its gradient."""
        return self.history is not None and self.history.last_fn is None

    def is_constant(self: Any) -> bool:
        """Return whether no gradient of this tensor is wanted."""
        return self.history is None

    @property
    def parents(self: Any) -> Iterable[Tensor]:
        """Return the tensors that went into the function that made this one."""
        inputs: Any = () if self.history is None else self.history.inputs
        return [i for i in inputs if is_tensor(i)]

    def accumulate_derivative(self: Any, x: Any) -> None:
        """Add `x` to the gradient of this leaf.

        Raises:
            GradientError: if this is not a leaf.
        """
        if not self.is_leaf():
            raise GradientError(f"tensor {self.name} is not a leaf: only leaves keep a gradient")
        with no_grad():
            if self.grad is not None:
                self.grad = self.grad + x
            elif x.own_storage:
                x.own_storage = False
                self.grad = x
            else:  # several leaves may have been given the same gradient
                self.grad = Copy.apply(x)

    def zero_grad_(self: Any) -> None:
        """Set the gradient to zeros."""
        self.grad = self.zeros()

    def chain_rule(self: Any, d_output: Any) -> Iterable[tuple[Tensor, Any]]:
        """Return for each parent the pair (parent, gradient by it), in the parent's shape.

        Args:
            d_output: the gradient by this tensor.

        Raises:
            GradientError: if no function made this tensor.
            ShapeError: if `d_output` has another shape.
        """
        history = recorded_history(self)
        if d_output.shape != self.shape:
            operands = [("tensor", self.shape), ("d_output", d_output.shape)]
            raise ShapeError(describe_shapes("chain_rule", operands) + "\nthe shapes must be equal")
        function: type[Function] = history.last_fn
        inputs: Any = history.inputs
        with no_grad():
            gradients = function.gradients(history.ctx, inputs, d_output)
            pairs: list[tuple[Tensor, Any]] = []
            for parent, gradient in zip(inputs, gradients, strict=True):
                if gradient is None or not is_tensor(parent) or parent.history is None:
                    continue
                share = parent._coerced(gradient)
                if devices.in_use:
                    refuse_mixed(f"gradient of {function.__name__}", (parent, share))
                if share.shape != parent.shape or share.dtype is not parent.dtype:
                    share = summed_to(share, parent.shape, parent.dtype)
                # A user's own function may hold on to what it returns.
                if parent.is_leaf() and function.__module__.startswith("minitorch."):
                    others = [d_output, *history.ctx.saved_values, *inputs, *[s for _, s in pairs]]
                    share.own_storage = share._tensor.is_contiguous() and not any(
                        _share_storage(share, other) for other in others
                    )
                pairs.append((parent, share))
            return pairs

    def backward(self: Any, grad_output: Any = None, retain_graph: bool = False) -> None:
        """Add to `grad` of each leaf that went into this tensor.

        Args:
            grad_output: the gradient by this tensor, of its shape; by default 1 for a tensor
                of one element.
            retain_graph: keep what the forward pass saved, for another backward.

        Raises:
            GradientError: if there is nothing to differentiate, if it was freed by an earlier
                backward, or if `grad_output` is missing.
            ShapeError: if `grad_output` has another shape.
        """
        if self.history is None:
            raise GradientError(
                f"backward: the tensor of shape {self.shape} has no history; no input had "
                "requires_grad_(True), or it was computed within no_grad()"
            )
        if grad_output is None:
            if self.size != 1:
                raise GradientError(
                    f"backward: shape {self.shape} is not a single number; reduce it, for "
                    "example by .sum(), or give grad_output"
                )
            grad_output = self.new_full(self.shape, 1.0)
        if self.size == 1 and isinstance(grad_output, Real):
            grad_output = self.new_full(self.shape, float(grad_output))
        grad_output = self._coerced(grad_output)
        if grad_output.shape != self.shape:
            operands = [("tensor", self.shape), ("grad_output", grad_output.shape)]
            raise ShapeError(describe_shapes("backward", operands) + "\nthe shapes must be equal")
        refuse_mixed("backward", (self, grad_output))
        contexts = recorded_contexts(self)
        backpropagate(self, summed_to(grad_output.detach(), self.shape, self.dtype))
        if not retain_graph:
            for ctx in contexts:
                ctx.free()


def _share_storage(a: Tensor, b: Any) -> bool:
    """Return whether b is a tensor over the storage of a: views share the list `last_write`."""
    return is_tensor(b) and b._tensor.last_write is a._tensor.last_write


def summed_to(grad: Tensor, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Tensor:
    """Return a gradient as `dtype` and of an input's shape.

    It is summed over what broadcasting had repeated. One that is smaller than the input, as
    course code gives for a sum, is repeated: it stands for the same number everywhere.
    """
    if grad.shape != shape:
        grad = _fitted(grad, shape)
    if grad.dtype != dtype:
        grad = grad.backend.id_cmap(grad, grad.new_empty(shape, checked_dtype(dtype)))
    return grad


def _fitted(grad: Tensor, shape: tuple[int, ...]) -> Tensor:
    try:
        full = shape_broadcast(grad.shape, shape)
    except ShapeError:
        operands = [("input", shape), ("gradient", grad.shape)]
        message = describe_shapes("chain rule", operands) + "\nthe shapes do not fit"
        raise GradientError(message) from None
    if grad.shape != full:
        grad = grad.expand(*full)
    missing = len(full) - len(shape)
    for dim, size in enumerate((1,) * missing + shape):
        if size == 1 and full[dim] != 1:
            grad = Sum.apply(grad, dim)
    return grad.contiguous().view(*shape) if missing else grad
