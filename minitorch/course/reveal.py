"""Putting the solution of one task in a student's files: `minitorch reveal TASK DIR`."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from .curriculum import Task, find_task, load_tasks
from .cutter import cut, definition, fill

__all__ = ["RevealError", "reveal"]


class RevealError(Exception):
    """A solution that cannot be put in place, with the reason."""


def reveal(task: str, folder: Path, solution: Path | None = None) -> list[tuple[Path, Path | None]]:
    """Put the solution of a task in place of what a student wrote, function by function.

    What else the student changed in a file stays. The student's version is kept beside the file,
    as FILE.before-4.1, or FILE.before-4.1-2 where there is one already; nothing changes in files
    that have the solution. Each file is replaced whole, and none if one of them cannot be.

    Args:
        task: the id of the task.
        folder: the top of the student's checkout.
        solution: the top of the solution; by default, where this file is.

    Returns:
        Pairs of the files that changed and where the student's version is kept: None for a file
        that was missing.

    Raises:
        LookupError: if there is no such task.
        RevealError: if a file or a function has no place for the solution.
    """
    root = solution or Path(__file__).parents[2]
    tasks = load_tasks(root / "minitorch" / "course" / "curriculum.toml")
    wanted = find_task(task, tasks)
    if folder.resolve() == root.resolve():
        raise RevealError(f"{folder} is the solution itself")
    if not (folder / "minitorch").is_dir():
        raise RevealError(f"{folder} is not the top of a starter: it has no folder minitorch")
    changed = []
    for file in wanted.files:
        old, new = _texts(wanted, file, folder, root, tasks)
        if new != old:
            changed.append((folder / file, old, new))
    return [(path, _replace(path, wanted, old, new)) for path, old, new in changed]


def _texts(
    task: Task, file: str, folder: Path, root: Path, tasks: tuple[Task, ...]
) -> tuple[str | None, str]:
    """Return what a student's file contains, and what it is to contain.

    Raises:
        RevealError: if the file is not Python, or lacks the function.
    """
    solved = (root / file).read_bytes().decode()
    path = folder / file
    if not path.exists():
        for other in tasks:
            for blank in other.blanks:
                if blank.file == file and other != task:
                    solved = cut(solved, blank.name, other.message(blank))
        return None, solved
    old = new = path.read_bytes().decode()
    for blank in task.blanks:
        if blank.file != file:
            continue
        try:
            new = fill(new, blank.name, definition(solved, blank.name))
        except SyntaxError as error:
            raise RevealError(
                f"{path}, line {error.lineno}: {error.msg}. Mend that first, or move the file "
                "away: a new one is made then"
            ) from None
        except LookupError as error:
            raise RevealError(f"{path}: {error}. Put back the line of its `def` first") from None
    return old, new


def _replace(path: Path, task: Task, old: str | None, new: str) -> Path | None:
    """Write a file in one step, after keeping the old one beside it; return where that is."""
    kept = None
    if old is not None:
        kept = path.with_name(f"{path.name}.before-{task.id}")
        number = 1
        while kept.exists():
            number += 1
            kept = path.with_name(f"{path.name}.before-{task.id}-{number}")
        shutil.copy2(path, kept)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(new.encode())
        if kept is None:
            os.chmod(name, 0o644)
        else:
            shutil.copymode(path, name)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
    return kept
