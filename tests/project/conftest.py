"""The scripts of project/: imported as modules, and run as a person runs them."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import minitorch

PROJECT = Path(__file__).parents[2] / "project"
SAMPLE = Path(__file__).parents[2] / "data" / "sample"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Return a function that imports a script by its name."""
    monkeypatch.syspath_prepend(str(PROJECT))
    return importlib.import_module


@pytest.fixture
def float32() -> object:
    """Make float32 the default dtype for one test."""
    before = minitorch.get_default_dtype()
    minitorch.set_default_dtype("float32")
    yield
    minitorch.set_default_dtype(before)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs a script in an empty folder and gives what it printed."""

    def run_script(name: str, *options: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, str(PROJECT / f"{name}.py"), *options],
            cwd=tmp_path,
            env={**os.environ, "MINITORCH_DATA": str(SAMPLE), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
        )
        assert done.returncode == status, done.stdout + done.stderr
        if status:
            # Undo the frame and the line breaks around an error.
            return " ".join((done.stdout + done.stderr).replace("│", " ").split())
        return done.stdout + done.stderr

    return run_script
