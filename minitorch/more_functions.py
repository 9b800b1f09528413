"""Functions of tensors beyond the course's: they are given, and serve `Tensor`'s methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .autodiff import Context
from .function import Function
from .selection import along
from .views import broadcast_to, reshaped, sliced

if TYPE_CHECKING:
    import numpy.typing as npt

    from .backends import TensorBackend
    from .tensor import Tensor

__all__ = ["Cast", "Div", "Expand", "Pad", "Pick", "Reshape", "Slice", "Sub", "Tanh", "Transfer"]


class Sub(Function):
    """a - b, element by element."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor) -> Tensor:
        """Return a - b."""
        return a.backend.sub_zip(a, b)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return grad and -grad."""
        return grad, grad.backend.neg_map(grad) if ctx.needs_input_grad[1] else None


class Div(Function):
    """a / b, element by element."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor) -> Tensor:
        """Return a / b."""
        out = a.backend.div_zip(a, b)
        ctx.save_for_backward(out, b)
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return grad / b and -grad (a / b) / b."""
        out, b = ctx.saved_values
        backend = grad.backend
        by_a = backend.div_zip(grad, b)
        by_b = backend.neg_map(backend.mul_zip(by_a, out)) if ctx.needs_input_grad[1] else None
        return by_a, by_b


class Tanh(Function):
    """The hyperbolic tangent."""

    @staticmethod
    def forward(ctx: Context, a: Tensor) -> Tensor:
        """Return the hyperbolic tangent of a."""
        out = a.backend.tanh_map(a)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad (1 - t^2), where t is the value of forward."""
        (out,) = ctx.saved_values
        return grad.backend.tanh_back_zip(out, grad)


class Expand(Function):
    """A tensor repeated along new or size-1 dimensions, without a copy."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return a broadcast to `shape`."""
        return a._new(broadcast_to(a._tensor, shape))

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad, which is summed to the input's shape as after any broadcast."""
        return grad


class Reshape(Function):
    """The same elements in another shape; a copy where the storage does not allow a view."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return a, which may be in any order in memory, in another shape of the same size."""
        ctx.save_for_backward(a.shape)
        viewed = reshaped(a._tensor, shape)
        return a._new(a.contiguous()._tensor.view(shape) if viewed is None else viewed)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad in the first shape."""
        (shape,) = ctx.saved_values
        return grad.contiguous().view(*shape)


class Cast(Function):
    """A copy in another dtype."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, dtype: npt.DTypeLike) -> Tensor:
        """Return a copy of a as float32 or float64."""
        return a.backend.id_cmap(a, a.new_empty(a.shape, dtype))

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad, which takes the input's dtype as after any operation."""
        return grad


class Transfer(Function):
    """A copy on another backend."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, backend: TensorBackend) -> Tensor:
        """Return a copy of a on `backend`."""
        ctx.save_for_backward(a.backend)
        return _on(a, backend)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return a copy of grad on the input's backend."""
        (backend,) = ctx.saved_values
        return _on(grad, backend)


def _on(a: Tensor, backend: TensorBackend) -> Tensor:
    """Return a copy of a on a backend; between devices, the move makes it."""
    out = a.backend.id_map(a) if backend.cuda == a.backend.cuda else a.detach()
    out._type_(backend)
    return out


class Pad(Function):
    """A tensor with zeros around its last dimensions."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, padding: tuple[tuple[int, int], ...]) -> Tensor:
        """Return a with (before, after) zeros around each of its last dimensions."""
        leading = a.shape[: a.dims - len(padding)]
        sizes = a.shape[len(leading) :]
        shape = [n + before + after for n, (before, after) in zip(sizes, padding, strict=True)]
        inside = [slice(start, start + n) for n, (start, _) in zip(sizes, padding, strict=True)]
        key: Any = (..., *inside)
        ctx.save_for_backward(key)
        out = a.zeros((*leading, *shape))
        a.backend.ops.put(out, key, a)
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return the part of grad inside of the zeros."""
        (key,) = ctx.saved_values
        return sliced(grad, key)


class Slice(Function):
    """A part of a tensor, by numpy's basic indexing; a copy only where a step is negative."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, key: Any) -> Tensor:
        """Return the part of a at `key`."""
        ctx.save_for_backward(a.shape, key)
        return sliced(a, key)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return zeros, but grad in the part that was taken."""
        shape, key = ctx.saved_values
        out = grad.zeros(shape)
        grad.backend.ops.put(out, key, grad)
        return out


class Pick(Function):
    """One element of each line along a dimension, by its index there."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, index: Any, dim: int) -> Tensor:
        """Return a's elements at `index`, an int64 array like a but of size 1 at `dim`."""
        ctx.save_for_backward(a.shape, index, dim)
        return a.backend.ops.take(a, along(index, dim))

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return zeros, but grad where an element was picked."""
        shape, index, dim = ctx.saved_values
        out = grad.zeros(shape)
        grad.backend.ops.put(out, along(index, dim), grad)
        return out
