"""Reductions in lanes: every shape around the sizes at which the technique changes."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernel_cases import BUILDS

from minitorch.jit import Kernel
from minitorch.kernels.reduce import (
    BLOCK,
    BLOCK_ROWS,
    COLUMNS,
    TASK,
    fold,
    max_kernel,
    min_kernel,
    prod_kernel,
    sum_kernel,
)

Array = Any

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
builds = pytest.mark.parametrize("build", BUILDS)

# A kernel, the same in numpy, and the result of no numbers.
REDUCTIONS: dict[str, tuple[Kernel, Callable[..., Any], float]] = {
    "sum": (sum_kernel, np.sum, 0.0),
    "prod": (prod_kernel, np.prod, 1.0),
    "max": (max_kernel, np.max, -math.inf),
    "min": (min_kernel, np.min, math.inf),
}
ALL = pytest.mark.parametrize("name", REDUCTIONS)

LENGTHS = (0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 130)
# Beyond one block of a row, of rows, of columns, and of a task; and small beside large.
LARGE = [
    (1, BLOCK - 1, 1),
    (1, BLOCK, 1),
    (2, BLOCK + 1, 1),
    (3, 5 * BLOCK + 77, 1),
    (1, 2 * TASK + 5, 1),
    (TASK + 3, 3, 1),
    (700, 50, 1),
    (1, BLOCK_ROWS, COLUMNS),
    (2, BLOCK_ROWS + 1, COLUMNS + 1),
    (1, 3 * BLOCK_ROWS + 5, 2 * COLUMNS + 3),
    (1, 4000, 10),
    (2, 16 * BLOCK_ROWS + 9, 3),
    (1, 9, TASK + 1),
    (300, 20, 33),
    (900, 2, 4),
]


def numbers(size: int, dtype: Any, name: str = "sum") -> Array:
    """Return random numbers, all different; close to 1 for a product."""
    values = np.random.default_rng(size).normal(size=size)
    return (1 + values / 100 if name == "prod" else values).astype(dtype)


def reduced(
    kernel: Kernel, build: str, a: Array, outer: int, length: int, inner: int, start: float = 0.5
) -> Array:
    """Run a kernel between buffers that are surrounded by NaN, and return its result."""
    source = np.full(a.size + 300, np.nan, a.dtype)
    source[37 : 37 + a.size] = a
    around = np.full(outer * inner + 300, np.nan, a.dtype)
    out = around[150 : 150 + outer * inner]
    out[...] = start
    kernel.launch(BUILDS[build], out, source[37:], outer, length, inner)
    assert np.isnan(around[:150]).all(), "written before the output"
    assert np.isnan(around[150 + outer * inner :]).all(), "written behind the output"
    return out.copy()


def check(name: str, build: str, dtype: Any, outer: int, length: int, inner: int) -> None:
    kernel, oracle, identity = REDUCTIONS[name]
    a = numbers(outer * length * inner, dtype, name)
    got = reduced(kernel, build, a, outer, length, inner)
    if not length:
        assert (got == identity).all()
        return
    wide = a.astype(np.longdouble).reshape(outer, length, inner)
    expected = oracle(wide, axis=1).reshape(-1)
    if name in ("max", "min"):
        np.testing.assert_array_equal(got, expected.astype(dtype), f"{outer, length, inner}")
        return
    size = np.abs(wide).sum(1).reshape(-1) if name == "sum" else length * np.abs(expected)
    error = np.abs(got - expected) / np.maximum(size, 1e-30)
    # A plain sum would be off by up to `length` of these units.
    assert error.max(initial=0) <= 12 * np.finfo(dtype).eps, (outer, length, inner)


@builds
@DTYPES
@ALL
def test_every_length_of_rows(name: str, dtype: Any, build: str) -> None:
    for length in range(131):
        check(name, build, dtype, 3, length, 1)


@builds
@DTYPES
@ALL
def test_small_shapes(name: str, dtype: Any, build: str) -> None:
    inners = (0, 1, 2, 3, 4, 7, 10, 16, 25, 31, 32, 64, 65, 100)
    for outer, length, inner in itertools.product((0, 1, 2, 3), LENGTHS, inners):
        check(name, build, dtype, outer, length, inner)


@builds
@DTYPES
@ALL
@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_large_shapes(name: str, dtype: Any, build: str, shape: tuple[int, int, int]) -> None:
    check(name, build, dtype, *shape)


@pytest.mark.slow
@DTYPES
@ALL
@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_both_builds_give_the_same_bits(name: str, dtype: Any, shape: tuple[int, int, int]) -> None:
    a = numbers(math.prod(shape), dtype, name)
    serial, parallel = (reduced(REDUCTIONS[name][0], build, a, *shape) for build in BUILDS)
    np.testing.assert_array_equal(serial, parallel)


@builds
@DTYPES
@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (2, 150, 1), (2, BLOCK + 90, 1), (2, 21, 5), (1, 30, 70)], ids=str
)
def test_nan_is_found_wherever_it_is(
    name: str, dtype: Any, build: str, shape: tuple[int, int, int]
) -> None:
    kernel, oracle, _ = REDUCTIONS[name]
    size = math.prod(shape)
    for place in {*range(min(size, 150)), *range(max(0, size - 150), size), size // 2}:
        a = numbers(size, dtype)
        a[place] = np.nan if place % 2 else -np.nan
        expected = oracle(a.reshape(shape), axis=1).reshape(-1)
        np.testing.assert_array_equal(reduced(kernel, build, a, *shape), expected)


@DTYPES
@pytest.mark.parametrize(
    "values",
    [[np.inf, 1], [-np.inf, 1], [np.inf, -np.inf], [np.nan, 1], [np.inf, np.nan], [0.0, -0.0]],
    ids=str,
)
@ALL
def test_infinities_come_out_as_in_numpy(name: str, dtype: Any, values: list[float]) -> None:
    kernel, oracle, _ = REDUCTIONS[name]
    for length, inner in ((2, 1), (40, 1), (3 * BLOCK, 1), (40, 3), (3 * BLOCK_ROWS, 70)):
        a = np.ones((length, inner), dtype)
        a[1], a[-1] = values
        with np.errstate(invalid="ignore"):
            expected = oracle(a, axis=0)
        got = reduced(kernel, "serial", a.reshape(-1), 1, length, inner)
        if np.isfinite(expected).all():
            np.testing.assert_allclose(got, expected, rtol=1e-6)
        else:
            np.testing.assert_array_equal(got, expected)


@DTYPES
def test_a_sum_that_overflows_is_infinite(dtype: Any) -> None:
    largest = np.finfo(dtype).max
    a = np.full(5 * BLOCK, largest, dtype)
    assert reduced(sum_kernel, "serial", a, 1, a.size, 1) == np.inf
    assert reduced(sum_kernel, "serial", -a, 1, a.size // 5, 5).tolist() == [-np.inf] * 5


@builds
def test_ten_million_ones(build: str) -> None:
    ones = np.ones(10_000_000, np.float32)
    assert reduced(sum_kernel, build, ones, 1, ones.size, 1) == 1e7
    assert (reduced(sum_kernel, build, ones, 1, ones.size // 10, 10) == 1e6).all()


@DTYPES
def test_large_numbers_that_cancel_leave_the_small_ones(dtype: Any) -> None:
    # Between blocks nothing is lost, be the sums of blocks as far apart as they may.
    large = 1e8 if dtype == np.float32 else 1e17
    a = np.zeros(6 * BLOCK, dtype)
    a[0], a[BLOCK], a[2 * BLOCK] = large, 1, -large
    assert reduced(sum_kernel, "serial", a, 1, a.size, 1) == 1
    rows = np.zeros((6 * BLOCK_ROWS, COLUMNS), dtype)
    rows[[0, BLOCK_ROWS, 2 * BLOCK_ROWS]] = [[large], [1], [-large]]
    got = reduced(sum_kernel, "serial", rows.reshape(-1), 1, len(rows), COLUMNS)
    assert (got == 1).all()


def distance(result: Any, x: Any) -> Any:
    """Not associative, nor does it commute."""
    return abs(0.75 * result - x)


@builds
@DTYPES
def test_fold_goes_from_first_to_last(dtype: Any, build: str) -> None:
    kernel = fold(distance)
    for outer, length, inner in [*itertools.product((0, 1, 3), LENGTHS, (0, 1, 5)), *LARGE[-6:]]:
        a = numbers(outer * length * inner, dtype).reshape(outer, length, inner)
        expected = np.full((outer, inner), 2, dtype)
        for row in range(length):
            expected = np.abs(dtype(0.75) * expected - a[:, row])
        got = reduced(kernel, build, a.reshape(-1), outer, length, inner, start=2)
        np.testing.assert_allclose(got, expected.reshape(-1), rtol=1e-5, atol=1e-6)


def test_fold_does_not_reorder() -> None:
    def add(result: Any, x: Any) -> Any:
        return result + x

    a = np.tile([1e16, 1.0, -1e16, 1.0], 16)
    for inner in (1, 40):
        columns = np.repeat(a, inner)
        got = reduced(fold(add), "serial", columns, 1, a.size, inner, start=0.0)
        assert (got == 1).all()  # the last: of the others, each is lost beside the next 1e16


def test_fold_is_built_once_for_a_function() -> None:
    assert fold(distance) is fold(distance)


# Runs the kernels that it is asked for on numbers whose sum, product and maximum differ.
PROGRAM = """
import sys
import numpy as np
from minitorch.kernels import reduce
a = np.linspace(1, 2, 40)
for name in sys.argv[1:]:
    out = np.empty(10)
    getattr(reduce, name + "_kernel").launch(0, out, a, 1, 4, 10)
    expected = getattr(np, name)(a.reshape(4, 10), axis=0)
    assert abs(out - expected).max() < 1e-12, (name, out, expected)
"""


@pytest.mark.slow
def test_kernels_that_different_processes_cached_keep_apart(tmp_path: Path) -> None:
    # Numba's names of machine code are unique only in a process: see `vector_math.exact`.
    environment = {
        **os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }  # fmt: skip
    for names in (["sum"], ["max"], ["sum", "max"], ["max", "sum"]):
        subprocess.run([sys.executable, "-c", PROGRAM, *names], env=environment, check=True)
