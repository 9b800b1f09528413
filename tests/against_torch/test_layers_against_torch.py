"""PyTorch's layers as the oracle: values, every gradient, and three steps of training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_cases import HOST_BACKENDS, LAYOUTS, numbers, tensor

import minitorch
from minitorch import layers
from minitorch.layers import functional

# `torch` alone would find this folder where PyTorch is not installed.
nn = pytest.importorskip("torch.nn", reason="PyTorch is the oracle of these tests")
torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")

TOLERANCES = {"float64": 1e-10, "float32": 2e-5}

Layer = Callable[[Any], Any]

# How a layer is made of either library, and the input's shape.
CASES: dict[str, tuple[Layer, tuple[int, ...]]] = {
    "linear": (lambda of: of.Linear(7, 5), (6, 7)),
    "linear, rows of rows": (lambda of: of.Linear(7, 5), (2, 3, 7)),
    "linear, one row": (lambda of: of.Linear(7, 5), (7,)),
    "linear, no bias": (lambda of: of.Linear(7, 5, bias=False), (6, 7)),
    "linear, no row": (lambda of: of.Linear(7, 5), (0, 7)),
    "conv1d": (lambda of: of.Conv1d(3, 4, 3), (2, 3, 9)),
    "conv1d, padded": (lambda of: of.Conv1d(3, 4, 4, padding=2), (2, 3, 5)),
    "conv1d, same": (lambda of: of.Conv1d(2, 3, (4,), padding="same"), (2, 2, 6)),
    "conv1d, no image": (lambda of: of.Conv1d(3, 4, 3), (0, 3, 9)),
    "conv2d": (lambda of: of.Conv2d(2, 3, 3), (2, 2, 6, 5)),
    "conv2d, padded": (lambda of: of.Conv2d(2, 3, (2, 3), padding=(2, 1)), (2, 2, 4, 5)),
    "conv2d, padded much": (lambda of: of.Conv2d(1, 2, 3, padding=4), (2, 1, 2, 3)),
    "conv2d, same": (lambda of: of.Conv2d(2, 3, (3, 4), padding="same"), (2, 2, 5, 4)),
    "conv2d, valid": (lambda of: of.Conv2d(2, 3, 2, padding="valid", bias=False), (2, 2, 4, 4)),
    "conv2d, one channel": (lambda of: of.Conv2d(1, 1, 5), (1, 1, 5, 5)),
    "conv2d, no image": (lambda of: of.Conv2d(2, 3, 3, padding=1), (0, 2, 6, 5)),
    "average": (lambda of: of.AvgPool2d((2, 3)), (2, 3, 4, 6)),
    "largest": (lambda of: of.MaxPool2d(2), (2, 3, 4, 6)),
    "relu": (lambda of: of.ReLU(), (3, 4)),
    "flatten": (lambda of: of.Flatten(), (2, 3, 4)),
    "flatten, some": (lambda of: of.Flatten(0, -2), (2, 3, 4)),
    "dropout": (lambda of: of.Dropout(), (3, 4)),
}
# Large enough to fill the tiles of a tuned kernel, and beyond them.
LARGE: dict[str, tuple[Layer, tuple[int, ...]]] = {
    "linear": (lambda of: of.Linear(70, 101), (37, 70)),
    "conv1d": (lambda of: of.Conv1d(5, 19, 5, padding="same"), (3, 5, 83)),
    "conv2d": (lambda of: of.Conv2d(5, 19, 3, padding=1), (3, 5, 11, 41)),
    "conv2d, few channels": (lambda of: of.Conv2d(1, 4, 5), (9, 1, 28, 28)),
}


def twins(make: Layer) -> tuple[Any, Any]:
    """Return a layer of each library with the same parameters."""
    ours, theirs = make(layers), make(nn)
    names = [name for name, _ in theirs.named_parameters()]
    assert [name for name, _ in ours.named_parameters()] == names
    for mine, their in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.shape == tuple(their.shape)
        mine.update(minitorch.tensor(their.detach().numpy()))
    return ours, theirs


def agree(mine: Any, their: Any) -> None:
    dtype = str(mine.dtype)
    expected = their.detach().numpy()
    assert mine.shape == expected.shape
    assert dtype == str(expected.dtype)
    scale = max(1.0, float(abs(expected).max(initial=0)))
    tolerance = TOLERANCES[dtype] * scale
    np.testing.assert_allclose(mine.numpy(), expected, rtol=0, atol=tolerance)


def compare(make: Layer, shape: tuple[int, ...], backend: str, dtype: str) -> None:
    """Check a layer's value, and the gradients by its input and its parameters."""
    ours, theirs = twins(make)
    ours.eval()
    theirs.eval()
    for layout in LAYOUTS:
        a = numbers(*shape, dtype=dtype) / 5
        mine = tensor(a, layout, backend).requires_grad_(True)
        their = torch.tensor(a, requires_grad=True)
        out, expected = ours(mine), theirs(their)
        weights = np.cos(np.arange(out.size)).reshape(out.shape).astype(dtype)
        ours.zero_grad()
        theirs.zero_grad()
        out.backward(weights)
        expected.backward(torch.tensor(weights))
        agree(out, expected)
        agree(mine.grad, their.grad)
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            agree(one.grad, other.grad)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("case", CASES)
def test_layers(backend: str, dtype: str, case: str) -> None:
    compare(*CASES[case], backend, dtype)


@pytest.mark.slow
@pytest.mark.parametrize("backend", [b for b in HOST_BACKENDS if b != "simple"], indirect=True)
@pytest.mark.parametrize("case", LARGE)
def test_large_layers_on_compiled_backends(backend: str, dtype: str, case: str) -> None:
    compare(*LARGE[case], backend, dtype)


@pytest.mark.parametrize("case", CASES)
def test_printed_form(case: str) -> None:
    make, _ = CASES[case]
    assert repr(make(layers)) == repr(make(nn))


@pytest.mark.parametrize("loss", ["NLLLoss", "CrossEntropyLoss"])
@pytest.mark.parametrize("shape", [(5, 4), (1, 1), (7, 1), (33, 10)])
def test_losses(backend: str, dtype: str, loss: str, shape: tuple[int, int]) -> None:
    labels = np.random.default_rng(2).integers(shape[1], size=shape[0])
    for scale in (0.1, 30.0):
        for layout in LAYOUTS:
            a = (numbers(*shape) * scale).astype(dtype)
            mine = tensor(a, layout, backend).requires_grad_(True)
            their = torch.tensor(a, requires_grad=True)
            out = getattr(layers, loss)()(mine, labels)
            expected = getattr(nn, loss)()(their, torch.tensor(labels))
            out.backward()
            expected.backward()
            agree(out, expected)
            agree(mine.grad, their.grad)


@pytest.mark.parametrize("loss", ["nll_loss", "cross_entropy"])
def test_an_empty_batch(backend: str, loss: str) -> None:
    out = getattr(functional, loss)(minitorch.zeros(0, 3), [])
    expected = getattr(nn.functional, loss)(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    assert out.shape == tuple(expected.shape)
    assert np.isnan(out.item())
    assert np.isnan(expected.item())


@pytest.mark.parametrize(
    "make",
    [lambda of: of.Linear(50, 400), lambda of: of.Conv1d(10, 400, 5),
     lambda of: of.Conv2d(2, 1000, (2, 5))],
    ids=["linear", "conv1d", "conv2d"],
)  # fmt: skip
def test_layers_begin_with_numbers_of_pytorchs_distribution(make: Layer) -> None:
    minitorch.manual_seed(0)
    torch.manual_seed(0)
    at = np.linspace(0, 1, 21)
    for mine, their in zip(make(layers).parameters(), make(nn).parameters(), strict=True):
        bound = float(abs(their.detach()).max())
        quantiles = np.quantile(mine.numpy(), at)
        # Of n numbers, a quantile is off by up to about 1 / sqrt(n) of the width.
        allowed = 4 * bound / their.numel() ** 0.5
        np.testing.assert_allclose(
            quantiles, np.quantile(their.detach().numpy(), at), rtol=0, atol=allowed
        )


def lenet(fused: bool, channels: tuple[int, int], side: int, hidden: int) -> Layer:
    """Return a maker of a LeNet; where `fused`, minitorch's layers end with their ReLUs."""
    features = channels[1] * (side // 4) ** 2

    def make(of: Any) -> Any:
        def ending(layer: Any, *args: Any, **options: Any) -> list[Any]:
            if of is layers and fused:
                # Something in the place of the ReLU, so that the children's names agree.
                return [layer(*args, **options, activation="relu"), of.Sequential()]
            return [layer(*args, **options), of.ReLU()]

        return of.Sequential(
            *ending(of.Conv2d, 1, channels[0], 3, padding=1),
            *ending(of.Conv2d, *channels, 3, padding="same"),
            of.AvgPool2d(4),
            of.Flatten(),
            *ending(of.Linear, features, hidden),
            of.Linear(hidden, 10),
        )

    return make


@pytest.mark.parametrize(
    "fused", [pytest.param(False, marks=pytest.mark.slow), True], ids=["relu", "fused relu"]
)
def test_a_lenet_learns_as_pytorchs_does(backend: str, dtype: str, fused: bool) -> None:
    small = backend == "simple"  # which is slow
    make = lenet(fused, (2, 3), 8, 5) if small else lenet(fused, (4, 8), 28, 64)
    ours, theirs = twins(make)
    side, batch = (8, 2) if small else (28, 6)
    rng = np.random.default_rng(3)
    optim = minitorch.SGD(ours.parameters(), 0.2)
    their_optim = torch.optim.SGD(theirs.parameters(), 0.2)
    losses = []
    for _ in range(3):
        images = rng.random((batch, 1, side, side)).astype(dtype)
        labels = rng.integers(10, size=batch)
        optim.zero_grad()
        their_optim.zero_grad()
        loss = layers.CrossEntropyLoss()(ours(minitorch.from_numpy(images)), labels)
        expected = nn.CrossEntropyLoss()(theirs(torch.tensor(images)), torch.tensor(labels))
        loss.backward()
        expected.backward()
        agree(loss, expected)
        for mine, their in zip(ours.parameters(), theirs.parameters(), strict=True):
            agree(mine.grad, their.grad)
        optim.step()
        their_optim.step()
        for mine, their in zip(ours.parameters(), theirs.parameters(), strict=True):
            agree(mine, their)
        losses.append(loss.item())
    assert len(set(losses)) == 3
