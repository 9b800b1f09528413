"""What convolution and pooling leave of an image, known before one is seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ShapeError
from ..layers import AvgPool2d, Conv2d, MaxPool2d
from ..layers.arguments import window_places
from ..module import Module
from ..tensor import Tensor

__all__ = ["Size", "checked_images", "checked_size", "output_size"]

Size = tuple[int, int, int]


def checked_size(model: str, in_size: Sequence[int]) -> Size:
    """Return the (channels, height, width) of an image.

    Raises:
        ValueError: if it is not three integers of 1 or more.
    """
    size = tuple(in_size)
    if len(size) != 3 or not all(hasattr(n, "__index__") and n >= 1 for n in size):
        raise ValueError(
            f"{model}: in_size is {size}; it must be (channels, height, width), each 1 or more"
        )
    return size[0].__index__(), size[1].__index__(), size[2].__index__()


def _pair(value: Any) -> tuple[int, int]:
    first, second = value if isinstance(value, tuple | list) else (value, value)
    return int(first), int(second)


def _window_places(layer: Any, image: tuple[int, int]) -> tuple[int, int]:
    """Return at how many places, down and across, the window of a layer stands."""
    padding = getattr(layer, "padding", 0)
    if padding == "same":
        return image
    kernels, strides = _pair(layer.kernel_size), _pair(layer.stride)
    dilations = _pair(getattr(layer, "dilation", 1))
    paddings = (0, 0) if padding == "valid" else _pair(padding)
    ceil = getattr(layer, "ceil_mode", False)
    height, width = (
        window_places(n, k, stride, pad, apart, ceil)
        for n, k, stride, pad, apart in zip(
            image, kernels, strides, paddings, dilations, strict=True
        )
    )
    return height, width


def output_size(name: str, layer: Module, size: Sequence[int]) -> Size:
    """Return the (channels, height, width) that a layer makes of images of `size`.

    Args:
        name: the layer's name in the model, for errors.
        layer: a convolution, a pooling, a layer that keeps the size, or any of these in one
            another; one that knows better has a method `output_size(name, size)`.
        size: (channels, height, width).

    Raises:
        ShapeError: naming the layer, if nothing is left.
    """
    channels, height, width = size
    own = getattr(layer, "output_size", None)
    if own is not None:
        known: Size = own(name, size)
        return known
    if isinstance(layer, Conv2d | MaxPool2d | AvgPool2d):
        height, width = _window_places(layer, (height, width))
        if isinstance(layer, Conv2d):
            channels = layer.out_channels
        if height < 1 or width < 1:
            raise ShapeError(
                f"{name}: {layer!r} leaves nothing of images of size {tuple(size)}: they would "
                f"have {max(height, 0)} rows and {max(width, 0)} columns; take larger images, "
                "more padding, smaller kernels, or pool less often"
            )
        return channels, height, width
    for key, child in layer._modules.items():
        channels, height, width = output_size(f"{name}.{key}", child, (channels, height, width))
    return channels, height, width


def checked_images(model: str, images: Tensor, in_size: Sequence[int]) -> None:
    """Refuse images of another size than a model was made for.

    Raises:
        ShapeError: if they are not (batch, *in_size).
    """
    if images.shape[1:] != tuple(in_size):
        wanted = ", ".join(map(str, in_size))
        raise ShapeError(f"{model}: the images have shape {images.shape}, not (batch, {wanted})")
