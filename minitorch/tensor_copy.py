"""Copies of a tensor: as it is, in another dtype, on another backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .backends import TensorBackend, get_backend, host_backend
from .dtypes import checked_dtype
from .more_functions import Cast, Transfer
from .tensor_functions import Copy

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["CopyMethods", "Device"]


class Device(str):
    """Where a tensor lies, "cpu" or "cuda": a string, with PyTorch's attribute `type`."""

    __slots__ = ()

    @property
    def type(self) -> str:
        """Return the name as a plain string."""
        return str(self)


def _names_dtype(name: str) -> bool:
    """Return whether numpy has a dtype of this name, such as "float32" or "int64"."""
    return isinstance(getattr(np, name, None), type)


_CPU, _CUDA = Device("cpu"), Device("cuda")


class CopyMethods:
    """The methods of `Tensor` that copy it, all with gradients."""

    __slots__ = ()

    @property
    def device(self: Any) -> Device:
        """Return "cuda" for a tensor on the GPU, else "cpu"."""
        return _CUDA if self.backend.cuda else _CPU

    def clone(self: Any) -> Tensor:
        """Return a contiguous copy, through which gradients flow."""
        return Copy.apply(self)

    def to(self: Any, target: Any) -> Tensor:
        """Return this tensor if it is as wanted, else a copy that is.

        Args:
            target: a dtype; or a backend or its name; or a device, "cpu" for the default
                backend of those there.

        Raises:
            DTypeError: if it is a dtype that minitorch does not compute in.
            BackendError: if there is no backend of that name.
        """
        if isinstance(target, TensorBackend) or (
            isinstance(target, str) and not _names_dtype(target)
        ):
            if target == self.device:
                return self  # type: ignore[no-any-return]
            backend = host_backend() if target == "cpu" else get_backend(target)
            return self if backend is self.backend else Transfer.apply(self, backend)
        dtype = checked_dtype(target)
        return self if dtype == self.dtype else Cast.apply(self, dtype)

    def cpu(self: Any) -> Tensor:
        """Return `to("cpu")`."""
        return self.to("cpu")  # type: ignore[no-any-return]

    def float(self: Any) -> Tensor:
        """Return `to(float32)`."""
        return self.to(np.float32)  # type: ignore[no-any-return]

    def double(self: Any) -> Tensor:
        """Return `to(float64)`."""
        return self.to(np.float64)  # type: ignore[no-any-return]
