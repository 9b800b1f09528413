"""The tuned kernels are as precise as PyTorch's, on the same float32 numbers.

The reference is computed in float64, or by an exactly rounded sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minitorch import elementwise, operators
from minitorch.jit import Kernel
from minitorch.kernels.reduce import sum_kernel
from minitorch.kernels.vector_math import vectorised

torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")

Array = Any

FUNCTIONS = {
    "exp": (operators.exp, np.exp),
    "log": (elementwise.ln, np.log),
    "tanh": (elementwise.tanh, np.tanh),
    "sigmoid": (operators.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
}


def ranges(name: str) -> dict[str, Array]:
    """Return float32 arguments of several sizes."""
    rng = np.random.default_rng(1)
    n = 200_000
    if name == "log":
        far = {"near": rng.uniform(0.5, 2, n), "far": np.exp(rng.uniform(-80, 80, n))}
        far["one"] = 1 + rng.normal(0, 1e-3, n)
    else:
        far = {"near": rng.uniform(-1, 1, n), "normal": rng.normal(0, 3, n)}
        far["far"] = rng.uniform(-80, 80, n)
    return {kind: values.astype(np.float32) for kind, values in far.items()}


def mapped(fn: Callable[[Any], Any], a: Array) -> Array:
    def body(out: Any, a: Any) -> None:
        for i in range(a.size):
            out[i] = fn(a[i])

    out = np.empty_like(a)
    Kernel(body).launch(0, out, a)
    return out


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_as_precise_as_pytorchs(name: str) -> None:
    fn, oracle = FUNCTIONS[name]
    for kind, a in ranges(name).items():
        expected = oracle(a.astype(np.float64))
        unit = np.spacing(np.abs(expected).astype(np.float32)).astype(np.float64)
        ours = np.abs(mapped(vectorised(fn, np.float32), a) - expected) / unit
        theirs = np.abs(getattr(torch, name)(torch.tensor(a)).numpy() - expected) / unit
        # Half a unit is as good as can be; two correct roundings may differ beyond it a little.
        assert ours.max() <= max(1.01 * theirs.max(), 0.51), kind
        assert ours.mean() <= 1.005 * theirs.mean(), kind


def summed(a: Array, dim: int) -> Array:
    length = a.shape[dim]
    outer, inner = math.prod(a.shape[:dim]), math.prod(a.shape[dim + 1 :])
    out = np.empty(outer * inner, a.dtype)
    sum_kernel.launch(a.size, out, a.reshape(-1), outer, length, inner)
    return out


SPREADS: dict[str, Callable[[Any, Any], Array]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.uniform(size=shape),
    "signs": lambda rng, shape: rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(-4, 8, shape),
}


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize(
    ("shape", "dim"),
    [((300, 10_000), 1), ((10_000, 300), 0), ((40, 100_000), 1), ((100_000, 40), 0),
     ((100, 100, 100), 1)],
    ids=str,
)  # fmt: skip
def test_sums_are_as_precise_as_pytorchs(spread: str, shape: tuple[int, ...], dim: int) -> None:
    a = SPREADS[spread](np.random.default_rng(2), shape).astype(np.float32)
    expected = a.astype(np.float64).sum(dim).reshape(-1)
    ours = summed(a, dim) - expected
    theirs = torch.tensor(a).sum(dim).numpy().reshape(-1) - expected
    assert np.sqrt(np.mean(ours**2)) <= 1.05 * np.sqrt(np.mean(theirs**2))


@pytest.mark.parametrize(
    "pattern",
    [[1], [1e8, 1, -1e8, 1], [1e8, 1, -1e8], [1e8, -1e8, 1], [1e8, 1, 1, 1, -1e8, 1, 1, 1],
     [1e4, 0.1, -1e4, 0.1]],
    ids=str,
)  # fmt: skip
def test_repeated_and_alternating_numbers_sum_as_precisely_as_pytorchs(
    pattern: list[float],
) -> None:
    a = np.resize(np.array(pattern, np.float32), 10_000_000 // len(pattern) * len(pattern))
    expected = math.fsum(a[: len(pattern)].tolist()) * (a.size // len(pattern))
    ours = abs(float(summed(a, 0)[0]) - expected)
    theirs = abs(float(torch.tensor(a).sum(0)) - expected)
    assert ours <= 1.05 * theirs + expected * np.finfo(np.float32).eps
