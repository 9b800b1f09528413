"""Accuracy, the confusion matrix, the ROC curve and its best threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitorch
from minitorch.models import ArgMaxClassifier
from minitorch.training import accuracy, confusion_matrix, roc_curve, select_threshold

LABELS = np.array([0, 0, 1, 2, 2, 2])
PREDICTIONS = np.array([0, 1, 1, 2, 0, 2])


def test_the_confusion_matrix_counts_labels_in_rows_and_predictions_in_columns() -> None:
    expected = [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(confusion_matrix(LABELS, PREDICTIONS, 4), expected)


def test_the_confusion_matrix_as_shares() -> None:
    counts = confusion_matrix(LABELS, PREDICTIONS, 4).astype(float)
    by_row = confusion_matrix(LABELS, PREDICTIONS, 4, normalize="true")
    np.testing.assert_allclose(by_row.sum(axis=1), [1, 1, 1, 0])
    by_column = confusion_matrix(LABELS, PREDICTIONS, 4, normalize="pred")
    np.testing.assert_allclose(by_column.sum(axis=0), [1, 1, 1, 0])
    np.testing.assert_allclose(confusion_matrix(LABELS, PREDICTIONS, 4, "all"), counts / 6)


def test_accuracy_is_in_percent() -> None:
    assert accuracy(LABELS, PREDICTIONS) == pytest.approx(100 * 4 / 6)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=20).filter(
        lambda samples: len({positive for positive, _ in samples}) == 2
    )
)
def test_the_curve_is_what_each_threshold_gives(samples: list[tuple[bool, int]]) -> None:
    labels = np.array([int(positive) for positive, _ in samples])
    scores = np.array([float(score) for _, score in samples])
    curve = roc_curve(labels, scores)
    assert curve.thresholds.tolist() == [np.inf, *sorted(set(scores), reverse=True)]
    for fpr, tpr, threshold in zip(*curve, strict=True):
        taken = scores >= threshold
        assert tpr == pytest.approx(taken[labels == 1].mean())
        assert fpr == pytest.approx(taken[labels == 0].mean())
    best = select_threshold(curve)
    distances = curve.fpr**2 + (1 - curve.tpr) ** 2
    chosen = distances[curve.thresholds == best]
    assert chosen == pytest.approx(distances[1:].min())


def test_the_curve_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    chance = np.random.default_rng(0)
    labels, scores = chance.integers(0, 2, 200), chance.normal(size=200).round(1)
    for own, theirs in zip(
        roc_curve(labels, scores),
        metrics.roc_curve(labels, scores, drop_intermediate=False),
        strict=True,
    ):
        np.testing.assert_allclose(own, theirs)


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(minitorch.ShapeError, match=r"accuracy\n  labels +\(6,\)"):
        accuracy(LABELS, PREDICTIONS[:5])
    with pytest.raises(ValueError, match="nothing to measure"):
        accuracy(LABELS[:0], LABELS[:0])
    with pytest.raises(ValueError, match=r"the labels go from 0 to 2; with 2 classes"):
        confusion_matrix(LABELS, PREDICTIONS, 2)
    with pytest.raises(ValueError, match="normalize is 'rows'"):
        confusion_matrix(LABELS, PREDICTIONS, 3, normalize="rows")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="3 of 3 samples are of class 1"):
        roc_curve(np.ones(3, int), np.zeros(3))
    with pytest.raises(ValueError, match="a score is NaN"):
        roc_curve(np.array([0, 1]), np.array([0.0, np.nan]))


def test_labels_of_a_classifier_can_be_measured() -> None:
    classifier = ArgMaxClassifier(minitorch.layers.Linear(2, 3))
    taken = classifier.classify(np.zeros((6, 2)))
    assert confusion_matrix(LABELS, taken, 3).sum() == 6
