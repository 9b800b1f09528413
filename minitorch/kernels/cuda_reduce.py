"""Reductions on a GPU: which threads share a line, so that all memory is read in order.

The lines along a dimension lie in memory as (outer, length, inner): numbers of one line are `inner`
apart. Where they are neighbours, so are the threads that share a line; where they are not, those of
neighbouring lines are. Either way a warp reads neighbours::

    inner = 1    line 0  0 1 2 3 0 1 2 3      inner = 8    line     0 1 2 3 4 5 6 7
                 line 1  4 5 6 7 4 5 6 7                   k = 0    0 1 2 3 4 5 6 7
                                                           k = 1    8 9 . . . . . .    threads

Each thread folds what it reads, four numbers at a time, and then the threads of a line fold their
results in shared memory: half of them take up what the other half has, then a quarter, and so on,
as Harris shows in Optimizing parallel reduction in CUDA (2007). If there are too few lines to fill
the GPU, each is cut into parts, whose results a second launch folds. So the result does not depend
on which block comes first, as it would with atomic additions.

Four numbers are folded in their own precision, these results in double precision: sums are as exact
as their inputs, and a GPU whose double precision is slow does little of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from ..cuda_target import CudaKernel, blocks_for, cuda, empty
from .cuda_elementwise import in_precision
from .cuda_tiles import ENOUGH_BLOCKS, unsigned

__all__ = ["fold", "line_kernel"]

# Threads of a block at most, and those that run in step.
THREADS = 256
WARP = 32

# The numbers that a thread asks for at once.
AT_ONCE = 4

# A part of a line has at least so many numbers for each thread.
LEAST_EACH = 16


@functools.cache
def line_kernel(fn: Callable[[float, float], float], dtype: np.dtype[Any]) -> CudaKernel:
    """Return the kernel that folds lines of numbers of `dtype` with `fn`.

    It takes `(out, a, lines, length, inner, start, workers, span)`. `a` is (lines / inner, length,
    inner), contiguous, and part p of line i, `span` numbers from p * span on, goes to
    out[p * lines + i]. `workers` threads share a line, a power of two. It is launched with blocks
    of as many, or a multiple up to `THREADS`: along x for all lines, along y for all parts.
    """
    kind = numba.from_dtype(dtype)
    few_fn = in_precision(fn, dtype)

    def fold_lines(
        out: Any, a: Any, lines: int, length: int, inner: int, start: float, workers: int, span: int
    ) -> None:
        cache = cuda.shared.array(THREADS, numba.float64)
        few = cuda.local.array(AT_ONCE, kind)
        thread = cuda.threadIdx.x
        beside = cuda.blockDim.x // workers
        if inner == 1:
            worker, line, apart = thread % workers, thread // workers, 1
        else:
            worker, line, apart = thread // beside, thread % beside, beside
        line += cuda.blockIdx.x * beside
        k = cuda.blockIdx.y * span + worker
        end = min((cuda.blockIdx.y + 1) * span, length) if line < lines else 0
        first = line // inner * length * inner + line % inner
        result = start
        while k < end:
            for i in range(AT_ONCE):
                few[i] = start
                if k + i * workers < end:
                    few[i] = a[unsigned(first + (k + i * workers) * inner)]
            result = fn(result, few_fn(few_fn(few[0], few[1]), few_fn(few[2], few[3])))
            k += AT_ONCE * workers
        cache[thread] = result
        cuda.syncthreads()
        width = workers // 2
        while width > 0:
            if worker < width:
                cache[thread] = fn(cache[thread], cache[thread + width * apart])
            cuda.syncthreads()
            width //= 2
        if worker == 0 and line < lines:
            out[unsigned(cuda.blockIdx.y * lines + line)] = cache[thread]

    return CudaKernel(fold_lines)


@functools.lru_cache(maxsize=4096)
def shared_out(lines: int, length: int, inner: int) -> tuple[int, int]:
    """Return how many threads share a line, and into how many parts it is cut."""
    useful = _power_of_two(-(-length // AT_ONCE))
    if inner == 1:
        # At least a warp reads side by side, where a line is as long as that.
        workers = min(THREADS, max(useful, min(WARP, _power_of_two(length))))
    else:
        # The threads of a warp have a line each, where there are as many.
        workers = min(THREADS // min(WARP, _power_of_two(lines)), useful)
    blocks = blocks_for(lines, THREADS // workers)
    # Of more parts than the last number the second launch would need a third.
    parts = min(2 * ENOUGH_BLOCKS // blocks, length // (LEAST_EACH * workers), LEAST_EACH * workers)
    return workers, max(1, parts)


def _power_of_two(number: int) -> int:
    """Return the smallest power of two that is not below a number."""
    return 1 << max(0, number - 1).bit_length()


def fold(
    fn: Callable[[float, float], float], start: float,
    out: Any, a: Any, outer: int, length: int, inner: int,
) -> None:  # fmt: skip
    """Fill `out`, contiguous (outer, inner), with `fn` over the lines of (outer, length, inner).

    Args:
        fn: may be applied in any order.
        start: what changes nothing, as 0 in a sum.
        out, a: device storages.
        outer, length, inner: of `a`, contiguous.
    """
    lines = outer * inner
    workers, parts = shared_out(lines, length, inner)
    kernel = line_kernel(fn, a.dtype)
    threads = min(THREADS, max(WARP, workers * lines))
    blocks = blocks_for(lines, threads // workers)
    span = -(-length // parts)
    results = out if parts == 1 else empty(parts * lines, np.float64)
    kernel.launch((blocks, parts), threads, results, a, lines, length, inner, start, workers, span)
    if parts > 1:
        fold(fn, start, out, results, 1, parts, lines)
