"""Layers, losses and initialisers over their options, states and files, against PyTorch."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernel_cases import numbers, tensor

import minitorch
from minitorch import layers
from minitorch.serialization import load, save

# `torch` alone would find this folder where PyTorch is not installed.
nn = pytest.importorskip("torch.nn", reason="PyTorch is the oracle of these tests")
torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")

TOLERANCES = {"float64": 1e-10, "float32": 3e-5}

Make = Callable[[Any], Any]


def agree(mine: Any, their: Any) -> None:
    expected = np.asarray(their.detach())
    got = np.asarray(mine)
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    tolerance = TOLERANCES.get(str(expected.dtype), 0.0)
    scale = max(1.0, float(abs(expected).max(initial=0)))
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * scale)


def twins(make: Make) -> tuple[Any, Any]:
    """Return a module of each library with one state, which goes there and back again."""
    ours, theirs = make(layers), make(nn)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    state = {name: torch.tensor(np.asarray(v)) for name, v in ours.state_dict().items()}
    assert {name: v.dtype for name, v in state.items()} == {
        name: v.dtype for name, v in theirs.state_dict().items()
    }
    theirs.load_state_dict(state)
    return ours, theirs


def compare_states(ours: Any, theirs: Any) -> None:
    expected = theirs.state_dict()
    for name, value in ours.state_dict().items():
        agree(value, expected[name])


def compare(ours: Any, theirs: Any, a: Any) -> None:
    """Check a module's value, its gradients by the input and the parameters, and its state."""
    mine = minitorch.tensor(a, requires_grad=True)
    their = torch.tensor(a, requires_grad=True)
    out, expected = ours(mine), theirs(their)
    agree(out.detach(), expected)
    compare_states(ours, theirs)
    weights = np.cos(np.arange(out.numpy().size)).reshape(out.shape).astype(a.dtype)
    ours.zero_grad()
    theirs.zero_grad()
    out.backward(weights)
    expected.backward(torch.tensor(weights))
    agree(mine.grad, their.grad)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        agree(one.grad, other.grad)


NORMS: dict[str, tuple[Make, tuple[int, ...]]] = {
    "1d": (lambda of: of.BatchNorm1d(3), (6, 3)),
    "1d, images": (lambda of: of.BatchNorm1d(3, eps=0.1), (4, 3, 5)),
    "1d, mean over all": (lambda of: of.BatchNorm1d(3, momentum=None), (6, 3)),
    "2d": (lambda of: of.BatchNorm2d(3), (3, 3, 4, 5)),
    "2d, fast": (lambda of: of.BatchNorm2d(1, momentum=0.7), (4, 1, 2, 3)),
    "2d, not affine": (lambda of: of.BatchNorm2d(3, affine=False), (3, 3, 4, 5)),
    "2d, not tracking": (lambda of: of.BatchNorm2d(3, track_running_stats=False), (2, 3, 3, 2)),
    "2d, bare": (
        lambda of: of.BatchNorm2d(2, affine=False, track_running_stats=False), (2, 2, 3, 2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NORMS)
def test_batch_norm_in_training_and_evaluation(backend: str, dtype: str, case: str) -> None:
    make, shape = NORMS[case]
    ours, theirs = twins(make)
    for number, (one, other) in enumerate(zip(ours.parameters(), theirs.parameters(), strict=True)):
        values = numbers(*one.shape, dtype=dtype, seed=number)
        one.update(minitorch.tensor(values))
        with torch.no_grad():
            other.copy_(torch.tensor(values))
    for seed in range(3):
        compare(ours, theirs, numbers(*shape, dtype=dtype, seed=seed) + seed)
    ours.eval()
    theirs.eval()
    for seed in range(2):
        compare(ours, theirs, numbers(*shape, dtype=dtype, seed=seed))


ACTIVATIONS: dict[str, tuple[Make, tuple[int, ...]]] = {
    "leaky": (lambda of: of.LeakyReLU(), (3, 4)),
    "leaky, steep": (lambda of: of.LeakyReLU(0.314), (3, 4)),
    "sigmoid": (lambda of: of.Sigmoid(), (3, 4)),
    "tanh": (lambda of: of.Tanh(), (2, 3, 4)),
    "softmax": (lambda of: of.Softmax(dim=1), (3, 4)),
    "softmax, last": (lambda of: of.Softmax(-1), (2, 3, 4)),
    "softmax, first": (lambda of: of.Softmax(dim=0), (3, 4)),
    "softmax of a line": (lambda of: of.Softmax(), (4,)),
    "softmax of rows": (lambda of: of.Softmax(), (3, 4)),
    "softmax of three": (lambda of: of.Softmax(), (2, 3, 4)),
    "softmax of four": (lambda of: of.Softmax(), (2, 3, 2, 2)),
    "log-softmax": (lambda of: of.LogSoftmax(dim=1), (3, 4)),
    "log-softmax of three": (lambda of: of.LogSoftmax(), (2, 3, 4)),
    "identity": (lambda of: of.Identity(54, unused=1), (3, 4)),
    "dropout": (lambda of: of.Dropout(0.2).eval(), (3, 4)),
    "dropout of channels": (lambda of: of.Dropout2d(0.2).eval(), (2, 3, 2, 2)),
    "named": (lambda of: of.Sequential(OrderedDict(a=of.Linear(4, 2), b=of.Tanh())), (3, 4)),
    "part": (lambda of: of.Sequential(of.ReLU(), of.Linear(4, 2), of.Tanh())[1:], (3, 4)),
    "nothing": (lambda of: of.Sequential(), (3, 4)),
}


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize("case", ACTIVATIONS)
def test_activations_and_chains(backend: str, dtype: str, case: str) -> None:
    make, shape = ACTIVATIONS[case]
    ours, theirs = twins(make)
    a = numbers(*shape, dtype=dtype) / 2
    if "of " in case and "softmax" in case:
        with pytest.warns(UserWarning, match="choice of a dimension"):
            compare(ours, theirs, a)
    else:
        compare(ours, theirs, a)


PRINTED: dict[str, Make] = {
    **{name: make for name, (make, _) in {**NORMS, **ACTIVATIONS}.items()},
    "list": lambda of: of.ModuleList(
        [of.ReLU(), of.ReLU(), of.Linear(2, 2), of.Sequential(of.Tanh()), of.Sequential(of.Tanh())]
    ),
    "empty list": lambda of: of.ModuleList(),
    "losses": lambda of: of.Sequential(
        of.MSELoss(), of.BCEWithLogitsLoss(reduction="sum"), of.CrossEntropyLoss(), of.NLLLoss()
    ),
    "tower": lambda of: of.Sequential(
        of.Conv2d(1, 2, 3), of.BatchNorm2d(2), of.Sequential(of.Dropout2d(), of.Flatten())
    ),
}


@pytest.mark.parametrize("case", PRINTED)
def test_printed_form(case: str) -> None:
    # Newer versions of PyTorch tell more of batch normalisation.
    expected = re.sub(r"bias=\w+, (?=track)", "", repr(PRINTED[case](nn)))
    assert repr(PRINTED[case](layers)) == expected


REDUCTIONS = ("mean", "sum", "none")
CLASS_WEIGHTS = np.array([0.5, 2.0, 0.0, 3.0])


def check_loss(ours: Any, theirs: Any, a: Any, target: Any, backend: str) -> None:
    mine = tensor(a, backend=backend).requires_grad_(True)
    their = torch.tensor(a, requires_grad=True)
    out, expected = ours(mine, target), theirs(their, torch.tensor(target))
    agree(out.detach(), expected)
    weights = np.cos(np.arange(expected.numel())).reshape(expected.shape).astype(a.dtype)
    out.backward(weights)
    expected.backward(torch.tensor(weights))
    agree(mine.grad, their.grad)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", ["NLLLoss", "CrossEntropyLoss"])
def test_losses_of_labels(
    backend: str, dtype: str, loss: str, weighted: bool, reduction: str
) -> None:
    weight = CLASS_WEIGHTS.astype(dtype) if weighted else None
    for ignore in (-100, 1):
        ours = getattr(layers, loss)(weight, ignore_index=ignore, reduction=reduction)
        theirs = getattr(nn, loss)(
            None if weight is None else torch.tensor(weight),
            ignore_index=ignore, reduction=reduction,
        )  # fmt: skip
        for labels in ([0, 1, 3, 2, 1], [0, ignore, 3, 3, ignore]):
            check_loss(ours, theirs, numbers(5, 4, dtype=dtype), np.array(labels), backend)
    nothing = np.full(5, 1)
    if reduction != "mean":  # whose gradients are NaN
        check_loss(ours, theirs, numbers(5, 4, dtype=dtype), nothing, backend)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_losses_of_probabilities(backend: str, dtype: str, reduction: str) -> None:
    target = abs(numbers(5, 4, dtype=dtype))
    target /= target.sum(1, keepdims=True)
    for weight in (None, CLASS_WEIGHTS.astype(dtype)):
        theirs = nn.CrossEntropyLoss(
            None if weight is None else torch.tensor(weight), reduction=reduction
        )
        ours = layers.CrossEntropyLoss(weight, reduction=reduction)
        check_loss(ours, theirs, numbers(5, 4, dtype=dtype, seed=1), target, backend)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 3, 4)])
def test_losses_of_numbers(
    backend: str, dtype: str, shape: tuple[int, ...], reduction: str
) -> None:
    a, target = numbers(*shape, dtype=dtype), np.asarray(numbers(*shape, dtype=dtype, seed=1))
    options = {"reduction": reduction}
    check_loss(layers.MSELoss(**options), nn.MSELoss(**options), a, target, backend)
    probabilities = np.asarray(1 / (1 + np.exp(-target)), dtype)
    for pos in (None, np.asarray(2.5, dtype), CLASS_WEIGHTS.astype(dtype)):
        if pos is not None and pos.ndim and shape[-1:] != (4,):
            continue
        ours = layers.BCEWithLogitsLoss(**options, pos_weight=pos)
        theirs = nn.BCEWithLogitsLoss(
            **options, pos_weight=None if pos is None else torch.tensor(pos)
        )
        check_loss(ours, theirs, a, probabilities, backend)


@pytest.mark.parametrize("loss", ["MSELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "NLLLoss"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_losses_of_nothing(loss: str, reduction: str) -> None:
    labelled = loss in ("CrossEntropyLoss", "NLLLoss")
    target = np.zeros(0, np.int64) if labelled else np.zeros((0, 3))
    out = getattr(layers, loss)(reduction=reduction)(minitorch.zeros(0, 3), target)
    theirs = getattr(nn, loss)(reduction=reduction)
    expected = theirs(torch.zeros(0, 3, dtype=torch.float64), torch.tensor(target))
    agree(out, expected)


GAINS = ["linear", "conv1d", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu"]
FILLS: dict[str, tuple[Callable[[Any, Any], Any], tuple[int, ...]]] = {
    "uniform": (lambda init, t: init.uniform_(t, -1.0, 3.0), (100, 50)),
    "uniform, plain": (lambda init, t: init.uniform_(t), (100, 50)),
    "normal": (lambda init, t: init.normal_(t, 2.0, 0.1), (100, 50)),
    "normal, plain": (lambda init, t: init.normal_(t), (5000,)),
    "constant": (lambda init, t: init.constant_(t, 2.5), (3,)),
    "ones": (lambda init, t: init.ones_(t), (3,)),
    "xavier": (lambda init, t: init.xavier_uniform_(t), (100, 50)),
    "xavier, gain": (lambda init, t: init.xavier_uniform_(t, 3.0), (30, 20, 3, 3)),
    "xavier normal": (lambda init, t: init.xavier_normal_(t, gain=0.5), (100, 5, 10)),
    "kaiming": (lambda init, t: init.kaiming_uniform_(t), (100, 50)),
    "kaiming, out": (
        lambda init, t: init.kaiming_uniform_(t, 0.3, mode="fan_out"), (30, 20, 3, 3),
    ),
    "kaiming normal": (lambda init, t: init.kaiming_normal_(t, nonlinearity="relu"), (50, 10, 10)),
    "kaiming normal, out": (
        lambda init, t: init.kaiming_normal_(t, 5**0.5, "fan_out", "leaky_relu"), (100, 60),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILLS)
def test_initialisers_draw_from_pytorchs_distributions(dtype: str, case: str) -> None:
    minitorch.manual_seed(0)
    torch.manual_seed(0)
    fill, shape = FILLS[case]
    mine = fill(layers.init, minitorch.zeros(shape)).numpy()
    their = fill(nn.init, torch.zeros(shape)).numpy()
    assert mine.dtype == their.dtype
    # Of n numbers, a quantile in the middle is off by up to about 2 / sqrt(n) of the deviation.
    at = np.linspace(0.05, 0.95, 19)
    allowed = 6 * their.std() / their.size**0.5
    np.testing.assert_allclose(
        np.quantile(mine, at), np.quantile(their, at), rtol=0, atol=allowed + 1e-12
    )
    assert mine.std() == pytest.approx(their.std(), rel=0.05, abs=1e-12)
    if "normal" not in case:
        assert abs(mine).max() == pytest.approx(abs(their).max(), rel=0.01)


@pytest.mark.parametrize("name", GAINS)
def test_gains(name: str) -> None:
    for param in (None, 0.3, 5**0.5):
        expected = nn.init.calculate_gain(name, param)
        assert layers.init.calculate_gain(name, param) == pytest.approx(expected)


@pytest.mark.parametrize("make", [lambda of: of.Linear(50, 400), lambda of: of.BatchNorm2d(4)])
def test_states_begin_alike(make: Make, dtype: str) -> None:
    for mine, their in zip(
        make(layers).state_dict().values(), make(nn).state_dict().values(), strict=True
    ):
        assert np.asarray(mine).shape == tuple(their.shape)
        assert np.asarray(mine).dtype == their.numpy().dtype
        assert np.asarray(mine).std() == pytest.approx(their.numpy().std(), rel=0.1)


def network(of: Any) -> Any:
    return of.Sequential(
        of.Conv2d(1, 3, 3), of.BatchNorm2d(3), of.LeakyReLU(0.1), of.Flatten(), of.Linear(48, 2)
    )


def test_files_go_from_one_library_to_the_other(tmp_path: Path, dtype: str) -> None:
    files = pytest.importorskip("safetensors.torch")
    ours, theirs = network(layers), network(nn)
    a = numbers(4, 1, 6, 6, dtype=dtype)
    theirs(torch.tensor(a))  # so that there are statistics
    path = tmp_path / "there.safetensors"
    files.save_file(theirs.state_dict(), path)
    ours.load_state_dict(load(path))
    compare_states(ours, theirs)
    ours(minitorch.tensor(a))
    save(ours.state_dict(), path)
    theirs.load_state_dict(files.load_file(path))
    compare_states(ours, theirs)
    compare(ours.eval(), theirs.eval(), a)


def test_files_of_dtypes_that_numpy_has_not(tmp_path: Path) -> None:
    files = pytest.importorskip("safetensors.torch")
    files.save_file({"a": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "a")
    with pytest.raises(minitorch.CheckpointError, match="BF16"):
        load(tmp_path / "a")


def test_states_of_pytorch_that_do_not_fit() -> None:
    theirs = network(nn).state_dict()
    theirs["4.weight"] = theirs["4.weight"].to(torch.bfloat16)
    theirs["1.num_batches_tracked"] = torch.tensor(0.5)
    theirs["0.bias"].requires_grad_(True)
    with pytest.raises(minitorch.CheckpointError) as caught:
        network(layers).load_state_dict(theirs)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_backward_hooks_see_what_pytorchs_see(dtype: str) -> None:
    seen: list[Any] = []
    for of, make in ((layers, minitorch.tensor), (nn, torch.tensor)):
        model = of.Sequential(of.Linear(3, 4), of.Tanh(), of.Linear(4, 2))
        for layer, seed in ((model[0], 0), (model[2], 1)):
            shape = tuple(layer.weight.shape)
            layer.weight.data = make(numbers(*shape, dtype=dtype, seed=seed))
            layer.bias.data = make(numbers(shape[0], dtype=dtype, seed=seed))
        for module in (model, model[0], model[1], model[2]):
            module.register_full_backward_hook(
                lambda module, grad_input, grad_output: seen.extend((*grad_input, *grad_output))
            )
        model(make(numbers(2, 3, dtype=dtype) / 5)).sum().backward()
    half = len(seen) // 2
    assert half == 8
    for mine, their in zip(seen[:half], seen[half:], strict=True):
        assert (mine is None) == (their is None)
        if mine is not None:
            agree(mine, their)
