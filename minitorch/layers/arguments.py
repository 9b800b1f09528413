"""Checking what layers are made with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = [
    "Pairs",
    "Sizes",
    "convolution_padding",
    "is_fused_relu",
    "whole_number",
    "whole_numbers",
    "window_places",
]

# One number for all dimensions of an image, or one for each.
Sizes = int | Sequence[int]

# For each dimension of an image, how many zeros come before and after it.
Pairs = tuple[tuple[int, int], ...]


def whole_number(layer: str, name: str, value: Any, least: int) -> int:
    """Return an argument as a Python integer.

    Raises:
        ValueError: if it is none, or less than `least`.
    """
    return whole_numbers(layer, name, (value,), 1, least)[0]


def whole_numbers(layer: str, name: str, value: Any, count: int, least: int) -> tuple[int, ...]:
    """Return an argument that is one number for all `count` dimensions, or one for each.

    Raises:
        ValueError: if it is not made of integers of `least` or more.
    """
    if type(value) is tuple and len(value) == count:
        # What a layer has checked already comes as this, in every call.
        for n in value:
            if type(n) is not int or n < least:
                break
        else:
            return value
    given = tuple(value) if isinstance(value, Iterable) else (value,) * count
    if len(given) != count or not all(hasattr(n, "__index__") and n >= least for n in given):
        wanted = f"an integer of {least} or more"
        if count > 1:
            wanted += f", or a tuple of {count}"
        shown = given[0] if count == 1 and len(given) == 1 else value
        raise ValueError(f"{layer}: {name} is {shown!r}; it must be {wanted}")
    return tuple([n.__index__() for n in given])


def window_places(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> int:
    """Return at how many places along one dimension a window stands; less than 1 for none.

    Args:
        size: of the image.
        kernel: the elements of the window.
        stride: from one place to the next.
        padding: how far windows may reach over the image, before it and after it.
        dilation: from one element of the window to the next.
        ceil_mode: a last window may reach beyond that, if it starts in the image or before it.
    """
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    places = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (places - 1) * stride >= size + padding:
        places -= 1
    return places


def convolution_padding(
    name: str,
    padding: Any,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[str | tuple[int, ...], Pairs]:
    """Return a convolution's padding as it prints, and as zeros before and after the image.

    With "same", an odd zero comes after the image, as in PyTorch.

    Raises:
        ValueError: if it is not "same", "valid" or integers, or "same" with a stride.
    """
    if not isinstance(padding, str):
        numbers = whole_numbers(name, "padding", padding, len(kernel), 0)
        return numbers, tuple([(n, n) for n in numbers])
    if padding == "valid":
        return padding, ((0, 0),) * len(kernel)
    if padding != "same":
        raise ValueError(f'{name}: padding is {padding!r}; it must be "same", "valid" or integers')
    if max(stride) > 1:
        raise ValueError(f'{name}: padding="same" keeps the size at stride 1 only, not {stride}')
    totals = [step * (k - 1) for k, step in zip(kernel, dilation, strict=True)]
    return padding, tuple([(n // 2, n - n // 2) for n in totals])


def is_fused_relu(layer: str, activation: str | None) -> bool:
    """Return whether a layer that can end with an activation ends with a ReLU.

    Raises:
        ValueError: if it is asked for another.
    """
    if activation not in (None, "relu"):
        raise ValueError(f'{layer}: activation is {activation!r}; it must be None or "relu"')
    return activation == "relu"
