"""A small checkout with a course of its own: four tasks in plain Python, quick to test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[2]

TABLE = """
[[module]]
id = "0"
title = "Numbers"

[[task]]
id = "0.1"
title = "Products"
points = 50
needs = []
hints = ["What is zero times anything?", "Look at operators.", "One line is enough."]
functions = ["minitorch/numbers.py:mul", "minitorch/numbers.py:half"]

[[task]]
id = "0.2"
title = "Sums"
points = 50
needs = ["0.1"]
hints = ["Where does a sum begin?", "See reduce.", "Start at zero, go on with add."]
functions = ["minitorch/sums.py:Sums.total"]
"""

NUMBERS = '''
def mul(x, y):
    """Multiply."""
    return x * y


def half(x):
    """Divide by two."""
    return mul(x, 0.5)
'''

SUMS = '''
from .numbers import mul


class Sums:
    @staticmethod
    def total(values):
        """Add up."""
        result = 0.0
        for value in values:
            result += mul(value, 1.0)
        return result
'''

TESTS = """
import pytest
from minitorch.numbers import half, mul
from minitorch.sums import Sums

@pytest.mark.task0_1
@pytest.mark.parametrize("x", [2.0, 3.0])
def test_products(x):
    assert mul(x, 4.0) == x * 4.0

@pytest.mark.task0_1
def test_halves():
    assert half(3.0) == 1.5

@pytest.mark.task0_2
def test_sums():
    assert Sums.total([1.0, 2.0]) == 3.0

@pytest.mark.task0_2
def test_an_empty_sum():
    assert Sums.total([]) == 0.0

def test_of_the_library():
    assert mul(1.0, 1.0) == 1.0
"""

TODO = {
    "minitorch/numbers.py:mul": "Task 0.1: minitorch/numbers.py, mul",
    "minitorch/numbers.py:half": "Task 0.1: minitorch/numbers.py, half",
    "minitorch/sums.py:Sums.total": "Task 0.2: minitorch/sums.py, Sums.total",
}


class Mini:
    """The checkout in a folder, solved."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("minitorch/__init__.py", "from . import numbers, sums\n")
        self.write("minitorch/numbers.py", NUMBERS)
        self.write("minitorch/sums.py", SUMS)
        self.write("minitorch/course/curriculum.toml", TABLE)
        self.write("tests/test_all.py", TESTS)
        self.write("tests/conftest.py", "import minitorch\n")
        self.write("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "-q"\nmarkers = '
                   '["task0_1", "task0_2", "slow"]\n')  # fmt: skip
        self._environment()

    @classmethod
    def around(cls, folder: Path) -> Mini:
        """Return the same for a checkout that is there already."""
        checkout = cls.__new__(cls)
        checkout.folder = folder
        checkout._environment()
        return checkout

    def _environment(self) -> None:
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))},
            "PYTHONPATH": os.pathsep.join([str(self.folder), str(TOP)]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONIOENCODING": "utf-8",
        }

    def write(self, file: str, text: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def change(self, file: str, old: str, new: str) -> None:
        text = (self.folder / file).read_text(encoding="utf-8")
        assert old in text
        self.write(file, text.replace(old, new))

    def empty(self, *functions: str) -> None:
        """Empty functions, such as "minitorch/numbers.py:mul", as a starter has them."""
        from minitorch.course import cut

        for function in functions:
            file, name = function.split(":")
            source = (self.folder / file).read_text(encoding="utf-8")
            self.write(file, cut(source, name, TODO[function]))

    def pytest(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run pytest with the plugin."""
        return self._run("-m", "pytest", "-p", "minitorch_course.plugin", *options)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        return self._run("-c", "from minitorch_course.cli import main; main()", *arguments)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
        )

    def progress(self) -> dict[str, Any]:
        """Return what is kept of the student's progress."""
        path = self.folder / ".minitorch" / "progress.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
