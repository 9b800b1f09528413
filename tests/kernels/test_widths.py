"""The kernels in the vectors of other machines, forced by MINITORCH_VECTOR_BYTES.

LLVM splits vectors that are too wide for the processor, so each width runs everywhere. Tests of
the kernels, and of operations that they serve, run once more in a process for each width, their
operands at the edges of pages that must not be touched; see `guards.py`. They share one folder
for compiled kernels, whose names tell the widths apart.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import minitorch

KERNELS = Path(__file__).parent

TESTS = [
    "kernels/test_products.py",
    "kernels/test_reduce.py::test_small_shapes",
    "kernels/test_tuned_nn.py::test_fused_equals_the_composition",
    "layers/test_layer_values.py",
    "test_every_backend.py",
    *("-k", "not simple and not fast"),
]

widths = pytest.mark.parametrize("width", [16, 32, 64])


def run(width: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with vectors of a width and fences around arrays."""
    own = {
        "MINITORCH_VECTOR_BYTES": str(width),
        "MINITORCH_FENCED": "1",
        "MINITORCH_BACKEND": "tuned",
        "PYTHONPATH": os.pathsep.join([str(Path(minitorch.__file__).parents[1]), str(KERNELS)]),
    }
    return subprocess.run(
        [sys.executable, *arguments], env=os.environ | own, cwd=KERNELS.parent,
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip


@widths
def test_the_width_is_that_which_is_forced(width: int) -> None:
    done = run(width, "-c", "from minitorch.kernels.machine import *; print(VECTOR_BYTES)")
    assert done.stdout.strip() == str(width), done.stderr


@pytest.mark.skipif(os.name == "nt", reason="memory is fenced by mprotect, which Windows has not")
@pytest.mark.parametrize("beside", [-1, 5])
def test_fences_stop_a_read(beside: int) -> None:
    # The first array lies before a fence, the second behind one.
    program = f"""
import ctypes, guards, numpy as np
arrays = [guards.guarded(np.zeros(5)) for _ in range(2)]
for array in arrays:
    numbers = ctypes.cast(array.ctypes.data, ctypes.POINTER(ctypes.c_double))
    print(numbers[0], numbers[4], flush=True)
numbers = ctypes.cast(arrays[{int(beside < 0)}].ctypes.data, ctypes.POINTER(ctypes.c_double))
numbers[{beside}]
"""
    done = run(16, "-c", program)
    assert done.stdout.split() == ["0.0"] * 4
    assert done.returncode in (-signal.SIGSEGV, -signal.SIGBUS)


@pytest.mark.slow
@widths
def test_kernels_in_every_width(width: int) -> None:
    done = run(width, "-m", "pytest", "-p", "no:cacheprovider", *TESTS)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-10_000:]
