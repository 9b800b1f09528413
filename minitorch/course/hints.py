"""The ladder of hints of a task: one more each time that one asks."""

from __future__ import annotations

from pathlib import Path

from .curriculum import Task
from .progress import load_json, save_json

__all__ = ["told_hints"]


def told_hints(root: Path, task: Task) -> str:
    """Return the hints of a task as far as one has asked, the next one included.

    How far is kept in `.minitorch/hints.json`.
    """
    path = root / ".minitorch" / "hints.json"
    kept = load_json(path)
    seen = kept.get(task.id, 0)
    now = min((seen if isinstance(seen, int) else 0) + 1, len(task.hints))
    save_json(path, {**kept, task.id: now})
    lines = [f"hint {number}: {hint}" for number, hint in enumerate(task.hints[:now], 1)]
    more = len(task.hints) - now
    lines.append(f"({more} more)" if more else "(that was the last)")
    return "\n".join(lines)
