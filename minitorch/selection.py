"""Elements chosen by arrays: by masks, by integer indices, by a condition.

Slices and single integers, which give views, are in `views.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .autodiff import Context
from .errors import IndexingError, ShapeError, describe_shapes
from .function import Function, is_tensor
from .shapes import checked_dim

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Take", "Where", "along", "array_key", "as_mask", "gather"]


class Take(Function):
    """The elements that numpy's indexing by arrays gives."""

    @staticmethod
    def forward(ctx: Context, a: Tensor, key: tuple[Any, ...]) -> Tensor:
        """Return a copy of a's elements at `key`."""
        ctx.save_for_backward(a.shape, key)
        try:
            return a.backend.ops.take(a, key)
        except IndexError as error:
            raise IndexingError(f"index does not fit shape {a.shape}: {error}") from None

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return zeros, but grad where it was taken; where more than once, the sum."""
        shape, key = ctx.saved_values
        out = grad.zeros(shape)
        grad.backend.ops.put(out, key, grad, add=True)
        return out


class Where(Function):
    """a where a condition holds, else b."""

    @staticmethod
    def forward(ctx: Context, condition: npt.NDArray[np.bool_], a: Tensor, b: Tensor) -> Tensor:
        """Return a's elements where `condition` is true, b's elsewhere."""
        ctx.save_for_backward(condition)
        of_a, of_b = _as_numbers(condition, a), _as_numbers(~condition, b)
        backend = a.backend
        return backend.add_zip(backend.chosen_zip(of_a, a), backend.chosen_zip(of_b, b))

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return grad where a was chosen, and grad where b was; 0 elsewhere."""
        (condition,) = ctx.saved_values
        _, need_a, need_b = ctx.needs_input_grad

        def kept(mask: npt.NDArray[np.bool_]) -> Tensor:
            return grad.backend.masked_zip(_as_numbers(mask, grad), grad)

        return None, kept(condition) if need_a else None, kept(~condition) if need_b else None


def _as_numbers(mask: npt.NDArray[np.bool_], like: Tensor) -> Tensor:
    """Return a mask as a tensor of 0 and 1 where `like` is, of its dtype."""
    return like._from_array(mask.astype(like.dtype))


def as_mask(condition: Any, operation: str) -> npt.NDArray[np.bool_]:
    """Return a tensor of 0 and 1, or a boolean array, as a boolean array of its own.

    Raises:
        IndexingError: if it is anything else.
    """
    values = condition.to_numpy() if is_tensor(condition) else np.asarray(condition)
    if values.dtype == np.bool_:
        return values.copy()
    mask: npt.NDArray[np.bool_] = np.asarray(values != 0)
    if not is_tensor(condition) or not np.all(mask == values):
        raise IndexingError(
            f"{operation}: a mask is a tensor of 0 and 1, or a boolean numpy array; indices are "
            "an integer numpy array"
        )
    return mask


def array_key(key: Any) -> tuple[Any, ...] | None:
    """Return an index with arrays, lists or masks in it as numpy takes it; None for others.

    The arrays are copies: what the user does to theirs afterwards does not matter.

    Raises:
        IndexingError: if an array is made of neither integers nor truth values.
    """
    parts = key if type(key) is tuple else (key,)
    for part in parts:
        if type(part) is int or type(part) is slice:
            continue
        if isinstance(part, np.ndarray | list) or is_tensor(part):
            return tuple([_array_part(each) for each in parts])
    return None


def _array_part(part: Any) -> Any:
    if is_tensor(part):
        return as_mask(part, "index")
    if not isinstance(part, np.ndarray | list):
        return part
    try:
        array = np.array(part)
    except ValueError as error:
        raise IndexingError(f"index {part!r}: {error}") from None
    if array.size == 0 and isinstance(part, list):
        array = array.astype(np.int64)
    if array.dtype.kind not in "biu":
        raise IndexingError(f"index of {array.dtype}: an array that indexes is of integers or bool")
    return array


def along(index: npt.NDArray[np.int64], dim: int) -> tuple[Any, ...]:
    """Return the key by which numpy takes, for each number in `index`, one element along `dim`."""
    key: list[Any] = list(np.ogrid[tuple([slice(n) for n in index.shape])])
    key[dim] = index
    return tuple(key)


def gather(input: Tensor, dim: int, index: npt.NDArray[np.int64]) -> Tensor:
    """Return one element for each number in `index`, picked along a dimension.

    For dim = 1 of three, out[i, j, k] = input[i, index[i, j, k], k].

    Args:
        input: a tensor.
        dim: the dimension that the indices count along.
        index: an integer array of as many dimensions, in all but `dim` no larger than input.

    Returns:
        A tensor of the index's shape.

    Raises:
        ShapeError: if the index has other dimensions, or larger ones.
        IndexingError: if it is not made of integers, or an index is out of range.
    """
    place = checked_dim(dim, input.shape, "gather")
    array = np.array(index)
    if is_tensor(index) or array.dtype.kind not in "iu":
        raise IndexingError("gather: the index must be an integer numpy array")
    pairs = [("input", input.shape), ("index", array.shape)]
    if array.ndim != input.dims or any(
        n > m for d, (n, m) in enumerate(zip(array.shape, input.shape, strict=True)) if d != place
    ):
        raise ShapeError(
            describe_shapes("gather", pairs) + "\nthe index must have the input's number of "
            f"dimensions, and be no larger than it but in dimension {place}"
        )
    size = input.shape[place]
    if array.size and not (array.min() >= 0 and array.max() < size):
        raise IndexingError(
            describe_shapes("gather", pairs) + f"\nthe indices must be from 0 to {size - 1}; they "
            f"go from {array.min()} to {array.max()}"
        )
    return Take.apply(input, along(array, place))
