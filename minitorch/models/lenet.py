"""LeNet, the first convolutional network that read digits in earnest."""

from __future__ import annotations

from collections.abc import Sequence

from ..layers import Conv2d, Linear, MaxPool2d, ReLU, Sequential
from ..module import Module
from ..tensor import Tensor
from .sizes import checked_images, checked_size, output_size

__all__ = ["LeNet"]


class LeNet(Module):
    """LeNet-5 with ReLU and max pooling: (batch, *in_size) -> (batch, out_classes) scores.

    After LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998),
    which had sigmoids and pooling with weights.

    Args:
        in_size: (channels, height, width) of an image.
        out_classes: how many classes.

    Raises:
        ValueError: if the size is not three integers of 1 or more.
        ShapeError: if nothing is left of such an image after pooling.
    """

    def __init__(self, in_size: Sequence[int] = (1, 28, 28), out_classes: int = 10) -> None:
        super().__init__()
        self.in_size = checked_size("LeNet", in_size)
        self.out_classes = out_classes
        self.features = Sequential(
            Conv2d(self.in_size[0], 6, 5, padding=2),
            ReLU(),
            MaxPool2d(2),
            Conv2d(6, 16, 5),
            ReLU(),
            MaxPool2d(2),
        )
        channels, height, width = output_size("LeNet.features", self.features, self.in_size)
        self.classifier = Sequential(
            Linear(channels * height * width, 120),
            ReLU(),
            Linear(120, 84),
            ReLU(),
            Linear(84, out_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of the classes.

        Raises:
            ShapeError: if the images are not of `in_size`.
        """
        checked_images("LeNet", x, self.in_size)
        output: Tensor = self.classifier(self.features(x).flatten(1))
        return output
