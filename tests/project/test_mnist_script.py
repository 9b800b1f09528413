"""Task 4.5: the LeNet, and the script that trains it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import minitorch
import minitorch.data
from minitorch.training import load_checkpoint

Script = Callable[[str], ModuleType]
Run = Callable[..., str]

TOP = Path(__file__).parents[2]
PROJECT, SAMPLE = TOP / "project", TOP / "data" / "sample"
NAME = "run_mnist_multiclass"
SHORT = ("--visdom", "off", "--samples", "64", "--seed", "1")


def losses(printed: str) -> list[str]:
    """Return what the epochs' lines say but for the speed."""
    return re.findall(r"^(epoch \d+/.* %)", printed, re.MULTILINE)


@pytest.mark.task4_5
def test_conv2d_is_a_convolution_and_a_bias(script: Script) -> None:
    layer = script(NAME).Conv2d(2, 3, 2, 4)
    weights, bias = sorted((p.value for p in layer.parameters()), key=lambda t: -t.size)
    assert weights.shape == (3, 2, 2, 4)
    assert bias.size == 3
    images = minitorch.rand(2, 2, 6, 5)
    expected = minitorch.conv2d(images, weights).numpy() + bias.numpy().reshape(3, 1, 1)
    np.testing.assert_allclose(layer(images).numpy(), expected)
    assert np.any(bias.numpy() != 0.0)


@pytest.mark.task4_5
def test_network_gives_log_probabilities_and_keeps_its_hidden_states(
    script: Script, float32: object
) -> None:
    network = script(NAME).Network()
    sizes = sorted(p.value.size for p in network.parameters())
    assert sizes == sorted([4 * 9, 4, 8 * 4 * 9, 8, 392 * 64, 64, 640, 10])
    network.eval()
    output = network(minitorch.rand(3, 1, 28, 28))
    assert output.shape == (3, 10)
    np.testing.assert_allclose(np.exp(output.numpy()).sum(1), 1.0, rtol=1e-5)
    assert network.mid.shape == (3, 4, 28, 28)
    assert network.out.shape == (3, 8, 28, 28)
    assert network.mid.numpy().min() == 0.0
    assert network.out.numpy().min() == 0.0


@pytest.mark.task4_5
def test_network_averages_over_tiles_and_has_a_relu_between_its_linear_layers(
    script: Script, float32: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = script(NAME)
    forward, seen = module.Linear.forward, []

    def watched(self: minitorch.Module, x: minitorch.Tensor) -> minitorch.Tensor:
        out = forward(self, x)
        seen.append((x.numpy(), out.numpy()))
        return out

    monkeypatch.setattr(module.Linear, "forward", watched)
    network = module.Network()
    network.eval()
    output = network(minitorch.rand(3, 1, 28, 28)).numpy()
    (pooled, hidden), (hidden_input, last) = seen
    # In what order the averages of an image stand is not laid down.
    averages = network.out.numpy().reshape(3, 8, 7, 4, 7, 4).mean((3, 5)).reshape(3, 8 * 7 * 7)
    np.testing.assert_allclose(np.sort(pooled), np.sort(averages), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(hidden_input, np.maximum(hidden, 0.0))
    expected = last - np.log(np.exp(last).sum(1, keepdims=True))
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.task4_5
def test_network_drops_out_in_training_only(script: Script, float32: object) -> None:
    network = script(NAME).Network()
    images = minitorch.rand(2, 1, 28, 28)
    network.eval()
    np.testing.assert_array_equal(network(images).numpy(), network(images).numpy())
    network.train()
    assert np.abs(network(images).numpy() - network(images).numpy()).max() > 1e-3


@pytest.mark.task4_5
def test_every_parameter_of_the_network_gets_a_gradient(script: Script, float32: object) -> None:
    network = script(NAME).Network()
    network.eval()
    (network(minitorch.rand(4, 1, 28, 28)) * minitorch.rand(4, 10)).sum().backward()
    for name, parameter in network.named_parameters():
        assert np.any(parameter.grad.numpy() != 0.0), name


@pytest.mark.task4_5
def test_the_script_learns(run: Run) -> None:
    options = ("--epochs", "2", "--samples", "640", "--lr", "0.1", "--visdom", "off")
    printed = run(NAME, *options)
    assert len(losses(printed)) == 2
    accuracy = re.fullmatch(r"test accuracy (\d+\.\d\d) %", printed.strip().splitlines()[-1])
    assert accuracy is not None
    assert float(accuracy[1]) > 30


def test_the_same_seed_gives_the_same_run(run: Run) -> None:
    first, again = run(NAME, *SHORT, "--epochs", "1"), run(NAME, *SHORT, "--epochs", "1")
    assert losses(first) == losses(again) != []
    other = run(NAME, *SHORT, "--epochs", "1", "--seed", "2")
    assert losses(other) != losses(first)


def test_a_resumed_run_goes_on_with_the_numbers_of_an_unbroken_one(
    run: Run, tmp_path: Path
) -> None:
    path = str(tmp_path / "kept.safetensors")
    unbroken = str(tmp_path / "unbroken.safetensors")
    whole = run(NAME, *SHORT, "--epochs", "3", "--checkpoint", unbroken)
    run(NAME, *SHORT, "--epochs", "1", "--checkpoint", path)
    rest = run(NAME, *SHORT, "--epochs", "3", "--checkpoint", path, "--resume", path)
    assert losses(rest) == losses(whole)[1:]
    expected, found = load_checkpoint(unbroken), load_checkpoint(path)
    assert found.random_state == expected.random_state
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)


def test_ctrl_c_saves_what_was_learnt_and_resume_goes_on_in_mid_epoch(
    script: Script,
    float32: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mnist = script(NAME)
    path = tmp_path / "kept.safetensors"
    options = {
        "epochs": 1, "samples": 480, "batch_size": 16, "lr": 0.05, "backend": "fast",
        "dtype": "float32", "seed": 0, "data": SAMPLE, "visdom": "off",
    }  # fmt: skip
    mnist.main(**options, checkpoint=None, resume=None)
    whole = capsys.readouterr().out
    assert losses(whole) != []

    drawn = []

    def interrupt(self: object, epoch: float, loss: float, accuracy: float) -> None:
        drawn.append(epoch)
        if len(drawn) == 10:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(mnist.DigitsBoard, "batch", interrupt)
        mnist.main(**options, checkpoint=path, resume=None)
    printed = capsys.readouterr().out
    assert "interrupted in epoch 1, batch 10" in printed
    assert f"--resume {path}" in printed
    assert re.search(r"^test accuracy [\d.]+ %$", printed, re.MULTILINE)
    assert len(drawn) == 10

    mnist.main(**options, checkpoint=None, resume=path)
    assert losses(capsys.readouterr().out) == losses(whole)


def test_ctrl_c_between_two_epochs_saves_too(
    script: Script,
    float32: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mnist = script(NAME)
    monkeypatch.chdir(tmp_path)
    options = {
        "epochs": 2, "samples": 64, "batch_size": 16, "lr": 0.05, "backend": "fast",
        "dtype": "float32", "seed": 0, "data": SAMPLE, "visdom": "off", "checkpoint": None,
    }  # fmt: skip
    mnist.main(**options, resume=None)
    whole = losses(capsys.readouterr().out)
    with monkeypatch.context() as patch:
        patch.setattr(mnist.DigitsBoard, "confusion", lambda *_: signal.raise_signal(signal.SIGINT))
        mnist.main(**options, resume=None)
    assert "interrupted in epoch 2, batch 0" in capsys.readouterr().out
    (path,) = tmp_path.rglob("interrupted.safetensors")
    mnist.main(**options, resume=path)
    assert losses(capsys.readouterr().out) == whole[1:]


def test_wrong_options_are_refused_with_a_reason(run: Run, tmp_path: Path) -> None:
    assert "is not one of" in run(NAME, "--backend", "abacus", status=2)
    assert "float32 and float64" in run(NAME, "--dtype", "float16", status=2)
    missing = str(tmp_path / "none.safetensors")
    assert "there is no such checkpoint" in run(NAME, "--resume", missing, status=2)
    path = str(tmp_path / "kept.safetensors")
    run(NAME, *SHORT, "--epochs", "1", "--checkpoint", path)
    assert "saved with seed 1, not 5" in run(
        NAME, "--samples", "64", "--seed", "5", "--resume", path, status=2
    )


@pytest.mark.slow
def test_five_epochs_on_the_sample_reach_90_percent(run: Run) -> None:
    last = run(NAME, "--visdom", "off").strip().splitlines()[-1]
    assert float(last.split()[2]) >= 90


@pytest.mark.slow
def test_the_defaults_reach_97_5_percent_on_the_whole_of_mnist(tmp_path: Path) -> None:
    folder = os.environ.get("MINITORCH_DATA")
    if not folder or len(minitorch.data.MNIST(folder)) != 60_000:
        pytest.skip("the whole of MNIST is not in MINITORCH_DATA")
    command = [sys.executable, str(PROJECT / f"{NAME}.py"), "--visdom", "off"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert float(done.stdout.strip().splitlines()[-1].split()[2]) >= 97.5
