"""Residual networks: blocks that learn what to add to their input.

He et al., "Deep Residual Learning for Image Recognition", https://arxiv.org/abs/1512.03385.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..layers import BatchNorm2d, Conv2d, Dropout2d, Identity, Sequential
from ..module import Module
from ..tensor import Tensor
from .cnn import CNN
from .mlp import NO_PARAMS, Params, make_activation
from .sizes import Size

__all__ = ["ResNet", "ResidualBlock", "ResidualBottleneckBlock"]


class ResidualBlock(Module):
    """Convolutions with a way around them::

        x -> CONV -> [DROPOUT] -> [BATCHNORM] -> ACT -> ... -> CONV -> + -> ReLU
         \\-------------------- 1x1 CONV or identity -------------------/

    (batch, in_channels, h, w) -> (batch, channels[-1], h, w). The two ways are the attributes
    `main_path` and `shortcut_path`; the second is a 1x1 convolution without a bias where the
    number of channels changes.

    Args:
        in_channels: the channels of the input.
        channels: the output channels of each convolution.
        kernel_sizes: the kernel of each, an odd number, padded so that the size is kept.
        batchnorm: normalise between the convolutions.
        dropout: the probability of each channel to be dropped there; 0 for no such layer.
        activation_type, activation_params: what stands between the convolutions, as in `CNN`.

    Raises:
        ValueError: if there is no convolution, or not as many kernels, or an even one.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        kernel_sizes: Sequence[int],
        batchnorm: bool = False,
        dropout: float = 0.0,
        activation_type: str = "relu",
        activation_params: Params = NO_PARAMS,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if not channels or len(channels) != len(kernel_sizes):
            raise ValueError(
                f"{name}: {len(channels)} channels and {len(kernel_sizes)} kernel_sizes; there "
                "must be one or more, and as many of both"
            )
        if not all(size % 2 == 1 for size in kernel_sizes):
            raise ValueError(
                f"{name}: kernel_sizes is {list(kernel_sizes)}; only odd ones keep the image's size"
            )
        self.out_channels = channels[-1]
        main: list[Module] = []
        steps = zip([in_channels, *channels], channels, kernel_sizes, strict=False)
        for number, (inputs, outputs, kernel) in enumerate(steps, 1):
            main.append(Conv2d(inputs, outputs, kernel, padding=kernel // 2))
            if number < len(channels):
                if dropout:
                    main.append(Dropout2d(dropout))
                if batchnorm:
                    main.append(BatchNorm2d(outputs))
                main.append(make_activation(activation_type, activation_params))
        self.main_path = Sequential(*main)
        self.shortcut_path = Sequential(
            Identity()
            if in_channels == channels[-1]
            else Conv2d(in_channels, channels[-1], 1, bias=False)
        )

    def output_size(self, name: str, size: Size) -> Size:
        """Return the (channels, height, width) that comes of images of `size`."""
        return self.out_channels, size[1], size[2]

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both paths, where positive, else 0."""
        total: Tensor = self.main_path(x) + self.shortcut_path(x)
        return total.relu()


class ResidualBottleneckBlock(ResidualBlock):
    """A residual block that works on fewer channels than it is given::

        CONV 1x1 -> ACT -> (CONV -> ACT)*K -> CONV 1x1

    (batch, in_out_channels, h, w) -> the same shape.

    Args:
        in_out_channels: the channels of input and output.
        inner_channels: the output channels of each inner convolution; the first 1x1
            convolution comes down to the first of them.
        inner_kernel_sizes: their kernels, odd numbers.
        params: the others of `ResidualBlock`, by name.

    Raises:
        ValueError: as `ResidualBlock`, or if there is no inner convolution.
    """

    def __init__(
        self,
        in_out_channels: int,
        inner_channels: Sequence[int],
        inner_kernel_sizes: Sequence[int],
        **params: Any,
    ) -> None:
        if not inner_channels:
            raise ValueError("ResidualBottleneckBlock: there is no inner convolution")
        super().__init__(
            in_out_channels,
            [inner_channels[0], *inner_channels, in_out_channels],
            [1, *inner_kernel_sizes, 1],
            **params,
        )


class ResNet(CNN):
    """A `CNN` whose convolutions between two poolings are a residual block::

        [-> (CONV -> ACT)*P -> POOL]*(N/P) -> (FC -> ACT)*M -> FC
         \\------- SKIP ------/

    Args:
        in_size, out_classes, channels, pool_every, hidden_dims: as for `CNN`.
        batchnorm, dropout: as for `ResidualBlock`.
        bottleneck: make a block a bottleneck where it has three convolutions or more and as
            many channels come out of it as go in: [64, 16, 64] is a 64 -> 16 -> 64 block.
        params: the others of `CNN`, by name; the convolutions are 3x3, so that there are no
            `conv_params`.

    Raises:
        ValueError: if there are `conv_params`, or as for `CNN`.
        ShapeError: as for `CNN`.
    """

    def __init__(
        self,
        in_size: Sequence[int],
        out_classes: int,
        channels: Sequence[int],
        pool_every: int,
        hidden_dims: Sequence[int],
        batchnorm: bool = False,
        dropout: float = 0.0,
        bottleneck: bool = False,
        **params: Any,
    ) -> None:
        if params.get("conv_params"):
            raise ValueError(
                f"ResNet: conv_params is {params['conv_params']}; a ResNet takes none, its "
                "convolutions are 3x3"
            )
        # Before super().__init__(), which makes the layers.
        self.batchnorm = batchnorm
        self.dropout = dropout
        self.bottleneck = bottleneck
        super().__init__(in_size, out_classes, channels, pool_every, hidden_dims, **params)

    def _make_feature_extractor(self) -> Sequential:
        options: dict[str, Any] = {
            "batchnorm": self.batchnorm,
            "dropout": self.dropout,
            "activation_type": self.activation_type,
            "activation_params": self.activation_params,
        }
        stack: list[Module] = []
        inputs = self.in_size[0]
        for start in range(0, len(self.channels), self.pool_every):
            group = self.channels[start : start + self.pool_every]
            if self.bottleneck and inputs == group[-1] and len(group) > 2:
                inner = group[1:-1]
                stack.append(ResidualBottleneckBlock(inputs, inner, [3] * len(inner), **options))
            else:
                stack.append(ResidualBlock(inputs, group, [3] * len(group), **options))
            if len(group) == self.pool_every:
                stack.append(self._pooling())
            inputs = group[-1]
        return Sequential(*stack)
