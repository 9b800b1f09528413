"""What a backend does with the memory of its tensors, beside computing.

Where numbers lie is known to the backend alone: the functions of tensors read and write single
elements, parts, and whole arrays of the host by the methods here::

    store     a numpy array           ->  a storage
    take      a tensor, an index      ->  a tensor with a copy of what stands there
    put       a tensor, into another  ->  at an index of it

Here is how it is done by numpy, for storages in the host's memory.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from .tensor_data import TensorData, contiguous_strides

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["StorageOps"]


class StorageOps:
    """The storages of a backend: here, flat numpy arrays.

    A backend whose storages lie on a device gives all of these methods but `held`. Its storages
    have `dtype`, `size`, `itemsize`, slices `[a:b]` over the same memory, and `copy_to_host()`
    and `copy_to_device(array)`, which copy to and from flat numpy arrays.
    """

    # Whether storages lie on a device, out of numpy's reach.
    cuda: ClassVar[bool] = False

    # empty(size, dtype): a storage with nothing in particular in it. It is numpy's own function,
    # since it is called for every operation.
    empty: ClassVar[Callable[..., Any]] = staticmethod(np.empty)

    @staticmethod
    def full(size: int, value: float, dtype: npt.DTypeLike) -> Any:
        """Return a storage of `size` elements, all of them `value`."""
        if value == 0 and not np.signbit(value):
            return np.zeros(size, dtype)
        return np.full(size, value, dtype)

    @staticmethod
    def store(array: npt.NDArray[Any]) -> Any:
        """Return a storage with the numbers of a flat contiguous array; here, the array itself."""
        return array

    @classmethod
    def held(cls, array: npt.NDArray[Any]) -> TensorData:
        """Return a contiguous tensor with the numbers of an array, in a storage of this backend."""
        flat = np.ascontiguousarray(array).reshape(-1)
        shape = array.shape
        return TensorData.fresh(cls.store(flat), shape, contiguous_strides(shape), array.size)

    @staticmethod
    def take(a: Tensor, key: Any) -> Tensor:
        """Return a copy of the elements that numpy's indexing gives.

        Args:
            a: a tensor.
            key: integers, slices, `...`, None and numpy arrays of integers or bools, one of
                these or a tuple of them.

        Raises:
            IndexError: if the key does not fit.
        """
        part = np.asarray(a.numpy()[key])
        return a._new(TensorData.from_array(part if part.base is None else part.copy()))

    @staticmethod
    def put(out: Tensor, key: Any, values: Tensor | float, add: bool = False) -> None:
        """Write values, broadcast, to the elements that numpy's indexing gives.

        Args:
            out: the tensor that is written to.
            key: as for `take`.
            values: a number, or a tensor, of another dtype too; it may share the storage of
                `out`, and is read as it was before.
            add: add them to what is there; to an element that comes several times, all of them.

        Raises:
            IndexError: if the key does not fit.
            ValueError: if the values do not broadcast to what it gives.
        """
        target = out.numpy()
        given = values if isinstance(values, Real) else values.numpy()  # type: ignore[union-attr]
        if not add:
            target[key] = given
        elif any(isinstance(part, np.ndarray) for part in (key if type(key) is tuple else (key,))):
            np.add.at(target, key, given)
        else:
            target[key] += given

    @staticmethod
    def arg_extreme(a: Tensor, dim: int | None, keepdims: bool, largest: bool) -> Any:
        """Return where the largest or smallest element stands: the first of several.

        NaN counts as larger, and as smaller, than any number.

        Args:
            a: a tensor with elements to choose from.
            dim: the dimension along which they are compared; None for all elements.
            keepdims: keep that dimension, with size 1.
            largest: look for the largest, else for the smallest.

        Returns:
            An int64 numpy array of the indices along `dim`; without one the number of the
            element in reading order, a Python int.
        """
        choose = np.argmax if largest else np.argmin
        if dim is None:
            return int(choose(a.numpy()))
        return choose(a.numpy(), axis=dim, keepdims=keepdims)
