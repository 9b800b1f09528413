"""What makes labels of a model's scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autodiff import no_grad
from ..creation import tensor
from ..errors import ShapeError
from ..layers import Softmax
from ..module import Module
from ..shapes import checked_dim
from ..tensor import Tensor

__all__ = ["ArgMaxClassifier", "BinaryClassifier", "Classifier"]

Labels = npt.NDArray[np.int64]


class Classifier(Module, ABC):
    """A model of scores, (batch, ...) -> (batch, classes), that also gives labels.

    Args:
        model: the model, kept in the attribute of this name.
    """

    def __init__(self, model: Module) -> None:
        super().__init__()
        self.model = model
        self.softmax = Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (batch, classes), of which the loss is made."""
        scores: Tensor = self.model(self._input(x))
        return scores

    def predict_proba(self, x: Tensor) -> Tensor:
        """Return the probabilities (batch, classes); each row sums to 1."""
        return self.predict_proba_scores(self(x))

    def predict_proba_scores(self, z: Tensor) -> Tensor:
        """Return the probabilities (batch, classes) that belong to scores of that shape."""
        proba: Tensor = self.softmax(z)
        return proba

    def classify(self, x: Tensor) -> Labels:
        """Return the labels (batch,) as an int64 array; nothing is recorded."""
        with no_grad():
            return self.classify_scores(self(x))

    def classify_scores(self, z: Tensor) -> Labels:
        """Return the labels (batch,) that belong to scores (batch, classes)."""
        with no_grad():
            return self._classify(self.predict_proba_scores(z).to_numpy())

    @abstractmethod
    def _classify(self, proba: npt.NDArray[Any]) -> Labels:
        """Return the labels (batch,) that belong to probabilities (batch, classes)."""

    def _input(self, x: Any) -> Any:
        """Return an array as a tensor of the parameters' dtype and backend."""
        if not isinstance(x, np.ndarray):
            return x
        value = next((parameter.value for parameter in self.parameters()), None)
        if value is None:
            return tensor(x)
        return tensor(x, dtype=value.dtype, backend=value.backend)


class ArgMaxClassifier(Classifier):
    """A classifier that takes the class with the highest score, the first of several.

    Args:
        model: the model, (batch, ...) -> (batch, classes).
    """

    def classify_scores(self, z: Tensor) -> Labels:
        """Return the labels (batch,): the highest score belongs to the highest probability."""
        checked_dim(1, z.shape, "classify_scores")
        return self._classify(z.to_numpy())

    def _classify(self, proba: npt.NDArray[Any]) -> Labels:
        labels: Labels = proba.argmax(axis=1)
        return labels


class BinaryClassifier(Classifier):
    """A classifier of two classes by a threshold.

    A sample is of the positive class where its probability is the threshold or more.

    Args:
        model: the model, (batch, ...) -> (batch, 2).
        positive_class: 0 or 1.
        threshold: from 0 to 1; the attribute may be assigned later.

    Raises:
        ValueError: if an argument is none of these.
    """

    def __init__(self, model: Module, positive_class: int = 1, threshold: float = 0.5) -> None:
        super().__init__(model)
        if positive_class not in (0, 1):
            raise ValueError(
                f"BinaryClassifier: positive_class is {positive_class!r}; it must be 0 or 1"
            )
        if not 0.0 <= threshold <= 1.0:
            raise ValueError(f"BinaryClassifier: threshold is {threshold}; it must be from 0 to 1")
        self.positive_class = positive_class
        self.threshold = threshold

    def _classify(self, proba: npt.NDArray[Any]) -> Labels:
        if proba.ndim != 2 or proba.shape[1] != 2:
            raise ShapeError(
                f"BinaryClassifier: the model's scores have shape {proba.shape}, not (batch, 2)"
            )
        positive = proba[:, self.positive_class] >= self.threshold
        return np.where(positive, self.positive_class, 1 - self.positive_class)
