"""Convolutional networks made by a pattern."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..layers import AvgPool2d, BatchNorm2d, Conv2d, Dropout, MaxPool2d, Sequential
from ..module import Module
from ..tensor import Tensor
from .mlp import MLP, NO_PARAMS, Params, make_activation
from .sizes import checked_images, checked_size, output_size

__all__ = ["CNN", "POOLINGS", "YourCNN"]

POOLINGS: Mapping[str, Callable[..., Module]] = {"max": MaxPool2d, "avg": AvgPool2d}


class CNN(Module):
    """A convolutional network::

        [(CONV -> ACT)*P -> POOL]*(N/P) -> (FC -> ACT)*M -> FC

    with N = len(channels), P = pool_every and M = len(hidden_dims): images (batch, *in_size)
    -> scores (batch, out_classes). Where P does not divide N, the convolutions left over at
    the end are not pooled. The convolutions are in the attribute `feature_extractor`, the
    linear layers in `mlp`.

    Args:
        in_size: (channels, height, width) of an image.
        out_classes: how many classes.
        channels: the output channels of each convolution.
        pool_every: after how many convolutions one pools.
        hidden_dims: the sizes of the hidden linear layers.
        conv_params: for each `Conv2d`; if empty, kernel_size=3 and padding=1.
        activation_type: "relu", "lrelu", "tanh" or another of `models.mlp.ACTIVATIONS`.
        activation_params: for each activation, such as negative_slope.
        pooling_type: "max" or "avg".
        pooling_params: for each pooling; if empty, kernel_size=2.

    Raises:
        ValueError: if an argument is none of these.
        ShapeError: naming the layer, if nothing is left of such an image there.
    """

    def __init__(
        self,
        in_size: Sequence[int],
        out_classes: int,
        channels: Sequence[int],
        pool_every: int,
        hidden_dims: Sequence[int],
        conv_params: Params = NO_PARAMS,
        activation_type: str = "relu",
        activation_params: Params = NO_PARAMS,
        pooling_type: str = "max",
        pooling_params: Params = NO_PARAMS,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_size = checked_size(name, in_size)
        if not channels or pool_every < 1:
            raise ValueError(
                f"{name}: channels is {list(channels)} and pool_every {pool_every}; there must "
                "be a convolution or more, and pool_every must be 1 or more"
            )
        if pooling_type not in POOLINGS:
            raise ValueError(
                f"{name}: pooling_type is {pooling_type!r}; it must be one of {', '.join(POOLINGS)}"
            )
        self.out_classes = out_classes
        self.channels = list(channels)
        self.pool_every = pool_every
        self.hidden_dims = list(hidden_dims)
        self.conv_params = dict(conv_params) or {"kernel_size": 3, "padding": 1}
        self.activation_type = activation_type
        self.activation_params = dict(activation_params)
        self.pooling_type = pooling_type
        self.pooling_params = dict(pooling_params) or {"kernel_size": 2}

        self.feature_extractor = self._make_feature_extractor()
        left, height, width = output_size(
            f"{name}.feature_extractor", self.feature_extractor, self.in_size
        )
        self.mlp = MLP(
            left * height * width,
            [*self.hidden_dims, out_classes],
            [*[self._activation() for _ in self.hidden_dims], "none"],
        )

    def _activation(self) -> Module:
        return make_activation(self.activation_type, self.activation_params)

    def _pooling(self) -> Module:
        return POOLINGS[self.pooling_type](**self.pooling_params)

    def _convolution(self, inputs: int, outputs: int) -> list[Module]:
        """Return a convolution and what stands between it and the next."""
        return [Conv2d(inputs, outputs, **self.conv_params), self._activation()]

    def _make_feature_extractor(self) -> Sequential:
        stack: list[Module] = []
        pairs = zip([self.in_size[0], *self.channels], self.channels, strict=False)
        for number, (inputs, outputs) in enumerate(pairs, 1):
            stack += self._convolution(inputs, outputs)
            if number % self.pool_every == 0:
                stack.append(self._pooling())
        return Sequential(*stack)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of the classes.

        Raises:
            ShapeError: if the images are not of `in_size`.
        """
        checked_images(type(self).__name__, x, self.in_size)
        output: Tensor = self.mlp(self.feature_extractor(x).flatten(1))
        return output


class YourCNN(CNN):
    """A `CNN` kept from learning by heart: CONV -> BATCHNORM -> ACT -> DROPOUT.

    Args:
        in_size, out_classes, channels, pool_every, hidden_dims: as for `CNN`.
        batchnorm: normalise after each convolution.
        dropout: the probability of each feature to be dropped after each activation; 0 for
            no such layer.
        params: the others of `CNN`, by name.
    """

    def __init__(
        self,
        in_size: Sequence[int],
        out_classes: int,
        channels: Sequence[int],
        pool_every: int,
        hidden_dims: Sequence[int],
        batchnorm: bool = True,
        dropout: float = 0.2,
        **params: Any,
    ) -> None:
        # Before super().__init__(), which makes the layers.
        self.batchnorm = batchnorm
        self.dropout = dropout
        super().__init__(in_size, out_classes, channels, pool_every, hidden_dims, **params)

    def _convolution(self, inputs: int, outputs: int) -> list[Module]:
        stack: list[Module] = [Conv2d(inputs, outputs, **self.conv_params)]
        if self.batchnorm:
            stack.append(BatchNorm2d(outputs))
        stack.append(self._activation())
        if self.dropout:
            stack.append(Dropout(self.dropout))
        return stack
