"""A copy of the repository, in which the tests of the course change functions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from minitorch.course import Task, cut, load_tasks
from minitorch.course.mutants import Mutant, mutated

TOP = Path(__file__).parents[2]
TASKS = load_tasks()


class Copy:
    """A copy of the repository in which functions can be emptied or spoilt, and filled again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        skip = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
        for name in ("minitorch", "project"):
            shutil.copytree(TOP / name, folder / name, ignore=skip)
        # The tests of what no task fills stay behind.
        others = (
            "__pycache__", "kernels", "layers", "against_torch", "cuda", "cudasim",
            "test_benchmarks.py", "test_sequences.py", "sequence_kits.py", "test_bounds_check.py",
        )  # fmt: skip
        shutil.copytree(TOP / "tests", folder / "tests", ignore=shutil.ignore_patterns(*others))
        shutil.copytree(TOP / "data" / "sample", folder / "data" / "sample")
        for name in ("minitorch_course.py", "pyproject.toml"):
            shutil.copy(TOP / name, folder)
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

    def spoil(self, mutant: Mutant) -> None:
        """Put a wrong implementation in place of the right one, and fill all else."""
        self.empty([])
        source = (TOP / mutant.blank.file).read_text(encoding="utf-8")
        (self.folder / mutant.blank.file).write_text(mutated(source, mutant), encoding="utf-8")

    def run(self, marker: str) -> subprocess.CompletedProcess[str]:
        """Run the tests of a marker up to the first that fails."""
        without = ["-p", "no:cacheprovider", "-p", "no:minitorch"]
        options = ["-x", "-q", *without, "-m", f"{marker} and not slow"]
        return subprocess.run(
            [sys.executable, "-m", "pytest", *options],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
