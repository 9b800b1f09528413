"""Copies of functions that refer to other things: how one kernel runs on several targets.

A CUDA kernel is written once. A GPU wants every function that it calls compiled for the device;
the simulator wants `cuda` to be itself. So each takes a copy of the kernel whose globals and
closed-over values are replaced, and leaves the function that was written as it is.
"""

from __future__ import annotations

import dis
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any

from .jit import nested_code

__all__ = ["cuda", "relinked"]


class _InKernels:
    """What kernels refer to as `cuda`; a target puts itself in its place."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"cuda.{name} means something only in a kernel that runs: launch the kernel, "
            "as in kernel[blocks, threads](...)"
        )


cuda: Any = _InKernels()


def relinked(function: FunctionType, replace: Callable[[Any], Any]) -> FunctionType:
    """Return a copy of `function` that finds `replace(value)` wherever it refers to `value`.

    Args:
        function: a Python function.
        replace: is called on each global and closed-over value that the code refers to; what it
            does not want to change it returns.
    """
    # `co_names` has attributes too: the `exp` of `math.exp` is no global.
    names = {
        instruction.argval
        for code in nested_code(function.__code__)
        for instruction in dis.get_instructions(code)
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    scope = dict(function.__globals__)
    for name in names & scope.keys():
        scope[name] = replace(scope[name])
    cells = tuple([CellType(replace(cell.cell_contents)) for cell in function.__closure__ or ()])
    copy = FunctionType(function.__code__, scope, function.__name__, None, cells)
    copy.__defaults__ = function.__defaults__
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__ = function.__qualname__
    copy.__doc__ = function.__doc__
    return copy
