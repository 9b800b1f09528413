"""The table of tasks is true: its functions are there, its markers fail where they should."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from minitorch.course import Task, cut, is_blank, load_tasks
from minitorch.course.table import task_table

TOP = Path(__file__).parents[2]
TASKS = load_tasks()


def test_tasks_are_in_order_and_need_only_earlier_ones() -> None:
    ids = [task.id for task in TASKS]
    assert len(ids) == len(set(ids))
    for position, task in enumerate(TASKS):
        assert set(task.needs) <= set(ids[:position]), task.id


def test_every_function_of_every_task_is_there_and_solved() -> None:
    for task in TASKS:
        assert task.blanks, task.id
        for blank in task.blanks:
            source = (TOP / blank.file).read_text(encoding="utf-8")
            assert not is_blank(source, blank.name), task.message(blank)


def test_no_function_belongs_to_two_tasks() -> None:
    blanks = [blank for task in TASKS for blank in task.blanks]
    assert len(blanks) == len(set(blanks))


class Copy:
    """A copy of the repository in which functions can be emptied, and filled again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        skip = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
        for name in ("minitorch", "project"):
            shutil.copytree(TOP / name, folder / name, ignore=skip)
        # The tests of what no task fills stay behind.
        others = (
            "__pycache__", "kernels", "layers", "torch", "cuda", "cudasim", "test_benchmarks.py",
            "test_sequences.py", "sequence_kits.py", "test_bounds_check.py",
        )  # fmt: skip
        shutil.copytree(TOP / "tests", folder / "tests", ignore=shutil.ignore_patterns(*others))
        shutil.copytree(TOP / "data" / "sample", folder / "data" / "sample")
        shutil.copy(TOP / "pyproject.toml", folder)
        # Kernels are cached by content, so all the runs share what they compile.
        self.environment = {
            "NUMBA_CACHE_DIR": str(folder / "cache"),
            **os.environ,
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def empty(self, tasks: Iterable[Task]) -> None:
        """Empty the functions of `tasks`, and fill those of all others."""
        blanks = {blank: task for task in tasks for blank in task.blanks}
        for file in {blank.file for task in TASKS for blank in task.blanks}:
            source = (TOP / file).read_text(encoding="utf-8")
            for blank, task in blanks.items():
                if blank.file == file:
                    source = cut(source, blank.name, task.message(blank))
            (self.folder / file).write_text(source, encoding="utf-8")

    def run(self, marker: str) -> subprocess.CompletedProcess[str]:
        """Run the tests of a marker up to the first that fails."""
        options = ["-x", "-q", "-p", "no:cacheprovider", "-m", f"{marker} and not slow"]
        return subprocess.run(
            [sys.executable, "-m", "pytest", *options],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("copy"))


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_emptying_a_task_turns_its_marker_red_with_its_message(copy: Copy, task: Task) -> None:
    copy.empty([task])
    done = copy.run(task.marker)
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(task.message(blank) in done.stdout for blank in task.blanks), done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_a_task_needs_nothing_from_later_ones(copy: Copy, task: Task) -> None:
    copy.empty(TASKS[TASKS.index(task) + 1 :])
    done = copy.run(task.marker)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_shows_the_table_of_tasks() -> None:
    assert task_table(TASKS) in (TOP / "README.md").read_text(encoding="utf-8")
