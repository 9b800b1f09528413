"""Pictures of a training run: losses and accuracies over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..training import FitResult

__all__ = ["plot_fit", "plot_train_progress"]


def plot_fit(
    fit_res: FitResult,
    fig: Any = None,
    log_loss: bool = False,
    legend: str | None = None,
    train_test_overlay: bool = False,
) -> tuple[Any, Any]:
    """Draw the losses and accuracies of a run.

    Args:
        fit_res: what `Trainer.fit` returned.
        fig: the figure that an earlier call returned, to draw another run into; None for a new.
        log_loss: draw the losses on a logarithmic scale.
        legend: the name of the run.
        train_test_overlay: draw training and test into the same axes.

    Returns:
        The figure and its axes: an array (2, 2), a row for training and one for testing, loss
        on the left; with `train_test_overlay` (1, 2).

    Raises:
        ValueError: if `fig` has other axes, as a call with another overlay made it.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    rows = 1 if train_test_overlay else 2
    if fig is None:
        fig, axes = plt.subplots(
            rows, 2, figsize=(14, 4.5 * rows), layout="constrained", squeeze=False
        )
    else:
        if len(fig.axes) != 2 * rows:
            raise ValueError(
                f"plot_fit: the figure has {len(fig.axes)} axes, not {2 * rows}; give each of "
                "its calls the same train_test_overlay"
            )
        axes = np.array(fig.axes, dtype=object).reshape(rows, 2)
    for number, part in enumerate(("train", "test")):
        row = axes[0 if train_test_overlay else number]
        for ax, kind in zip(row, ("loss", "acc"), strict=True):
            values = getattr(fit_res, f"{part}_{kind}")
            name = legend
            if train_test_overlay:
                name = part if legend is None else f"{part} {legend}"
            # A single epoch is a point, which a line alone would not show.
            marker = "o" if len(values) == 1 else None
            ax.plot(np.arange(1, len(values) + 1), values, label=name, marker=marker)
            whole = "accuracy" if kind == "acc" else "loss"
            ax.set_title(whole if train_test_overlay else f"{part}_{kind}")
            ax.set_xlabel("epoch")
            ax.set_ylabel("accuracy (%)" if kind == "acc" else whole)
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            if kind == "loss" and log_loss:
                ax.set_yscale("log")
                ax.set_ylabel("loss (log)")
            ax.grid(visible=True, alpha=0.4)
            if name is not None:
                ax.legend()
    return fig, axes


def plot_train_progress(
    loss_l: Sequence[float],
    acc_train_l: Sequence[float],
    acc_test_l: Sequence[float],
    iters_per_point: int,
    total_iters: int | None = None,
) -> tuple[Any, Any]:
    """Draw training loss and both accuracies in % over the iterations.

    Args:
        loss_l, acc_train_l, acc_test_l: one number for each point, of equal lengths.
        iters_per_point: how many iterations lie between two points.
        total_iters: where the axis ends; None for the last point.

    Returns:
        The figure and its two axes.

    Raises:
        ValueError: if the lengths differ.
    """
    import matplotlib.pyplot as plt

    if not len(loss_l) == len(acc_train_l) == len(acc_test_l):
        raise ValueError(
            f"plot_train_progress: {len(loss_l)} losses, {len(acc_train_l)} training accuracies "
            f"and {len(acc_test_l)} test accuracies; there must be as many of each"
        )
    fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    iterations = np.arange(len(loss_l)) * iters_per_point
    axes[0].plot(iterations, loss_l, color="black", linewidth=3, label="Training loss")
    axes[1].plot(iterations, acc_train_l, color="blue", linewidth=3, label="Train")
    axes[1].plot(iterations, acc_test_l, color="red", linewidth=3, label="Test")
    axes[0].set(title="Training loss", ylim=(0, None))
    axes[1].set(title="Accuracy", ylim=(0, 100))
    for ax, place in zip(axes, ("upper right", "lower right"), strict=True):
        ax.set_xlabel("Iteration")
        ax.yaxis.grid(visible=True)
        ax.legend(loc=place)
        if total_iters is not None:
            ax.set_xlim(0, total_iters)
    return fig, axes
