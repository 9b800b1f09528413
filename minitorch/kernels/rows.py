"""Short rows, a vector at a time.

A compiler turns a loop over a row into vector steps and, for what is left, single ones. In a row
of 28 numbers most are left. Here the last vector overlaps the one before it instead::

    row of 28     [ 0 ............ 15 ]
                              [ 12 ............ 27 ]     4 numbers are written twice
"""

from __future__ import annotations

from typing import Any

from .machine import VECTOR_BYTES
from .vectors import Vectors, intrinsic, ir, types

__all__ = ["copy_row", "copy_row_where_positive", "finish_row"]

# Rows of less than a vector are done in shorter ones.
_SHORT_BYTES = 16


def _copier(vector_bytes: int) -> Any:
    @intrinsic
    def copy(context: Any, target: Any, at: Any, source: Any, start: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            v = Vectors(context, builder, signature.args[0], vector_bytes)
            v.store(v.load(v.at(values[2], values[3])), v.at(values[0], values[1]))
            return context.get_dummy_value()

        return types.void(target, at, source, start), generate

    return copy


def _masker(vector_bytes: int) -> Any:
    @intrinsic
    def masked(context: Any, target: Any, at: Any, source: Any, start: Any, mask: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            v = Vectors(context, builder, signature.args[0], vector_bytes)
            zero = ir.Constant(v.vector, None)
            positive = builder.fcmp_ordered(">", v.load(v.at(values[4], values[3])), zero)
            chosen = builder.select(positive, v.load(v.at(values[2], values[3])), zero)
            v.store(chosen, v.at(values[0], values[1]))
            return context.get_dummy_value()

        return types.void(target, at, source, start, mask), generate

    return masked


def _finisher(vector_bytes: int) -> Any:
    @intrinsic
    def finish(
        context: Any, target: Any, at: Any, source: Any, start: Any, added: Any, floor: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            v = Vectors(context, builder, signature.args[0], vector_bytes)
            value = builder.fadd(v.load(v.at(values[2], values[3])), v.in_all_lanes(values[4]))
            floor = v.in_all_lanes(values[5])
            low = builder.fcmp_ordered("<=", value, floor)  # false for NaN, which stays
            v.store(builder.select(low, floor, value), v.at(values[0], values[1]))
            return context.get_dummy_value()

        return types.void(target, at, source, start, added, floor), generate

    return finish


_copy, _copy_short = _copier(VECTOR_BYTES), _copier(_SHORT_BYTES)
_masked, _masked_short = _masker(VECTOR_BYTES), _masker(_SHORT_BYTES)
_finish, _finish_short = _finisher(VECTOR_BYTES), _finisher(_SHORT_BYTES)


def copy_row(target: Any, at: int, source: Any, start: int, count: int) -> None:
    """Copy target[at + i] = source[start + i] for i < count, within kernels."""
    lanes, short = VECTOR_BYTES // target.itemsize, _SHORT_BYTES // target.itemsize
    if count >= lanes:
        for i in range(0, count - lanes, lanes):
            _copy(target, at + i, source, start + i)
        _copy(target, at + count - lanes, source, start + count - lanes)
    elif count >= short:
        for i in range(0, count - short, short):
            _copy_short(target, at + i, source, start + i)
        _copy_short(target, at + count - short, source, start + count - short)
    else:
        for i in range(count):
            target[at + i] = source[start + i]


def copy_row_where_positive(
    target: Any, at: int, source: Any, start: int, mask: Any, count: int
) -> None:
    """Do as `copy_row`, but write 0 where mask[start + i] is not positive."""
    lanes, short = VECTOR_BYTES // target.itemsize, _SHORT_BYTES // target.itemsize
    if count >= lanes:
        for i in range(0, count - lanes, lanes):
            _masked(target, at + i, source, start + i, mask)
        _masked(target, at + count - lanes, source, start + count - lanes, mask)
    elif count >= short:
        for i in range(0, count - short, short):
            _masked_short(target, at + i, source, start + i, mask)
        _masked_short(target, at + count - short, source, start + count - short, mask)
    else:
        for i in range(count):
            target[at + i] = source[start + i] if mask[start + i] > 0 else 0


def finish_row(
    target: Any, at: int, source: Any, start: int, count: int, added: float, floor: float
) -> None:
    """Write target[at + i] = max(source[start + i] + added, floor) for i < count.

    NaN stays NaN. `added` and `floor` are numbers of the arrays' kind.
    """
    lanes, short = VECTOR_BYTES // target.itemsize, _SHORT_BYTES // target.itemsize
    if count >= lanes:
        for i in range(0, count - lanes, lanes):
            _finish(target, at + i, source, start + i, added, floor)
        _finish(target, at + count - lanes, source, start + count - lanes, added, floor)
    elif count >= short:
        for i in range(0, count - short, short):
            _finish_short(target, at + i, source, start + i, added, floor)
        _finish_short(target, at + count - short, source, start + count - short, added, floor)
    else:
        for i in range(count):
            value = source[start + i] + added
            target[at + i] = floor if value <= floor else value
