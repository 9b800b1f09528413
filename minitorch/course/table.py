"""The table of tasks as text: `python -m minitorch.course.table` prints it for the README."""

from __future__ import annotations

from .curriculum import Task, load_tasks

__all__ = ["task_table"]


def task_table(tasks: tuple[Task, ...]) -> str:
    """Return the tasks as a Markdown table."""
    rows = ["| task | what | in | after | tests |", "|---|---|---|---|---|"]
    for task in tasks:
        files = list(dict.fromkeys(blank.file for blank in task.blanks))
        places = ", ".join(f"[`{file.removeprefix('minitorch/')}`]({file})" for file in files)
        needs = ", ".join(task.needs) or "-"
        rows.append(
            f"| {task.id} | {task.title} | {places} | {needs} | `pytest -m {task.marker}` |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    print(task_table(load_tasks()))
