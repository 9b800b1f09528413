"""Batch normalisation as a module: running statistics, modes, what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from kernel_cases import close, numbers

import minitorch
from minitorch import layers
from minitorch.errors import ShapeError


def on_host(value: Any) -> Any:
    """Return a tensor's numbers as an array, wherever it lies; an array as it is."""
    return value.to_numpy() if isinstance(value, minitorch.Tensor) else value


def statistics(a: Any) -> tuple[Any, Any]:
    rest = (0, *range(2, a.ndim))
    return a.mean(rest), a.var(rest, ddof=1)


@pytest.mark.parametrize(
    ("make", "shape"),
    [(layers.BatchNorm1d, (6, 3)), (layers.BatchNorm1d, (4, 3, 5)),
     (layers.BatchNorm2d, (2, 3, 4, 5))],
)  # fmt: skip
def test_training_moves_the_statistics_that_evaluation_takes(
    backend: str, make: Any, shape: tuple[int, ...]
) -> None:
    layer = make(3)
    a = numbers(*shape)
    out = layer(minitorch.tensor(a))
    mean, variance = statistics(out.to_numpy())
    np.testing.assert_allclose(mean, 0.0, atol=1e-10)
    count = a.size // 3
    np.testing.assert_allclose(variance, count / (count - 1), rtol=1e-4)
    mean, variance = statistics(a)
    close(layer.running_mean, 0.1 * mean)
    close(layer.running_var, 0.9 + 0.1 * variance)
    assert layer.num_batches_tracked == 1
    layer.eval()
    before = {name: np.array(on_host(value)) for name, value in layer.state_dict().items()}
    out = layer(minitorch.tensor(a))
    by_channel = (3, *[1] * (a.ndim - 2))
    expected = (a - before["running_mean"].reshape(by_channel)) / np.sqrt(
        before["running_var"].reshape(by_channel) + 1e-5
    )
    close(out, expected)
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(on_host(value), before[name])


def test_without_momentum_the_statistics_are_means_over_all_batches() -> None:
    layer = layers.BatchNorm1d(3, momentum=None)
    batches = [numbers(5, 3, seed=seed) for seed in range(4)]
    for batch in batches:
        layer(minitorch.tensor(batch))
    means, variances = zip(*map(statistics, batches), strict=True)
    close(layer.running_mean, np.mean(means, 0))
    close(layer.running_var, np.mean(variances, 0))
    layer.reset_running_stats()
    assert layer.running_mean.to_numpy().tolist() == [0.0] * 3
    assert layer.running_var.to_numpy().tolist() == [1.0] * 3
    assert layer.num_batches_tracked == 0


def test_what_is_kept() -> None:
    names = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert list(layers.BatchNorm2d(2).state_dict()) == names
    assert list(layers.BatchNorm2d(2, affine=False).state_dict()) == names[2:]
    bare = layers.BatchNorm2d(2, affine=False, track_running_stats=False)
    assert list(bare.state_dict()) == []
    a = numbers(4, 2, 3, 3)
    np.testing.assert_array_equal(
        bare(minitorch.tensor(a)).to_numpy(), bare.eval()(minitorch.tensor(a)).to_numpy()
    )


@pytest.mark.parametrize(
    ("make", "shape", "message"),
    [
        (layers.BatchNorm1d, (4, 3, 2, 2), r"BatchNorm1d: .*\(4, 3, 2, 2\).*\(batch, features\) o"),
        (layers.BatchNorm2d, (4, 3), r"BatchNorm2d: .*\(4, 3\).*channels, height, width"),
        (layers.BatchNorm1d, (4, 2), "running_mean"),
        (layers.BatchNorm1d, (1, 3), "more than 1 value per channel"),
    ],
)
def test_inputs_that_do_not_fit_change_nothing(make: Any, shape: Any, message: str) -> None:
    layer = make(3)
    with pytest.raises(ShapeError, match=message):
        layer(minitorch.zeros(shape))
    assert layer.num_batches_tracked == 0
    assert layer.running_var.to_numpy().tolist() == [1.0] * 3


def test_channels_are_dropped_as_wholes(backend: str) -> None:
    layer = layers.Dropout2d(0.25)
    minitorch.manual_seed(4)
    out = layer(minitorch.ones(20, 10, 2, 3)).to_numpy().reshape(200, 6)
    kept = out[:, 0] != 0
    assert 0.6 < kept.mean() < 0.9
    np.testing.assert_allclose(out, np.where(kept, 1 / 0.75, 0.0)[:, None] * np.ones(6))
    a = minitorch.ones(2, 3, 2, 2)
    np.testing.assert_array_equal(layer.eval()(a).to_numpy(), a.to_numpy())
