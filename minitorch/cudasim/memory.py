"""Simulated device memory, which the host cannot reach but by copying.

What a GPU computes with lies in the GPU's own memory. The simulated one lies in the memory of the
host, but is as far away: an array of it gives no element to the host, and counts the copies.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ..errors import BackendError

__all__ = [
    "DeviceArray",
    "Memory",
    "Transfers",
    "counting_transfers",
    "empty",
    "poisoned",
    "to_device",
    "transfers",
]


class Transfers:
    """Counts of copies between host and device: `to_device`, `to_host`, and their bytes."""

    def __init__(self) -> None:
        self.to_device = self.to_host = 0
        self.bytes_to_device = self.bytes_to_host = 0

    def __repr__(self) -> str:
        return (
            f"<Transfers to_device={self.to_device} ({self.bytes_to_device} bytes) "
            f"to_host={self.to_host} ({self.bytes_to_host} bytes)>"
        )


transfers = Transfers()
_counters = [transfers]


@contextlib.contextmanager
def counting_transfers() -> Iterator[Transfers]:
    """Count the copies that are made inside of the `with`.

    >>> with counting_transfers() as copies:
    ...     array = to_device(np.zeros(3))
    >>> copies.to_device, copies.bytes_to_device, copies.to_host
    (1, 24, 0)
    """
    counter = Transfers()
    _counters.append(counter)
    try:
        yield counter
    finally:
        _counters.remove(counter)


def poisoned(size: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return `size` cells of what nobody has written: NaN, or the smallest integer."""
    if dtype.kind in "fc":
        return np.full(size, np.nan, dtype)
    return np.full(size, np.iinfo(dtype).min if dtype.kind in "iu" else 0, dtype)


class Memory:
    """One piece of device memory: its cells, and which of them were written (None: all)."""

    __slots__ = ("values", "written")

    def __init__(self, values: npt.NDArray[Any], written: bytearray | None = None) -> None:
        self.values = values
        self.written = written


class DeviceArray:
    """An array in the memory of the simulated device: contiguous, for kernels to read and write.

    The host can ask for `dtype, size, shape, ndim, itemsize, nbytes`, copy the whole with
    `copy_to_host` and `copy_to_device`, and take `array[a:b]`: another array over the same memory.
    """

    __slots__ = ("_memory", "_start", "shape", "size")

    def __init__(self, memory: Memory, start: int, shape: tuple[int, ...]) -> None:
        self._memory = memory
        self._start = start
        self.shape = shape
        self.size = math.prod(shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a cell."""
        return self._memory.values.dtype

    @property
    def itemsize(self) -> int:
        """Bytes of a cell."""
        return self._memory.values.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of the whole."""
        return self.size * self.itemsize

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def copy_to_host(self) -> npt.NDArray[Any]:
        """Return a copy in the memory of the host, of the same shape."""
        for counter in _counters:
            counter.to_host += 1
            counter.bytes_to_host += self.nbytes
        end = self._start + self.size
        return self._memory.values[self._start : end].copy().reshape(self.shape)

    def copy_to_device(self, values: npt.ArrayLike) -> None:
        """Fill this array from an array of the host of the same shape.

        Raises:
            ValueError: if the shapes differ.
        """
        array = np.asarray(values)
        if array.shape != self.shape:
            raise ValueError(
                f"copy_to_device: {array.shape} does not fit a device array of shape {self.shape}"
            )
        for counter in _counters:
            counter.to_device += 1
            counter.bytes_to_device += self.nbytes
        end = self._start + self.size
        self._memory.values[self._start : end] = array.reshape(-1)
        if self._memory.written is not None:
            self._memory.written[self._start : end] = bytes([1]) * self.size

    def __getitem__(self, key: Any) -> DeviceArray:
        if not isinstance(key, slice) or self.ndim != 1 or key.step not in (None, 1):
            self._refuse()
        start, stop, _ = key.indices(self.size)
        return DeviceArray(self._memory, self._start + start, (max(stop - start, 0),))

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<DeviceArray {self.shape} of {self.dtype} on the simulated device>"

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise BackendError(
            f"this memory ({self.shape} of {self.dtype}) is on the simulated device: the host "
            "cannot read, write or compute with it there; copy_to_host() gives a copy of it, "
            "copy_to_device() fills it"
        )

    __array__ = __iter__ = __contains__ = __setitem__ = _refuse
    __bool__ = __int__ = __float__ = __index__ = _refuse


def to_device(values: npt.ArrayLike) -> DeviceArray:
    """Return a copy of an array of the host in device memory."""
    array = np.asarray(values)
    result = DeviceArray(Memory(np.empty(array.size, array.dtype)), 0, array.shape)
    result.copy_to_device(array)
    return result


def empty(size: int | tuple[int, ...], dtype: npt.DTypeLike = np.float64) -> DeviceArray:
    """Return device memory that nobody has written: a kernel that reads it is at fault."""
    shape = size if isinstance(size, tuple) else (size,)
    cells = math.prod(shape)
    return DeviceArray(Memory(poisoned(cells, np.dtype(dtype)), bytearray(cells)), 0, shape)
