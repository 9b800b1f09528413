"""Layers as modules: parameters, seeds, training mode, printed form, what fused forms get."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from kernel_cases import numbers

import minitorch
from minitorch import fusion, layers
from minitorch.layers import functional
from minitorch.layers.functional import mean_loss

MAKERS = {
    "Linear": lambda: layers.Linear(30, 20),
    "Conv1d": lambda: layers.Conv1d(5, 20, 6),
    "Conv2d": lambda: layers.Conv2d(5, 20, (3, 2)),
}


def test_the_package_is_reached_from_minitorch() -> None:
    assert minitorch.layers is layers
    assert "layers" in minitorch.__all__


@pytest.mark.parametrize("name", MAKERS)
def test_parameters_and_their_first_values(name: str, dtype: str) -> None:
    layer = MAKERS[name]()
    shapes = {"Linear": (20, 30), "Conv1d": (20, 5, 6), "Conv2d": (20, 5, 3, 2)}
    assert [key for key, _ in layer.named_parameters()] == ["weight", "bias"]
    assert layer.weight.shape == shapes[name]
    assert layer.bias.shape == (20,)
    for parameter in layer.parameters():
        assert parameter.dtype == dtype
        assert parameter.value.requires_grad
        assert parameter.value.is_leaf()
        assert np.abs(parameter.to_numpy()).max() <= 30**-0.5 * (1 + 1e-6)
    # Of 600 numbers, uniform: mean, extremes and variance lie well within these.
    scaled = layer.weight.to_numpy() * 30**0.5
    assert abs(scaled.mean()) < 0.12
    assert scaled.min() < -0.97
    assert scaled.max() > 0.97
    assert abs(scaled.var() - 1 / 3) < 0.05


@pytest.mark.parametrize("name", MAKERS)
def test_one_seed_gives_one_layer(name: str) -> None:
    def drawn(seed: int) -> Any:
        minitorch.manual_seed(seed)
        return [parameter.to_numpy() for parameter in MAKERS[name]().parameters()]

    for mine, again, other in zip(drawn(3), drawn(3), drawn(4), strict=True):
        np.testing.assert_array_equal(mine, again)
        assert (mine != other).all()


def test_a_layer_with_nothing_in_begins_at_zero() -> None:
    np.testing.assert_array_equal(layers.Linear(0, 3).bias.to_numpy(), np.zeros(3))


@pytest.mark.parametrize(
    "layer", [layers.Linear(3, 2, bias=False), layers.Conv2d(1, 2, 3, bias=False)]
)
def test_without_a_bias(layer: Any) -> None:
    assert layer.bias is None
    assert [key for key, _ in layer.named_parameters()] == ["weight"]


def test_layers_are_made_on_the_default_backend(backend: str) -> None:
    assert layers.Linear(2, 3).weight.value.backend is minitorch.get_backend(backend)
    assert layers.Conv2d(2, 3, 1).bias.value.backend is minitorch.get_backend(backend)


def test_a_new_parameter_takes_the_place_of_the_old(backend: str) -> None:
    layer = layers.Linear(2, 2)
    layer.weight = minitorch.Parameter(minitorch.tensor([[1.0, 0.0], [0.0, 2.0]]))
    layer.bias = None
    np.testing.assert_array_equal(layer(minitorch.tensor([3.0, 4.0])).to_numpy(), [3.0, 8.0])


@pytest.mark.parametrize("name", MAKERS)
def test_copies_have_parameters_of_their_own(name: str) -> None:
    layer = MAKERS[name]()
    shape = {"Linear": (2, 30), "Conv1d": (2, 5, 8), "Conv2d": (2, 5, 4, 4)}[name]
    a = minitorch.tensor(numbers(*shape))
    expected = layer(a).to_numpy().copy()
    twins = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    layer.weight.update(layer.weight.value.zeros())
    for twin in twins:
        np.testing.assert_array_equal(twin(a).to_numpy(), expected)


def test_dropout_while_training(backend: str, dtype: str) -> None:
    layer = layers.Dropout(0.25)
    a = minitorch.ones(50, 40, requires_grad=True)
    minitorch.manual_seed(5)
    out = layer(a)
    kept = out.to_numpy() != 0
    assert 0.7 < kept.mean() < 0.8
    np.testing.assert_allclose(out.to_numpy()[kept], 1 / 0.75, rtol=1e-6)
    out.backward(np.ones(out.shape))
    np.testing.assert_array_equal(a.grad.to_numpy(), out.to_numpy())
    minitorch.manual_seed(5)
    np.testing.assert_array_equal(layer(a).to_numpy(), out.to_numpy())
    assert (layer(a).to_numpy() != out.to_numpy()).any()


def test_dropout_in_evaluation_and_at_its_ends(backend: str) -> None:
    chain = layers.Sequential(layers.Dropout())
    a = minitorch.tensor(numbers(4, 5))
    chain.eval()
    np.testing.assert_array_equal(chain(a).to_numpy(), a.to_numpy())
    chain.train()
    assert (chain(a).to_numpy() != a.to_numpy()).any()
    np.testing.assert_array_equal(layers.Dropout(0.0)(a).to_numpy(), a.to_numpy())
    np.testing.assert_array_equal(layers.Dropout(1)(a).to_numpy(), np.zeros((4, 5)))


def test_flatten_shares_the_storage() -> None:
    a = minitorch.tensor(numbers(2, 3, 4))
    assert np.shares_memory(layers.Flatten()(a).to_numpy(), a.to_numpy())


def test_a_chain_holds_its_modules_in_order() -> None:
    chain = layers.Sequential(layers.Linear(3, 4), layers.ReLU(), layers.Linear(4, 2, bias=False))
    assert [type(module).__name__ for module in chain.modules()] == ["Linear", "ReLU", "Linear"]
    names = [key for key, _ in chain.named_parameters()]
    assert names == ["0.weight", "0.bias", "2.weight"]


def test_printed_form() -> None:
    assert repr(layers.Sequential(layers.Linear(3, 4), layers.ReLU())) == (
        "Sequential(\n  (0): Linear(in_features=3, out_features=4, bias=True)\n  (1): ReLU()\n)"
    )
    linear = layers.Linear(3, 4, bias=False, activation="relu")
    assert repr(linear) == "Linear(in_features=3, out_features=4, bias=False, activation='relu')"
    conv = layers.Conv1d(1, 2, 3, activation="relu")
    assert repr(conv) == "Conv1d(1, 2, kernel_size=(3,), stride=(1,), activation='relu')"


class Spying(minitorch.FastOps):
    """A backend whose fused forms keep what they get."""


@pytest.fixture
def seen() -> Iterator[list[tuple[Any, ...]]]:
    """The arguments that fused forms were given on the backend `Spying`."""
    calls: list[tuple[Any, ...]] = []
    for name in ("linear", "convolution", "nll_loss", "cross_entropy"):

        def fused(*arguments: Any, name: str = name) -> Any:
            calls.append((name, *arguments))
            return arguments[0]

        fusion.register_fused(Spying, name, fused)
    yield calls
    del fusion._fused[Spying]


def spied(*shape: int) -> Any:
    return minitorch.zeros(*shape, backend=minitorch.TensorBackend(Spying))


def test_fused_forms_get_all_arguments_by_position(seen: list[tuple[Any, ...]]) -> None:
    a, layer = spied(2, 3), layers.Linear(3, 2)
    layer(a)
    functional.linear(a, relu=1, weight=layer.weight)
    weight, bias = layer.weight.value, layer.bias.value
    expected = [("linear", a, weight, bias, False), ("linear", a, weight, None, True)]
    assert [call[0] for call in seen] == ["linear"] * 2
    for call, wanted in zip(seen, expected, strict=True):
        assert all(mine is other for mine, other in zip(call[1:], wanted[1:], strict=True))


def test_fused_convolutions_get_pairs_of_integers(seen: list[tuple[Any, ...]]) -> None:
    a = spied(2, 1, 5, 6)
    layers.Conv2d(1, 2, 3)(a)
    layers.Conv2d(1, 2, 3, padding=np.int64(1))(a)
    layers.Conv2d(1, 2, (3, 4), padding="same", activation="relu")(a)
    functional.convolution(a, minitorch.zeros(1, 1, 2, 2), None, [[np.int8(1), 2], (0, True)])
    functional.convolution(spied(2, 1, 5), minitorch.zeros(1, 1, 2), relu=1)
    paddings = [call[4] for call in seen]
    assert paddings == [
        ((0, 0), (0, 0)), ((1, 1), (1, 1)), ((1, 1), (1, 2)), ((1, 2), (0, 1)), ((0, 0),)
    ]  # fmt: skip
    assert all(type(pair) is tuple for padding in paddings for pair in padding)
    assert all(type(n) is int for padding in paddings for pair in padding for n in pair)
    relus = [False, False, True, False, True]
    assert all(call[5] is relu for call, relu in zip(seen, relus, strict=True))


@pytest.mark.parametrize("loss", ["nll_loss", "cross_entropy"])
@pytest.mark.parametrize(
    "labels",
    [[2, 0, 1], (2, 0, 1), np.array([2, 0, 1]), np.array([2, 0, 1], np.uint8),
     np.array([[2, 9], [0, 9], [1, 9]])[:, 0], np.array([1, 0, 2])[::-1],
     np.array([2, 0, 1], ">i4"), [np.int32(2), 0, 1]],
    ids=["list", "tuple", "int64", "uint8", "column", "backwards", "big endian", "mixed"],
)  # fmt: skip
def test_fused_losses_get_labels_of_one_form(
    seen: list[tuple[Any, ...]], loss: str, labels: Any
) -> None:
    getattr(functional, loss)(spied(3, 4), labels)
    ((name, _, got),) = seen
    assert name == loss
    assert got.dtype == np.int64
    assert got.dtype.isnative
    assert got.flags.c_contiguous
    assert not (isinstance(labels, np.ndarray) and np.shares_memory(got, labels))
    np.testing.assert_array_equal(got, [2, 0, 1])


def test_labels_that_change_after_the_forward_pass_change_no_gradient(backend: str) -> None:
    scores = minitorch.tensor(numbers(3, 4), requires_grad=True)
    labels = np.array([0, 1, 2])
    loss = functional.nll_loss(scores, labels)
    labels[:] = 1 << 40
    loss.backward()
    expected = np.zeros((3, 4))
    expected[range(3), range(3)] = -1 / 3
    np.testing.assert_allclose(scores.grad.to_numpy(), expected)


@pytest.mark.parametrize(
    ("room", "name"),
    [(functional, "linear"), (functional, "convolution"),
     (mean_loss, "nll_loss"), (mean_loss, "cross_entropy")],
)  # fmt: skip
def test_the_composition_is_within_reach(room: Any, name: str) -> None:
    function = getattr(room, name)
    assert function.__name__ == function.__wrapped__.__name__ == name
    assert not hasattr(function.__wrapped__, "__wrapped__")
