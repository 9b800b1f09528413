"""Maps and zips without index arithmetic for each element.

A tensor of any strides is a set of rows, and within a row one goes on by one step. Before a
kernel is launched, dimensions that lie one behind the other in all operands are made one, so
that rows get long (a contiguous tensor is a single row), and size-1 dimensions vanish::

    shape (16, 8, 28, 28), strides (6272, 784, 28, 1)        rows of 784: the index of a row
        + (8, 1, 1)     ->   (16, 8, 784) + (8, 1) steps     is worked out once, the rest is
                                                             a plain loop that vectorises

A step is nearly always 1 (the next number) or 0 (the same number, broadcast): these have loops
of their own, since only then the compiler can use vector loads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import prange

from ..jit import Kernel

__all__ = ["Layout", "copy_kernel", "layout", "map_kernel", "zip_kernels"]

# A long row is cut into pieces of this many elements, which run in parallel.
PIECE = 1 << 14


class Layout(NamedTuple):
    """How operands of one elementwise operation lie, dimensions merged.

    Args:
        shape: of the output.
        size: of the output, in elements.
        rows: the dimensions before the last, after merging.
        length: of a row.
        row_steps: for each operand, its strides over `rows`.
        steps: for each operand, its stride along a row.
    """

    shape: tuple[int, ...]
    size: int
    rows: Any
    length: int
    row_steps: tuple[Any, ...]
    steps: tuple[int, ...]


@functools.lru_cache(maxsize=4096)
def layout(shape: tuple[int, ...], *operands: tuple[tuple[int, ...], tuple[int, ...]]) -> Layout:
    """Return how operands, each (shape, strides), lie when broadcast to `shape`."""
    dims = len(shape)
    strides = []
    for own_shape, own_strides in operands:
        missing = dims - len(own_shape)
        steps = [0 if n == 1 else s for n, s in zip(own_shape, own_strides, strict=True)]
        strides.append([0] * missing + steps)
    merged: list[int] = []
    columns: list[list[int]] = []
    for dim in range(dims - 1, -1, -1):
        if shape[dim] == 1:
            continue
        own = [s[dim] for s in strides]
        if merged and all(s == f * merged[-1] for s, f in zip(own, columns[-1], strict=True)):
            merged[-1] *= shape[dim]
        else:
            merged.append(shape[dim])
            columns.append(own)
    if not merged:
        merged, columns = [1], [[0] * len(operands)]
    size = 1
    for n in shape:
        size *= n
    return Layout(
        shape,
        size,
        np.array(merged[:0:-1], np.int64),
        merged[0],
        tuple(
            np.array([column[i] for column in columns[:0:-1]], np.int64)
            for i in range(len(operands))
        ),
        tuple(columns[0]),
    )


def _first_index(row: int, rows: Any, index: Any) -> None:
    """Put in `index` where among `rows` the row with that number stands."""
    for dim in range(len(rows) - 1, -1, -1):
        index[dim] = row % rows[dim]
        row = row // rows[dim]


def _position(index: Any, steps: Any) -> int:
    position = 0
    for dim in range(len(index)):
        position += index[dim] * steps[dim]
    return position


def _next_row(index: Any, rows: Any) -> int:
    """Go on to the next row; return the dimension whose index has grown, -1 at the end."""
    dim = len(rows) - 1
    while dim >= 0:
        index[dim] += 1
        if index[dim] < rows[dim]:
            break
        index[dim] = 0
        dim -= 1
    return dim


@functools.cache
def map_kernel(fn: Callable[[float], float]) -> Kernel:
    """Return the kernel (out, a, size) that maps `fn` over contiguous numbers."""

    def over(out: Any, a: Any, first: Any, last: Any) -> None:
        # Only of unsigned indices the compiler knows that they do not count from the end.
        for k in range(np.uint64(first), np.uint64(last)):
            out[k] = fn(a[k])

    def over_pieces(out: Any, a: Any, size: int) -> None:
        for piece in prange(-(-size // PIECE)):
            first = np.int64(piece) * PIECE
            over(out, a, first, min(first + PIECE, size))

    return Kernel(over_pieces)


def _copy_row(out: Any, o: Any, a: Any, i: Any, step: Any, count: Any) -> None:
    o, i, step, count = np.uint64(o), np.uint64(i), np.uint64(step), np.uint64(count)
    if step == 1:
        for k in range(count):
            out[o + k] = a[i + k]
    else:
        for k in range(count):
            out[o + k] = a[i + k * step]


def _copy_rows(
    out: Any, a: Any, row_steps: Any, step: int, rows: Any, length: int, first: Any, last: Any
) -> None:
    index = np.empty(len(rows), np.int64)
    _first_index(first, rows, index)
    for row in range(first, last):
        _copy_row(out, row * length, a, _position(index, row_steps), step, length)
        _next_row(index, rows)


def _copy(out: Any, a: Any, row_steps: Any, step: int, rows: Any, length: int) -> None:
    """Fill `out`, contiguous, with the elements of `a` in reading order."""
    count = len(out) // length
    piece = max(1, PIECE // length)
    for task in prange(-(-count // piece)):
        first = np.int64(task) * piece
        _copy_rows(out, a, row_steps, step, rows, length, first, min(first + piece, count))


copy_kernel = Kernel(_copy)


@functools.cache
def zip_kernels(fn: Callable[[float, float], float]) -> tuple[Kernel, Kernel]:
    """Return the kernels that map `fn` over pairs: over one row, and over many.

    The first takes (out, a, a_step, b, b_step, length), the second (out, a, a_row_steps, a_step,
    b, b_row_steps, b_step, rows, length); out is contiguous.
    """

    def over(
        out: Any, o: Any, a: Any, i: Any, a_step: Any, b: Any, j: Any, b_step: Any, count: Any
    ) -> None:
        # Only of unsigned indices the compiler knows that they do not count from the end.
        o, i, j, count = np.uint64(o), np.uint64(i), np.uint64(j), np.uint64(count)
        a_step, b_step = np.uint64(a_step), np.uint64(b_step)
        if a_step == 1 and b_step == 1:
            for k in range(count):
                out[o + k] = fn(a[i + k], b[j + k])
        elif a_step == 1 and b_step == 0:
            same = b[j]
            for k in range(count):
                out[o + k] = fn(a[i + k], same)
        elif a_step == 0 and b_step == 1:
            same = a[i]
            for k in range(count):
                out[o + k] = fn(same, b[j + k])
        else:
            for k in range(count):
                out[o + k] = fn(a[i + k * a_step], b[j + k * b_step])

    def one_row(out: Any, a: Any, a_step: int, b: Any, b_step: int, length: int) -> None:
        for piece in prange(-(-length // PIECE)):
            at = np.int64(piece) * PIECE
            over(out, at, a, at * a_step, a_step, b, at * b_step, b_step, min(PIECE, length - at))

    def some_rows(
        out: Any, a: Any, a_row_steps: Any, a_step: int, b: Any, b_row_steps: Any, b_step: int,
        rows: Any, length: int, first: Any, last: Any,
    ) -> None:  # fmt: skip
        index = np.empty(len(rows), np.int64)
        _first_index(first, rows, index)
        i, j = _position(index, a_row_steps), _position(index, b_row_steps)
        inmost = len(rows) - 1
        for row in range(first, last):
            over(out, row * length, a, i, a_step, b, j, b_step, length)
            if _next_row(index, rows) == inmost:
                i += a_row_steps[inmost]
                j += b_row_steps[inmost]
            else:
                i, j = _position(index, a_row_steps), _position(index, b_row_steps)

    def many_rows(
        out: Any, a: Any, a_row_steps: Any, a_step: int, b: Any, b_row_steps: Any, b_step: int,
        rows: Any, length: int,
    ) -> None:  # fmt: skip
        count = len(out) // length
        piece = max(1, PIECE // length)
        for task in prange(-(-count // piece)):
            first = np.int64(task) * piece
            some_rows(out, a, a_row_steps, a_step, b, b_row_steps, b_step, rows, length, first,
                      min(first + piece, count))  # fmt: skip

    return Kernel(one_row), Kernel(many_rows)
