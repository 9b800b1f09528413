"""Every layer on every backend gives what numpy gives; gradients agree with differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_cases import LAYOUTS, close, convolution, numbers, tensor, tiles

import minitorch
from minitorch import layers
from minitorch.layers import functional

Array = Any
Layer = Callable[[], Any]


def linear(layer: Any, a: Array) -> Array:
    out = a @ layer.weight.to_numpy().T
    return out if layer.bias is None else out + layer.bias.to_numpy()


def convolved(*padding: tuple[int, int]) -> Callable[[Any, Array], Array]:
    """Return the oracle of a convolution with (before, after) zeros around the image."""

    def oracle(layer: Any, a: Array) -> Array:
        weight = layer.weight.to_numpy()
        padded = np.pad(a, [(0, 0), (0, 0), *padding])
        sizes = zip(padded.shape[2:], weight.shape[2:], strict=True)
        out = convolution(padded, weight, sizes=tuple(n - k + 1 for n, k in sizes))
        if layer.bias is None:
            return out
        return out + layer.bias.to_numpy().reshape(-1, *[1] * len(padding))

    return oracle


def rectified(oracle: Callable[[Any, Array], Array]) -> Callable[[Any, Array], Array]:
    return lambda layer, a: np.maximum(oracle(layer, a), 0)


# How a layer is made, the input's shape, and what numpy gives.
CASES: dict[str, tuple[Layer, tuple[int, ...], Callable[[Any, Array], Array]]] = {
    "linear": (lambda: layers.Linear(5, 4), (3, 5), linear),
    "linear, one row": (lambda: layers.Linear(5, 4), (5,), linear),
    "linear, rows of rows": (lambda: layers.Linear(5, 4), (2, 3, 5), linear),
    "linear, no bias": (lambda: layers.Linear(3, 2, bias=False), (4, 3), linear),
    "linear, relu": (lambda: layers.Linear(5, 9, activation="relu"), (7, 5), rectified(linear)),
    "linear, no row": (lambda: layers.Linear(5, 4), (0, 5), linear),
    "linear, nothing in": (lambda: layers.Linear(0, 4), (3, 0), linear),
    "linear, nothing out": (lambda: layers.Linear(4, 0), (3, 4), linear),
    "conv1d": (lambda: layers.Conv1d(2, 3, 3), (2, 2, 7), convolved((0, 0))),
    "conv1d, padded": (lambda: layers.Conv1d(2, 3, 2, padding=3), (2, 2, 4), convolved((3, 3))),
    "conv1d, no bias": (
        lambda: layers.Conv1d(1, 2, (4,), padding=(1,), bias=False), (2, 1, 5), convolved((1, 1)),
    ),
    "conv1d, same": (lambda: layers.Conv1d(2, 2, 4, padding="same"), (2, 2, 5), convolved((1, 2))),
    "conv1d, relu": (
        lambda: layers.Conv1d(2, 5, 3, padding="valid", activation="relu"),
        (2, 2, 6), rectified(convolved((0, 0))),
    ),
    "conv1d, no image": (lambda: layers.Conv1d(2, 3, 3), (0, 2, 7), convolved((0, 0))),
    "conv2d": (lambda: layers.Conv2d(2, 2, 3), (1, 2, 4, 5), convolved((0, 0), (0, 0))),
    "conv2d, as large as the image": (
        lambda: layers.Conv2d(2, 3, (3, 2)), (2, 2, 3, 2), convolved((0, 0), (0, 0)),
    ),
    "conv2d, padded": (
        lambda: layers.Conv2d(1, 2, (2, 3), padding=(2, 1)), (2, 1, 2, 3),
        convolved((2, 2), (1, 1)),
    ),
    "conv2d, larger than the image": (
        lambda: layers.Conv2d(1, 2, 4, padding=2), (1, 1, 2, 3), convolved((2, 2), (2, 2)),
    ),
    "conv2d, no bias": (
        lambda: layers.Conv2d(3, 2, 2, padding=1, bias=False), (1, 3, 3, 3),
        convolved((1, 1), (1, 1)),
    ),
    "conv2d, same": (
        lambda: layers.Conv2d(1, 2, (2, 5), padding="same"), (1, 1, 3, 4),
        convolved((0, 1), (2, 2)),
    ),
    "conv2d, relu": (
        lambda: layers.Conv2d(1, 5, 2, padding=1, activation="relu"), (2, 1, 2, 3),
        rectified(convolved((1, 1), (1, 1))),
    ),
    "conv2d, a point": (lambda: layers.Conv2d(3, 4, 1), (2, 3, 2, 3), convolved((0, 0), (0, 0))),
    "conv2d, no image": (lambda: layers.Conv2d(2, 3, 3), (0, 2, 5, 4), convolved((0, 0), (0, 0))),
    "average": (
        lambda: layers.AvgPool2d((2, 3)), (2, 2, 4, 6),
        lambda _, a: tiles(a, (2, 3)).mean((-2, -1)),
    ),
    "largest": (
        lambda: layers.MaxPool2d(2), (2, 2, 4, 6), lambda _, a: tiles(a, (2, 2)).max((-2, -1)),
    ),
    "average, no image": (
        lambda: layers.AvgPool2d(2), (0, 2, 4, 6), lambda _, a: np.zeros((0, 2, 2, 3), a.dtype),
    ),
    "largest, no image": (
        lambda: layers.MaxPool2d(2), (0, 2, 4, 6), lambda _, a: np.zeros((0, 2, 2, 3), a.dtype),
    ),
    "relu": (layers.ReLU, (3, 4), lambda _, a: np.maximum(a, 0)),
    "flatten": (layers.Flatten, (2, 3, 4, 2), lambda _, a: a.reshape(2, 24)),
    "flatten, some": (
        lambda: layers.Flatten(-3, 2), (2, 3, 4, 5), lambda _, a: a.reshape(2, 12, 5),
    ),
    "flatten, all": (lambda: layers.Flatten(0), (2, 3), lambda _, a: a.reshape(6)),
    "flatten, no image": (layers.Flatten, (0, 3, 4), lambda _, a: a.reshape(0, 12)),
    "a chain": (
        lambda: layers.Sequential(layers.Flatten(), layers.Linear(12, 3), layers.ReLU()),
        (2, 3, 4), lambda chain, a: np.maximum(linear(chain.modules()[1], a.reshape(2, 12)), 0),
    ),
    "no chain": (layers.Sequential, (2, 3), lambda _, a: a),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_layer_gives_what_numpy_gives(backend: str, dtype: str, case: str) -> None:
    make, shape, oracle = CASES[case]
    layer = make()
    for layout in LAYOUTS:
        a = numbers(*shape, dtype=dtype) / 3
        out = layer(tensor(a, layout, backend))
        assert out.backend is minitorch.get_backend()
        close(out, oracle(layer, a))


@pytest.mark.parametrize("case", [case for case in CASES if case != "no chain"])
def test_gradients_agree_with_differences(backend: str, case: str) -> None:
    make, shape, _ = CASES[case]
    layer = make()
    parameters = layer.parameters()

    def by_all(input: Any, *values: Any) -> Any:
        for parameter, value in zip(parameters, values, strict=True):
            parameter.value = value
        return layer(input)

    values = [parameter.value for parameter in parameters]
    minitorch.grad_check(by_all, tensor(numbers(*shape) / 3, backend=backend), *values)


@pytest.mark.parametrize("shape", [(4, 3), (1, 5), (6, 1)])
def test_losses(backend: str, dtype: str, shape: tuple[int, int]) -> None:
    scores = numbers(*shape, dtype=dtype)
    labels = np.random.default_rng(1).integers(shape[1], size=len(scores))
    picked = scores[range(len(scores)), labels]
    normaliser = np.log(np.exp(scores).sum(1))
    for layout in LAYOUTS:
        input = tensor(scores, layout, backend)
        close(layers.NLLLoss()(input, labels), -picked.mean())
        close(layers.CrossEntropyLoss()(input, labels), (normaliser - picked).mean())


def test_gradients_of_losses(backend: str) -> None:
    scores, labels = tensor(numbers(4, 3), backend=backend), [2, 0, 0, 1]
    minitorch.grad_check(lambda a: functional.nll_loss(a, labels), scores)
    minitorch.grad_check(lambda a: functional.cross_entropy(a, labels), scores)


def test_scores_far_from_one_another(backend: str) -> None:
    scores = tensor(np.array([[1000.0, 0.0], [-1000.0, 0.0]]), backend=backend)
    assert functional.cross_entropy(scores, [0, 1]).item() == 0.0
    assert functional.cross_entropy(scores, [1, 1]).item() == 500.0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, at inf - inf
def test_losses_of_scores_that_are_no_numbers(backend: str) -> None:
    scores = numbers(3, 4)
    scores[1, 2] = np.nan
    assert np.isnan(functional.cross_entropy(tensor(scores, backend=backend), [0, 0, 0]).item())
    # Only what is picked counts.
    assert np.isfinite(functional.nll_loss(tensor(scores, backend=backend), [0, 0, 0]).item())
    assert np.isnan(functional.nll_loss(tensor(scores, backend=backend), [0, 2, 0]).item())
    scores[1, 2] = -np.inf
    assert functional.nll_loss(tensor(scores, backend=backend), [0, 2, 0]).item() == np.inf
    assert np.isfinite(functional.cross_entropy(tensor(scores, backend=backend), [0] * 3).item())
    assert functional.cross_entropy(tensor(scores, backend=backend), [0, 2, 0]).item() == np.inf


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, at 0/0
@pytest.mark.parametrize("loss", [layers.NLLLoss(), layers.CrossEntropyLoss()])
def test_an_empty_batch_has_no_mean_and_no_gradient(backend: str, loss: Any) -> None:
    linear = layers.Linear(3, 2)
    out = loss(linear(minitorch.zeros(0, 3)), [])
    assert out.shape == ()
    assert np.isnan(out.item())
    out.backward()
    close(linear.weight.grad, np.zeros((2, 3)))
    close(linear.bias.grad, np.zeros(2))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, at inf - inf
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda **o: layers.Linear(5, 4, **o), (3, 5)),
        (lambda **o: layers.Conv1d(2, 3, 3, padding=2, **o), (2, 2, 6)),
        (lambda **o: layers.Conv2d(2, 3, 3, padding="same", **o), (2, 2, 4, 5)),
    ],
)
def test_the_activation_is_that_of_a_relu_behind(backend: str, make: Any, shape: Any) -> None:
    one, chain = make(activation="relu"), layers.Sequential(make(), layers.ReLU())
    for mine, other in zip(one.parameters(), chain.parameters(), strict=True):
        other.update(minitorch.tensor(mine.to_numpy()))
    for value in (0.5, np.inf, -np.inf, np.nan):
        a = numbers(*shape)
        a[(0,) * a.ndim] = value
        results = []
        for layer in (one, chain):
            minitorch.SGD(layer.parameters()).zero_grad()
            input = minitorch.tensor(a, requires_grad=True)
            out = layer(input)
            out.backward(np.cos(np.arange(out.size)).reshape(out.shape))
            results.append([out, input.grad, *[p.grad for p in layer.parameters()]])
        for mine, other in zip(*results, strict=True):
            close(mine, other.to_numpy())


def test_what_is_no_number_spreads_as_far_as_the_kernel(backend: str) -> None:
    conv = layers.Conv2d(1, 2, 3, padding=1)
    a = numbers(1, 1, 5, 6)
    a[0, 0, 1, 4] = np.nan
    seen = np.isnan(conv(tensor(a, backend=backend)).to_numpy())
    expected = np.zeros((1, 2, 5, 6), bool)
    expected[:, :, 0:3, 3:6] = True
    np.testing.assert_array_equal(seen, expected)


def test_operands_of_two_dtypes(backend: str) -> None:
    a, weight = numbers(3, 4, dtype=np.float32), numbers(2, 4, seed=1)
    close(functional.linear(tensor(a), tensor(weight)), a.astype(float) @ weight.T)
    image, kernel = a.reshape(2, 1, 6), weight.reshape(2, 1, 4)
    out = functional.convolution(tensor(image), tensor(kernel))
    close(out, convolution(image.astype(float), kernel, sizes=(3,)))
    loss = functional.cross_entropy(tensor(a, backend=backend), [0, 1, 2])
    assert loss.dtype == np.float32


def test_a_convolution_padded_on_one_side(backend: str) -> None:
    a, weight = numbers(2, 2, 3, 4), numbers(3, 2, 2, 2, seed=1)
    padding = ((2, 0), (0, 1))
    padded = np.pad(a, [(0, 0), (0, 0), *padding])
    out = functional.convolution(
        tensor(a, backend=backend), tensor(weight, backend=backend), None, padding
    )
    close(out, convolution(padded, weight, sizes=(4, 4)))
