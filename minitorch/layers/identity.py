"""A layer that does nothing."""

from __future__ import annotations

from typing import Any

from ..module import Module

__all__ = ["Identity"]


class Identity(Module):
    """Its input: a place holder where a layer could stand.

    Args:
        args, kwargs: anything, so that it can be made with the arguments of that layer.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """Return the input."""
        return input
