"""What a CUDA backend does with storages: makes them, fills them, picks from them.

Given, not a task. Host arrays come in only as what they are on every backend: numbers of the
user's, and indices, from which the positions in the storage are worked out here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .cuda_target import CudaKernel, blocks_for, cuda, empty, to_device
from .views import part_of

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["CudaMemory", "dimensions", "launch_each"]

THREADS = 256


def dimensions(shape: npt.NDArray[np.int64], strides: npt.NDArray[np.int64]) -> tuple[Any, Any]:
    """Return shape and strides as kernels take them: tuples, of one dimension at least."""
    if not len(shape):
        return (1,), (0,)
    return tuple(shape.tolist()), tuple(strides.tolist())


def _fill(out: Any, value: float, size: int) -> None:
    """Write one number everywhere: a thread for each element."""
    i = cuda.grid(1)
    if i < size:
        out[i] = value


def _take(out: Any, storage: Any, positions: Any, size: int) -> None:
    """Fill out[i] with storage[positions[i]]: a thread for each i."""
    i = cuda.grid(1)
    if i < size:
        out[i] = storage[positions[i]]


def _put(storage: Any, positions: Any, values: Any, size: int) -> None:
    """Write values[i] at storage[positions[i]]: a thread for each i."""
    i = cuda.grid(1)
    if i < size:
        storage[positions[i]] = values[i]


def _put_add(storage: Any, positions: Any, values: Any, size: int) -> None:
    """Add values[i] to storage[positions[i]], where several i may meet."""
    i = cuda.grid(1)
    if i < size:
        cuda.atomic.add(storage, positions[i], values[i])


def _arg_extreme(
    out: Any, a: Any, first: Any, step: int, length: int, sign: float, size: int
) -> None:
    """Fill out[i] with where, from a[first[i]] on in steps, sign times the element is largest.

    The first of several; NaN counts as largest. A thread for each line.
    """
    i = cuda.grid(1)
    if i < size:
        best = sign * a[first[i]]
        place = 0
        for k in range(1, length):
            element = sign * a[first[i] + k * step]
            if element > best or (element != element and best == best):
                best = element
                place = k
        out[i] = place


fill_kernel = CudaKernel(_fill)
take_kernel = CudaKernel(_take)
put_kernel = CudaKernel(_put)
put_add_kernel = CudaKernel(_put_add)
arg_extreme_kernel = CudaKernel(_arg_extreme)


def launch_each(kernel: CudaKernel, size: int, *arguments: Any) -> None:
    """Launch a kernel with a thread for each of `size` elements, which it is given last."""
    if size:
        threads = min(THREADS, 32 * blocks_for(size, 32))
        kernel[blocks_for(size, threads), threads](*arguments, size)


def _positions(shape: tuple[int, ...], strides: tuple[int, ...], key: Any) -> Any:
    """Return where in the storage the elements at a numpy key lie: an int64 array of their shape.

    Raises:
        IndexError: if the key does not fit.
    """
    places: Any = np.zeros((), np.int64)
    for dim, (size, stride) in enumerate(zip(shape, strides, strict=True)):
        line = np.arange(size, dtype=np.int64) * stride
        along = np.broadcast_to(line.reshape(-1, *[1] * (len(shape) - dim - 1)), shape)
        places = places + along[key]
    return np.asarray(places)


def _uploaded(positions: npt.NDArray[np.int64]) -> Any:
    return to_device(np.ascontiguousarray(positions).reshape(-1))


class CudaMemory:
    """The primitives on storages that a backend gives, on the device."""

    @staticmethod
    def empty(size: int, dtype: npt.DTypeLike) -> Any:
        """Return device memory for `size` numbers, with nothing in particular in it."""
        return empty(size, dtype)

    @staticmethod
    def full(size: int, value: float, dtype: npt.DTypeLike) -> Any:
        """Return device memory filled with one number."""
        storage = empty(size, dtype)
        launch_each(fill_kernel, size, storage, float(value))
        return storage

    @staticmethod
    def store(array: npt.NDArray[Any]) -> Any:
        """Return a copy of a flat array in device memory."""
        return to_device(array)

    @staticmethod
    def take(a: Tensor, key: Any) -> Tensor:
        """Return a copy of the elements that numpy's indexing gives for `key`."""
        data = a._tensor
        positions = _positions(data.shape, data.strides, key)
        out = a.new_empty(positions.shape)
        if positions.size:
            size = positions.size
            launch_each(
                take_kernel, size, out._tensor._storage, data._storage, _uploaded(positions)
            )
        return out

    @staticmethod
    def put(out: Tensor, key: Any, values: Tensor | float, add: bool = False) -> None:
        """Write, or add, values to the elements that numpy's indexing gives for `key`.

        See `StorageOps.put`. An element that is written several times gets one of the values.
        """
        data, backend = out._tensor, out.backend
        source = out._coerced(values)
        part = part_of(data, key) if _is_basic(key) else None
        if part is not None:
            source = _fitting(source, part.shape)
            if part.size:
                view = out._new(part)
                if add:
                    source = backend.add_zip(view, source)
                elif source._tensor.last_write is data.last_write:
                    source = backend.id_map(source)  # it is read before anything is written
                backend.id_cmap(source, view)
            return
        positions = _positions(data.shape, data.strides, key)
        spread = backend.id_map(_fitting(source, positions.shape).expand(*positions.shape))
        kernel, size = put_add_kernel if add else put_kernel, positions.size
        launch_each(kernel, size, data._storage, _uploaded(positions), spread._tensor._storage)

    @staticmethod
    def arg_extreme(a: Tensor, dim: int | None, keepdims: bool, largest: bool) -> Any:
        """Return where the largest or smallest element stands, along `dim` or of all.

        Returns:
            an int64 numpy array, or for all elements a Python int.
        """
        if dim is None:
            line = a.contiguous().view(a._tensor.size)
            return int(CudaMemory.arg_extreme(line, 0, False, largest))
        data = a._tensor
        first = _positions(data.shape, data.strides, (*[slice(None)] * dim, 0))
        found = np.zeros(first.shape, np.int64)
        if first.size:
            out = to_device(found.reshape(-1))
            sign = 1.0 if largest else -1.0
            length = data.shape[dim]
            launch_each(
                arg_extreme_kernel, first.size, out, data._storage, _uploaded(first),
                data.strides[dim], length, sign,
            )  # fmt: skip
            found = out.copy_to_host().reshape(first.shape)
        return np.expand_dims(found, dim) if keepdims else found


def _fitting(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return values that are to be written to a part, without dimensions that only it lacks.

    Raises:
        ValueError: if they do not broadcast to the part.
    """
    own = values.shape
    extra = max(0, len(own) - len(shape))
    kept = own[extra:]
    fits = math.prod(own[:extra]) == 1 and all(
        n in (1, m) for n, m in zip(kept, shape[len(shape) - len(kept) :], strict=True)
    )
    if not fits:
        raise ValueError(f"values of shape {own} do not broadcast to the part's, {shape}")
    return values._new(
        values._tensor.sharing(kept, values._tensor.strides[extra:], math.prod(kept))
    )


def _is_basic(key: Any) -> bool:
    """Return whether a key is one of integers, slices, None and ..., which give a view."""
    parts = key if type(key) is tuple else (key,)
    return not any(isinstance(part, np.ndarray | list) for part in parts)
