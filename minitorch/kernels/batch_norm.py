"""Normalisation over a batch: sums over each channel, and what follows from them.

Numbers lie as (batch, channels, inner), where `inner` is an image, or 1. A task sums up some
channels that lie side by side, so that what it reads is one piece of memory for each member of
the batch. Means come first and the squares of deviations from them second, for the difference
of two large sums would lose its digits; all sums are in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from ..jit import Kernel

__all__ = ["centre_kernel", "gradient_kernel", "moments_kernel", "sums_kernel"]

# Numbers side by side that a task reads at least, where there are so many.
SIDE = 64


def _group(inner: int) -> int:
    """Return how many channels one task sums up."""
    return max(1, SIDE // inner)


def _add_sums(
    totals: Any, input: Any, start: int, channels: int, inner: int, mean: Any, power: int
) -> None:
    """Add to totals[c] the sum over (input - mean[c])^power of one member of the batch.

    Args:
        start: where the first of `channels` channels begins.
        power: 1 or 2.
    """
    if inner == 1:
        begin = np.uint64(start)
        for c in range(np.uint64(channels)):
            off = np.float64(input[begin + c]) - mean[c]
            totals[c] += off if power == 1 else off * off
        return
    for c in range(channels):
        total, centre = totals[c], mean[c]
        begin = np.uint64(start + c * inner)
        if power == 1:
            for i in range(np.uint64(inner)):
                total += np.float64(input[begin + i]) - centre
        else:
            for i in range(np.uint64(inner)):
                off = np.float64(input[begin + i]) - centre
                total += off * off
        totals[c] = total


def _moments(mean: Any, variance: Any, input: Any, batch: int, channels: int, inner: int) -> None:
    """Fill mean and variance (channels,), float64, of input (batch, channels, inner)."""
    group = _group(inner)
    count = np.float64(batch * inner)
    for task in prange(-(-channels // group)):
        first = task * group
        some = min(group, channels - first)
        middle, spread = mean[first : first + some], variance[first : first + some]
        zeros = np.zeros(some)
        middle[:] = 0
        spread[:] = 0
        for n in range(batch):
            _add_sums(middle, input, (n * channels + first) * inner, some, inner, zeros, 1)
        for c in range(some):
            middle[c] /= count
        for n in range(batch):
            _add_sums(spread, input, (n * channels + first) * inner, some, inner, middle, 2)
        for c in range(some):
            spread[c] /= count


def _centre(
    out: Any, input: Any, mean: Any, scale: Any, shift: Any, batch: int, channels: int, inner: int
) -> None:
    """Fill `out` with (input - mean[c]) scale[c] + shift[c], over (batch, channels, inner)."""
    kind = out.dtype.type
    if inner == 1:
        for n in prange(batch):
            for c in range(channels):
                at = n * channels + c
                out[at] = (input[at] - kind(mean[c])) * kind(scale[c]) + kind(shift[c])
    else:
        for plane in prange(batch * channels):
            c = plane % channels
            middle, factor, added = kind(mean[c]), kind(scale[c]), kind(shift[c])
            begin = np.uint64(plane * inner)
            for i in range(np.uint64(inner)):
                out[begin + i] = (input[begin + i] - middle) * factor + added


def _sums(
    of_grad: Any, of_products: Any, grad: Any, input: Any, mean: Any,
    batch: int, channels: int, inner: int,
) -> None:  # fmt: skip
    """Fill (channels,), float64, with the sums over grad and over grad (input - mean[c])."""
    group = _group(inner)
    for task in prange(-(-channels // group)):
        first = task * group
        last = min(first + group, channels)
        of_grad[first:last] = 0
        of_products[first:last] = 0
        if inner == 1:
            for n in range(batch):
                begin = np.uint64(n * channels)
                for c in range(np.uint64(first), np.uint64(last)):
                    slope = np.float64(grad[begin + c])
                    of_grad[c] += slope
                    of_products[c] += slope * (np.float64(input[begin + c]) - mean[c])
            continue
        for n in range(batch):
            for c in range(first, last):
                begin = np.uint64((n * channels + c) * inner)
                total, product, centre = of_grad[c], of_products[c], mean[c]
                for i in range(np.uint64(inner)):
                    slope = np.float64(grad[begin + i])
                    total += slope
                    product += slope * (np.float64(input[begin + i]) - centre)
                of_grad[c], of_products[c] = total, product


def _gradient(
    by_input: Any, grad: Any, input: Any, mean: Any, scale: Any, slope: Any, shift: Any,
    batch: int, channels: int, inner: int,
) -> None:  # fmt: skip
    """Fill `by_input` with grad scale[c] + (input - mean[c]) slope[c] + shift[c]."""
    kind = by_input.dtype.type
    if inner == 1:
        for n in prange(batch):
            for c in range(channels):
                at = n * channels + c
                off = (input[at] - kind(mean[c])) * kind(slope[c])
                by_input[at] = grad[at] * kind(scale[c]) + off + kind(shift[c])
    else:
        for plane in prange(batch * channels):
            c = plane % channels
            middle, factor = kind(mean[c]), kind(scale[c])
            per_off, added = kind(slope[c]), kind(shift[c])
            begin = np.uint64(plane * inner)
            for i in range(np.uint64(inner)):
                off = (input[begin + i] - middle) * per_off
                by_input[begin + i] = grad[begin + i] * factor + off + added


moments_kernel = Kernel(_moments)
centre_kernel = Kernel(_centre)
sums_kernel = Kernel(_sums)
gradient_kernel = Kernel(_gradient)
