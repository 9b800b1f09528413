"""A backend whose numbers lie out of the host's reach, as on a GPU: what touches them is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

import numpy as np

import minitorch
from minitorch import Tensor, TensorBackend, get_backend
from minitorch.backends import matrix_multiply_output, register_kernel
from minitorch.storage_ops import StorageOps
from minitorch.tensor_ops import SimpleOps

__all__ = ["GUARDED", "DeviceMemory", "GuardedOps", "layer_on", "leaf"]


class DeviceMemory:
    """A flat array that gives its numbers to nobody but those who copy it."""

    # How often numbers were copied to the host.
    copies: ClassVar[int] = 0

    def __init__(self, array: Any) -> None:
        self.guarded = array
        self.dtype, self.size, self.itemsize = array.dtype, array.size, array.itemsize

    def __getitem__(self, part: Any) -> DeviceMemory:
        assert type(part) is slice, f"the host reads element {part} of device memory"
        assert part.step is None
        return DeviceMemory(self.guarded[part])

    def copy_to_host(self) -> Any:
        DeviceMemory.copies += 1
        return self.guarded.copy()

    def copy_to_device(self, array: Any) -> None:
        assert type(array) is np.ndarray
        assert array.shape == self.guarded.shape
        self.guarded[:] = array

    def _refuse(self, *args: Any) -> NoReturn:
        raise AssertionError("the host reaches for device memory")

    __array__ = __iter__ = __len__ = __float__ = __bool__ = __setitem__ = __eq__ = _refuse
    __array_ufunc__ = _refuse
    __hash__ = None  # type: ignore[assignment]


def _on_host(kernel: Callable[..., None]) -> Callable[..., None]:
    """Return a kernel of the host as one of this device: it takes device memory only."""

    def run(*args: Any) -> None:
        for each in args:
            # A storage is never an array; shapes and strides are, of integers.
            assert not isinstance(each, np.ndarray) or each.dtype.kind == "i"
        kernel(*[each.guarded if isinstance(each, DeviceMemory) else each for each in args])

    return run


def _inside(a: Tensor) -> Tensor:
    """Return a tensor of the host over the guarded memory."""
    assert a.backend is GUARDED
    assert isinstance(a._tensor._storage, DeviceMemory)
    data = a._tensor.sharing(a.shape, a._tensor.strides, a._tensor.size)
    data._storage = data._storage.guarded
    return Tensor(data, backend=get_backend("simple"))


class GuardedOps(SimpleOps):
    """The plain operations, on guarded memory."""

    cuda = True

    @staticmethod
    def tensor_map(fn: Any) -> Any:
        return _on_host(SimpleOps.tensor_map(fn))

    @staticmethod
    def tensor_zip(fn: Any) -> Any:
        return _on_host(SimpleOps.tensor_zip(fn))

    @staticmethod
    def tensor_reduce(fn: Any) -> Any:
        return _on_host(SimpleOps.tensor_reduce(fn))

    @staticmethod
    def matrix_multiply(a: Tensor, b: Tensor) -> Tensor:
        out = matrix_multiply_output(a, b)
        product = SimpleOps.matrix_multiply(_inside(a), _inside(b))
        StorageOps.put(_inside(out), ..., product)
        return out

    @staticmethod
    def empty(size: int, dtype: Any) -> Any:
        return DeviceMemory(np.full(size, np.nan, dtype))

    @staticmethod
    def full(size: int, value: float, dtype: Any) -> Any:
        return DeviceMemory(np.full(size, value, dtype))

    @staticmethod
    def store(array: Any) -> Any:
        assert array.ndim == 1
        assert array.flags.c_contiguous
        return DeviceMemory(array.copy())

    @classmethod
    def take(cls, a: Tensor, key: Any) -> Tensor:
        return a._from_array(StorageOps.take(_inside(a), key).numpy())

    @staticmethod
    def put(out: Tensor, key: Any, values: Any, add: bool = False) -> None:
        given = values if isinstance(values, float | int) else _inside(values)
        StorageOps.put(_inside(out), key, given, add)

    @staticmethod
    def arg_extreme(a: Tensor, dim: int | None, keepdims: bool, largest: bool) -> Any:
        return StorageOps.arg_extreme(_inside(a), dim, keepdims, largest)


for _name in ("conv1d", "conv2d"):
    register_kernel(GuardedOps, _name, _on_host(get_backend("simple").kernel(_name)))

GUARDED = TensorBackend(GuardedOps)


def leaf(array: Any, backend: Any, requires_grad: bool = True) -> Tensor:
    """Return a tensor on a backend whose gradient is wanted."""
    return minitorch.tensor(array, backend=backend, requires_grad=requires_grad)


def layer_on(make: Callable[[], Any], backend: Any) -> Any:
    """Return a layer, made of the same random numbers for each backend."""
    minitorch.manual_seed(1)
    return make().to(backend)
