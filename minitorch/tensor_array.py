"""What a tensor is as an array of numbers: its shape, its elements, its printed form."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import cuda_exchange
from .cuda_target import is_on_device
from .errors import ShapeError
from .shapes import checked_dim
from .tensor_data import TensorData

if TYPE_CHECKING:
    from .function import History

__all__ = ["ArrayMethods", "Count"]


class Count(int):
    """The number of elements of a shape, which can also be called, as PyTorch's `size()`."""

    shape: tuple[int, ...]

    def __call__(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one dimension."""
        return self.shape if dim is None else self.shape[checked_dim(dim, self.shape, "size")]

    def __reduce__(self) -> Any:
        return int, (int(self),)


@functools.lru_cache(maxsize=4096)
def _count(shape: tuple[int, ...]) -> Count:
    count = Count(math.prod(shape))
    count.shape = shape
    return count


class ArrayMethods:
    """The methods of `Tensor` that read it as an array, for numpy, DLPack and people."""

    __slots__ = ()

    if TYPE_CHECKING:
        _tensor: TensorData
        history: History | None

        def __getitem__(self, key: Any) -> Any: ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the size of each dimension."""
        return self._tensor.shape

    @property
    def size(self) -> Count:
        """Return the number of elements; called, the shape: `size()`, or `size(dim)` of it."""
        return _count(self._tensor.shape)

    def numel(self) -> int:
        """Return the number of elements."""
        return self._tensor.size

    @property
    def dims(self) -> int:
        """Return the number of dimensions."""
        return self._tensor.dims

    ndim = dims

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self._tensor.dims

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return float32 or float64."""
        return self._tensor._storage.dtype

    @property
    def _version(self) -> int:
        """Return the number of the last write in place into the storage, 0 if there was none."""
        return self._tensor.last_write[0]

    def tuple(self) -> Any:
        """Return storage, shape and strides as arrays, for a kernel."""
        return self._tensor.tuple()

    def numpy(self) -> npt.NDArray[Any]:
        """Return an array of this shape that shares the storage.

        Raises:
            BackendError: if the tensor is on a device.
        """
        return self._tensor.numpy()

    def to_numpy(self) -> npt.NDArray[Any]:
        """Return a contiguous array of this shape, which shares the storage if it can.

        From a device, and where the tensor is not contiguous, it is a copy.
        """
        return self._tensor.to_numpy()

    def item(self) -> float:
        """Return the only element as a Python float.

        Raises:
            ShapeError: if there is not exactly one.
        """
        if self._tensor.size != 1:
            raise ShapeError(f"item: shape {self.shape} has {self.size} elements, not one")
        return self._tensor._at(0)

    def tolist(self) -> Any:
        """Return nested lists of Python floats; one float for a tensor without dimensions."""
        return self.to_numpy().tolist()

    def __float__(self) -> float:
        return self.item()

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return cuda_exchange.array_interface(self._tensor)

    def __dlpack__(self, **options: Any) -> Any:
        if is_on_device(self._tensor._storage):
            return cuda_exchange.dlpack_capsule(self._tensor, **options)
        return self.numpy().__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        if is_on_device(self._tensor._storage):
            return cuda_exchange.dlpack_device(self._tensor)
        return self.numpy().__dlpack_device__()

    def __len__(self) -> int:
        if not self.dims:
            raise TypeError("len() of a tensor without dimensions")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __format__(self, form: str) -> str:
        return format(self.item(), form) if form else str(self)

    def __repr__(self) -> str:
        notes = [f"shape={self.shape}"] if not self.size else []
        if self.dtype != np.float64:
            notes.append(f"dtype={self.dtype}")
        if self.history is not None:
            made_by = self.history.last_fn
            notes.append(f"grad_fn=<{made_by.__name__}>" if made_by else "requires_grad=True")
        values = np.array2string(self.to_numpy(), separator=", ", prefix="tensor(")
        return f"tensor({', '.join([values, *notes])})"

    def __str__(self) -> str:
        return self._tensor.to_string()
