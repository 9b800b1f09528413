"""What needs processes of its own: start-up, memory, and an epoch of the script."""

from __future__ import annotations

import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .harness import EAGER, OURS, Comparison, quartiles

__all__ = ["EPOCH_ROW", "Figure", "Question", "compare_epochs", "questions"]

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample"
EPOCH_ROW = "one epoch of run_mnist_multiclass.py, whole process (Visdom off in both)"
MEGABYTE = 1 << 20
# Pages that come and go with the allocator; a leak of 1 kB a step would show as 1 MB.
STEADY = 1.0


@dataclass(frozen=True)
class Figure:
    """A measurement in absolute numbers.

    Args:
        name: of what.
        value: in words.
        target: what was asked for, in words; empty where nothing was.
        met: whether it is met; None where nothing was asked for, or nothing was measured.
    """

    name: str
    value: str
    target: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Question:
    """A measurement that is still to be made; `answer` makes it."""

    name: str
    answer: Callable[[], list[Figure]]
    slow: bool = False


def _environment(**changes: str) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, **changes}


def _run(command: list[str], environment: dict[str, str]) -> tuple[str, float]:
    """Return what a Python process printed, and how long it took.

    Raises:
        RuntimeError: with the end of what it said, if it failed.
    """
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeError(f"{' '.join(command)}: {said[-1] if said else done.returncode}")
    return done.stdout, seconds


def _child(*options: str, **changes: str) -> tuple[dict[str, Any], float]:
    printed, seconds = _run(["-m", "benchmarks.child", *options], _environment(**changes))
    return json.loads(printed.splitlines()[-1]), seconds


def _imports(backend: dict[str, str], times: int) -> list[Figure]:
    _child("import", **backend)  # writes bytecode, warms the disk's cache
    found = [_child("import", **backend)[0] for _ in range(times)]
    wall, cpu = (statistics.median(one[kind] for one in found) for kind in ("wall", "cpu"))
    pulled = sorted({name for one in found for name in one["pulled"]})
    return [
        Figure("import minitorch, warm: wall", f"{wall:.2f} s", "under 1.0 s", wall < 1.0),
        Figure("import minitorch, warm: CPU", f"{cpu:.2f} s"),
        Figure(
            "import minitorch pulls in",
            ", ".join(pulled) or "none of these",
            "neither numba's CUDA target, matplotlib, visdom nor torch",
            not pulled,
        ),
    ]


def _warm_start(backend: dict[str, str], times: int) -> list[Figure]:
    _child("step", "16", **backend)  # fills the cache
    cpu = statistics.median(_child("step", "16", **backend)[0]["cpu"]["16"] for _ in range(times))
    name = "process start to first LeNet step (layers, batch 16), warm cache: CPU"
    return [Figure(name, f"{cpu:.2f} s", "at most 3 s", cpu <= 3.0)]


def _cold_start(backend: dict[str, str]) -> list[Figure]:
    figures = []
    for batch in ("16", "128"):
        with tempfile.TemporaryDirectory() as folder:
            found, wall = _child("step", batch, NUMBA_CACHE_DIR=folder, **backend)
        figures.append(
            Figure(
                f"the same at batch {batch}, cold cache: wall (CPU)",
                f"{wall:.1f} s ({found['cpu'][batch]:.1f} s)",
                "at most 60 s",
                wall <= 60.0,
            )
        )
    return figures


def _memories(backend: dict[str, str], steps: int) -> list[Figure]:
    if not Path("/proc/self/clear_refs").exists():
        return [Figure("memory of a LeNet step", "not measured: needs Linux's /proc")]
    _child("step", "128", **backend)  # compiling would count as memory of the first step
    ours, theirs = (
        _child("memory", library, "128", str(steps), **backend)[0]
        for library in ("minitorch", "torch")
    )

    def both(kind: str) -> tuple[str, float]:
        a, b = ours[kind] / MEGABYTE, theirs[kind] / MEGABYTE
        ratio = a / b if b else float("inf")
        return f"{a:.1f} MB, PyTorch {b:.1f} MB: ratio {ratio:.2f}", ratio

    step, ratio = both("step")
    growth = ours["growth"] / MEGABYTE
    return [
        Figure(
            "LeNet step (layers, batch 128): peak of a step's working memory, warm",
            step,
            "ratio of at most 1.5",
            ratio <= 1.5,
        ),
        Figure(
            "the same: peak over imports, model and data, first step included", both("first")[0]
        ),
        Figure("the same: peak of the whole process", both("whole")[0]),
        Figure(
            f"growth over {steps:,} steps",
            f"{growth:.2f} MB, PyTorch {theirs['growth'] / MEGABYTE:.2f} MB",
            f"none (below {STEADY:.0f} MB)",
            growth < STEADY,
        ),
    ]


def questions(backend: str, quick: bool) -> Iterator[Question]:
    """Yield the measurements in absolute numbers."""
    chosen = {"MINITORCH_BACKEND": backend}
    yield Question("start-up: import", partial(_imports, chosen, 2 if quick else 5))
    yield Question("start-up: first step", partial(_warm_start, chosen, 2 if quick else 5))
    yield Question("start-up: cold cache", partial(_cold_start, chosen), slow=True)
    yield Question("memory", partial(_memories, chosen, 100 if quick else 1000))


def data_folder() -> Path:
    """Return the folder of the images: MINITORCH_DATA, or the sample that ships."""
    return Path(os.environ.get("MINITORCH_DATA") or SAMPLE).expanduser().resolve()


def compare_epochs(backend: str, threads: int, pairs: int) -> list[Comparison]:
    """Return the whole process of one epoch, and its training loop alone, against PyTorch's."""
    data = str(data_folder())
    environment = _environment(
        MINITORCH_DATA=data,
        NUMBA_NUM_THREADS=str(threads),
        OMP_NUM_THREADS=str(threads),
        OPENBLAS_NUM_THREADS=str(threads),
    )
    script = ["project/run_mnist_multiclass.py", "--visdom", "off", "--backend", backend]
    commands = {
        OURS: [*script, "--epochs", "1"],
        EAGER: ["-m", "benchmarks.torch_mnist", "--epochs", "1", "--data", data],
    }
    for command in commands.values():
        _run(command, environment)  # fills caches
    whole: dict[str, list[float]] = {name: [] for name in commands}
    loop: dict[str, list[float]] = {name: [] for name in commands}
    order = list(commands)
    for _ in range(pairs):
        random.shuffle(order)
        for name in order:
            printed, seconds = _run(commands[name], environment)
            speed = re.search(r"(\d+) images/s", printed)
            if speed is None:
                raise RuntimeError(f"{name} printed no images/s: {printed!r}")
            whole[name].append(seconds)
            loop[name].append(1.0 / float(speed.group(1)))
    kind = "sample of 6,000 images" if data == str(SAMPLE) else "MINITORCH_DATA"
    return [
        Comparison(
            EPOCH_ROW,
            name,
            target,
            "float32",
            threads,
            {who: statistics.median(values) for who, values in times.items()},
            {EAGER: quartiles([a / b for a, b in zip(times[OURS], times[EAGER], strict=True)])},
        )
        for name, target, times in (
            (f"{kind}, {pairs} pairs", 0.7, whole),
            ("of it the training loop, per image", None, loop),
        )
    ]
