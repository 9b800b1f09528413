"""Powers, roots, absolute values, and what cuts a range off: functions of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .autodiff import Context
from .function import Function

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["LE", "Abs", "Clamp", "LeakyReLU", "Length", "Pow", "Sqrt"]


class Abs(Function):
    """The absolute value of each element."""

    @staticmethod
    def forward(ctx: Context, a: Tensor) -> Tensor:
        """Return a without its signs."""
        ctx.save_for_backward(a)
        return a.backend.abs_map(a)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad with the sign of a; 0 where a is 0."""
        (a,) = ctx.saved_values
        return grad.backend.abs_back_zip(a, grad)


class Sqrt(Function):
    """The square root of each element."""

    @staticmethod
    def forward(ctx: Context, a: Tensor) -> Tensor:
        """Return the square root of a: NaN below 0."""
        out = a.backend.sqrt_map(a)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad / (2 r), where r is the value of forward."""
        (out,) = ctx.saved_values
        return grad.backend.sqrt_back_zip(out, grad)


class Length(Sqrt):
    """The square root of a sum of squares, which is flat where all of them are 0.

    There a length has no derivative; 0 is one of its subgradients, and the one that PyTorch
    gives for `std` and `norm`.
    """

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad / (2 r), where r is the value of forward; 0 where r is 0."""
        (out,) = ctx.saved_values
        return grad.backend.length_back_zip(out, grad)


class Pow(Function):
    """a to the power b, element by element."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor) -> Tensor:
        """Return a to the power b: NaN where a is negative and b fractional."""
        ctx.save_for_backward(a, b)
        return a.backend.pow_zip(a, b)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Return grad b a^(b-1) and grad a^b log a, where they are wanted."""
        a, b = ctx.saved_values
        need_a, need_b = ctx.needs_input_grad
        backend = grad.backend
        return (
            backend.mul_zip(grad, backend.pow_by_base_zip(a, b)) if need_a else None,
            backend.mul_zip(grad, backend.pow_by_exponent_zip(a, b)) if need_b else None,
        )


class LeakyReLU(Function):
    """Each element where positive, else a small part of it."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, negative_slope: float) -> Tensor:
        """Return a where positive, else negative_slope times a."""
        slope = a._coerced(negative_slope)
        ctx.save_for_backward(a, slope)
        return a.backend.leaky_zip(a, slope)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad where a is positive, else negative_slope times grad."""
        a, slope = ctx.saved_values
        return grad.backend.mul_zip(grad, grad.backend.leaky_slope_zip(a, slope))


class Clamp(Function):
    """Each element, but not below one number nor above another."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, low: float | None, high: float | None) -> Tensor:
        """Return a from low to high; None sets no bound."""
        ctx.save_for_backward(a, low, high)
        backend = a.backend
        out = a if low is None else backend.max_zip(a, a._coerced(low))
        return out if high is None else backend.min_zip(out, a._coerced(high))

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad where a is from low to high, both included, else 0."""
        a, low, high = ctx.saved_values
        out, backend = grad, grad.backend
        if low is not None:
            out = backend.masked_zip(backend.le_zip(a._coerced(low), a), out)
        if high is not None:
            out = backend.masked_zip(backend.le_zip(a, a._coerced(high)), out)
        return out


class LE(Function):
    """1 where a <= b, else 0."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor) -> Tensor:
        """Return 1 where a <= b, else 0."""
        return a.backend.le_zip(a, b)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor]:
        """A step is flat on both sides: return zeros for both."""
        zeros = grad.zeros(grad.shape)
        return zeros, zeros
