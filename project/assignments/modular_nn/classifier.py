"""Part 3: what makes labels of scores, and how one looks at it and sets its threshold."""

from __future__ import annotations

from typing import Any

import numpy as np

import minitorch
from minitorch.models import ArgMaxClassifier, BinaryClassifier, Classifier
from minitorch.training.metrics import roc_curve, select_threshold
from minitorch.viz import plot_decision_boundary_2d

__all__ = [
    "ArgMaxClassifier",
    "BinaryClassifier",
    "Classifier",
    "plot_decision_boundary_2d",
    "select_roc_thresh",
]


def select_roc_thresh(classifier: BinaryClassifier, x: Any, y: Any, plot: bool = False) -> float:
    """Return the threshold whose point on the ROC curve is nearest to (0, 1).

    The threshold of the classifier stays as it is.

    Args:
        classifier: gives the probability of its positive class.
        x: samples, a tensor.
        y: (N,), their labels.
        plot: draw the curve and the point.
    """
    ### BEGIN SOLUTION
    with minitorch.no_grad():
        proba = classifier.predict_proba(x).numpy()[:, classifier.positive_class]
    curve = roc_curve(np.asarray(y), proba, pos_label=classifier.positive_class)
    threshold = select_threshold(curve)
    ### END SOLUTION
    if plot:
        import matplotlib.pyplot as plt

        chosen = int(np.flatnonzero(curve.thresholds == threshold)[0])
        _, ax = plt.subplots(figsize=(6, 5))
        ax.plot(curve.fpr, curve.tpr, label="ROC")
        ax.plot([0, 1], [0, 1], "--", color="grey", label="by chance")
        ax.scatter(curve.fpr[chosen], curve.tpr[chosen], color="tab:red", zorder=3)
        ax.annotate(
            f"threshold {threshold:.2f}",
            (curve.fpr[chosen], curve.tpr[chosen]),
            xytext=(10, -20),
            textcoords="offset points",
        )
        ax.set(xlabel="false positive rate", ylabel="true positive rate (1 - FNR)")
        ax.legend(loc="lower right")
    return threshold
