"""What a student has done: worked out by running tests, kept in `.minitorch/`.

The folder is git-ignored, and nothing is lost but time if it is deleted. A record is good for
the code that was tested: an edit of one of the task's functions, or of a function that the task
needs, makes it stale.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .curriculum import Task
from .source import blanks_left, closure, digest

__all__ = [
    "Record",
    "State",
    "load_json",
    "next_task",
    "progress_table",
    "read",
    "save_json",
    "states",
    "write",
]

_FILE = Path(".minitorch") / "progress.json"
_SEEN = Path(".minitorch") / "own.json"


@dataclass(frozen=True)
class Record:
    """What a run of a task's tests gave.

    Args:
        passed: tests that passed.
        failed: tests that failed, those of unfinished functions included.
        todo: whether a test met an unfinished function.
    """

    passed: int
    failed: int
    todo: bool


@dataclass(frozen=True)
class State:
    """Where a task stands.

    Args:
        task: the task.
        word: "done", "to do", "wrong", "not checked" (written, or edited since) or
            "waits for 1.4" (its own functions pass as far as unfinished earlier ones let them).
        record: what its tests gave, if that still holds.
        own: whether it was ever seen unfinished; the others came solved.
    """

    task: Task
    word: str
    record: Record | None
    own: bool


def load_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file of `.minitorch/` holds; nothing if it is missing or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def save_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file of `.minitorch/`, whole or not at all.

    Where the folder cannot be written, nothing is kept; `minitorch doctor` says so.
    """
    beside = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(exist_ok=True)
        beside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)


def write(root: Path, tasks: Sequence[Task], results: dict[str, Record]) -> None:
    """Keep the results of complete runs of tasks, by the tasks' ids."""
    if not results:
        return
    kept = load_json(root / _FILE)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for task in tasks:
        if task.id in results:
            record = results[task.id]
            kept[task.id] = {
                "passed": record.passed,
                "failed": record.failed,
                "todo": record.todo,
                "time": now,
                "code": digest(root, tasks, task),
            }
    save_json(root / _FILE, kept)


def read(root: Path, tasks: Sequence[Task]) -> dict[str, Record]:
    """Return the records that still hold, by the tasks' ids."""
    found = {}
    kept = load_json(root / _FILE)
    for task in tasks:
        entry = kept.get(task.id)
        if isinstance(entry, dict) and entry.get("code") == digest(root, tasks, task) is not None:
            record = Record(int(entry["passed"]), int(entry["failed"]), bool(entry["todo"]))
            found[task.id] = record
    return found


def states(root: Path, tasks: Sequence[Task]) -> list[State]:
    """Return where each task stands; note which are unfinished, and so the student's own."""
    records = read(root, tasks)
    open_tasks = {task.id for task in tasks if blanks_left(root, task)}
    seen = load_json(root / _SEEN)
    own = open_tasks | set(seen)
    if own != set(seen):
        save_json(root / _SEEN, dict.fromkeys(sorted(own), True))
    result = []
    for task in tasks:
        record = records.get(task.id)
        waits = [
            t.id for t in closure(tasks, task) if t.id in open_tasks and t.id != task.id
        ]  # fmt: skip
        if task.id in open_tasks:
            word = "to do"
        elif record is None:
            word = "not checked"
        elif not record.failed and record.passed:
            word = "done"
        elif record.todo and waits:
            word = f"waits for {waits[0]}"
        else:
            word = "wrong"
        result.append(State(task, word, record, task.id in own))
    return result


def next_task(found: Sequence[State]) -> Task | None:
    """Return the task to work on next; None if all are done.

    It is the first that is wrong, or that is the student's own and not done; if there is none,
    the first of those that were given and never checked.
    """
    for state in found:
        if state.word == "wrong" or (state.own and state.word != "done"):
            return state.task
    return next((state.task for state in found if state.word != "done"), None)


def progress_table(found: Sequence[State]) -> str:
    """Return the tasks and where they stand as plain text."""
    after = next_task(found)
    rows = [("task", "", "state", "passed", "failed")]
    for state in found:
        word = f"{state.word}, next" if after and state.task.id == after.id else state.word
        record = state.record
        counts = (str(record.passed), str(record.failed)) if record else ("", "")
        rows.append((state.task.id, state.task.title, word, *counts))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column > 2 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
