"""Training on the device: nothing is copied to the host between the input and the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import cuda_target, cudasim, layers
from minitorch.errors import BackendError

Step = Callable[[], Any]


@pytest.fixture(autouse=True)
def simulator() -> Any:
    with cuda_target.using("simulator"):
        yield


def small_cnn() -> minitorch.Module:
    return layers.Sequential(
        layers.Conv2d(1, 2, 3, padding=1),
        layers.BatchNorm2d(2),
        layers.ReLU(),
        layers.MaxPool2d(2),
        layers.Conv2d(2, 2, 2, stride=2),
        layers.LeakyReLU(),
        layers.AvgPool2d(2),
        layers.Flatten(),
        layers.Dropout(0.25),
        layers.Linear(2, 3),
    )


def small_mlp() -> minitorch.Module:
    return layers.Sequential(
        layers.Flatten(), layers.Linear(64, 4), layers.Tanh(), layers.Linear(4, 3)
    )


OPTIMISERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: minitorch.SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
    "rmsprop": lambda p: minitorch.RMSprop(p, 0.01),
    "adam": lambda p: minitorch.Adam(p, 0.01, amsgrad=True),
}


def trained(backend: str, make: Callable[[], minitorch.Module], optimiser: str) -> Any:
    """Return the losses of three steps, the state after them, and what the last one copied."""
    minitorch.manual_seed(3)
    model = make().to(backend)
    optim = OPTIMISERS[optimiser](model.parameters())
    criterion = layers.CrossEntropyLoss()
    images = np.random.default_rng(0).normal(size=(2, 1, 8, 8))
    labels = np.array([2, 0])
    x = minitorch.tensor(images, backend=backend)
    losses = []
    with cudasim.counting_transfers() as copied:
        for _ in range(3):
            optim.zero_grad()
            loss = criterion(model(x), labels)
            loss.backward()
            minitorch.clip_grad_norm_(model.parameters(), 1.0)
            optim.step()
            losses.append(loss)
        back = copied.to_host
    state = {name: np.asarray(getattr(value, "to_numpy", lambda v=value: v)())
             for name, value in model.state_dict().items()}  # fmt: skip
    return [loss.item() for loss in losses], state, back


@pytest.mark.parametrize(
    ("make", "optimiser"),
    [(small_cnn, "adam"), (small_mlp, "sgd"), (small_mlp, "rmsprop")],
    ids=["cnn adam", "mlp sgd", "mlp rmsprop"],
)
def test_a_model_trains_on_the_device_as_on_the_host(make: Any, optimiser: str) -> None:
    losses, state, copied = trained("cuda", make, optimiser)
    expected, host_state, _ = trained("simple", make, optimiser)
    assert copied == 3  # the norm, which clip_grad_norm_ asks for in each step
    np.testing.assert_allclose(losses, expected, rtol=1e-10)
    assert state.keys() == host_state.keys()
    for name, array in state.items():
        np.testing.assert_allclose(array, host_state[name], rtol=1e-8, atol=1e-10, err_msg=name)


def test_only_what_says_so_copies_to_the_host() -> None:
    x = minitorch.tensor([[1.0, 2.0], [3.0, 4.0]], backend="cuda")
    reads: list[Step] = [
        lambda: x.sum().item(), lambda: x[0, 1], lambda: repr(x), lambda: str(x),
        lambda: x.tolist(), lambda: x.to_numpy(), lambda: x.cpu(),
    ]  # fmt: skip
    for read in reads:
        with cudasim.counting_transfers() as copied:
            read()
        assert copied.to_host == 1
    refused: list[Step] = [x.numpy, lambda: np.asarray(x), lambda: np.from_dlpack(x)]
    for read in refused:
        with pytest.raises((BackendError, BufferError), match=r"device|simulat"):
            read()


def test_cpu_and_cuda_there_and_back_with_gradients() -> None:
    x = minitorch.tensor([1.0, -2.0], backend="fast", requires_grad=True)
    on_device = x.to("cuda")
    assert on_device.device == "cuda"
    (on_device * on_device).cpu().sum().backward()
    assert x.grad is not None
    assert x.grad.backend is x.backend
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, -4.0])


def test_devices_that_mix_are_named() -> None:
    x = minitorch.tensor([[1.0, 2.0]], backend="cuda")
    y = minitorch.tensor([1.0, 2.0], backend="fast")
    for operation in (
        lambda: x + y,
        lambda: y * x,
        lambda: x @ y,
        lambda: minitorch.cat([x, y.view(1, 2)]),
    ):
        with pytest.raises(BackendError, match=r"(?s)cuda.*\(1, 2\).*cpu|cpu.*cuda"):
            operation()
