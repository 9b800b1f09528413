"""PyTorch as the oracle: values and gradients, in float64 closely and in float32 loosely."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_cases import HOST_BACKENDS, numbers

import minitorch

# `torch` alone would find this folder where PyTorch is not installed.
F = pytest.importorskip("torch.nn.functional", reason="PyTorch is the oracle of these tests")
torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")

TOLERANCES = {"float64": 1e-10, "float32": 2e-4}
both_dtypes = pytest.mark.parametrize("dtype", TOLERANCES)
all_backends = pytest.mark.parametrize("backend", HOST_BACKENDS)


def compare(
    own: Callable[..., Any],
    oracle: Callable[..., Any],
    *arrays: Any,
    backend: str = "fast",
    dtype: str = "float64",
) -> None:
    """Check the value, and the gradient by each argument of a weighted sum of it."""
    ours = [minitorch.tensor(a, backend=backend, dtype=dtype, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(np.asarray(a, dtype), requires_grad=True) for a in arrays]
    got, expected = own(*ours), oracle(*theirs)
    assert got.shape == tuple(expected.shape)
    weights = np.cos(np.arange(got.size)).reshape(got.shape).astype(dtype)
    got.backward(weights)
    expected.backward(torch.tensor(weights))
    pairs = [(got, expected.detach())]
    pairs += [(mine.grad, their.grad) for mine, their in zip(ours, theirs, strict=True)]
    for mine, their in pairs:
        assert mine.dtype == dtype
        scale = max(1.0, float(their.abs().max()))
        np.testing.assert_allclose(mine.numpy(), their.numpy(), rtol=0,
                                   atol=TOLERANCES[dtype] * scale)  # fmt: skip


def conv1d(input: Any, weight: Any) -> Any:
    """Return PyTorch's convolution of an input that is padded on the right."""
    return F.conv1d(F.pad(input, (0, weight.shape[2] - 1)), weight)


def conv2d(input: Any, weight: Any) -> Any:
    """Return PyTorch's convolution of an input that is padded on the right and below."""
    sides = (0, weight.shape[3] - 1, 0, weight.shape[2] - 1)
    return F.conv2d(F.pad(input, sides), weight)


@both_dtypes
@pytest.mark.parametrize(
    ("input", "weight"),
    [((1, 1, 6), (1, 1, 3)), ((2, 3, 7), (4, 3, 2)), ((3, 2, 5), (2, 2, 5)),
     ((16, 4, 100), (8, 4, 5))],
    ids=str,
)  # fmt: skip
def test_conv1d(dtype: str, input: Any, weight: Any) -> None:
    arrays = numbers(*input) / input[-1], numbers(*weight, seed=1)
    compare(minitorch.conv1d, conv1d, *arrays, dtype=dtype)


@both_dtypes
@pytest.mark.parametrize(
    ("input", "weight"),
    [((1, 1, 5, 6), (1, 1, 2, 3)), ((2, 3, 4, 7), (4, 3, 3, 2)), ((3, 2, 3, 5), (2, 2, 3, 5)),
     ((16, 3, 14, 12), (6, 3, 3, 4))],
    ids=str,
)  # fmt: skip
def test_conv2d(dtype: str, input: Any, weight: Any) -> None:
    arrays = numbers(*input) / 100, numbers(*weight, seed=1) / 10
    compare(minitorch.conv2d, conv2d, *arrays, dtype=dtype)


@all_backends
def test_small_convolutions_on_every_backend(backend: str) -> None:
    compare(minitorch.conv1d, conv1d, numbers(2, 2, 5), numbers(3, 2, 2), backend=backend)
    compare(minitorch.conv2d, conv2d, numbers(2, 2, 4, 3), numbers(3, 2, 2, 3), backend=backend)


@both_dtypes
@pytest.mark.parametrize(
    ("shape", "kernel"),
    [
        ((2, 3, 4, 6), (2, 3)),
        ((1, 2, 6, 4), (3, 2)),
        pytest.param((16, 8, 16, 20), (4, 2), marks=pytest.mark.slow),  # compiles parallel builds
    ],
)
def test_pooling(dtype: str, shape: Any, kernel: Any) -> None:
    a = numbers(*shape) / 10
    compare(lambda t: minitorch.avgpool2d(t, kernel), lambda t: F.avg_pool2d(t, kernel), a,
            dtype=dtype)  # fmt: skip
    compare(lambda t: minitorch.maxpool2d(t, kernel), lambda t: F.max_pool2d(t, kernel), a,
            dtype=dtype)  # fmt: skip


@all_backends
@both_dtypes
@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_softmax_and_max(backend: str, dtype: str, dim: int) -> None:
    cases = [
        (minitorch.softmax, torch.softmax),
        (minitorch.logsoftmax, torch.log_softmax),
        (minitorch.max, lambda t, d: t.amax(d, keepdim=True)),
    ]
    for own, oracle in cases:
        for factor in (0.1, 1.0, 100.0):
            a = np.round(numbers(2, 3, 4) * factor, 3)
            compare(lambda t, f=own: f(t, dim), lambda t, f=oracle: f(t, dim), a,
                    backend=backend, dtype=dtype)  # fmt: skip


def test_tied_elements_of_max_share_the_gradient_as_amax_does() -> None:
    a = np.array([[2.0, 5, 5, 1], [3, 3, 3, 3], [0, -1, 0, 0]])
    compare(lambda t: minitorch.max(t, 1), lambda t: t.amax(1, keepdim=True), a)


@all_backends
@both_dtypes
@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((2, 1, 2, 3), (4, 3, 2)),
     ((3,), (3, 2)), ((2, 3), (3,)), ((3,), (3,))],
    ids=str,
)  # fmt: skip
def test_matrix_product(backend: str, dtype: str, left: Any, right: Any) -> None:
    arrays = numbers(*left), numbers(*right, seed=1)
    compare(lambda a, b: a @ b, torch.matmul, *arrays, backend=backend, dtype=dtype)


@both_dtypes
def test_large_matrix_product(dtype: str) -> None:
    arrays = numbers(64, 70) / 1000, numbers(70, 30, seed=1) / 1000
    compare(lambda a, b: a @ b, torch.matmul, *arrays, dtype=dtype)


ELEMENTWISE: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "neg": (lambda t: -t, lambda t: -t),
    "sigmoid": (minitorch.sigmoid, torch.sigmoid),
    "tanh": (minitorch.tanh, torch.tanh),
    "relu": (minitorch.relu, torch.relu),
    "exp": (minitorch.exp, torch.exp),
    "log": (lambda t: (t * t + 0.1).log(), lambda t: (t * t + 0.1).log()),
    "inv": (lambda t: 1.0 / (t * t + 1.0), lambda t: 1.0 / (t * t + 1.0)),
    "mean": (lambda t: t.mean(1), lambda t: t.mean(1, keepdim=True)),
    "sum of parts": (lambda t: t[1:, ::2].sum(0), lambda t: t[1:, ::2].sum(0, keepdim=True)),
    "permuted": (lambda t: t.permute(1, 0) * 2.0, lambda t: t.permute(1, 0) * 2.0),
}


@all_backends
@both_dtypes
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_functions_of_one_tensor(backend: str, dtype: str, name: str) -> None:
    own, oracle = ELEMENTWISE[name]
    compare(own, oracle, numbers(3, 5), backend=backend, dtype=dtype)


PAIRS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (b * b + 0.5),
}


@all_backends
@both_dtypes
@pytest.mark.parametrize("name", PAIRS)
def test_functions_of_two_broadcast_tensors(backend: str, dtype: str, name: str) -> None:
    for left, right in [((3, 4), (3, 4)), ((3, 1), (1, 4)), ((4,), (3, 4)), ((2, 1, 3), (4, 1))]:
        arrays = numbers(*left), numbers(*right, seed=1)
        compare(PAIRS[name], PAIRS[name], *arrays, backend=backend, dtype=dtype)


@pytest.mark.slow
@both_dtypes
def test_large_elementwise_functions(dtype: str) -> None:
    a, b = numbers(300, 130) / 10_000, numbers(130) / 40
    compare(lambda x, y: (x * y).sigmoid() - x, lambda x, y: (x * y).sigmoid() - x, a, b,
            dtype=dtype)  # fmt: skip
