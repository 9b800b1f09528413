"""What a student did that Numba cannot compile, from real errors of Numba."""

from __future__ import annotations

import linecache
import textwrap
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba.extending import register_jitable

from minitorch.course.numba_types import in_words, split_types
from minitorch.course.numba_words import explain_numba, is_numba_error

HELPERS = """
    def two(x, y):
        return x + y

    def nothing(x):
        x + 1

    def inner(x):
        return x.size + 1

    def outer(x):
        return inner(x)

    class Thing:
        pass
"""

# The body of a kernel over `out` and `a`; the line, counted in the body, that is to be named; and
# words of the explanation. Lines with `prange` are compiled in parallel.
MISTAKES = [
    ("rows = [a[0]]\nrows.append('x')", 2, ["the text 'x' is appended to a list of float64"]),
    ("n = 1\nname = f'{a[0]:.2f}'", 2, ["f-string"]),
    ("out[0] = int(str(len(a)))", 1, ["`int` cannot be called with text in a kernel"]),
    ("i = np.zeros(1)\nout[0] = a[i[0]]", 2, ["must be an integer", "np.empty(size, np.int64)"]),
    ("out[0] = a[j]", 1, ["name `j` is not defined"]),
    ("t = 0\nif a[0] > 1:\n    t = a\nout[0] = t", 4,
     ["`t`", "an array of float64 with 1 dimension", "0", "one type"]),
    ("out[0] = two(a[0])", 1, ["`two` takes (x, y)", "'y'"]),
    ("out[0] = nothing(a[0])", 1, ["is None", "without `return`"]),
    ("out[0] = np.einsum('i->', a)", 1, ["`np.einsum` cannot be used"]),
    ("out[0] = math.prod(a)", 1, ["`math.prod` cannot be used"]),
    ("n = a.length", 1, ["`.length`", "an array of float64 with 1 dimension"]),
    ("d = {'a': 1}\nd['b'] = a", 2, ["an array of float64", "a dict"]),
    ("for i in prange(4):\n    try:\n        out[i] = a[i]\n    except IndexError:\n"
     "        out[i] = 0", 4, ["only `except Exception`"]),
    ("t = (1, 2.0, a)\nfor i in range(3):\n    out[i] = t[i]", 3,
     ["a tuple whose parts differ in type", "not by a variable"]),
    ("for i in prange(0, 4, 2):\n    out[i] = 1", 1, ["steps of 1"]),
    ("for i in prange(4):\n    i = i + 1\n    out[i] = 1", 2, ["may not be assigned"]),
    ("t = 0.0\nfor i in prange(4):\n    t += a[i]\n    t *= 2.0\nout[0] = t", None,
     ["`t` comes from outside of a `prange` loop"]),
    ("out[0] = a[0, 1]", 1, ["cannot take an index of 2 numbers"]),
    ("out[0, 1] = a[0]", 1, ["cannot take an index of 2 numbers"]),
    ("d = {}", 1, ["`d`", "dictionary"]),
    ("n = len(a) / 2\nout[0] = a[n]", 2, ["must be an integer", "`//`"]),
    ("n = 1\nout[0] = '3' + a[0]", 2, ["`+` cannot join the text '3' and a number (float64)"]),
    ("n, m = a.shape", 1, ["takes 2 values apart, and there are 1"]),
    ("import math\nout[0] = 1", 1, ["`import` inside of a kernel"]),
    ("with open('x') as f:\n    out[0] = 1", None, ["cannot use `with`"]),
    ("s = a.shape\ns[0] = 3", 2, ["a tuple cannot be changed"]),
    ("out[0] = a", 1, ["cannot be put into an element of an array"]),
    ("f = None\nout[0] = f(1)", 2, ["is None and no function"]),
    ("out[0] = Thing()", 1, ["`Thing` cannot be used in a kernel", "a class"]),
    ("out[0] = sum(x for x in a)", 1, ["generator"]),
    ("rows = []\nout[0] = len(rows)", 1, ["the type of `rows`", "empty list"]),
]  # fmt: skip


def failed(folder: Path, body: str) -> tuple[BaseException, int, list[str]]:
    """Compile a kernel; return the error, the number of its first body line, and all lines."""
    head = "import math\nimport numpy as np\nfrom numba import prange\n"
    source = f"{head}{textwrap.dedent(HELPERS)}\ndef kernel(out, a):\n"
    first = source.count("\n") + 1
    source += textwrap.indent(body, "    ") + "\n"
    path = folder / "minitorch" / "kernels_of_a_student.py"
    path.parent.mkdir()
    path.write_text(source)
    linecache.checkcache(str(path))
    names: dict[str, Any] = {}
    exec(compile(source, str(path), "exec"), names)
    for name in ("two", "nothing", "inner", "outer"):
        register_jitable(names[name])
    kernel = numba.njit(parallel="prange" in body)(names["kernel"])
    with pytest.raises(Exception) as caught:  # noqa: PT011
        kernel(np.zeros(4), np.arange(4.0))
    return caught.value, first, source.splitlines()


@pytest.mark.parametrize(("body", "line", "words"), MISTAKES, ids=[m[0][:40] for m in MISTAKES])
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, body: str, line: int | None, words: list[str]
) -> None:
    error, first, _ = failed(tmp_path, body)
    assert is_numba_error(error)
    fault = explain_numba(error, tmp_path)
    for word in words:
        assert word in fault.what
    assert len(fault.what) < 300
    file, found = fault.places[0]
    assert file.name == "kernels_of_a_student.py"
    # Where Numba says nothing of the line, it is the kernel's first.
    assert found == (first - 1 if line is None else first - 1 + line)


def test_a_mistake_in_a_function_that_is_called_is_told_with_the_way_there(tmp_path: Path) -> None:
    error, _, source = failed(tmp_path, "out[0] = outer(a[0])")
    fault = explain_numba(error, tmp_path)
    assert "`.size` cannot be used in a kernel: a number (float64)" in fault.what
    lines = [source[line - 1].strip() for _, line in fault.places]
    assert lines == ["return x.size + 1", "return inner(x)", "out[0] = outer(a[0])"]


def test_an_unknown_complaint_is_quoted(tmp_path: Path) -> None:
    error, _, _ = failed(tmp_path, "d = {i: v for i, v in enumerate(a)}\nout[0] = d['x']")
    fault = explain_numba(error, tmp_path)
    assert fault.what.startswith("Numba cannot compile this: cannot safely cast")


def test_other_errors_are_not_of_numba() -> None:
    assert not is_numba_error(ValueError("no"))


def test_types_in_words() -> None:
    assert in_words("array(float32, 2d, A)") == "an array of float32 with 2 dimensions"
    assert in_words("UniTuple(int64 x 3)") == "a tuple of 3 int64"
    assert in_words("Tuple(int64, none)") == "a tuple of an integer (int64), None"
    assert in_words("list(int64)<iv=[0, 0]>") == "a list of int64"
    assert in_words("Literal[str](x)") == "the text 'x'"
    assert split_types("Tuple(int64, float64), none") == ["Tuple(int64, float64)", "none"]
    assert split_types("") == []
