"""Small pictures in text: where two arrays differ, strides, a convolution's window, a broadcast.

What is drawn comes in as numpy arrays or tuples; numpy itself is not imported, so that the
course's tools run without it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

__all__ = ["draw_broadcast", "draw_difference", "draw_strides", "draw_window", "number"]

_WIDEST = 9  # columns or rows of a picture


def number(value: Any) -> str:
    """Return a number in at most some seven characters."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return str(value)
    return f"{float(value):.4g}"


def _grid(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Return cells in columns of one width, to the right."""
    width = max((len(cell) for row in rows for cell in row), default=0)
    return "\n".join(
        (indent + " ".join(cell.rjust(width) for cell in row)).rstrip() for row in rows
    )


def _window_around(at: int, size: int) -> range:
    """Return up to `_WIDEST` places of `size`, with `at` among them."""
    start = max(0, min(at - _WIDEST // 2, size - _WIDEST))
    return range(start, min(size, start + _WIDEST))


def _marked(text: str, mark: bool, brackets: str = "[]") -> str:
    return f"{brackets[0]}{text}{brackets[1]}" if mark else f" {text} "


def draw_difference(got: Any, expected: Any, wrong: Any, at: tuple[int, ...]) -> str:
    """Return two arrays beneath each other, the wrong elements in brackets.

    Args:
        got, expected: arrays of one shape, of at least one dimension.
        wrong: an array of that shape, true where they differ.
        at: the index of the first wrong element; of more than two dimensions the last two at
            this index are drawn.
    """
    lead = at[:-2]
    if len(at) == 1:
        got, expected, wrong, at = got[None], expected[None], wrong[None], (0, *at)
    got, expected, wrong = (array[lead] if lead else array for array in (got, expected, wrong))
    rows, columns = (
        _window_around(place, size) for place, size in zip(at[-2:], got.shape, strict=True)
    )
    part = len(rows) * len(columns) < got.size
    where = f" at [{', '.join([*map(str, lead), ':', ':'])}]" if lead else ""
    if part:
        where += f", rows {rows[0]} to {rows[-1]}, columns {columns[0]} to {columns[-1]}"
    pictures = []
    for title, array in (("came out", got), ("expected", expected)):
        cells = [[_marked(number(array[r, c]), bool(wrong[r, c])) for c in columns] for r in rows]
        pictures.append(f"{title}{where}:\n{_grid(cells)}")
    return "\n".join(pictures)


def draw_broadcast(shapes: Sequence[tuple[str, tuple[int, ...]]]) -> str:
    """Return shapes aligned at their last dimension, as they broadcast, with the result beneath.

    Args:
        shapes: pairs of a name and a shape.
    """
    dims = max(len(shape) for _, shape in shapes)
    padded = [(name, (None,) * (dims - len(shape)) + shape) for name, shape in shapes]
    result, clashes = [], []
    for sizes in zip(*(shape for _, shape in padded), strict=True):
        known = {size for size in sizes if size not in (None, 1)}
        result.append("?" if len(known) > 1 else str(*known or {1}))
        clashes.append(len(known) > 1)
    named = [
        *((name, ["" if size is None else str(size) for size in shape]) for name, shape in padded),
        ("together", result),
    ]
    longest = max(len(name) for name, _ in named)
    lines = zip(named, _grid([cells for _, cells in named], "").splitlines(), strict=True)
    text = "shapes, from their last dimension:\n" + "\n".join(
        f"  {name:{longest}}  {line}".rstrip() for (name, _), line in lines
    )
    if any(clashes):
        return text + "\nA column with two different sizes, neither of them 1, does not broadcast."
    return text + "\nA 1, or a missing size, is repeated as often as the other shape asks."


def draw_strides(
    shape: tuple[int, ...], strides: tuple[int, ...], at: tuple[int, ...] | None = None
) -> str:
    """Return which position of the storage each index reads; the one at `at` in brackets.

    Of more than two dimensions, the last two are drawn at the leading part of `at`, or at 0.
    """
    lead = at[:-2] if at else (0,) * max(0, len(shape) - 2)
    start = sum(i * step for i, step in zip(lead, strides, strict=False))
    sizes = (1,) * (2 - len(shape)) + tuple(shape[-2:])
    steps = (0,) * (2 - len(shape)) + tuple(strides[-2:])
    corner = (0,) * (2 - len(shape)) + tuple(at[-2:]) if at else (0, 0)
    rows, columns = (_window_around(i, n) for i, n in zip(corner, sizes, strict=True))
    cells = [
        [
            _marked(str(start + r * steps[0] + c * steps[1]), at is not None and (r, c) == corner)
            for c in columns
        ]
        for r in rows
    ]
    where = f" at [{', '.join([*map(str, lead), ':', ':'])}]" if lead else ""
    if math.prod(sizes) > len(rows) * len(columns):
        where += f", rows {rows[0]} to {rows[-1]}, columns {columns[0]} to {columns[-1]}"
    return (
        f"shape {tuple(shape)}, strides {tuple(strides)}; positions in the storage{where}:\n"
        f"{_grid(cells)}"
    )


def draw_window(input: Any, weight: Any, at: tuple[int, ...], reverse: bool) -> str:
    """Return the part of the input under the weight, for one element of a convolution.

    Args:
        input: (batch, in_channels, width) or (batch, in_channels, height, width)
        weight: (out_channels, in_channels, k_width) or (out_channels, in_channels, k_height,
            k_width)
        at: the element's index (batch, out_channel, *place).
        reverse: whether the weight is anchored at its last corner.
    """
    image, out_channel, *place = at
    lines, taps = input[image, 0], weight[out_channel, 0]
    if lines.ndim == 1:
        lines, taps, place = lines[None], taps[None], [0, *place]
    spans = []
    for start, size in zip(place, taps.shape, strict=True):
        spans.append(range(start - size + 1, start + 1) if reverse else range(start, start + size))
    rows, columns = (
        range(max(min(0, span[0]), span[0] - 2), min(max(size, span[-1] + 1), span[-1] + 3))
        for span, size in zip(spans, lines.shape, strict=True)
    )
    if max(len(rows), len(columns)) > 2 * _WIDEST:
        return ""
    cells = []
    for r, c in itertools.product(rows, columns):
        inside = 0 <= r < lines.shape[0] and 0 <= c < lines.shape[1]
        under = r in spans[0] and c in spans[1]
        text = number(lines[r, c]) if inside else ("0" if under else "")
        cells.append(_marked(text, under, "[]" if inside else "()") if text else "")
    width = len(columns)
    drawn = _grid([cells[start : start + width] for start in range(0, len(cells), width)])
    if reverse:
        taps = taps[::-1, ::-1]
    of_weight = _grid([[f" {number(x)} " for x in row] for row in taps])
    told = f"out{list(at)} sums the products under the weight, whose first tap stands there."
    if input.shape[1] > 1:
        told += f"\nThis is one of {input.shape[1]} channels that are summed."
    if "(" in drawn:
        told += "\nWhat is outside counts as zero: (0)."
    flipped = ", turned round" if reverse else ""
    return f"{told}\ninput[{image}, 0]:\n{drawn}\nweight[{out_channel}, 0]{flipped}:\n{of_weight}"
