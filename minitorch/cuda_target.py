"""The one way to the GPU: numba-cuda where a GPU answers, the simulator where none does.

Kernels are written once, as Python functions that refer to `cuda` of this module. A `CudaKernel`
launches one where the arrays lie that it is given: on the GPU, compiled by the package numba-cuda
(`pip install 'minitorch[cuda]'`), or in `minitorch.cudasim`, run by Python. Nothing of either is
imported before it is used, so a machine with neither imports minitorch all the same.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from .errors import BackendError
from .jit import plain, reachable, unfinished
from .relink import cuda, relinked

__all__ = [
    "CudaKernel",
    "blocks_for",
    "cuda",
    "device_function",
    "empty",
    "gpu_is_there",
    "is_on_device",
    "is_simulated",
    "numba_cuda",
    "placed",
    "to_device",
    "to_host",
    "using",
]


@functools.cache
def numba_cuda() -> Any:
    """Return the module `numba.cuda` of the package numba-cuda.

    Raises:
        BackendError: if the package is not installed, or does not fit numba.
    """
    if importlib.util.find_spec("numba_cuda") is None:
        raise BackendError(
            "CUDA: the package numba-cuda is not installed; pip install 'minitorch[cuda]'"
        )
    try:
        module = importlib.import_module("numba.cuda")
    except ImportError as error:
        raise BackendError(
            f"CUDA: numba-cuda does not load beside numba {numba.__version__}: {error}; "
            "pip install -U 'minitorch[cuda]'"
        ) from error
    # Small grids are no fault here: course code works on small tensors.
    numba.config.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # type: ignore[attr-defined]
    return module


@functools.cache
def gpu_is_there() -> bool:
    """Return whether numba-cuda is installed and finds a GPU."""
    try:
        return bool(numba_cuda().is_available())
    except BackendError:
        return False


# Where new device memory is taken: "gpu", "simulator", or None until first asked for.
_place: str | None = None


def placed() -> str:
    """Return where new device memory is taken, "gpu" or "simulator".

    It is the GPU where there is one. Else it is the simulator, which is said once, by a warning,
    since it is slow: some microseconds for each number that a kernel reads.
    """
    global _place
    if _place is None:
        _place = "gpu" if gpu_is_there() else "simulator"
        if _place == "simulator":
            warnings.warn(
                "no GPU is found: CUDA kernels run on the simulator (minitorch.cudasim), which "
                "checks them, and takes microseconds for each number read",
                stacklevel=2,
            )
    return _place


def is_simulated(backend: Any) -> bool:
    """Return whether a backend's kernels run on the simulator."""
    return bool(backend.cuda) and placed() == "simulator"


@contextlib.contextmanager
def using(place: str) -> Iterator[None]:
    """Take new device memory in `place`, "gpu" or "simulator", within the block.

    Raises:
        BackendError: if it is neither, or there is no GPU.
    """
    global _place
    if place not in ("gpu", "simulator"):
        raise BackendError(f"using: {place!r} is neither 'gpu' nor 'simulator'")
    if place == "gpu" and not gpu_is_there():
        raise BackendError("using: no GPU is found; use 'simulator'")
    before, _place = _place, place
    try:
        yield
    finally:
        _place = before


def _simulator() -> Any:
    return importlib.import_module("minitorch.cudasim")


def empty(size: int, dtype: npt.DTypeLike) -> Any:
    """Return device memory for `size` numbers, with nothing in particular in it."""
    if placed() == "gpu":
        return numba_cuda().device_array(size, np.dtype(dtype))
    return _simulator().empty(size, np.dtype(dtype))


def to_device(array: npt.NDArray[Any]) -> Any:
    """Return a copy of a flat array in device memory."""
    module = numba_cuda() if placed() == "gpu" else _simulator()
    return module.to_device(np.ascontiguousarray(array))


def to_host(storage: Any) -> npt.NDArray[Any]:
    """Return a copy of device memory as a flat array."""
    array: npt.NDArray[Any] = storage.copy_to_host()
    return array


def is_on_device(storage: Any) -> bool:
    """Return whether a storage is device memory, of a GPU or simulated."""
    return not isinstance(storage, np.ndarray)


def blocks_for(size: int, threads: int) -> int:
    """Return how many blocks of `threads` it takes to give `size` elements a thread each."""
    return max(1, -(-size // threads))


# The device functions made so far, by the functions that they were made of.
_device_functions: dict[FunctionType, Any] = {}


def _for_gpu(value: Any) -> Any:
    """Return what takes the place of `value` in a kernel for the GPU."""
    if value is cuda:
        return numba_cuda()
    function = plain(value)
    if isinstance(function, FunctionType) and not isinstance(value, type):
        return device_function(function)
    return value


def device_function(function: FunctionType) -> Any:
    """Return `function`, and all that it calls, compiled for the GPU to be called by kernels.

    Raises:
        BackendError: if it calls itself.
    """
    if (function.__module__ or "").split(".")[0] in ("numba", "numba_cuda", "numpy", "math"):
        return function
    if function not in _device_functions:
        _device_functions[function] = None
        made = numba_cuda().jit(device=True)(relinked(function, _for_gpu))
        _device_functions[function] = made
    if _device_functions[function] is None:
        raise BackendError(
            f"{function.__qualname__} calls itself, which a kernel's function may not"
        )
    return _device_functions[function]


class CudaKernel:
    """A kernel, launched as `kernel[blocks, threads](*arguments)`.

    Args:
        body: the kernel as a Python function. It refers to `cuda` of this module (or of numba) for
            `cuda.threadIdx`, `cuda.shared.array`, `cuda.syncthreads` and their like. Storages are
            device arrays; shapes and strides are best given as tuples of integers.
    """

    def __init__(self, body: Callable[..., None]) -> None:
        self.body: Any = body
        self._compiled: Any = None
        self._checked = False

    def __getitem__(self, launch: tuple[Any, Any]) -> Callable[..., None]:
        """Return what runs the kernel on (blocks, threads), each a number or up to three."""
        blocks, threads = launch
        return functools.partial(self.launch, blocks, threads)

    def launch(self, blocks: Any, threads: Any, *arguments: Any) -> Any:
        """Run the kernel where its arrays lie; in the simulator, return its report.

        Raises:
            NotImplementedError: with its task's message, if a function that it calls is not
                written yet.
            minitorch.cudasim.CudaFault: what the simulator finds wrong with the kernel.
        """
        self.check_finished()
        if _lie_in_simulator(arguments):
            return _simulator().launch(self.body, blocks, threads, arguments)
        return self.compiled()[blocks, threads](*arguments)

    def check_finished(self) -> None:
        """Raise the message of a task whose function the kernel calls, if it is unwritten."""
        if not self._checked:
            for function in reachable(self.body):
                message = unfinished(function)
                if message is not None:
                    raise NotImplementedError(message)
            self._checked = True

    def for_gpu(self) -> FunctionType:
        """Return the kernel's function with all that it calls made for the GPU."""
        self.check_finished()
        return relinked(self.body, _for_gpu)

    def compiled(self) -> Any:
        """Return numba-cuda's dispatcher for the kernel."""
        if self._compiled is None:
            self._compiled = numba_cuda().jit(self.for_gpu())
        return self._compiled

    def __repr__(self) -> str:
        return f"<CudaKernel {self.body.__qualname__}>"


def _lie_in_simulator(arguments: tuple[Any, ...]) -> bool:
    """Return whether a launch with these arguments is one for the simulator."""
    simulated = [type(a).__module__.startswith("minitorch.cudasim") for a in arguments]
    return any(simulated) or placed() == "simulator"
