"""How a tensor is seen in other shapes: turned, cut into other sizes, repeated."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .errors import ShapeError
from .function import is_tensor
from .more_functions import Expand, Reshape
from .shapes import checked_dim, checked_order, checked_view, whole_shape
from .tensor_functions import Copy, Permute, View
from .tensor_history import summed_to

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["ShapeMethods"]


class ShapeMethods:
    """The methods of `Tensor` that give the same elements in another shape."""

    __slots__ = ()

    def permute(self: Any, *order: Any) -> Tensor:
        """Return the tensor with its dimensions in another order, sharing the storage.

        Raises:
            ShapeError: if `order` does not name each dimension once.
        """
        given = order[0] if len(order) == 1 and isinstance(order[0], Iterable) else order
        return Permute.apply(self, checked_order(tuple(given), self.shape))

    def transpose(self: Any, dim0: int, dim1: int) -> Tensor:
        """Return the tensor with two dimensions exchanged, sharing the storage."""
        shape = self.shape
        order = list(range(len(shape)))
        first, second = checked_dim(dim0, shape, "transpose"), checked_dim(dim1, shape, "transpose")
        order[first], order[second] = second, first
        return Permute.apply(self, tuple(order))

    def t(self: Any) -> Tensor:
        """Return the transpose of a matrix; a vector or a number as it is.

        Raises:
            ShapeError: if there are more than two dimensions.
        """
        if len(self.shape) > 2:
            raise ShapeError(
                f"t: shape {self.shape} has more than two dimensions; use transpose or permute"
            )
        return self.T  # type: ignore[no-any-return]

    @property
    def T(self: Any) -> Tensor:
        """Return the tensor with its dimensions in reverse order, sharing the storage."""
        return Permute.apply(self, tuple(range(len(self.shape) - 1, -1, -1)))

    def view(self: Any, *shape: Any) -> Tensor:
        """Return the same elements in another shape, sharing the storage.

        One size may be -1: it is worked out from the others.

        Raises:
            ShapeError: if the sizes differ, or the tensor is not contiguous.
        """
        first = shape[0] if len(shape) == 1 else 0
        sizes = tuple(first) if type(first) is not int and isinstance(first, Iterable) else shape
        return View.apply(self, checked_view(sizes, self.shape))

    def reshape(self: Any, *shape: Any) -> Tensor:
        """Return the same elements in another shape: a view where one can be, else a copy.

        One size may be -1: it is worked out from the others.

        Raises:
            ShapeError: if the sizes differ.
        """
        first = shape[0] if len(shape) == 1 else 0
        sizes = tuple(first) if type(first) is not int and isinstance(first, Iterable) else shape
        return _reshaped(self, checked_view(sizes, self.shape, "reshape"))

    def flatten(self: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Return the tensor with the dimensions from one to another as one.

        Raises:
            ShapeError: if the first comes after the last.
        """
        shape = self.shape or (1,)
        start, end = (
            checked_dim(start_dim, shape, "flatten"),
            checked_dim(end_dim, shape, "flatten"),
        )
        if start > end:
            raise ShapeError(
                f"flatten: of shape {self.shape}, dimension {start_dim} comes after {end_dim}"
            )
        return _reshaped(
            self, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])
        )

    def squeeze(self: Any, dim: int | tuple[int, ...] | None = None) -> Tensor:
        """Return the tensor without its dimensions of size 1.

        Args:
            dim: a dimension or several; those of another size stay. None for all.
        """
        shape = self.shape
        if dim is None:
            chosen = set(range(len(shape)))
        else:
            dims = dim if isinstance(dim, tuple | list) else (dim,)
            chosen = {checked_dim(d, shape, "squeeze") for d in dims}
        return _reshaped(self, tuple([n for d, n in enumerate(shape) if n != 1 or d not in chosen]))

    def unsqueeze(self: Any, dim: int) -> Tensor:
        """Return the tensor with a new dimension of size 1 at place `dim`."""
        shape = self.shape
        place = checked_dim(dim, (*shape, 1), "unsqueeze")
        return _reshaped(self, (*shape[:place], 1, *shape[place:]))

    def contiguous(self: Any) -> Tensor:
        """Return this tensor if it is contiguous in memory, else a copy that is."""
        return self if self._tensor.is_contiguous() else Copy.apply(self)

    def expand(self: Any, *shape: Any) -> Tensor:
        """Return the tensor repeated to `shape` without a copy; -1 keeps a size.

        Given one tensor instead, as course code gives the gradient of a broadcast result,
        return that tensor summed down to this one's shape.
        """
        if len(shape) == 1 and is_tensor(shape[0]):
            return summed_to(shape[0], self.shape, self.dtype)
        given = tuple(shape[0] if len(shape) == 1 and isinstance(shape[0], Iterable) else shape)
        if -1 in given:
            missing = len(given) - self.dims
            given = tuple(
                [
                    self.shape[i - missing] if n == -1 and i >= missing else n
                    for i, n in enumerate(given)
                ]
            )
        return Expand.apply(self, whole_shape(given, "expand"))


def _reshaped(a: Tensor, shape: tuple[int, ...]) -> Tensor:
    function = View if a._tensor.is_contiguous() else Reshape
    return function.apply(a, shape)
