"""Pictures of Module 4: the window of a convolution, and the tiles of a pool."""

from __future__ import annotations

from typing import Any

import minitorch
from minitorch import Tensor
from minitorch.nn import tile

from .canvas import CELL, Canvas, table

__all__ = ["image_window_picture", "kernel_of", "line_window_picture", "pool_picture"]


def kernel_of(input: Tensor, weight: Tensor, reverse: bool) -> Tensor:
    """Return what the kernel of a convolution in one or two dimensions gives, in either direction.

    Args:
        input: (batch, in_channels, width) or (batch, in_channels, height, width).
        weight: (out_channels, in_channels, k_width) or (..., k_height, k_width).
        reverse: whether the weight is anchored at its other end.
    """
    out = minitorch.zeros((input.shape[0], weight.shape[0], *input.shape[2:]))
    kernel: Any = input.backend.kernel(f"conv{input.dims - 2}d")
    kernel(*out.tuple(), out.size, *input.tuple(), *weight.tuple(), reverse)
    return out


def line_window_picture(
    input: Tensor, weight: Tensor, places: tuple[int, ...], reverse: bool, caption: str
) -> str:
    """Return a weight of one channel at some places of a line, what sticks out meeting zeros.

    Args:
        input, weight: (width,) and (k_width,).
        places: the output positions that are shown, below each other.
        reverse: whether the weight is anchored at its right end.
        caption: what stands beneath.
    """
    out = kernel_of(input.view(1, 1, -1), weight.view(1, 1, -1), reverse).view(-1)
    width, taps = input.shape[0], weight.shape[0]
    left = taps - 1 if reverse else 0
    canvas = Canvas(caption)
    x0 = 70 + left * CELL
    y = 24.0
    for place in places:
        first = place - taps + 1 if reverse else place
        for at in range(-left, width + (0 if reverse else taps - 1)):
            outside = not 0 <= at < width
            if outside and not first <= at < first + taps:
                continue
            value = "0" if outside else f"{input[at]:g}"
            kind = "zero" if outside else "b" if first <= at < first + taps else ""
            canvas.box(x0 + at * CELL, y, CELL, CELL, value, kind)
        canvas.text(0, y + CELL / 2, "input", "start", "small")
        canvas.text(0, y + 1.5 * CELL + 4, "weight", "start", "small")
        terms = []
        for k in range(taps):
            at = place - k if reverse else place + k
            canvas.box(x0 + at * CELL, y + CELL + 4, CELL, CELL, f"{weight[k]:g}", "a")
            if 0 <= at < width:
                factor = f"{weight[k]:g}" if weight[k] >= 0 else f"({weight[k]:g})"
                terms.append(f"{input[at]:g}·{factor}")
        x = x0 + (width + taps - 1 if not reverse else width) * CELL + 20
        words = f"out[{place}] = {' + '.join(terms)} = {out[place]:g}"
        canvas.text(x, y + CELL + 2, words, "start")
        y += 2 * CELL + 26
    canvas.text(0, y + CELL / 2, "out", "start", "small")
    marks = {(0, place): "c" for place in places}
    canvas.grid(x0, y, table(out.detach()), "", marks)
    return canvas.html()


def image_window_picture(
    input: Tensor, weight: Tensor, place: tuple[int, int], reverse: bool, caption: str
) -> str:
    """Return a weight of one channel at a place of an image, what sticks out meeting zeros.

    Args:
        input, weight: (height, width) and (k_height, k_width).
        place: the output position.
        reverse: whether the weight is anchored at its bottom right.
        caption: what stands beneath.
    """
    (height, width), (rows, columns) = input.shape, weight.shape
    out = kernel_of(
        input.view(1, 1, height, width), weight.view(1, 1, rows, columns), reverse
    ).view(height, width)
    y, x = place
    first = (y - rows + 1, x - columns + 1) if reverse else place
    window = [(first[0] + r, first[1] + c) for r in range(rows) for c in range(columns)]
    cell = 32.0
    above = (rows - 1) * cell if reverse else 0.0
    beside = (columns - 1) * cell if reverse else 0.0
    canvas = Canvas(caption)
    top = 24 + above
    values = table(input.detach())
    inside = [(r, c) for r, c in window if 0 <= r < height and 0 <= c < width]
    canvas.text(0, 13, "input", "start", "title")
    for r, c in window:
        if (r, c) not in inside:
            canvas.box(beside + c * cell, top + r * cell, cell, cell, "0", "zero")
    canvas.grid(beside, top, values, "", dict.fromkeys(inside, "b"), cell)
    canvas.outline(beside + first[1] * cell, top + first[0] * cell, columns * cell, rows * cell)
    across = beside + (width + (0 if reverse else columns - 1)) * cell + 40
    shown = table(weight.detach())
    title = "weight"
    if reverse:
        shown = [row[::-1] for row in shown[::-1]]
        title = "weight, turned"
    marks = {(r, c): "a" for r in range(rows) for c in range(columns)}
    canvas.grid(across, top, shown, title, marks, cell)
    across += max(columns * cell, len(title) * 8) + 40
    canvas.grid(
        across, top, table(out.detach()), f"out[{y}, {x}] = {out[y, x]:g}", {place: "c"}, cell
    )
    return canvas.html()


def pool_picture(image: Tensor, kernel: tuple[int, int], caption: str) -> str:
    """Return an image in tiles, its storage, and the tiles as `tile` lines them up.

    Args:
        image: (height, width), of at most 12 numbers.
        kernel: the height and width of a tile.
        caption: what stands beneath.
    """
    height, width = image.shape
    across = width // kernel[1]

    def kind(row: int, column: int) -> str:
        number = row // kernel[0] * across + column // kernel[1]
        return ("a", "b", "c", "")[number % 4]

    canvas = Canvas(caption)
    cell = 32.0
    marks = {(r, c): kind(r, c) for r in range(height) for c in range(width)}
    canvas.grid(0, 24, table(image.detach()), f"image {tuple(image.shape)}", marks, cell)
    tiles, rows, columns = tile(image.view(1, 1, height, width), kernel)
    lines = tiles.view(rows * columns, kernel[0] * kernel[1])
    line_marks = {
        (n, i): ("a", "b", "c", "")[n % 4]
        for n in range(rows * columns)
        for i in range(kernel[0] * kernel[1])
    }
    x = width * cell + 60
    canvas.arrow(x - 48, 24 + height * cell / 2, x - 12, 24 + height * cell / 2)
    title = f"a line for each tile, {tuple(lines.shape)}"
    canvas.grid(x, 24, table(lines.detach()), title, line_marks, cell)
    below = 24 + max(height, rows * columns) * cell + 40
    storage = {(0, r * width + c): mark for (r, c), mark in marks.items()}
    canvas.grid(0, below, [[float(v) for v in image._tensor._storage]], "storage", storage, cell)
    return canvas.html()
