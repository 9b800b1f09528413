"""Pictures of Module 2: storages and strides, and broadcasting."""

from __future__ import annotations

from collections.abc import Sequence

import minitorch
from minitorch import Tensor

from .canvas import CELL, Canvas, table

__all__ = ["broadcast_picture", "reduce_picture", "storage_picture"]


def storage_picture(tensor: Tensor, at: Sequence[int], caption: str) -> str:
    """Return a tensor of two dimensions above its storage, with the way from an index to it.

    Args:
        tensor: the tensor, of at most 12 elements in storage.
        at: the index that is shown.
        caption: what stands beneath.
    """
    storage, strides = tensor._tensor._storage, tensor._tensor.strides
    position = sum(i * s for i, s in zip(at, strides, strict=True))
    canvas = Canvas(caption)
    rows, columns = tensor.shape
    name = f"shape {tuple(tensor.shape)}, strides {tuple(strides)}"
    marks = {(at[0], at[1]): "a"}
    canvas.grid(0, 24, table(tensor.detach()), name, marks)
    below = 24 + rows * CELL + 60
    places = [float(x) for x in storage]
    canvas.grid(0, below, [places], "storage", {(0, position): "a"})
    for place in range(len(places)):
        canvas.text(place * CELL + CELL / 2, below + CELL + 10, str(place), kind="small")
    start = ((at[1] + 0.5) * CELL, 24 + (at[0] + 1) * CELL)
    canvas.arrow(*start, (position + 0.5) * CELL, below, "a")
    sums = " + ".join(f"{i}·{s}" for i, s in zip(at, strides, strict=True))
    canvas.text(columns * CELL + 20, 24 + rows * CELL / 2, f"{sums} = {position}", "start", "a")
    return canvas.html()


def broadcast_picture(left: Tensor, right: Tensor, caption: str) -> str:
    """Return two tensors of at most two dimensions, as their sum reads them, and the sum.

    Cells that are not in memory, but read again, are drawn faint.
    """
    total = left + right
    shape = (1,) * (2 - total.dims) + tuple(total.shape)
    canvas = Canvas(caption)
    x = 0.0
    for tensor, sign in ((left, "+"), (right, "="), (total, "")):
        sizes = (1,) * (2 - tensor.dims) + tuple(tensor.shape)
        wide = table((tensor + minitorch.zeros(shape)).detach())
        marks = {
            (r, c): "ghost"
            for r in range(shape[0])
            for c in range(shape[1])
            if r >= sizes[0] or c >= sizes[1]
        }
        canvas.grid(x, 24, wide, str(tuple(tensor.shape)), marks)
        x += shape[1] * CELL + 14
        if sign:
            canvas.text(x, 24 + shape[0] * CELL / 2, sign, kind="sign")
        x += 14
    return canvas.html()


def reduce_picture(tensor: Tensor, caption: str) -> str:
    """Return a tensor of two dimensions above its sum over the first, one colour for a column."""
    rows, columns = tensor.shape
    colours = ("a", "b", "c")
    canvas = Canvas(caption)
    marks = {(r, c): colours[c % 3] for r in range(rows) for c in range(columns)}
    canvas.grid(0, 24, table(tensor.detach()), str(tuple(tensor.shape)), marks)
    below = 24 + rows * CELL + 46
    total = tensor.detach().sum(0).view(1, columns)
    canvas.grid(0, below, table(total), "", {(0, c): colours[c % 3] for c in range(columns)})
    for c in range(columns):
        middle = (c + 0.5) * CELL
        canvas.arrow(middle, 24 + rows * CELL, middle, below, colours[c % 3])
    canvas.text(columns * CELL + 14, below + CELL / 2, str(tuple(total.shape)), "start")
    return canvas.html()
