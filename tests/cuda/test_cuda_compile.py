"""Every CUDA kernel compiles, for older and newer GPUs, and finds a register for each variable.

No GPU is needed for it: numba-cuda and NVIDIA's assembler compile for GPUs that are not there.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core.errors import NumbaError

import minitorch
from minitorch import cuda_compile, cuda_ops, cuda_target, operators
from minitorch.backends import TensorBackend
from minitorch.cuda_compile import Resources, ptx_of, ptxas, resources
from minitorch.cuda_kernels import KernelCase, kernel_cases
from minitorch.cuda_target import CudaKernel, cuda
from minitorch.errors import BackendError

# Compute capabilities: of the oldest GPU that CUDA 13 compiles for, and of an H100 or H200.
OLD, NEW = (7, 5), (9, 0)

CASES = [case for dtype in ("float32", "float64") for case in kernel_cases(dtype)]

STORAGE = numba.float32[::1]
TUPLE = numba.types.UniTuple(numba.int64, 3)
MAP = (STORAGE, TUPLE, TUPLE, numba.int64, STORAGE, TUPLE, TUPLE)


def has_ptxas() -> bool:
    try:
        return bool(ptxas())
    except BackendError:
        return False


needs_numba_cuda = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None,
    reason="numba-cuda is not installed; pip install 'minitorch[cuda]'",
)
needs_ptxas = pytest.mark.skipif(
    not has_ptxas(), reason="ptxas is not installed; pip install nvidia-cuda-nvcc"
)


def trials() -> Iterator[Any]:
    """Yield the cases that are tried: each kernel in each form for both GPUs, and each function.

    Of the kernels that are made of scalar functions, one in each form (dtype and dimensions); with
    each other function once, the course's for the newer GPU, the fast ones for the older. All that
    is left out `python -m benchmarks.cuda_kernels` compiles.
    """
    forms, kernels = set(), set()
    for case in CASES:
        body, fast = case.kernel.body, case.name.startswith("tuned")
        form = body.__code__, case.dtype, case.dims
        if form not in forms:
            gpus = [NEW, OLD]
        elif case.dtype == "float32" and body not in kernels:
            gpus = [OLD if fast else NEW]
        else:
            gpus = []
        first = body.__code__ not in {code for code, *_ in forms}
        forms.add(form)
        kernels.add(body)
        for gpu in gpus:
            quick = first and gpu == NEW
            name = f"{case.name}, {case.dtype}, {case.dims}-D, {gpu[0]}.{gpu[1]}"
            yield pytest.param(case, gpu, marks=[] if quick else [pytest.mark.slow], id=name)


@needs_numba_cuda
@needs_ptxas
@pytest.mark.parametrize(("case", "gpu"), list(trials()))
def test_a_kernel_compiles_and_has_its_variables_in_registers(
    case: KernelCase, gpu: tuple[int, int]
) -> None:
    ptx = ptx_of(case.kernel, case.argument_types, gpu)
    assert ".target sm_{}{}".format(*gpu) in ptx
    found = resources(ptx, gpu)
    # The index arrays of `cuda.local.array` too: their loops are unrolled. (More shared memory than
    # the 48 KiB that a block may have, ptxas refuses.)
    assert found.local == found.spilled == 0, found


def test_every_kernel_of_the_library_is_a_case() -> None:
    folder = Path(minitorch.__file__).parent
    written = {
        (".".join(path.relative_to(folder.parent).with_suffix("").parts), body)
        for path in folder.rglob("*.py")
        for body in re.findall(r"\bCudaKernel\((\w+)\)", path.read_text())
    }
    assert written == {(case.kernel.body.__module__, case.kernel.body.__name__) for case in CASES}


@pytest.mark.parametrize("maker", ["tensor_map", "tensor_zip", "tensor_reduce"])
def test_every_function_of_the_backend_is_a_case(
    maker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []
    make = getattr(cuda_ops, maker)

    def noted(fn: Callable[..., float]) -> CudaKernel:
        used.append(make(fn))
        return used[-1]

    monkeypatch.setattr(cuda_ops, maker, noted)
    TensorBackend(cuda_ops.CudaOps)
    kind = maker.removeprefix("tensor_")
    assert set(used) == {case.kernel for case in CASES if case.name.startswith(f"{kind} ")}
    assert len(used) >= 3


@needs_numba_cuda
def test_a_kernel_that_no_gpu_can_run_does_not_compile() -> None:
    def collects(out: Any) -> None:
        found = []
        found.append(out[0])
        out[1] = found[0]

    with pytest.raises(NumbaError, match="append"):
        ptx_of(CudaKernel(collects), [STORAGE])


@needs_numba_cuda
def test_what_is_compiled_for_one_gpu_is_not_used_for_another() -> None:
    kernel = cuda_ops.tensor_map(operators.sigmoid)
    kept = dict(cuda_target._device_functions)
    texts = [ptx_of(kernel, MAP, gpu) for gpu in (OLD, NEW, OLD)]
    targets = [re.findall(r"\.target sm_(\d+)", text) for text in texts]
    assert targets == [["75"], ["90"], ["75"]]
    functions = [cuda_compile._device_functions(gpu)[operators.sigmoid] for gpu in (OLD, NEW)]
    assert functions[0] is not functions[1]
    # Nor for the GPU of this machine, which may be a third.
    assert cuda_target._device_functions == kept
    assert not {id(f) for f in functions} & {id(f) for f in kept.values()}


@needs_numba_cuda
def test_numba_cuda_is_left_as_it_was_when_a_kernel_does_not_compile() -> None:
    cuda_target.numba_cuda().compile_ptx  # noqa: B018, which loads it
    dispatcher: Any = importlib.import_module("numba.cuda.dispatcher")
    asked = dispatcher.get_current_device
    with pytest.raises(NumbaError):
        ptx_of(cuda_ops.tensor_map(operators.sigmoid), [STORAGE] * len(MAP))
    assert dispatcher.get_current_device is asked


@needs_numba_cuda
@needs_ptxas
def test_resources_tell_registers_shared_memory_and_what_lies_in_memory() -> None:
    def chooses(out: Any, places: Any) -> None:
        # An array that is indexed with what only the launch tells cannot be in registers.
        local = cuda.local.array(16, numba.float64)
        shared = cuda.shared.array(100, numba.float64)
        for i in range(16):
            local[places[i]] = out[i]
        shared[cuda.threadIdx.x] = local[places[16]]
        cuda.syncthreads()
        out[0] = shared[places[17]]

    found = resources(ptx_of(CudaKernel(chooses), [STORAGE, numba.int64[::1]]))
    assert found.registers > 8
    assert found.shared == 800
    assert found.local == 128
    assert found.spilled == 0


REPORT = """
ptxas info    : Compiling entry function 'kernel' for 'sm_90'
ptxas info    : Function properties for kernel
    96 bytes stack frame, 40 bytes spill stores, 56 bytes spill loads
ptxas info    : Function properties for called
    8 bytes stack frame, 4 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers, 2048 bytes smem, 552 bytes cmem[0]
"""


@pytest.mark.skipif("sys.platform == 'win32'", reason="the stand-in for ptxas is a shell script")
def test_resources_count_all_functions_and_what_is_spilled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assembler = tmp_path / "ptxas"
    assembler.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{REPORT}END\n")
    assembler.chmod(0o755)
    monkeypatch.setattr(cuda_compile, "ptxas", lambda: str(assembler))
    assert resources("") == Resources(registers=255, shared=2048, local=104, spilled=100)


@needs_ptxas
def test_ptx_that_the_assembler_does_not_know_is_refused_with_its_words() -> None:
    with pytest.raises(BackendError, match=r"(?s)ptxas .*sm_90 refuses.*Unsupported .version"):
        resources(".version 99.0\n.target sm_90\n.address_size 64\n")


def test_without_ptxas_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise cuda_compile.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(cuda_compile.importlib.metadata, "files", missing)
    monkeypatch.setattr(cuda_compile.shutil, "which", lambda name: None)
    with pytest.raises(BackendError, match="pip install nvidia-cuda-nvcc"):
        ptxas.__wrapped__()
