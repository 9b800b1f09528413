"""Task 0.5: the script with a separator by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from plane_cases import DATASETS, final_accuracy

import minitorch

Script = Callable[[str], ModuleType]
Run = Callable[..., str]


@pytest.mark.task0_5
@pytest.mark.parametrize("name", DATASETS)
def test_a_separator_by_hand_is_right_for_98_percent(script: Script, name: str) -> None:
    manual = script("run_manual")
    minitorch.manual_seed(3)
    data = minitorch.datasets[name](300)
    network = manual.Network(name)
    right = [(network(x) > 0.5) == bool(y) for x, y in zip(data.X, data.y, strict=True)]
    assert np.mean(right) >= 0.98


@pytest.mark.task0_5
def test_run_manual_prints_its_accuracy_and_draws(run: Run, tmp_path: Path) -> None:
    picture = tmp_path / "split.png"
    printed = run("run_manual", "--dataset", "Split", "--plot", str(picture))
    assert final_accuracy(printed) >= 98
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_run_manual_says_that_no_lines_are_known_for_the_spiral(run: Run) -> None:
    assert "no separator by hand is known" in run("run_manual", "--dataset", "spiral", status=2)
