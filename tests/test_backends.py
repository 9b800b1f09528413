"""Which backend runs: by default, by environment, by name; and what a missing one says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernel_cases import HOST_BACKENDS, numbers, tensor

import minitorch
from minitorch import backends, fast_ops, jit, operators
from minitorch.errors import BackendError


@pytest.fixture(autouse=True)
def same_default_afterwards() -> Iterator[None]:
    before = minitorch.get_backend()
    yield
    minitorch.set_default_backend(before)


def default_in_new_process(**environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k != "MINITORCH_BACKEND"}
    return subprocess.run(
        [sys.executable, "-c", "import minitorch; print(minitorch.zeros(2).backend)"],
        env=clean | environment, capture_output=True, text=True, check=False,
        cwd=Path(minitorch.__file__).parents[1],
    )  # fmt: skip


def test_default_is_the_fastest_on_the_cpu() -> None:
    fastest = HOST_BACKENDS[-1]
    expected = repr(minitorch.get_backend(fastest))
    assert default_in_new_process().stdout.strip() == expected


def test_environment_chooses_the_default() -> None:
    got = default_in_new_process(MINITORCH_BACKEND="simple")
    assert got.stdout.strip() == "TensorBackend(SimpleOps)"


def test_environment_with_an_unknown_name_is_an_error() -> None:
    got = default_in_new_process(MINITORCH_BACKEND="quick")
    assert got.returncode != 0
    assert "BackendError: backend 'quick' is not one of" in got.stderr


@pytest.mark.parametrize("name", HOST_BACKENDS)
def test_set_default_backend(name: str) -> None:
    minitorch.set_default_backend(name)
    backend = minitorch.get_backend(name)
    for made in (minitorch.zeros(2), minitorch.rand((2, 2)), minitorch.tensor([1.0])):
        assert made.backend is backend
    assert minitorch.get_backend() is minitorch.get_backend(backend) is backend


def test_backend_argument_wins_over_the_default() -> None:
    minitorch.set_default_backend("fast")
    assert minitorch.ones(2, backend="simple").backend.ops is minitorch.SimpleOps
    own = minitorch.TensorBackend(minitorch.SimpleOps)
    assert minitorch.ones(2, backend=own).backend is own


@pytest.mark.parametrize("name", ["quick", "", "Fast", "FastOps"])
def test_unknown_name_is_an_error_that_lists_the_known_ones(name: str) -> None:
    for use in (minitorch.get_backend, minitorch.set_default_backend,
                lambda name: minitorch.zeros(2, backend=name)):  # fmt: skip
        with pytest.raises(BackendError, match=f"'{name}' is not one of .*fast, simple"):
            use(name)


def test_missing_kernel_names_the_task_and_the_backend() -> None:
    class BareOps(minitorch.TensorOps):
        tensor_map = staticmethod(minitorch.SimpleOps.tensor_map)
        tensor_zip = staticmethod(minitorch.SimpleOps.tensor_zip)
        tensor_reduce = staticmethod(minitorch.SimpleOps.tensor_reduce)

    bare = minitorch.TensorBackend(BareOps)
    input, weight = (minitorch.zeros(1, 1, 3, backend=bare) for _ in range(2))
    with pytest.raises(BackendError, match=r"conv1d \(Task 4.1\): .*BareOps.* no such kernel"):
        minitorch.conv1d(input, weight)
    with pytest.raises(BackendError, match=r"sort: .*BareOps"):
        bare.kernel("sort")


def test_a_backend_of_ones_own() -> None:
    class DoubledOps(minitorch.SimpleOps):
        @staticmethod
        def matrix_multiply(a: Any, b: Any) -> Any:
            return minitorch.SimpleOps.matrix_multiply(a, b) * 2.0

    minitorch.register_backend("doubled", DoubledOps)
    minitorch.register_kernel(
        DoubledOps, "conv1d", minitorch.get_backend("simple").kernel("conv1d")
    )
    try:
        a = numbers(2, 2)
        x = minitorch.tensor(a, backend="doubled")
        np.testing.assert_allclose((x @ x).numpy(), 2 * a @ a)
        assert (x.view(1, 2, 2) + x).backend is minitorch.get_backend("doubled")
        minitorch.conv1d(x.view(1, 2, 2), x.view(1, 2, 2))
    finally:
        del backends._backends["doubled"], backends._built["doubled"], backends._kernels[DoubledOps]


@pytest.mark.parametrize("tensor_of", ["tensor_map", "tensor_zip", "tensor_reduce"])
def test_kernels_are_built_once_for_each_function(tensor_of: str) -> None:
    build = getattr(fast_ops, tensor_of)
    assert build(operators.neg) is build(operators.neg)
    assert build(operators.neg) is not build(operators.id)


def test_a_second_backend_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def use(backend: minitorch.TensorBackend) -> None:
        x = minitorch.tensor(numbers(3, 3), backend=backend)
        (x @ x).relu().sum()

    use(minitorch.TensorBackend(minitorch.FastOps))

    def refuse(*_: Any) -> Any:
        raise AssertionError("compiled again")

    monkeypatch.setattr(jit, "_compile", refuse)
    use(minitorch.TensorBackend(minitorch.FastOps))
    use(minitorch.make_tensor_backend(minitorch.FastOps, is_cuda=False))


def test_building_a_backend_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("compiled while building")

    monkeypatch.setattr(jit, "_compile", refuse)
    fast_ops.tensor_map.cache_clear()
    try:
        assert repr(minitorch.TensorBackend(minitorch.FastOps)) == "TensorBackend(FastOps)"
    finally:
        fast_ops.tensor_map.cache_clear()


def test_aliases_of_older_course_material() -> None:
    assert minitorch.TensorFunctions is minitorch.SimpleBackend
    assert minitorch.make_tensor_backend(minitorch.SimpleOps).ops is minitorch.SimpleOps
    assert tensor(numbers(2)).f is minitorch.get_backend("fast")
    assert not minitorch.get_backend("fast").cuda
