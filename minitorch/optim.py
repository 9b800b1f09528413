"""Optimisers: how parameters follow their gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .autodiff import no_grad
from .fusion import fusable
from .module import Parameter
from .scalar import Scalar
from .tensor import Tensor

__all__ = ["SGD", "Optimizer"]


@fusable()
def sgd_step(value: Tensor, grad: Tensor, lr: float) -> None:
    """Change `value` in place to value - lr * grad; they have one shape."""
    value.backend.id_cmap(value - lr * grad, value)


class Optimizer:
    """Holds the parameters that `step` changes.

    Args:
        parameters: the parameters, of `Scalar`s or `Tensor`s.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = list(parameters)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            if isinstance(parameter.value, Scalar):
                parameter.value.derivative = None
            elif hasattr(parameter.value, "grad"):
                parameter.value.grad = None

    def step(self) -> None:
        """Change each parameter by its gradient."""
        raise NotImplementedError(f"{type(self).__name__} defines no step")


class SGD(Optimizer):
    """Stochastic gradient descent: p <- p - lr * gradient.

    Args:
        parameters: the parameters, of `Scalar`s or `Tensor`s.
        lr: the learning rate.

    Raises:
        ValueError: if the learning rate is not a finite number of 0 or more.
    """

    def __init__(self, parameters: Sequence[Parameter], lr: float = 1.0) -> None:
        if not (math.isfinite(lr) and lr >= 0):
            raise ValueError(f"SGD: the learning rate is {lr}; it must be finite and not negative")
        super().__init__(parameters)
        self.lr = lr

    def step(self) -> None:
        """Take one step against the gradients, in place; a parameter without one stays."""
        with no_grad():
            for parameter in self.parameters:
                value = parameter.value
                if isinstance(value, Scalar):
                    if value.derivative is not None:
                        parameter.update(Scalar(value.data - self.lr * value.derivative))
                elif getattr(value, "grad", None) is not None:
                    sgd_step(value, value.grad, self.lr)
