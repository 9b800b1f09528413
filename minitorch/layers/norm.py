"""Batch normalisation."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..creation import ones, zeros
from ..errors import ShapeError
from ..module import Module, Parameter
from ..tensor import Tensor
from .arguments import whole_number
from .functional.normalization import batch_norm
from .functional.operands import checked_tensor

__all__ = ["BatchNorm1d", "BatchNorm2d"]


class _BatchNorm(Module):
    """What both kinds share: (x - mean) / sqrt(variance + eps) * weight + bias, by channels.

    Args:
        num_features: the number of channels, the size of dimension 1.
        eps: what keeps the root away from 0.
        momentum: by how much the running statistics go towards those of each batch; None for
            the mean over all batches so far.
        affine: learn a weight and a bias for each channel; else there are none.
        track_running_stats: keep running statistics, for evaluation; else each batch's own
            are used there too.

    Raises:
        ValueError: if the number of features is negative, or no integer.
    """

    # The dimensions that an input may have, and how they are called.
    _dims: ClassVar[dict[int, str]]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = whole_number(type(self).__name__, "num_features", num_features, 0)
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(ones(self.num_features)) if affine else None
        self.bias = Parameter(zeros(self.num_features)) if affine else None
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(self.num_features) if tracked else None)
        self.register_buffer("running_var", ones(self.num_features) if tracked else None)
        self.register_buffer("num_batches_tracked", np.array(0, np.int64) if tracked else None)

    def forward(self, input: Tensor) -> Tensor:
        """Return the input normalised; while training, move the running statistics.

        Raises:
            ShapeError: if the input has other dimensions or channels, or in training only one
                value for a channel.
        """
        name = type(self).__name__
        input = checked_tensor(name, "input", input)
        if len(input.shape) not in self._dims:
            raise ShapeError(
                f"{name}: the input of shape {input.shape} must be "
                f"{' or '.join(self._dims.values())}"
            )
        # From their tables, since attributes that are in none are looked for elsewhere first.
        own: Any = self._parameters
        buffers = self._buffers
        tracked = self.track_running_stats
        momentum = self.momentum
        if momentum is None:
            momentum = 1.0 / (int(buffers["num_batches_tracked"]) + 1) if tracked else 0.0
        out = batch_norm(
            input,
            buffers["running_mean"],
            buffers["running_var"],
            own.get("weight"),
            own.get("bias"),
            self.training or not tracked,
            momentum,
            self.eps,
        )
        if self.training and tracked:
            buffers["num_batches_tracked"] += 1
        return out

    def reset_running_stats(self) -> None:
        """Forget all batches: a running mean of 0, a running variance of 1."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1.0)
            self.num_batches_tracked[...] = 0

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (batch, features) or (batch, channels, length), by channels.

    Sergey Ioffe and Christian Szegedy, https://arxiv.org/abs/1502.03167. In training it takes
    the mean and the variance of the batch, and moves the running ones towards them; in
    evaluation it takes the running ones.

    Args:
        num_features: the number of channels, the size of dimension 1.
        eps: what keeps the root away from 0.
        momentum: by how much the running statistics go towards those of each batch; None for
            the mean over all batches so far.
        affine: learn `weight` and `bias`, both (num_features,); else there are none.
        track_running_stats: keep `running_mean` and `running_var`; else each batch's own are
            taken in evaluation too.

    Raises:
        ValueError: if the number of features is negative, or no integer.
    """

    _dims: ClassVar[dict[int, str]] = {2: "(batch, features)", 3: "(batch, channels, length)"}


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (batch, channels, height, width), by channels.

    As `BatchNorm1d`, with the same arguments.
    """

    _dims: ClassVar[dict[int, str]] = {4: "(batch, channels, height, width)"}
