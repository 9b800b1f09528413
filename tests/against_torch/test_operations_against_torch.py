"""PyTorch as the oracle of the vocabulary that minitorch shares with it: values and gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_cases import HOST_BACKENDS, numbers

import minitorch

# `torch` alone would find this folder where PyTorch is not installed.
F = pytest.importorskip("torch.nn.functional", reason="PyTorch is the oracle of these tests")
torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")

Function = Callable[..., Any]

all_backends = pytest.mark.parametrize("backend", HOST_BACKENDS)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])

INDEX = np.array([[2, 0, 2], [1, 1, 0]])
ROWS, COLUMNS = np.array([1, 0, 1]), np.array([2, 2, 2])

# What is written the same with both libraries.
SAME: dict[str, Function] = {
    "clamp": lambda t: t.clamp(-1.0, 1.5),
    "clamp below": lambda t: t.clamp(min=0.25),
    "clip above": lambda t: t.clip(max=0.0),
    "abs": abs,
    "square": lambda t: t**2,
    "cube": lambda t: t**3,
    "inverse": lambda t: t**-1,
    "to the power 0": lambda t: t**0,
    "root": lambda t: (t * t + 0.1) ** 0.5,
    "fractional": lambda t: (t * t + 0.1).pow(-1.7),
    "exponential": lambda t: 2.0 ** (t * 0.3),
    "tower": lambda t: (t * t + 0.1) ** t,
    "sqrt": lambda t: (t * t + 0.1).sqrt(),
    "var": lambda t: t.var(),
    "var of rows": lambda t: t.var(1),
    "biased var": lambda t: t.var(0, unbiased=False, keepdim=True),
    "var of both": lambda t: t.var((0, 1)),
    "std": lambda t: t.std(1, keepdim=True),
    "std of all": lambda t: t.std(),
    "norm": lambda t: t.norm(),
    "norm of rows": lambda t: t.norm(2, 1),
    "norm 1": lambda t: t.norm(p=1, dim=0, keepdim=True),
    "norm infinity": lambda t: t.norm(math.inf, 1),
    "reshape": lambda t: t.T.reshape(3, -1),
    "reshape of a part": lambda t: t[:, 1:].reshape(2, 1, 2) * 2.0,
    "flatten": lambda t: t.unsqueeze(0).transpose(0, 2).flatten(1),
    "flatten all": lambda t: t.T.flatten(),
    "squeeze": lambda t: t.unsqueeze(1).unsqueeze(-1).squeeze(),
    "squeeze one": lambda t: t.unsqueeze(1).unsqueeze(-1).squeeze(1),
    "squeeze none": lambda t: t.squeeze(0),
    "unsqueeze": lambda t: t.T.unsqueeze(-2) * t.unsqueeze(-1).transpose(0, 1).transpose(1, 2),
    "transpose": lambda t: t.transpose(-1, 0) ** 2,
    "t": lambda t: t.t().mm(t),
    "matmul": lambda t: t.matmul(t.T),
    "clone": lambda t: t.clone() * t,
    "double": lambda t: t.double().float(),
    "repeated rows": lambda t: t[ROWS],
    "repeated elements": lambda t: t[ROWS, COLUMNS],
    "column by list": lambda t: t[:, [0, 2, 0]],
    "masked by numpy": lambda t: t[np.array([[True, False, True], [False, True, False]])],
}

# What is a function of each library: `m` is minitorch, or torch.
FUNCTIONS: dict[str, Function] = {
    "abs": lambda m, t: m.abs(t),
    "mean": lambda m, t: m.mean(t, dim=0, keepdim=True),
    "sum": lambda m, t: m.sum(t, dim=1, keepdim=False),
    "exp": lambda m, t: m.exp(t),
    "log_softmax": lambda m, t: m.log_softmax(t, dim=1),
    "mm": lambda m, t: m.mm(t, m.t(t)),
    "pow": lambda m, t: m.pow(t, 3),
    "sqrt": lambda m, t: m.sqrt(t * t + 1.0),
    "norm": lambda m, t: m.norm(t),
    "var": lambda m, t: m.var(t, 1),
    "std": lambda m, t: m.std(t, 0),
    "clamp": lambda m, t: m.clamp(t, min=-0.5, max=0.5),
    "flatten": lambda m, t: m.flatten(t),
    "reshape": lambda m, t: m.reshape(t, (3, 2)),
    "squeeze": lambda m, t: m.squeeze(m.unsqueeze(t, 1)),
    "transpose": lambda m, t: m.transpose(t, 0, 1),
    "permute": lambda m, t: m.permute(t, (1, 0)),
    "cat": lambda m, t: m.cat((t, t * 2.0, t[:, :1]), dim=1),
    "cat of rows": lambda m, t: m.cat([t[:1], t.T.reshape(2, 3)]),
    "stack": lambda m, t: m.stack([t, t * t, t], dim=-1),
    "stack first": lambda m, t: m.stack([t[0], t[1]]),
    "where": lambda m, t: m.where(t > 0, t * 2.0, m.exp(t)),
    "where of a number": lambda m, t: m.where(t <= 0.5, 0.0, t),
    "where broadcast": lambda m, t: m.where(t[:, :1] > 0, t[:1], t),
    "masked": lambda m, t: t[t > 0] * 3.0,
    "compared": lambda m, t: m.le(t, t * t) + m.ge(t, 0.0) * t + m.gt(t, 1.0) + m.ne(t, t),
}


def check(own: Function, oracle: Function, backend: str, dtype: str, *arrays: Any) -> None:
    """Check the value, and the gradient by each argument of a weighted sum of it."""
    ours = [minitorch.tensor(a, backend=backend, dtype=dtype, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(np.asarray(a, dtype), requires_grad=True) for a in arrays]
    got, expected = own(*ours), oracle(*theirs)
    assert got.backend is minitorch.get_backend(backend)
    assert got.shape == tuple(expected.shape)
    assert str(got.dtype) == str(expected.dtype).removeprefix("torch.")
    weights = np.asarray(np.cos(np.arange(got.size)).reshape(got.shape), got.dtype)
    got.backward(weights)
    expected.backward(torch.tensor(weights))
    tolerance = 1e-10 if dtype == "float64" and got.dtype == np.float64 else 2e-4
    pairs = [(got, expected.detach())]
    pairs += [(mine.grad, their.grad) for mine, their in zip(ours, theirs, strict=True)]
    for mine, their in pairs:
        np.testing.assert_allclose(mine.numpy(), their.numpy(), tolerance, tolerance)


@all_backends
@both_dtypes
@pytest.mark.parametrize("name", SAME)
def test_methods(backend: str, dtype: str, name: str) -> None:
    check(SAME[name], SAME[name], backend, dtype, numbers(2, 3))


@all_backends
@both_dtypes
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(backend: str, dtype: str, name: str) -> None:
    own, oracle = (lambda t, m=m: FUNCTIONS[name](m, t) for m in (minitorch, torch))
    check(own, oracle, backend, dtype, numbers(2, 3))


@all_backends
@pytest.mark.parametrize("slope", [0.01, 0.3, 0.0])
def test_leaky_relu(backend: str, slope: float) -> None:
    check(lambda t: minitorch.leaky_relu(t, negative_slope=slope),
          lambda t: F.leaky_relu(t, negative_slope=slope), backend, "float64",
          numbers(2, 3))  # fmt: skip


@all_backends
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_gather(backend: str, dim: int) -> None:
    index = np.minimum(INDEX, 1) if dim == 0 else INDEX[:, :2]
    check(lambda t: minitorch.gather(t, dim, index),
          lambda t: t.gather(dim, torch.tensor(index)), backend, "float64",
          numbers(2, 3))  # fmt: skip


@all_backends
def test_power_of_two_broadcast_tensors(backend: str) -> None:
    base, exponent = np.abs(numbers(2, 3)) + 0.1, numbers(3, seed=1) / 3
    check(lambda a, b: a**b, lambda a, b: a**b, backend, "float64", base, exponent)
    check(lambda a, b: b * a**b, lambda a, b: b * a**b, backend, "float32", base, exponent)


@all_backends
def test_cat_and_where_of_both_dtypes(backend: str) -> None:
    a, b = numbers(2, 3).astype(np.float32), numbers(2, 3, seed=1)
    for own, oracle in [(minitorch.cat, torch.cat), (minitorch.stack, torch.stack)]:
        x, y = (minitorch.tensor(v, backend=backend, requires_grad=True) for v in (a, b))
        z, w = (torch.tensor(v, requires_grad=True) for v in (a, b))
        got, expected = own([x, y]), oracle([z, w])
        (got * got).sum().backward()
        (expected * expected).sum().backward()
        assert (got.dtype, x.grad.dtype, y.grad.dtype) == ("float64", "float32", "float64")
        for mine, their in [(got.detach(), expected.detach()), (x.grad, z.grad), (y.grad, w.grad)]:
            np.testing.assert_array_equal(mine.numpy(), their.numpy())


@pytest.mark.filterwarnings("ignore")
@all_backends
@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("abs", abs),
        ("square", lambda t: t**2),
        ("zeroth power", lambda t: t**0),
        ("first power", lambda t: t**1),
        ("root", lambda t: t**0.5),
        ("power 1.5", lambda t: t**1.5),
        ("exponent", lambda t: 0.0**t),
        ("std", lambda t: t.std()),
        ("std of one", lambda t: t[:1].std(0, unbiased=False)),
        ("norm", lambda t: (t * 0.0).norm()),
        ("norm 1", lambda t: t.norm(1)),
        ("norm infinity of ties", lambda t: (t - t.detach() + 2.0).norm(math.inf)),
        ("and along one", lambda t: (t.detach() - t - 2.0).norm(math.inf, 0)),
        ("clamp at a bound", lambda t: t.clamp(0.0, 2.0)),
        ("clamp by nothing", lambda t: t.clamp(2.0, 0.0)),
        ("var of one", lambda t: t[:1].var(0)),
    ],
)
def test_corners(backend: str, name: str, function: Function) -> None:
    check(function, function, backend, "float64", np.array([0.0, 2.0, 1.0, 0.5]))
    check(function, function, backend, "float64", np.zeros(3))


def test_creation_has_the_shapes_of_pytorch() -> None:
    for make in (
        lambda m: m.ones(size=(2, 1)),
        lambda m: m.zeros(3, 2),
        lambda m: m.full((2, 2), 7.5),
        lambda m: m.eye(2, 3),
        lambda m: m.linspace(-1, 1, 5),
        lambda m: m.arange(0, 1, 0.25),
        lambda m: m.arange(5.0),
        lambda m: m.zeros_like(m.ones(2, 3)),
        lambda m: m.ones_like(m.zeros(2, 0)),
    ):
        np.testing.assert_allclose(make(minitorch).numpy(), make(torch).numpy(), 1e-6, 1e-6)
