"""The confusion matrix."""

from __future__ import annotations

import numpy as np

from minitorch.training import confusion_matrix


def test_the_confusion_matrix_counts_labels_in_rows_and_predictions_in_columns() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2])
    predictions = np.array([0, 1, 1, 2, 0, 2])
    expected = [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(confusion_matrix(labels, predictions, 4), expected)
