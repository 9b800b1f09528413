"""Copying operands into panels, in the order in which the micro-kernel reads them.

A panel holds, for each k, one number of each of its lines (rows of A, or columns of B), side by
side; lines beyond the edge are zeros::

    lines 0..3 of A      k0 k1 k2 k3          panel   k0: a b c d
                      0   a  e  i  m                  k1: e f g h
                      1   b  f  j  n                  k2: i j k l
                      2   c  g  k  o                  k3: m n o p
                      3   d  h  l  p

Where the source has its lines side by side already, four numbers are copied at a time; where it
is contiguous along k, blocks of four by four are transposed in registers, by two rounds of
shuffles as in the drawing of Eklundh (IEEE Trans. Computers C-21, 1972). Number by number, the
copying would take as long as a product of a few hundred rows.
"""

from __future__ import annotations

from typing import Any

from numba import prange

from ..jit import Kernel
from .vectors import intrinsic, ir, types

__all__ = ["pack", "pack_views", "transpose_kernel"]


def _four(context: Any, builder: Any, kind: Any, array: Any) -> tuple[Any, Any]:
    """Return the type of a vector of four numbers, and the address of an array's first."""
    vector = ir.VectorType(context.get_value_type(kind.dtype), 4)
    return vector, context.make_array(kind)(context, builder, array).data


def _load(builder: Any, vector: Any, data: Any, at: Any, itemsize: int) -> Any:
    loaded = builder.load(builder.bitcast(builder.gep(data, [at]), vector.as_pointer()))
    loaded.align = itemsize
    return loaded


def _store(builder: Any, value: Any, vector: Any, data: Any, at: Any, itemsize: int) -> None:
    stored = builder.store(value, builder.bitcast(builder.gep(data, [at]), vector.as_pointer()))
    stored.align = itemsize


@intrinsic
def _copy_four(context: Any, target: Any, at: Any, source: Any, start: Any) -> Any:
    """Copy four numbers: target[at + i] = source[start + i]."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        itemsize = signature.args[0].dtype.bitwidth // 8
        vector, target = _four(context, builder, signature.args[0], values[0])
        _, source = _four(context, builder, signature.args[2], values[2])
        numbers = _load(builder, vector, source, values[3], itemsize)
        _store(builder, numbers, vector, target, values[1], itemsize)
        return context.get_dummy_value()

    return types.void(target, at, source, start), generate


@intrinsic
def _transpose_four(
    context: Any, target: Any, at: Any, width: Any, source: Any,
    start0: Any, start1: Any, start2: Any, start3: Any,
) -> Any:  # fmt: skip
    """Transpose: target[at + j * width + i] = source[start_i + j], i and j below 4."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        itemsize = signature.args[0].dtype.bitwidth // 8
        vector, target = _four(context, builder, signature.args[0], values[0])
        _, source = _four(context, builder, signature.args[3], values[3])
        _, at, width, _, *starts = values

        def shuffled(left: Any, right: Any, *order: int) -> Any:
            lanes = ir.Constant(ir.VectorType(ir.IntType(32), 4), order)
            return builder.shuffle_vector(left, right, lanes)

        a, b, c, d = (_load(builder, vector, source, start, itemsize) for start in starts)
        low, low_next = shuffled(a, b, 0, 4, 1, 5), shuffled(c, d, 0, 4, 1, 5)
        high, high_next = shuffled(a, b, 2, 6, 3, 7), shuffled(c, d, 2, 6, 3, 7)
        columns = (
            shuffled(low, low_next, 0, 1, 4, 5), shuffled(low, low_next, 2, 3, 6, 7),
            shuffled(high, high_next, 0, 1, 4, 5), shuffled(high, high_next, 2, 3, 6, 7),
        )  # fmt: skip
        for j, column in enumerate(columns):
            place = builder.add(at, builder.mul(width, ir.Constant(width.type, j)))
            _store(builder, column, vector, target, place, itemsize)
        return context.get_dummy_value()

    starts = start0, start1, start2, start3
    return types.void(target, at, width, source, *starts), generate


def pack(
    panels: Any, at: int, source: Any, start: int, across: int, along: int,
    count: int, depth: int, width: int,
) -> None:  # fmt: skip
    """Fill panels from `count` lines of `source`, within kernels::

        panels[at + (line // width) * depth * width + k * width + line % width]
            = source[start + line * across + k * along]

    Args:
        width: the lines of a panel, a multiple of four.
    """
    for first in range(0, count, width):
        lines = min(width, count - first)
        whole = lines // 4 * 4
        begin = start + first * across
        squares = 0
        if across == 1:
            for k in range(depth):
                for line in range(0, whole, 4):
                    _copy_four(panels, at + k * width + line, source, begin + k * along + line)
            squares = depth
        elif along == 1:
            squares = depth // 4 * 4
            for line in range(0, whole, 4):
                row = begin + line * across
                for k in range(0, squares, 4):
                    _transpose_four(
                        panels, at + k * width + line, width, source, row + k,
                        row + across + k, row + 2 * across + k, row + 3 * across + k,
                    )  # fmt: skip
        for line in range(whole):
            for k in range(squares, depth):
                panels[at + k * width + line] = source[begin + line * across + k * along]
        for line in range(whole, lines):
            for k in range(depth):
                panels[at + k * width + line] = source[begin + line * across + k * along]
        for line in range(lines, width):
            for k in range(depth):
                panels[at + k * width + line] = 0
        at += depth * width


def pack_views(
    panels: Any, panel_step: int, source: Any, starts: Any, count: int, depth: int, width: int
) -> None:
    """Fill panels from lines that start anywhere, within kernels::

        panels[(line // width) * panel_step + k * width + line % width] = source[starts[line] + k]

    Args:
        starts: where each line begins.
        count, depth: multiples of four.
        width: the lines of a panel; what panels hold beyond the last line is left as it is.
    """
    for line in range(0, count, 4):
        at = line // width * panel_step + line % width
        for k in range(0, depth, 4):
            _transpose_four(
                panels, at + k * width, width, source, starts[line] + k,
                starts[line + 1] + k, starts[line + 2] + k, starts[line + 3] + k,
            )  # fmt: skip


# Rows and columns of a block of a transpose: its lines on both sides stay in the cache.
_BLOCK = 64


def _transpose(out: Any, a: Any, starts: Any, rows: int, columns: int, along_rows: int) -> None:
    """Copy matrices whose columns are contiguous into ones whose rows are::

        out[m, row, column] = a[starts[m] + row + column * along_rows]

    Args:
        out: (matrices, rows, columns), contiguous.
        starts: where each matrix begins.
    """
    blocks = -(-rows // _BLOCK)
    for task in prange(len(starts) * blocks):
        matrix, first = task // blocks, task % blocks * _BLOCK
        last = min(first + _BLOCK, rows)
        target = matrix * rows * columns
        source = starts[matrix]
        for block in range(0, columns, _BLOCK):
            beyond = min(block + _BLOCK, columns)
            even = block + (beyond - block) // 4 * 4
            for row in range(first, first + (last - first) // 4 * 4, 4):
                for column in range(block, even, 4):
                    begin = source + column * along_rows + row
                    _transpose_four(
                        out, target + row * columns + column, columns, a, begin,
                        begin + along_rows, begin + 2 * along_rows, begin + 3 * along_rows,
                    )  # fmt: skip
                for column in range(even, beyond):
                    for i in range(row, row + 4):
                        out[target + i * columns + column] = a[source + column * along_rows + i]
            for row in range(first + (last - first) // 4 * 4, last):
                for column in range(block, beyond):
                    out[target + row * columns + column] = a[source + column * along_rows + row]


transpose_kernel = Kernel(_transpose)
