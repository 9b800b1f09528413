"""Pooling in two folds, so that its long loop runs over flat memory.

A tile is folded sideways first, then downwards; its gradient is spread the other way round::

     a b | c d     fold sideways    ab cd     fold down
     e f | g h    -------------->   ef gh    ----------->   abef cdgh      height 2, width 2
                  <--------------            <-----------
                  spread sideways              repeat

Tiles cover the images exactly. So the rows of tiles, here *bands*, of all images and channels
lie one after another, and the fold sideways is a single loop: result i takes the neighbours
width * i .. width * i + width - 1. If `width` is a constant, compilers turn this into whole
vectors, pulled apart by shuffles; so the usual tiles have builds of their own. What is left
for the fold down is smaller by that factor. Both work on a few bands at a time, which stay in
the first-level cache. Indices are unsigned: signed ones, which might count from the end of an
array, would cost a comparison each, and the vectors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import prange

from ..jit import Kernel
from ..operators import add, max

__all__ = ["Pooling", "pooling"]

# Square tiles with a build of their own.
SIDES = (2, 4)

# Elements of the images in one piece of work.
PIECE = 2048

ONE = np.uint64(1)


class Pooling(NamedTuple):
    """The kernels for one shape of tiles, or for any.

    Each takes flat arrays and then `(bands, height, width, columns)`: the height and width of
    a tile, and how many tiles a band has. Images and their gradients have bands * columns *
    height * width elements, values (one for each tile) and their gradients bands * columns.
    """

    mean: Kernel  # (images, out, ...)
    mean_back: Kernel  # (by_images, grad, ...) fills the first
    largest: Kernel  # (images, out, ...)
    # (by_images, images, out, grad, ...) fills the first; several largest share the gradient
    largest_back: Kernel
    # the same, but of several largest the first in reading order has the gradient
    first_back: Kernel


def pooling(height: int, width: int) -> Pooling:
    """Return the kernels for tiles of `height` and `width`."""
    return _pooling(width if height == width and width in SIDES else 0)


def _bands_in_piece(height: int, width: int, columns: int) -> int:
    size = height * width * columns
    return PIECE // size if size < PIECE else 1


def _fold_sideways(combine: Callable[[Any, Any], Any], side: int) -> Callable[..., None]:
    def fold_sideways(rows: Any, images: Any, width: int) -> None:
        """Combine each `width` neighbours of images, for one element of rows."""
        step = np.uint64(side or width)
        for i in range(np.uint64(len(rows))):
            result = images[i * step]
            for v in range(ONE, step):
                result = combine(result, images[i * step + v])
            rows[i] = result

    return fold_sideways


def _fold_down(combine: Callable[[Any, Any], Any], side: int) -> Callable[..., None]:
    def fold_down(out: Any, rows: Any, bands: Any, height: Any, columns: Any) -> None:
        """Combine each `height` rows: (bands, height, columns) to (bands, columns)."""
        height, columns = np.uint64(side or height), np.uint64(columns)
        for band in range(np.uint64(bands)):
            for column in range(columns):
                top = band * height * columns + column
                result = rows[top]
                for u in range(ONE, height):
                    result = combine(result, rows[top + u * columns])
                out[band * columns + column] = result

    return fold_down


def _repeat(side: int) -> Callable[..., None]:
    def repeat(rows: Any, values: Any, bands: Any, height: Any, columns: Any) -> None:
        """Repeat each row `height` times: (bands, columns) to (bands, height, columns)."""
        height, columns = np.uint64(side or height), np.uint64(columns)
        for band in range(np.uint64(bands)):
            for column in range(columns):
                value = values[band * columns + column]
                for u in range(height):
                    rows[(band * height + u) * columns + column] = value

    return repeat


@functools.cache
def _pooling(side: int) -> Pooling:
    """Return the kernels for tiles of `side` x `side`, or if that is 0, of any shape."""
    add_sideways, add_down = _fold_sideways(add, side), _fold_down(add, side)
    max_sideways, max_down = _fold_sideways(max, side), _fold_down(max, side)
    repeat = _repeat(side)

    def spread_sideways(images: Any, rows: Any, width: int) -> None:
        """Give each element of rows to `width` neighbours of images."""
        step = np.uint64(side or width)
        for i in range(np.uint64(len(rows))):
            value = rows[i]
            for v in range(step):
                images[i * step + v] = value

    def count_sideways(counts: Any, images: Any, rows: Any, width: int) -> None:
        """Count which of each `width` neighbours of images equal their element of rows."""
        step = np.uint64(side or width)
        one, zero = counts.dtype.type(1), counts.dtype.type(0)
        for i in range(np.uint64(len(rows))):
            count = zero
            for v in range(step):
                count += one if images[i * step + v] == rows[i] else zero
            counts[i] = count

    def share_sideways(by_images: Any, images: Any, rows: Any, shares: Any, width: int) -> None:
        """Give shares[i] to those neighbours that equal rows[i], and to others 0 times it."""
        step = np.uint64(side or width)
        zero = shares.dtype.type(0)
        for i in range(np.uint64(len(rows))):
            share = shares[i]
            nothing = share * zero  # NaN, if the share is infinite or NaN
            for v in range(step):
                equal = images[i * step + v] == rows[i]
                by_images[i * step + v] = share if equal else nothing

    def find_sideways(found: Any, images: Any, rows: Any, width: int) -> None:
        """Note whether one of each `width` neighbours of images is its element of rows."""
        step = np.uint64(side or width)
        one, zero = found.dtype.type(1), found.dtype.type(0)
        for i in range(np.uint64(len(rows))):
            seen = zero
            for v in range(step):
                number = images[i * step + v]
                seen = one if number == rows[i] or number != number else seen
            found[i] = seen

    def give_to_first_row(
        shares: Any, found: Any, grad: Any, bands: int, height: Any, columns: Any
    ) -> None:
        """Set shares (bands, height, columns) to grad in the first row that has found, else 0."""
        height, columns = np.uint64(side or height), np.uint64(columns)
        zero = shares.dtype.type(0)
        for band in range(np.uint64(bands)):
            for column in range(columns):
                left = grad[band * columns + column]
                for u in range(height):
                    at = (band * height + u) * columns + column
                    shares[at] = left if found[at] > 0 else zero
                    left = zero if found[at] > 0 else left

    def give_to_first(by_images: Any, images: Any, rows: Any, shares: Any, width: int) -> None:
        """Give shares[i] to the first of its neighbours that is rows[i], and to others 0."""
        step = np.uint64(side or width)
        zero = shares.dtype.type(0)
        for i in range(np.uint64(len(rows))):
            left = shares[i]
            for v in range(step):
                number = images[i * step + v]
                here = number == rows[i] or number != number
                by_images[i * step + v] = left if here else zero
                left = zero if here else left

    def mean_of_piece(
        images: Any, out: Any, bands: int, height: int, width: int, columns: int
    ) -> None:
        rows = np.empty(bands * height * columns, out.dtype)
        add_sideways(rows, images, width)
        add_down(out, rows, bands, height, columns)
        area = out.dtype.type(height * width)
        for i in range(bands * columns):
            out[i] /= area

    def mean_back_of_piece(
        by_images: Any, grad: Any, bands: int, height: int, width: int, columns: int
    ) -> None:
        rows = np.empty(bands * height * columns, grad.dtype)
        area = grad.dtype.type(height * width)
        repeat(rows, grad, bands, height, columns)
        for i in range(len(rows)):
            rows[i] /= area
        spread_sideways(by_images, rows, width)

    def largest_of_piece(
        images: Any, out: Any, bands: int, height: int, width: int, columns: int
    ) -> None:
        rows = np.empty(bands * height * columns, out.dtype)
        max_sideways(rows, images, width)
        max_down(out, rows, bands, height, columns)

    def largest_back_of_piece(
        by_images: Any, images: Any, out: Any, grad: Any,
        bands: int, height: int, width: int, columns: int,
    ) -> None:  # fmt: skip
        rows = np.empty(bands * height * columns, grad.dtype)
        counts = np.empty(bands * height * columns, grad.dtype)
        shares = np.empty(bands * columns, grad.dtype)
        repeat(rows, out, bands, height, columns)
        count_sideways(counts, images, rows, width)
        add_down(shares, counts, bands, height, columns)
        for i in range(len(shares)):
            shares[i] = grad[i] / shares[i]
        repeat(counts, shares, bands, height, columns)
        share_sideways(by_images, images, rows, counts, width)

    def first_back_of_piece(
        by_images: Any, images: Any, out: Any, grad: Any,
        bands: int, height: int, width: int, columns: int,
    ) -> None:  # fmt: skip
        rows = np.empty(bands * height * columns, grad.dtype)
        found = np.empty(bands * height * columns, grad.dtype)
        shares = np.empty(bands * height * columns, grad.dtype)
        repeat(rows, out, bands, height, columns)
        find_sideways(found, images, rows, width)
        give_to_first_row(shares, found, grad, bands, height, columns)
        give_to_first(by_images, images, rows, shares, width)

    def in_pieces(of_piece: Callable[..., None]) -> Kernel:
        def pool(
            images: Any, values: Any, bands: int, height: int, width: int, columns: int
        ) -> None:
            per = _bands_in_piece(height, width, columns)
            size = height * width * columns
            for piece in prange((bands + per - 1) // per):
                at = piece * per
                of_piece(
                    images[at * size :], values[at * columns :],
                    min(per, bands - at), height, width, columns,
                )  # fmt: skip

        return Kernel(pool)

    def back_in_pieces(of_piece: Callable[..., None]) -> Kernel:
        def largest_back(
            by_images: Any, images: Any, out: Any, grad: Any,
            bands: int, height: int, width: int, columns: int,
        ) -> None:  # fmt: skip
            per = _bands_in_piece(height, width, columns)
            size = height * width * columns
            for piece in prange((bands + per - 1) // per):
                at = piece * per
                of_piece(
                    by_images[at * size :], images[at * size :],
                    out[at * columns :], grad[at * columns :],
                    min(per, bands - at), height, width, columns,
                )  # fmt: skip

        return Kernel(largest_back)

    return Pooling(
        in_pieces(mean_of_piece),
        in_pieces(mean_back_of_piece),
        in_pieces(largest_of_piece),
        back_in_pieces(largest_back_of_piece),
        back_in_pieces(first_back_of_piece),
    )
