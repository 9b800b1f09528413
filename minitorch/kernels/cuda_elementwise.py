"""Maps and zips on a GPU, as fast as its memory gives the numbers.

A multiplication takes a thread a few cycles, and a number from global memory some five hundred. So
each thread asks for four numbers before it waits for the first, and the threads of a warp always
ask for neighbours::

    thread     0 1 2 ... 255     numbers  0 ... 255   256 ... 511   512 ... 767   768 ... 1023
    thread 1 brings, and then writes, number 1, 257, 513 and 769

Where operands are broadcast or strided, the index of each number has to be found by divisions,
which a GPU does in some thirty steps. The divisors are known before the launch. So the host works
out for each a factor, and a thread multiplies and shifts (Granlund and Montgomery, Division by
invariant integers using multiplication, 1994)::

    n // 7  =  (n * 4908534053) >> 35        for all n below 2 ** 31
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import numba
import numpy as np

from ..cuda_target import CudaKernel, blocks_for, cuda
from ..jit import plain
from ..relink import relinked
from .cuda_tiles import unsigned
from .elementwise import layout

__all__ = ["MOST", "Spread", "in_precision", "launch", "map_kernels", "spread", "zip_kernels"]

# Threads of a block at most, and the numbers that each of them has.
THREADS = 256
EACH = 4
WARP = 32

# Of fewer elements than this, indices and products with the factors below fit in 64 bits.
MOST = 1 << 31


class Spread(NamedTuple):
    """How operands lie that are broadcast to one shape, as kernels take it.

    Attributes:
        sizes: the shape, neighbouring dimensions merged where all operands allow it.
        factors, shifts: n // sizes[d] is n * factors[d] >> shifts[d].
        steps: for each operand, its strides over `sizes`, 0 where it is broadcast.
    """

    sizes: tuple[int, ...]
    factors: tuple[int, ...]
    shifts: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]


@functools.lru_cache(maxsize=4096)
def spread(shape: tuple[int, ...], *operands: tuple[tuple[int, ...], tuple[int, ...]]) -> Spread:
    """Return how operands, each (shape, strides), lie when broadcast to `shape`."""
    form = layout(shape, *operands)
    sizes = (*form.rows.tolist(), form.length)
    shifts = tuple([31 + (size - 1).bit_length() for size in sizes])
    factors = tuple([-(-(1 << shift) // n) for n, shift in zip(sizes, shifts, strict=True)])
    steps = [(*rows.tolist(), step) for rows, step in zip(form.row_steps, form.steps, strict=True)]
    return Spread(sizes, factors, shifts, tuple(steps))


# The functions made single so far, by the functions that they were made of.
_single: dict[FunctionType, FunctionType] = {}


def in_precision(fn: Callable[..., float], dtype: np.dtype[Any]) -> Callable[..., float]:
    """Return `fn` to be computed in `dtype`, with all functions that it calls.

    A constant as 1.0 is double precision to Numba, and what is added to it becomes so. Many GPUs
    do that 32 or 64 times as slowly. So for single precision the constants are made single.
    """
    function = plain(fn)
    if dtype != np.float32 or not isinstance(function, FunctionType):
        return fn
    if (function.__module__ or "").split(".")[0] in ("numba", "numpy", "math"):
        return fn
    if function not in _single:
        # If it refers to itself, or to another thing of its name, it finds itself.
        _single[function] = function
        made = relinked(function, _in_single)
        code = made.__code__
        made.__code__ = code.replace(co_consts=tuple([_in_single(c) for c in code.co_consts]))
        _single[function] = made
    return _single[function]


def _in_single(value: Any) -> Any:
    if type(value) is float:
        return np.float32(value)
    if isinstance(plain(value), FunctionType):
        return in_precision(value, np.dtype(np.float32))
    return value


@functools.cache
def map_kernels(
    fn: Callable[[float], float], dtype: np.dtype[Any]
) -> tuple[CudaKernel, CudaKernel]:
    """Return the kernels that map `fn` over numbers of `dtype`.

    The first takes `(out, a, size)`, both contiguous; the second `(out, a, size, sizes, factors,
    shifts, a_steps)`, what `spread` gives.
    """
    kind = numba.from_dtype(dtype)
    fn = in_precision(fn, dtype)

    def straight(out: Any, a: Any, size: int) -> None:
        apart = cuda.blockDim.x
        first = cuda.blockIdx.x * apart * EACH + cuda.threadIdx.x
        x = cuda.local.array(EACH, kind)
        for i in range(EACH):
            if first + i * apart < size:
                x[i] = a[unsigned(first + i * apart)]
        for i in range(EACH):
            if first + i * apart < size:
                out[unsigned(first + i * apart)] = fn(x[i])

    def spread_out(
        out: Any, a: Any, size: int, sizes: Any, factors: Any, shifts: Any, a_steps: Any
    ) -> None:
        apart = cuda.blockDim.x
        first = cuda.blockIdx.x * apart * EACH + cuda.threadIdx.x
        x = cuda.local.array(EACH, kind)
        for i in range(EACH):
            rest = first + i * apart
            if rest < size:
                a_at = 0
                for dim in range(len(sizes) - 1, 0, -1):
                    quotient = rest * factors[dim] >> shifts[dim]
                    a_at += (rest - quotient * sizes[dim]) * a_steps[dim]
                    rest = quotient
                x[i] = a[unsigned(a_at + rest * a_steps[0])]
        for i in range(EACH):
            if first + i * apart < size:
                out[unsigned(first + i * apart)] = fn(x[i])

    return CudaKernel(straight), CudaKernel(spread_out)


@functools.cache
def zip_kernels(
    fn: Callable[[float, float], float], a_dtype: np.dtype[Any], b_dtype: np.dtype[Any]
) -> tuple[CudaKernel, CudaKernel]:
    """Return the kernels that map `fn` over pairs.

    The first takes `(out, a, b, size)`, all contiguous; the second `(out, a, b, size, sizes,
    factors, shifts, a_steps, b_steps)`, what `spread` gives.
    """
    a_kind, b_kind = numba.from_dtype(a_dtype), numba.from_dtype(b_dtype)
    fn = in_precision(fn, np.result_type(a_dtype, b_dtype))

    def straight(out: Any, a: Any, b: Any, size: int) -> None:
        apart = cuda.blockDim.x
        first = cuda.blockIdx.x * apart * EACH + cuda.threadIdx.x
        x = cuda.local.array(EACH, a_kind)
        y = cuda.local.array(EACH, b_kind)
        for i in range(EACH):
            if first + i * apart < size:
                x[i] = a[unsigned(first + i * apart)]
                y[i] = b[unsigned(first + i * apart)]
        for i in range(EACH):
            if first + i * apart < size:
                out[unsigned(first + i * apart)] = fn(x[i], y[i])

    def spread_out(
        out: Any, a: Any, b: Any, size: int, sizes: Any, factors: Any, shifts: Any,
        a_steps: Any, b_steps: Any,
    ) -> None:  # fmt: skip
        apart = cuda.blockDim.x
        first = cuda.blockIdx.x * apart * EACH + cuda.threadIdx.x
        x = cuda.local.array(EACH, a_kind)
        y = cuda.local.array(EACH, b_kind)
        for i in range(EACH):
            rest = first + i * apart
            if rest < size:
                a_at = b_at = 0
                for dim in range(len(sizes) - 1, 0, -1):
                    quotient = rest * factors[dim] >> shifts[dim]
                    index = rest - quotient * sizes[dim]
                    a_at += index * a_steps[dim]
                    b_at += index * b_steps[dim]
                    rest = quotient
                x[i] = a[unsigned(a_at + rest * a_steps[0])]
                y[i] = b[unsigned(b_at + rest * b_steps[0])]
        for i in range(EACH):
            if first + i * apart < size:
                out[unsigned(first + i * apart)] = fn(x[i], y[i])

    return CudaKernel(straight), CudaKernel(spread_out)


def launch(kernel: CudaKernel, size: int, *arguments: Any) -> None:
    """Launch a kernel of this file that fills `size` numbers."""
    threads = min(THREADS, WARP * blocks_for(size, WARP * EACH))
    kernel.launch(blocks_for(size, threads * EACH), threads, *arguments)
