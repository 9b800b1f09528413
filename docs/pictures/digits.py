"""Pictures of Module 4 by matplotlib: softmax and dropout as bars, images of digits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from .plots import svg_figure

__all__ = [
    "confusion_picture",
    "curves_picture",
    "images_picture",
    "rows_picture",
    "softmax_picture",
]

Array = npt.NDArray[Any]


def softmax_picture(scores: Sequence[float], caption: str) -> str:
    """Return the exponentials of scores in float32, as they are and after the maximum is taken off.

    Args:
        scores: some numbers, of which one may be too large for an exponential.
        caption: what stands beneath.
    """
    x = np.array(scores, np.float32)
    with np.errstate(over="ignore"):
        plain = np.exp(x)
    shifted = np.exp(x - x.max())
    panels = [("exp(x)", plain), ("exp(x - m)", shifted), ("softmax(x)", shifted / shifted.sum())]
    figure = Figure(figsize=(7.2, 2.2), layout="constrained")
    for axes, (title, heights) in zip(figure.subplots(1, 3), panels, strict=True):
        finite = np.isfinite(heights)
        top = heights[finite].max()
        shown = np.where(finite, heights, 1.6 * top)
        bars = axes.bar(range(len(x)), shown, color=np.where(finite, "C0", "C3"))
        for bar, height in zip(bars, heights, strict=True):
            axes.annotate(
                f"{height:.2g}", (bar.get_x() + bar.get_width() / 2, bar.get_height()),
                ha="center", va="bottom", fontsize=7,
            )  # fmt: skip
        axes.set_xticks(range(len(x)), [f"{value:g}" for value in x])
        axes.set(title=title, xlabel="x", ylim=(0, 1.2 * shown.max()), yticks=[])
    return svg_figure(figure, caption)


def images_picture(
    images: Array, titles: Sequence[str], caption: str, columns: int = 8, inches: float = 0.9
) -> str:
    """Return small grey images, each with a title.

    Args:
        images: (N, height, width).
        titles: a word or two for each.
        caption: what stands beneath.
        columns: how many stand in a row.
        inches: the width of one.
    """
    rows = -(-len(images) // columns)
    size = (inches * min(columns, len(images)), (inches + 0.22) * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, min(columns, len(images)), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, title in zip(grid.flat, images, titles, strict=False):
        axes.imshow(image, cmap="gray")
        axes.set_title(title, fontsize=8)
    return svg_figure(figure, caption)


def rows_picture(rows: Sequence[tuple[str, Array]], caption: str) -> str:
    """Return several rows of grey images, each stretched to the whole range from black to white.

    Args:
        rows: for each a name, and its images (N, height, width).
        caption: what stands beneath.
    """
    most = max(len(images) for _, images in rows)
    figure = Figure(figsize=(0.85 * most, 1.2 * len(rows)), layout="constrained")
    for part, (name, images) in zip(figure.subfigures(len(rows), 1), rows, strict=True):
        part.suptitle(name, fontsize=8, x=0.01, ha="left")
        for axes, image in itertools.zip_longest(part.subplots(1, most), images):
            if image is None:
                axes.set_axis_off()
            else:
                axes.imshow(image, cmap="gray")
                axes.set(xticks=[], yticks=[])
    return svg_figure(figure, caption)


def confusion_picture(matrix: Array, caption: str) -> str:
    """Return how often each class is taken for which, the right ones left white.

    Args:
        matrix: (classes, classes) of counts; rows are what it is, columns what it is read as.
        caption: what stands beneath.
    """
    classes = len(matrix)
    wrong = matrix * (1 - np.eye(classes, dtype=matrix.dtype))
    figure = Figure(figsize=(3.4, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.ma.masked_equal(wrong, 0), cmap="Oranges", vmin=0)
    for row, column in zip(*np.nonzero(matrix), strict=True):
        # On light orange dark, on dark orange white, whatever the page is.
        colour = "#ffffff" if wrong[row, column] > 0.6 * wrong.max() else "#222222"
        axes.annotate(
            str(matrix[row, column]), (column, row), ha="center", va="center",
            fontsize=7, color="#888888" if row == column else colour,
        )  # fmt: skip
    axes.set(xticks=range(classes), yticks=range(classes), xlabel="read as", ylabel="digit")
    return svg_figure(figure, caption)


def curves_picture(points: Sequence[tuple[float, float, float]], caption: str) -> str:
    """Return the curves of loss and accuracy, side by side.

    Args:
        points: for each the time in epochs, the loss, and the accuracy in %.
        caption: what stands beneath.
    """
    epochs, losses, accuracies = zip(*points, strict=True)
    figure = Figure(figsize=(6.6, 2.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, losses, color="C3", linewidth=1)
    left.set(xlabel="epoch", title="loss", ylim=(0, None))
    right.plot(epochs, accuracies, color="C0", linewidth=1)
    right.set(xlabel="epoch", title="accuracy (%)", ylim=(0, 103))
    return svg_figure(figure, caption)
