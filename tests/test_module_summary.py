"""The table of a model's layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import Module, layers
from minitorch.summary import summary


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    model = layers.Sequential(
        layers.Conv2d(1, 4, 3), layers.BatchNorm2d(4), layers.ReLU(),
        layers.Sequential(layers.Flatten(), layers.Linear(144, 1000)),
    )  # fmt: skip
    model[0].bias.requires_grad = False
    summary(model, (1, 8, 8))
    assert capsys.readouterr().out == (
        "Layer (type)     Output shape   Parameters\n"
        "==========================================\n"
        "0 (Conv2d)       [-1, 4, 6, 6]          40\n"
        "1 (BatchNorm2d)  [-1, 4, 6, 6]           8\n"
        "2 (ReLU)         [-1, 4, 6, 6]           0\n"
        "3.0 (Flatten)    [-1, 144]               0\n"
        "3.1 (Linear)     [-1, 1000]        145,000\n"
        "==========================================\n"
        "Total parameters: 145,048\n"
        "Trainable parameters: 145,044\n"
        "Non-trainable parameters: 4\n"
    )


class Tied(Module):
    """One layer called twice, another never, and a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.step = layers.Linear(3, 3)
        self.unused = layers.Linear(3, 2)
        self.scale = minitorch.Parameter(minitorch.ones(3, dtype="float32", backend="simple"))

    def forward(self, x: Any) -> Any:
        x = self.step(self.step(x)) * self.scale.value
        return x, (x[0], 3)


def test_each_call_has_a_line_and_each_parameter_counts_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    summary(Tied(), (3,))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[2:5]] == [
        ["step", "(Linear)", "[-1,", "3]", "12"],
        ["step", "(Linear)", "[-1,", "3]", "0"],
        ["Tied", "[-1,", "3],", "[-1],", "int", "3"],
    ]
    assert "Total parameters: 23" in lines


def test_the_model_is_left_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    model = layers.Sequential(layers.Linear(3, 3), layers.BatchNorm1d(3), layers.Dropout())
    model[1].eval()
    before = {name: np.array(value) for name, value in model.state_dict().items()}
    state = minitorch.rng.generator().bit_generator.state
    summary(model, (3,))
    with pytest.raises(minitorch.ShapeError):
        summary(model, (4,))
    assert [module.training for _, module in model.named_modules()] == [True, True, False, True]
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert minitorch.rng.generator().bit_generator.state == state
    assert not any(module._hooks for _, module in model.named_modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_model_without_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    summary(layers.ReLU(), (3,))
    assert "ReLU" in capsys.readouterr().out
    with pytest.raises(minitorch.ShapeError, match="summary"):
        summary(layers.ReLU(), (-1,))
