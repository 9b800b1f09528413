"""Several dimensions as one."""

from __future__ import annotations

from ..module import Module
from ..tensor import Tensor
from .functional.operands import checked_tensor

__all__ = ["Flatten"]


class Flatten(Module):
    """The dimensions from `start_dim` to `end_dim` as one: (n, c, h, w) -> (n, c h w).

    Args:
        start_dim, end_dim: the first and the last of them, counted from the end if negative.
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the input in its new shape; it shares the storage where it is contiguous.

        Raises:
            IndexingError: if the input has no such dimensions.
            ShapeError: if the first comes after the last.
        """
        input = checked_tensor(type(self).__name__, "input", input)
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Return the dimensions."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
