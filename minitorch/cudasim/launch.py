"""Launching a kernel on the simulator: limits, arguments, and the blocks one after the other."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from .accesses import Accesses, Spot, Thread
from .arrays import Watched
from .faults import LaunchFault
from .intrinsics import Cuda, Dim3
from .linking import Linker
from .memory import DeviceArray, Memory
from .meter import Meter
from .report import Report
from .state import Run
from .threads import Order, run_block

__all__ = ["LONG_LAUNCH", "launch"]

# Seconds: if more than these are still to come, a launch says so.
LONG_LAUNCH = 60.0

_MAX_THREADS = 1024
_MAX_BLOCK = (1024, 1024, 64)
_MAX_GRID = (2**31 - 1, 65535, 65535)

_active = threading.local()


def launch(
    function: Any,
    grid: int | tuple[int, ...],
    block: int | tuple[int, ...],
    args: Sequence[Any],
    *,
    order: str | int = "forward",
    measure: bool = False,
    on_fault: str = "raise",
    max_shared: int = 48 * 1024,
) -> Report:
    """Run a kernel, once for each thread of each block, and return what it was like.

    Args:
        function: the kernel, as it was written; or what Numba made of it.
        grid, block: how many blocks, and threads in a block: up to three sizes, x first.
        args: what the kernel is called with: `DeviceArray`s, contiguous numpy arrays (used in
            place as global memory), numbers, tuples.
        order: which thread and which block come first: "forward", "backward", or a seed for
            shuffling. A correct kernel gives the same in every order.
        measure: whether to count the accesses to memory, which takes some time.
        on_fault: "raise" the first fault; "collect" all in the report and go on where one can: a
            read out of bounds gives NaN, a write is dropped, a barrier fault ends its block.
        max_shared: bytes of shared memory that a block may have.

    Raises:
        CudaFault: a race, an index out of bounds, a barrier that not all threads reach, a read
            of what nobody wrote, a launch that no GPU takes.
        BackendError: if the kernel has barriers and the package `greenlet` is not there.
    """
    if on_fault not in ("raise", "collect"):
        raise ValueError(f'on_fault: "raise" or "collect", not {on_fault!r}')
    kernel: FunctionType = getattr(function, "py_func", function)
    turns = Order(order)
    name = kernel.__name__
    grid = _sizes(name, "grid", grid, _MAX_GRID)
    block = _sizes(name, "block", block, _MAX_BLOCK)
    if math.prod(block) > _MAX_THREADS:
        what = f"a block of {block} has {math.prod(block)} threads; {_MAX_THREADS} are the most"
        raise LaunchFault(name, what, advice="launch more and smaller blocks")
    if getattr(_active, "kernel", None):
        raise LaunchFault(name, f"launched while {_active.kernel} runs: launches don't nest")
    run = Run(
        name,
        len(grid),
        len(block),
        collect=on_fault == "collect",
        max_shared=max_shared,
        meter=Meter() if measure else None,
    )
    values = _arguments(run, kernel, args)
    _active.kernel = name
    try:
        with np.errstate(all="ignore"):
            idle = _run_grid(run, kernel, values, _three(grid), _three(block), turns)
    finally:
        _active.kernel = None
    return Report(
        name,
        grid,
        block,
        math.prod(grid) * math.prod(block),
        run.barriers,
        run.faults,
        [index[: len(grid)] for index in sorted(idle)],
        run.meter.arrays if run.meter is not None else None,
    )


def _sizes(
    kernel: str, what: str, sizes: int | tuple[int, ...], limits: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the sizes of a grid or a block as a tuple, after checking them."""
    result = sizes if isinstance(sizes, tuple) else (sizes,)
    if not 1 <= len(result) <= 3 or not all(
        isinstance(size, int | np.integer) and not isinstance(size, bool) for size in result
    ):
        raise LaunchFault(kernel, f"the {what} is {sizes!r}; it must be one to three integers")
    for axis, size, limit in zip("xyz", result, limits, strict=False):
        if not 1 <= size <= limit:
            what = f"the {what} is {sizes!r}; along {axis} it must be from 1 to {limit}"
            raise LaunchFault(kernel, what)
    return tuple([int(size) for size in result])


def _three(sizes: tuple[int, ...]) -> tuple[int, int, int]:
    x, y, z = (*sizes, 1, 1)[:3]
    return x, y, z


def _arguments(run: Run, kernel: FunctionType, args: Sequence[Any]) -> list[Any]:
    """Return the arguments as the kernel gets them: arrays watched, under their parameters' names.

    Arrays over the same memory share the record of who touched it.
    """
    names = list(inspect.signature(kernel).parameters)
    if len(names) != len(args):
        what = f"takes {len(names)} arguments ({', '.join(names)}), and was given {len(args)}"
        raise LaunchFault(run.kernel, what)
    memories: dict[Any, tuple[Memory, Accesses]] = {}

    def watched(name: str, key: Any, memory: Memory, start: int, shape: tuple[int, ...]) -> Any:
        if key not in memories:
            memories[key] = memory, Accesses(memory, between_blocks=True)
            run.accesses.append(memories[key][1])
        known, accesses = memories[key]
        return Watched(run, "global", name, shape, known, start, accesses)

    def prepared(name: str, value: Any) -> Any:
        if isinstance(value, DeviceArray):
            memory = value._memory
            if memory.written is not None and 0 not in memory.written:
                memory.written = None
            return watched(name, id(memory), memory, value._start, value.shape)
        if isinstance(value, np.ndarray):
            if not value.flags.c_contiguous or value.dtype.kind not in "biufc":
                what = f"{name}: an array for a kernel must be contiguous and of numbers"
                raise LaunchFault(run.kernel, what)
            key = (value.ctypes.data, value.dtype)
            return watched(name, key, Memory(value.reshape(-1)), 0, value.shape)
        if isinstance(value, tuple):
            return tuple([prepared(name, part) for part in value])
        if isinstance(value, np.floating | bool | np.bool):
            return value
        if isinstance(value, int | np.integer):
            return int(value)
        if isinstance(value, float):
            return np.float64(value)  # divides by zero without an error
        what = f"{name}: a kernel takes arrays, numbers and tuples, not {type(value).__name__}"
        raise LaunchFault(run.kernel, what)

    return [prepared(name, value) for name, value in zip(names, args, strict=True)]


def _run_grid(
    run: Run,
    kernel: FunctionType,
    args: list[Any],
    grid: tuple[int, int, int],
    block: tuple[int, int, int],
    order: Order,
) -> list[tuple[int, int, int]]:
    """Run all blocks; return those that wrote nothing to global memory."""
    cuda = Cuda(run, grid, block)
    linker = Linker(cuda)
    linked = linker.link(kernel)
    run.may_settle = run.meter is None and not linker.warp_barriers
    call: Callable[[], None] = functools.partial(linked, *args)
    places = [(x, y, z) for z, y, x in itertools.product(*map(range, reversed(block)))]
    spots = [Spot(place, Dim3(*place), number) for number, place in enumerate(places)]

    def enter(thread: Thread) -> None:
        run.thread = thread
        cuda.threadIdx = thread.spot.dims

    global_accesses = list(run.accesses)
    idle = []
    blocks = order.of((x, y, z) for z, y, x in itertools.product(*map(range, reversed(grid))))
    start, warned = time.perf_counter(), False
    for done, index in enumerate(blocks, 1):
        cuda.blockIdx = Dim3(*index)
        run.shared = {}
        run.accesses = list(global_accesses)
        threads = [Thread(spot, index) for spot in spots]
        run_block(run, threads, call, enter, order, linker.barriers)
        wrote = [accesses.end_block() for accesses in global_accesses]
        if not any(wrote):
            idle.append(index)
        if run.meter is not None:
            run.meter.end_block()
        if not warned:
            rest = (time.perf_counter() - start) / done * (len(blocks) - done)
            if rest > LONG_LAUNCH:
                warned = True
                warnings.warn(
                    f"{run.kernel}: this launch will take about {_duration(rest)} on the "
                    f"simulator ({len(blocks)} blocks of {len(places)} threads)",
                    stacklevel=4,
                )
    return idle


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
