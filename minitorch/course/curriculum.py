"""Reading the table of tasks, `curriculum.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TABLE", "Blank", "Task", "load_tasks"]

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
    """

    id: str
    title: str
    needs: tuple[str, ...]
    blanks: tuple[Blank, ...]

    @property
    def marker(self) -> str:
        """Return the pytest marker of the task's tests, such as "task4_1"."""
        return "task" + self.id.replace(".", "_")

    def message(self, blank: Blank) -> str:
        """Return what an unfinished function says."""
        return f"Task {self.id}: {blank.file}, {blank.name}"


def load_tasks(table: Path = TABLE) -> tuple[Task, ...]:
    """Return the tasks in their order."""
    with table.open("rb") as file:
        rows = tomllib.load(file)["task"]
    return tuple(
        Task(
            id=row["id"],
            title=row["title"],
            needs=tuple(row["needs"]),
            blanks=tuple(Blank(*entry.split(":")) for entry in row["functions"]),
        )
        for row in rows
    )
