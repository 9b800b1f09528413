"""CUDA kernels as machine code, without a GPU: whether they compile, and what they need of one.

A kernel is compiled in two steps: by numba-cuda to PTX, an assembly language for all GPUs, and by
NVIDIA's `ptxas` to the instructions of one kind of GPU, named by its compute capability, as (9, 0).
What ptxas reports limits how many threads a GPU runs at once: the registers of each thread, the
shared memory of each block, and whether some variables found no register and lie in memory.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.metadata
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numba

from . import cuda_target
from .cuda_target import CudaKernel, numba_cuda
from .errors import BackendError

__all__ = ["Resources", "ptx_of", "ptxas", "resources"]


@functools.cache
def _device_functions(compute_capability: tuple[int, int]) -> dict[Any, Any]:
    """Return the place of the device functions that are compiled for one kind of GPU."""
    return {}


@contextlib.contextmanager
def _compiling_for(compute_capability: tuple[int, int]) -> Iterator[Any]:
    """Yield `numba.cuda`, which within the block compiles for one kind of GPU, present or not.

    A device function is compiled when a kernel that calls it is, and numba-cuda then asks the GPU
    of the machine what kind it is.
    """
    cuda = numba_cuda()
    # `numba.cuda` may only wait to be loaded (`lazy_cuda`). Were its submodule imported in that
    # state, Python would load it twice, and what is changed here would not be what is used.
    _ = cuda.compile_ptx
    dispatcher: Any = importlib.import_module("numba.cuda.dispatcher")
    before = dispatcher.get_current_device, cuda_target._device_functions
    gpu = SimpleNamespace(compute_capability=compute_capability)
    dispatcher.get_current_device = lambda: gpu
    cuda_target._device_functions = _device_functions(compute_capability)
    try:
        yield cuda
    finally:
        dispatcher.get_current_device, cuda_target._device_functions = before


def ptx_of(
    kernel: CudaKernel, argument_types: Sequence[Any], compute_capability: tuple[int, int] = (9, 0)
) -> str:
    """Return a kernel compiled to PTX.

    Args:
        kernel: the kernel.
        argument_types: Numba's type of each argument, as `numba.float32[::1]` for a storage.
        compute_capability: the kind of GPU.

    Raises:
        BackendError: if numba-cuda is not installed.
        numba.core.errors.NumbaError: if the kernel does not compile for such arguments.
    """
    with _compiling_for(compute_capability) as cuda:
        signature = numba.void(*argument_types)
        ptx, _ = cuda.compile_ptx(kernel.for_gpu(), signature, cc=compute_capability)
    return str(ptx)


class Resources(NamedTuple):
    """What a kernel takes of one kind of GPU.

    Attributes:
        registers: of each thread; a GPU has 65536 for some 2048 threads.
        shared: bytes of shared memory of each block.
        local: bytes of each thread for arrays and spilled registers, in slow memory.
        spilled: bytes that each thread moves there and back for want of registers.
    """

    registers: int
    shared: int
    local: int
    spilled: int


@functools.cache
def ptxas() -> str:
    """Return the path of NVIDIA's assembler: of the newest package that has it, else on PATH.

    Raises:
        BackendError: if there is none.
    """
    for package in ("nvidia-cuda-nvcc", "nvidia-cuda-nvcc-cu12"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            for file in importlib.metadata.files(package) or ():
                if file.stem == "ptxas":
                    return str(file.locate())
    found = shutil.which("ptxas")
    if found is None:
        raise BackendError("ptxas: the assembler is not installed; pip install nvidia-cuda-nvcc")
    return found


def resources(ptx: str, compute_capability: tuple[int, int] = (9, 0)) -> Resources:
    """Return what a kernel in PTX takes of a kind of GPU, as `ptxas` reports it.

    Raises:
        BackendError: if ptxas is not installed, or refuses the PTX, as one does that is older than
            numba-cuda.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "kernel.ptx"), Path(folder, "kernel.cubin")
        source.write_text(ptx)
        target = "--gpu-name=sm_{}{}".format(*compute_capability)
        command = [ptxas(), "--verbose", target, "--output-file", str(output), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = done.stdout + done.stderr
    if done.returncode:
        raise BackendError(
            f"resources: {command[0]} {target} refuses the kernel (if its version is too new for "
            f"it, pip install --upgrade nvidia-cuda-nvcc):\n{report}"
        )

    def total(pattern: str) -> int:
        return sum(int(number) for number in re.findall(pattern, report))

    return Resources(
        registers=total(r"Used (\d+) registers"),
        shared=total(r"(\d+) bytes smem"),
        local=total(r"(\d+) bytes stack frame"),
        spilled=total(r"(\d+) bytes spill"),
    )
