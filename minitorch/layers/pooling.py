"""Pooling layers: tiles side by side, which cover the images exactly."""

from __future__ import annotations

from ..module import Module
from ..nn import avgpool2d, maxpool2d
from ..tensor import Tensor
from .arguments import whole_numbers

__all__ = ["AvgPool2d", "MaxPool2d"]


class _Pool2d(Module):
    """What both kinds share.

    Args:
        kernel_size: k, or (height, width), of a tile, which is also the step to the next. It
            must divide the image's height and width.

    Raises:
        ValueError: if it is not made of integers of 1 or more.
    """

    def __init__(self, kernel_size: int | tuple[int, int]) -> None:
        super().__init__()
        self._tile = whole_numbers(type(self).__name__, "kernel_size", kernel_size, 2, 1)
        self.kernel_size = kernel_size


class AvgPool2d(_Pool2d):
    """The mean of each tile: (batch, channel, h, w) -> (batch, channel, h / kh, w / kw).

    Args:
        kernel_size: k, or (kh, kw), of a tile, which is also the step to the next. It must
            divide the image's height and width.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean of each tile.

        Raises:
            ShapeError: if the tiles do not cover the images exactly.
        """
        return avgpool2d(input, self._tile)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        size = self.kernel_size
        return f"{type(self).__name__}(kernel_size={size}, stride={size}, padding=0)"


class MaxPool2d(_Pool2d):
    """The largest of each tile: (batch, channel, h, w) -> (batch, channel, h / kh, w / kw).

    Where several elements of a tile are largest, they share the gradient, as in the course's
    `max`; PyTorch's layer gives it to the first.

    Args:
        kernel_size: k, or (kh, kw), of a tile, which is also the step to the next. It must
            divide the image's height and width.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the largest element of each tile.

        Raises:
            ShapeError: if the tiles do not cover the images exactly.
        """
        return maxpool2d(input, self._tile)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        size = self.kernel_size
        return (
            f"{type(self).__name__}(kernel_size={size}, stride={size}, padding=0, dilation=1, "
            "ceil_mode=False)"
        )
