"""The command line: without what it needs, and with commands that a starter lacks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mini import TOP, Mini


@pytest.fixture
def mini(tmp_path: Path) -> Mini:
    return Mini(tmp_path)


def block(mini: Mini, *modules: str) -> None:
    """Make modules fail to import, as where they are not installed."""
    names = ", ".join(map(repr, modules))
    mini.write("sitecustomize.py", f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ({names},):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
""")  # fmt: skip


def test_the_status_of_check_is_zero_only_when_all_tests_pass(mini: Mini) -> None:
    done = mini.command("check", "0.1")
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "3 of 3 tests pass")
    mini.change("minitorch/numbers.py", "x * y", "x + y")
    assert mini.command("check", "0.1").returncode == 1
    told = mini.command("check", "0.1", "--hint", "--all", "--long", "--limit", "30").stdout
    assert told.count("came out") == 3
    assert ">       assert mul(x, 4.0)" in told
    assert "hint 1: What is zero" in told


def test_without_typer_the_command_says_what_to_install(mini: Mini) -> None:
    block(mini, "typer")
    done = mini.command("tasks")
    assert done.returncode == 1
    assert "needs typer; pip install 'minitorch[course]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_numba_check_and_doctor_say_so(mini: Mini) -> None:
    block(mini, "numba", "numpy")
    mini.change("minitorch/numbers.py", "def mul", "import numba\n\n\ndef mul")
    assert mini.command("tasks").returncode == 0
    done = mini.command("check", "0.1")
    assert done.returncode == 1
    assert "pip install 'numba>=0.61'" in done.stdout
    done = mini.command("doctor")
    assert "bad      Numba: ModuleNotFoundError" in done.stdout
    assert "bad      numpy: ModuleNotFoundError" in done.stdout


def test_warmup_says_why_the_package_does_not_import(mini: Mini) -> None:
    mini.change("minitorch/sums.py", "result = 0.0", "result = (0.0")
    done = mini.command("warmup")
    assert done.returncode == 1
    assert "'(' was never closed" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_course_tools_import_neither_minitorch_nor_numba(mini: Mini) -> None:
    code = (
        "import sys, minitorch_course.commands, minitorch_course.plugin\n"
        "print(sorted({'minitorch', 'numba', 'numpy'} & set(sys.modules)))"
    )
    assert mini._run("-c", code).stdout.strip() == "[]"


def test_in_a_starter_the_commands_for_instructors_say_where_they_run(mini: Mini) -> None:
    shutil.copytree(
        TOP / "minitorch" / "course",
        mini.folder / "minitorch" / "course",
        ignore=shutil.ignore_patterns("start.py", "reveal.py", "grade.py", "curriculum.toml"),
        dirs_exist_ok=True,
    )
    shutil.copy(TOP / "minitorch_course.py", mini.folder)
    for arguments in (["start", "x"], ["reveal", "0.1", "x"], ["grade", "x"]):
        done = mini.command(*arguments)
        assert done.returncode == 1
        assert f"`{arguments[0]}` is for instructors" in done.stderr
    assert "start" not in mini.command("--help").stdout


def test_the_package_runs_as_a_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "minitorch", "--help"],
        cwd=TOP, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for command in ("tasks", "check", "watch", "doctor", "warmup"):
        assert command in done.stdout
