"""Measuring what a classifier does.

The curve and the matrix are scikit-learn's, number for number, without scikit-learn.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError, describe_shapes

__all__ = ["ROCCurve", "accuracy", "confusion_matrix", "roc_curve", "select_threshold"]

Labels = npt.NDArray[np.int64]
Normalise = Literal["true", "pred", "all"] | None


class ROCCurve(NamedTuple):
    """What becomes of a classifier of two classes as its threshold sinks.

    `fpr[i]` is the share of the negative samples, and `tpr[i]` that of the positive ones, whose
    score is `thresholds[i]` or more; the first threshold is infinity.
    """

    fpr: npt.NDArray[np.float64]
    tpr: npt.NDArray[np.float64]
    thresholds: npt.NDArray[np.float64]


def _checked(operation: str, labels: Any, others: Any, name: str) -> tuple[Any, Any]:
    """Return both as arrays.

    Raises:
        ShapeError: if they are not of one shape (N,).
        ValueError: if N is 0.
    """
    first, second = np.asarray(labels), np.asarray(others)
    if first.ndim != 1 or first.shape != second.shape:
        operands = [("labels", first.shape), (name, second.shape)]
        raise ShapeError(describe_shapes(operation, operands) + "\nboth must have one shape (N,)")
    if not first.size:
        raise ValueError(f"{operation}: there is nothing to measure")
    return first, second


def accuracy(labels: Labels, predictions: Labels) -> float:
    """Return how many of the predictions (N,) are the labels (N,), in %."""
    right, taken = _checked("accuracy", labels, predictions, "predictions")
    return 100.0 * float((right == taken).mean())


def confusion_matrix(
    labels: Labels, predictions: Labels, classes: int, normalize: Normalise = None
) -> npt.NDArray[Any]:
    """Return how often each class was taken for which.

    Args:
        labels: (N,), what each example is, from 0 to classes - 1.
        predictions: (N,), what it was taken for.
        classes: the number of classes.
        normalize: "true" divides each row by its sum, "pred" each column, "all" everything;
            None counts. What has the sum 0 stays 0.

    Returns:
        (classes, classes): in row i, column j, how many of class i were taken for j.

    Raises:
        ValueError: if a class is out of range, or `normalize` is none of these.
    """
    right, taken = _checked("confusion_matrix", labels, predictions, "predictions")
    for name, values in (("labels", right), ("predictions", taken)):
        if values.min() < 0 or values.max() >= classes:
            raise ValueError(
                f"confusion_matrix: the {name} go from {values.min()} to {values.max()}; with "
                f"{classes} classes they must be from 0 to {classes - 1}"
            )
    pairs = right.astype(np.int64) * classes + taken.astype(np.int64)
    counts = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    if normalize is None:
        return counts
    if normalize not in ("true", "pred", "all"):
        raise ValueError(f'normalize is {normalize!r}; it must be "true", "pred", "all" or None')
    axis = {"true": 1, "pred": 0, "all": None}[normalize]
    shares: npt.NDArray[np.float64] = counts / np.maximum(counts.sum(axis=axis, keepdims=True), 1)
    return shares


def roc_curve(labels: Labels, scores: npt.NDArray[Any], pos_label: int = 1) -> ROCCurve:
    """Return the receiver operating characteristic of the scores of a positive class.

    As `sklearn.metrics.roc_curve(..., drop_intermediate=False)`: one point for each different
    score, the greatest first, after the point (0, 0).

    Args:
        labels: (N,), what each sample is; all but `pos_label` are negative.
        scores: (N,), greater where a sample is more likely positive.
        pos_label: the positive class.

    Raises:
        ValueError: if a score is NaN, or all samples are positive, or none.
    """
    right, values = _checked("roc_curve", labels, scores, "scores")
    positive = right == pos_label
    if np.isnan(values).any():
        raise ValueError("roc_curve: a score is NaN")
    if positive.all() or not positive.any():
        raise ValueError(
            f"roc_curve: {positive.sum()} of {len(positive)} samples are of class {pos_label}; "
            "there must be positive and negative ones"
        )
    order = np.argsort(-values, kind="stable")
    values, positive = values[order], positive[order]
    # Samples of one score pass a threshold together: the curve has the last of each.
    last = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    true_positives = np.cumsum(positive)[last]
    false_positives = last + 1 - true_positives
    return ROCCurve(
        np.concatenate([[0.0], false_positives / false_positives[-1]]),
        np.concatenate([[0.0], true_positives / true_positives[-1]]),
        np.concatenate([[np.inf], values[last].astype(np.float64)]),
    )


def select_threshold(curve: ROCCurve) -> float:
    """Return the threshold whose point on the curve is nearest to (0, 1), the perfect one.

    Of several the greatest; the infinite one, which takes nothing for positive, is left out.
    """
    distances = np.hypot(curve.fpr[1:], 1.0 - curve.tpr[1:])
    return float(curve.thresholds[1:][distances.argmin()])
