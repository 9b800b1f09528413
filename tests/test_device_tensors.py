"""Tensors of a device: what the host gets of them, how they move, that devices never mix."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_optim
import test_vocabulary_inplace
from guarded_ops import GUARDED, DeviceMemory, layer_on, leaf
from kernel_cases import numbers

import minitorch
from minitorch import Adam, BackendError, Parameter, Tensor, layers
from minitorch.layers import functional
from minitorch.training import load_checkpoint, save_checkpoint


def network() -> Any:
    return layers.Sequential(
        layers.Conv2d(1, 2, 2), layers.BatchNorm2d(2), layers.Flatten(), layers.Linear(18, 3)
    )


# States.


def test_states_go_to_the_device_and_come_back(tmp_path: Path) -> None:
    here, there = layer_on(network, "simple"), layer_on(network, GUARDED)
    for module in (here, there):
        module(leaf(numbers(3, 1, 4, 4), module[0].weight.value.backend, False))
    there[1].reset_running_stats()
    assert there[1].running_var.tolist() == [1.0, 1.0]
    there.load_state_dict(here.state_dict())
    other = layer_on(network, GUARDED)
    other.load_state_dict(there.state_dict())
    minitorch.save(other.state_dict(), tmp_path / "state")
    again = layer_on(network, "simple")
    again.load_state_dict(minitorch.load(tmp_path / "state"))
    for key, value in here.state_dict().items():
        np.testing.assert_array_equal(np.asarray(again.state_dict()[key]), np.asarray(value), key)


def test_a_checkpoint_of_a_model_on_the_device(tmp_path: Path) -> None:
    model = layer_on(lambda: layers.Linear(2, 2), GUARDED)
    optimizer = Adam(model.parameters())
    (model(leaf(numbers(3, 2), GUARDED, False)) ** 2).sum().backward()
    optimizer.step()
    weight, kept = model.weight.tolist(), optimizer.state[model.weight]["exp_avg"].tolist()
    save_checkpoint(tmp_path / "file", model, {}, optimizer)
    optimizer.step()
    load_checkpoint(tmp_path / "file").restore(model, optimizer)
    assert model.weight.tolist() == weight
    state = optimizer.state[model.weight]["exp_avg"]
    assert state.tolist() == kept
    assert state.backend is GUARDED
    optimizer.step()


def test_a_state_that_stayed_behind_is_refused() -> None:
    model = layer_on(lambda: layers.Linear(2, 2), "simple")
    optimizer = Adam(model.parameters())
    for to in ("simple", GUARDED):
        model.to(to)
        optimizer.zero_grad()
        (model(leaf(numbers(3, 2), to, False)) ** 2).sum().backward()
        if to == "simple":
            optimizer.step()
    weight = model.weight.tolist()
    with pytest.raises(BackendError, match=r"Adam.step: exp_avg .*\(2, 2\) is on cpu, .*on cuda"):
        optimizer.step()
    assert model.weight.tolist() == weight
    fresh = Adam(model.parameters())
    fresh.load_state_dict(optimizer.state_dict())
    fresh.step()


# What the host may ask for, and what not.


def test_the_host_gets_copies_only() -> None:
    array = numbers(2, 3)
    t = leaf(array, GUARDED, False)
    for ask in (Tensor.numpy, np.asarray, lambda t: t._tensor.numpy()):
        with pytest.raises(BackendError, match=r"\(2, 3\) is on the device: to_numpy\(\) copies"):
            ask(t)
    with pytest.raises(BackendError, match=r"\(2, 3\) is in a DeviceMemory"):
        np.from_dlpack(t)
    for view, expected in ((t, array), (t.T[1:], array.T[1:]), (t[1], array[1])):
        np.testing.assert_array_equal(view.to_numpy(), expected)
        assert view.tolist() == expected.tolist()
    copied = t.to_numpy()
    copied[:] = 0
    assert t[1, -1] == array[1, -1]
    assert t[1:, 2:].item() == float(t[1:, 2:]) == array[1, 2]
    t._tensor.set((1, 2), 7.0)
    assert t._tensor.get((1, 2)) == 7.0
    assert "7." in repr(t)
    assert "7." in str(t.T)
    assert t.allclose(t.detach())


def test_tensors_are_made_moved_and_copied() -> None:
    array = numbers(2, 3)
    made = minitorch.from_numpy(array.T, GUARDED)
    array[0] = 0
    assert made[0, 0] != 0
    here = leaf(array, "fast")
    there = here.to(GUARDED)
    back = there.cpu()
    assert (there.device, back.device) == ("cuda", "cpu")
    assert back.backend is minitorch.get_backend()
    (back * back).sum().backward()
    np.testing.assert_array_equal(here.grad.numpy(), 2 * array)
    assert leaf(there, GUARDED).tolist() == array.tolist()
    assert minitorch.tensor(there, backend="fast").tolist() == array.tolist()
    for own in (copy.deepcopy(leaf(array, GUARDED)), Tensor(here._tensor, backend=GUARDED)):
        assert isinstance(own._tensor._storage, DeviceMemory)
        assert own.tolist() == array.tolist()


def test_parameters_are_initialised_on_the_device() -> None:
    results = []
    for backend in ("simple", GUARDED):
        layer = layer_on(lambda: layers.Linear(3, 2), backend)
        minitorch.manual_seed(2)
        layers.init.xavier_uniform_(layer.weight)
        layers.init.constant_(layer.bias, 0.5)
        assert layer.weight.value.backend is minitorch.get_backend(backend)
        results.append((layer.weight.tolist(), layer.bias.tolist()))
    assert results[0] == results[1]


# Mixed devices.

MIXED: dict[str, tuple[Callable[[Tensor, Tensor], Any], str]] = {
    "add": (lambda a, b: a + b, "add"),
    "sub": (lambda a, b: b - a, "sub"),
    "product": (lambda a, b: a @ b, "matmul"),
    "where": (lambda a, b: minitorch.where(np.eye(2) > 0, a, b), "where"),
    "cat": (lambda a, b: minitorch.cat([a, b]), "cat"),
    "add_": (lambda a, b: a.add_(b), "zip of add"),
    "copy_": (lambda a, b: b.copy_(a), "copy_"),
    "item": (lambda a, b: test_vocabulary_inplace.item_set(a, 0, b[0]), "write in place"),
    "data": (lambda a, b: test_vocabulary_inplace.assigned(a, b), "data = value"),
    "linear": (functional.linear, "linear|matmul"),
    "convolution": (
        lambda a, b: functional.conv2d(a.view(1, 1, 2, 2), b.view(1, 1, 2, 2)), "conv",
    ),
    "batch norm": (
        lambda a, b: functional.batch_norm(a, b[0], b[1], training=True), "batch_norm",
    ),
    "batch norm, weight": (lambda a, b: functional.batch_norm(a, a[0], a[1], b[0]), "."),
    "loss": (functional.mse_loss, "sub"),
    "backward": (lambda a, b: a.detach().requires_grad_().sum(1).backward(b[:, :1]), "backward"),
}  # fmt: skip


@pytest.mark.parametrize("host", ["simple", "fast", "tuned"])
@pytest.mark.parametrize("name", MIXED)
def test_operands_on_two_devices_are_refused(name: str, host: str) -> None:
    operation, title = MIXED[name]
    pair = [leaf(numbers(2, 2), GUARDED, False), leaf(numbers(2, 2, seed=1), host, False)]
    before = [each.tolist() for each in pair]
    for a, b in (pair, pair[::-1]):
        with pytest.raises(BackendError, match=title) as caught:
            operation(a, b)
        for part in ("on cuda", "on cpu", "GuardedOps", "(", ".cpu()"):
            assert part in str(caught.value)
    assert [each.tolist() for each in pair] == before


def test_a_function_of_ones_own_may_not_give_a_gradient_of_another_device() -> None:
    class Stray(minitorch.Function):
        @staticmethod
        def forward(ctx: minitorch.Context, a: Tensor) -> Tensor:
            return a + 0.0

        @staticmethod
        def backward(ctx: minitorch.Context, grad: Tensor) -> Tensor:
            return grad.to(GUARDED)

    a = leaf(numbers(2), "fast")
    with pytest.raises(BackendError, match="gradient of Stray"):
        Stray.apply(a).sum().backward()
    assert a.grad is None


def test_the_message_names_operands_devices_and_shapes() -> None:
    with pytest.raises(BackendError) as caught:
        leaf(numbers(2, 3), GUARDED) + leaf(numbers(3), "fast")
    assert str(caught.value) == (
        "add\n"
        "  left on cuda, TensorBackend(GuardedOps)  (2, 3)\n"
        "  right on cpu, TensorBackend(FastOps)       (3,)\n"
        'the operands must lie on one device: move a tensor by .to("cuda") or .cpu()'
    )


@pytest.mark.parametrize("host", ["simple", "fast", "tuned"])
def test_a_backend_refuses_tensors_of_another_device(host: str) -> None:
    backend = minitorch.get_backend(host)
    here, there = leaf(numbers(2, 2), host, False), leaf(numbers(2, 2), GUARDED, False)
    for call in (
        lambda: backend.neg_map(there),
        lambda: backend.id_cmap(there, here),
        lambda: backend.id_cmap(here, there),
        lambda: backend.add_zip(there, there),
        lambda: backend.add_zip(here, there),
        lambda: backend.add_reduce(there, 0),
        lambda: backend.matrix_multiply(there, there),
        lambda: GUARDED.neg_map(here),
        lambda: GUARDED.add_zip(here, here),
    ):
        with pytest.raises(BackendError, match="must lie on one device"):
            call()


@pytest.mark.parametrize("host", ["simple", "tuned"])
@pytest.mark.parametrize("name", test_optim.MAKERS)
def test_a_step_refuses_a_gradient_on_another_device(name: str, host: str) -> None:
    parameter = Parameter(leaf(numbers(2, 2), host))
    parameter.grad = leaf(numbers(2, 2), GUARDED, False)
    with pytest.raises(BackendError, match=r"step\n  left on cpu"):
        test_optim.MAKERS[name]([parameter]).step()


def test_a_pickled_tensor_of_the_device() -> None:
    t = leaf(numbers(2, 2), GUARDED)
    assert pickle.loads(pickle.dumps(t)).tolist() == t.tolist()
