"""Grades: points, partial credit, students' own tests, and submissions that want to cheat."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from grade_kit import NUMBERS, TESTS, hand_in, make_solution, with_body

from minitorch.course.cutter import cut
from minitorch.course.grade import GradeError, Grades, Limits, grade
from minitorch.course.gradescope import grades_table, results, write_results
from minitorch.course.grading.walls import Walls

LIMITS = Limits(task_seconds=60, test_seconds=20, memory=3 << 30)

# For what would run for ever: these times are waited for.
SHORT = Limits(task_seconds=8, test_seconds=3, memory=3 << 30)


@pytest.fixture(scope="module")
def solution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_solution(tmp_path_factory.mktemp("solution"))


def scores(grades: Grades) -> dict[str, float]:
    return {found.task.id: found.score for found in grades.tasks}


def words(grades: Grades, id: str) -> str:
    """Return all that is said of a task."""
    (found,) = (found for found in grades.tasks if found.task.id == id)
    return "\n".join([found.words, *(each.words for each in found.properties)])


def test_a_whole_submission_has_all_points(solution: Path, tmp_path: Path) -> None:
    said: list[str] = []
    grades = grade(hand_in(tmp_path / "in"), solution=solution, limits=LIMITS, say=said.append)
    assert scores(grades) == {"0.1": 40, "0.2": 30, "0.3": 30}
    assert (grades.score, grades.points) == (100, 100)
    assert said[-1] == "Task 0.3: 30 of 30 points"
    names = [[each.name for each in found.properties] for found in grades.tasks]
    assert names[0] == ["test_products", "test_products_of_any", "test_one_half", "test_halves"]
    assert names[1] == ["test_negatives", "test_mine", "your test_mine"]
    assert names[2] == ["test_sums", "test_an_empty_sum"]


def test_cases_share_a_property_and_properties_share_the_points(
    solution: Path, tmp_path: Path
) -> None:
    numbers = with_body("mul", "if x == 3.0 and y == 4.0:\n    return 0.0\nreturn x * y")
    numbers = numbers.replace("return mul(x, 0.5)", "return x - 0.5")
    tests = TESTS.replace("    assert neg(neg(x)) == x\n", "")
    folder = hand_in(tmp_path / "in", numbers, tests)
    grades = grade(folder, solution=solution, limits=LIMITS)
    # Half of the cases; all; 1 - 0.5 happens to be right; wrong.
    assert [each.share for each in grades.tasks[0].properties] == [0.5, 1, 1, 0]
    # Its own test passes on one of two wrong versions.
    assert [each.share for each in grades.tasks[1].properties] == [1, 1, 0.5]
    assert scores(grades) == {"0.1": 25, "0.2": 25, "0.3": 30}
    assert "neg of twice" in words(grades, "0.2")
    assert "came out" in words(grades, "0.1")


@pytest.mark.slow
def test_what_is_not_written_costs_its_own_task_only(solution: Path, tmp_path: Path) -> None:
    numbers = NUMBERS
    for name in ("mul", "Pair.half"):
        numbers = cut(numbers, name, f"Task 0.1: minitorch/numbers.py, {name}")
    folder = hand_in(tmp_path / "in", numbers)
    (folder / "tests" / "test_numbers.py").unlink()
    grades = grade(folder, ["0.1", "0.3"], solution=solution, limits=LIMITS)
    assert scores(grades) == {"0.1": 0, "0.3": 30}
    assert "to do: Task 0.1: minitorch/numbers.py, mul" in words(grades, "0.1")
    grades = grade(folder, ["0.2"], solution=solution, limits=LIMITS)
    assert scores(grades) == {"0.2": 20}
    assert "tests/test_numbers.py is missing" in words(grades, "0.2")


def test_a_file_that_is_no_python_says_so(solution: Path, tmp_path: Path) -> None:
    folder = hand_in(tmp_path / "in", NUMBERS.replace("return -x", "return -"))
    grades = grade(folder, ["0.1"], solution=solution, limits=LIMITS)
    assert scores(grades) == {"0.1": 0}
    assert "minitorch/numbers.py, line 21: invalid syntax\n    return -" in words(grades, "0.1")


def test_the_form_of_gradescope(solution: Path, tmp_path: Path) -> None:
    folder = hand_in(tmp_path / "in", with_body("mul", "return os.getpid()", "import os"))
    grades = grade(folder, ["0.1"], solution=solution, limits=LIMITS)
    write_results(grades, tmp_path / "results.json")
    found: dict[str, Any] = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert found == json.loads(json.dumps(results(grades)))
    task, note = found["tests"]
    assert task["name"] == "Task 0.1: Products"
    assert (task["score"], task["max_score"], found["score"]) == (0, 40, 0)
    assert task["status"] == "failed"
    assert task["visibility"] == "visible"
    assert "failed test_products\n" in task["output"]
    assert "minitorch/numbers.py speaks of os" in note["output"]
    assert note["visibility"] == "hidden"
    rich = pytest.importorskip("rich.console")
    console = rich.Console(width=120, record=True)
    console.print(grades_table(grades))
    assert "test_products, test_products_of_any, test_one_half and 1 more" in console.export_text()


def test_what_cannot_be_graded_is_said(solution: Path, tmp_path: Path) -> None:
    with pytest.raises(GradeError, match="hand in the whole repository"):
        grade(tmp_path, solution=solution)
    with pytest.raises(GradeError, match="is not a checkout of the solution"):
        grade(hand_in(tmp_path / "in"), solution=tmp_path / "in")
    with pytest.raises(LookupError, match=r"no task '7\.1'"):
        grade(tmp_path / "in", ["7.1"], solution=solution)


def test_a_solution_that_fails_its_tests_grades_no_one(tmp_path: Path) -> None:
    solution = make_solution(tmp_path / "solution")
    file = solution / "minitorch" / "numbers.py"
    file.write_text(NUMBERS.replace("mul(x, 0.5)", "mul(x, 0.25)"), encoding="utf-8")
    with pytest.raises(GradeError, match=r"Task 0\.1: tests/test_numbers\.py::test_one_half"):
        grade(hand_in(tmp_path / "in"), ["0.1"], solution=solution, limits=LIMITS)


@pytest.mark.slow
def test_tests_of_ones_own_that_prove_nothing(solution: Path, tmp_path: Path) -> None:
    start, _, rest = TESTS.partition("def test_mine(x):")
    rest = rest[rest.index("\n\n\n") :]
    for number, body in enumerate(
        ("pass", "assert neg(x) == 5", "raise SystemExit(0)", "import os; os._exit(0)",
         "import random; assert random.random() < 0.5", "pytest.skip('no')")
    ):  # fmt: skip
        tests = f"{start}def test_mine(x):\n    {body}{rest}"
        folder = hand_in(tmp_path / str(number), tests=tests)
        grades = grade(folder, ["0.2"], solution=solution, limits=LIMITS)
        assert scores(grades) == {"0.2": 20}, body


# What a submission may try, as bodies of `mul`, and lines above it. None of it may earn what
# `total`, in another task, does not lose.
ATTEMPTS = {
    "an endless loop": ("while True:\n    pass", ""),
    "an endless loop in an import": ("return START", "START = max(iter(int, 1))"),
    "sys.exit": ("sys.exit(0)", "import sys"),
    "os._exit": ("os._exit(0)", "import os"),
    "os._exit in an import": ("return END", "import os\nEND = os._exit(0)"),
    "pytest.exit": ("pytest.exit('done', 0)", "import pytest"),
    "pytest.skip": ("pytest.skip('no')", "import pytest"),
    "an interrupt": ("raise KeyboardInterrupt", ""),
    "a segmentation fault": ("ctypes.string_at(0)", "import ctypes"),
    "its group is killed": ("os.killpg(0, 9)", "import os"),
    "a copy goes on": ("if os.fork():\n    os._exit(0)\nreturn 0", "import os"),
    "a daemon": (
        "if os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)\nos._exit(0)",
        "import os, time",
    ),
    "more and more processes": (
        "while True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        "import os",
    ),
    "more and more threads": (
        "for _ in range(1000):\n    threading.Thread(target=time.sleep, args=(60,)).start()",
        "import threading, time",
    ),
    "all the memory": ("return bytearray(1 << 40)", ""),
    "gigabytes of output": ("while True:\n    os.write(1, bytes(1 << 20))", "import os"),
    "a file without end": (
        "with open(os.environ['HOME'] + '/x', 'wb') as f:\n    while True:\n"
        "        f.write(bytes(1 << 20))",
        "import os",
    ),
    "its files are deleted": ("shutil.rmtree('.', ignore_errors=True)\nreturn 0", "import shutil"),
    "it writes into all files that are open": (
        "for f in range(3, 64):\n    try:\n        os.write(f, b'passed\\n' * 99)\n"
        "    except OSError:\n        pass",
        "import os",
    ),
    "a file of results": (
        "for name in ('results.json', '../results.json'):\n    try:\n"
        "        open(name, 'w').write('{\"score\": 100}')\n    except OSError:\n        pass",
        "",
    ),
    "pytest runs no test": (
        "python.Function.runtest = lambda self: None",
        "from _pytest import python",
    ),
    "the code that runs a test": (
        "python.Function.runtest.__code__ = (lambda self: None).__code__",
        "from _pytest import python",
    ),
    "numpy finds all close": (
        "np.testing.assert_allclose = lambda *a, **k: None",
        "import numpy as np",
    ),
    "pytest finds all equal": (
        "return DONE",
        "import pytest\nclass Same:\n    def __init__(self, x): pass\n"
        "    def __eq__(self, x): return True\nDONE = setattr(pytest, 'approx', Same)",
    ),
    "other tests": (
        "import sys\nmodule = sys.modules['test_numbers']\nfor name in dir(module):\n"
        "    if name.startswith('test_'):\n"
        "        getattr(module, name).__code__ = (lambda x=1: None).__code__",
        "",
    ),
    "other tests from the start": (
        "return DONE",
        "import sys, types\nOTHER = types.ModuleType('test_numbers')\n"
        "OTHER.test_products = lambda: None\n"
        "DONE = [OTHER, sys.modules.update(test_numbers=OTHER)]",
    ),
    "the file of tests": (
        "return DONE",
        "import pathlib\ndef change():\n    try:\n"
        "        pathlib.Path('tests/test_numbers.py').write_text("
        "'import pytest\\n@pytest.mark.task0_1\\ndef test_halves(): pass\\n')\n"
        "    except OSError:\n        pass\nDONE = change()",
    ),
    "the reference": ("from minitorch.secret import ANSWER\nreturn ANSWER", ""),
    # Of this repository's library, the small solution has no file.
    "the installed reference": ("from minitorch.operators import mul\nreturn mul(x, y)", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_attempt_earns_nothing_and_costs_no_other_task(
    attempt: str, solution: Path, tmp_path: Path
) -> None:
    body, before = ATTEMPTS[attempt]
    numbers = with_body("mul", body, before).replace(
        "return mul(x, 0.5)", "return mul(x, 0.5) or 0"
    )
    folder = hand_in(tmp_path / "in", numbers)
    limits = SHORT if "endless" in attempt else LIMITS
    grades = grade(folder, ["0.1", "0.3"], solution=solution, limits=limits)
    assert scores(grades) == {"0.1": 0, "0.3": 30}, words(grades, "0.1")
    assert (solution / "tests" / "test_numbers.py").read_text(encoding="utf-8") == TESTS


@pytest.mark.slow
def test_the_solution_is_not_to_be_seen(solution: Path, tmp_path: Path) -> None:
    if not Walls(solution).walled:
        pytest.skip("this machine gives no namespaces: student code can read what its user can")
    body = f"exec(open({str(solution / 'minitorch' / 'numbers.py')!r}).read(), globals())"
    folder = hand_in(tmp_path / "in", with_body("mul", body + "\nreturn mul(x, y)"))
    grades = grade(folder, ["0.1"], solution=solution, limits=LIMITS)
    assert scores(grades) == {"0.1": 0}
    assert "FileNotFoundError" in words(grades, "0.1")


@pytest.mark.slow
def test_a_crash_costs_its_property_and_the_others_are_run(solution: Path, tmp_path: Path) -> None:
    body = "if y == 2:\n    os._exit(0)\nreturn x * y"
    folder = hand_in(tmp_path / "in", with_body("mul", body, "import os"))
    grades = grade(folder, ["0.1"], solution=solution, limits=LIMITS)
    assert [each.share for each in grades.tasks[0].properties] == [1, 0, 1, 1]
    assert "the process ended itself" in words(grades, "0.1")
