"""The windows of a pooling: where they stand on an image, and what stands in them."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...autodiff import Context
from ...errors import ShapeError
from ...function import Function
from ...tensor import Tensor
from ...views import sliced
from ..arguments import whole_numbers, window_places

__all__ = ["Unfold", "Windows", "checked_windows", "inside_windows"]

Pair = tuple[int, int]


class Windows(NamedTuple):
    """Windows of (height, width) each that move over images, in PyTorch's terms.

    Args:
        kernel: the elements of a window.
        stride: from one window to the next.
        padding: the rows above and below the image, the columns on its left and right, that
            windows may reach over.
        dilation: from one element of a window to the next.
        ceil_mode: a last window may reach beyond that, if it starts in the image or before it.
    """

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair = (1, 1)
    ceil_mode: bool = False

    def places(self, name: str, image: tuple[int, ...]) -> Pair:
        """Return how many windows stand below and beside one another.

        Raises:
            ShapeError: naming the operation, if none does.
        """
        return _places(self, name, image)

    def tile(self, image: tuple[int, ...]) -> bool:
        """Return whether the windows stand side by side and cover the image exactly."""
        (height, width), kernel = image, self.kernel
        return (
            self.stride == kernel
            and self.padding == (0, 0)
            and self.dilation == (1, 1)
            and height % kernel[0] == 0
            and width % kernel[1] == 0
        )

    def counts(
        self, name: str, image: tuple[int, ...], include_pad: bool
    ) -> list[npt.NDArray[np.int64]]:
        """Return over how many rows each row of windows reaches, and for columns the same.

        Args:
            include_pad: count also the padding; never what lies beyond it.
        """
        found = []
        for places, n, k, step, pad in zip(
            self.places(name, image), image, self.kernel, self.stride, self.padding, strict=True
        ):
            first = np.arange(places, dtype=np.int64) * step - pad
            last = np.minimum(first + k, n + pad if include_pad else n)
            found.append(last - (first if include_pad else np.maximum(first, 0)))
        return found


@functools.lru_cache(maxsize=256)
def _places(windows: Windows, name: str, image: tuple[int, ...]) -> Pair:
    kernel, stride, padding, dilation, ceil_mode = windows
    places = [
        window_places(n, k, step, pad, apart, ceil_mode)
        for n, k, step, pad, apart in zip(image, kernel, stride, padding, dilation, strict=True)
    ]
    if min(places) < 1:
        sizes = zip(image, padding, dilation, strict=True)
        most = tuple([max(0, n + 2 * pad - 1) // apart + 1 for n, pad, apart in sizes])
        raise ShapeError(
            f"{name}: images of {image} would become {tuple(places)}: windows of {kernel} with "
            f"dilation {dilation} do not fit on them with padding {padding}; at most {most} does"
        )
    return places[0], places[1]


def checked_windows(
    name: str, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Windows:
    """Return windows with PyTorch's arguments: one number or two, no stride for the kernel's.

    Raises:
        ValueError: if an argument is none, or the padding more than half a window.
    """
    kernel = whole_numbers(name, "kernel_size", kernel_size, 2, 1)
    steps = kernel if stride is None else whole_numbers(name, "stride", stride, 2, 1)
    pads = whole_numbers(name, "padding", padding, 2, 0)
    apart = whole_numbers(name, "dilation", dilation, 2, 1)
    if any(pad > k // 2 for pad, k in zip(pads, kernel, strict=True)):
        raise ValueError(
            f"{name}: padding is {padding!r}; it must be half of kernel_size "
            f"{kernel_size!r} at most"
        )
    return Windows(kernel, steps, pads, apart, bool(ceil_mode))  # type: ignore[arg-type]


def _by_tap(windows: Windows, places: Pair) -> list[tuple[slice, slice]]:
    """Return the part of a padded image that each element of all windows sees."""
    (kh, kw), (row_step, column_step), _, (row_apart, column_apart), _ = windows
    rows, columns = (places[0] - 1) * row_step + 1, (places[1] - 1) * column_step + 1
    return [
        (slice(i, i + rows, row_step), slice(j, j + columns, column_step))
        for i in range(0, kh * row_apart, row_apart)
        for j in range(0, kw * column_apart, column_apart)
    ]


def _padded_image(windows: Windows, places: Pair, image: tuple[int, ...]) -> tuple[Pair, Any]:
    """Return the size of the image with all that windows reach, and where in it the image is."""
    sizes, inside = [], []
    for n, count, k, step, pad, apart in zip(image, places, *windows[:4], strict=True):
        sizes.append(max(n + pad, (count - 1) * step + apart * (k - 1) + 1))
        inside.append(slice(pad, pad + n))
    return (sizes[0], sizes[1]), (..., *inside)


def inside_windows(windows: Windows, places: Pair, image: tuple[int, ...]) -> Any:
    """Return which elements of the windows lie in the image: bools (*places, kh kw)."""
    size, inside = _padded_image(windows, places, image)
    padded = np.zeros(size, np.bool_)
    padded[inside] = True
    return np.stack([padded[seen] for seen in _by_tap(windows, places)], -1)


class Unfold(Function):
    """Windows of images, the elements of each as one line of numbers."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, windows: Windows, places: Pair, fill: float) -> Tensor:
        """Return (batch, channel, *places, kh kw), with `fill` where windows leave the image."""
        ctx.save_for_backward(a.shape, windows, places)
        size, inside = _padded_image(windows, places, a.shape[-2:])
        padded = a.new_full((*a.shape[:-2], *size), fill)
        put = a.backend.ops.put
        put(padded, inside, a)
        taps = _by_tap(windows, places)
        out = a.new_empty((*a.shape[:-2], *places, len(taps)))
        for tap, seen in enumerate(taps):
            put(out, (..., tap), sliced(padded, (..., *seen)))
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return the sum of grad over all windows in which an element stands."""
        shape, windows, places = ctx.saved_values
        size, inside = _padded_image(windows, places, shape[-2:])
        padded = grad.zeros((*shape[:-2], *size))
        for tap, seen in enumerate(_by_tap(windows, places)):
            grad.backend.ops.put(padded, (..., *seen), sliced(grad, (..., tap)), add=True)
        return sliced(padded, inside).clone()
