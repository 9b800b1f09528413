"""Module 2: how a tensor lies in memory.

A tensor is a flat array, the *storage*, and two tuples: its *shape*, and for each
dimension the *stride*, the number of storage elements from one index to the next::

    storage  0 1 2 3 4 5          [[0, 1, 2],
    shape    (2, 3)       is       [3, 4, 5]]     element (i, j) at 3 i + 1 j
    strides  (3, 1)

    shape    (3, 2)       is       [[0, 3], [1, 4], [2, 5]], the transpose:
    strides  (1, 3)               the same storage, not one element moved

The four functions of index arithmetic are written once, here: kernels on every target
compile them from this file.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .autodiff import writes
from .cuda_target import is_on_device, to_device, to_host
from .dtypes import as_floats
from .errors import BackendError, IndexingError, ShapeError
from .rng import generator
from .shapes import MAX_DIMS, whole_shape

__all__ = [
    "MAX_DIMS",
    "Index",
    "IndexingError",
    "OutIndex",
    "Shape",
    "Storage",
    "Strides",
    "TensorData",
    "UserIndex",
    "UserShape",
    "UserStrides",
    "broadcast_index",
    "count",
    "index_to_position",
    "shape_broadcast",
    "strides_from_shape",
    "to_index",
]

Storage: TypeAlias = npt.NDArray[Any]
OutIndex: TypeAlias = npt.NDArray[np.int64]
Index: TypeAlias = npt.NDArray[np.int64]
Shape: TypeAlias = npt.NDArray[np.int64]
Strides: TypeAlias = npt.NDArray[np.int64]
UserIndex: TypeAlias = Sequence[int]
UserShape: TypeAlias = Sequence[int]
UserStrides: TypeAlias = Sequence[int]

# Within TensorData, `tuple` is the course's method of that name.
Ints: TypeAlias = tuple[int, ...]


def index_to_position(index: Index, strides: Strides) -> int:
    """Return the position in the storage of the element at `index`.

    Kernels keep indices in arrays that may be longer than the tensor has dimensions; what
    comes after the last dimension means nothing, here and in the two functions below.

    Args:
        index: the index of an element, one number for each dimension.
        strides: the strides of the tensor.
    """
    position = 0
    for dim in range(len(strides)):
        position += index[dim] * strides[dim]
    return position


def to_index(ordinal: int, shape: Shape, out_index: OutIndex) -> None:
    """Put in `out_index` the index of the element that comes `ordinal`-th in reading order.

    Each ordinal from 0 to size - 1 gives another index; the last dimension runs fastest.

    Args:
        ordinal: the number of the element.
        shape: the shape of the tensor.
        out_index: filled with the index, one number for each dimension.
    """
    rest = ordinal + 0
    for dim in range(len(shape) - 1, -1, -1):
        out_index[dim] = rest % shape[dim]
        rest = rest // shape[dim]


def broadcast_index(big_index: Index, big_shape: Shape, shape: Shape, out_index: OutIndex) -> None:
    """Put in `out_index` where a broadcast tensor keeps what appears at `big_index`.

    Dimensions that the smaller shape lacks are dropped from the left; a dimension of size
    one is at index 0 wherever one looks.

    Args:
        big_index: an index in the larger shape.
        big_shape: the shape that was broadcast to.
        shape: the smaller shape, of the tensor that was broadcast.
        out_index: filled with the index in the smaller shape.
    """
    missing = len(big_shape) - len(shape)
    for dim in range(len(shape)):
        out_index[dim] = big_index[dim + missing] if shape[dim] != 1 else 0


def shape_broadcast(shape1: UserShape, shape2: UserShape) -> tuple[int, ...]:
    """Return the shape that two shapes broadcast to.

    The shapes are aligned on the right; in each dimension the sizes must be equal, or one
    of them 1 or missing. See https://numpy.org/doc/stable/user/basics.broadcasting.html.

    Raises:
        IndexingError: if they do not broadcast.
    """
    dims = max(len(shape1), len(shape2))
    left = (1,) * (dims - len(shape1)) + tuple(shape1)
    right = (1,) * (dims - len(shape2)) + tuple(shape2)
    sizes = []
    for dim, (a, b) in enumerate(zip(left, right, strict=True)):
        if a != b and a != 1 and b != 1:
            raise ShapeError(
                f"shapes {tuple(shape1)} and {tuple(shape2)} do not broadcast: in dimension "
                f"{dim - dims} the sizes are {a} and {b}; they must be equal, or one of them 1"
            )
        sizes.append(int(b if a == 1 else a))
    return tuple(sizes)


def strides_from_shape(shape: UserShape) -> tuple[int, ...]:
    """Return the strides of a contiguous tensor: the last dimension is at stride 1."""
    strides = [1]
    for size in reversed(shape[1:]):
        strides.append(strides[-1] * int(size))
    return tuple(reversed(strides)) if len(shape) else ()


@functools.lru_cache(maxsize=4096)
def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return `strides_from_shape(shape)`, remembered, since most shapes come again."""
    return strides_from_shape(shape)


def count(position: int, shape: Shape, out_index: OutIndex) -> None:
    """Do what `to_index` does; its name in older course material."""
    to_index(position, shape, out_index)


def size_of(shape: Shape) -> int:
    """Return the number of elements of a shape."""
    size = 1
    for dim in range(len(shape)):
        size *= shape[dim]
    return size


def same_layout(a_shape: Shape, a_strides: Strides, b_shape: Shape, b_strides: Strides) -> bool:
    """Return whether two tensors have one shape and both lie contiguously in memory."""
    if len(a_shape) != len(b_shape):
        return False
    expected = 1
    for dim in range(len(a_shape) - 1, -1, -1):
        if a_shape[dim] != b_shape[dim]:
            return False
        if a_shape[dim] != 1 and (a_strides[dim] != expected or b_strides[dim] != expected):
            return False
        expected *= a_shape[dim]
    return True


def last_step(shape: Shape, strides: Strides) -> int:
    """Return how far to go in the storage for the next element of a row: 0 if broadcast."""
    if len(shape) == 0 or shape[len(shape) - 1] == 1:
        return 0
    return int(strides[len(shape) - 1])


class TensorData:
    """A storage, a shape and strides.

    Args:
        storage: the elements: a flat numpy array, shared if float32 or float64, or a list.
        shape: the size of each dimension.
        strides: the stride of each dimension, 0 or more; by default those of a contiguous
            tensor, whose storage must then have exactly as many elements as the shape.

    Raises:
        IndexingError: if the strides do not fit the shape, or the storage does not.
        DTypeError: if the elements are not real numbers.
    """

    __slots__ = ("_contiguous", "_shape_array", "_storage", "_strides_array", "dims", "last_write",
                 "shape", "size", "strides")  # fmt: skip

    def __init__(
        self,
        storage: Sequence[float] | Storage,
        shape: UserShape,
        strides: UserStrides | None = None,
    ) -> None:
        flat = as_floats(storage)
        sizes = whole_shape(shape, "TensorData")
        if flat.ndim != 1 or not flat.flags.c_contiguous:
            raise ShapeError(f"TensorData: the storage must be flat, not of shape {flat.shape}")
        steps = strides_from_shape(sizes) if strides is None else tuple(int(s) for s in strides)
        if len(steps) != len(sizes):
            raise IndexingError(f"TensorData: {len(steps)} strides {steps} for shape {sizes}")
        if any(step < 0 for step in steps):
            raise IndexingError(f"TensorData: strides {steps} may not be negative")
        size = math.prod(sizes)
        reach = 1 + sum((n - 1) * s for n, s in zip(sizes, steps, strict=True)) if size else 0
        if flat.size < reach or (strides is None and flat.size != size):
            raise ShapeError(
                f"TensorData: a storage of {flat.size} elements does not fit shape {sizes} with "
                f"strides {steps}, which needs {reach}"
            )
        self._fill(flat, sizes, steps, size, [0])

    def _fill(
        self,
        storage: Storage,
        shape: Ints,
        strides: Ints,
        size: int,
        last_write: list[int],
    ) -> None:
        self._storage = storage
        self.shape = shape
        self.strides = strides
        self.size = size
        self.dims = len(shape)
        # The number of the last write in place into the storage: one list for all of its views.
        self.last_write = last_write
        self._shape_array: Shape | None = None
        self._strides_array: Strides | None = None
        self._contiguous: bool | None = None

    @classmethod
    def fresh(cls, storage: Storage, shape: Ints, strides: Ints, size: int) -> TensorData:
        """Return a tensor over a new storage, contiguous and as long as its shape, unchecked."""
        data = cls.__new__(cls)
        data._storage = storage
        data.shape = shape
        data.strides = strides
        data.size = size
        data.dims = len(shape)
        data.last_write = [0]
        data._shape_array = None
        data._strides_array = None
        data._contiguous = True
        return data

    @classmethod
    def from_array(cls, array: npt.NDArray[Any]) -> TensorData:
        """Return a tensor that shares the memory of `array`, which must be float.

        An array with negative strides is copied.
        """
        if array.flags.c_contiguous:
            shape = array.shape
            return cls.fresh(array.reshape(-1), shape, contiguous_strides(shape), array.size)
        storage, strides = _flat_memory(array)
        return cls.over(storage, array.shape, strides)

    @classmethod
    def over(cls, storage: Storage, shape: Ints, strides: Ints) -> TensorData:
        """Return shape and strides over a storage, unchecked."""
        data = cls.__new__(cls)
        data._fill(storage, shape, strides, math.prod(shape), [0])
        return data

    def sharing(self, shape: Ints, strides: Ints, size: int, start: int = 0) -> TensorData:
        """Return another shape and strides over the storage from `start` on, unchecked."""
        data = TensorData.__new__(TensorData)
        data._storage = self._storage[start:] if start else self._storage
        data.shape = shape
        data.strides = strides
        data.size = size
        data.dims = len(shape)
        data.last_write = self.last_write
        data._shape_array = None
        data._strides_array = None
        data._contiguous = None
        return data

    def note_write(self) -> None:
        """Note that the storage was written in place."""
        self.last_write[0] = writes.next()

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return float32 or float64."""
        return self._storage.dtype

    @property
    def _shape(self) -> Shape:
        """Return the shape as an array, which is what kernels take."""
        if self._shape_array is None:
            self._shape_array = np.array(self.shape, np.int64)
        return self._shape_array

    @property
    def _strides(self) -> Strides:
        """Return the strides as an array, which is what kernels take."""
        if self._strides_array is None:
            self._strides_array = np.array(self.strides, np.int64)
        return self._strides_array

    def to_cuda_(self) -> None:
        """Move the storage to the GPU, or to the simulator where there is none, in place."""
        if not is_on_device(self._storage):
            self._storage = to_device(self._storage)

    def stored(self, store: Callable[[Storage], Any]) -> TensorData:
        """Return the same shape and strides over what `store` makes of the storage in use."""
        pairs = zip(self.shape, self.strides, strict=True)
        reach = 1 + sum((n - 1) * s for n, s in pairs) if self.size else 0
        data = self.sharing(self.shape, self.strides, self.size)
        data._storage = store(self._storage[:reach])
        data.last_write = [0]
        return data

    def tuple(self) -> tuple[Storage, Shape, Strides]:
        """Return storage, shape and strides as arrays, for a kernel."""
        return self._storage, self._shape, self._strides

    def numpy(self) -> npt.NDArray[Any]:
        """Return an array of this shape that shares the storage.

        Raises:
            BackendError: if the storage lies on a device.
        """
        if is_on_device(self._storage):
            raise BackendError(
                f"numpy: the tensor of shape {self.shape} is on the device: to_numpy() copies it, "
                "cpu() moves it"
            )
        return self._shaped(self._storage)

    def to_numpy(self) -> npt.NDArray[Any]:
        """Return a contiguous array of this shape, which shares the storage if it can."""
        storage = self._storage
        if is_on_device(storage):
            storage = self.stored(to_host)._storage
        return np.ascontiguousarray(self._shaped(storage)).reshape(self.shape)

    def _shaped(self, storage: Storage) -> npt.NDArray[Any]:
        step = storage.itemsize
        strides = [stride * step for stride in self.strides]
        return np.ndarray(self.shape, storage.dtype, storage, 0, strides)

    def is_contiguous(self) -> bool:
        """Return whether the elements lie one after another in reading order."""
        if self._contiguous is None:
            self._contiguous = self._is_contiguous()
        return self._contiguous

    def _is_contiguous(self) -> bool:
        expected = 1
        for size, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size != 1 and stride != expected and self.size:
                return False
            expected *= size
        return True

    def index(self, index: int | UserIndex) -> int:
        """Return the position in the storage of the element at `index`.

        Raises:
            IndexingError: if the index is too long, too short, negative or out of range.
        """
        given = (index,) if isinstance(index, int | np.integer) else tuple(index)
        if not all(hasattr(i, "__index__") for i in given):
            raise IndexingError(f"index {given} must be made of integers")
        if len(given) != self.dims:
            raise IndexingError(f"index {given} has {len(given)} numbers, shape {self.shape} "
                                f"has {self.dims}")  # fmt: skip
        for dim, (i, size) in enumerate(zip(given, self.shape, strict=True)):
            if not 0 <= i < size:
                raise IndexingError(
                    f"index {given} is out of range for shape {self.shape}: in dimension {dim} "
                    f"it must be from 0 to {size - 1}"
                )
        return int(index_to_position(np.array(given, np.int64), self._strides))

    def indices(self) -> Iterator[Ints]:
        """Yield the index of each element, in reading order."""
        index: OutIndex = np.zeros(self.dims, np.int64)
        for ordinal in range(self.size):
            to_index(ordinal, self._shape, index)
            yield tuple(index.tolist())

    def sample(self) -> Ints:
        """Return a random valid index."""
        if not self.size:
            raise IndexingError(f"sample: shape {self.shape} has no elements")
        return tuple(int(generator().integers(size)) for size in self.shape)

    def get(self, key: UserIndex) -> float:
        """Return the element at an index."""
        return self._at(self.index(key))

    def _at(self, position: int) -> float:
        """Return the element at a position of the storage."""
        storage = self._storage
        if is_on_device(storage):
            return float(to_host(storage[position : position + 1])[0])
        return float(storage[position])

    def set(self, key: UserIndex, val: float) -> None:
        """Write the element at an index."""
        position, storage = self.index(key), self._storage
        if isinstance(storage, np.ndarray):
            storage[position] = val
        else:
            storage[position : position + 1].copy_to_device(np.array([val], self.dtype))
        self.note_write()

    def permute(self, *order: int) -> TensorData:
        """Return the tensor with its dimensions in another order, over the same storage.

        Args:
            order: a permutation of the dimensions, such as (2, 0, 1).

        Raises:
            ShapeError: if `order` does not name each dimension once.
        """
        if sorted(order) != [*range(self.dims)]:
            raise ShapeError(f"permute: {order} does not order the dimensions of {self.shape}")
        shape = tuple([self.shape[dim] for dim in order])
        strides = tuple([self.strides[dim] for dim in order])
        return self.sharing(shape, strides, self.size)

    def view(self, shape: Ints) -> TensorData:
        """Return a contiguous tensor in another shape, over the same storage.

        Raises:
            ShapeError: if the sizes differ, or the tensor is not contiguous.
        """
        if math.prod(shape) != self.size:
            raise ShapeError(
                f"view: shape {self.shape} has {self.size} elements, {shape} has {math.prod(shape)}"
            )
        if not self.is_contiguous():
            raise ShapeError(
                f"view: the tensor of shape {self.shape} is not contiguous (strides "
                f"{self.strides}); call .contiguous() first"
            )
        viewed = self.sharing(shape, contiguous_strides(shape), self.size)
        viewed._contiguous = True
        return viewed

    def to_string(self) -> str:
        """Return the elements as nested brackets."""
        return np.array2string(self.to_numpy(), separator=", ", precision=4)


def _flat_memory(array: npt.NDArray[Any]) -> tuple[Storage, Ints]:
    """Return the flat memory under a strided array, and its strides in elements."""
    itemsize = array.itemsize
    if not array.size or any(step < 0 or step % itemsize for step in array.strides):
        array = np.ascontiguousarray(array)
    strides = tuple([step // itemsize for step in array.strides])
    reach = 1 + sum((n - 1) * s for n, s in zip(array.shape, strides, strict=True))
    storage = np.lib.stride_tricks.as_strided(array, (reach if array.size else 0,), (itemsize,))
    return storage, strides
