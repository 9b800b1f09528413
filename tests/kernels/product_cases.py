"""Convolutions to try kernels on, and what comes out of them, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

__all__ = ["Geometry", "geometries", "images_gradient", "windows"]

Array = Any

# (batch, channels, height, columns, top, left, out_channels, out_rows, out_columns, kh, kw), as
# the kernels take it.
Geometry = tuple[int, ...]


@st.composite
def geometries(
    draw: st.DrawFn, batches: int = 9, channels: int = 13, many: int = 26,
    image: tuple[int, int] = (9, 35), kernel: int = 5,
) -> Geometry:  # fmt: skip
    """Return convolutions of up to so many images, channels and so on.

    Args:
        many: output channels, where there are more of them than of others.
        image, kernel: the largest sizes, of rows and columns, and of either.
    """
    sizes = [draw(st.integers(1, kernel)) for _ in range(2)]
    before = [draw(st.integers(0, size - 1)) for size in sizes]
    behind = [draw(st.integers(0, size - 1)) for size in sizes]
    least = [k - b - a for k, b, a in zip(sizes, before, behind, strict=True)]
    inside = [max(draw(st.integers(1, n)), m) for n, m in zip(image, least, strict=True)]
    out = [n - m + 1 for n, m in zip(inside, least, strict=True)]
    batch, inner = draw(st.integers(1, batches)), draw(st.integers(1, channels))
    outer = draw(st.one_of(st.integers(1, channels), st.integers(channels + 1, many)))
    return (batch, inner, *inside, *before, outer, *out, *sizes)


def windows(input: Array, geometry: Geometry) -> Array:
    """Return what each tap sees: (batch, channels, out rows, out columns, kh, kw)."""
    batch, channels, height, columns, top, left, _, rows, out_columns, kh, kw = geometry
    padded = np.zeros((batch, channels, rows + kh - 1, out_columns + kw - 1))
    inside = padded[:, :, top : top + height, left : left + columns]
    inside[:] = input.reshape(batch, channels, height, columns)[
        :, :, : inside.shape[2], : inside.shape[3]
    ]
    return np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), (2, 3))


def images_gradient(slope: Array, weight: Array, geometry: Geometry) -> Array:
    """Return the gradient by the images of a convolution: each tap's share put back."""
    batch, channels, height, columns, top, left, _, rows, out_columns, kh, kw = geometry
    padded = np.zeros((batch, channels, rows + kh - 1, out_columns + kw - 1))
    for i, j in np.ndindex(kh, kw):
        padded[:, :, i : i + rows, j : j + out_columns] += np.einsum(
            "boij,oc->bcij", slope, weight[:, :, i, j]
        )
    return padded[:, :, top : top + height, left : left + columns]
