"""Pictures of Module 3 on the CPU: the way of a kernel through storages, races, caches."""

from __future__ import annotations

import numpy as np

from minitorch import Tensor
from minitorch.tensor_data import index_to_position, last_step, to_index

from .canvas import CELL, Canvas, table

__all__ = ["fetched_picture", "fold_picture", "race", "race_picture", "walk_picture"]

_COLOURS = "abc"


def walk_picture(tensor: Tensor, caption: str) -> str:
    """Return the rows of a tensor of two dimensions, and where each of them begins in storage.

    Args:
        tensor: a tensor of at most 3 rows.
        caption: what stands beneath.
    """
    data = tensor._tensor
    rows, columns = tensor.shape
    step = last_step(data.shape, data.strides)
    starts = [index_to_position((row, 0), data.strides) for row in range(rows)]
    canvas = Canvas(caption)
    marks = {
        (r, c): _COLOURS[r] if c == 0 or not step else ""
        for r in range(rows)
        for c in range(columns)
    }
    title = f"shape {tuple(data.shape)}, strides {tuple(data.strides)}"
    canvas.grid(0, 24, table(tensor.detach()), title, marks)
    for row, start in enumerate(starts):
        words = f"starts at {start}, steps by {step}"
        canvas.text(columns * CELL + 14, 24 + (row + 0.5) * CELL, words, "start", _COLOURS[row])
    below = 24 + rows * CELL + 40
    places = [float(x) for x in data._storage]
    canvas.grid(0, below, [places], "storage", {(0, s): _COLOURS[r] for r, s in enumerate(starts)})
    for place in range(len(places)):
        canvas.text((place + 0.5) * CELL, below + CELL + 10, str(place), kind="small")
    return canvas.html()


def fold_picture(tensor: Tensor, dims: tuple[int, int], caption: str) -> str:
    """Return which numbers a fold of each dimension brings together, and where they lie.

    Args:
        tensor: a tensor of two dimensions, of at most 3 results along each.
        dims: the dimensions that are folded, side by side.
        caption: what stands beneath.
    """
    canvas = Canvas(caption)
    x = 0.0
    rows, columns = tensor.shape
    data = tensor._tensor
    for dim in dims:
        marks = {
            (r, c): _COLOURS[c if dim == 0 else r] for r in range(rows) for c in range(columns)
        }
        canvas.grid(x, 24, table(tensor.detach()), f"dim={dim}", marks)
        out = table(tensor.sum(dim).detach())
        down = 24 + rows * CELL + 30 if dim == 0 else 24
        across = x if dim == 0 else x + columns * CELL + 30
        ends = {(r, c): _COLOURS[r + c] for r in range(len(out)) for c in range(len(out[0]))}
        canvas.grid(across, down, out, "", ends)
        if dim == 0:
            canvas.arrow(x + columns * CELL / 2, down - 26, x + columns * CELL / 2, down - 4)
        else:
            canvas.arrow(across - 26, 24 + rows * CELL / 2, across - 4, 24 + rows * CELL / 2)
        below = 24 + (rows + 1) * CELL + 66
        line = {(0, index_to_position(at, data.strides)): mark for at, mark in marks.items()}
        title = f"storage: steps of {data.strides[dim]}"
        canvas.grid(x, below, [[float(v) for v in data._storage]], title, line)
        x += rows * columns * CELL + 50
    return canvas.html()


def race(shared: bool) -> list[tuple[int, str, list[list[int]]]]:
    """Run two iterations of a kernel in turns, and return what happened.

    Each turns its number into an index of shape (2, 3), then the index into a position.

    Args:
        shared: whether they write into one buffer, or each into its own.

    Returns:
        For each moment: which iteration ran, what it did, and the buffers after it.
    """
    shape, strides = np.array((2, 3)), np.array((3, 1))
    buffers = [np.zeros(2, np.int64) for _ in range(1 if shared else 2)]
    ordinals = (1, 5)
    happened = []
    for moment in range(4):
        who = moment % 2
        buffer = buffers[0 if shared else who]
        if moment < 2:
            to_index(ordinals[who], shape, buffer)
            what = f"to_index({ordinals[who]})"
        else:
            what = f"position {index_to_position(buffer, strides)}"
        happened.append((who, what, [b.tolist() for b in buffers]))
    return happened


def race_picture(caption: str) -> str:
    """Return two iterations that run at once: with one index buffer, and with one for each."""
    canvas = Canvas(caption)
    width, height = 130, 30
    y = 24.0
    for shared in (True, False):
        happened = race(shared)
        canvas.text(0, y - 11, "one buffer" if shared else "a buffer for each", "start", "title")
        for lane, ordinal in enumerate((1, 5)):
            canvas.text(0, y + (lane + 0.5) * height, f"iteration {ordinal}", "start")
        lanes = len(happened[0][2])
        for lane in range(lanes):
            words = "buffer" if shared else f"buffer of {(1, 5)[lane]}"
            canvas.text(0, y + (2.5 + lane) * height, words, "start", "small")
        for moment, (who, what, buffers) in enumerate(happened):
            x = 110 + moment * width
            wrong = what.startswith("position") and what != f"position {(1, 5)[who]}"
            canvas.box(x, y + who * height + 3, width - 8, height - 6, what, "a" if wrong else "b")
            for lane, buffer in enumerate(buffers):
                canvas.text(x + width / 2 - 4, y + (2.5 + lane) * height, str(buffer), kind="small")
        y += (3 + lanes) * height + 16
    canvas.arrow(110, y - 24, 110 + 4 * width - 8, y - 24)
    canvas.text(0, y - 24, "time", "start", "small")
    return canvas.html()


def fetched_picture(side: int, caption: str, line: int = 8) -> str:
    """Return what comes from memory when one reads along a row, and down a column.

    Args:
        side: the rows and columns of a contiguous matrix.
        caption: what stands beneath.
        line: how many numbers come at once.
    """
    canvas = Canvas(caption)
    cell = 20.0
    for number, along in enumerate((True, False)):
        asked = [(2, i) if along else (i, 2) for i in range(side)]
        lines = {(r * side + c) // line for r, c in asked}
        fetched = {divmod(n * line + i, side) for n in lines for i in range(line)}
        marks = dict.fromkeys(fetched, "b") | dict.fromkeys(asked, "a")
        title = "along a row" if along else "down a column"
        x = number * (side * cell + 50)
        canvas.grid(x, 24, [[""] * side] * side, title, marks, cell)
        words = f"{len(lines)} line{'s' * (len(lines) > 1)} for {side} numbers"
        canvas.text(x, 24 + side * cell + 16, words, "start", "small")
    return canvas.html()
