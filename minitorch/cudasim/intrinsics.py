"""The `cuda` that a simulated kernel finds: thread indices, memory, barriers, atomics."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .accesses import Accesses
from .arrays import Local, Watched
from .faults import CudaFault, LaunchFault
from .memory import Memory, poisoned
from .source import instruction_at, kernel_frame, place, stored_name
from .state import Run
from .threads import Barrier, wait

__all__ = ["BARRIERS", "Cuda", "Dim3"]

# Names of `cuda` at which a thread waits for others.
BARRIERS = {"syncthreads", "syncthreads_and", "syncthreads_count", "syncthreads_or", "syncwarp"}

_ALL_LANES = 0xFFFFFFFF


class _Runtime(int):
    """An integer known only when the kernel runs, which the shape of an array may not be."""


class Dim3:
    """Three integers, `x`, `y` and `z`."""

    __slots__ = ("x", "y", "z")

    def __init__(self, x: int, y: int, z: int) -> None:
        self.x, self.y, self.z = x, y, z

    @classmethod
    def at_run_time(cls, sizes: tuple[int, int, int]) -> Dim3:
        """Return sizes of a launch."""
        return cls(*[_Runtime(size) for size in sizes])


def _as_dtype(kind: Any) -> np.dtype[Any]:
    """Return the numpy dtype of a numpy or a Numba type."""
    try:
        dtype: np.dtype[Any] = np.dtype(kind)
    except TypeError:
        support: Any = importlib.import_module("numba.np.numpy_support")
        dtype = support.as_dtype(kind)
    return dtype


def _as_shape(shape: Any) -> tuple[int, ...] | None:
    """Return a shape as a tuple; None if a compiler could not take it for a constant."""
    sizes = shape if isinstance(shape, tuple) else (shape,)
    constant = all(type(size) is int and size > 0 for size in sizes)
    return sizes if constant and sizes else None


class _Maker:
    """`cuda.shared` and `cuda.local`: makers of arrays."""

    def __init__(self, run: Run, space: str) -> None:
        self._run = run
        self._space = space

    def array(self, shape: Any, dtype: Any, alignment: int | None = None) -> Any:
        """Return an array: of the block if shared, one for each call that is written down.

        What `alignment` asks of the address, in bytes, changes no result.
        """
        run, space = self._run, self._space
        frame = kernel_frame()
        code, offset = frame.f_code, instruction_at(frame.f_code, frame.f_lasti)
        name = stored_name(code, offset) or f"{space} array made at {place(code, offset)}"
        sizes = _as_shape(shape)
        known = run.shared.get((code, offset)) if space == "shared" else None
        if sizes is None or (known is not None and known.shape != sizes):
            what = f"the shape of {name}, {shape!r}, is not a constant"
            advice = (
                "the compiler must know it: write an integer, a tuple of integers, or the name "
                "of one at the top of the file; not the size of the launch or an argument"
            )
            deed, where = run.here("asks for it", "", frame)
            raise LaunchFault(run.kernel, what, [deed], advice, array=name, places=[where])
        if space == "local":
            return Local(run, name, sizes, _as_dtype(dtype))
        if known is None:
            known = run.shared[code, offset] = self._shared(name, sizes, _as_dtype(dtype))
        return known

    def _shared(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Watched:
        run = self._run
        size = math.prod(shape)
        total = size * dtype.itemsize + sum(array.nbytes for array in run.shared.values())
        if total > run.max_shared:
            what = f"{total} bytes of shared memory in a block; there are {run.max_shared}"
            details = [f"{array.name}: {array.nbytes} bytes" for array in run.shared.values()]
            details.append(f"{name}: {size * dtype.itemsize} bytes")
            raise LaunchFault(run.kernel, what, details, "make smaller tiles", array=name)
        memory = Memory(poisoned(size, dtype), bytearray(size))
        accesses = Accesses(memory, between_blocks=False)
        run.accesses.append(accesses)
        return Watched(run, "shared", name, shape, memory, 0, accesses)

    def __getattr__(self, name: str) -> NoReturn:
        raise _not_simulated(self._run, f"{self._space}.{name}", ["array"])


class _Atomic:
    """`cuda.atomic`: reads a cell, changes it and writes it in one step; returns what it was."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def _change(self, name: str, array: Any, index: Any, change: Callable[[Any], Any]) -> Any:
        if not isinstance(array, Watched):
            raise TypeError(
                f"cuda.atomic.{name}: wants an array of global or shared memory, got {array!r}; "
                "what a thread has for itself needs no atomic operation"
            )
        return array.atomic(index, change)

    def add(self, array: Any, index: Any, value: Any) -> Any:
        return self._change("add", array, index, lambda old: old + value)

    def sub(self, array: Any, index: Any, value: Any) -> Any:
        return self._change("sub", array, index, lambda old: old - value)

    def max(self, array: Any, index: Any, value: Any) -> Any:
        return self._change("max", array, index, lambda old: max(old, value))

    def min(self, array: Any, index: Any, value: Any) -> Any:
        return self._change("min", array, index, lambda old: min(old, value))

    def and_(self, array: Any, index: Any, value: Any) -> Any:
        return self._change("and_", array, index, lambda old: old & value)

    def or_(self, array: Any, index: Any, value: Any) -> Any:
        return self._change("or_", array, index, lambda old: old | value)

    def xor(self, array: Any, index: Any, value: Any) -> Any:
        return self._change("xor", array, index, lambda old: old ^ value)

    def exch(self, array: Any, index: Any, value: Any) -> Any:
        return self._change("exch", array, index, lambda old: value)

    def cas(self, array: Any, index: Any, old: Any, value: Any) -> Any:
        return self._change("cas", array, index, lambda now: value if now == old else now)

    def __getattr__(self, name: str) -> NoReturn:
        raise _not_simulated(self._run, f"atomic.{name}", _public(self))


class Cuda:
    """The names of `numba.cuda` that a kernel may use, for one launch."""

    warpsize = 32

    def __init__(self, run: Run, grid: tuple[int, int, int], block: tuple[int, int, int]) -> None:
        self._run = run
        self.gridDim = Dim3.at_run_time(grid)
        self.blockDim = Dim3.at_run_time(block)
        self.blockIdx = self.threadIdx = Dim3(0, 0, 0)
        self.shared = _Maker(run, "shared")
        self.local = _Maker(run, "local")
        self.atomic = _Atomic(run)
        self._grid, self._block = grid, block

    def __getattr__(self, name: str) -> NoReturn:
        raise _not_simulated(self._run, name, _public(self))

    @property
    def laneid(self) -> int:
        """The thread's place in its warp."""
        return self._run.thread.spot.lane

    def grid(self, ndim: int) -> Any:
        """Return the thread's position in the whole grid: an integer, or a tuple of `ndim`."""
        block, sizes, thread = self.blockIdx, self._block, self.threadIdx
        x = block.x * sizes[0] + thread.x
        if ndim == 1:
            return x
        return (x, block.y * sizes[1] + thread.y, block.z * sizes[2] + thread.z)[:ndim]

    def gridsize(self, ndim: int) -> Any:
        """Return the number of threads of the whole grid along `ndim` dimensions."""
        sizes = tuple([g * b for g, b in zip(self._grid, self._block, strict=True)])
        return sizes[0] if ndim == 1 else sizes[:ndim]

    def syncthreads(self) -> None:
        """Wait until all threads of the block are here."""
        wait(self._run, Barrier("syncthreads", kernel_frame()))

    def syncthreads_count(self, predicate: Any) -> int:
        """Wait for all threads of the block; return for how many `predicate` is true."""
        return int(wait(self._run, Barrier("syncthreads_count", kernel_frame(), bool(predicate))))

    def syncthreads_and(self, predicate: Any) -> int:
        """Wait for all threads of the block; return 1 if `predicate` is true for all, else 0."""
        return int(wait(self._run, Barrier("syncthreads_and", kernel_frame(), bool(predicate))))

    def syncthreads_or(self, predicate: Any) -> int:
        """Wait for all threads of the block; return 1 if `predicate` is true for any, else 0."""
        return int(wait(self._run, Barrier("syncthreads_or", kernel_frame(), bool(predicate))))

    def syncwarp(self, mask: int = _ALL_LANES) -> None:
        """Wait until all threads of the warp that have not returned are here."""
        if mask != _ALL_LANES:
            raise LaunchFault(self._run.kernel, "cuda.syncwarp of a part of a warp isn't simulated")
        wait(self._run, Barrier("syncwarp", kernel_frame()))

    def threadfence(self) -> None:
        """Do nothing: in the simulator every write is seen at once."""

    threadfence_block = threadfence_system = threadfence

    @staticmethod
    def fma(a: Any, b: Any, c: Any) -> Any:
        """Return `a * b + c` (rounded twice here, once on a GPU)."""
        return a * b + c

    @staticmethod
    def selp(condition: Any, a: Any, b: Any) -> Any:
        """Return `a` where the condition holds, `b` elsewhere."""
        return a if condition else b


def _public(thing: Any) -> list[str]:
    return sorted(name for name in dir(thing) if not name.startswith("_"))


def _not_simulated(run: Run, name: str, known: list[str]) -> Exception:
    if name.rpartition(".")[2].startswith("__"):  # Python asks whether it is there
        return AttributeError(name)
    fault: CudaFault = LaunchFault(
        run.kernel,
        f"cuda.{name} is not simulated",
        [run.here("asks for it", "")[0]],
        f"simulated are: {', '.join(known)}",
    )
    return fault
