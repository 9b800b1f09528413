"""Emptying a function."""

from __future__ import annotations

import pytest

from minitorch.course import cut, is_blank

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
