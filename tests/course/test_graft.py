"""A student's functions in the solution's file: what comes along, and what stays behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minitorch.course import cut, load_tasks
from minitorch.course.grading.graft import graft, missing

TOP = Path(__file__).parents[2]

GIVEN = '''"""A file."""

from __future__ import annotations

import math

EPS = 0.5


def one(x):
    """Give one."""
    raise NotImplementedError("Task 1")


def two(x):
    return 2


def outer(fn):
    def inner(a):
        raise NotImplementedError("Task 2")

    return inner


class Thing:
    def method(self):
        raise NotImplementedError("Task 3")

    def other(self):
        return "given"
'''


def run(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(text, "grafted", "exec"), names)
    return names


def test_helpers_come_along_as_far_as_one_leads_to_the_next() -> None:
    written = GIVEN.replace('"""Give one."""\n    raise NotImplementedError("Task 1")',
                            "return first(x) + K").replace(
        "EPS = 0.5\n",
        "import os, operator as op\nEPS = 7.0\nK = 100\n\n\ndef first(x):\n    return second(x)\n\n"
        "\ndef unused(x):\n    return os\n\n\nsecond = lambda x: op.add(x, EPS)\n",
    )  # fmt: skip
    text = graft(GIVEN, written, ["one"])
    # The student's own names, and the given value of what is given.
    assert run(text)["one"](1) == 101.5
    assert "unused" not in text
    assert "import os" not in text
    assert 'raise NotImplementedError("Task 2")' in text


def test_what_a_file_does_on_import_stays_behind() -> None:
    written = GIVEN.replace("EPS = 0.5", "print('seen')\nraise SystemExit").replace(
        'raise NotImplementedError("Task 1")', "return EPS"
    )
    assert run(graft(GIVEN, written, ["one"]))["one"](0) == 0.5


def test_other_functions_of_the_file_are_those_that_are_given() -> None:
    written = GIVEN.replace("return 2", "return 3").replace(
        'raise NotImplementedError("Task 1")', "return two(x)"
    )
    assert run(graft(GIVEN, written, ["one"]))["one"](0) == 2


def test_helpers_in_a_class_and_in_a_function_around() -> None:
    written = (
        GIVEN.replace("    def inner(a):", "    scale = 3\n\n    def inner(a):")
        .replace('raise NotImplementedError("Task 2")', "return scale * fn(a)")
        .replace('raise NotImplementedError("Task 3")', "return self.mine() + self.other()")
        .replace('return "given"', 'return "changed"\n\n    @staticmethod\n    def mine():\n'
                 '        """A\ntext."""\n        return "mine "')
    )  # fmt: skip
    names = run(graft(GIVEN, written, ["outer.inner", "Thing.method"]))
    assert names["outer"](lambda a: a + 1)(1) == 6
    assert names["Thing"]().method() == "mine given"


def test_a_helper_that_calls_the_function_itself_comes_after_it() -> None:
    written = GIVEN.replace(
        'raise NotImplementedError("Task 1")', "return AGAIN if x else 5"
    ).replace("\n\ndef two", "\n\nAGAIN = one(0)\n\n\ndef two")
    assert run(graft(GIVEN, written, ["one"]))["one"](1) == 5


def test_another_indentation() -> None:
    written = (
        "class Thing:\n  def method(self):\n    return self.mine()\n\n"
        "  def mine(self):\n    return 4\n"
    )
    assert run(graft(GIVEN, written, ["Thing.method"]))["Thing"]().method() == 4


def test_functions_that_are_lost_stay_empty() -> None:
    written = "from math import *\n\n\ndef one(x):\n    return floor(x)\n"
    text = graft(GIVEN, written, ["one", "outer.inner"])
    assert 'raise NotImplementedError("Task 2")' in text
    assert "import *" not in text
    assert missing(written, ["one", "outer.inner", "Thing.method"]) == [
        "outer.inner",
        "Thing.method",
    ]


@pytest.mark.parametrize("id", ["0.1", "0.2", "2.3", "4.1", "4.4"])
def test_the_solution_in_a_starter_gives_the_solution(id: str) -> None:
    (task,) = (task for task in load_tasks() if task.id == id)
    for file in task.files:
        solved = (TOP / file).read_text(encoding="utf-8")
        empty = solved
        names = [blank.name for blank in task.blanks if blank.file == file]
        for name in names:
            empty = cut(empty, name, "Task")
        assert empty != solved
        assert graft(empty, solved, names) == solved
