"""Reductions in lanes: many partial results side by side, which is fast and precise at once.

A plain sum waits for each addition before the next, and each rounds at the size of the whole.
So the numbers go to lanes that know nothing of each other, and the lanes are folded in half
until one is left; numbers that fill no group join on the way::

    a row         [ 64 lanes | 64 lanes | 64 lanes | 16 | 16 | 8 | 2 ]
                       +    -->   +    -->   +        |    |   |   |
                                             fold in half: 64, 32, 16, 8, 4, 2, 1

    a column      o o o o o o o o    eight rows at a time, as a tree:
                  o o o o o o o o    ((1 + 2) + (3 + 4)) + ((5 + 6) + (7 + 8))
                  narrow rows are taken several as one, to have enough lanes

A block of rows is short enough for its rounding errors to stay those of a tree ("pairwise"
summation, Higham, SIAM J. Sci. Comput. 14, 1993); the sums of blocks are added with the errors
carried along (TwoSum: Knuth, TAOCP 2, 4.2.2). All is cut by size, never by the number of
threads, and the order of additions is written out: every build gives the same bits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import prange

from ..jit import Kernel
from .vector_math import exact
from .vectors import intrinsic, ir, types, utilities

__all__ = ["fold", "max_kernel", "min_kernel", "prod_kernel", "sum_kernel"]

# Lanes of a row (64 of float32): four vectors of AVX-512, enough to wait for no addition; and
# the lanes of a step through what is left.
LANE_BYTES = 256
STEP_LANES = 16

# A block: so many numbers of one row, or so many rows.
BLOCK = 1024
BLOCK_ROWS = 128

# Columns done at a time, whose results stay in the first-level cache.
COLUMNS = 512

# Numbers from which a task of its own pays off.
TASK = 1 << 15


def _load(context: Any, builder: Any, pointer: Any, lanes: int) -> Any:
    """Return the vector of `lanes` numbers at an address, which need not be aligned."""
    vector = ir.VectorType(pointer.type.pointee, lanes)
    loaded = builder.load(builder.bitcast(pointer, vector.as_pointer()))
    loaded.align = context.get_abi_sizeof(pointer.type.pointee)
    return loaded


def _halves(builder: Any, vector: Any) -> tuple[Any, Any]:
    """Return the lower and the upper half of a vector's lanes."""
    lanes = vector.type.count
    undefined = ir.Constant(vector.type, ir.Undefined)
    places = ir.VectorType(ir.IntType(32), lanes // 2)
    low = ir.Constant(places, list(range(lanes // 2)))
    high = ir.Constant(places, list(range(lanes // 2, lanes)))
    return (
        builder.shuffle_vector(vector, undefined, low),
        builder.shuffle_vector(vector, undefined, high),
    )


def _row_folder(combine: Callable[[Any, Any, Any], Any], identity: float, heeds_nan: bool) -> Any:
    """Return a function for kernels, `(a, start, length)`, that folds contiguous numbers.

    Args:
        combine: emits the instruction for `combine(builder, number, result)`.
        identity: the result of no numbers.
        heeds_nan: `combine` passes over a NaN, which is noted beside it and is the result.
    """

    @intrinsic
    def fold_row(context: Any, a: Any, start: Any, length: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            array, start, length = values
            kind = signature.args[0]
            data = context.make_array(kind)(context, builder, array).data
            number, index = data.type.pointee, length.type
            place = utilities.alloca_once_value(builder, builder.gep(data, [start]))
            nan_seen = []

            def variable(lanes: int, content: float) -> Any:
                """Return a variable of `lanes` lanes, and one that notes where a NaN was."""
                vector = ir.Constant(ir.VectorType(number, lanes), [content] * lanes)
                noted = max(1, lanes // 2)
                nothing = ir.Constant(ir.VectorType(ir.IntType(1), noted), [0] * noted)
                nan_seen.append(utilities.alloca_once_value(builder, nothing))
                return utilities.alloca_once_value(builder, vector), nan_seen[-1]

            def take(result: Any, nan: Any) -> None:
                """Combine the next numbers with those of `result`."""
                here, now = builder.load(place), builder.load(result)
                new = _load(context, builder, here, now.type.count)
                builder.store(combine(builder, new, now), result)
                if heeds_nan:
                    # "Unordered" looks for NaN on both of its sides.
                    sides = _halves(builder, new) if now.type.count > 1 else (new, new)
                    found = builder.fcmp_unordered("uno", *sides)
                    builder.store(builder.or_(builder.load(nan), found), nan)
                ahead = ir.Constant(index, now.type.count)
                builder.store(builder.gep(here, [ahead]), place)

            def quotient(dividend: Any, divisor: int) -> Any:
                return builder.udiv(dividend, ir.Constant(index, divisor))

            lanes = LANE_BYTES // context.get_abi_sizeof(number)
            wide, wide_nan = variable(lanes, identity)
            steps, steps_nan = variable(STEP_LANES, identity)
            whole = quotient(length, lanes)
            with builder.if_then(builder.icmp_unsigned("!=", whole, ir.Constant(index, 0))):
                with utilities.for_range(builder, whole, intp=index):
                    take(wide, wide_nan)
                folded = builder.load(wide)
                while folded.type.count > STEP_LANES:
                    folded = combine(builder, *_halves(builder, folded))
                builder.store(folded, steps)
            rest = builder.and_(length, ir.Constant(index, lanes - 1))
            with utilities.for_range(builder, quotient(rest, STEP_LANES), intp=index):
                take(steps, steps_nan)
            folded = builder.load(steps)
            while folded.type.count > 1:
                # What is left is in binary how many numbers join at which width.
                folded = combine(builder, *_halves(builder, folded))
                bit = builder.and_(length, ir.Constant(index, folded.type.count))
                result, nan = variable(folded.type.count, identity)
                builder.store(folded, result)
                with builder.if_then(builder.icmp_unsigned("!=", bit, ir.Constant(index, 0))):
                    take(result, nan)
                folded = builder.load(result)
            total = builder.extract_element(folded, ir.Constant(ir.IntType(32), 0))
            if heeds_nan:
                for noted in nan_seen:
                    flags = builder.load(noted)
                    bits = builder.bitcast(flags, ir.IntType(flags.type.count))
                    some = builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))
                    total = builder.select(some, ir.Constant(number, math.nan), total)
            return total

        return a.dtype(a, types.intp, types.intp), generate

    return fold_row


@exact
def _get(a: Any, i: int) -> Any:
    """Return a[i] for i >= 0: unsigned, or Numba asks of each index whether it is negative."""
    return a[np.uint64(i)]


@exact
def _rows_as_one(length: int, inner: int) -> int:
    """Return how many rows of `inner` numbers to take as one: a power of two.

    As one, they should have 64 lanes or more, and these should fill whole vectors.
    """
    rows = 1
    while 8 * rows <= length and (
        rows * inner < 64 or (rows * inner % 16 != 0 and rows * inner < COLUMNS)
    ):
        rows *= 2
    return rows


@exact
def _two_sum(x: Any, y: Any) -> Any:
    """Return x + y as it is rounded, and what rounding took away."""
    total = x + y
    added = total - x
    return total, (x - (total - added)) + (y - added)


@exact
def _add_blocks(out: Any, partial: Any, outer: int, blocks: int, inner: int) -> None:
    """Set `out` (outer, inner) to the sums over `partial` (outer, blocks, inner)."""
    errors = np.zeros(inner, out.dtype)
    for o in range(outer):
        at, start = o * inner, o * blocks * inner
        if inner == 1:
            total = error = errors[0]
            for block in range(blocks):
                total, lost = _two_sum(total, _get(partial, start + block))
                error += lost
            out[at], errors[0] = total, error
        else:
            for i in range(inner):
                out[np.uint64(at + i)] = 0
            for _ in range(blocks):
                for i in range(inner):
                    total, lost = _two_sum(_get(out, at + i), _get(partial, start + i))
                    out[np.uint64(at + i)] = total
                    errors[i] += lost
                start += inner
        for i in range(inner):
            # Of an infinite sum, the error is NaN.
            if errors[i] == errors[i]:
                out[np.uint64(at + i)] += errors[i]
            errors[i] = 0


def _reduction(
    fn: Callable[[Any, Any], Any],
    combine: Callable[[Any, Any, Any], Any],
    identity: float,
    heeds_nan: bool = False,
    join: Callable[..., None] | None = None,
) -> Kernel:
    """Return a kernel that fills `out` (outer, inner) from `a` (outer, length, inner).

    Args:
        fn: `fn(x, y)` of two numbers, in whatever order.
        combine, identity, heeds_nan: the same for `_row_folder`.
        join: fills `out` from partial results as `_add_blocks` does; by default, with `fn`.
    """
    fold_row = _row_folder(combine, identity, heeds_nan)

    @exact
    def fold_rows(
        out: Any, at: int, a: Any, start: int, rows: int, width: int, columns: int
    ) -> None:
        """Set `columns` numbers of `out`, from `at` on, to the fold of rows of a width."""
        for j in range(columns):
            out[np.uint64(at + j)] = identity
        # What makes no eight goes first, as long as the result is small and rounds finely.
        for _ in range(rows % 8):
            for j in range(columns):
                o = np.uint64(at + j)
                out[o] = fn(out[o], _get(a, start + j))
            start += width
        for _ in range(rows // 8):
            for j in range(columns):
                p, o = start + j, np.uint64(at + j)
                one = fn(_get(a, p), _get(a, p + width))
                two = fn(_get(a, p + 2 * width), _get(a, p + 3 * width))
                three = fn(_get(a, p + 4 * width), _get(a, p + 5 * width))
                four = fn(_get(a, p + 6 * width), _get(a, p + 7 * width))
                out[o] = fn(out[o], fn(fn(one, two), fn(three, four)))
            start += 8 * width

    @exact
    def fold_narrow(
        out: Any, at: int, lanes: Any, a: Any, start: int, rows: int, inner: int, as_one: int
    ) -> None:
        """Set `inner` numbers of `out` to the fold of rows, `as_one` of which make one."""
        width = as_one * inner
        whole = rows // as_one
        fold_rows(lanes, 0, a, start, whole, width, width)
        start += whole * width
        for j in range((rows - whole * as_one) * inner):
            lanes[j] = fn(lanes[j], _get(a, start + j))
        while width > inner:
            width //= 2
            for j in range(width):
                lanes[j] = fn(lanes[j], _get(lanes, width + j))
        for j in range(inner):
            out[np.uint64(at + j)] = lanes[j]

    @exact
    def fold_units(
        out: Any, a: Any, length: int, inner: int, blocks: int, block_rows: int, as_one: int,
        first: int, last: int, column: int,
    ) -> None:  # fmt: skip
        """Set `out` (outer * blocks, inner) from its row `first` to `last`, from a column on."""
        lanes = np.empty(as_one * inner, out.dtype) if as_one > 1 else out
        o, block = first // blocks, first % blocks
        for unit in range(first, last):
            start = (o * length + block * block_rows) * inner + column
            rows = min(block_rows, length - block * block_rows)
            if inner == 1:
                out[unit] = fold_row(a, start, rows)
            elif as_one > 1:
                fold_narrow(out, unit * inner, lanes, a, start, rows, inner, as_one)
            else:
                columns = min(COLUMNS, inner - column)
                fold_rows(out, unit * inner + column, a, start, rows, inner, columns)
            block += 1
            if block == blocks:
                o, block = o + 1, 0

    @exact
    def join_blocks(out: Any, partial: Any, outer: int, blocks: int, inner: int) -> None:
        for o in range(outer):
            start = o * blocks * inner
            if inner == 1:
                out[o] = fold_row(partial, start, blocks)
            else:
                fold_rows(out, o * inner, partial, start, blocks, inner, inner)

    join = join or join_blocks

    def reduce(out: Any, a: Any, outer: int, length: int, inner: int) -> None:
        if outer * inner == 0:
            return
        as_one = 1 if inner == 1 else _rows_as_one(length, inner)
        block_rows = BLOCK if inner == 1 else BLOCK_ROWS * as_one
        blocks = max(1, -(-length // block_rows))
        units = outer * blocks
        partial = out if blocks == 1 else np.empty(units * inner, out.dtype)
        # A task: some rows of `partial`, and of these some columns.
        pieces = 1 if as_one > 1 else -(-inner // COLUMNS)
        together = max(1, TASK // max(1, min(length, block_rows) * inner // pieces))
        for task in prange(-(-units // together) * pieces):
            first = task // pieces * together
            fold_units(
                partial, a, length, inner, blocks, block_rows, as_one,
                first, min(units, first + together), task % pieces * COLUMNS,
            )  # fmt: skip
        if blocks > 1:
            join(out, partial, outer, blocks, inner)

    return Kernel(reduce)


@exact
def _add(x: Any, y: Any) -> Any:
    return x + y


@exact
def _multiply(x: Any, y: Any) -> Any:
    return x * y


@exact
def _larger(x: Any, y: Any) -> Any:
    """Return the larger number; NaN if either is."""
    larger = x if x > y else y  # one instruction, which passes over a NaN that is x
    return x if x != x else larger


@exact
def _smaller(x: Any, y: Any) -> Any:
    """Return the smaller number; NaN if either is."""
    smaller = x if x < y else y
    return x if x != x else smaller


def _emit_add(builder: Any, x: Any, y: Any) -> Any:
    return builder.fadd(x, y)


def _emit_multiply(builder: Any, x: Any, y: Any) -> Any:
    return builder.fmul(x, y)


def _emit_larger(builder: Any, x: Any, y: Any) -> Any:
    """Return the larger number; y if x is NaN. One instruction on most machines."""
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


def _emit_smaller(builder: Any, x: Any, y: Any) -> Any:
    """Return the smaller number; y if x is NaN. One instruction on most machines."""
    return builder.select(builder.fcmp_ordered("<", x, y), x, y)


# Kernels of (out, a, outer, length, inner): flat storages of outer * inner and
# outer * length * inner numbers. They fill `out`; length may be 0.
sum_kernel = _reduction(_add, _emit_add, 0.0, join=_add_blocks)
prod_kernel = _reduction(_multiply, _emit_multiply, 1.0)
max_kernel = _reduction(_larger, _emit_larger, -math.inf, heeds_nan=True)
min_kernel = _reduction(_smaller, _emit_smaller, math.inf, heeds_nan=True)


@functools.cache
def fold(fn: Callable[[Any, Any], Any]) -> Kernel:
    """Return a kernel that folds with any function, from the first number to the last.

    It takes `(out, a, outer, length, inner)` and does, for l = 0, 1, ..., length - 1::

        out[o, i] = fn(out[o, i], a[o, l, i])

    `fn` need not be associative, so there are no lanes within a row; columns still run side by
    side.
    """

    @exact
    def fold_columns(out: Any, a: Any, o: int, column: int, length: int, inner: int) -> None:
        at, start = o * inner + column, o * length * inner + column
        if inner == 1:
            result = out[at]
            for row in range(length):
                result = fn(result, _get(a, start + row))
            out[at] = result
            return
        for row in range(length):
            for j in range(min(COLUMNS, inner - column)):
                p = np.uint64(at + j)
                out[p] = fn(out[p], _get(a, start + row * inner + j))

    def fold_in_order(out: Any, a: Any, outer: int, length: int, inner: int) -> None:
        pieces = -(-inner // COLUMNS)
        for task in prange(outer * pieces):
            fold_columns(out, a, task // pieces, task % pieces * COLUMNS, length, inner)

    return Kernel(fold_in_order)
