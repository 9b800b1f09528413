"""Buffers, `state_dict` and what it is loaded into, `to`, gradients forgotten and frozen."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import CheckpointError, DTypeError, Module, Parameter, Scalar


class Inner(Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = Parameter(minitorch.rand(3))
        self.register_buffer("mean", minitorch.rand(3))
        self.register_buffer("passing", minitorch.rand(1), persistent=False)
        self.register_buffer("nothing", None)


class Outer(Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", np.array(0))
        self.inner = Inner()
        self.weight = Parameter(minitorch.rand(2, 3, dtype="float32"))
        self.bias = Parameter(minitorch.rand(()))


NAMES = ["weight", "bias", "count", "inner.scale", "inner.mean"]


def arrays(module: Module) -> dict[str, Any]:
    return {name: np.array(value) for name, value in module.state_dict().items()}


def equal(mine: dict[str, Any], other: dict[str, Any]) -> None:
    assert mine.keys() == other.keys()
    for name, array in mine.items():
        np.testing.assert_array_equal(array, other[name])


# Buffers.


def test_buffers_are_attributes_and_found_by_name() -> None:
    outer = Outer()
    assert [name for name, _ in outer.named_buffers()] == ["count", "inner.mean", "inner.passing"]
    assert list(outer.buffers())[1] is outer.inner.mean
    assert outer.inner.nothing is None
    outer.register_buffer("same", outer.inner.mean)
    assert len(list(outer.buffers())) == 3
    assert len(outer.state_dict()) == len(NAMES) + 1
    assert [name for name, _ in outer.named_parameters()] == ["weight", "bias", "inner.scale"]


def test_an_assigned_buffer_stays_one() -> None:
    outer = Outer()
    outer.count += 1
    outer.inner.nothing = fresh = minitorch.zeros(2)
    assert outer.state_dict()["count"] == 1
    assert dict(outer.named_buffers())["inner.nothing"] is fresh
    with pytest.raises(DTypeError, match=r"Inner\.mean is a buffer.*not a float"):
        outer.inner.mean = 3.0
    outer.inner.mean = Parameter(minitorch.zeros(3))
    assert "mean" not in dict(outer.inner.named_buffers())
    assert "mean" in dict(outer.inner.named_parameters())
    del outer.count
    assert not hasattr(outer, "count")


def test_a_buffer_that_was_not_saved_can_become_saved() -> None:
    inner = Inner()
    inner.register_buffer("passing", minitorch.zeros(1))
    assert "passing" in inner.state_dict()


@pytest.mark.parametrize("name", ["scale", "training", "forward", "a.b", "", 3])
def test_names_that_no_buffer_takes(name: Any) -> None:
    with pytest.raises(ValueError, match="register_buffer"):
        Inner().register_buffer(name, minitorch.zeros(1))


def test_a_buffer_before_init_says_what_to_call() -> None:
    class Early(Module):
        def __init__(self) -> None:
            self.register_buffer("mean", None)

    with pytest.raises(AttributeError, match=r"Early\.mean: call super\(\)\.__init__\(\)"):
        Early()


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"]
)
def test_copies_have_a_state_of_their_own(copied: Any) -> None:
    outer = Outer()
    other = copied(outer)
    equal(arrays(outer), arrays(other))
    other.inner.mean[0] = 9.0
    other.count += 1
    assert outer.inner.mean[0] != 9.0
    assert outer.count == 0


# state_dict and load_state_dict.


def test_a_state_shares_the_storage() -> None:
    outer = Outer()
    state = outer.state_dict()
    assert list(state) == NAMES
    for name, value in [*outer.named_parameters(), *outer.named_buffers()]:
        if name in state:
            assert np.shares_memory(np.asarray(state[name]), np.asarray(value))
    assert not state["weight"].requires_grad
    assert outer.weight.requires_grad


@pytest.mark.parametrize("kind", ["tensors", "arrays", "float32", "parameters"])
def test_a_loaded_state_is_copied_into_the_same_parameters(kind: str) -> None:
    ours, other = Outer(), Outer()
    other.count += 7
    state: dict[str, Any] = other.state_dict()
    if kind == "parameters":
        state |= other.named_parameters()
    elif kind != "tensors":
        state = arrays(other)
    if kind == "float32":
        state = {
            name: array.astype("float32") if array.dtype == "float64" else array
            for name, array in state.items()
        }
    held = [(parameter, parameter.value) for parameter in ours.parameters()]
    assert ours.load_state_dict(state) == ([], [])
    for name, value in ours.state_dict().items():
        expected = np.asarray(state[name])
        np.testing.assert_array_equal(value, expected.astype(value.dtype))
    assert ours.weight.dtype == "float32"
    assert ours.bias.dtype == "float64"
    assert all(parameter.value is value for parameter, value in held)
    assert ours.weight.requires_grad
    ours.weight.numpy()[...] = 0.0
    assert other.weight.numpy().all()


def test_all_that_does_not_fit_is_listed_and_nothing_changes() -> None:
    outer = Outer()
    before = arrays(outer)
    state = outer.state_dict() | {
        "extra": np.zeros(1), "weight": np.zeros((3, 2)), "count": np.array(0.5),
        "bias": np.array("x"), "inner.mean": [[1.0], [2.0, 3.0]],
    }  # fmt: skip
    del state["inner.scale"]
    with pytest.raises(CheckpointError) as caught:
        outer.load_state_dict(state)
    for line in (
        "load_state_dict of Outer",
        "missing: inner.scale",
        "unexpected: extra",
        "weight: of shape (3, 2) in the state, (2, 3) in the module",
        "count: of dtype float64 in the state, int64 in the module",
        "bias: of dtype <U1",
        "inner.mean: ",
    ):
        assert line in str(caught.value)
    equal(arrays(outer), before)


def test_a_buffer_that_cannot_be_written_changes_nothing() -> None:
    outer = Outer()
    state = arrays(outer)
    outer.inner.mean = minitorch.zeros(1).expand(3)
    with pytest.raises(CheckpointError, match=r"inner\.mean: write in place: .* share"):
        outer.load_state_dict({name: array + 1 for name, array in state.items()})
    equal(arrays(outer), state | {"inner.mean": np.zeros(3)})


def test_names_may_differ_where_that_is_wanted() -> None:
    outer = Outer()
    missing, unexpected = outer.load_state_dict({"other": np.zeros(1), "bias": 4.0}, strict=False)
    assert missing == ["weight", "count", "inner.scale", "inner.mean"]
    assert unexpected == ["other"]
    assert outer.bias.numpy() == 4.0
    with pytest.raises(CheckpointError, match="weight"):
        outer.load_state_dict({"weight": np.zeros(1)}, strict=False)


def test_a_recorded_graph_notices_a_loaded_state() -> None:
    outer = Outer()
    result = (outer.inner.scale.value * outer.inner.scale.value).sum()
    outer.load_state_dict(outer.state_dict())
    with pytest.raises(minitorch.GradientError, match="changed in place"):
        result.backward()


def test_only_tensors_are_saved() -> None:
    module = Module()
    module.rate = Parameter(Scalar(1.0))
    with pytest.raises(DTypeError, match="rate holds a Scalar"):
        module.state_dict()


# Backends, dtypes, gradients.


def test_to_another_dtype() -> None:
    outer = Outer()
    before = dict(outer.named_parameters())
    (outer.bias.value * 3.0).sum().backward()
    outer.weight.requires_grad = False
    assert outer.to("float32") is outer
    assert dict(outer.named_parameters()) == before
    values = [*outer.parameters(), outer.inner.mean, outer.inner.passing, outer.bias.grad]
    assert {str(value.dtype) for value in values} == {"float32"}
    assert outer.count.dtype == np.int64
    assert outer.bias.grad.numpy() == 3.0
    assert outer.bias.value.is_leaf()
    assert not outer.weight.requires_grad
    with pytest.raises(DTypeError):
        outer.to(np.int64)


@pytest.mark.parametrize("backend", ["simple", "fast", "tuned"])
def test_to_another_backend(backend: str) -> None:
    start = "fast" if backend == "simple" else "simple"
    module = Module()
    module.weight = Parameter(minitorch.tensor([1.0, 2.0], backend=start))
    module.register_buffer("mean", minitorch.tensor([3.0], backend=start))
    module.to(backend)
    assert module.weight.backend is module.mean.backend is minitorch.get_backend(backend)
    ((module.weight * 2.0).sum() * 1.0).backward()
    assert module.weight.grad.numpy().tolist() == [2.0, 2.0]
    with pytest.raises(minitorch.BackendError):
        module.to("abacus")


def test_zero_grad_and_freezing() -> None:
    outer = Outer()
    outer.rate = Parameter(Scalar(2.0))
    (outer.weight.value.sum() + outer.bias.value).sum().backward()
    (outer.rate.value * 3.0).backward()
    outer.zero_grad()
    assert outer.weight.grad is outer.bias.grad is outer.rate.value.derivative is None
    del outer.rate
    assert outer.requires_grad_(False) is outer
    assert not any(parameter.requires_grad for parameter in outer.parameters())
    outer.requires_grad_()
    assert all(parameter.requires_grad for parameter in outer.parameters())
