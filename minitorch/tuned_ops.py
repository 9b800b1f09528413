"""The tuned backend: the same operations, as fast as Numba can go.

What lies contiguously, which is nearly everything, is told apart first and handed to a kernel as
it is. The rest goes through `kernels/elementwise.py`, which makes few long rows of it. So little
is done in Python for each operation: on a thousand numbers that takes most of the time.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import numpy.typing as npt

from . import operators
from .backends import matrix_multiply_output, register_backend
from .devices import devices, refuse_mixed
from .fast_ops import FastOps
from .jit import PARALLEL_FROM, Kernel
from .kernels import reduce as reductions
from .kernels.elementwise import Layout, copy_kernel, layout, map_kernel, zip_kernels
from .kernels.machine import best_tile
from .kernels.matmul import product_kernel
from .kernels.packing import transpose_kernel
from .kernels.vector_math import vectorised
from .shapes import checked_dim
from .tensor_data import TensorData, contiguous_strides, shape_broadcast

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["TunedOps", "elements_of", "lines_of", "product"]

# Copying a transposed operand first pays off from so many elements.
_TRANSPOSE_FROM = 1 << 12

_FIRST = np.zeros(1, np.int64)

# Reductions with kernels of their own: by function and start value.
_REDUCTIONS: dict[tuple[Callable[[float, float], float], float], Kernel] = {
    (operators.add, 0.0): reductions.sum_kernel,
    (operators.mul, 1.0): reductions.prod_kernel,
    (operators.max, -math.inf): reductions.max_kernel,
}


def elements_of(a: Tensor) -> Any:
    """Return the elements in reading order, as a flat array, which may be longer."""
    return a.contiguous()._tensor._storage


def _straightened(data: TensorData) -> TensorData:
    """Return a contiguous copy of a large transposed tensor, and any other as it is.

    Going across the rows of memory for each row of the result would miss the cache at each
    step; a copy in blocks does not.
    """
    strides, shape = data.strides, data.shape
    if (
        data.size < _TRANSPOSE_FROM
        or data.dims < 2
        or strides[-1] <= 1
        or shape[-1] == 1
        or 1 not in strides
    ):
        return data
    rows = strides.index(1)
    if shape[rows] < 4:
        return data
    # The dimension whose numbers are neighbours comes next to the last, the others before.
    others = [dim for dim in range(data.dims - 1) if dim != rows]
    starts = _starts(tuple([shape[dim] for dim in others]), tuple([strides[dim] for dim in others]))
    out = np.empty(data.size, data._storage.dtype)
    transpose_kernel.launch(
        data.size, out, data._storage, starts, shape[rows], shape[-1], strides[-1]
    )
    if not others or rows == data.dims - 2:
        return TensorData.fresh(out, shape, contiguous_strides(shape), data.size)
    made = (*[shape[dim] for dim in others], shape[rows], shape[-1])
    steps = dict(zip([*others, rows, data.dims - 1], contiguous_strides(made), strict=True))
    straight = TensorData.fresh(out, shape, tuple([steps[d] for d in range(data.dims)]), data.size)
    straight._contiguous = None
    return straight


@functools.lru_cache(maxsize=64)
def _starts(shape: tuple[int, ...], strides: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return the positions of all indices of a shape, in reading order."""
    out = np.zeros((), np.int64)
    for size, stride in zip(shape, strides, strict=True):
        out = np.add.outer(out, np.arange(size, dtype=np.int64) * stride)
    return out.reshape(-1)


def _contiguous(data: TensorData) -> TensorData:
    """Return a tensor whose elements lie in reading order: the same, or a copy."""
    if data.is_contiguous():
        return data
    shape, size = data.shape, data.size
    straight = _straightened(data)
    if straight._contiguous:
        return straight
    out = np.empty(size, data._storage.dtype)
    if size:
        form = layout(shape, (straight.shape, straight.strides))
        copy_kernel.launch(
            size, out, straight._storage, *form.row_steps, *form.steps, form.rows, form.length
        )
    return TensorData.fresh(out, shape, contiguous_strides(shape), size)


@functools.lru_cache(maxsize=4096)
def _zip_layout(
    shape: tuple[int, ...], strides: tuple[int, ...],
    other: tuple[int, ...], other_strides: tuple[int, ...],
) -> Layout:  # fmt: skip
    """Return how two operands lie when broadcast to one shape."""
    return layout(shape_broadcast(shape, other), (shape, strides), (other, other_strides))


@functools.lru_cache(maxsize=4096)
def lines_of(shape: tuple[int, ...], dim: int) -> tuple[int, int, int]:
    """Return (outer, length, inner): the lines along a dimension, as kernels take them.

    Raises:
        IndexingError: if there is no such dimension.
    """
    dim = checked_dim(dim, shape, "lines")
    return math.prod(shape[:dim]), shape[dim], math.prod(shape[dim + 1 :])


class _ByDtype(dict[np.dtype[Any], Any]):
    """What `build` makes of a function for each dtype, made when it is first asked for."""

    def __init__(self, fn: Callable[..., float], build: Callable[..., Any]) -> None:
        self.fn = fn
        self.build = build

    def __missing__(self, dtype: np.dtype[Any]) -> Any:
        self[dtype] = self.build(vectorised(self.fn, dtype))
        return self[dtype]


class TunedOps(FastOps):
    """Operations by kernels that are cut to the machine; what the library uses by default."""

    compiled_only = True

    @classmethod
    def map(cls, fn: Callable[[float], float]) -> Callable[..., Tensor]:
        """Return `apply(a, out=None)`, which is `fn` of each element; see `TensorOps.map`."""
        kernels = _ByDtype(fn, map_kernel)
        into = super().map(fn)
        is_copy = fn is operators.id

        def apply(a: Tensor, out: Tensor | None = None) -> Tensor:
            if out is not None:
                return into(a, out)
            if devices.in_use:
                refuse_mixed(f"map of {fn.__name__}", (a,), False)
            given = a._tensor
            data = given if given._contiguous else _contiguous(given)
            if is_copy and data is not given:
                return a._new(data)
            storage = data._storage
            size = data.size
            target = np.empty(size, storage.dtype)
            kernels[storage.dtype].launch(size, target, storage, size)
            return a._new(TensorData.fresh(target, data.shape, data.strides, size))

        return apply

    @classmethod
    def zip(cls, fn: Callable[[float, float], float]) -> Callable[[Tensor, Tensor], Tensor]:
        """Return `apply(a, b)`, which is `fn` of each pair of elements; see `TensorOps.zip`."""
        kernels = _ByDtype(fn, zip_kernels)

        def apply(a: Tensor, b: Tensor) -> Tensor:
            if devices.in_use:
                refuse_mixed(f"zip of {fn.__name__}", (a, b), False)
            x, y = a._tensor, b._tensor
            dtype = x._storage.dtype
            if y._storage.dtype is not dtype:
                dtype = np.result_type(dtype, y._storage.dtype)
            shape = x.shape
            if (
                shape == y.shape
                and (x._contiguous or x.is_contiguous())
                and (y._contiguous or y.is_contiguous())
            ):
                size = x.size
                out = np.empty(size, dtype)
                kernels[dtype][0].launch(size, out, x._storage, 1, y._storage, 1, size)
                return a._new(TensorData.fresh(out, shape, x.strides, size))
            if y.size == 1 and y.dims <= x.dims and x.is_contiguous():
                size = x.size
                out = np.empty(size, dtype)
                kernels[dtype][0].launch(size, out, x._storage, 1, y._storage, 0, size)
                return a._new(TensorData.fresh(out, shape, x.strides, size))
            if x.size >= _TRANSPOSE_FROM or y.size >= _TRANSPOSE_FROM:
                x, y = _straightened(x), _straightened(y)
            form = _zip_layout(x.shape, x.strides, y.shape, y.strides)
            size = form.size
            out = np.empty(size, dtype)
            if size:
                _launch_zip(kernels[dtype], form, out, x._storage, y._storage)
            return a._new(TensorData.fresh(out, form.shape, contiguous_strides(form.shape), size))

        return apply

    @classmethod
    def reduce(
        cls, fn: Callable[[float, float], float], start: float = 0.0
    ) -> Callable[[Tensor, int], Tensor]:
        """Return `apply(a, dim)`, which folds a dimension to size one; see `TensorOps.reduce`."""
        known = _REDUCTIONS.get((fn, start))
        kernel = known or reductions.fold(fn)

        def apply(a: Tensor, dim: int) -> Tensor:
            if devices.in_use:
                refuse_mixed(f"reduce by {fn.__name__}", (a,), False)
            data = a._tensor
            shape = data.shape
            dim = checked_dim(dim, shape, "reduce")
            outer, length, inner = lines_of(shape, dim)
            reduced = (*shape[:dim], 1, *shape[dim + 1 :])
            if not data._contiguous:
                data = _contiguous(data)
            size = outer * inner
            dtype = data._storage.dtype
            out = np.empty(size, dtype) if known else np.full(size, start, dtype)
            if size:
                kernel.launch(data.size, out, data._storage, outer, length, inner)
            return a._new(TensorData.fresh(out, reduced, contiguous_strides(reduced), size))

        return apply

    @staticmethod
    def matrix_multiply(a: Tensor, b: Tensor) -> Tensor:
        """Return the matrix products over the last two dimensions, the others broadcast."""
        if devices.in_use:
            refuse_mixed("matrix product", (a, b), False)
        x, y = a._tensor, b._tensor
        if x.dims == 2 and y.dims == 2 and x.shape[1] == y.shape[0]:
            return a._new(product(x, y, x.strides, y.strides, x.shape[0], y.shape[1]))
        out = matrix_multiply_output(a, b)
        if y.dims == 2 and x.is_contiguous():
            # All rows of the batch against one matrix: one product.
            length, columns = y.shape
            rows = math.prod(x.shape[:-1])
            made = product(x, y, (length, 1), y.strides, rows, columns)
            return a._new(made.view(out.shape))
        data = out._tensor
        length = x.shape[-1]
        if not length:
            data._storage[:] = 0
        if data.size and length:
            rows, columns = data.shape[-2:]
            batch = data.shape[:-2]
            x_starts, y_starts = _starts_of(x, batch), _starts_of(y, batch)
            dtype = data._storage.dtype
            _launch_product(
                data._storage, x._storage.astype(dtype, copy=False), x_starts, x.strides[-2:],
                y._storage.astype(dtype, copy=False), y_starts, y.strides[-2:],
                rows, columns, length,
            )  # fmt: skip
        return out


def _starts_of(data: TensorData, batch: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return where each matrix of a batch starts, the tensor broadcast to it."""
    own = data.shape[:-2]
    steps = [0 if n == 1 else s for n, s in zip(own, data.strides[:-2], strict=True)]
    return _starts(batch, (0,) * (len(batch) - len(own)) + tuple(steps))


def product(
    x: TensorData,
    y: TensorData,
    x_strides: tuple[int, ...],
    y_strides: tuple[int, ...],
    rows: int,
    columns: int,
) -> TensorData:
    """Return the product of two matrices of any strides.

    Args:
        x, x_strides: rows x length.
        y, y_strides: length x columns.
    """
    length = x.size // rows if rows else 0
    left, right = x._storage, y._storage
    dtype = left.dtype
    if right.dtype is not dtype:
        dtype = np.result_type(dtype, right.dtype)
        left, right = left.astype(dtype, copy=False), right.astype(dtype, copy=False)
    size = rows * columns
    if not length:
        out = np.zeros(size, dtype)
    else:
        out = np.empty(size, dtype)
        if size:
            _launch_product(
                out, left, _FIRST, x_strides, right, _FIRST, y_strides, rows, columns, length
            )
    return TensorData.fresh(out, (rows, columns), (columns, 1), size)


def _launch_product(
    out: Any, x: Any, x_starts: Any, x_strides: tuple[int, ...],
    y: Any, y_starts: Any, y_strides: tuple[int, ...], rows: int, columns: int, length: int,
) -> None:  # fmt: skip
    """Run the kernel, each product cut into parts where there are fewer of them than threads."""
    # A vector of 64 bytes is multiplied and added in the time that an element takes elsewhere.
    work = len(x_starts) * rows * columns * length * out.itemsize >> 6
    row_parts = column_parts = 1
    if work >= PARALLEL_FROM:
        parts = -(-numba.get_num_threads() // len(x_starts))
        if rows >= columns:
            row_parts = parts
        else:
            column_parts = parts
    product_kernel.launch(
        work, out, x, x_starts, *x_strides, y, y_starts, *y_strides, rows, columns, length,
        best_tile(rows, columns, out.itemsize), row_parts, column_parts,
    )  # fmt: skip


def _launch_zip(kernels: tuple[Kernel, Kernel], form: Layout, out: Any, a: Any, b: Any) -> None:
    a_step, b_step = form.steps
    if not len(form.rows):
        kernels[0].launch(form.size, out, a, a_step, b, b_step, form.length)
        return
    a_rows, b_rows = form.row_steps
    kernels[1].launch(form.size, out, a, a_rows, a_step, b, b_rows, b_step, form.rows, form.length)


register_backend("tuned", TunedOps)
