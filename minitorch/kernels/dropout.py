"""Dropout in one pass: from random numbers to a mask, and from the mask to the result.

The random numbers, uniform from 0 up to 1, become the mask where they lie, since the gradient
will want the mask and no one the numbers::

    chances   0.31  0.87  0.12  0.55         rate 0.4
    mask      0     5/3   0     5/3          kept: 1 / (1 - rate), so that the mean stays
    out       0     5/3 b 0     5/3 d        of the input  a b c d
"""

from __future__ import annotations

from typing import Any

from numba import prange

from ..jit import Kernel

__all__ = ["dropout"]


def _dropout(out: Any, chances: Any, input: Any, rate: float, scale: float) -> None:
    """Fill `out` with input * mask, and `chances` with the mask, scale or 0."""
    # Compared in the dtype of the tensor, as in the composition.
    rate, scale, zero = out.dtype.type(rate), out.dtype.type(scale), out.dtype.type(0)
    for i in prange(len(out)):
        kept = zero if chances[i] < rate else scale
        chances[i] = kept
        out[i] = input[i] * kept


dropout = Kernel(_dropout)
