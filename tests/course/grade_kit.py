"""A small solution with a course of its own, quick to grade, and what students hand in for it."""

from __future__ import annotations

import shutil
from pathlib import Path

TOP = Path(__file__).parents[2]

TABLE = """
[[module]]
id = "0"
title = "Numbers"

[[task]]
id = "0.1"
title = "Products"
points = 40
needs = []
hints = []
functions = ["minitorch/numbers.py:mul", "minitorch/numbers.py:Pair.half"]

[[task]]
id = "0.2"
title = "A test of one's own"
points = 30
needs = ["0.1"]
hints = []
functions = ["minitorch/numbers.py:neg", "tests/test_numbers.py:test_mine"]

[[task]]
id = "0.3"
title = "Sums"
points = 30
needs = ["0.1"]
hints = []
functions = ["minitorch/numbers.py:total"]

[[room]]
class = "given"
paths = ["minitorch/", "minitorch_course.py", "pyproject.toml", "tests/test_numbers.py"]

[[room]]
class = "given"
paths = ["tests/conftest.py"]

[[room]]
class = "reference"
paths = ["minitorch/course/start.py", "minitorch/secret.py"]
"""

NUMBERS = '''"""Numbers."""

from __future__ import annotations

import math


def mul(x, y):
    """Multiply."""
    return x * y


class Pair:
    def half(self, x):
        """Divide by two."""
        return mul(x, 0.5)


def neg(x):
    """Return the negative."""
    return -x


def total(values):
    """Add up, exactly, the halves of twice the values."""
    return math.fsum(Pair().half(mul(value, 2.0)) for value in values)
'''

TESTS = '''"""Tests."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from minitorch.numbers import Pair, mul, neg, total


@pytest.mark.task0_1
@pytest.mark.parametrize("x", [2.0, 3.0])
def test_products(x):
    np.testing.assert_allclose(mul(x, 4.0), x * 4.0)


@pytest.mark.task0_1
@given(st.integers(0, 99))
def test_products_of_any(x):
    assert mul(x, 2) == x + x


@pytest.mark.task0_1
def test_one_half():
    assert Pair().half(1.0) == pytest.approx(0.5)


@pytest.mark.task0_1
def test_halves():
    assert Pair().half(3.0) == pytest.approx(1.5)


@pytest.mark.task0_2
def test_negatives():
    assert neg(2.0) == -2.0


@pytest.mark.task0_2
@given(st.integers(1, 99))
def test_mine(x):
    """Check neg."""
    assert neg(x) < 0
    assert neg(neg(x)) == x


@pytest.mark.task0_3
def test_sums():
    assert total([1.0, 2.0]) == 3.0


@pytest.mark.task0_3
def test_an_empty_sum():
    assert total([]) == 0.0


@pytest.mark.task0_3
@pytest.mark.slow
def test_a_slow_sum():
    raise AssertionError("slow tests are not for grading")
'''

MUTANTS = """
[[mutant]]
name = "neg that changes nothing"
function = "minitorch/numbers.py:neg"
by = "tests/test_numbers.py:test_mine"
old = "-x"
new = "x"

[[mutant]]
name = "neg of twice"
function = "minitorch/numbers.py:neg"
by = "tests/test_numbers.py:test_mine"
old = "-x"
new = "-2 * x"
"""


def make_solution(folder: Path) -> Path:
    """Make the solution in a folder."""
    skip = shutil.ignore_patterns("__pycache__", "curriculum.toml")
    shutil.copytree(TOP / "minitorch" / "course", folder / "minitorch" / "course", ignore=skip)
    (folder / "tests" / "course" / "mutants").mkdir(parents=True)
    for name in ("minitorch_course.py", "tests/conftest.py"):
        shutil.copy(TOP / name, folder / name)
    for name, text in {
        "minitorch/__init__.py": "from . import numbers\n",
        "minitorch/cuda_target.py": "def gpu_is_there():\n    return False\n",
        "minitorch/numbers.py": NUMBERS,
        "minitorch/secret.py": "ANSWER = 42\n",
        "minitorch/course/curriculum.toml": TABLE,
        "tests/test_numbers.py": TESTS,
        "tests/course/mutants/task_0_2.toml": MUTANTS,
        "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-q --strict-markers"\n',
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def hand_in(folder: Path, numbers: str = NUMBERS, tests: str = TESTS) -> Path:
    """Make a submission in a folder."""
    for name, text in (("minitorch/numbers.py", numbers), ("tests/test_numbers.py", tests)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def with_body(name: str, body: str, before: str = "") -> str:
    """Return the student's file with another body of a function.

    Args:
        name: the function's name.
        body: the lines of its body, without indentation.
        before: lines of the file above all functions.
    """
    head, line, rest = NUMBERS.partition(
        next(x for x in NUMBERS.split("\n") if f"def {name}(" in x)
    )
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    after = rest.split("\n\n\n", 1)[1]
    lines = "".join(f"{indent}{text}\n" for text in body.strip("\n").split("\n"))
    text = f"{head}{line}\n{lines}\n\n{after}"
    return text.replace("import math\n", f"import math\n{before}\n", 1)
