"""Grading a submission: `minitorch grade DIR [--json FILE]`, from the solution's checkout.

Of what a student hands in, only the functions of the table count, with the helpers and imports
of their own files that they use. Each task is graded by itself: its functions are put into a
checkout in which all earlier tasks have the reference solution and later ones are empty, so an
unfinished Task 2.3 costs nothing in Task 4.1. Tests come from the grader's checkout. A test
function is a property: its parametrised cases share its credit, and the properties of a task
share its points.

Student code runs in a sandbox. A run that crashes or takes too long costs the test that was
running, and the others are run again without it. Student code shares a process with the tests
that judge it, so one who studies the grader may still deceive it; what a file speaks of that no
task needs is noted for a person to look at.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .checkout import is_solution
from .curriculum import Blank, Task, find_task, load_tasks
from .cutter import is_blank
from .grading.graft import missing
from .grading.own_tests import judge
from .grading.ran import Outcome
from .grading.reference import GradeError, Reference, kernels, reference
from .grading.sandbox import Limits, Sandbox, SandboxError
from .grading.submission import SubmissionError, read_file, top_of, unusual
from .grading.workbench import Workbench

__all__ = ["GradeError", "Grades", "Limits", "Property", "TaskGrade", "grade"]


@dataclass(frozen=True)
class Property:
    """A test function: the share of its cases that passed, and why not all."""

    name: str
    share: float
    words: str = ""


@dataclass(frozen=True)
class TaskGrade:
    """The grade of a task: its properties, and what is to be said of them all."""

    task: Task
    properties: tuple[Property, ...]
    words: str = ""

    @property
    def score(self) -> float:
        """Return the points that the student gets."""
        shares = [found.share for found in self.properties]
        return round(self.task.points * sum(shares) / len(shares), 2) if shares else 0.0


@dataclass(frozen=True)
class Grades:
    """The grades of a submission.

    Args:
        tasks: a grade for each task.
        seconds: how long grading took.
        notes: what a person should look at; not for the student.
    """

    tasks: tuple[TaskGrade, ...]
    seconds: float
    notes: tuple[str, ...]

    @property
    def score(self) -> float:
        """Return the points of all tasks."""
        return round(sum(found.score for found in self.tasks), 2)

    @property
    def points(self) -> int:
        """Return the points that can be had."""
        return sum(found.task.points for found in self.tasks)


@dataclass(frozen=True)
class _Grader:
    solution: Path
    sandbox: Sandbox
    limits: Limits
    texts: dict[str, str]
    unreadable: dict[str, str]

    def grade(self, task: Task) -> TaskGrade:
        """Return the grade of a task."""
        own = [blank for blank in task.blanks if blank.file.startswith("tests/")]
        library = [blank for blank in task.blanks if blank not in own]
        with tempfile.TemporaryDirectory(prefix="minitorch-") as folder:
            bench = Workbench(Path(folder) / "bench", self.solution, task)
            bench.solve(task.blanks)
            expected = reference(bench, self.sandbox, self.solution, self.limits)
            words = self._not_written(task)
            properties: list[Property] = []
            if library:
                bench.clear()
                bench.solve(own)
                bench.graft(library, self.texts)
                properties += self._run(bench, expected, self._written(library))
            if own:
                bench.clear()
                bench.solve(library)
                bench.graft(own, self.texts)
                properties += self._judge(bench, own, expected.limits(self.limits))
        return TaskGrade(task, tuple(properties), words)

    def _written(self, blanks: Sequence[Blank]) -> list[Blank]:
        """Return the functions that the student wrote."""
        return [
            blank
            for blank in blanks
            if blank.file in self.texts
            and not missing(self.texts[blank.file], [blank.name])
            and not is_blank(self.texts[blank.file], blank.name)
        ]

    def _not_written(self, task: Task) -> str:
        """Return which functions of a task the student did not write, and why if it is known."""
        lines = [self.unreadable[file] for file in task.files if file in self.unreadable]
        written = self._written(task.blanks)
        lines += [
            f"to do: {task.message(blank)}"
            for blank in task.blanks
            if blank not in written and blank.file in self.texts
        ]
        return "\n".join(lines)

    def _run(
        self, bench: Workbench, expected: Reference, written: Sequence[Blank]
    ) -> list[Property]:
        """Run the tests of a task on the student's functions."""
        outcomes = self._outcomes(bench, expected) if written else {}
        cases: dict[str, list[str]] = {}
        for test in expected.tests:
            cases.setdefault(test.split("[")[0], []).append(test)
        properties = []
        for name, tests in cases.items():
            found = [outcomes.get(test, Outcome(False)) for test in tests]
            words = next((outcome.words for outcome in found if not outcome.passed), "")
            passed = sum(outcome.passed for outcome in found)
            properties.append(Property(name.split("::")[-1], passed / len(tests), words))
        return properties

    def _outcomes(self, bench: Workbench, expected: Reference) -> dict[str, Outcome]:
        """Run tests until each has ended, or there is no time left."""
        outcomes: dict[str, Outcome] = {}
        limits = expected.limits(self.limits)
        begun = time.monotonic()
        while set(expected.tests) - set(outcomes):
            left = limits.task_seconds - (time.monotonic() - begun)
            if left <= 0:
                break
            ran = self.sandbox.run(
                bench.folder, bench.tests, marker=bench.task.marker, skip=list(outcomes),
                limits=replace(limits, task_seconds=left), cache=kernels(self.solution),
            )  # fmt: skip
            changed = ran.changed or _exchanged(expected, ran.code)
            if changed and ran.tests is not None:
                why = f"{changed} was changed while the tests ran: no test counts"
                return dict.fromkeys(expected.tests, Outcome(False, words=why))
            outcomes.update(ran.outcomes)
            if ran.running is None:
                rest = Outcome(False, words=ran.words or ran.ended or "the test is not there")
                return {test: outcomes.get(test, rest) for test in expected.tests}
            outcomes[ran.running] = Outcome(False, words=ran.ended or "it ended all the tests")
        rest = Outcome(False, words="no time was left for it")
        return {test: outcomes.get(test, rest) for test in expected.tests}

    def _judge(self, bench: Workbench, own: Sequence[Blank], limits: Limits) -> list[Property]:
        """Judge the student's own tests."""
        written = self._written(own)
        found = {}
        if written:
            judged = judge(bench, written, self.sandbox, self.solution, limits)
            found = {judgement.blank: judgement for judgement in judged}
        return [
            Property(f"your {blank.name}", found[blank].share, found[blank].words)
            if blank in found
            else Property(f"your {blank.name}", 0.0)
            for blank in own
        ]


def _exchanged(expected: Reference, code: dict[str, str]) -> str:
    """Return a function that judges and is not what it is on the solution; "" if there is none."""
    return next((name for name, known in expected.code.items() if code.get(name) != known), "")


def grade(
    folder: Path,
    only: Sequence[str] = (),
    *,
    solution: Path | None = None,
    limits: Limits | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Grades:
    """Grade a submission.

    Args:
        folder: what the student handed in: a starter's repository, or a folder with just that.
        only: the ids of the tasks to grade; by default all.
        solution: the top of the solution; by default, where this file is.
        limits: what the tests of one task may use, beside five times as long as the solution.
        say: is told of warnings, and of each task when it is graded.

    Raises:
        GradeError: if this is no solution's checkout, the folder is no submission, or the solution
            fails its own tests on this machine.
        LookupError: if there is no such task.
    """
    begun = time.monotonic()
    root = solution or Path(__file__).parents[2]
    if not is_solution(root) or not (root / "tests").is_dir():
        raise GradeError(f"{root} is not a checkout of the solution, from which one grades")
    every = load_tasks(root / "minitorch" / "course" / "curriculum.toml")
    tasks = [find_task(id, every) for id in only] or list(every)
    try:
        top = top_of(folder)
        sandbox = Sandbox(root)
    except (SubmissionError, SandboxError) as error:
        raise GradeError(str(error)) from None
    texts, unreadable, notes = {}, {}, list(sandbox.walls.warnings())
    for warning in notes:
        say(f"warning: {warning}")
    for file in dict.fromkeys(file for task in tasks for file in task.files):
        try:
            texts[file] = read_file(top, file)
        except SubmissionError as error:
            unreadable[file] = str(error)
            continue
        words = unusual(texts[file], [(root / file).read_text(encoding="utf-8")])
        if words:
            notes.append(f"{file} speaks of {', '.join(words)}")
    grader = _Grader(root, sandbox, limits or Limits(), texts, unreadable)
    graded = []
    for task in tasks:
        found = grader.grade(task)
        graded.append(found)
        say(f"Task {task.id}: {found.score:g} of {task.points} points")
    return Grades(tuple(graded), time.monotonic() - begun, tuple(notes))
