"""Part 3: the multilayer perceptron on autograd; the library has it."""

from __future__ import annotations

from minitorch.models import MLP

__all__ = ["MLP"]
