"""The linear layer."""

from __future__ import annotations

from typing import Any

from ..module import Module
from ..tensor import Tensor
from .arguments import is_fused_relu, whole_number
from .functional import linear
from .init import uniform_parameter

__all__ = ["Linear"]


class Linear(Module):
    """input @ weight^T + bias: (..., in_features) -> (..., out_features).

    Args:
        in_features, out_features: the sizes of the last dimension.
        bias: add one; `weight` is (out_features, in_features), `bias` (out_features,).
        activation: None, or "relu" for what a ReLU behind the layer gives, in one kernel
            where the backend has one.

    Raises:
        ValueError: if a size is negative, or the activation another.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        activation: str | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.in_features = whole_number(name, "in_features", in_features, 0)
        self.out_features = whole_number(name, "out_features", out_features, 0)
        self.activation = activation
        self._relu = is_fused_relu(name, activation)
        self.weight = uniform_parameter((self.out_features, self.in_features), self.in_features)
        self.bias = uniform_parameter((self.out_features,), self.in_features) if bias else None

    def forward(self, input: Tensor) -> Tensor:
        """Return the layer's output; see `functional.linear`."""
        own: Any = self._parameters  # a look-up here costs a microsecond less than an attribute
        return linear(input, own["weight"], own.get("bias"), self._relu)

    def extra_repr(self) -> str:
        """Return the arguments."""
        activation = f", activation={self.activation!r}" if self.activation else ""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}{activation}"
        )
