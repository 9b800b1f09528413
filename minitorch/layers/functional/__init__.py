"""What layers compute, as functions of tensors: a readable composition of each.

A backend may register a fused form of a composition, under its name. Either gets the same
arguments, checked and in one form::

    linear(x, w)  ->  prepare  ->  (x, w, None, False)  ->  the fused form, or the composition

so that a kernel meets no shapes that do not fit it, no label that is none of the classes.
"""

from __future__ import annotations

from .affine import linear
from .convolution import Padding, conv1d, conv2d, convolution
from .dropout import dropout, dropout2d
from .loss import cross_entropy, nll_loss
from .normalization import batch_norm
from .pooling import avg_pool2d, max_pool2d

__all__ = [
    "Padding",
    "avg_pool2d",
    "batch_norm",
    "conv1d",
    "conv2d",
    "convolution",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "linear",
    "max_pool2d",
    "nll_loss",
]
