"""Measuring what a classifier does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["confusion_matrix"]


def confusion_matrix(
    labels: npt.NDArray[np.int64], predictions: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    """Return how often each class was taken for which.

    Args:
        labels: (N,), what each example is, from 0 to classes - 1.
        predictions: (N,), what it was taken for.
        classes: the number of classes.

    Returns:
        (classes, classes): in row i, column j, how many of class i were taken for j.
    """
    pairs = labels * classes + predictions
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
