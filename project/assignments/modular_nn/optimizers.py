"""Part 2: optimisers, written out from their formulas.

Below, p is a parameter and dp the gradient of the loss plus that of the penalty
(reg / 2) |p|^2, which is reg * p.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Iterable, Iterator
from typing import Any

import minitorch
from minitorch import Tensor
from minitorch.errors import ShapeError

__all__ = ["MomentumSGD", "Optimizer", "RMSProp", "VanillaSGD"]


class Optimizer(abc.ABC):
    """Holds parameters and changes them by their gradients.

    Args:
        params: the pairs (parameter, gradient) that layers give by `params()`; or tensors or
            `Parameter`s, which hold their gradients themselves. Those that have none stay.
        learn_rate: the size of a step.
        reg: the weight of the penalty on large parameters.

    Raises:
        ValueError: if a number is not finite, or negative.
    """

    def __init__(self, params: Iterable[Any], learn_rate: float = 1e-3, reg: float = 0) -> None:
        self._params = list(params)
        self.learn_rate = self._checked("learn_rate", learn_rate)
        self.reg = self._checked("reg", reg)

    def _checked(self, name: str, value: float, below: float = math.inf) -> float:
        if not (math.isfinite(value) and 0 <= value < below):
            raise ValueError(
                f"{type(self).__name__}: {name} is {value}; it must be finite, 0 or more"
                + (f", and below {below:g}" if math.isfinite(below) else "")
            )
        return value

    @property
    def params(self) -> list[tuple[Tensor, Tensor | None]]:
        """Return the pairs (values, gradient); the values may be written in place."""
        return [
            entry if isinstance(entry, tuple) else (entry.data, entry.grad)
            for entry in self._params
        ]

    def zero_grad(self) -> None:
        """Set all gradients to zero, in place."""
        for _, dp in self.params:
            if dp is not None:
                dp.zero_()

    @abc.abstractmethod
    def step(self) -> None:
        """Change each parameter by its gradient, in place."""

    def _gradients(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yield (number, p, dp) of each parameter that has a gradient.

        Raises:
            ShapeError: if a gradient has another shape than its parameter.
        """
        pairs = self.params
        for p, dp in pairs:
            if dp is not None and p.shape != dp.shape:
                raise ShapeError(
                    f"{type(self).__name__}: a parameter of shape {p.shape} has a gradient of "
                    f"shape {dp.shape}"
                )
        with minitorch.no_grad():
            for number, (p, dp) in enumerate(pairs):
                if dp is not None:
                    yield number, p, dp + self.reg * p if self.reg else dp


class VanillaSGD(Optimizer):
    """p <- p - learn_rate * dp.

    Args:
        params, learn_rate, reg: as for `Optimizer`.
    """

    def step(self) -> None:
        """Change each parameter by its gradient, in place."""
        for _, p, dp in self._gradients():
            ### BEGIN SOLUTION
            p -= self.learn_rate * dp  # in place
            ### END SOLUTION


class MomentumSGD(Optimizer):
    """v <- momentum * v - learn_rate * dp, then p <- p + v; v is zero at first.

    Args:
        params, learn_rate, reg: as for `Optimizer`.
        momentum: how much of the last step is kept, from 0 up to 1.
    """

    def __init__(
        self,
        params: Iterable[Any],
        learn_rate: float = 1e-3,
        reg: float = 0,
        momentum: float = 0.9,
    ) -> None:
        super().__init__(params, learn_rate, reg)
        self.momentum = self._checked("momentum", momentum, below=1)
        self._velocities = [p.zeros() for p, _ in self.params]

    def step(self) -> None:
        """Change each parameter by its gradient, in place."""
        for number, p, dp in self._gradients():
            ### BEGIN SOLUTION
            velocity = self.momentum * self._velocities[number] - self.learn_rate * dp
            self._velocities[number] = velocity
            p += velocity  # in place
            ### END SOLUTION


class RMSProp(Optimizer):
    """r <- decay * r + (1 - decay) * dp^2, then p <- p - learn_rate / sqrt(r + eps) * dp.

    r is zero at first. PyTorch's RMSprop adds eps behind the root instead.

    Args:
        params, learn_rate, reg: as for `Optimizer`.
        decay: how much of the squared gradients so far is kept, from 0 up to 1.
        eps: keeps the divisor from zero.
    """

    def __init__(
        self,
        params: Iterable[Any],
        learn_rate: float = 1e-3,
        reg: float = 0,
        decay: float = 0.99,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, learn_rate, reg)
        self.decay = self._checked("decay", decay, below=1)
        self.eps = self._checked("eps", eps)
        self._squares = [p.zeros() for p, _ in self.params]

    def step(self) -> None:
        """Change each parameter by its gradient, in place."""
        for number, p, dp in self._gradients():
            ### BEGIN SOLUTION
            squares = self.decay * self._squares[number] + (1 - self.decay) * dp * dp
            self._squares[number] = squares
            p -= self.learn_rate * dp / (squares + self.eps).sqrt()  # in place
            ### END SOLUTION
