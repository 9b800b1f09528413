"""Emptying a function, and filling it."""

from __future__ import annotations

import pytest

from minitorch.course import cut, is_blank
from minitorch.course.cutter import definition, fill

SOURCE = '''
def outer(fn):
    """Return a kernel."""

    def inner(
        a: int,  # an argument
    ) -> int:
        # A comment of the solution.
        b = a + 1
        return b

    return inner


class Thing:
    @staticmethod
    def method(x):
        """Say something.

        In two paragraphs.
        """
        # Another comment of the solution.
        return x  # the end
    other = 3

    def short(self): return 4
'''


def test_an_inner_function_is_emptied_and_nothing_else() -> None:
    result = cut(SOURCE, "outer.inner", "Task 3.1: file.py, outer.inner")
    assert '        raise NotImplementedError("Task 3.1: file.py, outer.inner")\n' in result
    assert "b = a + 1" not in result
    assert "a: int,  # an argument" in result
    assert "return inner" in result
    assert "return x  # the end" in result
    assert is_blank(result, "outer.inner")
    assert not is_blank(SOURCE, "outer.inner")


def test_docstring_and_decorators_stay_and_comments_of_the_solution_go() -> None:
    result = cut(SOURCE, "Thing.method", "Task 0.1: m")
    assert "@staticmethod" in result
    assert "In two paragraphs." in result
    assert "Another comment" not in result
    assert "other = 3" in result
    with pytest.raises(NotImplementedError, match=r"Task 0\.1: m"):
        _run(result)["Thing"].method(1)


def _run(source: str) -> dict:
    names: dict = {}
    exec(source, names)
    return names


def test_a_name_that_is_not_there_is_said() -> None:
    with pytest.raises(LookupError, match=r"no function Thing\.none"):
        cut(SOURCE, "Thing.none", "")
    with pytest.raises(LookupError, match="Thing is not a function"):
        cut(SOURCE, "Thing", "")


@pytest.mark.parametrize("name", ["outer", "outer.inner", "Thing.method"])
def test_what_was_emptied_is_filled_byte_for_byte(name: str) -> None:
    emptied = cut(SOURCE, name, "Task 0.1: m")
    assert emptied != SOURCE
    assert fill(emptied, name, definition(SOURCE, name)) == SOURCE


def test_a_definition_has_its_decorators_and_comments() -> None:
    assert definition(SOURCE, "Thing.method").startswith("    @staticmethod\n    def method(x):\n")
    assert definition(SOURCE, "Thing.method").endswith("        return x  # the end\n")


def test_characters_that_end_a_line_for_python_s_strings_only_end_none_here() -> None:
    source = "TEXT = 'a\x0cb\u2028c'\n\n\ndef f():\n    return 1\n\n\nEND = '\x1c'\n"
    emptied = cut(source, "f", "Task")
    assert emptied == source.replace("return 1", 'raise NotImplementedError("Task")')
    assert fill(emptied, "f", definition(source, "f")) == source


def test_a_text_without_a_newline_at_its_end_stays_without_one() -> None:
    source = "def f():\n    return 1"
    assert cut(source, "f", "Task") == 'def f():\n    raise NotImplementedError("Task")'
    assert fill(source, "f", definition("def f():\n    return 2", "f")) == "def f():\n    return 2"


def test_a_definition_takes_the_indentation_of_the_place_that_it_fills() -> None:
    narrow = "class A:\n  def f(self):\n    return 1\n\n  x = 2\n"
    wide = "class A:\n    def f(self):\n        return [\n            3,\n        ]\n"
    filled = fill(narrow, "A.f", definition(wide, "A.f"))
    assert filled.startswith("class A:\n  def f(self):\n      return [\n")
    assert filled.endswith("\n\n  x = 2\n")
    assert _run(filled)["A"]().f() == [3]
