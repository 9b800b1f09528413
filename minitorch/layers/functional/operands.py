"""Checking the tensors that a layer's function is given."""

from __future__ import annotations

from typing import Any

from ...errors import DTypeError, ShapeError, describe_shapes
from ...function import is_tensor
from ...parameter import value_of
from ...tensor import Tensor

__all__ = ["checked_tensor", "refuse_shapes"]


def checked_tensor(name: str, role: str, value: Any) -> Tensor:
    """Return the tensor given as `role`, or that which a given parameter holds."""
    tensor: Any = value_of(value)
    if not is_tensor(tensor):
        raise DTypeError(f"{name}: the {role} must be a tensor, not a {type(value).__name__}")
    return tensor


def refuse_shapes(name: str, problem: str, **operands: Tensor | None) -> None:
    """Raise `ShapeError` with the operands' shapes and what is wrong with them."""
    shapes = [(role, tensor.shape) for role, tensor in operands.items() if tensor is not None]
    raise ShapeError(f"{describe_shapes(name, shapes)}\n{problem}")
