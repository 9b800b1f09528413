"""A checkout for grading one task: what a starter for that task has, and functions put into it."""

from __future__ import annotations

import compileall
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from py_compile import PycInvalidationMode

from ..curriculum import Blank, Task
from ..cutter import definition, fill
from ..source import test_files
from ..start import start
from .graft import graft

__all__ = ["Workbench"]


class Workbench:
    """A checkout in which earlier tasks are solved, and one task and all later ones are empty.

    So neither the task's own solution nor a later one, nor the tuned backend, is there for a
    student's function to call.

    Args:
        folder: where it is made; new.
        solution: the top of the solution.
        task: the task.
    """

    def __init__(self, folder: Path, solution: Path, task: Task) -> None:
        start(folder, task.id, task.id, solution)
        for name in (".git", ".github"):
            shutil.rmtree(folder / name)
        # A file that is changed later has another hash, and is compiled anew.
        compileall.compile_dir(
            folder / "minitorch", quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH
        )
        self.folder = folder
        self.task = task
        self.tests = [path.relative_to(folder).as_posix() for path in test_files(folder, task)]
        self._solution = solution
        self._empty = {file: (folder / file).read_text(encoding="utf-8") for file in task.files}

    def solved(self, file: str) -> str:
        """Return the text of a file of the solution."""
        return (self._solution / file).read_text(encoding="utf-8")

    def text(self, file: str) -> str:
        """Return the text of a file as it is now."""
        return (self.folder / file).read_text(encoding="utf-8")

    def clear(self) -> None:
        """Empty the task's functions."""
        for file, text in self._empty.items():
            self.write(file, text)

    def write(self, file: str, text: str) -> None:
        """Write a file."""
        (self.folder / file).write_text(text, encoding="utf-8")

    def solve(self, blanks: Sequence[Blank]) -> None:
        """Fill functions with the solution."""
        for blank in blanks:
            written = definition(self.solved(blank.file), blank.name)
            self.write(blank.file, fill(self.text(blank.file), blank.name, written))

    def graft(self, blanks: Sequence[Blank], texts: dict[str, str]) -> None:
        """Fill functions with what a student wrote.

        Args:
            blanks: the functions.
            texts: the student's files; of files that it lacks, the functions stay empty.
        """
        for file in dict.fromkeys(blank.file for blank in blanks):
            if file in texts:
                names = [blank.name for blank in blanks if blank.file == file]
                self.write(file, graft(self.text(file), texts[file], names))

    def digest(self) -> str:
        """Return a hash of all the files."""
        found = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                found.update(str(path.relative_to(self.folder)).encode() + b"\0")
                found.update(path.read_bytes() + b"\0")
        return found.hexdigest()
