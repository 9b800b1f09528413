"""Part 3: two half moons that interleave, in three populations.

As the course sets it: training and validation come from one mixture of two rotated, noisy
moons, in this order, the test set from a third one; so the three are not alike.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import minitorch
from minitorch.data import DataLoader, TensorDataset

__all__ = ["Split", "make_moons", "moon_loaders", "moon_splits", "plot_dataset_2d", "rotate_2d"]

Points = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


class Split(NamedTuple):
    """Points (N, 2) and their labels (N,), 0 or 1."""

    x: Points
    y: Labels


def make_moons(n_samples: int, noise: float) -> Split:
    """Return two half moons, in random order, from numpy's own state (`numpy.random.seed`).

    Number for number what `sklearn.datasets.make_moons` returns, of which this is the recipe:
    https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_moons.html

    Args:
        n_samples: how many points, one half of each class (of an odd one the first has less).
        noise: the standard deviation of what is added to each coordinate.
    """
    outer = np.linspace(0, np.pi, n_samples // 2)
    inner = np.linspace(0, np.pi, n_samples - n_samples // 2)
    x = np.vstack(
        [
            np.column_stack([np.cos(outer), np.sin(outer)]),
            np.column_stack([1 - np.cos(inner), 1 - np.sin(inner) - 0.5]),
        ]
    )
    y = np.repeat(np.array([0, 1]), [len(outer), len(inner)])
    order = np.arange(n_samples)
    np.random.shuffle(order)
    x, y = x[order], y[order]
    return Split(x + np.random.normal(scale=noise, size=x.shape), y)


def rotate_2d(x: Points, deg: float = 0) -> Points:
    """Return points (N, 2) rotated around the origin by `deg` degrees, counterclockwise."""
    a = np.deg2rad(deg)
    return x @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]).T


def moon_splits(n_samples: int = 10_000, seed: int = 42) -> tuple[Split, Split, Split]:
    """Return the training, validation and test sets: 8/15, 4/15 and 3/15 of the samples.

    The draws and their order are the course's, so that the points are too.
    """
    np.random.seed(seed)
    known = int(n_samples * 0.8)
    parts = []
    for size, noise, deg in (
        (known // 2, 0.2, 10),
        (known // 2, 0.25, 50),
        (n_samples - known, 0.3, 40),
    ):
        x, y = make_moons(size, noise)
        parts.append(Split(rotate_2d(x, deg), y))
    first, second, test = parts
    x, y = np.vstack([first.x, second.x]), np.hstack([first.y, second.y])
    train = len(y) - -(-len(y) // 3)  # a third, rounded up, is for the validation
    return Split(x[:train], y[:train]), Split(x[train:], y[train:]), test


def moon_loaders(
    splits: tuple[Split, Split, Split], batch_size: int = 32
) -> tuple[DataLoader, DataLoader, DataLoader]:
    """Return a shuffling loader of float32 batches for each set."""
    train, valid, test = (
        DataLoader(
            TensorDataset(minitorch.tensor(x.astype(np.float32)), y), batch_size, shuffle=True
        )
        for x, y in splits
    )
    return train, valid, test


def plot_dataset_2d(split: Split, title: str = "", ax: Any = None, alpha: float = 0.2) -> None:
    """Draw the points of a set, one colour for each class, on matplotlib's axes."""
    import matplotlib.pyplot as plt

    axes = plt.gca() if ax is None else ax
    for label in np.unique(split.y):
        axes.scatter(*split.x[split.y == label].T, alpha=alpha, label=f"class {label}")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", title=f"{title} (n={len(split.y)})")
    axes.legend()
