"""Assignments as students get them: without what stands between the marks of nbgrader.

    python -m minitorch_course.notebooks project/assignments/conv_solver DIR

Notebooks, and the Python files that they import, mark what a student writes, as for
https://nbgrader.readthedocs.io/en/stable/user_guide/creating_and_grading_assignments.html::

    ### BEGIN SOLUTION
    return np.maximum(x, 0)
    ### END SOLUTION

`nbgrader generate_assignment` makes the same of a notebook. In Markdown files the text under each
heading is an answer.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

__all__ = ["AssignmentError", "code_without_solutions", "cut_assignment", "without_solutions"]

# What stands in the place of a solution; nbgrader writes the same.
STUBS = {"code": "# YOUR CODE HERE\nraise NotImplementedError()", "markdown": "YOUR ANSWER HERE"}

# What running a solved assignment left in its folder.
LEFT_BEHIND = ("__pycache__", ".ipynb_checkpoints", "output_files", "results")


class AssignmentError(ValueError):
    """An assignment that cannot be cut, with the reason."""


def cut_assignment(solved: Path, given: Path) -> None:
    """Make a student's copy of a solved assignment: no solutions, no outputs, no results.

    Args:
        solved: the folder of the assignment.
        given: the folder to make.

    Raises:
        AssignmentError: if the folder is there already, or the marks of a file do not fit.
    """
    if given.exists():
        raise AssignmentError(f"{given} is there already")
    cutters = {
        ".ipynb": without_solutions, ".md": _without_answers, ".py": code_without_solutions,
    }  # fmt: skip
    texts = {}
    for path in solved.rglob("*"):
        if path.suffix in cutters and not set(LEFT_BEHIND) & set(path.parts):
            try:
                texts[path] = cutters[path.suffix](path.read_text(encoding="utf-8"))
            except AssignmentError as error:
                raise AssignmentError(f"{path}: {error}") from None
    shutil.copytree(solved, given, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    for path, text in texts.items():
        (given / path.relative_to(solved)).write_text(text, encoding="utf-8")


def code_without_solutions(text: str) -> str:
    """Return a Python file with a stub for each solution.

    Raises:
        AssignmentError: if a begin has no end or an end no begin.
    """
    return _cut(text, STUBS["code"]) + "\n"


def without_solutions(text: str) -> str:
    """Return a notebook with a stub for each solution, and without outputs.

    Args:
        text: the text of a solved notebook.

    Raises:
        AssignmentError: naming the cell, if a begin has no end or an end no begin.
    """
    notebook: dict[str, Any] = json.loads(text)
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] in STUBS:
            source = "".join(cell["source"])
            try:
                source = _cut(source, STUBS[cell["cell_type"]])
            except AssignmentError as error:
                raise AssignmentError(f"cell {number}: {error}") from None
            cell["source"] = source.splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _without_answers(text: str) -> str:
    """Return Markdown with a stub under each heading of the second level."""
    start, *headed = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    stubs = [f"{part.splitlines()[0]}\n\n{STUBS['markdown']}\n" for part in headed]
    return "\n".join([start.rstrip("\n") + "\n", *stubs])


def _cut(source: str, stub: str) -> str:
    """Return the text of a cell with a stub, indented as its begin, for each solution."""
    kept: list[str] = []
    inside = False
    for line in source.splitlines():
        mark = re.fullmatch(r"(\s*)### (BEGIN|END) SOLUTION\s*", line)
        if mark is None:
            if not inside:
                kept.append(line)
        elif (mark[2] == "BEGIN") == inside:
            raise AssignmentError("a solution begins in a solution" if inside else "a lone end")
        else:
            inside = not inside
            if inside:
                kept += [mark[1] + part for part in stub.splitlines()]
    if inside:
        raise AssignmentError("a solution begins and does not end")
    return "\n".join(kept)


if __name__ == "__main__":
    try:
        cut_assignment(*map(Path, sys.argv[1:]))
    except AssignmentError as error:
        sys.exit(str(error))
