"""Pictures of the points in the unit square, and of what is taken for which class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from minitorch import operators
from minitorch.datasets import Graph, datasets

from .plots import svg_figure

__all__ = ["boundaries_picture", "by_lines", "datasets_picture", "losses_picture"]

Array = npt.NDArray[Any]
_COLOURS = ("C0", "C3")


def _points(axes: Any, data: Graph, size: float) -> None:
    points, labels = np.array(data.X), np.array(data.y)
    for label, colour in enumerate(_COLOURS):
        x, y = points[labels == label].T
        axes.scatter(x, y, s=size, color=colour, edgecolor="white", linewidth=0.5)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))


def by_lines(
    lines: Sequence[tuple[float, float, float]], weight: float, bias: float = -0.01
) -> Callable[[Array], Array]:
    """Return what gives for points (N, 2) the probabilities that lines of one weight make."""

    def predict(points: Array) -> Array:
        scores = [
            bias + sum(weight * operators.relu(a * x + b * y + c) for a, b, c in lines)
            for x, y in points
        ]
        return np.array([operators.sigmoid(score) for score in scores])

    return predict


def datasets_picture(points: int, caption: str) -> str:
    """Return the data sets of the course, each with its points and classes."""
    figure = Figure(figsize=(7.0, 4.9), layout="constrained")
    for axes, (name, make) in zip(figure.subplots(2, 3).flat, datasets.items(), strict=True):
        _points(axes, make(points), 14)
        axes.set_title(name)
    return svg_figure(figure, caption)


def boundaries_picture(
    panels: Sequence[tuple[str, Callable[[Array], Array]]],
    data: Graph,
    caption: str,
    resolution: int = 41,
) -> str:
    """Return what classifiers make of each place, beside each other, and the points.

    Args:
        panels: for each a title, and what gives for points (N, 2) the probabilities of class 1.
        data: the points.
        caption: what stands beneath.
        resolution: at how many places in each direction a classifier is asked.
    """
    ticks = np.linspace(0.0, 1.0, resolution)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    figure = Figure(figsize=(2.5 * len(panels) + 0.6, 2.7), layout="constrained")
    row = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, predict) in zip(row, panels, strict=True):
        sure = np.asarray(predict(grid)).reshape(resolution, resolution)
        filled = axes.contourf(
            ticks, ticks, sure, levels=np.linspace(0, 1, 11), cmap="RdBu_r", alpha=0.6
        )
        if sure.min() < 0.5 < sure.max():
            axes.contour(ticks, ticks, sure, levels=[0.5], colors="black", linewidths=1.5)
        _points(axes, data, 16)
        axes.set_title(title)
    figure.colorbar(filled, ax=row[-1], label="probability of class 1")
    return svg_figure(figure, caption)


def losses_picture(losses: Sequence[float], accuracies: Sequence[float], caption: str) -> str:
    """Return the curves of loss and accuracy over the epochs, side by side."""
    figure = Figure(figsize=(6.6, 2.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = np.arange(len(losses)) + 1
    left.plot(epochs, losses, color="C3")
    left.set(xlabel="epoch", title="mean loss", ylim=(0, None))
    right.plot(epochs, accuracies, color="C0")
    right.set(xlabel="epoch", title="accuracy, %", ylim=(0, 103))
    return svg_figure(figure, caption)
