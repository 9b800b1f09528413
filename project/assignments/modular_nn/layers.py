"""Part 1: layers that know their own gradient, with no autograd behind them.

A layer computes in `forward` and keeps what its gradient will need; `backward` takes the
gradient of the loss by the layer's output and gives that by its input, and adds those by its
parameters to the tensors beside them in `params()`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import minitorch
from minitorch import Tensor
from minitorch.errors import DTypeError, GradientError, IndexingError, ShapeError

from .layer import Layer, Params

__all__ = [
    "MLP",
    "CrossEntropyLoss",
    "Dropout",
    "Layer",
    "LeakyReLU",
    "Linear",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "TanH",
]


class LeakyReLU(Layer):
    """max(alpha x, x), element by element.

    Args:
        alpha: the slope below zero, from 0 up to 1.

    Raises:
        ValueError: if it is not.
    """

    def __init__(self, alpha: float = 0.01) -> None:
        super().__init__()
        if not 0 <= alpha < 1:
            raise ValueError(f"LeakyReLU: alpha is {alpha}; it must be from 0 up to 1")
        self.alpha = alpha

    def forward(self, x: Tensor, **kw: Any) -> Tensor:
        """Return x where positive, else alpha x."""
        ### BEGIN SOLUTION
        self.grad_cache["x"] = x.detach()
        positive = x.relu()
        return positive - self.alpha * (-x).relu() if self.alpha else positive
        ### END SOLUTION

    def backward(self, dout: Tensor) -> Tensor:
        """Return dout where x was positive, else alpha dout."""
        x = self._kept("x", dout)
        ### BEGIN SOLUTION
        positive = x > 0.0
        return dout * (positive + self.alpha * (1.0 - positive))
        ### END SOLUTION

    def __repr__(self) -> str:
        return f"LeakyReLU(alpha={self.alpha})"


class ReLU(LeakyReLU):
    """max(0, x): a leaky one that does not leak."""

    def __init__(self) -> None:
        ### BEGIN SOLUTION
        super().__init__(alpha=0)
        ### END SOLUTION

    def __repr__(self) -> str:
        return "ReLU"


class Sigmoid(Layer):
    """1 / (1 + exp(-x)), element by element."""

    def forward(self, x: Tensor, **kw: Any) -> Tensor:
        """Return the sigmoid of each element."""
        ### BEGIN SOLUTION
        out = x.sigmoid()
        self.grad_cache["out"] = out.detach()
        return out
        ### END SOLUTION

    def backward(self, dout: Tensor) -> Tensor:
        """Return dout s (1 - s), where s is the output."""
        out = self._kept("out", dout)
        ### BEGIN SOLUTION
        return dout * out * (1.0 - out)
        ### END SOLUTION


class TanH(Layer):
    """The hyperbolic tangent, element by element."""

    def forward(self, x: Tensor, **kw: Any) -> Tensor:
        """Return the hyperbolic tangent of each element."""
        ### BEGIN SOLUTION
        out = x.tanh()
        self.grad_cache["out"] = out.detach()
        return out
        ### END SOLUTION

    def backward(self, dout: Tensor) -> Tensor:
        """Return dout (1 - t^2), where t is the output."""
        out = self._kept("out", dout)
        ### BEGIN SOLUTION
        return dout * (1.0 - out * out)
        ### END SOLUTION


class Linear(Layer):
    """x w^T + b: (batch, in_features) -> (batch, out_features).

    Args:
        in_features, out_features: the sizes.
        wstd: the standard deviation of the initial `w`, normal of mean 0; `b` starts at 0.

    Attributes:
        w, b: the parameters, (out_features, in_features) and (out_features,).
        dw, db: their gradients; `backward` adds to them.
    """

    def __init__(self, in_features: int, out_features: int, wstd: float = 0.1) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        ### BEGIN SOLUTION
        self.w = minitorch.randn(out_features, in_features) * wstd
        self.b = minitorch.zeros(out_features)
        ### END SOLUTION
        self.dw = self.w.zeros()
        self.db = self.b.zeros()

    def params(self) -> Params:
        """Return [(w, dw), (b, db)]."""
        return [(self.w, self.dw), (self.b, self.db)]

    def forward(self, x: Tensor, **kw: Any) -> Tensor:
        """Return x w^T + b.

        Raises:
            ShapeError: if x is not (batch, in_features).
        """
        if len(x.shape) != 2 or x.shape[1] != self.in_features:
            raise ShapeError(
                f"{self!r}: the input has shape {x.shape}, not (batch, {self.in_features})"
            )
        ### BEGIN SOLUTION
        self.grad_cache["x"] = x.detach()
        out = x @ self.w.permute(1, 0) + self.b
        ### END SOLUTION
        self.grad_cache["out"] = out.detach()
        return out

    def backward(self, dout: Tensor) -> Tensor:
        """Return dout w; add dout^T x to `dw`, and the sum of dout over the batch to `db`."""
        self._kept("out", dout)
        x = self.grad_cache["x"]
        ### BEGIN SOLUTION
        self.dw += dout.permute(1, 0) @ x
        self.db += dout.sum(0, keepdim=False)
        return dout @ self.w.detach()
        ### END SOLUTION

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features})"


class CrossEntropyLoss(Layer):
    """The mean over the batch of -x_y + log(sum_k exp(x_k)): scores and labels -> ()."""

    def forward(self, x: Tensor, y: Any = None, **kw: Any) -> Tensor:
        """Return the loss.

        Args:
            x: (batch, classes), scores.
            y: (batch,), integers from 0 to classes - 1.

        Raises:
            ShapeError: if the shapes do not fit.
            DTypeError: if the labels are not integers.
            IndexingError: if one is none of the classes.
        """
        labels = _checked_labels(x, y)
        ### BEGIN SOLUTION
        # exp overflows for large scores; a number taken from all of a row changes nothing.
        largest = minitorch.tensor(x.numpy().max(axis=1, keepdims=True), backend=x.backend)
        shifted = x - largest
        log_sum = shifted.exp().sum(1).log()
        self.grad_cache["proba"] = (shifted - log_sum).exp().detach()
        self.grad_cache["labels"] = labels
        return (log_sum - shifted.gather(1, labels.reshape(-1, 1))).mean().view(())
        ### END SOLUTION

    def backward(self, dout: Tensor | float = 1.0) -> Tensor:
        """Return dout (softmax(x) - onehot(y)) / batch.

        Args:
            dout: a number: the gradient by the loss itself.
        """
        if "proba" not in self.grad_cache:
            raise GradientError("CrossEntropyLoss.backward: there was no forward pass")
        ### BEGIN SOLUTION
        proba, labels = self.grad_cache["proba"], self.grad_cache["labels"]
        dx = proba.numpy().copy()
        dx[np.arange(len(labels)), labels] -= 1.0
        return minitorch.tensor(dx / len(labels), backend=proba.backend) * dout
        ### END SOLUTION


class Dropout(Layer):
    """Zero each element with probability p while training, and divide the rest by 1 - p.

    Args:
        p: the probability, from 0 up to 1.

    Raises:
        ValueError: if it is not.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: p is {p}; it must be from 0 up to 1")
        self.p = p

    def forward(self, x: Tensor, **kw: Any) -> Tensor:
        """Return x with some elements dropped; in evaluation x itself."""
        ### BEGIN SOLUTION
        if not self.training_mode:
            self.grad_cache["mask"] = x.zeros() + 1.0
            return x
        kept = minitorch.rand(x.shape, backend=x.backend, dtype=x.dtype) > self.p
        self.grad_cache["mask"] = kept / (1.0 - self.p)
        return x * self.grad_cache["mask"]
        ### END SOLUTION

    def backward(self, dout: Tensor) -> Tensor:
        """Return dout where x was kept, divided likewise, else 0."""
        mask = self._kept("mask", dout)
        ### BEGIN SOLUTION
        return dout * mask
        ### END SOLUTION

    def __repr__(self) -> str:
        return f"Dropout(p={self.p})"


class Sequential(Layer):
    """Layers one after another: the output of each is the input of the next.

    It prints as its layers, one to a line; it has a length, and an index or a slice gives its
    layers.
    """

    def __init__(self, *layers: Layer) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor, **kw: Any) -> Tensor:
        """Return the output of the last layer; every layer is given `kw`."""
        ### BEGIN SOLUTION
        for layer in self.layers:
            x = layer(x, **kw)
        return x
        ### END SOLUTION

    def backward(self, dout: Tensor) -> Tensor:
        """Return the gradient by the input of the first layer."""
        ### BEGIN SOLUTION
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout
        ### END SOLUTION

    def params(self) -> Params:
        """Return the parameters of all layers, with their gradients."""
        ### BEGIN SOLUTION
        return [pair for layer in self.layers for pair in layer.params()]
        ### END SOLUTION

    def train(self, training_mode: bool = True) -> None:
        """Set all layers to training, or to evaluation."""
        super().train(training_mode)
        for layer in self.layers:
            layer.train(training_mode)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, key: Any) -> Any:
        return self.layers[key]

    def __repr__(self) -> str:
        lines = [f"\t[{number}] {layer!r}\n" for number, layer in enumerate(self.layers)]
        return "".join(["Sequential\n", *lines])


ACTIVATIONS: dict[str, Callable[[], Layer]] = {"relu": ReLU, "sigmoid": Sigmoid, "tanh": TanH}


class MLP(Layer):
    """FC -> ACT -> [DROPOUT], for each hidden layer, and a last FC: (batch, D) -> (batch, C).

    Args:
        in_features: D.
        num_classes: C.
        hidden_features: the sizes of the hidden layers.
        activation: "relu", "sigmoid" or "tanh".
        dropout: the probability of the `Dropout` after each activation; 0 for no such layer.
        wstd: as for `Linear`.

    Attributes:
        sequence: the layers, a `Sequential`.

    Raises:
        ValueError: if there is no such activation.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        hidden_features: Sequence[int] = (),
        activation: str = "relu",
        dropout: float = 0,
        wstd: float = 0.1,
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"MLP: there is no activation {activation!r}; there are {', '.join(ACTIVATIONS)}"
            )
        ### BEGIN SOLUTION
        layers: list[Layer] = []
        features = in_features
        for hidden in hidden_features:
            layers += [Linear(features, hidden, wstd), ACTIVATIONS[activation]()]
            if dropout > 0:
                layers.append(Dropout(dropout))
            features = hidden
        layers.append(Linear(features, num_classes, wstd))
        ### END SOLUTION
        self.sequence = Sequential(*layers)

    def forward(self, x: Tensor, **kw: Any) -> Tensor:
        """Return the scores of the classes."""
        return self.sequence(x, **kw)

    def backward(self, dout: Tensor) -> Tensor:
        """Return the gradient by the input."""
        return self.sequence.backward(dout)

    def params(self) -> Params:
        """Return the parameters of all layers, with their gradients."""
        return self.sequence.params()

    def train(self, training_mode: bool = True) -> None:
        """Set all layers to training, or to evaluation."""
        super().train(training_mode)
        self.sequence.train(training_mode)

    def __repr__(self) -> str:
        return f"MLP, {self.sequence!r}"


def _checked_labels(scores: Tensor, labels: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the labels of `CrossEntropyLoss` as an array of integers, if they are labels."""
    given = np.asarray(labels)
    if len(scores.shape) != 2 or 0 in scores.shape or given.shape != scores.shape[:1]:
        raise ShapeError(
            f"CrossEntropyLoss: scores {scores.shape} and labels {given.shape}; they must be "
            "(batch, classes) and (batch,), of one sample or more"
        )
    if given.dtype.kind not in "iu":
        raise DTypeError(f"CrossEntropyLoss: the labels must be integers, not {given.dtype}")
    if given.min() < 0 or given.max() >= scores.shape[1]:
        raise IndexingError(
            f"CrossEntropyLoss: labels from {given.min()} to {given.max()}; the scores of shape "
            f"{scores.shape} have the classes 0 to {scores.shape[1] - 1}"
        )
    return np.array(given, np.int64)
