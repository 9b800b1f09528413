"""What all tests share: the markers of the tasks, Hypothesis profiles, the backends."""

from __future__ import annotations

import os
from typing import Any

# Beside another busy process, threads that spin while they wait slow each other many times. Numba's
# read this when they start.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import hypothesis
import pytest

from minitorch.course import load_tasks
from minitorch.cuda_target import gpu_is_there

hypothesis.settings.register_profile("suite", deadline=None, max_examples=40)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes long; left out unless asked for with -m")
    config.addinivalue_line("markers", "cuda: runs on a GPU; left out where there is none")
    for task in load_tasks():
        config.addinivalue_line("markers", f"{task.marker}: Task {task.id}, {task.title}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here and, of a plain run, the slow tests; say how many.

    Last of all, so that only what was asked for is counted.
    """
    if not gpu_is_there():
        _leave_out(config, items, "cuda")
    if config.getoption("-m") or config.getoption("-k"):
        return
    if any("::" in argument for argument in config.args):
        return
    _leave_out(config, items, "slow")


LEFT_OUT = pytest.StashKey[dict[str, int]]()
WHY = {"cuda": "need a GPU, and there is none", "slow": "are slow; pytest -m slow runs them"}


def _leave_out(config: pytest.Config, items: list[pytest.Item], marker: str) -> None:
    marked = [item for item in items if item.get_closest_marker(marker)]
    if marked:
        config.hook.pytest_deselected(items=marked)
        items[:] = [item for item in items if not item.get_closest_marker(marker)]
        config.stash.setdefault(LEFT_OUT, {})[marker] = len(marked)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process of pytest-xdist left out; each leaves out the same."""
    output = getattr(node, "workeroutput", {})  # a process that crashed leaves none
    node.config.stash.setdefault(LEFT_OUT, {}).update(output.get("left_out", {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that started this one, if one did, what was left out."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = session.config.stash.get(LEFT_OUT, {})


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many tests were left out, and why."""
    for marker, count in config.stash.get(LEFT_OUT, {}).items():
        terminalreporter.write_line(f"left out: {count} tests {WHY[marker]}")
