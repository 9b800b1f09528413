"""Kernels on disk: served to the next process, never stale; and other settings of Numba.

Programs run in new processes, on a copy of the package that a test may edit.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import minitorch
from minitorch.course import cut, load_tasks

PACKAGE = Path(minitorch.__file__).parent

# Prints the result and how many kernels came from the disk and how many were compiled.
PROGRAM = """
import minitorch
from minitorch import fast_ops, operators

x = minitorch.tensor([[-1.0, 2.0], [3.0, 0.5]], backend="fast").permute(1, 0)
y = x.relu()
stats = fast_ops.tensor_map(operators.relu)._serial.stats
print(y.numpy().tolist(), sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""
RELU = "[[0.0, 3.0], [2.0, 0.5]]"


def python(folder: Path, program: str, **environment: str) -> str:
    """Run a program with the package in `folder`, and return what it prints."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "MINITORCH_"))}
    # Edits follow one another within the second that the time of a .pyc file is kept in.
    own = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean | own | environment, cwd=folder,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def edit(folder: Path, file: str, before: str, after: str) -> None:
    path = folder / "minitorch" / file
    source = path.read_text()
    assert source.count(before) == 1
    path.write_text(source.replace(before, after))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with a copy of the package."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "minitorch", ignore=ignored)
    return tmp_path


def test_kernels_come_from_the_disk_and_are_never_stale(copy: Path) -> None:
    assert python(copy, PROGRAM) == f"{RELU} 0 1"
    assert python(copy, PROGRAM) == f"{RELU} 1 0"

    # A function that the kernel maps.
    edit(copy, "operators.py", "return 0.0 if x <= 0 else x", "return 7.0 if x <= 0 else x")
    assert python(copy, PROGRAM) == "[[7.0, 3.0], [2.0, 0.5]] 0 1"
    edit(copy, "operators.py", "return 7.0 if x <= 0 else x", "return 0.0 if x <= 0 else x")
    assert python(copy, PROGRAM) == f"{RELU} 1 0"

    # The index arithmetic that it calls: every index is now 0.
    edit(copy, "tensor_data.py", "out_index[dim] = rest % shape[dim]", "out_index[dim] = 0")
    assert "0 1" in python(copy, PROGRAM)
    assert python(copy, PROGRAM).endswith(" 1 0")
    edit(copy, "tensor_data.py", "out_index[dim] = 0", "out_index[dim] = rest % shape[dim]")

    # The kernel itself.
    edit(copy, "fast_ops.py", "fn(in_storage[i + column * in_step])",
         "fn(in_storage[i + column * in_step]) + 1.0")  # fmt: skip
    assert python(copy, PROGRAM) == "[[1.0, 4.0], [3.0, 1.5]] 0 1"


@pytest.mark.slow
def test_a_changed_constant_and_a_nested_call_are_seen(copy: Path) -> None:
    own = copy / "minitorch" / "own.py"
    own.write_text(
        "SHIFT = 1.0\n\ndef inner(x):\n    return x * 2.0\n\n"
        "def outer(x):\n    return inner(x) + SHIFT\n"
    )
    program = """
import minitorch
from minitorch import own
print(minitorch.FastOps.map(own.outer)(minitorch.tensor([1.0, 2.0], backend="fast")).numpy())
"""
    assert python(copy, program) == "[3. 5.]"
    edit(copy, "own.py", "SHIFT = 1.0", "SHIFT = 5.0")
    assert python(copy, program) == "[7. 9.]"
    edit(copy, "own.py", "x * 2.0", "x * 3.0")
    assert python(copy, program) == "[ 8. 11.]"


@pytest.mark.slow
def test_a_copy_in_another_folder_shares_the_cache_folder(copy: Path, tmp_path: Path) -> None:
    shutil.copytree(copy / "minitorch", tmp_path / "second" / "minitorch")
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert python(copy, PROGRAM, **cache) == f"{RELU} 0 1"
    assert python(tmp_path / "second", PROGRAM, **cache) == f"{RELU} 1 0"


@pytest.mark.slow
def test_checked_kernels_are_kept_apart(copy: Path, tmp_path: Path) -> None:
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert python(copy, PROGRAM, **cache) == f"{RELU} 0 1"
    assert python(copy, PROGRAM, NUMBA_BOUNDSCHECK="1", **cache) == f"{RELU} 0 1"


@pytest.mark.slow
def test_two_signatures_of_one_kernel_are_both_kept(copy: Path) -> None:
    single = PROGRAM.replace('backend="fast"', 'backend="fast", dtype="float32"')
    assert python(copy, PROGRAM) == python(copy, single) == f"{RELU} 0 1"
    assert python(copy, PROGRAM) == python(copy, single) == f"{RELU} 1 0"


@pytest.mark.slow
def test_without_a_folder_to_write_kernels_compile_all_the_same(copy: Path) -> None:
    (copy / "file").write_text("no folder")
    program = "import numba; numba.config.CACHE_DIR = 'file'" + PROGRAM
    for _ in range(2):
        assert python(copy, program).startswith(RELU)


@pytest.mark.parametrize("task", ["3.1", "3.2"])
def test_default_backend_is_simple_until_the_fast_one_is_written(copy: Path, task: str) -> None:
    # The tuned backend is not in a student's copy.
    program = (
        "import minitorch; from minitorch import backends; backends._backends.pop('tuned', None);"
        "print(minitorch.get_backend(), minitorch.ones(2).sum().item())"
    )
    (unsolved,) = [t for t in load_tasks() if t.id == task]
    for blank in unsolved.blanks:
        path = copy / blank.file
        source = path.read_text()
        path.write_text(cut(source, blank.name, unsolved.message(blank)))
        assert python(copy, program) == "TensorBackend(SimpleOps) 2.0"
        path.write_text(source)


def test_two_threads_may_launch_parallel_kernels_at_once() -> None:
    program = """
import threading
import numpy as np
import minitorch
from minitorch.jit import PARALLEL_FROM

x = minitorch.tensor(np.arange(float(PARALLEL_FROM)), backend="fast")
wrong = []

def work():
    for _ in range(200):
        if (x - x).numpy().any():
            wrong.append(1)

threads = [threading.Thread(target=work) for _ in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
import numba
print(numba.threading_layer(), wrong)
"""
    # This layer aborts the process where two threads are in it at once.
    got = python(PACKAGE.parent, program, NUMBA_THREADING_LAYER="workqueue", NUMBA_NUM_THREADS="2")
    assert got == "workqueue []"


def test_everything_runs_without_the_compiler() -> None:
    program = """
import numpy as np
import minitorch

rng = np.random.default_rng(0)
x = minitorch.tensor(rng.normal(size=(2, 3, 4, 6)), backend="fast")
w = minitorch.tensor(rng.normal(size=(2, 3, 2, 3)), backend="fast").requires_grad_(True)
pooled = minitorch.maxpool2d(minitorch.conv2d(x, w).relu(), (2, 2))
loss = minitorch.logsoftmax(pooled.view(2, 12) @ minitorch.ones(12, 5, backend="fast"), 1).sum()
loss.backward()
print(f"{loss.item():.6f} {w.grad.sum().item():.6f}")
"""
    plain = python(PACKAGE.parent, program, NUMBA_DISABLE_JIT="1")
    assert plain == python(PACKAGE.parent, program)
    assert plain == python(PACKAGE.parent, program, NUMBA_NUM_THREADS="1")
