"""A kernel's own copy that finds the simulator where the kernel says `cuda`.

The kernel that was written stays as it is. In the copy, and in a copy of every function that it
calls, `cuda` is the simulator's, `math` has the results of a GPU, and what was compiled is Python.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from ..jit import nested_code
from ..relink import cuda, relinked
from .device_math import DEVICE_MATH, DeviceMath
from .intrinsics import BARRIERS

__all__ = ["Linker"]

# Functions of these are called as they are.
_FOREIGN = {"numba", "numpy", *sys.stdlib_module_names}


def _module_name(module: ModuleType) -> str:
    # By itself a module that is to be loaded lazily would be loaded.
    return str(ModuleType.__getattribute__(module, "__name__"))


def _is_foreign(name: str | None) -> bool:
    own = (name or "").startswith(__name__.rpartition(".")[0])
    return own or (name or "").split(".")[0] in _FOREIGN


class _Module:
    """A module whose functions are linked when they are asked for."""

    def __init__(self, module: ModuleType, linker: Linker) -> None:
        self._module = module
        self._linker = linker

    def __getattr__(self, name: str) -> Any:
        return self._linker.replace(getattr(self._module, name))


class Linker:
    """Copies functions for one launch.

    Args:
        cuda: the simulator's `cuda`.

    Attributes:
        barriers: whether a function that was linked may come to a barrier.
        warp_barriers: whether one may come to a barrier of a warp.
    """

    def __init__(self, cuda: Any) -> None:
        self._cuda = cuda
        self._copies: dict[FunctionType, Callable[..., Any]] = {}
        self._math = DeviceMath()
        self.barriers = self.warp_barriers = False

    def link(self, function: FunctionType) -> Callable[..., Any]:
        """Return the copy of a function."""
        if function in self._copies:
            return self._copies[function]
        names = {name for code in nested_code(function.__code__) for name in code.co_names}
        self.barriers |= not names.isdisjoint(BARRIERS)
        self.warp_barriers |= "syncwarp" in names
        # A function that calls itself finds its copy when it runs.
        self._copies[function] = lambda *args: self._copies[function](*args)
        self._copies[function] = relinked(function, self.replace)
        return self._copies[function]

    def replace(self, value: Any) -> Any:
        """Return what takes the place of a value that a kernel's code refers to."""
        if value is cuda:
            return self._cuda
        if isinstance(value, ModuleType):
            return self._module(value)
        if isinstance(value, BuiltinFunctionType) and value.__module__ == "math":
            return DEVICE_MATH.get(value.__name__, value)
        function = getattr(value, "py_func", value)
        if isinstance(function, FunctionType) and not _is_foreign(function.__module__):
            return self.link(function)
        return value

    def _module(self, module: ModuleType) -> Any:
        name = _module_name(module)
        if name == "numba.cuda":
            return self._cuda
        if name == "math":
            return self._math
        if name != "numba":
            if _is_foreign(name):
                return module
            self.barriers = self.warp_barriers = True  # its functions are not known yet
        return _Module(module, self)
