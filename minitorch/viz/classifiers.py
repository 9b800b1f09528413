"""Pictures of what a classifier does: where it draws the line, what it takes for what."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError, describe_shapes
from ..training.metrics import confusion_matrix

__all__ = ["plot_confusion", "plot_decision_boundary_2d"]


def _samples(operation: str, x: Any, y: Any) -> tuple[Any, Any]:
    """Return the samples and their labels as arrays.

    Raises:
        ShapeError: if there is not one label (N,) for each of one or more samples (N, ...).
    """
    points, labels = np.asarray(x), np.asarray(y)
    if labels.ndim != 1 or not len(labels) or points.shape[:1] != labels.shape:
        operands = [("x", points.shape), ("y", labels.shape)]
        raise ShapeError(
            describe_shapes(operation, operands) + "\nthere must be a label for each sample"
        )
    return points, labels.astype(np.int64)


def plot_decision_boundary_2d(
    classifier: Any,
    x: Any,
    y: Any,
    dx: float = 0.1,
    ax: Any = None,
    cmap: Any = "coolwarm",
) -> tuple[Any, Any]:
    """Draw samples of two features, and behind them which class each place is taken for.

    Args:
        classifier: has `classify`, as `models.Classifier`: arrays (M, 2) -> labels (M,).
        x: the samples (N, 2), a tensor or an array.
        y: their labels (N,).
        dx: the step of the grid of places.
        ax: matplotlib axes to draw on; by default a new figure.
        cmap: a matplotlib colormap, or its name.

    Returns:
        The figure and the axes.

    Raises:
        ShapeError: if the samples have not two features, or the labels do not fit.
        ValueError: if `dx` is not positive, or a sample is not finite.
    """
    import matplotlib.pyplot as plt

    points, labels = _samples("plot_decision_boundary_2d", x, y)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ShapeError(f"plot_decision_boundary_2d: x has shape {points.shape}, not (N, 2)")
    if not dx > 0 or not np.isfinite(points).all():
        raise ValueError(
            f"plot_decision_boundary_2d: dx is {dx}; it must be positive, and all samples finite"
        )
    low, high = points.min(axis=0) - dx, points.max(axis=0) + dx
    # linspace, not arange: the grid reaches both ends.
    steps = np.ceil((high - low) / dx).astype(int) + 1
    across = np.linspace(low[0], high[0], steps[0])
    up = np.linspace(low[1], high[1], steps[1])
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    taken = np.asarray(classifier.classify(grid.reshape(-1, 2).astype(points.dtype)))
    if ax is None:
        fig, ax = plt.subplots(figsize=(8, 6), layout="constrained")
    else:
        fig = ax.figure
    colours = plt.get_cmap(cmap)
    last = max(int(labels.max()), int(taken.max()), 1)
    levels = np.arange(last + 2) - 0.5
    ax.contourf(across, up, taken.reshape(grid.shape[:2]), levels=levels, cmap=colours, alpha=0.3)
    for label in range(last + 1):
        own = points[labels == label]
        colour = colours(label / last)
        ax.scatter(own[:, 0], own[:, 1], s=12, color=[colour], alpha=0.5, label=f"class {label}")
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    ax.legend(loc="upper right")
    return fig, ax


def plot_confusion(classifier: Any, x: Any, y: Any, ax: Any = None) -> tuple[Any, Any]:
    """Draw how often, as a share of all samples, each class is taken for which.

    Args:
        classifier: has `classify`, as `models.Classifier`: arrays (N, ...) -> labels (N,).
        x: the samples (N, ...), a tensor or an array.
        y: their labels (N,).
        ax: matplotlib axes to draw on; by default a new figure.

    Returns:
        The figure and the axes.

    Raises:
        ShapeError: if the labels do not fit the samples.
        ValueError: if a label is negative.
    """
    import matplotlib.pyplot as plt

    points, labels = _samples("plot_confusion", x, y)
    taken = np.asarray(classifier.classify(points)).astype(np.int64)
    classes = max(int(labels.max()), int(taken.max()), 1) + 1
    shares = confusion_matrix(labels, taken, classes, normalize="all")
    if ax is None:
        fig, ax = plt.subplots(figsize=(5, 5), layout="constrained")
    else:
        fig = ax.figure
    ax.imshow(shares, cmap="viridis")
    middle = (shares.max() + shares.min()) / 2
    for row, column in np.ndindex(shares.shape):
        share = shares[row, column]
        colour = "black" if share > middle else "white"
        size = 14 if classes < 5 else 8
        ax.text(column, row, f"{share:.2g}", ha="center", va="center", color=colour, size=size)
    ax.set(xticks=range(classes), yticks=range(classes))
    ax.set(xlabel="predicted label", ylabel="true label")
    return fig, ax
