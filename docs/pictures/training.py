"""Training runs of the scripts in `project/`, as the pages show them."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import minitorch

__all__ = ["ScalarRun"]


def _script(name: str) -> Any:
    """Return a script of `project/` as a module."""
    folder = str(Path(__file__).parents[2] / "project")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


class ScalarRun:
    """A training by `project/run_scalar.py`.

    Args:
        dataset: the name of the data set.
        points, hidden, lr, seed: the script's options.
    """

    def __init__(self, dataset: str, points: int, hidden: int, lr: float, seed: int) -> None:
        minitorch.manual_seed(seed)
        self.data = minitorch.datasets[dataset](points)
        self._trainer = _script("run_scalar").ScalarTrain(hidden, lr)
        self.network: minitorch.Module = self._trainer.model
        self.losses: list[float] = []
        self.accuracies: list[float] = []

    def train(self, epochs: int) -> None:
        """Go on for some epochs."""
        accuracy_of = _script("plane").accuracy_of
        for _ in range(epochs):
            loss, probabilities = self._trainer.epoch(self.data)
            self.losses.append(loss)
            self.accuracies.append(accuracy_of(probabilities, self.data))

    def predict_now(self) -> Callable[[Any], Any]:
        """Return what the network gives for points (N, 2) as it is now, whatever comes later."""
        predict: Callable[[Any], Any] = copy.deepcopy(self._trainer).run_many
        return predict
