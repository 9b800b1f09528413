"""Parallel builds take several times longer to compile, so their tests are in the slow tier."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        options = getattr(getattr(item, "callspec", None), "params", {})
        if options.get("build") == "parallel" and HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
