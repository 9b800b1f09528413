"""Module 2: the functions of tensors, each with its gradient a few lines below its value.

A gradient may come back in the broadcast shape; it is summed down to its input's shape in
one place, `Tensor.chain_rule`. Inside `forward` and `backward` nothing is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .autodiff import Context
from .function import Function

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "EQ",
    "LT",
    "Add",
    "All",
    "Copy",
    "Exp",
    "Function",
    "Inv",
    "IsClose",
    "Log",
    "MatMul",
    "Mul",
    "Neg",
    "Permute",
    "ReLU",
    "Sigmoid",
    "Sum",
    "View",
]


class Neg(Function):
    """-a."""

    @staticmethod
    def forward(ctx: Context, a: Tensor) -> Tensor:
        """Return -a."""
        return a.backend.neg_map(a)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return -grad."""
        return grad.backend.neg_map(grad)


class Inv(Function):
    """1 / a."""

    @staticmethod
    def forward(ctx: Context, a: Tensor) -> Tensor:
        """Return 1 / a."""
        ctx.save_for_backward(a)
        return a.backend.inv_map(a)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return -grad / a^2."""
        (a,) = ctx.saved_values
        return grad.backend.inv_back_zip(a, grad)


class Add(Function):
    """a + b."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor) -> Tensor:
        """Return a + b."""
        return a.backend.add_zip(a, b)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Return grad for both."""
        return grad, grad


class Mul(Function):
    """a * b, element by element."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor) -> Tensor:
        """Return a * b."""
        ctx.save_for_backward(a, b)
        return a.backend.mul_zip(a, b)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Return grad times the other factor, where it is wanted."""
        a, b = ctx.saved_values
        need_a, need_b = ctx.needs_input_grad
        return (
            grad.backend.mul_zip(grad, b) if need_a else None,
            grad.backend.mul_zip(grad, a) if need_b else None,
        )


class Sigmoid(Function):
    """1 / (1 + exp(-a))."""

    @staticmethod
    def forward(ctx: Context, a: Tensor) -> Tensor:
        """Return the sigmoid of a."""
        out = a.backend.sigmoid_map(a)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad s (1 - s), where s is the value of forward."""
        (out,) = ctx.saved_values
        return grad.backend.sigmoid_back_zip(out, grad)


class ReLU(Function):
    """a where positive, else 0."""

    @staticmethod
    def forward(ctx: Context, a: Tensor) -> Tensor:
        """Return a where positive, else 0."""
        ctx.save_for_backward(a)
        return a.backend.relu_map(a)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad where a is positive, else 0."""
        (a,) = ctx.saved_values
        return grad.backend.relu_back_zip(a, grad)


class Log(Function):
    """The natural logarithm."""

    @staticmethod
    def forward(ctx: Context, a: Tensor) -> Tensor:
        """Return the logarithm of a."""
        ctx.save_for_backward(a)
        return a.backend.log_map(a)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad / a."""
        (a,) = ctx.saved_values
        return grad.backend.log_back_zip(a, grad)


class Exp(Function):
    """e to the power a."""

    @staticmethod
    def forward(ctx: Context, a: Tensor) -> Tensor:
        """Return e to the power a."""
        out = a.backend.exp_map(a)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad times the value of forward."""
        (out,) = ctx.saved_values
        return grad.backend.mul_zip(grad, out)


class Sum(Function):
    """The sum over a dimension, which stays with size 1, or of all elements."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, dim: int | None) -> Tensor:
        """Return the sum of a over dimension `dim`; if that is None, of all: shape (1,)."""
        ctx.save_for_backward(a.shape)
        if dim is None:
            if a.dims != 1:
                a = a.contiguous()
                a = a._new(a._tensor.view((a._tensor.size,)))
            dim = 0
        return a.backend.add_reduce(a, int(dim))

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad, repeated over what was summed."""
        (shape,) = ctx.saved_values
        return grad.expand(*shape) if shape else grad.view(())


class All(Function):
    """1 where all elements along a dimension are true (not 0), else 0."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, dim: int) -> Tensor:
        """Return the product of the truth of the elements over dimension `dim`."""
        zero = a.new_full((), 0.0)
        false = a.backend.eq_zip(a, zero)
        return a.backend.eq_zip(a.backend.add_reduce(false, int(dim)), zero)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """A step is flat on both sides."""
        return grad.zeros(grad.shape)


class LT(Function):
    """1 where a < b, else 0."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor) -> Tensor:
        """Return 1 where a < b, else 0."""
        return a.backend.lt_zip(a, b)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor]:
        """A step is flat on both sides: return zeros for both."""
        zeros = grad.zeros(grad.shape)
        return zeros, zeros


class EQ(Function):
    """1 where a == b, else 0."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor) -> Tensor:
        """Return 1 where a == b, else 0."""
        return a.backend.eq_zip(a, b)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor]:
        """A step is flat on both sides: return zeros for both."""
        zeros = grad.zeros(grad.shape)
        return zeros, zeros


class IsClose(Function):
    """1 where a and b differ by less than 0.01, else 0."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor) -> Tensor:
        """Return 1 where a and b differ by less than 0.01, else 0."""
        return a.backend.is_close_zip(a, b)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor]:
        """A step is flat on both sides."""
        zeros = grad.zeros(grad.shape)
        return zeros, zeros


class Permute(Function):
    """The dimensions in another order."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, order: tuple[int, ...]) -> Tensor:
        """Return a with its dimensions in the given order; dimension i is a's order[i]."""
        order = tuple(map(int, order))
        ctx.save_for_backward(order)
        return a._new(a._tensor.permute(*order))

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad with its dimensions back in their places."""
        (order,) = ctx.saved_values
        inverse = [order.index(dim) for dim in range(len(order))]
        return grad._new(grad._tensor.permute(*inverse))


class View(Function):
    """The same elements in another shape."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return a, which is contiguous, in another shape of the same size."""
        ctx.save_for_backward(a.shape)
        return a._new(a._tensor.view(tuple(map(int, shape))))

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad in the first shape."""
        (shape,) = ctx.saved_values
        return grad.contiguous().view(*shape)


class Copy(Function):
    """The same elements in a contiguous storage of their own."""

    @staticmethod
    def forward(ctx: Context, a: Tensor) -> Tensor:
        """Return a copy of a."""
        return a.backend.id_map(a)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad."""
        return grad


class MatMul(Function):
    """The matrix product over the last two dimensions."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor) -> Tensor:
        """Return a @ b: (..., n, k) @ (..., k, m) -> (..., n, m)."""
        ctx.save_for_backward(a, b)
        return a.backend.matrix_multiply(a, b)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Any, Any]:
        """Return grad @ b^T and a^T @ grad, where they are wanted."""
        a, b = ctx.saved_values
        need_a, need_b = ctx.needs_input_grad
        multiply = grad.backend.matrix_multiply
        return (
            multiply(grad, _transposed(b)) if need_a else None,
            multiply(_transposed(a), grad) if need_b else None,
        )


def _transposed(a: Tensor) -> Tensor:
    """Return a with its last two dimensions exchanged."""
    return a._new(a._tensor.permute(*range(a.dims - 2), a.dims - 1, a.dims - 2))
