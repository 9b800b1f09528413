"""What the tests of the scripts on the 2-D data sets share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import minitorch

DATASETS = ["Simple", "Diag", "Split", "Xor"]


def final_accuracy(printed: str) -> float:
    """Return the number in the last line, "accuracy 98.00 %"."""
    word, number, percent = printed.strip().splitlines()[-1].split()
    assert (word, percent) == ("accuracy", "%")
    return float(number)


def check_linear(script: ModuleType, backend: str) -> None:
    """See that a script's `Linear` is a matrix product and a bias."""
    layer = script.Linear(3, 2)
    assert sorted(p.value.size for p in layer.parameters()) == [2, 6]
    weights, bias = sorted((p.numpy() for p in layer.parameters()), key=np.size, reverse=True)
    x = np.array([[0.5, -2.0, 3.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [2.0, 0.0, -1.0]])
    out = layer(minitorch.tensor(x, backend=backend))
    assert out.shape == (4, 2)
    np.testing.assert_allclose(out.numpy(), x @ weights.reshape(3, 2) + bias.reshape(2))


def check_network(script: ModuleType, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """See that a script's `Network` has its ReLUs and its sigmoid, and passes gradients."""
    forward, seen = script.Linear.forward, []

    def watched(self: minitorch.Module, x: minitorch.Tensor) -> minitorch.Tensor:
        out = forward(self, x)
        seen.append((x.numpy(), out.numpy()))
        return out

    monkeypatch.setattr(script.Linear, "forward", watched)
    minitorch.manual_seed(2)
    network = script.Network(8)
    p = network(minitorch.tensor([[0.3, 0.6], [0.9, 0.1]], backend=backend))
    (_, first), (second_input, second), (third_input, third) = seen
    assert all(np.any(out < 0) for out in (first, second, third)), "the case tells nothing"
    np.testing.assert_array_equal(second_input, np.maximum(first, 0.0))
    np.testing.assert_array_equal(third_input, np.maximum(second, 0.0))
    np.testing.assert_allclose(p.numpy(), 1.0 / (1.0 + np.exp(-third)))
    p.sum().backward()
    for name, parameter in network.named_parameters():
        grad = parameter.grad
        assert grad is not None, f"{name} of the network has no gradient"
        assert np.any(grad.numpy() != 0.0), f"the gradient of {name} of the network is 0"


def check_training(script: ModuleType, plane: ModuleType, backend: str) -> None:
    """See that training a script's `Network` lowers the loss."""
    minitorch.manual_seed(0)
    data = minitorch.datasets["Simple"](20)
    network = script.Network(6)
    assert len(network.parameters()) == 6
    trainer = plane.TensorTrain(network, 0.1, backend)
    losses = [trainer.epoch(data)[0] for _ in range(25)]
    assert losses[-1] < 0.7 * losses[0]
    probabilities = trainer.run_many(np.array(data.X))
    assert probabilities.shape == (20,)
    assert np.all((probabilities > 0) & (probabilities < 1))


def check_run(run: Callable[..., str], folder: Path, name: str) -> None:
    """See that a script runs, prints its accuracy and draws."""
    printed = run(name, "--dataset", "xor", "--points", "10", "--hidden", "2", "--epochs", "3")
    assert "epoch 3/3" in printed
    assert 0 <= final_accuracy(printed) <= 100
    assert (folder / "runs" / f"{name}-xor.png").exists()
