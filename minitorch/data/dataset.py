"""Data sets: things with a length and numbered items, and parts of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitorch.creation import from_numpy
from minitorch.dtypes import as_floats
from minitorch.errors import ShapeError
from minitorch.rng import generator as default_generator
from minitorch.tensor import Tensor

__all__ = [
    "Dataset",
    "Subset",
    "TensorDataset",
    "batch_of",
    "default_collate",
    "random_split",
]

Indices = NDArray[np.int64]


class Dataset:
    """Items by number: a subclass defines `__getitem__` and `__len__`.

    One that can give many items at once, faster than one by one, also defines
    `get_batch(indices)`, which returns what `default_collate` would make of these items.
    """

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __getitem__")

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} defines no __len__")


class TensorDataset(Dataset):
    """Tensors and numpy arrays side by side: item i has row i of each.

    Args:
        tensors: with the same number of rows; labels are numpy arrays of integers.

    Raises:
        TypeError: if one is neither a tensor nor an array.
        ShapeError: if there is none, or they differ in their number of rows.
    """

    def __init__(self, *tensors: Tensor | NDArray[Any]) -> None:
        for tensor in tensors:
            if not isinstance(tensor, Tensor | np.ndarray):
                raise TypeError(
                    f"TensorDataset: takes tensors and numpy arrays, not a {type(tensor).__name__}"
                )
        shapes = [tensor.shape for tensor in tensors]
        if len({shape[:1] for shape in shapes}) != 1 or not shapes[0]:
            raise ShapeError(
                f"TensorDataset: the shapes are {shapes}; there must be one or more, with the same "
                "number of rows"
            )
        self.tensors = tensors

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple([tensor[index] for tensor in self.tensors])

    def get_batch(self, indices: Indices) -> list[Any]:
        """Return the rows at `indices` of each tensor; see `default_collate`."""
        return [
            tensor.backend.ops.take(tensor, (np.asarray(indices),))
            if isinstance(tensor, Tensor)
            else _column(tensor[indices])
            for tensor in self.tensors
        ]


class Subset(Dataset):
    """Some items of a data set, in an order of one's own.

    Args:
        dataset: what they are taken from.
        indices: their numbers.

    Raises:
        IndexError: if a number is out of range.
        TypeError: if they are not integers.
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices
        given = np.asarray(indices).reshape(-1)
        if given.size and given.dtype.kind not in "iu":
            raise TypeError(f"Subset: the indices must be integers, not {given.dtype}")
        self._numbers = given.astype(np.int64)
        size = len(dataset)
        outside = self._numbers[(self._numbers < -size) | (self._numbers >= size)]
        if len(outside):
            raise IndexError(f"Subset: item {outside[0]} of a data set of {size} items")

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self._numbers[index])]

    def get_batch(self, indices: Indices) -> Any:
        """Return the batch of the items at `indices` of this subset."""
        return batch_of(self.dataset, self._numbers[indices])


def random_split(
    dataset: Any, lengths: Sequence[float], generator: np.random.Generator | None = None
) -> list[Subset]:
    """Return subsets of random items that together hold each item once.

    Args:
        dataset: what is split.
        lengths: how many items each part has; or shares that add up to 1, of which each is
            rounded down, and the items left over go to the parts one by one from the first.
        generator: where chance comes from; by default minitorch's.

    Raises:
        ValueError: if the lengths do not add up to the data set's.
    """
    size = len(dataset)
    counts = list(lengths)
    if math.isclose(sum(counts), 1.0) and all(0 <= share <= 1 for share in counts):
        shares = counts
        counts = [math.floor(size * share) for share in shares]
        for part in range(size - int(sum(counts))):
            counts[part % len(counts)] += 1
    if sum(counts) != size or any(n != int(n) or n < 0 for n in counts):
        raise ValueError(f"random_split: lengths {list(lengths)} of a data set of {size} items")
    order = (generator or default_generator()).permutation(size)
    ends = np.cumsum([int(n) for n in counts])
    return [
        Subset(dataset, order[end - int(n) : end].tolist())
        for n, end in zip(counts, ends, strict=True)
    ]


def batch_of(dataset: Any, indices: Indices) -> Any:
    """Return the items at `indices` as one batch, by the data set's `get_batch` if it has one.

    A class that derives from one with `get_batch` and defines only `__getitem__` is asked for
    its items one by one.
    """
    for kind in type(dataset).__mro__:
        if "get_batch" in vars(kind):
            return dataset.get_batch(indices)
        if "__getitem__" in vars(kind):
            break
    return default_collate([dataset[int(index)] for index in indices])


def default_collate(samples: Sequence[Any]) -> Any:
    """Return samples as one batch.

    Tensors, float arrays and floats become a tensor with one dimension more, in front; integers
    and arrays of them a numpy int64 array; texts a list. Of tuples and lists comes a list with
    the batch of each field, and of dicts a dict.

    Raises:
        TypeError: if the samples are something else.
        ShapeError: if their shapes or numbers of fields differ.
    """
    first = samples[0]
    if isinstance(first, str | bytes):
        return list(samples)
    if isinstance(first, dict):
        return {key: default_collate([sample[key] for sample in samples]) for key in first}
    if isinstance(first, tuple | list):
        if len({len(sample) for sample in samples}) > 1:
            raise ShapeError("collate: the samples have different numbers of fields")
        return [default_collate(field) for field in zip(*samples, strict=True)]
    arrays = [s.to_numpy() if isinstance(s, Tensor) else np.asarray(s) for s in samples]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise ShapeError(f"collate: samples of shapes {sorted(shapes)} do not make one batch")
    return _column(np.stack(arrays), first)


def _column(array: NDArray[Any], like: Any = None) -> Any:
    """Return one field of a batch: a tensor of floats, or an int64 array.

    Args:
        array: the numbers, which nothing else refers to.
        like: one of the samples; if a tensor, its backend is used.
    """
    if array.dtype.kind in "biu":
        return array.astype(np.int64, copy=False)
    if array.dtype.kind != "f":
        raise TypeError(f"collate: no batch can be made of {type(like).__name__} ({array.dtype})")
    keeps = isinstance(like, Tensor | np.ndarray | np.generic) or like is None
    floats = as_floats(array if keeps else array.tolist())
    return from_numpy(floats, like.backend if isinstance(like, Tensor) else None)
