"""Reading the table of the course, `curriculum.toml`: its modules, tasks and rooms."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "TABLE", "Blank", "CourseModule", "Room", "Task",
    "find_task", "load_modules", "load_rooms", "load_tasks",
]  # fmt: skip

TABLE = Path(__file__).with_name("curriculum.toml")


@dataclass(frozen=True)
class Blank:
    """A function that a student writes.

    Args:
        file: its path from the top of the repository, with slashes.
        name: its qualified name, such as "Module.train" or "tensor_map._map".
    """

    file: str
    name: str


@dataclass(frozen=True)
class Task:
    """A task of the course.

    Args:
        id: such as "4.1".
        title: a few words.
        needs: the ids of the tasks to be done before.
        blanks: what the student writes.
        points: what it is worth; those of a module add up to 100.
        hints: from a question to a sketch, for one who is stuck.
    """

    id: str
    title: str
    needs: tuple[str, ...]
    blanks: tuple[Blank, ...]
    points: int
    hints: tuple[str, ...]

    @property
    def marker(self) -> str:
        """Return the pytest marker of the task's tests, such as "task4_1"."""
        return "task" + self.id.replace(".", "_")

    @property
    def module(self) -> str:
        """Return the id of the module that the task is in, such as "4"."""
        return self.id.split(".")[0]

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files in which the student writes, each once."""
        return tuple(dict.fromkeys(blank.file for blank in self.blanks))

    def message(self, blank: Blank) -> str:
        """Return what an unfinished function says."""
        return f"Task {self.id}: {blank.file}, {blank.name}"


@dataclass(frozen=True)
class CourseModule:
    """A module of the course: its id, such as "4", and its title."""

    id: str
    title: str


@dataclass(frozen=True)
class Room:
    """A part of the repository, and whether a starter has it.

    Args:
        path: from the top of the repository: a file, a folder (ending in a slash) with all that
            is in it, or a pattern with stars for names in one folder.
        kind: "student" for a file in which students write, "given" for what they get as it is,
            "reference" for what is in no starter.
        module: the id of the module from which a starter has it.
    """

    path: str
    kind: str
    module: str


def _table(table: Path) -> dict[str, Any]:
    with table.open("rb") as file:
        return tomllib.load(file)


def load_tasks(table: Path = TABLE) -> tuple[Task, ...]:
    """Return the tasks in their order."""
    return tuple(
        Task(
            id=row["id"],
            title=row["title"],
            needs=tuple(row["needs"]),
            blanks=tuple(Blank(*entry.split(":")) for entry in row["functions"]),
            points=row["points"],
            hints=tuple(row["hints"]),
        )
        for row in _table(table)["task"]
    )


def find_task(id: str, tasks: tuple[Task, ...] | None = None) -> Task:
    """Return the task of that id, which may be written "4.1", "4_1", "task4_1" or "Task 4.1".

    Raises:
        LookupError: if there is none.
    """
    tasks = load_tasks() if tasks is None else tasks
    plain = id.lower().removeprefix("task").strip().replace("_", ".")
    for task in tasks:
        if task.id == plain:
            return task
    raise LookupError(f"there is no task {id!r}; there are {', '.join(task.id for task in tasks)}")


def load_modules(table: Path = TABLE) -> tuple[CourseModule, ...]:
    """Return the modules in their order."""
    return tuple(CourseModule(row["id"], row["title"]) for row in _table(table)["module"])


def load_rooms(table: Path = TABLE) -> tuple[Room, ...]:
    """Return the rooms; a starter's own table has none. Where two fit a file, the later counts."""
    return tuple(
        Room(path, row["class"], row.get("from", "0"))
        for row in _table(table).get("room", [])
        for path in row["paths"]
    )
