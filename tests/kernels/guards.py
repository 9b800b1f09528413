"""Arrays that show it when a kernel reads or writes beside them.

Kernels on vector instructions check no index. So their operands lie in the middle of NaN: what
is read from beside them spoils a result, and what is written there is found afterwards::

    NaN NaN NaN | a b c d e f | NaN NaN NaN

A number that is read and then thrown away is not seen so. Where MINITORCH_FENCED is set, arrays
lie, in turn, at the end and at the beginning of a page of memory whose neighbours must not be
touched: the process dies of a read there (a scheme called Electric Fence).
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
from typing import Any

import numpy as np

__all__ = ["agree", "guarded", "intact", "random", "unset"]

Array = Any

# On each side; odd, so that arrays are not aligned either.
GUARD = 67

FENCED = "MINITORCH_FENCED" in os.environ
_number = itertools.count()


def _fenced(size: int, dtype: Any) -> Array:
    """Return a flat array at one end of pages between two that must not be touched."""
    page = mmap.PAGESIZE
    used = size * np.dtype(dtype).itemsize
    inside = max(1, -(-used // page)) * page
    memory = mmap.mmap(-1, inside + 2 * page)
    whole = np.frombuffer(memory, np.uint8)
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    for fence in (0, page + inside):
        if protect(whole.ctypes.data + fence, page, 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    start = page if next(_number) % 2 else page + inside - used
    return whole[start : start + used].view(dtype)


def guarded(values: Array) -> Array:
    """Return the numbers of an array in a flat array of exactly their size."""
    flat = np.ravel(values)
    if FENCED:
        array = _fenced(flat.size, flat.dtype)
    else:
        around = np.full(flat.size + 2 * GUARD, np.nan, flat.dtype)
        array = around[GUARD : GUARD + flat.size]
    array[:] = flat
    return array


def unset(size: int, dtype: Any) -> Array:
    """Return a guarded flat array of NaN."""
    return guarded(np.full(size, np.nan, dtype))


def intact(*arrays: Array) -> None:
    """Check that nothing was written beside guarded arrays."""
    for array in arrays:
        if not FENCED:
            assert np.isnan(array.base[:GUARD]).all(), "written before the array"
            assert np.isnan(array.base[GUARD + array.size :]).all(), "written behind the array"


def random(*shape: int, dtype: Any, seed: int = 0) -> Array:
    """Return random numbers from -1 to 1."""
    return np.random.default_rng([seed, *shape]).uniform(-1, 1, shape).astype(dtype)


def agree(got: Array, expected: Array, length: int, case: Any = None) -> None:
    """Check sums of `length` products of numbers below 1 against those in float64."""
    limit = 2 * np.finfo(got.dtype).eps * (length + 2)
    worst = np.abs(got.reshape(expected.shape) - expected).max(initial=0)
    assert worst <= limit, f"{case}: off by {worst}, more than {limit}"
