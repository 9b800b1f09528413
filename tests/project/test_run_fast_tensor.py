"""Task 3.5: the script that trains with fast tensors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from plane_cases import (
    DATASETS,
    check_linear,
    check_network,
    check_run,
    check_training,
    final_accuracy,
)

Script = Callable[[str], ModuleType]
Run = Callable[..., str]


@pytest.mark.task3_5
def test_linear_is_a_matrix_product_and_a_bias(script: Script) -> None:
    check_linear(script("run_fast_tensor"), "fast")


@pytest.mark.task3_5
def test_network_has_a_relu_after_each_hidden_layer(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_network(script("run_fast_tensor"), "fast", monkeypatch)


@pytest.mark.task3_5
def test_training_lowers_the_loss(script: Script) -> None:
    check_training(script("run_fast_tensor"), script("plane"), "fast")


@pytest.mark.task3_5
def test_run_fast_tensor_runs(run: Run, tmp_path: Path) -> None:
    check_run(run, tmp_path, "run_fast_tensor")


def test_run_fast_tensor_takes_another_backend_and_refuses_an_unknown_one(run: Run) -> None:
    small = ["--points", "10", "--hidden", "2", "--epochs", "2"]
    assert "accuracy" in run("run_fast_tensor", "--backend", "simple", *small)
    assert "is not one of" in run("run_fast_tensor", "--backend", "abacus", *small, status=2)


@pytest.mark.slow
@pytest.mark.parametrize("dataset", DATASETS)
def test_the_defaults_reach_98_percent(run: Run, dataset: str) -> None:
    assert final_accuracy(run("run_fast_tensor", "--dataset", dataset)) >= 98
