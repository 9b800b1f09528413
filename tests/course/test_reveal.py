"""`minitorch reveal`: the solution of one task in a student's files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from minitorch.course import is_blank, load_tasks
from minitorch.course.reveal import RevealError, reveal
from minitorch.course.start import start

TOP = Path(__file__).parents[2]
OPERATORS = "minitorch/operators.py"


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """Return a starter for Module 0."""
    start(tmp_path / "student", "0.1", "0.5")
    return tmp_path / "student"


def edit(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_task_is_solved_and_the_students_version_kept(student: Path) -> None:
    before = (student / OPERATORS).read_bytes()
    ((path, kept),) = reveal("0.3", student)
    assert path == student / OPERATORS
    assert kept == student / "minitorch" / "operators.py.before-0.3"
    assert kept.read_bytes() == before
    source = path.read_text(encoding="utf-8")
    for task in load_tasks()[:3]:
        for blank in task.blanks:
            if blank.file == OPERATORS:
                assert is_blank(source, blank.name) == (task.id != "0.3")


def test_what_else_the_student_wrote_stays(student: Path) -> None:
    edit(student, OPERATORS, "import math\n", "import math\nimport cmath  # mine\n")
    edit(student, OPERATORS, 'raise NotImplementedError("Task 0.1: minitorch/operators.py, neg")',
         "return 0.0 - x  # mine too")  # fmt: skip
    # A wrong solution, with another signature.
    edit(student, OPERATORS, "def negList(values: Iterable[float]) -> list[float]:",
         "def negList(xs):")  # fmt: skip
    reveal("0.3", student)
    source = (student / OPERATORS).read_text(encoding="utf-8")
    assert "import cmath  # mine" in source
    assert "return 0.0 - x  # mine too" in source
    assert "def negList(values: Iterable[float]) -> list[float]:" in source
    assert "xs" not in source


def test_all_tasks_revealed_are_the_solution(student: Path) -> None:
    for id in ("0.5", "0.3", "0.1", "0.2", "0.4"):  # in any order
        reveal(id, student)
    for file in (OPERATORS, "minitorch/module.py", "tests/test_operators.py"):
        assert (student / file).read_bytes() == (TOP / file).read_bytes()


def test_a_version_that_was_kept_is_never_overwritten(student: Path) -> None:
    reveal("0.3", student)
    first = (student / "minitorch" / "operators.py.before-0.3").read_bytes()
    assert reveal("0.3", student) == []  # it is solved: there is nothing to do
    edit(student, OPERATORS, "return map(neg)(values)", "return []")
    ((_, kept),) = reveal("0.3", student)
    assert kept == student / "minitorch" / "operators.py.before-0.3-2"
    assert b"return []" in kept.read_bytes()
    assert (student / "minitorch" / "operators.py.before-0.3").read_bytes() == first


def test_the_file_keeps_its_mode(student: Path) -> None:
    os.chmod(student / OPERATORS, 0o640)
    reveal("0.1", student)
    assert stat.S_IMODE((student / OPERATORS).stat().st_mode) == 0o640


def test_functions_indented_otherwise_are_found_and_filled(tmp_path: Path) -> None:
    start(tmp_path / "student", "2.3", "2.3")
    path = tmp_path / "student" / "minitorch" / "tensor_ops.py"
    text = path.read_text(encoding="utf-8")
    halved = "".join(
        line[(len(line) - len(line.lstrip(" "))) // 2 :] for line in text.splitlines(keepends=True)
    )
    path.write_text(halved, encoding="utf-8")
    reveal("2.3", tmp_path / "student")
    source = path.read_text(encoding="utf-8")
    compile(source, str(path), "exec")
    assert not is_blank(source, "tensor_map._map")


def test_a_missing_file_comes_back_with_its_other_tasks_empty(student: Path) -> None:
    (student / OPERATORS).unlink()
    assert reveal("0.1", student) == [(student / OPERATORS, None)]
    source = (student / OPERATORS).read_text(encoding="utf-8")
    assert not is_blank(source, "neg")
    assert is_blank(source, "negList")


def test_a_file_that_is_no_python_is_left_alone(student: Path) -> None:
    edit(student, OPERATORS, "def neg(x: float) -> float:", "def neg(x: float -> float:")
    before = (student / OPERATORS).read_bytes()
    with pytest.raises(RevealError, match=r"operators\.py, line \d+: "):
        reveal("0.1", student)
    assert (student / OPERATORS).read_bytes() == before
    assert not list(student.rglob("*.before-*"))


def test_none_of_the_files_changes_if_one_cannot(tmp_path: Path) -> None:
    start(tmp_path / "student", "1.4", "1.4")
    edit(tmp_path / "student", "minitorch/scalar_functions.py", "class Inv(", "class Inverse(")
    before = (tmp_path / "student" / "minitorch" / "autodiff.py").read_bytes()
    with pytest.raises(RevealError, match=r"there is no function Inv\.backward"):
        reveal("1.4", tmp_path / "student")
    assert (tmp_path / "student" / "minitorch" / "autodiff.py").read_bytes() == before


def test_the_solution_and_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RevealError, match="the solution itself"):
        reveal("0.1", TOP)
    with pytest.raises(RevealError, match="not the top of a starter"):
        reveal("0.1", tmp_path)
    with pytest.raises(LookupError, match="no task"):
        reveal("0.9", tmp_path)
