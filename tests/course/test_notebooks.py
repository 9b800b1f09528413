"""Notebook assignments without their solutions."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from minitorch.course.notebooks import AssignmentError, cut_assignment, without_solutions

TOP = Path(__file__).parents[2]

CODE = """def mean(x):
    \"\"\"Return the mean.\"\"\"
    ### BEGIN SOLUTION
    total = sum(x)

    return total / len(x)
    ### END SOLUTION

assert mean([1, 3]) == 2"""

STUB = """def mean(x):
    \"\"\"Return the mean.\"\"\"
    # YOUR CODE HERE
    raise NotImplementedError()

assert mean([1, 3]) == 2"""


def notebook(*cells: tuple[str, str]) -> str:
    rows: list[dict[str, Any]] = []
    for kind, source in cells:
        row: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source.splitlines(True)}
        if kind == "code":
            row |= {"execution_count": 7, "outputs": [{"output_type": "stream", "text": ["2"]}]}
        rows.append(row)
    return json.dumps({"cells": rows, "metadata": {"x": "é"}, "nbformat": 4, "nbformat_minor": 5})


def test_solutions_become_stubs_and_outputs_go() -> None:
    answer = "Why?\n\n### BEGIN SOLUTION\nBecause.\n### END SOLUTION"
    source = notebook(("code", CODE), ("markdown", answer), ("raw", answer), ("code", "1 + 1"))
    text = without_solutions(source)
    code, markdown, raw, plain = json.loads(text)["cells"]
    assert "".join(code["source"]) == STUB
    assert (code["outputs"], code["execution_count"]) == ([], None)
    assert "".join(markdown["source"]) == "Why?\n\nYOUR ANSWER HERE"
    assert "".join(raw["source"]) == answer
    assert plain["source"] == ["1 + 1"]
    assert "é" in text
    # What is given once is given again as it is.
    assert without_solutions(text) == text


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("### BEGIN SOLUTION\nx = 1", "cell 1: a solution begins and does not end"),
        ("x = 1\n### END SOLUTION", "cell 1: a lone end"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION", "cell 1: a solution begins in a solution"),
    ],
)
def test_marks_must_come_in_pairs(cell: str, message: str) -> None:
    with pytest.raises(AssignmentError, match=message):
        without_solutions(notebook(("markdown", "first"), ("code", cell)))


@pytest.mark.parametrize("name", ["conv_solver", "mlp_cnn", "modular_nn"])
def test_the_assignments_that_ship_are_cut_to_files_that_import(name: str, tmp_path: Path) -> None:
    assignments = tmp_path / "project" / "assignments"
    assignments.mkdir(parents=True)
    (assignments / "__init__.py").touch()
    solved = TOP / "project" / "assignments" / name
    command = [sys.executable, "-m", "minitorch_course.notebooks", solved, assignments / name]
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    subprocess.run(command, check=True, cwd=tmp_path, env=environment)
    files = [path for path in assignments.rglob("*") if path.suffix in (".py", ".ipynb")]
    stubs = 0
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*\"?### (BEGIN|END) SOLUTION", text, re.MULTILINE), path
        assert "image/png" not in text
        stubs += text.count("YOUR CODE HERE")
    assert stubs > 5
    for path in assignments.rglob("answers.md"):
        text = path.read_text(encoding="utf-8")
        assert len(text.split()) < 200
        assert text.count("YOUR ANSWER HERE") == text.count("## ") > 10
    assert not (assignments / name / "results").exists()
    modules = [path.stem for path in (assignments / name).glob("*.py") if path.stem[0] != "_"]
    program = (
        f"import importlib\nfor name in {modules}:\n"
        f"    module = importlib.import_module('project.assignments.{name}.' + name)\n"
        f"    assert module.__file__.startswith({str(assignments)!r}), module\n"
    )
    environment["PYTHONPATH"] = f"{tmp_path}:{TOP}"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_folder_that_is_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssignmentError, match="is there already"):
        cut_assignment(TOP / "project" / "assignments" / "conv_solver", tmp_path)
