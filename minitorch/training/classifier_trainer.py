"""Training a classifier."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autodiff import no_grad
from ..function import is_tensor
from ..module import Module
from ..rng import generator, set_generator_state
from ..tensor import Tensor
from .nonfinite import NonFiniteLossError, first_nonfinite_layer
from .results import BatchResult
from .trainer import Trainer

__all__ = ["ClassifierTrainer"]


class ClassifierTrainer(Trainer):
    """Trains a classifier on batches (inputs, labels).

    Args:
        model: gives scores (batch, classes). Where it has a method `classify_scores`, as
            `models.Classifier` has, that says what is taken for right, else the highest score.
        loss_fn: makes of the scores and the labels a loss of one number.
        optimizer: takes the steps.
        device: the backend to put the model on, by name; None leaves it where it is.
    """

    def __init__(
        self,
        model: Module,
        loss_fn: Callable[[Tensor, Any], Tensor],
        optimizer: Any,
        device: str | None = None,
    ) -> None:
        super().__init__(model, device)
        self.loss_fn = loss_fn
        self.optimizer = optimizer

    def train_batch(self, batch: Any) -> BatchResult:
        """Take a step on a batch.

        Raises:
            NonFiniteLossError: if the loss is infinite or NaN; no step is taken then.
        """
        loss, result = self._forward(batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return result

    def test_batch(self, batch: Any) -> BatchResult:
        """Compute loss and labels of a batch; nothing is recorded.

        Raises:
            NonFiniteLossError: if the loss is infinite or NaN.
        """
        with no_grad():
            return self._forward(batch)[1]

    def _forward(self, batch: Any) -> tuple[Tensor, BatchResult]:
        inputs, labels = batch
        if self.device is not None and is_tensor(inputs):
            inputs = inputs.to(self.device)
        chance = generator().bit_generator.state
        scores = self.model(inputs)
        loss = self.loss_fn(scores, labels)
        value = float(loss.item())
        if not math.isfinite(value):
            raise self._nonfinite(value, inputs, scores, chance)
        classify = getattr(self.model, "classify_scores", _highest)
        correct = int((classify(scores) == np.asarray(labels)).sum())
        return loss, BatchResult(value, correct)

    def _nonfinite(
        self, value: float, inputs: Any, scores: Tensor, chance: Any
    ) -> NonFiniteLossError:
        """Return the error of a loss that is no number, after looking for where it came from."""
        what = f"the loss is {value}: "
        if not np.isfinite(_on_host(inputs)).all():
            return NonFiniteLossError(f"{what}the batch itself has NaN or infinite inputs")
        # Anew, with the same dropout as in the pass that failed; what it does to buffers, such
        # as running statistics, is undone.
        before = {key: np.array(_on_host(value)) for key, value in self.model.state_dict().items()}
        set_generator_state(chance)
        found = first_nonfinite_layer(self.model, lambda: self.model(inputs))
        self.model.load_state_dict(before)
        if found is not None:
            path, layer = found
            message = f"{what}the first layer to give NaN or infinity is {layer}"
            return NonFiniteLossError(message, path)
        if not np.isfinite(scores.to_numpy()).all():
            return NonFiniteLossError(f"{what}the model gave NaN or infinity")
        name = type(self.loss_fn).__name__
        return NonFiniteLossError(f"{what}all layers gave finite numbers, but {name} did not")


def _on_host(values: Any) -> Any:
    return values.to_numpy() if is_tensor(values) else np.asarray(values)


def _highest(scores: Tensor) -> Any:
    return scores.argmax(1)
