"""What a wheel carries, and what importing pulls in."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import minitorch

TOP = Path(__file__).parents[1]


@pytest.mark.parametrize("module", ["matplotlib", "visdom", "torch", "tqdm", "safetensors"])
def test_importing_minitorch_does_not_pull_in(module: str) -> None:
    program = (
        "import sys, minitorch, minitorch.data, minitorch.training, minitorch.viz, "
        f"minitorch.course; sys.exit({module!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_numba_cuda_is_there_but_not_loaded_until_it_is_asked_for() -> None:
    program = (
        "import sys, minitorch, numba; before = 'numba.cuda.api' in sys.modules; "
        "numba.cuda.is_available(); sys.exit(before)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_every_room_that_registers_fused_forms_is_imported() -> None:
    rooms = {path.stem for path in Path(minitorch.__file__).parent.glob("tuned_*.py")}
    assert len(rooms) > 3
    program = "import minitorch, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {f"minitorch.{room}" for room in rooms} <= set(loaded)


@pytest.mark.slow
def test_a_wheel_carries_the_table_of_tasks_and_the_sample(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(TOP)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "minitorch/py.typed",
        "minitorch_course.py",
        "minitorch/course/curriculum.toml",
        "minitorch/data/mnist.py",
        "minitorch/viz/visdom_bridge.py",
        "minitorch/data/sample/train-images-idx3-ubyte.gz",
        "minitorch/data/sample/t10k-labels-idx1-ubyte.gz",
    ):
        assert name in names, name
    assert not [name for name in names if name.startswith(("tests/", "project/", "benchmarks/"))]
