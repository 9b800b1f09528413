"""Module 3: the same operations as `tensor_ops`, compiled by Numba and run in parallel.

The kernels are the plainest that run well. Where all operands lie contiguously in one
shape, one loop over the storages does. Elsewhere the index arithmetic is done once for each
row (a run of the last dimension), and within the row one goes on by the stride::

    row 0   o o o o o     its first position: to_index, broadcast_index, index_to_position
    row 1   o o o o o     the rest of it:     position += step
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from .backends import TensorOps, as_matrices, matrix_multiply_output, register_backend
from .devices import refuse_mixed
from .jit import Kernel
from .tensor_data import (
    broadcast_index,
    index_to_position,
    last_step,
    same_layout,
    size_of,
    to_index,
)

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["FastOps", "tensor_map", "tensor_matrix_multiply", "tensor_reduce", "tensor_zip"]


@functools.cache
def tensor_map(fn: Callable[[float], float]) -> Kernel:
    """Return a kernel that maps `fn`, with broadcasting.

    It takes `(out, out_shape, out_strides, in_storage, in_shape, in_strides)` and fills
    `out`; `in_shape` must broadcast to `out_shape`. A storage may be longer than its shape.
    The outer loop runs in parallel.
    """

    def _map(
        out: Any, out_shape: Any, out_strides: Any, in_storage: Any, in_shape: Any, in_strides: Any
    ) -> None:
        size = size_of(out_shape)
        if same_layout(out_shape, out_strides, in_shape, in_strides):
            for i in prange(size):
                out[i] = fn(in_storage[i])
            return
        width = out_shape[-1]
        out_step = last_step(out_shape, out_strides)
        in_step = last_step(in_shape, in_strides)
        for row in prange(size // width):
            out_index = np.empty(len(out_shape), np.int64)
            in_index = np.empty(len(in_shape), np.int64)
            to_index(row * width, out_shape, out_index)
            broadcast_index(out_index, out_shape, in_shape, in_index)
            o = index_to_position(out_index, out_strides)
            i = index_to_position(in_index, in_strides)
            for column in range(width):
                out[o + column * out_step] = fn(in_storage[i + column * in_step])

    return Kernel(_map)


@functools.cache
def tensor_zip(fn: Callable[[float, float], float]) -> Kernel:
    """Return a kernel that maps `fn` over pairs, with broadcasting.

    It takes `(out, out_shape, out_strides, a_storage, a_shape, a_strides, b_storage, b_shape,
    b_strides)` and fills `out`; both shapes must broadcast to `out_shape`. A storage may be
    longer than its shape. The outer loop runs in parallel.
    """

    def _zip(
        out: Any, out_shape: Any, out_strides: Any,
        a_storage: Any, a_shape: Any, a_strides: Any,
        b_storage: Any, b_shape: Any, b_strides: Any,
    ) -> None:  # fmt: skip
        size = size_of(out_shape)
        if same_layout(out_shape, out_strides, a_shape, a_strides) and same_layout(
            out_shape, out_strides, b_shape, b_strides
        ):
            for i in prange(size):
                out[i] = fn(a_storage[i], b_storage[i])
            return
        width = out_shape[-1]
        out_step = last_step(out_shape, out_strides)
        a_step = last_step(a_shape, a_strides)
        b_step = last_step(b_shape, b_strides)
        for row in prange(size // width):
            out_index = np.empty(len(out_shape), np.int64)
            a_index = np.empty(len(a_shape), np.int64)
            b_index = np.empty(len(b_shape), np.int64)
            to_index(row * width, out_shape, out_index)
            broadcast_index(out_index, out_shape, a_shape, a_index)
            broadcast_index(out_index, out_shape, b_shape, b_index)
            o = index_to_position(out_index, out_strides)
            a = index_to_position(a_index, a_strides)
            b = index_to_position(b_index, b_strides)
            for column in range(width):
                out[o + column * out_step] = fn(
                    a_storage[a + column * a_step], b_storage[b + column * b_step]
                )

    return Kernel(_zip)


@functools.cache
def tensor_reduce(fn: Callable[[float, float], float]) -> Kernel:
    """Return a kernel that folds one dimension with `fn`.

    It takes `(out, out_shape, out_strides, a_storage, a_shape, a_strides, reduce_dim)`;
    `out` holds the start value, and `out_shape` is `a_shape` but for a 1 at `reduce_dim`.
    A storage may be longer than its shape: there are `size_of(out_shape)` results. The outer
    loop runs in parallel; the inner one keeps its result in a local variable.
    """

    def _reduce(
        out: Any, out_shape: Any, out_strides: Any,
        a_storage: Any, a_shape: Any, a_strides: Any, reduce_dim: int,
    ) -> None:  # fmt: skip
        length = a_shape[reduce_dim]
        step = a_strides[reduce_dim]
        for ordinal in prange(size_of(out_shape)):
            index = np.empty(len(out_shape), np.int64)
            to_index(ordinal, out_shape, index)
            o = index_to_position(index, out_strides)
            a = index_to_position(index, a_strides)
            result = out[o]
            for i in range(length):
                result = fn(result, a_storage[a + i * step])
            out[o] = result

    return Kernel(_reduce)


def _tensor_matrix_multiply(
    out: Any, out_shape: Any, out_strides: Any,
    a_storage: Any, a_shape: Any, a_strides: Any,
    b_storage: Any, b_shape: Any, b_strides: Any,
) -> None:  # fmt: skip
    """Fill `out` with a batch of matrix products.

    An operand whose batch is of size 1 serves for the whole batch. The outer loop runs in
    parallel; inner loops write nothing but local variables, and multiply once.

    Args:
        out, out_shape, out_strides: (batch, n, m)
        a_storage, a_shape, a_strides: (batch or 1, n, k)
        b_storage, b_shape, b_strides: (batch or 1, k, m)
    """
    columns, length = out_shape[-1], a_shape[-1]
    a_step, b_step = a_strides[-1], b_strides[-2]
    for row in prange(size_of(out_shape) // columns):
        out_index = np.empty(len(out_shape), np.int64)
        a_index = np.empty(len(a_shape), np.int64)
        b_index = np.empty(len(b_shape), np.int64)
        to_index(row * columns, out_shape, out_index)
        broadcast_index(out_index, out_shape, a_shape, a_index)
        broadcast_index(out_index, out_shape, b_shape, b_index)
        # The row of a starts at its column 0; the matrix of b starts at its row 0.
        a_index[-1] = 0
        b_index[-2] = 0
        o = index_to_position(out_index, out_strides)
        a = index_to_position(a_index, a_strides)
        b = index_to_position(b_index, b_strides)
        for column in range(columns):
            total = out.dtype.type(0)
            for k in range(length):
                total += a_storage[a + k * a_step] * b_storage[b + k * b_step]
            out[o + column * out_strides[-1]] = total
            b += b_strides[-1]


tensor_matrix_multiply = Kernel(_tensor_matrix_multiply)


class FastOps(TensorOps):
    """Operations by loops that Numba compiles and runs in parallel."""

    tensor_map = staticmethod(tensor_map)
    tensor_zip = staticmethod(tensor_zip)
    tensor_reduce = staticmethod(tensor_reduce)

    @staticmethod
    def matrix_multiply(a: Tensor, b: Tensor) -> Tensor:
        """Return the matrix products over the last two dimensions, the others broadcast."""
        refuse_mixed("matrix product", (a, b), False)
        out = matrix_multiply_output(a, b)
        if out.size:
            operands = [as_matrices(t, out.shape[:-2]) for t in (out, a, b)]
            work = out.size * a.shape[-1]
            tensor_matrix_multiply.launch(work, *[part for t in operands for part in t.tuple()])
        return out


register_backend("fast", FastOps)
