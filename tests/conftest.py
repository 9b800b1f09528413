"""What all tests share: the markers of the tasks, Hypothesis profiles, the backends."""

from __future__ import annotations

import os

import hypothesis
import pytest

from minitorch.course import load_tasks

hypothesis.settings.register_profile("suite", deadline=None, max_examples=40)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes long; left out unless asked for with -m")
    for task in load_tasks():
        config.addinivalue_line("markers", f"{task.marker}: Task {task.id}, {task.title}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests out of a plain run, and say how many."""
    if config.getoption("-m") or config.getoption("-k"):
        return
    if any("::" in argument for argument in config.args):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
