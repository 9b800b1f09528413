"""Results do not depend on the number of threads.

The work of this file's program is done with one thread and with two. Of the parallel builds the
results are the same to the last bit. One thread has builds of its own, in which the compiler may
add up a line in another order; with MINITORCH_DETERMINISTIC=1 it has not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import minitorch
from minitorch import jit, layers
from minitorch.jit import PARALLEL_FROM

Results = dict[str, Any]

# Of numbers of about 1, between builds; a training carries differences on from step to step.
TOLERANCES = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}


class LeNet(minitorch.Module):
    """A LeNet: (batch, 1, 28, 28) -> (batch, 10), scores of the classes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = layers.Conv2d(1, 4, 3, padding="same", activation="relu")
        self.conv2 = layers.Conv2d(4, 20, 3, padding="same", activation="relu")
        self.pool = layers.AvgPool2d(4)
        self.flatten = layers.Flatten()
        self.linear1 = layers.Linear(20 * 7 * 7, 64, activation="relu")
        self.dropout = layers.Dropout(0.25)
        self.linear2 = layers.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        pooled = self.flatten(self.pool(self.conv2(self.conv1(x))))
        return self.linear2(self.dropout(self.linear1(pooled)))


def training(rng: np.random.Generator, steps: int = 4) -> Iterator[tuple[str, Any]]:
    """Yield the losses of a training, and the parameters after it."""
    minitorch.manual_seed(0)
    model = LeNet()
    criterion = layers.CrossEntropyLoss()
    optim = minitorch.SGD(model.parameters(), 0.05)
    dtype = minitorch.get_default_dtype()
    images = minitorch.from_numpy(rng.normal(size=(24, 1, 28, 28)).astype(dtype))
    labels = rng.integers(0, 10, 24)
    for step in range(steps):
        optim.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optim.step()
        yield f"loss {step}", loss.numpy()
    for name, parameter in model.named_parameters():
        yield name, parameter.value.numpy()


def operations(rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Yield values and gradients of operations that are large enough for the parallel builds."""

    def made(*shape: int) -> Any:
        values = rng.uniform(-1, 1, shape)
        return minitorch.tensor(values, dtype=minitorch.get_default_dtype(), requires_grad=True)

    x = made(13, 5, 1024)
    assert x.size >= PARALLEL_FROM
    cases: dict[str, tuple[Any, ...]] = {
        f"product {n} {k} {m}": (lambda a, b: a @ b, made(n, k), made(k, m))
        for n, k, m in ((64, 64, 64), (1, 700, 90), (90, 1300, 1), (97, 33, 49), (7, 65, 1550))
    }
    cases |= {f"sum {dim}": (lambda a, d=dim: a.sum(d), x) for dim in (None, 0, 1, 2)}
    cases |= {
        f"{f.__name__} {dim}": (lambda a, f=f, d=dim: f(a, d), x)
        for f in (minitorch.softmax, minitorch.logsoftmax, minitorch.max)
        for dim in (0, 1, 2)
    }
    cases |= {
        "products": (lambda a, b: a @ b, made(3, 40, 30), made(30, 35)),
        "conv1d": (minitorch.conv1d, made(5, 7, 90), made(18, 7, 5)),
        "conv2d": (minitorch.conv2d, made(17, 3, 12, 10), made(6, 3, 3, 3)),
        "avgpool2d": (lambda a: minitorch.avgpool2d(a, (4, 4)), made(9, 5, 28, 28)),
        "maxpool2d": (lambda a: minitorch.maxpool2d(a, (2, 4)), made(9, 5, 28, 28)),
        "maps": (lambda a: a.sigmoid() * a.exp() - a.tanh().relu(), x),
        "permuted": (lambda a: a.permute(2, 0, 1) * a.permute(2, 0, 1).contiguous(), x),
        "cross_entropy": (
            lambda a: layers.functional.cross_entropy(a, np.arange(900) % 40),
            made(900, 40),
        ),
    }
    for name, (function, *inputs) in cases.items():
        for tensor in inputs:
            tensor.grad = None
        out = function(*inputs)
        out.backward(np.cos(np.arange(out.size)).reshape(out.shape))
        yield name, out.numpy()
        for place, tensor in enumerate(inputs):
            yield f"{name}, gradient {place}", tensor.grad.numpy()


def results(*dtypes: str) -> Results:
    """Return the results of all work in these dtypes, by name."""
    found: Results = {}
    before = minitorch.get_backend(), minitorch.get_default_dtype()
    minitorch.set_default_backend("tuned")
    for dtype in dtypes:
        minitorch.set_default_dtype(dtype)
        for work in (training, operations):
            for name, value in work(np.random.default_rng(0)):
                found[f"{dtype}, {name}"] = np.array(value)
    minitorch.set_default_backend(before[0])
    minitorch.set_default_dtype(before[1])
    return found


def in_a_process(path: Path, threads: int, **environment: str) -> Results:
    """Return the results that a new process gets."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MINITORCH_")}
    root = str(Path(minitorch.__file__).parents[1])
    own = {"NUMBA_NUM_THREADS": str(threads), "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, __file__, str(path)], env=clean | own | environment,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with np.load(path) as saved:
        return dict(saved)


def same_bits(one: Results, other: Results) -> None:
    assert one.keys() == other.keys()
    differing = [name for name in one if not np.array_equal(one[name], other[name])]
    assert not differing


@pytest.mark.skipif(
    numba.config.NUMBA_NUM_THREADS < 2, reason="Numba has one thread only (NUMBA_NUM_THREADS)"
)
@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parallel_builds_give_the_same_bits_on_one_thread_and_on_two(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jit, "_DETERMINISTIC", True)  # or one thread runs the serial builds
    before = numba.get_num_threads()
    both = []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            both.append(results(dtype))
    finally:
        numba.set_num_threads(before)
    same_bits(*both)


@pytest.mark.slow
def test_processes_of_one_thread_and_of_two_agree(tmp_path: Path) -> None:
    one, two = (in_a_process(tmp_path / f"{n}.npz", n) for n in (1, 2))
    assert one.keys() == two.keys()
    for name, value in one.items():
        limit = TOLERANCES[value.dtype] * max(1.0, np.abs(value).max())
        np.testing.assert_allclose(two[name], value, rtol=0, atol=limit, err_msg=name)


@pytest.mark.slow
def test_deterministic_processes_of_one_thread_and_of_two_give_the_same_bits(
    tmp_path: Path,
) -> None:
    chosen = {"MINITORCH_DETERMINISTIC": "1"}
    same_bits(*(in_a_process(tmp_path / f"{n}.npz", n, **chosen) for n in (1, 2)))


if __name__ == "__main__":
    np.savez(sys.argv[1], **results("float32", "float64"))
