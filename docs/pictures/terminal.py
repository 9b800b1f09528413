"""What commands print in a starter: it is cut into a temporary folder, and they run there."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from minitorch_course.curriculum import load_tasks
from minitorch_course.cutter import cut
from minitorch_course.progress import states
from minitorch_course.reveal import reveal
from minitorch_course.start import start

__all__ = ["Terminal"]


class Terminal:
    """A folder with a starter, as a student has it.

    Args:
        first, last: the tasks that the student has to do.
    """

    def __init__(self, first: str, last: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.root = Path(self._folder.name).resolve() / "minitorch"
        start(self.root, first, last)

    def solve(self, task: str) -> None:
        """Put the solution of a task in, as a student writes it."""
        # Looking at the tasks notes that this one was unfinished, and so is the student's own.
        states(self.root, load_tasks(self.root / "minitorch" / "course" / "curriculum.toml"))
        reveal(task, self.root)

    def write(self, file: str, function: str, statement: str) -> None:
        """Make a function consist of its docstring and one statement."""
        path = self.root / file
        # `cut` leaves a function that raises; the statement takes the place of that line.
        source = cut(path.read_text(encoding="utf-8"), function, "HERE")
        hole = 'raise NotImplementedError("HERE")'
        assert source.count(hole) == 1
        path.write_text(source.replace(hole, statement), encoding="utf-8")

    def run(self, command: str) -> str:
        """Run `minitorch ...` or `pytest ...`, and return it with what it prints."""
        program, *arguments = command.split()
        environment = {
            **os.environ,
            "CI": "true",  # Hypothesis tries the same examples in each run
            "COLUMNS": "90",
            "NO_COLOR": "1",
            "PYTHONPATH": str(self.root),
        }
        done = subprocess.run(
            [sys.executable, "-m", program, *arguments],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        printed = (done.stdout or done.stderr).replace(f"{self.root}/", "").rstrip().splitlines()
        return "\n".join([f"$ {command}", *[line.rstrip() for line in printed]])
