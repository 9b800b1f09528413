"""What the tests of each task are, found by running them on the solution.

That, and the kernels compiled on the way, is kept in `.minitorch/` of the solution's checkout,
where student code cannot write. It is worked out anew when a file or a package has changed.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from ..progress import load_json, save_json
from .sandbox import Limits, Sandbox
from .workbench import Workbench

__all__ = ["GradeError", "Reference", "kernels", "reference"]

# How many times as long as the solution a student's functions may take, beside the limits.
_SLOWER = 5

# The solution's first run compiles all kernels.
_FIRST = 10


class GradeError(Exception):
    """Something that keeps the grader from grading, with the reason."""


@dataclass(frozen=True)
class Reference:
    """What the tests of a task are.

    Args:
        tests: the ids of those that pass on the solution.
        code: hashes of the functions that judge, by name.
        longest: seconds that the longest test took, compiling included.
        seconds: how long they took in all.
    """

    tests: tuple[str, ...]
    code: dict[str, str]
    longest: float
    seconds: float

    def limits(self, given: Limits) -> Limits:
        """Return the limits for a student's run, who may be that much slower than the solution."""
        return replace(
            given,
            task_seconds=given.task_seconds + _SLOWER * self.seconds,
            test_seconds=given.test_seconds + _SLOWER * self.longest,
        )


def kernels(solution: Path) -> Path:
    """Return the folder of the kernels that are compiled for all submissions."""
    return solution / ".minitorch" / "kernels"


def _versions() -> str:
    """Return what else the results depend on, and what is kept of them."""
    packages = map(importlib.metadata.version, ("numba", "numpy", "pytest", "hypothesis"))
    return json.dumps([sys.version, *packages, *(field.name for field in fields(Reference))])


def reference(bench: Workbench, sandbox: Sandbox, solution: Path, limits: Limits) -> Reference:
    """Return what the tests of a task are.

    Args:
        bench: a checkout for the task, with its functions filled by the solution.
        sandbox: where they run.
        solution: the top of the solution.
        limits: what the tests of one task may use; the first run may take longer.

    Raises:
        GradeError: if the solution fails one of them, or there are none.
    """
    task = bench.task
    kept = solution / ".minitorch" / "reference.json"
    key = bench.digest() + _versions()
    entry = load_json(kept).get(task.id, {})
    if entry.pop("key", "") == key:
        return Reference(**entry)
    longer = replace(
        limits,
        task_seconds=_FIRST * limits.task_seconds,
        test_seconds=_FIRST * limits.test_seconds,
    )
    ran = sandbox.run(
        bench.folder, bench.tests, marker=task.marker, limits=longer,
        cache=kernels(solution), keep=True,
    )  # fmt: skip
    failed = [test for test, outcome in ran.outcomes.items() if not outcome.passed]
    wrong = [test for test in failed if not ran.outcomes[test].skipped]
    passed = tuple(test for test, outcome in ran.outcomes.items() if outcome.passed)
    if not ran.done or ran.changed or wrong or not passed:
        words = [ran.words, ran.ended, ran.changed and f"{ran.changed} was changed"]
        words += [f"{test}: {ran.outcomes[test].words}" for test in (wrong or failed)[:1]]
        why = "\n".join(word for word in words if word) or "it has none"
        raise GradeError(f"the solution does not pass the tests of Task {task.id}: {why}")
    found = Reference(passed, ran.code, round(ran.longest, 1), round(ran.seconds, 1))
    save_json(kept, {**load_json(kept), task.id: {"key": key, **asdict(found)}})
    return found
