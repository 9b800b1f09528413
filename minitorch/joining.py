"""Tensors joined to one: one after another, or side by side along a new dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .autodiff import Context
from .errors import DTypeError, ShapeError, describe_shapes
from .function import Function, is_tensor
from .parameter import value_of
from .shapes import checked_dim
from .views import sliced

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Cat", "cat", "stack"]


class Cat(Function):
    """Tensors one after another along a dimension."""

    @staticmethod
    def forward(ctx: Context, dim: int, *tensors: Tensor) -> Tensor:
        """Return the tensors joined along dimension `dim`."""
        ctx.save_for_backward(dim, [t.shape[dim] for t in tensors])
        first = tensors[0]
        length = sum(t.shape[dim] for t in tensors)
        shape = (*first.shape[:dim], length, *first.shape[dim + 1 :])
        out = first.new_empty(shape, np.result_type(*{t.dtype for t in tensors}))
        start = 0
        for t in tensors:
            first.backend.ops.put(out, _between(dim, start, start + t.shape[dim]), t)
            start += t.shape[dim]
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return for each tensor the part of grad at its place."""
        dim, sizes = ctx.saved_values
        gradients: list[Tensor | None] = [None]
        start = 0
        for size, wanted in zip(sizes, ctx.needs_input_grad[1:], strict=True):
            part = _between(dim, start, start + size)
            gradients.append(sliced(grad, part) if wanted else None)
            start += size
        return tuple(gradients)


def _between(dim: int, start: int, stop: int) -> tuple[slice, ...]:
    """Return the index of what lies from start to stop along a dimension."""
    return (*(slice(None),) * dim, slice(start, stop))


def _checked_list(name: str, tensors: Any) -> list[Tensor]:
    """Return the tensors as a list, if there are any."""
    if not isinstance(tensors, Sequence):
        raise DTypeError(f"{name}: takes a list of tensors, not a {type(tensors).__name__}")
    given = [value_of(each) for each in tensors]
    for place, each in enumerate(given):
        if not is_tensor(each):
            raise DTypeError(f"{name}: number {place} of the list is a {type(each).__name__}")
    if not given:
        raise ShapeError(f"{name}: the list holds no tensor")
    return given


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return tensors one after another along a dimension, in which alone they may differ.

    Args:
        tensors: a list or a tuple of tensors.
        dim: the dimension; its sizes add up.

    Raises:
        ShapeError: if the list is empty, or the sizes of another dimension differ.
        IndexingError: if there is no such dimension.
    """
    given = _checked_list("cat", tensors)
    first = given[0].shape
    place = checked_dim(dim, first, "cat")
    for each in given[1:]:
        own = each.shape
        if len(own) != len(first) or any(
            n != m for d, (n, m) in enumerate(zip(own, first, strict=True)) if d != place
        ):
            shapes = [(str(number), t.shape) for number, t in enumerate(given)]
            raise ShapeError(
                describe_shapes("cat", shapes) + f"\nonly the sizes in dimension {place} may differ"
            )
    return Cat.apply(place, *given)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return tensors of one shape side by side along a new dimension.

    Args:
        tensors: a list or a tuple of n tensors.
        dim: where the new dimension, of size n, is to stand.

    Raises:
        ShapeError: if the list is empty, or the shapes differ.
        IndexingError: if there is no such place.
    """
    given = _checked_list("stack", tensors)
    place = checked_dim(dim, (*given[0].shape, len(given)), "stack")
    if any(each.shape != given[0].shape for each in given):
        shapes = [(str(number), t.shape) for number, t in enumerate(given)]
        raise ShapeError(describe_shapes("stack", shapes) + "\nthe shapes must be equal")
    return Cat.apply(place, *[each.unsqueeze(place) for each in given])
