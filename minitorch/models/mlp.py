"""The multilayer perceptron, and activations by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..layers import (
    Identity,
    LeakyReLU,
    Linear,
    LogSoftmax,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from ..module import Module
from ..tensor import Tensor

__all__ = ["ACTIVATIONS", "MLP", "NO_PARAMS", "Params", "make_activation"]

# What layers are made with, by name.
Params = Mapping[str, Any]
NO_PARAMS: Params = MappingProxyType({})

ACTIVATIONS: Mapping[str, Callable[..., Module]] = {
    "relu": ReLU,
    "lrelu": LeakyReLU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "softmax": Softmax,
    "logsoftmax": LogSoftmax,
    "none": Identity,
}


def make_activation(kind: str | Module | None, params: Params = NO_PARAMS) -> Module:
    """Return an activation.

    Args:
        kind: a name in `ACTIVATIONS`; None for "none"; or a module, which is returned.
        params: what the layer of that name is made with.

    Raises:
        ValueError: if there is none of that name.
    """
    if isinstance(kind, Module):
        return kind
    name = "none" if kind is None else kind
    if name not in ACTIVATIONS:
        raise ValueError(
            f"there is no activation {kind!r}; it must be a Module or one of "
            f"{', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[name](**params)


class MLP(Module):
    """A multilayer perceptron: (FC -> ACT) for each of `dims`.

    The layers are in the attribute `seq`: (batch, in_dim) -> (batch, dims[-1]).

    Args:
        in_dim: the size of the input, kept as an attribute.
        dims: the outputs of each linear layer; the last is kept as `out_dim`.
        nonlins: what follows each: a name ("relu", "lrelu", "tanh", "sigmoid", "softmax",
            "logsoftmax", "none") or a module.

    Raises:
        ValueError: if there are not as many `nonlins` as `dims`, or none, or one is unknown.
    """

    def __init__(
        self, in_dim: int, dims: Sequence[int], nonlins: Sequence[str | Module | None]
    ) -> None:
        super().__init__()
        if len(dims) != len(nonlins) or not dims:
            raise ValueError(
                f"MLP: {len(dims)} dims and {len(nonlins)} nonlins; there must be one or more, "
                "and as many of both"
            )
        self.in_dim = in_dim
        self.out_dim = dims[-1]
        stack: list[Module] = []
        for inputs, outputs, nonlin in zip([in_dim, *dims], dims, nonlins, strict=False):
            stack += [Linear(inputs, outputs), make_activation(nonlin)]
        self.seq = Sequential(*stack)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the last layer; further dimensions of `x` are flattened.

        Raises:
            ShapeError: if they do not make `in_dim`.
        """
        output: Tensor = self.seq(x.flatten(1) if len(x.shape) > 2 else x)
        return output
