"""The tests that reach kernels pass too where Numba checks every index (NUMBA_BOUNDSCHECK=1).

It runs with one thread, for which there are no parallel builds: they use the same indices, and
take most of the time to compile. Checked kernels take a folder of their own, made anew for each
run; where the variable MINITORCH_BOUNDSCHECK_CACHE names one, it is kept, and the next run
compiles nothing. Kernels on vector instructions are not checked so: for these see
tests/kernels/guards.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import minitorch

TESTS = Path(__file__).parent

# Tests that reach kernels; those that start processes with settings of their own are left out.
SUITES = [
    "kernels", "layers", "against_torch/test_against_torch.py", "test_backends.py",
    "test_compatibility.py", "test_copying.py", "test_every_backend.py", "test_fast_conv.py",
    "test_fast_ops.py", "test_nn.py", "test_optim.py", "test_sequences.py", "test_tensor.py",
    "test_tensor_autograd.py", "test_tensor_functions.py", "test_tensor_gradients.py",
    "test_tensor_indexing.py", "test_tensor_ops.py",
]  # fmt: skip

# Reads behind an array by a signed index, by an unsigned one, and in a parallel loop.
CANARY = """
import numpy as np
from numba import prange
from minitorch.jit import PARALLEL_FROM, Kernel

def signed(out, a, place):
    out[0] = a[place]

def unsigned(out, a, place):
    out[0] = a[np.uint64(place)]

def parallel(out, a, place):
    for i in prange(len(out)):
        out[i] = a[place + i]

for body in (signed, unsigned, parallel):
    kernel = Kernel(body)
    for work in (0, PARALLEL_FROM):
        kernel.launch(work, np.empty(2), np.ones(5), 3)
        try:
            kernel.launch(work, np.empty(2), np.ones(5), 5)
        except IndexError as error:
            print(body.__name__, type(error).__name__)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of processes that check indices."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "MINITORCH_"))}
    kept = os.environ.get("MINITORCH_BOUNDSCHECK_CACHE")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("checked")
    return clean | {
        "NUMBA_BOUNDSCHECK": "1",
        "NUMBA_CACHE_DIR": str(folder.resolve()),
        "PYTHONPATH": str(Path(minitorch.__file__).parents[1]),
    }


@pytest.mark.slow
def test_a_read_out_of_bounds_is_seen(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CANARY], env=environment, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = [f"{name} IndexError" for name in ("signed", "unsigned", "parallel") for _ in range(2)]
    assert done.stdout.splitlines() == seen


@pytest.mark.slow
def test_kernels_stay_in_bounds(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-x", *SUITES], cwd=TESTS,
        env=environment | {"NUMBA_NUM_THREADS": "1"}, capture_output=True, text=True,
        timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-10_000:]
