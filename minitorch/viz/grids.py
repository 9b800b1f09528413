"""Pictures made of numpy arrays: many small images as one grid."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Normalise", "image_grid"]

Normalise = Literal["each", "all"] | None

WHITE = 255


def image_grid(
    images: npt.NDArray[Any],
    columns: int | None = None,
    padding: int = 1,
    scale: int = 1,
    normalise: Normalise = "each",
) -> npt.NDArray[np.uint8]:
    """Lay the images of an (N, H, W) array out as one grey picture, uint8 of shape (H', W').

    Args:
        images: real numbers of any sign; NaN and infinities are drawn black.
        columns: images in a row; by default about as many as there are rows.
        padding: white pixels around each image, before scaling.
        scale: how many pixels wide and high each number becomes.
        normalise: `"each"` stretches each image from its least to its greatest value,
            `"all"` stretches them together, `None` takes floats in [0, 1] and uint8 in
            [0, 255] as they are and cuts off what lies outside.

    Raises:
        ValueError: the array is not (N, H, W) or is empty, or a number is out of range.

    """
    if images.ndim != 3 or 0 in images.shape:
        raise ValueError(f"images are (N, H, W), none of them 0, not {images.shape}")
    if columns is not None and columns < 1:
        raise ValueError(f"columns is 1 or more, not {columns}")
    if padding < 0 or scale < 1:
        raise ValueError(f"padding is 0 or more and scale 1 or more, not {padding} and {scale}")
    if normalise not in ("each", "all", None):
        raise ValueError(f"normalise is 'each', 'all' or None, not {normalise!r}")

    count, height, width = images.shape
    columns = min(count, columns or math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    tiles = np.full((rows * columns, height + padding, width + padding), WHITE, dtype=np.uint8)
    tiles[:count, :height, :width] = _to_grey(images, normalise)
    # (rows, columns, H, W) -> (rows, H, columns, W): side by side in memory.
    table = tiles.reshape(rows, columns, height + padding, width + padding).transpose(0, 2, 1, 3)
    grid = table.reshape(rows * (height + padding), columns * (width + padding))
    # The tiles carry the padding on their right and below; this adds the left and top edges.
    grid = np.pad(grid, ((padding, 0), (padding, 0)), constant_values=WHITE)
    return grid.repeat(scale, axis=0).repeat(scale, axis=1)


def _to_grey(images: npt.NDArray[Any], normalise: Normalise) -> npt.NDArray[np.uint8]:
    if normalise is None and images.dtype == np.uint8:
        return images
    values = images.astype(np.float64)
    finite = np.isfinite(values)
    if normalise is None:
        values = values / 255 if np.issubdtype(images.dtype, np.integer) else values
    else:
        axes = (1, 2) if normalise == "each" else None
        low = values.min(axis=axes, keepdims=True, initial=np.inf, where=finite)
        high = values.max(axis=axes, keepdims=True, initial=-np.inf, where=finite)
        span = high - low
        # A constant image has nothing to stretch: it is drawn black. Where no value of an
        # image is finite, low and high are the infinities that they started from.
        span[~(span > 0)] = 1
        values = (values - np.where(np.isfinite(low), low, 0)) / span
    values[~finite] = 0
    grey: npt.NDArray[np.uint8] = np.rint(values.clip(0, 1) * 255).astype(np.uint8)
    return grey
