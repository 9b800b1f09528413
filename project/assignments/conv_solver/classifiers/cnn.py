"""A convolutional network of three layers."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import numpy.typing as npt

from minitorch.errors import ShapeError
from minitorch.rng import generator

from ..layer_utils import (
    affine_relu_backward,
    affine_relu_forward,
    conv_relu_pool_backward,
    conv_relu_pool_forward,
)
from ..layers import (
    Array,
    Cache,
    affine_backward,
    affine_forward,
    dropout_backward,
    dropout_forward,
    softmax_loss,
)

__all__ = ["ThreeLayerConvNet"]


class ThreeLayerConvNet:
    """conv - relu - 2x2 max pool - affine - relu (- dropout) - affine - softmax.

    The images keep their size under the filters: they are padded with zeros.

    Args:
        input_dim: (channels, height, width) of an image; height and width are even.
        num_filters: of the convolution.
        filter_size: height and width of a filter, odd.
        hidden_dim: the outputs of the first affine layer.
        num_classes: the scores of each image.
        weight_scale: the standard deviation of the first weights; biases start at 0.
        reg: the loss gains reg / 2 times the sum of all squared weights.
        dropout: the probability that an output of the hidden layer is set to 0 in training.
        dtype: of the parameters and of all that is computed.

    `params` holds the arrays: W1, b1 of the convolution, W2, b2, W3, b3 of the affine layers.

    Raises:
        ValueError: if `filter_size` is even, the images' sides are odd, a size is below 1 or
            `dropout` is no probability below 1.
    """

    def __init__(
        self,
        input_dim: tuple[int, int, int] = (3, 32, 32),
        num_filters: int = 32,
        filter_size: int = 7,
        hidden_dim: int = 100,
        num_classes: int = 10,
        weight_scale: float = 1e-3,
        reg: float = 0.0,
        dropout: float = 0.0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        channels, height, width = input_dim
        if min(*input_dim, num_filters, filter_size, hidden_dim, num_classes) < 1:
            raise ValueError("ThreeLayerConvNet: all sizes are 1 or more")
        if filter_size % 2 == 0:
            raise ValueError(f"ThreeLayerConvNet: filter_size is odd, not {filter_size}")
        if height % 2 or width % 2:
            raise ValueError(f"ThreeLayerConvNet: 2x2 tiles do not fit ({height}, {width})")
        if not 0 <= dropout < 1:
            raise ValueError(f"ThreeLayerConvNet: dropout is from 0 to below 1, not {dropout}")
        self.reg = reg
        self.dropout = dropout
        self.dtype = np.dtype(dtype)
        self._input_dim = tuple(input_dim)
        self._conv_param = {"stride": 1, "pad": filter_size - 1}
        self._pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
        ### BEGIN SOLUTION
        pooled = num_filters * (height // 2) * (width // 2)
        shapes: list[tuple[int, ...]] = [
            (num_filters, channels, filter_size, filter_size),
            (pooled, hidden_dim),
            (hidden_dim, num_classes),
        ]
        outputs = (num_filters, hidden_dim, num_classes)
        self.params: dict[str, Array] = {}
        for layer, (shape, size) in enumerate(zip(shapes, outputs, strict=True), start=1):
            weights = weight_scale * generator().standard_normal(shape)
            self.params[f"W{layer}"] = weights.astype(self.dtype)
            self.params[f"b{layer}"] = np.zeros(size, self.dtype)
        ### END SOLUTION

    @overload
    def loss(self, X: Array, y: None = None) -> Array: ...
    @overload
    def loss(self, X: Array, y: npt.NDArray[np.integer[Any]]) -> tuple[float, dict[str, Array]]: ...

    def loss(
        self, X: Array, y: npt.NDArray[np.integer[Any]] | None = None
    ) -> Array | tuple[float, dict[str, Array]]:
        """Return the scores of images, or with labels the loss and its gradients.

        Args:
            X: images (N, channels, height, width).
            y: labels (N,); with them the network is trained, so dropout drops.

        Returns:
            Without `y` the scores (N, classes). With `y` the loss, and by the name of each
            parameter its gradient.

        Raises:
            ShapeError: if the images are not of `input_dim`.
            ValueError: if a label is out of range.
            FloatingPointError: if the loss is not finite, naming the first layer whose output
                was not.
        """
        if X.shape[1:] != self._input_dim:
            raise ShapeError(f"ThreeLayerConvNet: X is (N, *{self._input_dim}), not {X.shape}")
        ### BEGIN SOLUTION
        p = self.params
        x = X.astype(self.dtype, copy=False)
        pooled, conv_cache = conv_relu_pool_forward(
            x, p["W1"], p["b1"], self._conv_param, self._pool_param
        )
        hidden, hidden_cache = affine_relu_forward(pooled, p["W2"], p["b2"])
        dropout_param = {"mode": "test" if y is None else "train", "p": self.dropout}
        dropped, dropout_cache = dropout_forward(hidden, dropout_param)
        scores, out_cache = affine_forward(dropped, p["W3"], p["b3"])
        if y is None:
            return scores

        loss, dscores = softmax_loss(scores, y)
        loss += 0.5 * self.reg * float(sum(np.sum(p[name] ** 2) for name in ("W1", "W2", "W3")))
        if not np.isfinite(loss):
            self._refuse(loss, {"input": x, "conv": pooled, "hidden": hidden, "scores": scores})
        return loss, self._gradients(dscores, conv_cache, hidden_cache, dropout_cache, out_cache)
        ### END SOLUTION

    def _gradients(
        self, dscores: Array, conv: Cache, hidden: Cache, dropout: Cache, out: Cache
    ) -> dict[str, Array]:
        """Return the gradients, given that by the scores and each layer's cache."""
        ### BEGIN SOLUTION
        grads: dict[str, Array] = {}
        ddropped, grads["W3"], grads["b3"] = affine_backward(dscores, out)
        dhidden = dropout_backward(ddropped, dropout)
        dpooled, grads["W2"], grads["b2"] = affine_relu_backward(dhidden, hidden)
        _, grads["W1"], grads["b1"] = conv_relu_pool_backward(dpooled, conv)
        for name in ("W1", "W2", "W3"):
            grads[name] += self.reg * self.params[name]
        return grads
        ### END SOLUTION

    def _refuse(self, loss: float, outputs: dict[str, Array]) -> None:
        """Raise an error that says where the first number that is not finite came up."""
        first = "the loss itself (its regularisation)"
        for name, values in outputs.items():
            if not np.isfinite(values).all():
                first = f"the {name}" if name in ("input", "scores") else f"the {name} layer"
                break
        raise FloatingPointError(
            f"ThreeLayerConvNet: the loss is {loss}; not finite first: {first}"
        )
