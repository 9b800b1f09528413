"""The largest and smallest elements, as PyTorch gives them, and where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .autodiff import Context
from .errors import ShapeError
from .function import Function
from .more_functions import Pick
from .shapes import checked_dim

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Extreme", "Extremes", "arg_extreme", "extreme", "refuse_empty"]


class Extremes(NamedTuple):
    """The largest or smallest elements along a dimension, and their indices there."""

    values: Tensor
    indices: npt.NDArray[np.int64]


class Extreme(Function):
    """The largest or smallest element of all, or along several dimensions."""

    @staticmethod
    def forward(
        ctx: Context, a: Tensor, largest: bool, dims: tuple[int, ...] | None = None
    ) -> Tensor:
        """Return it as a tensor without dimensions; or along `dims`, which get size 1."""
        backend = a.backend
        found = a if largest else backend.neg_map(a)
        if dims is None:
            found = backend.max_reduce(found.contiguous().view(a._tensor.size), 0).view(())
        for dim in dims or ():
            found = backend.max_reduce(found, dim)
        found = found if largest else backend.neg_map(found)
        ctx.save_for_backward(a, found, dims)
        return found

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad shared evenly by the elements that tie, as PyTorch's amax does."""
        a, found, dims = ctx.saved_values
        chosen: Tensor = a.backend.same_zip(a, found)
        ties = chosen.sum().view(()) if dims is None else chosen.sum(dims)
        return grad * (chosen / ties)


def refuse_empty(a: Tensor, size: int, name: str) -> None:
    """Raise `ShapeError`, naming the operation, if there is nothing to choose from."""
    if size == 0:
        raise ShapeError(f"{name}: shape {a.shape} has no elements to choose from")


def arg_extreme(a: Tensor, dim: int | None, keepdim: bool, largest: bool) -> Any:
    """Return where the largest or smallest element stands; see `Tensor.argmax`."""
    name = "argmax" if largest else "argmin"
    if dim is None:
        refuse_empty(a, a._tensor.size, name)
        return a.backend.ops.arg_extreme(a, None, False, largest)
    place = checked_dim(dim, a.shape, name)
    refuse_empty(a, a.shape[place], name)
    return a.backend.ops.arg_extreme(a, place, keepdim, largest)


def extreme(a: Tensor, dim: int | None, keepdim: bool, largest: bool) -> Any:
    """Return the largest or smallest element, or those along a dimension; see `Tensor.max`."""
    name = "max" if largest else "min"
    if dim is None:
        refuse_empty(a, a._tensor.size, name)
        return Extreme.apply(a, largest)
    place = checked_dim(dim, a.shape, name)
    refuse_empty(a, a.shape[place], name)
    indices = arg_extreme(a, place, True, largest)
    values = Pick.apply(a, indices, place)
    if keepdim:
        return Extremes(values, indices.copy())
    shape = a.shape[:place] + a.shape[place + 1 :]
    return Extremes(values.view(*shape), indices.reshape(shape).copy())
