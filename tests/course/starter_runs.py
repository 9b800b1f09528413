"""Starters with pytest run in them, and what came of each test.

`Starter` runs pytest with this file as a plugin, which writes the outcomes down.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from pytest_forks import Forks

OUTCOMES = "outcomes.json"  # in the folder above the starter's


@dataclass(frozen=True)
class Outcome:
    """What came of one test.

    Args:
        test: its id.
        tasks: the tasks that it is marked with, such as "task4_1".
        error: None if it passed, else the exception's type and message.
        skipped: whether it was skipped.
    """

    test: str
    tasks: Sequence[str]
    error: str | None
    skipped: bool


class Recorder:
    """Writes down what came of each test.

    Examples are few and not made smaller: what is asked is whether a test fails, and how.
    """

    def __init__(self) -> None:
        self.outcomes: dict[str, dict[str, Any]] = {}
        self.errors: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile(
            "proof", deadline=None, max_examples=10, phases=phases, database=None
        )
        hypothesis.settings.load_profile("proof")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(report.longreprtext)

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        marks = [mark.name for mark in item.iter_markers() if mark.name.startswith("task")]
        row = self.outcomes.setdefault(
            item.nodeid, {"tasks": marks, "error": None, "skipped": False}
        )
        if call.excinfo is None:
            return
        if call.excinfo.errisinstance(pytest.skip.Exception):
            row["skipped"] = True
        else:
            row["error"] = f"{call.excinfo.typename}: {call.excinfo.value}"

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        rows = [{"test": test, **row} for test, row in self.outcomes.items()]
        found = {"outcomes": rows, "errors": self.errors}
        path = session.config.rootpath.parent / OUTCOMES
        path.write_text(json.dumps(found), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    recorder = Recorder()
    config.pluginmanager.register(recorder)
    recorder.pytest_configure(config)


# Python runs it at its start. A package that is installed for editing is found by a finder that
# knows all its modules: it would serve those of the solution that a starter lacks.
FORGET_INSTALLED = """
import sys

sys.meta_path[:] = [
    finder
    for finder in sys.meta_path
    if not getattr(finder, "__module__", "").startswith("__editable__")
]
"""


def environment(folder: Path, cache: Path) -> dict[str, str]:
    """Return environment variables with which Python finds the minitorch of a folder only.

    Args:
        folder: the top of a checkout.
        cache: a folder for compiled kernels, unless the environment says where they are kept.
    """
    (cache / "sitecustomize.py").write_text(FORGET_INSTALLED, encoding="utf-8")
    return {
        "NUMBA_CACHE_DIR": str(cache),
        **os.environ,
        "PYTHONPATH": f"{folder}{os.pathsep}{cache}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


class Starter:
    """A starter, and runs of pytest in it.

    Args:
        folder: its top.
        cache: where compiled kernels are kept, unless the environment says where.
    """

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.forks = Forks(folder, environment(folder, cache))

    def __enter__(self) -> Starter:
        return self

    def __exit__(self, *_: object) -> None:
        self.forks.close()

    def run(self, expression: str, *more: str) -> list[Outcome]:
        """Return what came of the tests that an expression of markers selects.

        Args:
            expression: as for `pytest -m`; slow tests are left out.
            more: options of pytest.
        """
        path = self.folder.parent / OUTCOMES
        path.unlink(missing_ok=True)
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:minitorch", "-p", "starter_runs"]
        expression = f"({expression}) and not slow"
        status = self.forks.run([*options, "-m", expression, *more], timeout=1200)
        printed = self.forks.printed.read_text(encoding="utf-8")
        assert path.exists(), f"{status}: {printed}"
        found = json.loads(path.read_text(encoding="utf-8"))
        assert not found["errors"], printed
        return [Outcome(**row) for row in found["outcomes"]]


def said(outcome: Outcome) -> str:
    """Return what a failed test said, without the frame that a script draws around an error."""
    return re.sub(r"[\s│]+", " ", outcome.error or "")
