"""Pictures of Module 3 on CUDA: a launch, a block's sum, a product by tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import cuda

from minitorch import Tensor, cudasim

from .canvas import CELL, Canvas, table

__all__ = ["launch_picture", "tiles_picture", "tree_picture"]

_COLOURS = "abc"


def _who(block: Any, thread: Any, size: int) -> None:
    """Note for each element which block and thread it fell to."""
    i = cuda.grid(1)
    if i < size:
        block[i] = cuda.blockIdx.x
        thread[i] = cuda.threadIdx.x


def launch_picture(size: int, threads: int, caption: str) -> str:
    """Return the blocks and threads of a launch, and the elements that fall to them.

    Args:
        size: how many elements there are.
        threads: how many threads a block has; as many blocks are launched as are needed.
        caption: what stands beneath.
    """
    blocks = -(-size // threads)
    block, thread = cudasim.empty(size, np.int64), cudasim.empty(size, np.int64)
    cudasim.launch(_who, blocks, threads, (block, thread, size))
    found = list(zip(block.copy_to_host(), thread.copy_to_host(), strict=True))
    canvas = Canvas(caption)
    cell, gap = 34.0, 18.0
    top, left, below = 24.0, 96.0, 24.0 + 34 + 46
    canvas.text(0, top + cell / 2, "threadIdx.x", "start", "small")
    canvas.text(0, below + cell / 2, "element", "start", "small")
    for b in range(blocks):
        x = left + b * (threads * cell + gap)
        idle = {(0, t): "ghost" for t in range(threads) if (b, t) not in found}
        colour = _COLOURS[b % 3]
        marks = {(0, t): idle.get((0, t), colour) for t in range(threads)}
        canvas.grid(x, top, [list(range(threads))], f"blockIdx.x = {b}", marks, cell)
        for t in range(threads):
            middle = x + (t + 0.5) * cell
            if (b, t) in found:
                i = found.index((b, t))
                canvas.grid(left + i * cell + gap * b, below, [[i]], "", {(0, 0): colour}, cell)
                canvas.arrow(middle, top + cell, middle, below, colour)
            else:
                canvas.text(middle, below + cell / 2, "-", kind="ghost")
    return canvas.html()


def tree_picture(values: Sequence[float], caption: str) -> str:
    """Return how the threads of a block add up what they brought, a line for each round.

    Args:
        values: as many numbers as the block has threads, a power of two.
        caption: what stands beneath.
    """
    numbers = np.array(values, np.float64)
    canvas = Canvas(caption)
    left, rise = 110.0, 84.0
    count = len(numbers)
    for t in range(count):
        canvas.text(left + (t + 0.5) * CELL, 10, str(t), kind="small")
    canvas.text(0, 10, "thread", "start", "small")
    width, level, y = count, 0, 24.0
    while True:
        active = (
            {(0, t): "a" for t in range(width)} if level else {(0, t): "" for t in range(count)}
        )
        stale = {(0, t): "ghost" for t in range(width, count)} if level else {}
        canvas.grid(left, y, [numbers.tolist()], "", active | stale)
        words = "loaded" if not level else f"round {level}"
        canvas.text(0, y + CELL / 2, words, "start")
        if width == 1:
            return canvas.html()
        width //= 2
        for t in range(width):
            for source in (t, t + width):
                start = left + (source + 0.5) * CELL
                end = left + (t + 0.5) * CELL
                canvas.arrow(start, y + CELL, end, y + rise, "a" if source == t else "b")
        canvas.text(0, y + (CELL + rise) / 2, "barrier", "start", "small")
        # Numbers of threads that have left off stay as they were.
        numbers[:width] += numbers[width : 2 * width]
        level, y = level + 1, y + rise


def tiles_picture(a: Tensor, b: Tensor, side: int, at: tuple[int, int], caption: str) -> str:
    """Return a product by tiles: what one block reads, step by step, for its tile of the output.

    Args:
        a, b: matrices of at most three tiles along the dimension that they share.
        side: the side of a tile.
        at: which tile of the output, by row and column of tiles.
        caption: what stands beneath.
    """
    product = a @ b
    (_rows, length), columns = a.shape, b.shape[1]
    cell = 30.0
    canvas = Canvas(caption)
    right, down = length * cell + 40, 24 + length * cell + 40
    top, first = at[0] * side, at[1] * side

    def step(k: int) -> str:
        return _COLOURS[k // side]

    left_marks = {(r, k): step(k) for r in range(top, top + side) for k in range(length)}
    above_marks = {(k, c): step(k) for k in range(length) for c in range(first, first + side)}
    canvas.grid(0, down, table(a), "a", left_marks, cell)
    canvas.grid(right, 24, table(b), "b", above_marks, cell)
    canvas.grid(right, down, table(product), "out", {}, cell)
    canvas.outline(right + first * cell, down + top * cell, side * cell, side * cell)
    x, y = right + columns * cell + 30, down + 8
    canvas.text(x, 24, f"out[{top}, {first}]", "start", "title")
    total = 0.0
    for k in range(0, length, side):
        parts = [(a[top, i], b[i, first]) for i in range(k, k + side)]
        total += sum(p * q for p, q in parts)
        words = " + ".join(f"{p:g}·{q:g}" for p, q in parts)
        y = 24 + (k // side + 1) * 28
        canvas.text(x, y, f"step {k // side}:  {words}", "start", step(k))
        canvas.text(x + 210, y, f"sum {total:g}", "start", step(k))
    return canvas.html()
