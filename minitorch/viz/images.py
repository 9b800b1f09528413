"""Pictures of images: one, many in a collage, the filters of a layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError

__all__ = ["plot_grid_of_images", "plot_image", "visualize_grid"]

Limits = Sequence[float | None]


def plot_image(
    image: Any,
    interpol: str = "nearest",
    cmap: str = "gray",
    vminmax: Limits = (None, None),
    figsize: tuple[float, float] | None = None,
    ax: Any = None,
) -> None:
    """Draw an image.

    Args:
        image: (height, width) or (height, width, 1), grey, with a bar of the colours beside it;
            or (height, width, 3), colours from 0 to 1, or integers from 0 to 255.
        interpol: how matplotlib fills in between the pixels.
        cmap: the colours of grey images.
        vminmax: the values that are black and white; None for the least and the greatest.
        figsize: the size of a new figure, in inches.
        ax: matplotlib axes to draw on; by default a new figure.

    Raises:
        ShapeError: if the image has another shape.
    """
    import matplotlib.pyplot as plt

    pixels = np.asarray(image)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim != 2 and not (pixels.ndim == 3 and pixels.shape[2] == 3):
        raise ShapeError(
            f"plot_image: the shape is {pixels.shape}, not (height, width), (height, width, 1) "
            "or (height, width, 3)"
        )
    if ax is None:
        _, ax = plt.subplots(figsize=figsize)
    if pixels.ndim == 3:
        ax.imshow(pixels, interpolation=interpol)
    else:
        low, high = vminmax
        shown = ax.imshow(pixels, cmap=cmap, interpolation=interpol, vmin=low, vmax=high)
        ax.figure.colorbar(shown, ax=ax)


def plot_grid_of_images(
    imgs: Any,
    n_imgs_per_row: int = 10,
    interpol: str = "nearest",
    cmap: str = "gray",
    vminmax: Limits = (None, None),
    ax: Any = None,
) -> None:
    """Draw images side by side, row below row, as one; the last row is filled up with zeros.

    Args:
        imgs: (images, height, width), with a last dimension of 1 or 3 or without.
        n_imgs_per_row: how many stand in a row.
        interpol, cmap, vminmax, ax: as for `plot_image`.

    Raises:
        ShapeError: if the images have another shape.
        ValueError: if there is none, or `n_imgs_per_row` is less than 1.
    """
    images = np.asarray(imgs)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] != 3):
        raise ShapeError(
            f"plot_grid_of_images: the shape is {images.shape}, not (images, height, width), "
            "(images, height, width, 1) or (images, height, width, 3)"
        )
    if not len(images) or n_imgs_per_row < 1:
        raise ValueError(
            f"plot_grid_of_images: {len(images)} images, {n_imgs_per_row} in a row; there must be "
            "1 or more"
        )
    rows = math.ceil(len(images) / n_imgs_per_row)
    grid = _collage(images, rows, n_imgs_per_row, 0)
    plot_image(grid, interpol=interpol, cmap=cmap, vminmax=vminmax, ax=ax)


def visualize_grid(
    xs: npt.NDArray[Any], ubound: float = 255.0, padding: int = 1
) -> npt.NDArray[np.float64]:
    """Return images, such as the filters of a layer, as one square grid.

    Each is stretched so that its least number becomes 0 and its greatest `ubound`; one that is
    the same everywhere is 0.

    Args:
        xs: (images, height, width, channels).
        ubound: the greatest number of the result.
        padding: how many zeros stand between the images.

    Returns:
        (grid height, grid width, channels).

    Raises:
        ShapeError: if the images have another shape, or there is nothing in them.
    """
    images = np.asarray(xs, dtype=np.float64)
    if images.ndim != 4 or 0 in images.shape:
        raise ShapeError(
            f"visualize_grid: the shape is {images.shape}, not (images, height, width, channels), "
            "each 1 or more"
        )
    low = images.min(axis=(1, 2, 3), keepdims=True)
    span = images.max(axis=(1, 2, 3), keepdims=True) - low
    stretched = ubound * ((images - low) / np.where(span > 0, span, 1))
    side = math.ceil(math.sqrt(len(images)))
    grid = _collage(stretched, side, side, padding)
    if not padding:
        return grid
    return grid[:-padding, :-padding]


def _collage(images: npt.NDArray[Any], rows: int, columns: int, padding: int) -> npt.NDArray[Any]:
    """Return images (N, h, w, ...) in rows, with `padding` zeros to the right and below each."""
    count, height, width, *channels = images.shape
    shape = rows * columns, height + padding, width + padding, *channels
    tiles = np.zeros(shape, images.dtype)
    tiles[:count, :height, :width] = images
    # (rows, columns, h, w, ...) -> (rows, h, columns, w, ...): side by side in memory.
    table = tiles.reshape(rows, columns, *shape[1:]).swapaxes(1, 2)
    return table.reshape(rows * shape[1], columns * shape[2], *channels)
