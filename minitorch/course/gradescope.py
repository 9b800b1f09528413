"""Grades in the form of Gradescope's `results.json`, and as a table in a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .grade import Grades, TaskGrade

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["grades_table", "results", "write_results"]

# Lines shown of a failure.
_LINES = 25


def _output(found: TaskGrade) -> str:
    """Return what is said of a task: what is to do, and each property with its failure."""
    lines = found.words.splitlines()
    for each in found.properties:
        mark = "passed" if each.share == 1 else "failed" if each.share == 0 else f"{each.share:.0%}"
        lines.append(f"{mark:6} {each.name}")
        if each.words not in found.words:
            lines += [f"       {line}" for line in each.words.splitlines()[:_LINES]]
    return "\n".join(lines)


def results(grades: Grades) -> dict[str, Any]:
    """Return grades as Gradescope reads them: an entry for each task.

    What a person should look at is an entry that students do not see.
    See https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format.
    """
    tests: list[dict[str, Any]] = [
        {
            "number": found.task.id,
            "name": f"Task {found.task.id}: {found.task.title}",
            "score": found.score,
            "max_score": float(found.task.points),
            "status": "passed" if found.score == found.task.points else "failed",
            "output": _output(found),
            "output_format": "text",
            "visibility": "visible",
        }
        for found in grades.tasks
    ]
    if grades.notes:
        tests.append(
            {
                "name": "To look at",
                "score": 0.0,
                "max_score": 0.0,
                "output": "\n".join(grades.notes),
                "output_format": "text",
                "visibility": "hidden",
            }
        )
    return {
        "score": grades.score,
        "execution_time": round(grades.seconds),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def write_results(grades: Grades, path: Path) -> None:
    """Write `results.json`, whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(json.dumps(results(grades), indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def grades_table(grades: Grades) -> Table:
    """Return grades as a table of rich: a line for each task, with what it lacks."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title, side in (("task", "left"), ("", "left"), ("points", "right"), ("of", "right"),
                        ("lacks", "left")):  # fmt: skip
        table.add_column(title, justify="left" if side == "left" else "right")
    for found in grades.tasks:
        lacking = [each.name for each in found.properties if each.share < 1]
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        said = found.words.splitlines()[0] if found.words else ", ".join(lacking[:3]) + more
        table.add_row(
            found.task.id, found.task.title, f"{found.score:g}", str(found.task.points), Text(said),
            style=None if found.score == found.task.points else "yellow",
        )  # fmt: skip
    table.add_section()
    table.add_row("", "all", f"{grades.score:g}", str(grades.points), "")
    return table
