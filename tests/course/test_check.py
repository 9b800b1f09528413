"""`minitorch check`, `tasks` and the hints, on a small checkout."""

from __future__ import annotations

import os
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mini import SUMS, TODO, Mini

from minitorch.course import Blank, Task, source
from minitorch.course.check import _Results, _so_far
from minitorch.course.check import check as run_check
from minitorch.course.reveal import reveal
from minitorch.course.start import start
from minitorch.course.watch import changes, watch


@dataclass
class Done:
    returncode: int
    stdout: str


@pytest.fixture
def mini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mini:
    mini = Mini(tmp_path)
    for name, value in mini.environment.items():
        monkeypatch.setenv(name, value)
    return mini


def check(mini: Mini, id: str | None = None, **options: Any) -> Done:
    """Do what `minitorch check` does, without a process for the command itself."""
    lines: list[str] = []
    good = run_check(mini.folder, id, lines.append, **options)
    return Done(0 if good else 1, "\n".join(lines) + "\n")


def test_the_next_task_is_checked_until_all_are_done(mini: Mini) -> None:
    first = check(mini)
    assert first.returncode == 0, first.stdout
    assert first.stdout.splitlines() == [
        "Task 0.1, Products",
        "3 of 3 tests pass",
        "Task 0.1 is done. Next: Task 0.2, Sums",
    ]
    second = check(mini)
    assert "Task 0.2, Sums\n2 of 2 tests pass\nTask 0.2 is done." in second.stdout
    assert check(mini).stdout == "All tasks are done.\n"


def test_an_unwritten_task_is_to_do_without_a_test(mini: Mini) -> None:
    mini.empty(*TODO)
    done = check(mini, "0.2")
    assert done.returncode == 1
    assert "to do: Task 0.2, minitorch/sums.py, Sums.total" in done.stdout
    assert "Task 0.2 needs Task 0.1, Products: to do" in done.stdout
    assert mini.progress() == {}


def test_a_task_that_is_half_written_tells_both_halves(mini: Mini) -> None:
    mini.empty("minitorch/numbers.py:half")
    done = check(mini, "0.1")
    assert done.returncode == 1
    assert "2 of 3 tests pass" in done.stdout
    assert "to do: Task 0.1, minitorch/numbers.py, half" in done.stdout


def test_the_first_fault_is_explained_and_the_others_named(mini: Mini) -> None:
    mini.change("minitorch/numbers.py", "x * y", "x + y")
    done = check(mini, "0.1")
    assert done.returncode == 1
    assert "wrong: test_products[2.0]" in done.stdout
    assert done.stdout.count("came out") == 1
    assert "wrong as well: test_products, test_halves" in done.stdout
    assert check(mini, "0.1", everything=True).stdout.count("came out") == 3
    assert ">       assert mul(x, 4.0)" in check(mini, "0.1", long=True).stdout


def test_a_failure_is_said_before_hypothesis_has_its_smallest_example(mini: Mini) -> None:
    mini.change("minitorch/numbers.py", "x * y", "x * y if x < 100 else x + y")
    mini.write("tests/conftest.py", "import hypothesis\n")
    mini.write("tests/test_all.py", """
import pathlib, time, pytest
from hypothesis import given, strategies as st
from minitorch.numbers import mul

@pytest.mark.task0_1
@given(st.integers(3, 10000))
def test_products(x):
    with pathlib.Path("calls").open("a") as calls:
        calls.write(f"{x} ")
    time.sleep(0.05)
    assert mul(x, 4) == x * 4
""")  # fmt: skip
    said: list[tuple[str, int]] = []
    calls = mini.folder / "calls"
    assert not run_check(mini.folder, "0.1", lambda text: said.append(
        (text, len(calls.read_text().split()) if calls.exists() else 0)
    ))  # fmt: skip
    heads = [i for i, (text, _) in enumerate(said) if "wrong: test_products" in text]
    assert len(heads) == 1
    (_, at_first), (words, at_last) = said[heads[0] : heads[0] + 2]
    assert 0 < at_first < at_last
    assert "smallest example that fails:\n        x = 100\n" in words


def test_what_is_left_to_do_is_listed_by_files_after_a_fault(mini: Mini) -> None:
    mini.change("minitorch/sums.py", "result = 0.0", "result = 1.0")
    mini.empty("minitorch/numbers.py:half", "minitorch/numbers.py:mul")
    assert "to do: Task 0.1, minitorch/numbers.py, mul, half\n" in check(mini, "0.1").stdout
    told = check(mini, "0.2").stdout
    assert "wrong: test_an_empty_sum" in told
    assert "to do: Task 0.1, minitorch/numbers.py, mul\n" in told


def test_one_hears_how_many_tests_pass_so_far(mini: Mini) -> None:
    heard: list[str] = []
    assert check(mini, "0.1", so_far=heard.append).returncode == 0
    kinds = list(dict.fromkeys(heard))
    assert kinds[-1] == "3 of 3 tests pass so far"


def test_one_hears_which_test_has_been_running_for_long() -> None:
    since = time.monotonic() - 7.5
    results = _Results(count=3, running="tests/test_all.py::test_products[2.0]", since=since)
    assert re.fullmatch(r"0 of 3 tests pass so far; \d+ s in test_products", _so_far(results))
    results.since = time.monotonic()
    assert _so_far(results) == "0 of 3 tests pass so far"


def test_tests_run_in_the_order_of_the_students_files(tmp_path: Path) -> None:
    blanks = tuple(Blank(f, "f") for f in ("minitorch/tensor_ops.py", "minitorch/functions.py"))
    task = Task("0.1", "T", (), blanks, 1, ())
    names = ("test_a.py", "test_functions.py", "test_tensor_ops.py", "test_z.py")
    (tmp_path / "tests").mkdir()
    for name in names:
        (tmp_path / "tests" / name).write_text(f"# {task.marker}", encoding="utf-8")
    ordered = source.test_files(tmp_path, task)
    assert [path.name for path in ordered] == [names[2], names[1], names[0], names[3]]


def test_hints_come_one_at_a_time(mini: Mini) -> None:
    mini.empty(*TODO)
    told = [check(mini, "0.1", hint=True).stdout for _ in range(4)]
    assert "hint 1: What is zero" in told[0]
    assert "hint 2" not in told[0]
    assert "hint 2: Look at" in told[1]
    assert "hint 3: One line" in told[2]
    assert "(that was the last)" in told[3]


def test_an_endless_loop_is_told_with_its_line(mini: Mini) -> None:
    mini.change("minitorch/numbers.py", "return x * y", "while True: pass")
    started = time.monotonic()
    done = check(mini, "0.1", limit=1)
    assert time.monotonic() - started < 60
    assert done.returncode == 1
    assert "test_products[2.0] takes too long" in done.stdout
    assert "minitorch/numbers.py, line 4, in mul" in done.stdout


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os; os._exit(0)", "Python ended during test_products[2.0], with status 0"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "Python crashed (SIGSEGV)"),
        ("return mul(x, y)", "RecursionError: a function calls itself without end"),
        ("print('x' * 10_000_000)", "None is what a function gives"),
    ],
)
def test_code_that_ends_python_or_floods_it_is_told(mini: Mini, code: str, told: str) -> None:
    mini.change("minitorch/numbers.py", "return x * y", code)
    done = check(mini, "0.1")
    assert done.returncode == 1
    assert told in done.stdout


def test_an_exit_after_tests_that_passed_is_no_success(mini: Mini) -> None:
    mini.change("minitorch/numbers.py", "return mul(x, 0.5)", "import os; os._exit(0)")
    done = check(mini, "0.1")
    assert done.returncode == 1
    assert "Python ended during test_halves, with status 0" in done.stdout


def test_a_file_that_does_not_import_is_told(mini: Mini) -> None:
    mini.change("minitorch/numbers.py", "return x * y", "return (x * y")
    done = check(mini)
    assert done.returncode == 1
    assert "minitorch/numbers.py, line 4: '(' was never closed\n    return (x * y\n" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_function_that_was_deleted_does_not_count_as_done(mini: Mini) -> None:
    mini.change("minitorch/numbers.py", "def half(x)", "def halve(x)")
    done = check(mini, "0.1")
    assert done.returncode == 1
    assert "cannot import name 'half'" in done.stdout


def test_tasks_shows_what_is_done_and_what_is_next(mini: Mini) -> None:
    mini.empty("minitorch/sums.py:Sums.total")
    # What came solved holds nobody up.
    assert "0 of 2 tasks are done. Next: minitorch check 0.2" in mini.command("tasks").stdout
    mini.write("minitorch/sums.py", SUMS)
    assert "Next: minitorch check 0.2" in mini.command("tasks").stdout
    check(mini, "0.2")
    assert "1 of 2 tasks are done. Next: minitorch check 0.1" in mini.command("tasks").stdout
    mini.change("minitorch/numbers.py", "x * y", "x + y")
    check(mini, "0.1")
    row = next(x for x in mini.command("tasks").stdout.splitlines() if x.startswith("0.1"))
    assert "wrong, next" in row


def test_an_unknown_task_and_no_checkout_are_said(mini: Mini, tmp_path: Path) -> None:
    assert "there is no task '9.9'" in mini.command("check", "9.9").stderr
    (mini.folder / "minitorch" / "course" / "curriculum.toml").unlink()
    done = mini.command("tasks")
    assert done.returncode == 1
    assert "no minitorch checkout here" in done.stderr


def test_watch_runs_at_once_and_once_after_each_save(mini: Mini) -> None:
    runs: list[list[Path]] = []

    class EnoughError(Exception):
        pass

    def run(changed: list[Path]) -> None:
        runs.append(changed)
        if len(runs) == 3:
            raise EnoughError

    first, second = (mini.folder / "minitorch" / name for name in ("numbers.py", "sums.py"))

    def save() -> None:
        for path in (first, second):
            time.sleep(0.3)
            os.utime(path, (1, 1))

    threading.Thread(target=save).start()
    with pytest.raises(EnoughError):
        watch(mini.folder, run, pause=0.02)
    assert runs == [[], [first], [second]]


def test_changes_are_new_files_lost_files_and_saved_ones() -> None:
    a, b, c = Path("a"), Path("b"), Path("c")
    assert changes({a: 1, b: 1}, {a: 2, c: 1}) == [a, b, c]
    assert changes({a: 1}, {a: 1}) == []


@pytest.mark.slow
def test_a_starter_is_checked_from_its_first_task_on(tmp_path: Path) -> None:
    folder = tmp_path / "starter"
    start(folder, "2.2", "4.2")
    student = Mini.around(folder)
    told = student.command("check").stdout
    assert told.startswith("Task 2.2, Broadcasting\nto do: Task 2.2, minitorch/tensor_data.py")
    student.change(
        "minitorch/tensor_data.py",
        'raise NotImplementedError("Task 2.2: minitorch/tensor_data.py, shape_broadcast")',
        "return tuple(max(a, b) for a, b in zip(shape1, shape2))",
    )
    told = student.command("check", "2.2").stdout
    assert "smallest example that fails:\n        pair = [" in told
    assert "came out   (" in told
    assert "shapes, from their last dimension:\n      left " in told
    assert "to do: Task 2.2, minitorch/tensor_data.py, broadcast_index" in told

    reveal("2.2", folder)
    assert student.command("check", "2.2").returncode == 0
    assert "Next: minitorch check 2.3" in student.command("tasks").stdout

    for id in ("2.3", "2.4", "3.1"):
        reveal(id, folder)
    student.change(
        "minitorch/fast_conv.py",
        'raise NotImplementedError("Task 4.1: minitorch/fast_conv.py, _tensor_conv1d")',
        "for i in range(out_size):\n        out[i] = input[i] + weigth[0]",
    )
    told = student.command("check", "4.1").stdout
    assert "the name `weigth` is not defined" in told
    assert "out[i] = input[i] + weigth[0]" in told
