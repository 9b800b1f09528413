"""Parts of tensors, and tensors repeated, over the same storage."""

from __future__ import annotations

import functools
import math
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .devices import refuse_mixed
from .dtypes import as_floats
from .errors import IndexingError, ShapeError
from .function import is_tensor
from .selection import array_key
from .shapes import whole_shape
from .tensor_data import TensorData, contiguous_strides

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["broadcast_to", "check_writable", "part_of", "reshaped", "sliced", "write"]


def broadcast_to(data: TensorData, shape: tuple[int, ...]) -> TensorData:
    """Return the tensor repeated along new or size-1 dimensions: their strides are 0.

    Raises:
        ShapeError: if this shape does not broadcast to `shape`.
    """
    return data.sharing(shape, *_broadcast(data.shape, data.strides, shape))


@functools.lru_cache(maxsize=1024)
def _broadcast(
    own: tuple[int, ...], strides: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[tuple[int, ...], int]:
    """Return the strides and the size of a tensor repeated to `shape`."""
    missing = len(shape) - len(own)
    padded = (1,) * missing + own
    fits = missing >= 0 and all(n in (1, big) for n, big in zip(padded, shape, strict=True))
    if not fits:
        raise ShapeError(f"expand: shape {own} does not broadcast to {shape}")
    steps = tuple([0 if n == 1 else s for n, s in zip(own, strides, strict=True)])
    return (0,) * missing + steps, math.prod(shape)


def _outline(data: TensorData) -> npt.NDArray[np.int8]:
    """Return bytes that lie as the elements do, on the host, for numpy to work out views.

    Whatever they hold: where the elements are, numpy may not reach.
    """
    memory = np.empty(data._storage.size, np.int8)
    return np.ndarray(data.shape, np.int8, memory, 0, data.strides)


def reshaped(data: TensorData, shape: tuple[int, ...]) -> TensorData | None:
    """Return the tensor in another shape over the same storage; None if that needs a copy.

    Raises:
        ShapeError: if the sizes differ.
    """
    if data.is_contiguous() or math.prod(shape) != data.size:
        return data.view(shape)
    outline = _outline(data)
    viewed = outline.reshape(shape)
    # numpy gives a view where the strides allow it; one that is not contiguous has elements.
    if not np.may_share_memory(outline, viewed):
        return None
    return data.sharing(shape, viewed.strides, data.size)


def _check_key(key: Any) -> None:
    """Raise `IndexingError` if numpy's basic indexing does not take `key`."""
    for part in key if isinstance(key, tuple) else (key,):
        is_integer = hasattr(part, "__index__") and not isinstance(part, bool | np.ndarray)
        if not (is_integer or isinstance(part, slice) or part is None or part is ...):
            raise IndexingError(
                f"index {key!r}: only integers, slices, ..., None and arrays can index a tensor"
            )


def _plainly_sliced(data: TensorData, parts: tuple[Any, ...]) -> TensorData | None:
    """Return the part for integers within range and slices that go forward, else None."""
    if len(parts) > data.dims:
        return None
    start = 0
    shape, strides = [], []
    for part, size, stride in zip(parts, data.shape, data.strides, strict=False):
        if type(part) is slice:
            first, last, step = part.indices(size)
            count = (last - first + step - 1) // step if step > 0 else 0
            if count <= 0:
                return None
            start += first * stride
            shape.append(count)
            strides.append(step * stride)
        elif type(part) is int and -size <= part < size:
            start += (part + size if part < 0 else part) * stride
        else:
            return None
    rest = len(parts)
    sizes = (*shape, *data.shape[rest:])
    return data.sharing(sizes, (*strides, *data.strides[rest:]), math.prod(sizes), start)


def sliced(a: Tensor, key: Any) -> Tensor:
    """Return the part that numpy's basic indexing gives for `key`, a constant.

    It shares the storage, from its first element on; with a negative step it is a copy.

    Raises:
        IndexingError: if an index is out of range, or not an integer, slice, `...` or None.
    """
    data = part_of(a._tensor, key)
    return a.backend.ops.take(a, key) if data is None else a._new(data)


def part_of(data: TensorData, key: Any) -> TensorData | None:
    """Return the part that numpy's basic indexing gives for `key`, over the same storage.

    Where a step is negative there is none: return None.

    Raises:
        IndexingError: as `sliced`.
    """
    plain = _plainly_sliced(data, key if type(key) is tuple else (key,))
    if plain is not None:
        return plain
    _check_key(key)
    try:
        outline = _outline(data)
        parts = key if isinstance(key, tuple) else (key,)
        part = outline[parts if ... in parts else (*parts, ...)]
    except IndexError as error:
        raise IndexingError(f"index {key!r} does not fit shape {data.shape}: {error}") from None
    whole_shape(part.shape, f"index {key!r}")
    if not part.size:
        return data.sharing(part.shape, contiguous_strides(part.shape), 0)
    if any(stride < 0 for stride in part.strides):
        return None
    start = part.ctypes.data - outline.ctypes.data
    return data.sharing(part.shape, part.strides, part.size, start)


def check_writable(data: TensorData) -> None:
    """Raise `ShapeError` if elements share their place, so that one write changes several."""
    repeated = any(s == 0 and n > 1 for s, n in zip(data.strides, data.shape, strict=True))
    if data.size and repeated:
        raise ShapeError(
            f"write in place: elements of the tensor of shape {data.shape} share their storage "
            f"(strides {data.strides}, as expand leaves them); write into its clone()"
        )


def write(out: Tensor, key: Any, value: Any) -> None:
    """Write `value`, broadcast, into the part that numpy's indexing gives for `key`.

    Raises:
        IndexingError: if the index does not fit.
        ShapeError: if the value does not, or several elements are one in the storage.
        DTypeError: if the value is not made of real numbers.
        BackendError: if the value is a tensor on another device.
    """
    data = out._tensor
    check_writable(data)
    arrays = array_key(key)
    if arrays is None:
        _check_key(key)
    else:
        key = arrays
    if is_tensor(value):
        refuse_mixed("write in place", (out, value))
        elements: Any = value
    elif isinstance(value, Real):
        elements = float(value)
    else:
        elements = out._from_array(as_floats(value, data.dtype))
    if is_tensor(elements) and elements._tensor.size == 1:
        elements = elements._new(elements._tensor.sharing((), (), 1))
    try:
        out.backend.ops.put(out, key, elements)
    except IndexError as error:
        raise IndexingError(f"index {key!r} does not fit shape {data.shape}: {error}") from None
    except ValueError as error:
        raise ShapeError(f"writing at index {key!r} of shape {data.shape}: {error}") from None
    data.note_write()
