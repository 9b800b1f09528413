"""The CUDA backend as the library uses it: fast kernels in the place of the course's.

Each operation chooses a kernel of `kernels/cuda_*.py` by how its operands lie, and what none of
them covers goes to the course's kernel, by way of the class above. Without this file `"cuda"` is
the course's backend, `CudaOps`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .backends import as_matrices, matrix_multiply_output, register_backend, register_kernel
from .cuda_conv import avgpool2d
from .cuda_conv import conv2d as plain_conv2d
from .cuda_memory import dimensions
from .cuda_ops import CudaOps
from .cuda_pool import window_maxima, window_means
from .devices import refuse_mixed
from .errors import ShapeError
from .fusion import register_fused
from .kernels import cuda_elementwise as elementwise
from .kernels.cuda_conv import convolve
from .kernels.cuda_matmul import multiply
from .kernels.cuda_reduce import fold
from .shapes import checked_dim
from .tensor_data import TensorData, contiguous_strides, shape_broadcast

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["TunedCudaOps", "conv2d"]

# A convolution of fewer multiplications is over before its tiles would be brought.
_LITTLE = 1 << 14


def _mapped(fn: Callable[[float], float], out: TensorData, a: TensorData) -> None:
    """Fill `out`, contiguous, with `fn` of `a`, broadcast to it."""
    size = out.size
    straight, spread_out = elementwise.map_kernels(fn, a._storage.dtype)
    if a.shape == out.shape and a.is_contiguous():
        elementwise.launch(straight, size, out._storage, a._storage, size)
        return
    form = elementwise.spread(out.shape, (a.shape, a.strides))
    elementwise.launch(
        spread_out, size, out._storage, a._storage, size,
        form.sizes, form.factors, form.shifts, *form.steps,
    )  # fmt: skip


def _contiguous(a: Tensor) -> TensorData:
    """Return a tensor whose elements lie in reading order: the same, or a copy."""
    data = a._tensor
    if data.is_contiguous():
        return data
    out: TensorData = a.backend.id_map(a)._tensor
    return out


class TunedCudaOps(CudaOps):
    """Operations by kernels that are made for speed, where these cover them."""

    @classmethod
    def map(cls, fn: Callable[[float], float]) -> Callable[..., Tensor]:
        """Return `apply(a, out=None)`, which is `fn` of each element; see `TensorOps.map`."""
        plainly = super().map(fn)

        def apply(a: Tensor, out: Tensor | None = None) -> Tensor:
            refuse_mixed(f"map of {fn.__name__}", (a, out), True)
            if out is None:
                if a._tensor.size >= elementwise.MOST:
                    return plainly(a)
                out = a.new_empty(a.shape)
                if a._tensor.size:
                    _mapped(fn, out._tensor, a._tensor)
                return out
            target = out._tensor
            if not target.is_contiguous() or not 0 < target.size < elementwise.MOST:
                return plainly(a, out)
            if shape_broadcast(a.shape, out.shape) != out.shape:
                raise ShapeError(f"map: shape {a.shape} does not broadcast to {out.shape}")
            out.refuse_in_place()
            _mapped(fn, target, a._tensor)
            target.note_write()
            return out

        return apply

    @classmethod
    def zip(cls, fn: Callable[[float, float], float]) -> Callable[[Tensor, Tensor], Tensor]:
        """Return `apply(a, b)`, which is `fn` of each pair of elements; see `TensorOps.zip`."""
        plainly = super().zip(fn)

        def apply(a: Tensor, b: Tensor) -> Tensor:
            refuse_mixed(f"zip of {fn.__name__}", (a, b), True)
            x, y = a._tensor, b._tensor
            shape = x.shape if x.shape == y.shape else shape_broadcast(x.shape, y.shape)
            size = math.prod(shape)
            if not 0 < size < elementwise.MOST:
                return plainly(a, b)
            left, right = x._storage, y._storage
            straight, spread_out = elementwise.zip_kernels(fn, left.dtype, right.dtype)
            out = a.new_empty(shape, np.result_type(left.dtype, right.dtype))
            target = out._tensor._storage
            if x.shape == y.shape and x.is_contiguous() and y.is_contiguous():
                elementwise.launch(straight, size, target, left, right, size)
            else:
                form = elementwise.spread(shape, (x.shape, x.strides), (y.shape, y.strides))
                elementwise.launch(
                    spread_out, size, target, left, right, size,
                    form.sizes, form.factors, form.shifts, *form.steps,
                )  # fmt: skip
            return out

        return apply

    @classmethod
    def reduce(
        cls, fn: Callable[[float, float], float], start: float = 0.0
    ) -> Callable[[Tensor, int], Tensor]:
        """Return `apply(a, dim)`, which folds dimension `dim`; see `CudaOps.reduce`."""

        def apply(a: Tensor, dim: int) -> Tensor:
            refuse_mixed(f"reduce by {fn.__name__}", (a,), True)
            shape = a.shape
            dim = checked_dim(dim, shape, "reduce")
            out = a.new_empty((*shape[:dim], 1, *shape[dim + 1 :]))
            if out._tensor.size:
                outer, inner = math.prod(shape[:dim]), math.prod(shape[dim + 1 :])
                source = _contiguous(a)._storage
                fold(fn, start, out._tensor._storage, source, outer, shape[dim], inner)
            return out

        return apply

    @staticmethod
    def matrix_multiply(a: Tensor, b: Tensor) -> Tensor:
        """Return the matrix products over the last two dimensions, the others broadcast."""
        refuse_mixed("matrix product", (a, b), True)
        out = matrix_multiply_output(a, b)
        if out._tensor.size:
            rows, columns, length = out.shape[-2], out.shape[-1], a.shape[-1]
            parts = [t._tensor for t in (out, a, b)]
            if b.dims == 2 and a._tensor.is_contiguous():
                # All rows of the batch against one matrix: one product.
                batch, rows = 1, out._tensor.size // columns
                down, across = b._tensor.strides
                steps = [(0, columns, 1), (0, length, 1), (0, down, across)]
            else:
                parts = [as_matrices(t, out.shape[:-2]) for t in (out, a, b)]
                batch = parts[0].shape[0]
                steps = [_over_batch(part) for part in parts]
            storages = [part._storage for part in parts]
            multiply(
                storages[0], steps[0], storages[1], steps[1], storages[2], steps[2],
                batch, rows, columns, length,
            )  # fmt: skip
        return out


def _over_batch(matrices: TensorData) -> tuple[int, int, int]:
    """Return the strides of (batch, rows, columns), 0 where one matrix serves the whole batch."""
    step, down, across = matrices.strides
    return step if matrices.shape[0] > 1 else 0, down, across


def conv2d(
    out: Any, out_shape: Any, out_strides: Any, out_size: int,
    input: Any, input_shape: Any, input_strides: Any,
    weight: Any, weight_shape: Any, weight_strides: Any,
    reverse: bool,
) -> None:  # fmt: skip
    """Compute the convolution of `cuda_conv.conv2d`, whose arguments these are."""
    shape, steps = dimensions(out_shape, out_strides)
    filters = dimensions(weight_shape, weight_strides)
    if steps != contiguous_strides(shape) or out_size * math.prod(filters[0][1:]) < _LITTLE:
        plain_conv2d(
            out, out_shape, out_strides, out_size, input, input_shape, input_strides,
            weight, weight_shape, weight_strides, reverse,
        )  # fmt: skip
        return
    images = dimensions(input_shape, input_strides)
    convolve(out, shape, steps, input, *images, weight, *filters, reverse)


register_kernel(TunedCudaOps, "conv2d", conv2d)
# Fused forms are looked up by the class itself, not by those above it.
for form in (avgpool2d, window_maxima, window_means):
    register_fused(TunedCudaOps, form.__name__, form)
register_backend("cuda", TunedCudaOps)
