"""What training gives back, from one batch to the whole."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BatchResult", "EpochResult", "FitResult"]


class BatchResult(NamedTuple):
    """The result of one batch: its loss, and how many of its samples were classified right."""

    loss: float
    num_correct: int


class EpochResult(NamedTuple):
    """The result of one epoch: the loss of each batch, and the accuracy in %."""

    losses: list[float]
    accuracy: float


class FitResult(NamedTuple):
    """The result of `num_epochs` epochs: mean losses and accuracies in %, one for each."""

    num_epochs: int
    train_loss: list[float]
    train_acc: list[float]
    test_loss: list[float]
    test_acc: list[float]
