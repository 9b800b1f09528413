"""What the README of the course measures: `python tests/course/mutant_table.py` prints it.

It takes some minutes, on a machine with nothing else to do. `NUMBA_CACHE_DIR` may name a folder of
kernels, so that fewer are compiled before a time is taken.
"""

from __future__ import annotations

import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numba
from copies import TASKS, Copy
from mutant_runs import MUTANTS, MutantRuns, Verdict

from minitorch.course import Task
from minitorch.course.mutants import Mutant

CHECK = [sys.executable, "-c", "from minitorch_course.cli import main; main()", "check"]
VERDICT = re.compile(r"wrong: |to do: |.* is done")


def first_verdict(copy: Copy, task: Task) -> float:
    """Return the seconds until `minitorch check` says whether a task is right."""
    started = time.perf_counter()
    seconds = None
    with subprocess.Popen(
        [*CHECK, task.id], cwd=copy.folder, env=copy.environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
    ) as child:  # fmt: skip
        assert child.stdout is not None
        for line in child.stdout:
            if seconds is None and VERDICT.match(line):
                seconds = time.perf_counter() - started
    assert seconds is not None, f"check says nothing of Task {task.id}"
    return seconds


def wrong_ones(mutants: list[Mutant]) -> list[Mutant]:
    """Return up to three wrong versions on which `check` is timed, from all over the task."""
    found = [mutant for mutant in mutants if mutant.by is None]
    return found[:: max(1, len(found) // 3)][:3]


def row(task: Task, done: float, wrong: float | None, verdicts: list[Verdict]) -> str:
    """Return a task's line of the table."""
    cells = [
        task.id,
        task.title,
        f"{done:.1f}",
        "" if wrong is None else f"{wrong:.1f}",
        str(len(verdicts)),
        str(sum(verdict.caught for verdict in verdicts)),
        str(sum(verdict.named for verdict in verdicts)),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table, a line as soon as it is known."""
    print(f"{platform.machine()}, {numba.get_num_threads()} threads, Python "
          f"{platform.python_version()}, numba {numba.__version__}:\n")  # fmt: skip
    print("| task | what | done | wrong | tried | caught | named |")
    print("|---|---|---:|---:|---:|---:|---:|")
    everything: list[Verdict] = []
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as timed:
        runs, copy = MutantRuns(Path(folder)), Copy(Path(timed))
        del copy.environment["PYTHONDONTWRITEBYTECODE"]  # a student's Python writes it
        for task in TASKS:
            mutants = [mutant for mutant in MUTANTS if mutant.task == task.id]
            copy.empty([])
            first_verdict(copy, task)
            done = first_verdict(copy, task)
            times = []
            for mutant in wrong_ones(mutants):
                copy.spoil(mutant)
                first_verdict(copy, task)
                times.append(first_verdict(copy, task))
            verdicts = [runs.run(mutant, as_checked=True) for mutant in mutants]
            for mutant, verdict in zip(mutants, verdicts, strict=True):
                if not verdict.caught or not verdict.named:
                    word = "is not named" if verdict.caught else "survives"
                    print(f"{task.id}: {mutant.name}: {word}", file=sys.stderr, flush=True)
            everything += verdicts
            wrong = statistics.median(times) if times else None
            print(row(task, done, wrong, verdicts), flush=True)
        runs.close()
    print(f"\n{len(everything)} tried, {sum(v.caught for v in everything)} caught, "
          f"{sum(v.named for v in everything)} named")  # fmt: skip


if __name__ == "__main__":
    main()
