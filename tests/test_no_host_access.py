"""Nothing touches a device's memory behind its backend's back, from operations to training."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import test_every_backend
import test_optim
import test_vocabulary_inplace
from guarded_ops import GUARDED, DeviceMemory, layer_on, leaf
from kernel_cases import numbers

import minitorch
from minitorch import Adam, Tensor, layers
from minitorch.layers import functional
from minitorch.more_functions import Pad
from minitorch.training import ClassifierTrainer

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

LABELS = np.array([2, 0, 1])
INDEX = np.array([[1, 0], [2, 2]])


def outcome(function: Callable[..., Any], arrays: list[Any], backend: Any) -> list[Any]:
    """Return the result of a function as an array, and the gradients by its operands."""
    minitorch.manual_seed(3)
    leaves = [leaf(array, backend) for array in arrays]
    out = function(*leaves)
    if not isinstance(out, Tensor):
        return [np.asarray(out)]
    assert out.backend is minitorch.get_backend(backend)
    if out.requires_grad:
        out.backward(np.cos(np.arange(out.numel()) + 1.0).reshape(out.shape))
    for each in leaves:
        assert each.grad is None or each.grad.backend is out.backend
    gradients = [None if each.grad is None else each.grad.to_numpy() for each in leaves]
    return [out.to_numpy(), *gradients]


def same_on_the_device(function: Callable[..., Any], *arrays: Any) -> None:
    plain, guarded = (outcome(function, [*arrays], b) for b in ("simple", GUARDED))
    for here, there in zip(plain, guarded, strict=True):
        assert (here is None) == (there is None)
        if here is not None:
            assert here.dtype == there.dtype
            np.testing.assert_array_equal(there, here)


# Operations.

# Of tensors of these shapes: the operation.
OPERATIONS: dict[str, tuple[tuple[tuple[int, ...], ...], Callable[..., Any]]] = {
    "numbers": (((2, 3),), lambda a: (2 - a) / 3 + a * 2 - 1 / a + 2**a + a**3),
    "arrays": (((2, 3),), lambda a: a + np.ones(3) - np.ones((2, 1)) * a),
    "broadcast": (((2, 1), (3,)), lambda a, b: a * b + a),
    "product": (((2, 3), (3, 4)), lambda a, b: a @ b),
    "batched product": (((2, 2, 3), (3, 4)), lambda a, b: a @ b),
    "vectors": (((3,), (3,)), lambda a, b: a @ b),
    "permute": (((2, 3, 4),), lambda a: a.permute(2, 0, 1) * 2),
    "view": (((2, 6),), lambda a: a.view(3, -1) * a.reshape(3, 4)),
    "reshape, a view of a transpose": (((2, 3, 4),), lambda a: a.permute(1, 2, 0).reshape(12, 2)),
    "reshape, a copy": (((2, 3, 4),), lambda a: a.permute(2, 0, 1).reshape(6, 4)),
    "expand": (((3, 1),), lambda a: a.expand(2, 3, 4) * a),
    "squeeze": (((2, 1, 3),), lambda a: a.squeeze().unsqueeze(0).flatten()),
    "slice": (((4, 5),), lambda a: a[1:3, ::2] * 2),
    "slice, a row": (((4, 5),), lambda a: a[-1]),
    "slice, new dimensions": (((4, 5),), lambda a: a[None, ..., 1:2, None]),
    "slice, backwards": (((4, 5),), lambda a: a[::-1, 3:0:-2]),
    "slice, nothing": (((4, 5),), lambda a: a[2:2]),
    "slice of a transpose": (((4, 5),), lambda a: a.T[1:, ..., np.int64(2)]),
    "rows": (((4, 5),), lambda a: a[np.array([1, -1, 1])]),
    "rows and columns": (((4, 5),), lambda a: a[[0, 3, 0], np.array([1, 1, 1])]),
    "mask": (((4, 5),), lambda a: a[a > 0] * 2),
    "gather": (((2, 3),), lambda a: a.gather(1, INDEX)),
    "cat": (((2, 3), (2, 1)), lambda a, b: minitorch.cat([a, b, a.permute(1, 0)[:2, :2]], 1)),
    "stack": (((2, 3), (2, 3)), lambda a, b: minitorch.stack([a, b], -1)),
    "where": (((2, 3), (3,)), lambda a, b: minitorch.where(a < b, a, b)),
    "where, a number": (((2, 3),), lambda a: minitorch.where(a > 0, a, -1.0)),
    "clamp": (((3, 4),), lambda a: a.clamp(-1.5, 1.0) + a.clamp(min=0.0) + a.clamp(max=0.0)),
    "leaky relu": (((3, 4),), lambda a: minitorch.leaky_relu(a, 0.1)),
    "sum": (((2, 3, 4),), lambda a: a.sum() + a.sum(1).sum((0, 2), keepdim=False)),
    "mean and spread": (((2, 3, 4),), lambda a: a.mean((0, 1)) + a.std(1) + a.var()),
    "norms": (((3, 4),), lambda a: a.norm() + a.norm(1, 0) + a.norm(math.inf, 1, keepdim=True)),
    "all": (((2, 3),), lambda a: a.all() + a.all(1)),
    "max": (((3, 4),), lambda a: a.max() * a.min()),
    "max along": (((3, 4),), lambda a: a.max(1).values[:, None] * a.min(0, keepdim=True).values),
    "argmax": (((3, 4),), lambda a: a.argmax() + a.argmin(1, keepdim=True) * a.argmax(0)),
    "course max": (((3, 4),), lambda a: minitorch.max(a, 1) + minitorch.argmax(a, 0)),
    "softmax": (((3, 4),), lambda a: minitorch.softmax(a, 0) + minitorch.logsoftmax(a, 1)),
    "pooling": (
        ((1, 2, 4, 4),), lambda a: minitorch.avgpool2d(a, (2, 2)) + minitorch.maxpool2d(a, (2, 2)),
    ),
    "dropout": (((3, 4),), lambda a: minitorch.dropout(a, 0.5)),
    "convolution": (((2, 2, 5), (3, 2, 2)), minitorch.conv1d),
    "pad": (((2, 3),), lambda a: Pad.apply(a, ((1, 2),))),
    "cast": (((2, 3),), lambda a: a.float() * 2),
    "copies": (((2, 3),), lambda a: a.clone() + a.detach() + copy.deepcopy(a)),
    "likes": (((2, 3),), lambda a: a * minitorch.rand_like(a) + minitorch.ones_like(a)),
    "comparisons": (((2, 3),), lambda a: (a <= 0) + (a != 1) + a.is_close(a)),
    **{name: (((2, 3),), own) for name, (own, _) in test_every_backend.MAPS.items()},
    **{name: (((2, 3), (2, 3)), own) for name, (own, _) in test_every_backend.ZIPS.items()},
}  # fmt: skip
# Masks choose on the host; `deepcopy` goes by way of it.
BY_THE_HOST = {"mask", "where", "where, a number", "copies"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name: str) -> None:
    shapes, function = OPERATIONS[name]
    arrays = [numbers(*shape, seed=place) for place, shape in enumerate(shapes)]
    same_on_the_device(function, *arrays)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in BY_THE_HOST])
def test_an_operation_copies_nothing_to_the_host(name: str) -> None:
    shapes, function = OPERATIONS[name]
    leaves = [leaf(numbers(*shape), GUARDED) for shape in shapes]
    before = DeviceMemory.copies
    out = function(*leaves)
    if isinstance(out, Tensor) and out.requires_grad:
        out.sum().backward()
    assert DeviceMemory.copies == before


def test_the_largest_with_ties_and_nan() -> None:
    array = np.array([[1.0, 5, 5], [math.nan, 2, 3], [-math.inf, -math.inf, -math.inf]])
    for function in (lambda a: a.max(), lambda a: a[::2].min(), lambda a: a.norm(math.inf, 1),
                     lambda a: a.max(1).values, lambda a: a.min(0).values):  # fmt: skip
        same_on_the_device(function, array)


# Layers and losses.

LAYERS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "linear": (lambda: layers.Linear(4, 3, activation="relu"), (2, 4)),
    "conv1d": (lambda: layers.Conv1d(2, 2, 3, padding=2, stride=2), (1, 2, 5)),
    "conv2d": (lambda: layers.Conv2d(2, 2, 2, padding="same", activation="relu"), (1, 2, 3, 4)),
    "conv2d, dilated": (lambda: layers.Conv2d(1, 2, 2, stride=2, dilation=2), (1, 1, 5, 4)),
    "average": (lambda: layers.AvgPool2d(2, 1, 1, count_include_pad=False), (1, 2, 3, 4)),
    "largest": (lambda: layers.MaxPool2d(2, 1, 1, ceil_mode=True), (1, 2, 3, 4)),
    "dropout": (lambda: layers.Dropout(0.3), (3, 4)),
    "dropout2d": (lambda: layers.Dropout2d(0.5), (2, 4, 1, 2)),
    "batch norm": (lambda: layers.BatchNorm1d(3), (5, 3)),
    "batch norm, evaluated": (lambda: layers.BatchNorm2d(2).eval(), (2, 2, 2, 3)),
    "batch norm, untracked": (
        lambda: layers.BatchNorm2d(2, affine=False, track_running_stats=False), (2, 2, 2, 3),
    ),
    "activations": (
        lambda: layers.Sequential(
            layers.ReLU(), layers.LeakyReLU(), layers.Sigmoid(), layers.Tanh(), layers.Softmax(1),
            layers.LogSoftmax(1), layers.Flatten(), layers.Identity(),
        ),
        (2, 3, 2),
    ),
}  # fmt: skip
LOSSES: dict[str, Callable[..., Any]] = {
    "mse": lambda a: functional.mse_loss(a, np.ones((3, 4))),
    "mse, a list": lambda a: functional.mse_loss(a, [[1, 2, 3, 4]] * 3, reduction="none"),
    "bce": lambda a: functional.binary_cross_entropy_with_logits(
        a, np.full((3, 4), 0.25), pos_weight=[1.0, 2.0, 3.0, 4.0]
    ),
    "nll": lambda a: functional.nll_loss(a, LABELS),
    "nll, weighted": lambda a: functional.nll_loss(
        a, LABELS, leaf([0.5, 1.0, 2.0, 3.0], a.backend, False), ignore_index=0, reduction="none"
    ),
    "cross entropy": lambda a: functional.cross_entropy(a, LABELS),
    "cross entropy, weighted": lambda a: functional.cross_entropy(
        a, LABELS, np.array([0.5, 1.0, 2.0, 3.0]), ignore_index=1
    ),
    "cross entropy of probabilities": lambda a: functional.cross_entropy(
        a, np.full((3, 4), 0.25), np.array([0.5, 1.0, 2.0, 3.0])
    ),
    "softplus": functional.softplus,
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str) -> None:
    make, shape = LAYERS[name]
    states = []

    def run(a: Tensor) -> Tensor:
        layer = layer_on(make, a.backend)
        out: Tensor = layer(a)
        (out * out).sum().backward(retain_graph=True)
        found = {**layer.state_dict(), **{f"grad {n}": p.grad for n, p in layer.named_parameters()}}
        states.append(found)
        return out

    same_on_the_device(run, numbers(*shape))
    plain, guarded = states
    for key, value in plain.items():
        if isinstance(value, Tensor):
            assert guarded[key].backend is GUARDED
            value, guarded[key] = value.to_numpy(), guarded[key].to_numpy()
        np.testing.assert_array_equal(guarded[key], value, key)


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name: str) -> None:
    same_on_the_device(LOSSES[name], numbers(3, 4))


# Writing in place.


# "numpy mask" asks the tensor for its numpy array.
@pytest.mark.parametrize("name", [n for n in test_vocabulary_inplace.ALL if n != "numpy mask"])
def test_write_in_place(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        test_vocabulary_inplace,
        "made",
        lambda array, beside: leaf(np.asarray(array, float), GUARDED, False),
    )
    write, expected = test_vocabulary_inplace.ALL[name]
    array = numbers(2, 3)
    t = leaf(array, GUARDED, False)
    turned = t.T
    before = t._version
    write(t)
    assert t._version > before
    np.testing.assert_allclose(turned.T.to_numpy(), expected(array), 1e-12)


def test_writes_between_overlapping_views() -> None:
    t = leaf(np.arange(5.0), GUARDED, False)
    t[1:].copy_(t[:-1])
    assert t.tolist() == [0, 0, 1, 2, 3]
    t[:-1] = t[1:]
    assert t.tolist() == [0, 1, 2, 3, 3]
    t[1:].add_(t[:-1])
    assert t.tolist() == [0, 1, 3, 5, 6]


# Training.


def network() -> Any:
    return layers.Sequential(
        layers.Conv2d(1, 2, 2, activation="relu"),
        layers.BatchNorm2d(2),
        layers.MaxPool2d(2, 1),
        layers.Flatten(),
        layers.Dropout(0.2),
        layers.Linear(8, 3),
    )


def trained(backend: Any, make: Callable[[Any], Any], clip: float = 2.0) -> dict[str, Any]:
    """Return the state of a network after three steps."""
    model = layer_on(network, backend)
    optimizer = make(model.parameters())
    images = leaf(numbers(3, 1, 4, 4) / 5, backend, False)
    for _ in range(3):
        optimizer.zero_grad()
        functional.cross_entropy(model(images), LABELS).backward()
        minitorch.clip_grad_norm_(model.parameters(), 0.5, clip)
        minitorch.clip_grad_value_(model.parameters(), 0.1)
        optimizer.step()
    return {
        key: value.to_numpy() if isinstance(value, Tensor) else value
        for key, value in model.state_dict().items()
    }


@pytest.mark.parametrize(
    ("name", "clip"),
    list(zip(test_optim.MAKERS, [2, 1, math.inf, 3, 2, 2, 2], strict=True)),
)
def test_training(name: str, clip: float) -> None:
    make = test_optim.MAKERS[name]
    plain, guarded = trained("simple", make, clip), trained(GUARDED, make, clip)
    for key, value in plain.items():
        np.testing.assert_array_equal(guarded[key], value, key)


def test_a_step_copies_nothing_to_the_host_but_the_norm_that_clips() -> None:
    model = layer_on(lambda: layers.Sequential(layers.Linear(4, 3), layers.BatchNorm1d(3)), GUARDED)
    optimizer = Adam(model.parameters(), amsgrad=True)
    inputs = leaf(numbers(3, 4), GUARDED, False)
    before = DeviceMemory.copies
    functional.cross_entropy(model(inputs), LABELS).backward()
    optimizer.step()
    assert DeviceMemory.copies == before
    minitorch.clip_grad_norm_(model.parameters(), 1e-3)
    assert DeviceMemory.copies == before + 1


def test_a_trainer_on_the_device() -> None:
    model = layer_on(lambda: layers.Linear(4, 3), GUARDED)
    loss = layers.CrossEntropyLoss()
    trainer = ClassifierTrainer(model, loss, Adam(model.parameters()))
    inputs = leaf(numbers(3, 4), GUARDED, False)
    result = trainer.train_batch((inputs, LABELS))
    assert math.isfinite(result.loss)
    model.weight.data = leaf(np.full((3, 4), math.nan), GUARDED, False)
    with pytest.raises(FloatingPointError, match="weight already has such numbers"):
        trainer.train_batch((inputs, LABELS))


def test_gradients_are_checked_on_the_device() -> None:
    minitorch.grad_check(lambda a, b: (a @ b).tanh(), *[leaf(numbers(2, 2), GUARDED)] * 2)
