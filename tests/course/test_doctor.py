"""`minitorch doctor`: what is missing, and the line that mends it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mini import Mini

from minitorch.course import doctor
from minitorch.course.doctor import Finding, examine


@pytest.fixture
def mini(tmp_path: Path) -> Mini:
    return Mini(tmp_path)


def answers(monkeypatch: pytest.MonkeyPatch, **broken: str) -> None:
    """Let the child processes say that modules are there, but for the broken ones."""

    def ask(code: str, seconds: float = 0, folder: Path | None = None) -> tuple[str, str]:
        for word, why in broken.items():
            if word in code:
                return "", why
        if "prange" in code:
            return '["0.61", 4, "omp"]', ""
        if "is_available" in code:
            return '["", ""]', ""
        if "minitorch.__file__" in code:
            return f"{folder}/minitorch/__init__.py", ""
        return "1.0", ""

    monkeypatch.setattr(doctor, "_ask", ask)


def found(root: Path | None) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(root)}


def test_a_healthy_machine(monkeypatch: pytest.MonkeyPatch, mini: Mini) -> None:
    answers(monkeypatch)
    findings = found(mini.folder)
    assert not [f for f in findings.values() if f.state == "bad"]
    assert findings["Numba"].what == "0.61, 4 threads, threading layer omp"
    assert "the simulator (greenlet 1.0)" in findings["CUDA"].what


@pytest.mark.parametrize(
    ("module", "name", "state", "mend"),
    [
        ("numpy", "numpy", "bad", "pip install 'numpy>=2'"),
        ("prange", "Numba", "bad", "'numba>=0.61'"),
        ("hypothesis", "hypothesis", "bad", "pip install 'hypothesis"),
        ("greenlet", "CUDA", "missing", "pip install greenlet"),
        ("visdom", "visdom", "missing", "-c constraints.txt 'visdom"),
        ("minitorch.__file__", "minitorch", "bad", "minitorch check"),
    ],
)
def test_each_missing_part_comes_with_the_line_that_mends_it(
    monkeypatch: pytest.MonkeyPatch, mini: Mini, module: str, name: str, state: str, mend: str
) -> None:
    answers(monkeypatch, **{module: "ModuleNotFoundError: no such module"})
    finding = found(mini.folder)[name]
    assert finding.state == state
    assert mend in finding.mend
    assert "no such module" in finding.what or name == "CUDA"


def test_another_installed_package_is_noticed(
    monkeypatch: pytest.MonkeyPatch, mini: Mini, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor, "_ask", lambda code, **_: ("/elsewhere/minitorch/__init__.py", ""))
    assert "another one" in doctor._package_itself(mini.folder).what


def test_data_are_looked_for_where_the_loader_looks(
    monkeypatch: pytest.MonkeyPatch, mini: Mini, tmp_path: Path
) -> None:
    monkeypatch.delenv("MINITORCH_DATA", raising=False)
    mini.write("data/sample/x", "")
    missing = doctor._data(mini.folder)
    assert missing.state == "missing"
    assert "the sample is there" in missing.what
    folder = tmp_path / "mnist"
    for name in ("train-images", "train-labels", "t10k-images", "t10k-labels"):
        mini.write(f"mnist/{name}-idx3-ubyte.gz", "")
    monkeypatch.setenv("MINITORCH_DATA", str(folder))
    assert doctor._data(mini.folder).state == "good"


def test_a_folder_that_cannot_be_written_is_bad(tmp_path: Path) -> None:
    assert doctor._writable("cache", tmp_path, "x").state == "good"
    finding = doctor._writable("cache", tmp_path / "missing", "export NUMBA_CACHE_DIR=there")
    assert finding.state == "bad"
    assert finding.mend == "export NUMBA_CACHE_DIR=there"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs file modes of a POSIX system")
def test_the_cache_is_where_numba_puts_it(
    monkeypatch: pytest.MonkeyPatch, mini: Mini, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "a" / "b"))
    assert str(tmp_path) in doctor._cache(mini.folder).what
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert str(mini.folder / "minitorch") in doctor._cache(mini.folder).what


def test_a_child_that_fails_gives_its_last_line() -> None:
    assert doctor._ask("print(3)") == ("3", "")
    out, why = doctor._ask("import no_such_module_here")
    assert out == ""
    assert why == "ModuleNotFoundError: No module named 'no_such_module_here'"
    assert doctor._ask("import time; time.sleep(30)", seconds=0.2)[1] == "no answer within 0 s"


@pytest.mark.slow
def test_the_command_tells_of_this_machine(mini: Mini) -> None:
    done = mini.command("doctor")
    for name in ("Python", "numpy", "Numba", "CUDA", "visdom", "MNIST", "kernel cache"):
        assert f" {name}: " in done.stdout


@pytest.mark.slow
def test_a_broken_file_of_the_student_is_found(mini: Mini) -> None:
    mini.change("minitorch/sums.py", "result = 0.0", "result = (")
    done = mini.command("doctor")
    assert done.returncode == 1
    assert "bad      minitorch: SyntaxError" in done.stdout
