"""The rooms of the table: which files a starter has, and that they need no other."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from minitorch.course.curriculum import Room, load_modules, load_rooms, load_tasks
from minitorch.course.rooms import course_files, room_of, starter_files

TOP = Path(__file__).parents[2]
ROOMS = load_rooms()
MODULES = [module.id for module in load_modules()]

# Where an import that is not relative may find a file of the repository.
PLACES = ("", "tests/", "tests/project/", "project/")


def test_of_two_rooms_that_fit_the_later_counts() -> None:
    rooms = (Room("a/", "given", "0"), Room("a/b.py", "reference", "0"), Room("c", "student", "1"))
    assert room_of("a/x/y.py", rooms) is rooms[0]
    assert room_of("a/b.py", rooms) is rooms[1]
    assert room_of("c", rooms) is rooms[2]
    assert room_of("c/d", rooms) is None


def test_what_running_leaves_behind_is_no_file_of_the_course(tmp_path: Path) -> None:
    rooms = (Room("a/", "given", "0"), Room(".gitignore", "given", "0"))
    kept = ["a/b.py", "a/c/d.toml", ".gitignore"]
    for name in (*kept, "a/__pycache__/b.pyc", "a/b.nbi", "a/.cache/x.py", "other.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert course_files(tmp_path, rooms) == sorted(kept)


def test_every_python_file_is_in_a_room() -> None:
    files = [p.relative_to(TOP).as_posix() for p in TOP.glob("*.py")]
    for folder in ("minitorch", "project", "tests", "benchmarks"):
        files += [p.relative_to(TOP).as_posix() for p in (TOP / folder).rglob("*.py")]
    assert [file for file in files if room_of(file, ROOMS) is None] == []


def test_a_file_is_a_students_if_a_task_is_in_it() -> None:
    files = {blank.file for task in load_tasks() for blank in task.blanks}
    assert {room.path for room in ROOMS if room.kind == "student"} == files
    for task in load_tasks():
        for file in task.files:
            room = room_of(file, ROOMS)
            assert room is not None
            assert room.kind == "student"
            assert int(room.module) <= int(task.module), file


@functools.cache
def imported(file: str) -> frozenset[str]:
    """Return the files of the repository that a file imports, anywhere in it."""
    tree = ast.parse((TOP / file).read_text(encoding="utf-8"))
    return frozenset(found for path in _paths(tree, file) for found in _found(path))


def _paths(tree: ast.AST, file: str) -> Iterator[str]:
    """Yield what is imported, as paths without an ending; modules and names in them alike."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from (place + alias.name.replace(".", "/") for place in PLACES)
        elif isinstance(node, ast.ImportFrom):
            inner = (node.module or "").replace(".", "/")
            if node.level:
                above = Path(file).parents[node.level - 1].as_posix()
                starts = [f"{above}/{inner}".rstrip("/")]
            else:
                starts = [place + inner for place in PLACES]
            for start in starts:
                yield start
                yield from (f"{start}/{alias.name}" for alias in node.names)


def _found(path: str) -> list[str]:
    return [f for f in (f"{path}.py", f"{path}/__init__.py") if (TOP / f).is_file()]


@pytest.mark.parametrize("module", MODULES)
def test_no_file_of_a_starter_imports_one_that_it_lacks(module: str) -> None:
    files = set(starter_files(TOP, ROOMS, module))
    for file in files:
        # What a package's __init__ imports is trimmed to what is there.
        if file.endswith(".py") and not file.endswith("__init__.py"):
            assert imported(file) <= files, file


def test_a_starter_has_the_students_part_of_the_courses_tools() -> None:
    folder = "minitorch/course/"
    reached = {folder + name for name in ("__init__.py", "cli.py", "plugin.py", "table.py")}
    waiting = list(reached)
    while waiting:
        new = {f for f in imported(waiting.pop()) if f.startswith(folder)} - reached
        reached |= new
        waiting += new
    files = starter_files(TOP, ROOMS, MODULES[-1])
    given = {file for file in files if file.startswith(folder) and file.endswith(".py")}
    assert given == reached
