"""Judging the tests that students write: they pass on the solution, and fail on wrong versions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..curriculum import Blank
from ..mutants import Mutant, load_mutants, mutated
from .ran import Ran
from .reference import kernels
from .sandbox import Limits, Sandbox
from .workbench import Workbench

__all__ = ["Judgement", "judge"]

# A property of the student's own choice: it may be of any function of its module.
_FREE = {Blank("tests/test_operators.py", "test_inverse_of_inverse"): "0.1"}


@dataclass(frozen=True)
class Judgement:
    """What a student's test is worth: from 0 to 1, and why no more."""

    blank: Blank
    share: float
    words: str


@dataclass(frozen=True)
class _Bench:
    """Where the tests run."""

    bench: Workbench
    sandbox: Sandbox
    solution: Path
    limits: Limits

    def run(self, tests: Sequence[Blank], changes: Mapping[str, str] | None = None) -> Ran:
        """Run tests, with some files of the library changed."""
        return self.sandbox.run(
            self.bench.folder,
            list(dict.fromkeys(blank.file for blank in tests)),
            tests=[f"{blank.file}::{blank.name}" for blank in tests],
            changes=changes,
            limits=self.limits,
            cache=kernels(self.solution),
            words=not changes,
        )

    def catches(self, blank: Blank, mutants: Sequence[Mutant]) -> dict[str, bool]:
        """Return whether a test fails on wrong versions of the library, by their names."""

        def catch(mutant: Mutant) -> bool:
            file = mutant.blank.file
            ran = self.run([blank], {file: mutated(self.bench.text(file), mutant)})
            return _failure(ran, blank) is not None

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = pool.map(catch, mutants)
            return dict(zip((mutant.name for mutant in mutants), found, strict=True))


def _failure(ran: Ran, blank: Blank) -> str | None:
    """Return why a test did not pass; None if it did, in all its cases."""
    name = f"{blank.file}::{blank.name}"
    cases = [test for test in ran.tests or [] if test.split("[")[0] == name]
    if ran.changed:
        return f"{ran.changed} was changed while the tests ran"
    if not cases:
        return ran.words or ran.ended or "there is no such test"
    for case in cases:
        outcome = ran.outcomes.get(case)
        if outcome is None or not outcome.passed:
            words = ran.ended if outcome is None else outcome.words
            return words or "skipped" if outcome and outcome.skipped else words or "it did not run"
    return None


def judge(
    bench: Workbench, tests: Sequence[Blank], sandbox: Sandbox, solution: Path, limits: Limits
) -> list[Judgement]:
    """Return what each of a student's tests is worth.

    A test that fails on the solution is worth nothing. Of the others each is worth the share of
    the wrong versions, kept as mutants for that test, on which it fails.

    Args:
        bench: a checkout for the task, with the student's tests and the solution's library.
        tests: the student's tests.
        sandbox: where they run.
        solution: the top of the solution.
        limits: what one run may use.
    """
    place = _Bench(bench, sandbox, solution, limits)
    mutants = load_mutants(solution / "tests" / "course" / "mutants")
    first = place.run(tests)
    failures = {blank: _failure(first, blank) for blank in tests}
    caught: dict[Blank, dict[str, bool]] = {}
    for blank in tests:
        if failures[blank] is None:
            caught[blank] = place.catches(blank, [m for m in mutants if m.by == blank])
            free = [mutant for mutant in mutants if mutant.task == _FREE.get(blank)]
            if free and not all(caught[blank].values()):
                found = place.catches(blank, free)
                caught[blank] = {name: True for name in found if found[name]} or caught[blank]
    # Once more: a test that fails by chance would catch anything.
    again = place.run([*caught]) if caught else first
    result = []
    for blank in tests:
        failure = failures[blank] or _failure(again, blank)
        missed = [name for name, found in caught.get(blank, {}).items() if not found]
        if failure is not None:
            result.append(Judgement(blank, 0.0, f"it fails on the solution\n{failure}"))
        elif not missed:
            result.append(Judgement(blank, 1.0, ""))
        else:
            count = len(caught[blank])
            words = f"passes on {len(missed)} of {count} wrong versions: " + "; ".join(missed)
            result.append(Judgement(blank, 1 - len(missed) / count, words))
    return result
