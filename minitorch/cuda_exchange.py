"""Sharing GPU memory with CuPy, PyTorch and numba, without a copy.

There are two protocols. The CUDA array interface is a dictionary that tells where an array lies,
https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html. DLPack is a C structure,
handed over in a capsule, https://data-apis.org/array-api/latest/design_topics/data_interchange.html;
`StridedMemoryView` of the package cuda-core, which numba-cuda brings, reads and writes it.

A GPU works through *streams*, queues of launches; work in one does not wait for work in another.
minitorch uses the default stream alone, which both protocols call 1, and memory changes hands so
that no one reads what is still being written:

* Out, by the array interface: the stream is named, and waiting for it is the reader's business.
* Out, by DLPack: if the reader names another stream, all that was launched here is waited for.
* In, by the array interface: the stream it names, if another one, is waited for.
* In, by DLPack: the default stream is named, and the owner makes it wait.
"""

from __future__ import annotations

import importlib
import math
from typing import Any, TypeAlias

import numpy as np

from .cuda_target import numba_cuda, placed
from .dtypes import checked_dtype
from .errors import BackendError, DTypeError, ShapeError
from .tensor_data import TensorData, contiguous_strides

__all__ = ["array_interface", "dlpack_capsule", "dlpack_device", "from_device"]

Ints: TypeAlias = tuple[int, ...]

# The default stream, as both protocols number it.
_DEFAULT_STREAM = 1

# What DLPack calls memory of a GPU, and memory that a GPU and the host share.
_CUDA, _CUDA_MANAGED = 2, 13


class _Shown:
    """An array interface as the attribute of an object, which keeps the memory's owner alive."""

    def __init__(self, interface: dict[str, Any], owner: Any) -> None:
        self.__cuda_array_interface__ = interface
        self.owner = owner


def _strided_memory_view() -> Any:
    return importlib.import_module("cuda.core.utils").StridedMemoryView


def array_interface(data: TensorData) -> dict[str, Any]:
    """Return where a tensor lies on the GPU, by version 3 of the CUDA array interface.

    Its strides are in bytes; they are None if the tensor is contiguous.

    Raises:
        AttributeError: if it lies in the host's memory or the simulator's, as other libraries have
            it, so that `hasattr` tells whether a tensor is on the GPU.
    """
    storage: Any = data._storage
    own = getattr(storage, "__cuda_array_interface__", None)
    if own is None:
        raise AttributeError(
            f"__cuda_array_interface__: the tensor of shape {data.shape} is not in the memory of a "
            f"GPU but in a {type(storage).__name__}; numpy() reads it"
        )
    itemsize = storage.dtype.itemsize
    return {
        "shape": data.shape,
        "strides": None if data.is_contiguous() else tuple([s * itemsize for s in data.strides]),
        "typestr": own["typestr"],
        # Of an empty array the pointer is to be 0.
        "data": (own["data"][0] if data.size else 0, False),
        "stream": _DEFAULT_STREAM,
        "version": 3,
    }


def _exported(data: TensorData, operation: str) -> Any:
    try:
        interface = array_interface(data)
    except AttributeError:
        raise BackendError(
            f"{operation}: the tensor of shape {data.shape} is in a "
            f"{type(data._storage).__name__}, which is not memory of a GPU (the simulator's is the "
            "host's); exchange it as numpy()"
        ) from None
    # -1: nothing is to be waited for yet.
    return _strided_memory_view().from_cuda_array_interface(
        _Shown(interface, data._storage), stream_ptr=-1
    )


def dlpack_device(data: TensorData) -> tuple[int, int]:
    """Return where a tensor on the GPU lies, as DLPack numbers it: (2, number of the GPU).

    Raises:
        BackendError: if it lies in the host's memory or the simulator's.
    """
    kind, number = _exported(data, "__dlpack_device__").__dlpack_device__()
    return kind, number


def dlpack_capsule(
    data: TensorData,
    *,
    stream: int | None = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """Return a capsule that shares a tensor's memory, which is kept until its reader is done.

    Args:
        data: a tensor on the GPU.
        stream: where the reader will use the memory: None or 1 is the default stream, -1 says that
            nothing is to be waited for.
        max_version: the newest version of DLPack that the reader knows.
        dl_device: where the reader wants the memory: where it is, or None.
        copy: whether the reader wants a copy; True is refused.

    Raises:
        BufferError: if a copy or another device is wanted.
        BackendError: if the tensor lies in the host's memory or the simulator's.
    """
    view = _exported(data, "__dlpack__")
    device = view.__dlpack_device__()
    if copy:
        raise BufferError(f"__dlpack__: shape {data.shape} is shared, never copied; copy it first")
    if dl_device is not None and tuple(dl_device) != device:
        raise BufferError(
            f"__dlpack__: shape {data.shape} lies on device {device}, not on {tuple(dl_device)}; "
            "it is not moved"
        )
    # 0 is what numba passes for the default stream.
    if stream not in (None, -1, 0, _DEFAULT_STREAM):
        numba_cuda().default_stream().synchronize()
    return view.__dlpack__(stream=-1, max_version=max_version)


def from_device(source: Any) -> tuple[Any, Ints, Ints]:
    """Return the storage, shape and strides of an array of another library, sharing its memory.

    The storage is a flat device array from the first element to the last; it keeps the memory.

    Args:
        source: an object on the current GPU that has `__cuda_array_interface__` or `__dlpack__`.

    Raises:
        BackendError: if kernels run on the simulator, or the array is not on the current GPU.
        DTypeError: if it is not float32 or float64, or `source` has neither protocol.
        ShapeError: if strides are negative or not in whole elements.
        ValueError: if it is read-only or masked.
    """
    if placed() != "gpu":
        raise BackendError(
            f"from_device: the {type(source).__name__} cannot be shared, since CUDA kernels run on "
            "the simulator, in the host's memory; tensor(...) copies a host array"
        )
    interface = getattr(source, "__cuda_array_interface__", None)
    has_dlpack = hasattr(source, "__dlpack__")
    if interface is None and not has_dlpack:
        raise DTypeError(
            "from_device: takes an object with __cuda_array_interface__ or __dlpack__, not a "
            f"{type(source).__name__}"
        )
    _check_device(source)
    # Before version 3, as in PyTorch, the interface does not name the stream; DLPack does better.
    if interface is None or (interface["version"] < 3 and has_dlpack):
        return _from_dlpack(source)
    return _from_interface(interface, source)


def _check_device(source: Any) -> None:
    if hasattr(source, "__dlpack_device__"):
        kind, number = source.__dlpack_device__()
        current = numba_cuda().current_context().device.id
        if kind not in (_CUDA, _CUDA_MANAGED) or number != current:
            raise BackendError(
                f"from_device: the {type(source).__name__} lies on DLPack device "
                f"{(int(kind), number)}, not on the current GPU, {(_CUDA, current)}; "
                "move it there, or, if it is in the host's memory, use tensor(...)"
            )


def _from_dlpack(source: Any) -> tuple[Any, Ints, Ints]:
    view = _strided_memory_view().from_dlpack(source, stream_ptr=_DEFAULT_STREAM)
    try:
        dtype = checked_dtype(view.dtype)
    except NotImplementedError as error:  # a dtype that numpy does not have
        raise DTypeError(f"from_device: it is not float32 or float64; {error}") from None
    return _shared(view.ptr, tuple(view.shape), view.strides, dtype, view.readonly, view)


def _from_interface(interface: dict[str, Any], source: Any) -> tuple[Any, Ints, Ints]:
    if interface.get("mask") is not None:
        raise ValueError("from_device: the array is masked; fill it, or take its data")
    dtype = checked_dtype(interface["typestr"])
    strides = interface.get("strides")
    if strides is not None:
        if any(step % dtype.itemsize for step in strides):
            raise ShapeError(
                f"from_device: strides of {tuple(strides)} bytes are not whole {dtype} elements; "
                "copy the array first"
            )
        strides = [step // dtype.itemsize for step in strides]
    pointer, readonly = interface["data"]
    shared = _shared(pointer, tuple(interface["shape"]), strides, dtype, readonly, source)
    stream = interface.get("stream")
    if stream not in (None, _DEFAULT_STREAM):
        numba_cuda().external_stream(stream).synchronize()
    return shared


def _shared(
    pointer: int, shape: Ints, strides: Any, dtype: np.dtype[Any], readonly: bool, owner: Any
) -> tuple[Any, Ints, Ints]:
    """Return storage, shape and strides over memory that `owner` keeps."""
    if readonly:
        raise ValueError(f"from_device: the array of shape {shape} is read-only; copy it first")
    size = math.prod(shape)
    if not size:
        return numba_cuda().device_array(0, dtype), shape, contiguous_strides(shape)
    steps = contiguous_strides(shape) if strides is None else tuple(strides)
    if any(step < 0 for step in steps):
        raise ShapeError(
            f"from_device: strides {steps} of shape {shape} are negative; copy the array first"
        )
    reach = 1 + sum((n - 1) * step for n, step in zip(shape, steps, strict=True))
    # The stream is left out: numba would use it for all later work with the storage.
    flat = {
        "shape": (reach,),
        "strides": None,
        "typestr": dtype.str,
        "data": (pointer, False),
        "version": 3,
    }
    return numba_cuda().from_cuda_array_interface(flat, owner=owner), shape, steps
