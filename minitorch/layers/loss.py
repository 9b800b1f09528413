"""Losses of a classification: means over a batch, one number without dimensions."""

from __future__ import annotations

from typing import Any

from ..module import Module
from ..tensor import Tensor
from .functional import cross_entropy, nll_loss

__all__ = ["CrossEntropyLoss", "NLLLoss"]


class NLLLoss(Module):
    """The mean negative log-likelihood: log-probabilities (batch, classes), labels (batch,)."""

    def forward(self, input: Tensor, target: Any) -> Tensor:
        """Return the mean of -input at the labels; see `functional.nll_loss`."""
        return nll_loss(input, target)


class CrossEntropyLoss(Module):
    """`NLLLoss` of the log-softmax: scores (batch, classes), labels (batch,)."""

    def forward(self, input: Tensor, target: Any) -> Tensor:
        """Return the mean of -log softmax(input) at the labels; see `functional`."""
        return cross_entropy(input, target)
