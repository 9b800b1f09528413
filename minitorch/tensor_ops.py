"""Module 2: operations on tensors in plain Python, to be read.

Three higher-order functions, `tensor_map`, `tensor_zip` and `tensor_reduce`, turn functions
of numbers into functions of storages with shapes and strides. Every faster backend does the
same, only faster; what prepares the outputs and calls them is in `backends.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import operators
from .backends import (
    TensorBackend,
    TensorOps,
    get_backend,
    matrix_multiply_output,
    register_backend,
)
from .devices import refuse_mixed
from .tensor_data import MAX_DIMS, broadcast_index, index_to_position, size_of, to_index

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "SimpleBackend",
    "SimpleOps",
    "TensorBackend",
    "TensorOps",
    "tensor_map",
    "tensor_reduce",
    "tensor_zip",
]


def _quiet(kernel: Callable[..., None]) -> Callable[..., None]:
    """Let division by zero and overflow give infinity or NaN without a warning."""

    @functools.wraps(kernel)
    def run(*args: Any) -> None:
        with np.errstate(all="ignore"):
            kernel(*args)

    return run


def tensor_map(fn: Callable[[float], float]) -> Callable[..., None]:
    """Return a function over storages that maps `fn`, with broadcasting.

    It takes `(out, out_shape, out_strides, in_storage, in_shape, in_strides)` and fills
    `out`; `in_shape` must broadcast to `out_shape`.
    """

    def _map(
        out: Any, out_shape: Any, out_strides: Any, in_storage: Any, in_shape: Any, in_strides: Any
    ) -> None:
        out_index = np.zeros(MAX_DIMS, np.int64)
        in_index = np.zeros(MAX_DIMS, np.int64)
        for ordinal in range(size_of(out_shape)):
            to_index(ordinal, out_shape, out_index)
            broadcast_index(out_index, out_shape, in_shape, in_index)
            position = index_to_position(out_index, out_strides)
            out[position] = fn(in_storage[index_to_position(in_index, in_strides)])

    return _quiet(_map)


def tensor_zip(fn: Callable[[float, float], float]) -> Callable[..., None]:
    """Return a function over storages that maps `fn` over pairs, with broadcasting.

    It takes `(out, out_shape, out_strides, a_storage, a_shape, a_strides, b_storage, b_shape,
    b_strides)` and fills `out`; both shapes must broadcast to `out_shape`.
    """

    def _zip(
        out: Any, out_shape: Any, out_strides: Any,
        a_storage: Any, a_shape: Any, a_strides: Any,
        b_storage: Any, b_shape: Any, b_strides: Any,
    ) -> None:  # fmt: skip
        out_index = np.zeros(MAX_DIMS, np.int64)
        a_index = np.zeros(MAX_DIMS, np.int64)
        b_index = np.zeros(MAX_DIMS, np.int64)
        for ordinal in range(size_of(out_shape)):
            to_index(ordinal, out_shape, out_index)
            broadcast_index(out_index, out_shape, a_shape, a_index)
            broadcast_index(out_index, out_shape, b_shape, b_index)
            a = a_storage[index_to_position(a_index, a_strides)]
            b = b_storage[index_to_position(b_index, b_strides)]
            out[index_to_position(out_index, out_strides)] = fn(a, b)

    return _quiet(_zip)


def tensor_reduce(fn: Callable[[float, float], float]) -> Callable[..., None]:
    """Return a function over storages that folds one dimension with `fn`.

    It takes `(out, out_shape, out_strides, a_storage, a_shape, a_strides, reduce_dim)`;
    `out` holds the start value, and `out_shape` is `a_shape` but for a 1 at `reduce_dim`.
    """

    def _reduce(
        out: Any, out_shape: Any, out_strides: Any,
        a_storage: Any, a_shape: Any, a_strides: Any, reduce_dim: int,
    ) -> None:  # fmt: skip
        index = np.zeros(MAX_DIMS, np.int64)
        for ordinal in range(size_of(out_shape)):
            to_index(ordinal, out_shape, index)
            position = index_to_position(index, out_strides)
            for i in range(a_shape[reduce_dim]):
                index[reduce_dim] = i
                element = a_storage[index_to_position(index, a_strides)]
                out[position] = fn(out[position], element)

    return _quiet(_reduce)


class SimpleOps(TensorOps):
    """Operations by loops in plain Python."""

    tensor_map = staticmethod(tensor_map)
    tensor_zip = staticmethod(tensor_zip)
    tensor_reduce = staticmethod(tensor_reduce)

    @staticmethod
    def matrix_multiply(a: Tensor, b: Tensor) -> Tensor:
        """Return the matrix products over the last two dimensions, the others broadcast.

        Row i of the left times column j of the right is a product and a sum::

            (..., n, k, 1) * (..., 1, k, m) = (..., n, k, m), summed over k
        """
        refuse_mixed("matrix product", (a, b), False)
        shape = matrix_multiply_output(a, b).shape
        left = a._tensor.sharing((*a.shape, 1), (*a._tensor.strides, 0), a.size)
        (*batch, k, m), (*batch_strides, k_step, m_step) = b.shape, b._tensor.strides
        right = b._tensor.sharing((*batch, 1, k, m), (*batch_strides, 0, k_step, m_step), b.size)
        products = SimpleOps.zip(operators.mul)(a._new(left), b._new(right))
        sums = SimpleOps.reduce(operators.add, 0.0)(products, len(shape) - 1)
        return sums._new(sums._tensor.view(shape))


register_backend("simple", SimpleOps)
SimpleBackend = get_backend("simple")
