"""Activations, which change each element by itself."""

from __future__ import annotations

from ..module import Module
from ..tensor import Tensor

__all__ = ["ReLU"]


class ReLU(Module):
    """Each element where positive, else 0."""

    def forward(self, input: Tensor) -> Tensor:
        """Return each element where positive, else 0."""
        return input.relu()
