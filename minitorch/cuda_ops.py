"""Module 3: the same operations on a GPU, where thousands of threads run one function.

A kernel is a function that every thread runs, each with numbers of its own in `cuda.threadIdx`
and `cuda.blockIdx`, from which it works out which element of the output is its::

    blocks     0            1            2             cuda.blockIdx.x
    threads    0 1 2 3      0 1 2 3      0 1 2 3       cuda.threadIdx.x
    elements   0 1 2 3      4 5 6 7      8 9 - -       i = cuda.grid(1), none where i >= out_size

Threads of one block share a small fast memory (`cuda.shared.array`) and can wait for each other
(`cuda.syncthreads`). The launch, how many blocks of how many threads, is chosen in Python by the
functions that are given here. Without a GPU, the simulator in `cudasim` runs the same kernels and
reports what a GPU would not: races, reads out of bounds, barriers that some threads miss.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numba

from .backends import TensorOps, as_matrices, matrix_multiply_output, register_backend
from .cuda_memory import CudaMemory, dimensions
from .cuda_target import CudaKernel, blocks_for, cuda, empty
from .devices import refuse_mixed
from .errors import ShapeError
from .shapes import MAX_DIMS, checked_dim
from .tensor_data import TensorData, broadcast_index, index_to_position, to_index

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "CudaOps",
    "mm_practice",
    "sum_practice",
    "tensor_map",
    "tensor_matrix_multiply",
    "tensor_reduce",
    "tensor_zip",
]

# Threads of a block: for map and zip; at most for reduce; for the practice sum.
THREADS = 256
REDUCE_THREADS = 256
PRACTICE_THREADS = 32

# The side of the tiles of the matrix products: a block has TILE x TILE threads.
TILE = 16
PRACTICE_SIDE = 32

# No launch may have more blocks than this along its second and third dimension.
MOST_BLOCKS = 65535


@functools.cache
def tensor_map(fn: Callable[[float], float]) -> CudaKernel:
    """Return a kernel that maps `fn`, with broadcasting.

    It takes `(out, out_shape, out_strides, out_size, in_storage, in_shape, in_strides)` and fills
    `out`; `in_shape` must broadcast to `out_shape`. It is launched with a thread for each of the
    `out_size` elements of `out`, and some more, to fill the last block.
    """

    def _map(
        out: Any, out_shape: Any, out_strides: Any, out_size: int,
        in_storage: Any, in_shape: Any, in_strides: Any,
    ) -> None:  # fmt: skip
        i = cuda.grid(1)
        if i < out_size:
            out_index = cuda.local.array(MAX_DIMS, numba.int64)
            in_index = cuda.local.array(MAX_DIMS, numba.int64)
            to_index(i, out_shape, out_index)
            broadcast_index(out_index, out_shape, in_shape, in_index)
            element = in_storage[index_to_position(in_index, in_strides)]
            out[index_to_position(out_index, out_strides)] = fn(element)

    return CudaKernel(_map)


@functools.cache
def tensor_zip(fn: Callable[[float, float], float]) -> CudaKernel:
    """Return a kernel that maps `fn` over pairs, with broadcasting.

    It takes `(out, out_shape, out_strides, out_size, a_storage, a_shape, a_strides, b_storage,
    b_shape, b_strides)` and fills `out`; both shapes must broadcast to `out_shape`. It is launched
    as the kernel of `tensor_map`.
    """

    def _zip(
        out: Any, out_shape: Any, out_strides: Any, out_size: int,
        a_storage: Any, a_shape: Any, a_strides: Any,
        b_storage: Any, b_shape: Any, b_strides: Any,
    ) -> None:  # fmt: skip
        i = cuda.grid(1)
        if i < out_size:
            out_index = cuda.local.array(MAX_DIMS, numba.int64)
            a_index = cuda.local.array(MAX_DIMS, numba.int64)
            b_index = cuda.local.array(MAX_DIMS, numba.int64)
            to_index(i, out_shape, out_index)
            broadcast_index(out_index, out_shape, a_shape, a_index)
            broadcast_index(out_index, out_shape, b_shape, b_index)
            a = a_storage[index_to_position(a_index, a_strides)]
            b = b_storage[index_to_position(b_index, b_strides)]
            out[index_to_position(out_index, out_strides)] = fn(a, b)

    return CudaKernel(_zip)


def _sum_practice(out: Any, a: Any, size: int) -> None:
    """Fill `out` with the sums of pieces of `a`, each of as many elements as a block has threads.

    Piece number b is a[32 b], ..., a[32 b + 31]; the last may be shorter. Each block brings its
    piece into shared memory, adds it up there, and writes one element of `out`. It is launched with
    `PRACTICE_THREADS` (32) threads in each of as many blocks as there are pieces.

    Args:
        out: a storage with an element for each piece.
        a: a storage.
        size: the number of elements of `a`.
    """
    cache = cuda.shared.array(PRACTICE_THREADS, numba.float64)
    i = cuda.grid(1)
    thread = cuda.threadIdx.x
    cache[thread] = a[i] if i < size else 0.0
    cuda.syncthreads()
    width = PRACTICE_THREADS // 2
    while width > 0:
        # The first `width` threads add what stands `width` further on.
        if thread < width:
            cache[thread] += cache[thread + width]
        cuda.syncthreads()
        width //= 2
    if thread == 0:
        out[cuda.blockIdx.x] = cache[0]


sum_practice_kernel = CudaKernel(_sum_practice)


def sum_practice(a: Tensor) -> TensorData:
    """Return the sums of pieces of 32 elements of a vector, computed by blocks of 32 threads.

    Args:
        a: (size,), on the CUDA backend.

    Returns:
        (size / 32, rounded up, and at least 1,), on the host.

    Raises:
        ShapeError: if `a` is not a vector.
    """
    if a.dims != 1:
        raise ShapeError(f"sum_practice: takes a vector, not shape {a.shape}")
    vector = a.contiguous()._tensor
    blocks = blocks_for(vector.size, PRACTICE_THREADS)
    out = empty(blocks, a.dtype)
    sum_practice_kernel[blocks, PRACTICE_THREADS](out, vector._storage, vector.size)
    return TensorData(out.copy_to_host(), (blocks,))


@functools.cache
def tensor_reduce(fn: Callable[[float, float], float]) -> CudaKernel:
    """Return a kernel that folds one dimension with `fn`.

    It takes `(out, out_shape, out_strides, out_size, a_storage, a_shape, a_strides, reduce_dim,
    reduce_value)` and fills `out`; `out_shape` is `a_shape` but for a 1 at `reduce_dim`, whose size
    in `a_shape` may be any, 0 too. `reduce_value` leaves a number as it is that it is folded with,
    and `fn` may be applied in any order, as addition. The kernel is launched with a block for each
    element of `out`. A block has `cuda.blockDim.x` threads, a power of two up to `REDUCE_THREADS`.
    """

    def _reduce(
        out: Any, out_shape: Any, out_strides: Any, out_size: int,
        a_storage: Any, a_shape: Any, a_strides: Any,
        reduce_dim: int, reduce_value: float,
    ) -> None:  # fmt: skip
        cache = cuda.shared.array(REDUCE_THREADS, numba.float64)
        index = cuda.local.array(MAX_DIMS, numba.int64)
        thread = cuda.threadIdx.x
        # The index of the output is that of the first element that goes into it.
        to_index(cuda.blockIdx.x, out_shape, index)
        first = index_to_position(index, a_strides)
        step = a_strides[reduce_dim]
        result = reduce_value
        for i in range(thread, a_shape[reduce_dim], cuda.blockDim.x):
            result = fn(result, a_storage[first + i * step])
        cache[thread] = result
        cuda.syncthreads()
        width = cuda.blockDim.x // 2
        while width > 0:
            if thread < width:
                cache[thread] = fn(cache[thread], cache[thread + width])
            cuda.syncthreads()
            width //= 2
        if thread == 0:
            out[index_to_position(index, out_strides)] = cache[0]

    return CudaKernel(_reduce)


def _mm_practice(out: Any, a: Any, b: Any, size: int) -> None:
    """Fill `out` with the product of two square matrices of at most 32 x 32.

    One block of 32 x 32 threads does it. It brings both matrices into shared memory, so that each
    element is read from global memory once, and then computes with these.

    Args:
        out, a, b: contiguous storages of size x size elements.
        size: the number of rows and columns, 32 at most.
    """
    a_tile = cuda.shared.array((PRACTICE_SIDE, PRACTICE_SIDE), numba.float64)
    b_tile = cuda.shared.array((PRACTICE_SIDE, PRACTICE_SIDE), numba.float64)
    row, column = cuda.threadIdx.y, cuda.threadIdx.x
    inside = row < size and column < size
    if inside:
        a_tile[row, column] = a[row * size + column]
        b_tile[row, column] = b[row * size + column]
    cuda.syncthreads()
    if inside:
        total = 0.0
        for k in range(size):
            total += a_tile[row, k] * b_tile[k, column]
        out[row * size + column] = total


mm_practice_kernel = CudaKernel(_mm_practice)


def mm_practice(a: Tensor, b: Tensor) -> TensorData:
    """Return the product of two square matrices of at most 32 x 32, computed by one block.

    Args:
        a, b: (size, size), on the CUDA backend.

    Returns:
        (size, size), on the host.

    Raises:
        ShapeError: if they are not square, of one size, and at most 32 x 32.
    """
    size = a.shape[0] if a.shape else 0
    if not 0 < size <= PRACTICE_SIDE or a.shape != (size, size) or b.shape != (size, size):
        raise ShapeError(
            f"mm_practice: {a.shape} and {b.shape}: both must be square, of one size up to "
            f"{PRACTICE_SIDE} x {PRACTICE_SIDE}"
        )
    left, right = a.contiguous()._tensor._storage, b.contiguous()._tensor._storage
    out = empty(size * size, a.dtype)
    mm_practice_kernel[1, (PRACTICE_SIDE, PRACTICE_SIDE)](out, left, right, size)
    return TensorData(out.copy_to_host(), (size, size))


def _tensor_matrix_multiply(
    out: Any, out_shape: Any, out_strides: Any, out_size: int,
    a_storage: Any, a_shape: Any, a_strides: Any,
    b_storage: Any, b_shape: Any, b_strides: Any,
) -> None:  # fmt: skip
    """Fill `out` with a batch of matrix products, tile by tile.

    A block computes a tile of TILE x TILE elements of `out`, a thread for each. It goes along the
    row of tiles of `a` and down the column of tiles of `b`: brings one tile of each into shared
    memory, and adds up what their product gives. Each element is then read from global memory
    once for a whole tile, not once for each element of `out` that needs it::

                          b   | tile 0 |
                              | tile 1 |   TILE columns
                              | tile 2 |
        a                     v
        tile 0 tile 1 tile 2  > out       out tile = a0 b0 + a1 b1 + a2 b2

    An operand whose batch is of size 1 serves for the whole batch. The launch has, along its first
    dimension, a block for each TILE rows, along its second for each TILE columns, along its third
    for each matrix of the batch; a block has TILE x TILE threads.

    Args:
        out, out_shape, out_strides, out_size: (batch, n, m)
        a_storage, a_shape, a_strides: (batch or 1, n, k)
        b_storage, b_shape, b_strides: (batch or 1, k, m)
    """
    a_tile = cuda.shared.array((TILE, TILE), numba.float64)
    b_tile = cuda.shared.array((TILE, TILE), numba.float64)
    batch = cuda.blockIdx.z
    a_matrix = batch * a_strides[0] if a_shape[0] > 1 else 0
    b_matrix = batch * b_strides[0] if b_shape[0] > 1 else 0
    # Neighbouring threads of a warp differ in x: they read and write neighbouring columns.
    y, x = cuda.threadIdx.y, cuda.threadIdx.x
    row = cuda.blockIdx.x * TILE + y
    column = cuda.blockIdx.y * TILE + x
    rows, columns, length = out_shape[1], out_shape[2], a_shape[2]

    total = 0.0
    for start in range(0, length, TILE):
        # What lies outside of the matrices counts as zeros.
        a_tile[y, x] = 0.0
        b_tile[y, x] = 0.0
        if row < rows and start + x < length:
            a_tile[y, x] = a_storage[a_matrix + row * a_strides[1] + (start + x) * a_strides[2]]
        if start + y < length and column < columns:
            b_tile[y, x] = b_storage[b_matrix + (start + y) * b_strides[1] + column * b_strides[2]]
        cuda.syncthreads()
        for k in range(TILE):
            total += a_tile[y, k] * b_tile[k, x]
        # Nobody overwrites a tile that somebody still reads.
        cuda.syncthreads()
    if row < rows and column < columns:
        out[batch * out_strides[0] + row * out_strides[1] + column * out_strides[2]] = total


tensor_matrix_multiply = CudaKernel(_tensor_matrix_multiply)


def threads_for(size: int, most: int) -> int:
    """Return how many threads of a block serve `size` elements: a power of two, 32 to `most`."""
    return min(most, max(32, 1 << max(0, size - 1).bit_length()))


class CudaOps(CudaMemory, TensorOps):
    """Operations by kernels on a GPU, or on the simulator where there is none."""

    cuda = True

    @staticmethod
    def tensor_map(fn: Callable[[float], float]) -> Callable[..., None]:
        """Return a function that launches the kernel of `tensor_map`, with FastOps' arguments."""
        kernel = tensor_map(fn)

        def launch(out: Any, out_shape: Any, out_strides: Any, *operand: Any) -> None:
            size = math.prod(out_shape.tolist())
            threads = threads_for(size, THREADS)
            kernel[blocks_for(size, threads), threads](
                out,
                *dimensions(out_shape, out_strides),
                size,
                operand[0],
                *dimensions(*operand[1:]),
            )

        return launch

    @staticmethod
    def tensor_zip(fn: Callable[[float, float], float]) -> Callable[..., None]:
        """Return a function that launches the kernel of `tensor_zip`, with FastOps' arguments."""
        kernel = tensor_zip(fn)

        def launch(
            out: Any, out_shape: Any, out_strides: Any,
            a: Any, a_shape: Any, a_strides: Any,
            b: Any, b_shape: Any, b_strides: Any,
        ) -> None:  # fmt: skip
            size = math.prod(out_shape.tolist())
            threads = threads_for(size, THREADS)
            kernel[blocks_for(size, threads), threads](
                out, *dimensions(out_shape, out_strides), size,
                a, *dimensions(a_shape, a_strides), b, *dimensions(b_shape, b_strides),
            )  # fmt: skip

        return launch

    @classmethod
    def reduce(
        cls, fn: Callable[[float, float], float], start: float = 0.0
    ) -> Callable[[Tensor, int], Tensor]:
        """Return `apply(a, dim)`, which folds dimension `dim` with `fn` to size one.

        Unlike on other backends `start` goes into the result more than once: it must be a number
        that changes nothing, as 0 in a sum.
        """
        kernel = tensor_reduce(fn)

        def apply(a: Tensor, dim: int) -> Tensor:
            refuse_mixed(f"reduce by {fn.__name__}", (a,), True)
            dim = checked_dim(dim, a.shape, "reduce")
            out = a.new_empty((*a.shape[:dim], 1, *a.shape[dim + 1 :]))
            if out._tensor.size:
                target, source = out._tensor, a._tensor
                threads = threads_for(a.shape[dim], REDUCE_THREADS)
                kernel[target.size, threads](
                    target._storage, target.shape, target.strides, target.size,
                    source._storage, source.shape, source.strides, dim, start,
                )  # fmt: skip
            return out

        return apply

    @staticmethod
    def matrix_multiply(a: Tensor, b: Tensor) -> Tensor:
        """Return the matrix products over the last two dimensions, the others broadcast."""
        refuse_mixed("matrix product", (a, b), True)
        out = matrix_multiply_output(a, b)
        if out._tensor.size:
            operands = [as_matrices(t, out.shape[:-2]) for t in (out, a, b)]
            for start in range(0, operands[0].shape[0], MOST_BLOCKS):
                _multiply(*[_part(t, start) for t in operands])
        return out


def _part(matrices: TensorData, start: int) -> TensorData:
    """Return the matrices from number `start` on, as many as one launch takes."""
    count, *sides = matrices.shape
    if count <= MOST_BLOCKS:
        return matrices
    count = min(count - start, MOST_BLOCKS)
    shape = (count, *sides)
    first = start * matrices.strides[0]
    return matrices.sharing(shape, matrices.strides, math.prod(shape), first)


def _multiply(out: TensorData, a: TensorData, b: TensorData) -> None:
    """Launch the kernel for (batch, n, k) @ (batch, k, m), a batch of 1 serving for all."""
    batch, rows, columns = out.shape
    blocks = (blocks_for(rows, TILE), blocks_for(columns, TILE), batch)
    parts: list[Any] = [out._storage, out.shape, out.strides, out.size]
    for operand in (a, b):
        parts += [operand._storage, operand.shape, operand.strides]
    tensor_matrix_multiply[blocks, (TILE, TILE)](*parts)


register_backend("cuda", CudaOps)
