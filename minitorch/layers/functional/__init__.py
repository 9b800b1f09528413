"""What layers compute, as functions of tensors: a readable composition of each.

A backend may register a fused form of a composition, under its name. Either gets the same
arguments, checked and in one form::

    linear(x, w)  ->  prepare  ->  (x, w, None, False)  ->  the fused form, or the composition

so that a kernel meets no shapes that do not fit it, no label that is none of the classes.
"""

from __future__ import annotations

from .affine import linear
from .convolution import Padding, convolution
from .loss import cross_entropy, nll_loss

__all__ = ["Padding", "convolution", "cross_entropy", "linear", "nll_loss"]
