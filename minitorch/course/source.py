"""Reading the functions of a student's file without running it."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .curriculum import Blank, Task
from .cutter import find, is_unwritten

__all__ = ["blanks_left", "closure", "digest", "test_files"]


@dataclass(frozen=True)
class _Code:
    """What is known of a file: a hash of each function asked for, and of the rest.

    A function that is not there has no entry in `functions`.
    """

    functions: dict[str, str]
    waiting: frozenset[str]
    rest: str


def _hash(node: ast.AST) -> str:
    return hashlib.sha256(ast.dump(node).encode()).hexdigest()[:20]


@functools.lru_cache(maxsize=64)
def _read(text: str, names: tuple[str, ...]) -> _Code | None:
    """Return what is known of a file with this text; None if it is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    functions, waiting = {}, set()
    for name in names:
        function = find(tree, name)
        if function is None:
            continue
        functions[name] = _hash(function)
        if is_unwritten(function):
            waiting.add(name)
        function.body = []
    return _Code(functions, frozenset(waiting), _hash(tree))


def _code(root: Path, file: str, blanks: Iterable[Blank]) -> _Code | None:
    names = tuple(blank.name for blank in blanks if blank.file == file)
    try:
        return _read((root / file).read_text(encoding="utf-8"), names)
    except (OSError, ValueError):
        return None


def blanks_left(root: Path, task: Task) -> list[Blank]:
    """Return the functions of a task that still wait to be written.

    A function that is missing, or stands in a file that cannot be read, does not count as
    waiting: the tests say what is wrong with it.
    """
    files = {blank.file: _code(root, blank.file, task.blanks) for blank in task.blanks}
    return [
        blank
        for blank in task.blanks
        if (code := files[blank.file]) is not None and blank.name in code.waiting
    ]


def closure(tasks: Iterable[Task], task: Task) -> list[Task]:
    """Return a task and all that it needs, in the order of the table."""
    table = list(tasks)
    wanted = {task.id}
    for other in reversed(table):  # a task needs only earlier ones
        if other.id in wanted:
            wanted.update(other.needs)
    return [other for other in table if other.id in wanted]


def digest(root: Path, tasks: Iterable[Task], task: Task) -> str | None:
    """Return a hash of the code that a task's tests run: the student's functions and their files.

    Functions of tasks that this one does not need are left out, and so are comments.

    Returns:
        None if a file cannot be read.
    """
    table = list(tasks)
    everywhere = [blank for other in table for blank in other.blanks]
    own = [blank for other in closure(table, task) for blank in other.blanks]
    parts = []
    for file in sorted({blank.file for blank in own}):
        code = _code(root, file, everywhere)
        if code is None:
            return None
        parts.append((file, code.rest))
        parts += [
            (blank.name, code.functions.get(blank.name, "")) for blank in own if blank.file == file
        ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


def test_files(root: Path, task: Task) -> list[Path]:
    """Return the test files that name a task's marker.

    They come in the order of the student's files: `tests/test_scalar.py` where `scalar.py` does.
    """
    found = []
    for path in (root / "tests").rglob("*.py"):
        words = path.read_text(encoding="utf-8", errors="replace")
        if task.marker in words and path.name.startswith("test_"):
            found.append(path)
    names = [f"test_{Path(file).stem.removeprefix('test_')}.py" for file in task.files]
    return sorted(found, key=lambda path: ([*names, path.name].index(path.name), path))
