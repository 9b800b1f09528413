"""What the README of the course measures: `python tests/course/mutant_table.py` prints it.

It takes some minutes. Have the kernels compiled before (`minitorch warmup`, and once the tests);
`NUMBA_CACHE_DIR` says where.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numba
from copies import TASKS, Copy
from mutant_runs import MUTANTS, MutantRuns, Verdict, pytest_arguments

from minitorch.course import Task


def seconds_to_pass(copy: Copy, task: Task) -> float:
    """Return how long a task's tests take on the solution, the start of Python included."""
    copy.empty([])
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "pytest", *pytest_arguments(task)],
        cwd=copy.folder,
        env=copy.environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def row(task: Task, seconds: float, verdicts: list[Verdict]) -> str:
    """Return a task's line of the table."""
    cells = [
        task.id,
        task.title,
        f"{seconds:.1f}",
        str(len(verdicts)),
        str(sum(verdict.caught for verdict in verdicts)),
        str(sum(verdict.named for verdict in verdicts)),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table, a line as soon as it is known."""
    print(f"{platform.machine()}, {numba.config.NUMBA_NUM_THREADS} threads, Python "
          f"{platform.python_version()}, numba {numba.__version__}:\n")  # fmt: skip
    print("| task | what | seconds | tried | caught | named |")
    print("|---|---|---:|---:|---:|---:|")
    everything: list[Verdict] = []
    with tempfile.TemporaryDirectory() as folder:
        runs = MutantRuns(Path(folder))
        for task in TASKS:
            mutants = [mutant for mutant in MUTANTS if mutant.task == task.id]
            if not mutants:
                continue
            seconds = min(seconds_to_pass(runs.copy, task) for _ in range(2))
            verdicts = [runs.run(mutant) for mutant in mutants]
            for mutant, verdict in zip(mutants, verdicts, strict=True):
                if not verdict.caught or not verdict.named:
                    word = "is not named" if verdict.caught else "survives"
                    print(f"{task.id}: {mutant.name}: {word}", file=sys.stderr, flush=True)
            everything += verdicts
            print(row(task, seconds, verdicts), flush=True)
        runs.close()
    print(f"\n{len(everything)} tried, {sum(v.caught for v in everything)} caught, "
          f"{sum(v.named for v in everything)} named")  # fmt: skip


if __name__ == "__main__":
    main()
