"""Part 1: what a layer is."""

from __future__ import annotations

import abc
from typing import Any

from minitorch import Tensor
from minitorch.errors import GradientError, ShapeError

__all__ = ["Layer", "Params"]

Params = list[tuple[Tensor, Tensor]]


class Layer(abc.ABC):
    """A computation that knows its gradient.

    Attributes:
        grad_cache: what the last `forward` kept for `backward`.
        training_mode: true while training; `Dropout` does nothing outside of it.
    """

    def __init__(self) -> None:
        self.grad_cache: dict[str, Any] = {}
        self.training_mode = True

    @abc.abstractmethod
    def forward(self, x: Tensor, **kw: Any) -> Tensor:
        """Return the output, and keep in `grad_cache` what `backward` will need.

        Args:
            x: the input, its first dimension the batch.
            kw: what another layer of a sequence may want, such as the labels `y`.
        """

    @abc.abstractmethod
    def backward(self, dout: Tensor) -> Tensor:
        """Return the gradient by the input of the last `forward`.

        The gradients by the parameters are added to those in `params()`.

        Args:
            dout: the gradient of the loss by this layer's output, of the output's shape.
        """

    def params(self) -> Params:
        """Return the pairs (parameter, its gradient): none, unless a layer has its own."""
        return []

    def train(self, training_mode: bool = True) -> None:
        """Set the layer to training, or to evaluation."""
        self.training_mode = training_mode

    def __call__(self, *args: Any, **kw: Any) -> Tensor:
        """Return `forward` of the arguments."""
        return self.forward(*args, **kw)

    def __repr__(self) -> str:
        return type(self).__name__

    def _kept(self, name: str, dout: Tensor) -> Tensor:
        """Return a tensor that `forward` kept, which has the shape of the layer's output.

        Raises:
            GradientError: if there was no `forward`.
            ShapeError: if `dout` has another shape.
        """
        if name not in self.grad_cache:
            raise GradientError(f"{self!r}.backward: there was no forward pass")
        kept: Tensor = self.grad_cache[name]
        if dout.shape != kept.shape:
            raise ShapeError(
                f"{self!r}.backward: the gradient has shape {dout.shape}, the output {kept.shape}"
            )
        return kept
