"""Dropout."""

from __future__ import annotations

from numbers import Real

from ..module import Module
from ..tensor import Tensor
from .functional.dropout import dropout, dropout2d

__all__ = ["Dropout", "Dropout2d"]


class _Dropout(Module):
    """What both kinds share.

    Args:
        p: the probability to be dropped.

    Raises:
        ValueError: if it is not between 0 and 1.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not (isinstance(p, Real) and 0 <= p <= 1):
            raise ValueError(f"{type(self).__name__}: p is {p!r}; it must be from 0 to 1")
        self.p: float = p

    def extra_repr(self) -> str:
        """Return the probability."""
        return f"p={self.p}, inplace=False"


class Dropout(_Dropout):
    """In training, sets random elements to 0 and divides the others by 1 - p.

    In evaluation it returns its input.

    Args:
        p: the probability of each element to be dropped.

    Raises:
        ValueError: if it is not between 0 and 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with elements dropped while training; see `functional.dropout`."""
        return dropout(input, self.p, self.training)


class Dropout2d(_Dropout):
    """In training, sets random channels of images to 0 and divides the others by 1 - p.

    In evaluation it returns its input.

    Args:
        p: the probability of each channel of each image to be dropped.

    Raises:
        ValueError: if it is not between 0 and 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped while training; see `functional.dropout2d`."""
        return dropout2d(input, self.p, self.training)
