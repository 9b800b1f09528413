"""Tasks 0.5, 1.5, 2.5 and 3.5: the scripts on the 2-D data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import minitorch

Script = Callable[[str], ModuleType]
Run = Callable[..., str]

TENSOR_SCRIPTS = [
    pytest.param("run_tensor", "simple", marks=pytest.mark.task2_5),
    pytest.param("run_fast_tensor", "fast", marks=pytest.mark.task3_5),
]


def final_accuracy(printed: str) -> float:
    """Return the number in the last line, "accuracy 98.00 %"."""
    word, number, percent = printed.strip().splitlines()[-1].split()
    assert (word, percent) == ("accuracy", "%")
    return float(number)


@pytest.mark.task0_5
@pytest.mark.parametrize("name", ["Simple", "Diag", "Split", "Xor"])
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
    for j in range(2):
        expected = zero[j] + sum(x * (bases[k][j] - zero[j]) for k, x in enumerate(layer_input))
        assert outputs[j] == pytest.approx(expected)
        assert zero[j] != 0.0


@pytest.mark.task1_5
def test_scalar_network_has_two_hidden_layers_and_a_probability(script: Script) -> None:
    network = script("run_scalar").Network(4)
    assert len(network.parameters()) == (2 * 4 + 4) + (4 * 4 + 4) + (4 + 1)
    p = network((minitorch.Scalar(0.3), minitorch.Scalar(0.6)))
    assert 0.0 < p.data < 1.0
    p.backward()
    assert any(q.value.derivative for q in network.parameters())


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


@pytest.mark.parametrize(("name", "backend"), TENSOR_SCRIPTS)
def test_tensor_linear_is_a_matrix_product_and_a_bias(
    script: Script, name: str, backend: str
) -> None:
    layer = script(name).Linear(3, 2)
    assert sorted(p.value.size for p in layer.parameters()) == [2, 6]
    weights, bias = sorted((p.numpy() for p in layer.parameters()), key=np.size, reverse=True)
    x = np.array([[0.5, -2.0, 3.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [2.0, 0.0, -1.0]])
    out = layer(minitorch.tensor(x, backend=backend))
    assert out.shape == (4, 2)
    np.testing.assert_allclose(out.numpy(), x @ weights.reshape(3, 2) + bias.reshape(2))


@pytest.mark.parametrize(("name", "backend"), TENSOR_SCRIPTS)
def test_tensor_training_lowers_the_loss(script: Script, name: str, backend: str) -> None:
    minitorch.manual_seed(0)
    data = minitorch.datasets["Simple"](20)
    network = script(name).Network(6)
    assert len(network.parameters()) == 6
    trainer = script("plane").TensorTrain(network, 0.1, backend)
    losses = [trainer.epoch(data)[0] for _ in range(25)]
    assert losses[-1] < 0.7 * losses[0]
    probabilities = trainer.run_many(np.array(data.X))
    assert probabilities.shape == (20,)
    assert np.all((probabilities > 0) & (probabilities < 1))


@pytest.mark.parametrize(("name", "backend"), TENSOR_SCRIPTS)
def test_tensor_scripts_run(run: Run, tmp_path: Path, name: str, backend: str) -> None:
    printed = run(name, "--dataset", "xor", "--points", "10", "--hidden", "2", "--epochs", "3")
    assert "epoch 3/3" in printed
    assert 0 <= final_accuracy(printed) <= 100
    assert (tmp_path / "runs" / f"{name}-xor.png").exists()


def test_run_fast_tensor_takes_another_backend_and_refuses_an_unknown_one(run: Run) -> None:
    small = ["--points", "10", "--hidden", "2", "--epochs", "2"]
    assert "accuracy" in run("run_fast_tensor", "--backend", "simple", *small)
    assert "is not one of" in run("run_fast_tensor", "--backend", "abacus", *small, status=2)


def test_parallel_check_tells_what_numba_made_parallel(run: Run) -> None:
    printed = run("parallel_check", "--level", "1", "map")
    assert "MAP" in printed
    assert "Parallel loop listing" in printed or "loop #" in printed.lower()
    assert "the kernels are" in run("parallel_check", "abacus", status=2)


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["Simple", "Diag", "Split", "Xor"])
@pytest.mark.parametrize("name", ["run_scalar", "run_tensor", "run_fast_tensor"])
def test_the_defaults_reach_98_percent(run: Run, name: str, dataset: str) -> None:
    assert final_accuracy(run(name, "--dataset", dataset)) >= 98
