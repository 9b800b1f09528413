"""What a tensor comes to along its dimensions: sums, means, extremes, spreads, lengths."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .powers import Length
from .reductions import Extreme, arg_extreme, extreme, refuse_empty
from .shapes import checked_dim
from .tensor_functions import All, Sum

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["ReduceMethods"]


class ReduceMethods:
    """The methods of `Tensor` that fold dimensions."""

    __slots__ = ()

    def sum(self: Any, dim: Any = None, keepdim: bool = True) -> Tensor:
        """Return the sum over a dimension, several, or all.

        Args:
            dim: one dimension or a tuple of them; None for all, which gives shape (1,).
            keepdim: keep the dimensions summed over, with size 1.
        """
        if dim is None:
            return Sum.apply(self, None)
        if keepdim and type(dim) is int:
            return Sum.apply(self, checked_dim(dim, self.shape, "sum"))
        places = _places(dim, self.shape, "sum")
        out = self
        for place in places:
            out = Sum.apply(out, place)
        return out if keepdim else _dropped(out, places)

    def mean(self: Any, dim: Any = None, keepdim: bool = True) -> Tensor:
        """Return the mean over a dimension, several, or all; arguments as for `sum`."""
        total = self.sum(dim, keepdim)
        parts = total._tensor.size
        return total / (self._tensor.size / parts if parts else math.nan)  # type: ignore[no-any-return]

    def var(self: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False) -> Tensor:
        """Return the variance over a dimension, several, or all.

        Args:
            dim: one dimension or a tuple of them; None for all, which gives shape ().
            unbiased: divide by the number of elements less one, Bessel's correction.
            keepdim: keep the dimensions, with size 1.
        """
        places = _places(dim, self.shape, "var")
        # By the mean the sum of squares is flat, so no gradient need go through it.
        squares = (self - self.detach().mean(places)) ** 2
        degrees = math.prod(self.shape[place] for place in places) - bool(unbiased)
        out = squares.sum(places) / (degrees if degrees > 0 else math.nan)
        return out if keepdim else _dropped(out, places)

    def std(self: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False) -> Tensor:
        """Return the standard deviation, the root of `var`; its gradient is 0 where it is 0."""
        return Length.apply(self.var(dim, unbiased, keepdim))

    def norm(self: Any, p: float | str = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
        """Return the length of the vector of all elements, or of those along dimensions.

        Args:
            p: 2, the root of the sum of squares ("fro" too); 1, the sum of absolute values;
                or infinity, the largest absolute value.
            dim: one dimension or a tuple of them; None for all, which gives shape ().
            keepdim: keep the dimensions, with size 1.

        Raises:
            ValueError: if `p` is another.
            ShapeError: if there is no element for the largest.
        """
        if p not in (1, 2, math.inf, "fro"):
            raise ValueError(f"norm: p is {p!r}; it must be 1, 2 or infinity")
        places = _places(dim, self.shape, "norm")
        if p == math.inf:
            refuse_empty(self, math.prod(self.shape[place] for place in places), "norm")
            out = Extreme.apply(self.abs(), True, places)
        elif p == 1:
            out = self.abs().sum(places)
        else:
            out = Length.apply((self * self).sum(places))
        return out if keepdim else _dropped(out, places)

    def all(self: Any, dim: int | None = None) -> Tensor:
        """Return 1 where all elements along `dim`, or all there are, differ from 0."""
        if dim is None:
            return All.apply(self.contiguous().view(self._tensor.size), 0)
        return All.apply(self, checked_dim(dim, self.shape, "all"))

    def max(self: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        """Return the largest element, or with `dim` the pair (values, indices) along it.

        The gradient goes to the elements that were largest: shared evenly by all that tie
        for the largest of all, or with `dim` to the first along it, as in PyTorch.
        """
        return extreme(self, dim, keepdim, largest=True)

    def min(self: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        """Return the smallest element, or with `dim` the pair (values, indices) along it."""
        return extreme(self, dim, keepdim, largest=False)

    def argmax(self: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        """Return the index of the largest element, a Python int counted in reading order.

        With `dim`, return an int64 numpy array of the indices along it. A tie goes to the
        first; NaN counts as largest.
        """
        return arg_extreme(self, dim, keepdim, largest=True)

    def argmin(self: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        """Return the index of the smallest element, as `argmax` does of the largest."""
        return arg_extreme(self, dim, keepdim, largest=False)


def _places(dim: Any, shape: tuple[int, ...], operation: str) -> tuple[int, ...]:
    """Return the dimensions that are meant, each once, the last first."""
    if dim is None:
        return tuple(range(len(shape) - 1, -1, -1))
    dims = dim if isinstance(dim, tuple | list) else (dim,)
    return tuple(sorted({checked_dim(d, shape, operation) for d in dims}, reverse=True))


def _dropped(a: Tensor, places: tuple[int, ...]) -> Tensor:
    """Return a tensor without the dimensions that were folded to size 1."""
    if not places:
        return a
    return a.contiguous().view(*[n for d, n in enumerate(a.shape) if d not in places])
