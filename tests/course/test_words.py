"""From an exception to plain words: what came out, what was expected, where, and a picture."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minitorch.course import Blank, Task
from minitorch.course.differences import difference
from minitorch.course.drawing import draw_broadcast, draw_strides, draw_window
from minitorch.course.import_words import explain_import
from minitorch.course.steps import is_own
from minitorch.course.words import Compared, Failure, explain, unfinished_message

numbered = itertools.count()


def a_task(*names: str) -> Task:
    blanks = tuple(Blank("minitorch/code.py", name) for name in names or ("f",))
    return Task(id="0.1", title="T", points=1, needs=(), hints=(), blanks=blanks)


def raised(run: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        run()
    return caught.value


@pytest.fixture
def words(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs a test of student's code and explains how it fails."""

    def run(
        code: str, test: str, compared: Compared | None = None, task: Task | None = None,
        **parameters: Any,
    ) -> str:  # fmt: skip
        names: dict[str, Any] = {"np": np}
        for file, text in (
            (f"minitorch/code{next(numbered)}.py", textwrap.dedent(code)),
            (f"tests/test_it{next(numbered)}.py", f"def test_it():\n    {test}\n"),
        ):
            path = tmp_path / file
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            exec(compile(text, str(path), "exec"), names)
        error = raised(names["test_it"])
        return explain(Failure(error, tmp_path, "test_it", task or a_task(), parameters, compared))

    return run


def test_an_error_in_the_students_code_is_told_with_its_line_and_a_caret(words: Any) -> None:
    told = words("def f(x):\n    y = 1\n    return y + 1 / x\n", "f(0)")
    assert "ZeroDivisionError: division by zero" in told
    assert "line 3, in f:\n    return y + 1 / x\n               ^^^^^" in told


def test_none_is_explained(words: Any) -> None:
    assert "a function that ends without `return`" in words("def f(): pass", "f() + 1")


def test_values_that_differ_are_shown(words: Any) -> None:
    compared = Compared("==", 3.0, 4.0, "3.0 == 4.0")
    told = words("", "raise AssertionError('assert 3.0 == 4.0')", compared, x=1, fn=abs)
    assert told.startswith("with x = 1, fn = abs\ncame out   3.0\nexpected   4.0\n")


def test_a_comparison_of_another_failure_is_not_shown(words: Any) -> None:
    compared = Compared("==", 3.0, 4.0, "3.0 == 4.0")
    assert "came out" not in words("", "raise AssertionError('assert False')", compared)


def test_arrays_are_compared_element_by_element(words: Any) -> None:
    told = words(
        "", "np.testing.assert_allclose(np.arange(6.0).reshape(2, 3), [[0, 1, 2], [3, 9, 5]])"
    )
    assert "first wrong at index [1, 1]: came out 4, expected 9\n1 of 6 numbers is wrong" in told
    assert "came out:\n   0   1   2\n   3  [4]  5\n" in told
    assert "expected:\n   0   1   2\n   3  [9]  5\n" in told


def test_what_is_not_raised_is_named(words: Any) -> None:
    code = "import pytest\nclass OwnError(Exception): pass\n"
    told = words(code, "pytest.raises(OwnError, lambda: 1)")
    assert told.startswith("OwnError should be raised here, and none was\n")


def test_a_message_of_the_tests_own_comes_first(words: Any) -> None:
    assert words("", "assert False, 'the kernel wrote beside its output'").startswith(
        "the kernel wrote beside its output"
    )


def test_a_fault_of_the_cuda_simulator_is_printed_as_it_is(words: Any) -> None:
    code = "class CudaFault(RuntimeError): pass\nclass Race(CudaFault): pass\n"
    told = words(code, "raise Race('two threads wrote out[3]\\n  thread 1\\n  thread 2')")
    assert told == "two threads wrote out[3]\n  thread 1\n  thread 2"


def test_a_script_that_failed_is_told_by_its_last_words(words: Any, tmp_path: Path) -> None:
    text = (
        "assert 1 == 0\\nTraceback (most recent call last):\\n  File "
        f'"{tmp_path}/project/run.py", line 7, in main\\nKeyError: 3\\n'
    )
    told = words("", f"raise AssertionError('''{text}''')")
    assert "the script ended with KeyError: 3\nat project/run.py, line 7" in told


def test_the_smallest_example_of_hypothesis_is_told(tmp_path: Path) -> None:
    @settings(database=None)
    @given(st.integers(), st.data())
    def test_it(x: int, data: st.DataObject) -> None:
        y = data.draw(st.integers(), label="y")
        assert x + y < 10

    failure = Failure(raised(test_it), tmp_path, "test_it", a_task(), {}, None)
    told = explain(failure).splitlines()
    assert told[0] == "smallest example that fails:"
    x, y = (int(line.split("=")[1].split("#")[0]) for line in told[1:3])
    assert [line.split("=")[0].strip() for line in told[1:3]] == ["x", "y"]
    assert x + y == 10


def test_of_several_faults_one_is_told(tmp_path: Path) -> None:
    @settings(database=None)
    @given(st.integers(0, 100))
    def test_it(x: int) -> None:
        if x > 50:
            raise KeyError(x)
        assert x < 20

    told = explain(Failure(raised(test_it), tmp_path, "test_it", a_task(), {}, None))
    assert told.startswith("2 different faults were found; here is one of them.\nsmallest")


def test_an_unfinished_function_is_found_behind_other_errors() -> None:
    message = "Task 4.1: minitorch/fast_conv.py, _tensor_conv1d"
    plain = NotImplementedError(message)
    wrapped = SystemError("kernel")
    wrapped.__cause__ = plain
    group = ExceptionGroup("two", [ValueError(), plain])
    printed = AssertionError(f"Traceback\nNotImplementedError: {message}\nassert 1 == 0")
    for error in (plain, wrapped, group, printed):
        assert unfinished_message(error) == message
    assert unfinished_message(NotImplementedError("no such option")) is None
    assert unfinished_message(ValueError(message)) is None


def test_a_picture_comes_with_a_convolution(words: Any) -> None:
    code = """
        def check():
            input, weight = np.arange(4.0).reshape(1, 1, 4) + 1, np.ones((1, 1, 2))
            np.testing.assert_allclose(np.array([[[3., 5, 7, 9]]]), [[[3., 5, 7, 4]]])
    """
    test = code.strip().split("\n", 1)[1]
    told = words("", textwrap.dedent(test).replace("\n", "\n    "), task=a_task("_tensor_conv1d"))
    assert "out[0, 0, 3] sums the products" in told
    assert "   2   3  [4] (0)" in told


def test_a_picture_comes_with_a_broadcast(words: Any) -> None:
    test = "a, b = np.ones((2, 3)), np.ones(3); np.testing.assert_allclose(a, b + 1)"
    told = words("", test, task=a_task("tensor_map._map"))
    assert "  a         2 3\n  b           3\n  together  2 3\n" in told


def test_differences_of_shapes_lists_and_single_precision() -> None:
    assert difference(np.ones((2, 3)), np.ones((3, 2)))[0] == [
        "came out with shape (2, 3), expected (3, 2)"
    ]
    lines, at = difference([1, 2, 3], [1, 5, 3])
    assert at == (1,)
    assert lines[0] == "first wrong at index 1: came out 2, expected 5"
    # A rounding of float32 is not what is wrong where something else is.
    got, expected = np.float32([1.0, 2.0]), np.float32([1.00001, 3.0])
    assert difference(got, expected)[1] == (1,)
    assert difference(np.array([np.nan, 1.0]), np.array([np.nan, 2.0]))[1] == (1,)
    assert difference("a", "b") == (["came out   'a'", "expected   'b'"], None)


def test_an_object_that_cannot_be_shown_does_no_harm() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise NotImplementedError

    lines, _ = difference(Odd(), 1)
    assert lines[0] == "came out   a Odd, which cannot be shown: NotImplementedError"


def test_strides_are_drawn_as_positions_in_the_storage() -> None:
    assert draw_strides((2, 3), (1, 2), (1, 2)).splitlines()[1:] == [
        "   0   2   4",
        "   1   3  [5]",
    ]
    assert "[1, :, :]:\n   12" in draw_strides((2, 3, 4), (12, 4, 1), (1, 0, 1))
    assert draw_strides((), (), ()).endswith("[0]")


def test_shapes_that_do_not_broadcast_are_marked() -> None:
    drawn = draw_broadcast([("a", (2, 3)), ("b", (3, 3))])
    assert "  together  ? 3" in drawn
    assert "does not broadcast" in drawn


@pytest.mark.parametrize("reverse", [False, True])
def test_what_the_picture_of_a_window_multiplies_is_the_convolution(reverse: bool) -> None:
    image, weight = np.arange(20.0).reshape(1, 1, 4, 5) + 1, np.array([[[[1.0, 10], [100, 1000]]]])
    at = (0, 0, 3, 4) if not reverse else (0, 0, 0, 1)
    drawn = draw_window(image, weight, at, reverse).split(":\n")
    taps = [float(x) for x in drawn[-1].split()]
    under = [float(x) for x in re.findall(r"[\[(]([\d.]+)[\])]", drawn[1])]
    # At (3, 4) only the first tap meets the image; reversed at (0, 1), the first two do.
    expected = 20.0 if not reverse else 2 * 1.0 + 1 * 10.0
    assert sum(t * u for t, u in zip(taps, under, strict=True)) == expected


def test_a_file_with_a_syntax_error_is_told(tmp_path: Path) -> None:
    path = tmp_path / "minitorch" / "code.py"
    path.parent.mkdir()
    path.write_text("x = 1\n    y = (2,\n")
    error = raised(lambda: compile(path.read_text(), str(path), "exec"))
    told = explain_import(error, tmp_path)
    assert "minitorch/code.py, line 2: unexpected indent" in told


def test_what_has_no_text_is_told_as_the_test_holds_it(words: Any) -> None:
    told = words(
        """
        class TensorData:
            shape, strides, _storage = (2,), (3,), np.arange(4.0)

        def failing(a):
            error = AssertionError("no")
            head = "Falsifying example: test_it(\\n    data=data(...),\\n)"
            error.add_note(f"{head}\\nDraw 1: {a!r}")
            raise error
        """,
        "a = TensorData(); failing(a)",
    )
    assert "a: shape (2,), strides (3,), storage [0.0, 1.0, 2.0, 3.0]" in told
    assert " object at 0x" not in told


def test_numbers_of_numpy_are_shown_as_numbers() -> None:
    lines, _ = difference((np.int64(1), np.float64(-2.5)), (0, 1))
    assert "came out   (1, -2.5)" in lines


def test_the_courses_own_tools_are_no_place_to_look_for_a_fault(tmp_path: Path) -> None:
    files = ("minitorch/nn.py", "tests/test_nn.py", "minitorch/course/examples.py",
             ".venv/lib/site-packages/numpy/core.py")  # fmt: skip
    assert [is_own(tmp_path / file, tmp_path) for file in files] == [True, True, False, False]
    assert not is_own(Path("/elsewhere/nn.py"), tmp_path)


def test_parameters_of_one_value_are_all_told_and_a_function_beside_its_name_is_not(
    words: Any,
) -> None:
    told = words("", "assert False", rows=2, columns=2, name="len", function=len)
    assert told.splitlines()[0] == "with rows = 2, columns = 2, name = 'len'"
