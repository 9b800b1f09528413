"""What every operation on tensors is: a value, its gradient, and the record of both."""

from __future__ import annotations

from sys import getrefcount
from typing import TYPE_CHECKING, Any, TypeGuard

from .autodiff import Context, grad_mode
from .devices import devices, refuse_mixed
from .errors import GradientError, IndexingError, describe_shapes

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Function", "History", "is_tensor"]


def is_tensor(value: Any) -> TypeGuard[Tensor]:
    """Return whether an input of a function is a tensor, not a plain value."""
    return hasattr(value, "backend")


class History:
    """How a tensor came about.

    Args:
        last_fn: the function that made it; None for a leaf, which the user made.
        ctx: what that function kept for its gradient.
        inputs: what went into it: tensors, and plain values such as a dimension.
    """

    __slots__ = ("ctx", "inputs", "last_fn")

    def __init__(
        self,
        last_fn: type[Function] | None = None,
        ctx: Context | None = None,
        inputs: tuple[Any, ...] = (),
    ) -> None:
        self.last_fn = last_fn
        self.ctx = ctx
        self.inputs = inputs


class Function:
    """An operation on tensors.

    A subclass has two static methods. `forward(ctx, *inputs)` gives the resulting tensor;
    what the gradient will need it puts in `ctx.save_for_backward`. `backward(ctx, grad)`
    gives the gradient by each input, a tensor or a tuple with one entry per input; plain
    inputs (a dimension, a label), or all of which no gradient is wanted, may be left out of
    the tuple, and None stands for a gradient that is not wanted. Neither needs to record anything.
    A gradient may have the broadcast shape: it is summed down to its input's afterwards.
    """

    @classmethod
    def _backward(cls, ctx: Context, grad: Tensor) -> tuple[Any, ...]:
        gradients = cls.backward(ctx, grad)  # type: ignore[attr-defined]
        return tuple(gradients) if isinstance(gradients, tuple | list) else (gradients,)

    @classmethod
    def apply(cls, *inputs: Any) -> Tensor:
        """Return the operation's result, recorded if a gradient may be asked for.

        Raises:
            ShapeError: naming the operation, if the inputs' shapes do not fit.
            BackendError: if the inputs lie on different devices.
        """
        if devices.in_use:
            refuse_mixed(cls.__name__.lower(), inputs)
        recording = grad_mode.enabled
        record = False
        if recording:
            for value in inputs:
                if getattr(value, "history", None) is not None:
                    record = True
                    break
            grad_mode.enabled = False
        ctx = Context(not record)
        try:
            out: Tensor = cls.forward(ctx, *inputs)  # type: ignore[attr-defined]
        except IndexingError as error:
            raise cls._located(error, inputs) from None
        finally:
            if recording:
                grad_mode.enabled = True
        if not record:
            return out
        history = History(cls, ctx, inputs)
        if getrefcount(out) == 2:  # nobody else holds it: neither the caller nor the context
            out.history = history
            return out
        return out._recorded(history)

    @classmethod
    def _located(cls, error: IndexingError, inputs: tuple[Any, ...]) -> IndexingError:
        """Return `error` with the operation and its operands' shapes before it, once."""
        if hasattr(error, "located"):
            return error
        tensors = [i.shape for i in inputs if is_tensor(i)]
        names = ["input"] if len(tensors) == 1 else ["left", "right", "third", "fourth"]
        operands = describe_shapes(cls.__name__.lower(), list(zip(names, tensors, strict=False)))
        located = type(error)(f"{operands}\n{error}")
        located.located = True  # type: ignore[attr-defined]
        return located

    @classmethod
    def gradients(cls, ctx: Context, inputs: tuple[Any, ...], grad: Tensor) -> list[Any]:
        """Return one gradient for each input, None for those that have none.

        Raises:
            GradientError: if `backward` gives a number of gradients that fits no reading.
        """
        ctx.needs_input_grad = tuple([getattr(i, "history", None) is not None for i in inputs])
        given = cls._backward(ctx, grad)
        if len(given) == len(inputs):
            return list(given)
        tensors = tuple([is_tensor(i) for i in inputs])
        for answered in (tensors, ctx.needs_input_grad):
            if len(given) == sum(answered):
                rest = iter(given)
                return [next(rest) if own else None for own in answered]
        raise GradientError(
            f"{cls.__name__}.backward gave {len(given)} gradients for {len(inputs)} inputs, "
            f"of which {sum(tensors)} are tensors"
        )
