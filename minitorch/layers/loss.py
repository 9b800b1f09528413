"""Losses: how far an output is from what it should be."""

from __future__ import annotations

from typing import Any

from ..creation import tensor
from ..function import is_tensor
from ..module import Module
from ..tensor import Tensor
from .functional.loss import (
    binary_cross_entropy_with_logits,
    checked_reduction,
    cross_entropy,
    mse_loss,
    nll_loss,
)

__all__ = ["BCEWithLogitsLoss", "CrossEntropyLoss", "MSELoss", "NLLLoss"]


class _Loss(Module):
    """What losses share.

    Args:
        reduction: "mean" or "sum" for one number, or "none" for all losses.

    Raises:
        ValueError: if it is none of these.
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = checked_reduction(type(self).__name__, reduction)

    def _keep_weight(self, name: str, weight: Any) -> None:
        """Make a weight a buffer: a tensor, or None."""
        given = weight is None or is_tensor(weight)
        self.register_buffer(name, weight if given else tensor(weight))


class MSELoss(_Loss):
    """The mean of (input - target)^2, of any one shape.

    Args:
        reduction: "mean" or "sum" for one number, or "none" for all squares.

    Raises:
        ValueError: if it is none of these.
    """

    def forward(self, input: Tensor, target: Any) -> Tensor:
        """Return the loss; see `functional.mse_loss`."""
        return mse_loss(input, target, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """The mean binary cross-entropy of sigmoid(input), of any one shape.

    Args:
        reduction: "mean" or "sum" for one number, or "none" for all losses.
        pos_weight: by how much more the targets of 1 count, one number or one for each class.

    Raises:
        ValueError: if the reduction is none of these.
    """

    def __init__(self, *, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction=reduction)
        self._keep_weight("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Any) -> Tensor:
        """Return the loss; see `functional.binary_cross_entropy_with_logits`."""
        return binary_cross_entropy_with_logits(
            input, target, reduction=self.reduction, pos_weight=self._buffers["pos_weight"]
        )


class _ClassLoss(_Loss):
    """What losses of a classification share.

    Args:
        weight: by how much each class counts, (classes,); None for 1.
        ignore_index: the label of rows that do not count.
        reduction: "mean" or "sum" for one number, or "none" for one of each row.
    """

    def __init__(
        self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self._keep_weight("weight", weight)
        self.ignore_index = ignore_index


class NLLLoss(_ClassLoss):
    """The mean negative log-likelihood: log-probabilities (batch, classes), labels (batch,).

    Args:
        weight: by how much each class counts, (classes,); None for 1.
        ignore_index: the label of rows that do not count.
        reduction: "mean" or "sum" for one number, or "none" for one of each row.

    Raises:
        ValueError: if the reduction is none of these.
    """

    def forward(self, input: Tensor, target: Any) -> Tensor:
        """Return -input at the labels; see `functional.nll_loss`."""
        return nll_loss(
            input,
            target,
            self._buffers["weight"],
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class CrossEntropyLoss(_ClassLoss):
    """`NLLLoss` of the log-softmax: scores (batch, classes), labels (batch,).

    The target may also be probabilities of the classes, a tensor or float array of the
    input's shape.

    Args:
        weight: by how much each class counts, (classes,); None for 1.
        ignore_index: the label of rows that do not count.
        reduction: "mean" or "sum" for one number, or "none" for one of each row.

    Raises:
        ValueError: if the reduction is none of these.
    """

    def forward(self, input: Tensor, target: Any) -> Tensor:
        """Return -log softmax(input) at the labels; see `functional.cross_entropy`."""
        return cross_entropy(
            input,
            target,
            self._buffers["weight"],
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )
