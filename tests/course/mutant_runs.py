"""Running a task's tests on a wrong implementation, and judging what they say."""

from __future__ import annotations

import compileall
import json
import py_compile
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from copies import TOP, Copy
from pytest_forks import FAILING, Forks

from minitorch.course import Blank, Task
from minitorch.course.curriculum import find_task
from minitorch.course.mutants import Mutant, load_mutants
from minitorch.course.source import test_files

__all__ = ["MUTANTS", "MutantRuns", "Verdict", "names_fault", "pytest_arguments"]

MUTANTS = load_mutants(Path(__file__).with_name("mutants"))
TIMEOUT = 120.0  # seconds; a run that takes longer is caught as an endless one

# Parts of functions' names that say nothing of what they do.
_COMMON = {"forward", "backward", "tensor", "module", "scalar", "init"}

# Other names of the same thing, as patterns.
_ALSO = {
    "add": r" \+ |addition",
    "sub": r" - |subtraction",
    "mul": r" \* |product|factor",
    "inv": r" / |division",
    "lt": r" < | > |comparison",
    "gt": r" > |comparison",
    "eq": r"a == b|comparison|equality",
    "permute": "permuted|permutations",
    "backpropagate": "backpropagation",
    "linear": "layer",
}


@dataclass(frozen=True)
class Verdict:
    """What the tests of a task said of a mutant.

    Args:
        how: "failed", "took too long", "crashed", or "passed": then the mutant has survived.
        named: whether the report names the function and shows a value.
        report: what the student reads: the names of the failed tests, and the plain words.
        seconds: how long the run took.
    """

    how: str
    named: bool
    report: str
    seconds: float

    @property
    def caught(self) -> bool:
        """Return whether the tests did not pass."""
        return self.how != "passed"


def words_of(blank: Blank) -> set[str]:
    """Return the words by which a report may name a function, in small letters.

    They are the parts of its own name and of what it stands in: "Module.named_parameters" may be
    found as "parameters", "tensor_map._map" as "map", and "Scalar.__gt__" as "gt".
    """
    names = [name.strip("_") for name in blank.name.split(".")]
    parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", blank.name)
    words = {part.lower() for part in [*parts, *names]} - _COMMON
    return {word for word in words if len(word) > 2} or words


def names_fault(report: str, mutant: Mutant) -> bool:
    """Return whether a report names the function that is wrong, and shows a value or an error.

    Names of tests count, "test_max_is_the_larger" names `max`; names and lines of files do not.
    Nor is a kernel named by an operation that runs on it.
    """
    plain = re.sub(r"\S+\.py(::|, line \d+)?", "", report.lower())
    words = words_of(mutant.blank)
    patterns = [rf"(?<![a-z]){word}(s|ing)?(?![a-z])" for word in words]
    patterns += [_ALSO[word] for word in words & set(_ALSO)]
    named = any(re.search(pattern, plain) for pattern in patterns)
    return named and re.search(r"(?<!\w)\d|\b(true|false|none|no)\b|error\b", plain) is not None


class MutantRuns:
    """Runs of the tests of tasks on mutants of them, one after another in one copy.

    Args:
        folder: an empty folder for the copy.
    """

    def __init__(self, folder: Path) -> None:
        self.copy = Copy(folder)
        # A hash of the source decides whether compiled code is good, so a mutant gets its own.
        by_hash = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(folder / "minitorch", quiet=1, invalidation_mode=by_hash)
        environment = {**self.copy.environment, "HYPOTHESIS_PROFILE": FAILING}
        self._forks = Forks(folder, environment)

    def close(self) -> None:
        """End the process that the runs are forks of."""
        self._forks.close()

    def run(self, mutant: Mutant, as_checked: bool = False) -> Verdict:
        """Run the tests of a mutant's task, up to the first that fails.

        Args:
            mutant: what to run them on.
            as_checked: in the order of `minitorch check`, not with the most likely first.
        """
        folder = self.copy.folder
        log = folder / "report.jsonl"
        log.unlink(missing_ok=True)
        self.copy.spoil(mutant)
        arguments = [*pytest_arguments(find_task(mutant.task), mutant), f"--minitorch-report={log}"]
        started = time.perf_counter()
        first = [] if as_checked else words_of(mutant.blank)
        ended = self._forks.run(arguments, TIMEOUT, first)
        seconds = time.perf_counter() - started
        printed = self._forks.printed.read_text(encoding="utf-8")
        if ended in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
            raise RuntimeError(f"no test of Task {mutant.task} ran:\n{printed}")
        how = {"late": "took too long", 0: "passed", 1: "failed", 2: "failed"}.get(ended, "crashed")
        report = _reported(log) if how == "failed" else printed
        return Verdict(how, names_fault(report, mutant), report, seconds)


def pytest_arguments(task: Task, mutant: Mutant | None = None) -> list[str]:
    """Return the arguments of pytest for the tests of a task that are to find a mutant."""
    if mutant is not None and mutant.by is not None:
        places = [f"{mutant.by.file}::{mutant.by.name}"]
    else:
        places = [file.relative_to(TOP).as_posix() for file in test_files(TOP, task)]
    return [
        "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0",
        # The plugin of the copy, not one that is installed.
        "-p", "no:minitorch", "-p", "minitorch_course.plugin",
        "-m", f"{task.marker} and not slow", *places,
    ]  # fmt: skip


def _reported(log: Path) -> str:
    """Return the failures that the plugin wrote down: the name and the words of each."""
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    failed = [e for e in events if e["kind"] == "import" or e.get("outcome") in ("failed", "todo")]
    return "\n".join(f"{event.get('test', 'import')}\n{event['words']}" for event in failed)
