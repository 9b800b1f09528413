"""What takes long to compile is tested in the slow tier: parallel builds, and a second dtype."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        options = getattr(getattr(item, "callspec", None), "params", {})
        second = options.get("dtype") in ("float64", np.float64)
        if (second or options.get("build") == "parallel") and HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
