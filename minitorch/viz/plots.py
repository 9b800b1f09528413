"""Plots that need matplotlib, which is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["save_decision_boundary"]

COLOURS = ("#1f77b4", "#d62728")


def save_decision_boundary(
    predict: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    points: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    path: str | Path,
    title: str = "",
    resolution: int = 60,
) -> None:
    """Draw where a classifier of the unit square is how sure, and the points it learnt from.

    Args:
        predict: gives for points (M, 2) the probabilities (M,) of class 1.
        points: (N, 2), in the unit square.
        labels: (N,), 0 or 1.
        path: the picture's file; its folder is made.
        title: stands above the picture.
        resolution: at how many points in each direction `predict` is asked.
    """
    from matplotlib.figure import Figure

    ticks = np.linspace(0.0, 1.0, resolution)
    across, up = np.meshgrid(ticks, ticks)
    grid = np.stack([across.ravel(), up.ravel()], axis=1)
    sure = predict(grid).reshape(resolution, resolution)
    figure = Figure(figsize=(5, 4.4), layout="constrained")
    axes = figure.add_subplot()
    filled = axes.contourf(across, up, sure, levels=np.linspace(0, 1, 11), cmap="RdBu_r", alpha=0.7)
    if sure.min() < 0.5 < sure.max():
        axes.contour(across, up, sure, levels=[0.5], colors="black", linewidths=1.5)
    for label, colour in enumerate(COLOURS):
        chosen = points[labels == label]
        axes.scatter(
            chosen[:, 0], chosen[:, 1], color=colour, edgecolor="white", label=f"class {label}"
        )
    figure.colorbar(filled, label="probability of class 1")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="$x_1$", ylabel="$x_2$", title=title, aspect="equal")
    # Below the picture, where it hides no point.
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
