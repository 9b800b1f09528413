"""A task as Markdown: what the table says of it, and its functions as a student finds them."""

from __future__ import annotations

import textwrap
from pathlib import Path

from minitorch_course.curriculum import find_task, load_tasks
from minitorch_course.cutter import cut, definition

__all__ = ["TOP", "overview", "task"]

TOP = Path(__file__).parents[1]


def _list(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


def _page(id: str) -> str:
    return f"module{id.split('.')[0]}.md#{_anchor(id)}"


def _anchor(id: str) -> str:
    return "task-" + id.replace(".", "-")


def task(id: str) -> str:
    """Return a task for the page of its module: a heading, what to write, how to test it, hints."""
    task = find_task(id)
    links = _list([f"[{need}]({_page(need)})" for need in task.needs])
    needs = f" · after {links}" if links else ""
    parts = [
        f"### Task {task.id}: {task.title} {{#{_anchor(task.id)}}}",
        f"{task.points} points{needs}",
    ]
    for file in task.files:
        names = [blank.name for blank in task.blanks if blank.file == file]
        parts.append(f"In `{file}`: {_list([f'`{name}`' for name in names])}.")
    sources = {file: (TOP / file).read_text(encoding="utf-8") for file in task.files}
    found = "\n\n\n".join(
        textwrap.dedent(definition(cut(sources[b.file], b.name, task.message(b)), b.name)).rstrip()
        for b in task.blanks
    )
    parts += [
        _folded("abstract", "What you find there", f"```python\n{found}\n```"),
        f"```sh\nminitorch check {task.id}    # or: pytest -m {task.marker}\n```",
    ]
    parts += [
        _folded("question", f"Hint {number}", hint) for number, hint in enumerate(task.hints, 1)
    ]
    return "\n\n".join(parts) + "\n"


def _folded(kind: str, title: str, text: str) -> str:
    """Return text that is shown when its title is clicked."""
    return f'??? {kind} "{title}"\n\n' + textwrap.indent(text, "    ")


def overview() -> str:
    """Return all tasks as a table, each with a link to its page."""
    rows = ["| task | what | in | after | points |", "|---|---|---|---|---|"]
    for task in load_tasks():
        files = ", ".join(f"`{file}`" for file in task.files)
        needs = ", ".join(task.needs) or "-"
        rows.append(
            f"| [{task.id}]({_page(task.id)}) | {task.title} | {files} | {needs} | {task.points} |"
        )
    return "\n".join(rows) + "\n"
