"""The pytest plugin, on a small checkout: plain words, what is to do, the table of progress."""

from __future__ import annotations

from pathlib import Path

import pytest
from mini import TODO, Mini


@pytest.fixture
def mini(tmp_path: Path) -> Mini:
    return Mini(tmp_path)


def row(printed: str, task: str) -> str:
    """Return a task's line of the table of progress."""
    return next(line for line in printed.splitlines() if line.startswith(f"{task}  "))


def test_a_solved_course_is_done_and_kept(mini: Mini) -> None:
    done = mini.pytest()
    assert done.returncode == 0, done.stdout
    assert row(done.stdout, "0.1").split() == ["0.1", "Products", "done", "3", "0"]
    assert row(done.stdout, "0.2").split() == ["0.2", "Sums", "done", "2", "0"]
    kept = mini.progress()
    assert kept["0.1"]["passed"] == 3
    assert kept["0.2"]["todo"] is False


def test_processes_of_xdist_come_to_one_result(mini: Mini) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    mini.empty("minitorch/sums.py:Sums.total")
    done = mini.pytest("-p", "xdist", "-n", "2")
    assert done.returncode == 1
    assert row(done.stdout, "0.1").split() == ["0.1", "Products", "done", "3", "0"]
    assert row(done.stdout, "0.2").split()[2:5] == ["to", "do,", "next"]
    assert mini.progress()["0.1"]["passed"] == 3


def test_unfinished_functions_are_to_do_once_for_a_task_and_no_traceback(mini: Mini) -> None:
    mini.empty(*TODO)
    done = mini.pytest()
    assert done.returncode == 1
    assert "to do: Task 0.1, minitorch/numbers.py, half, mul (4 tests)" in done.stdout
    assert "to do: Task 0.2, minitorch/sums.py, Sums.total (2 tests)" in done.stdout
    assert done.stdout.count("to do: Task 0.1") == 1
    for word in ("Traceback", "NotImplementedError", "def test_"):
        assert word not in done.stdout
    assert "6 to do" in done.stdout
    assert row(done.stdout, "0.1").split()[2:5] == ["to", "do,", "next"]


def test_hypothesis_tries_no_more_after_an_unfinished_function(mini: Mini) -> None:
    mini.empty("minitorch/numbers.py:mul")
    mini.write("tests/test_all.py", """
import pathlib, pytest
from hypothesis import given, strategies as st
from minitorch.numbers import mul

@pytest.mark.task0_1
@pytest.mark.parametrize("y", [1.0, 2.0])
@given(st.floats())
def test_products(y, x):
    with pathlib.Path("calls").open("a") as calls:
        calls.write("x")
    mul(x, y)
""")  # fmt: skip
    printed = mini.pytest().stdout
    assert "to do: Task 0.1, minitorch/numbers.py, mul (2 tests)" in printed
    assert "2 to do" in printed
    assert (mini.folder / "calls").read_text() == "xx"
    assert "Unfinished" not in printed


def test_a_task_that_only_lacks_an_earlier_one_waits_for_it(mini: Mini) -> None:
    mini.empty("minitorch/numbers.py:mul")
    assert "waits for 0.1" in row(mini.pytest().stdout, "0.2")


def test_a_wrong_answer_is_told_in_plain_words(mini: Mini) -> None:
    mini.change("minitorch/numbers.py", "x * y", "x + y")
    printed = mini.pytest().stdout
    assert "with x = 2.0" in printed
    assert "came out   6.0\nexpected   8.0\nmul(2.0, 4.0) gave 6.0" in printed
    assert "assert mul(x, 4.0) == x * 4.0" in printed
    assert "wrong, next" in row(printed, "0.1")
    # The rest of pytest's own report of a marked test is left out; `--long` brings it back.
    assert ">       assert mul(x, 4.0)" not in printed
    assert ">       assert mul(x, 4.0)" in mini.pytest("--long").stdout


def test_tests_without_a_task_are_reported_as_ever(mini: Mini) -> None:
    mini.change("minitorch/numbers.py", "x * y", "x + y")
    printed = mini.pytest("-k", "library").stdout
    assert (
        ">       assert mul(1.0, 1.0) == 1.0" in printed or "E       assert 2.0 == 1.0" in printed
    )


def test_a_part_of_a_task_is_not_kept_as_the_whole(mini: Mini) -> None:
    assert mini.pytest("-k", "products").returncode == 0
    assert mini.pytest("tests/test_all.py::test_halves").returncode == 0
    assert mini.progress() == {}


def test_an_edit_of_the_functions_makes_the_record_stale_and_a_comment_does_not(mini: Mini) -> None:
    mini.pytest()
    mini.change("minitorch/sums.py", "result = 0.0", "result = 0.0  # the start")
    tasks = mini.command("tasks").stdout
    assert tasks.count("done") == 3  # and the sentence below the table
    # What a task does not need may change; what stands beside its functions may not.
    mini.change("minitorch/sums.py", "+= mul(value, 1.0)", "+= mul(1.0, value)")
    assert mini.command("tasks").stdout.count("not checked") == 1
    mini.pytest()
    mini.change("minitorch/numbers.py", "def half", "HALF = 0.5\n\n\ndef half")
    assert mini.command("tasks").stdout.count("not checked") == 2
    mini.pytest()
    mini.change("minitorch/numbers.py", "x * y", "y * x")
    assert mini.command("tasks").stdout.count("not checked") == 2


def test_a_syntax_error_is_told_with_its_line(mini: Mini) -> None:
    mini.change("minitorch/sums.py", "for value in values:", "for value in values")
    done = mini.pytest()
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert "minitorch/sums.py, line 10: expected ':'" in told
    assert "    for value in values\n" in told
    assert "Traceback" not in told


def test_a_name_that_is_wrong_at_import_is_told(mini: Mini) -> None:
    mini.change("minitorch/sums.py", "import mul", "import times")
    done = mini.pytest()
    told = done.stdout + done.stderr
    assert "cannot import name 'times'" in told
    assert "minitorch/sums.py, line 2:" in told
    assert "Traceback" not in told


def test_a_missing_package_is_told_with_the_line_that_mends_it(mini: Mini) -> None:
    mini.write("minitorch/numba.py", "")
    mini.change("minitorch/numbers.py", "def mul", "import numba_that_is_not_here\n\n\ndef mul")
    done = mini.pytest()
    assert "pip install numba_that_is_not_here" in done.stdout + done.stderr


def test_a_test_file_that_does_not_import_is_told(mini: Mini) -> None:
    mini.write("tests/conftest.py", "")
    mini.change("tests/test_all.py", "import Sums", "import Summ")
    done = mini.pytest()
    assert "cannot import name 'Summ'" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_script_that_meets_an_unfinished_function_is_to_do(mini: Mini) -> None:
    mini.empty("minitorch/numbers.py:mul")
    mini.write("tests/test_all.py", """
import subprocess, sys, pytest

@pytest.mark.task0_1
def test_a_script():
    done = subprocess.run([sys.executable, "-c", "import minitorch; minitorch.numbers.mul(1, 2)"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
""")  # fmt: skip
    printed = mini.pytest().stdout
    assert "to do: Task 0.1, minitorch/numbers.py, mul (1 test)" in printed


def test_elsewhere_the_plugin_is_silent(mini: Mini) -> None:
    (mini.folder / "minitorch" / "course" / "curriculum.toml").unlink()
    mini.change("minitorch/numbers.py", "x * y", "x + y")
    printed = mini.pytest().stdout
    assert ">       assert mul(x, 4.0)" in printed
    assert "came out" not in printed
    assert "minitorch =" not in printed
