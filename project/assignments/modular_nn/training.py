"""Part 2: the training loop around layers that know their own gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

import minitorch
from minitorch import Tensor
from minitorch.training import BatchResult, ClassifierTrainer, Trainer

from .layers import CrossEntropyLoss, Layer
from .optimizers import Optimizer

__all__ = ["ClassifierTrainer", "LayerTrainer", "Trainer"]


class LayerTrainer(Trainer):
    """Trains a `Layer` on batches (images, labels); each image becomes one row.

    Args:
        model: the layer, (batch, features) -> (batch, classes).
        loss_fn: the loss of its scores.
        optimizer: holds `model.params()`.
    """

    def __init__(self, model: Layer, loss_fn: CrossEntropyLoss, optimizer: Optimizer) -> None:
        super().__init__(model)
        self.loss_fn = loss_fn
        self.optimizer = optimizer

    def train_batch(self, batch: Any) -> BatchResult:
        """Take a step on a batch; return its loss before, and how many were right."""
        ### BEGIN SOLUTION
        loss, num_correct = self._forward(batch)
        self.optimizer.zero_grad()
        with minitorch.no_grad():
            self.model.backward(self.loss_fn.backward())
        self.optimizer.step()
        return BatchResult(loss, num_correct)
        ### END SOLUTION

    def test_batch(self, batch: Any) -> BatchResult:
        """Return the loss of a batch, and how many were right."""
        ### BEGIN SOLUTION
        return BatchResult(*self._forward(batch))
        ### END SOLUTION

    def _forward(self, batch: Any) -> tuple[float, int]:
        """Return the loss and the number of images whose highest score is their label's."""
        images, labels = batch
        with minitorch.no_grad():
            scores: Tensor = self.model(images.reshape(images.shape[0], -1))
            loss = self.loss_fn(scores, labels)
        right = scores.numpy().argmax(axis=1) == np.asarray(labels)
        return float(loss.item()), int(right.sum())
