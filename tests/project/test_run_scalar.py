"""Task 1.5: the script that trains with Scalars."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from plane_cases import DATASETS, final_accuracy

import minitorch

Script = Callable[[str], ModuleType]
Run = Callable[..., str]


@pytest.mark.task1_5
def test_scalar_linear_is_a_weighted_sum_and_a_bias(script: Script) -> None:
    layer = script("run_scalar").Linear(3, 2)
    values = {name: p.value.data for name, p in layer.named_parameters()}
    assert len(values) == 8
    layer_input = [0.5, -2.0, 3.0]
    zero, one, outputs = (
        [y.data for y in layer([minitorch.Scalar(x) for x in inputs])]
        for inputs in ([0.0] * 3, [1.0, 0.0, 0.0], layer_input)
    )
    assert len(outputs) == 2
    # The bias is what is left at zero; each output is linear in the inputs.
    bases = [
        [y.data for y in layer([minitorch.Scalar(float(i == k)) for i in range(3)])]
        for k in range(3)
    ]
    assert one == bases[0]
    weights = {(k, j): bases[k][j] - zero[j] for k in range(3) for j in range(2)}
    for j in range(2):
        expected = zero[j] + sum(x * weights[k, j] for k, x in enumerate(layer_input))
        assert outputs[j] == pytest.approx(expected)
    # Each parameter is one weight or one bias, and no two begin alike.
    assert sorted([*zero, *weights.values()]) == pytest.approx(sorted(values.values()))
    assert len(set(values.values())) == 8


@pytest.mark.task1_5
def test_scalar_network_has_two_hidden_layers_and_a_probability(script: Script) -> None:
    network = script("run_scalar").Network(4)
    assert len(network.parameters()) == (2 * 4 + 4) + (4 * 4 + 4) + (4 + 1)
    p = network((minitorch.Scalar(0.3), minitorch.Scalar(0.6)))
    assert 0.0 < p.data < 1.0
    p.backward()
    for name, parameter in network.named_parameters():
        assert parameter.value.derivative is not None, f"{name} of the network has no derivative"


@pytest.mark.task1_5
def test_scalar_network_has_a_relu_after_each_hidden_layer(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = script("run_scalar")
    forward, seen = module.Linear.forward, []

    def watched(self: minitorch.Module, inputs: list[minitorch.Scalar]) -> list[minitorch.Scalar]:
        outputs = forward(self, inputs)
        seen.append(([x.data for x in inputs], [y.data for y in outputs]))
        return outputs

    monkeypatch.setattr(module.Linear, "forward", watched)
    minitorch.manual_seed(2)
    p = module.Network(8)((minitorch.Scalar(0.3), minitorch.Scalar(0.6)))
    (_, first), (second_input, second), (third_input, third) = seen
    assert second_input == [max(y, 0.0) for y in first] != first
    assert third_input == [max(y, 0.0) for y in second] != second
    assert third[0] < 0
    assert p.data == pytest.approx(minitorch.operators.sigmoid(third[0]))


@pytest.mark.task1_5
def test_scalar_training_lowers_the_loss(script: Script) -> None:
    minitorch.manual_seed(0)
    data = minitorch.datasets["Simple"](20)
    trainer = script("run_scalar").ScalarTrain(hidden=4, lr=0.2)
    losses = [trainer.epoch(data)[0] for _ in range(30)]
    assert losses[-1] < 0.75 * losses[0]


@pytest.mark.task1_5
def test_run_scalar_runs(run: Run, tmp_path: Path) -> None:
    printed = run("run_scalar", "--points", "10", "--hidden", "2", "--epochs", "3")
    assert "epoch 3/3" in printed
    assert 0 <= final_accuracy(printed) <= 100
    assert (tmp_path / "runs" / "run_scalar-simple.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("dataset", DATASETS)
def test_the_defaults_reach_98_percent(run: Run, dataset: str) -> None:
    assert final_accuracy(run("run_scalar", "--dataset", dataset)) >= 98
