"""What layers compute, as functions of tensors: a readable composition of each.

A backend may register a fused form of a composition, under its name. Either gets the same
arguments, checked and in one form::

    linear(x, w)  ->  prepare  ->  (x, w, None, False)  ->  the fused form, or the composition

so that a kernel meets no shapes that do not fit it, no label that is none of the classes.
"""

from __future__ import annotations

from .activation import leaky_relu, log_softmax, relu, sigmoid, softmax, softplus, tanh
from .affine import linear
from .convolution import Padding, conv1d, conv2d, convolution
from .dropout import dropout, dropout2d
from .loss import binary_cross_entropy_with_logits, cross_entropy, mse_loss, nll_loss
from .normalization import batch_norm
from .pooling import avg_pool2d, max_pool2d

__all__ = [
    "Padding",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "convolution",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "leaky_relu",
    "linear",
    "log_softmax",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
]
