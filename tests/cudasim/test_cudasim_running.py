"""Correct kernels on the simulator: they give what numpy gives, in every order of the threads."""

from __future__ import annotations

import math
import sys
import types
import warnings
from typing import Any

import numba
import numpy as np
import pytest
from numba import cuda

from minitorch import cuda_target, cudasim, operators
from minitorch.cudasim import launch as launching
from minitorch.errors import BackendError
from minitorch.tensor_data import index_to_position, to_index

orders = pytest.mark.parametrize("order", ["forward", "backward", 0, 1])

WIDTH = 4


def doubled(out: Any, a: Any, size: Any) -> None:
    i = cuda.grid(1)
    if i < size:
        out[i] = 2 * a[i]


def product(out: Any, a: Any, b: Any, n: Any) -> None:
    a_tile = cuda.shared.array((4, 4), numba.float64); b_tile = cuda.shared.array((4, 4), np.float64)  # noqa: E501, E702  # fmt: skip
    row, column = cuda.threadIdx.y, cuda.threadIdx.x
    i, j = cuda.blockIdx.y * WIDTH + row, cuda.blockIdx.x * WIDTH + column
    total = 0.0
    for start in range(0, n, WIDTH):
        a_tile[row, column] = a[i * n + start + column]
        b_tile[row, column] = b[(start + row) * n + j]
        cuda.syncthreads()
        for k in range(WIDTH):
            total += a_tile[row, k] * b_tile[k, column]
        cuda.syncthreads()
    out[i * n + j] = total


def tree_sum(out: Any, a: Any, size: Any) -> None:
    cache = cuda.shared.array(32, numba.float64)
    i, lane = cuda.grid(1), cuda.threadIdx.x
    cache[lane] = a[i] if i < size else 0.0
    step = 16
    while step > 0:
        cuda.syncthreads()
        if lane < step:
            cache[lane] += cache[lane + step]
        step //= 2
    if lane == 0:
        out[cuda.blockIdx.x] = cache[0]


@orders
def test_a_map_with_a_guard(order: Any) -> None:
    a = np.arange(100.0)
    out = cudasim.empty(100, np.float64)
    report = cudasim.launch(doubled, 4, 32, (out, cudasim.to_device(a), 100), order=order)
    np.testing.assert_array_equal(out.copy_to_host(), 2 * a)
    assert report.kernel == "doubled"
    assert (report.grid, report.block, report.threads) == ((4,), (32,), 128)
    assert report.faults == report.idle_blocks == []


@orders
def test_a_tiled_product_with_two_shared_arrays_on_one_line(order: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((8, 8)), rng.random((8, 8))
    out = cudasim.empty(64, np.float64)
    operands = [cudasim.to_device(x.reshape(-1)) for x in (a, b)]
    report = cudasim.launch(product, (2, 2), (4, 4), (out, *operands, 8), order=order)
    np.testing.assert_allclose(out.copy_to_host().reshape(8, 8), a @ b)
    assert report.barriers == 4 * 4


@orders
def test_a_tree_of_sums(order: Any) -> None:
    a = np.arange(70.0)
    out = cudasim.empty(3, np.float64)
    cudasim.launch(tree_sum, 3, 32, (out, cudasim.to_device(a), 70), order=order)
    expected = [a[:32].sum(), a[32:64].sum(), a[64:].sum()]
    np.testing.assert_array_equal(out.copy_to_host(), expected)


@orders
def test_atomics_of_every_kind(order: Any) -> None:
    def kernel(counts: Any) -> None:
        i = cuda.grid(1)
        cuda.atomic.add(counts, 0, i)
        cuda.atomic.sub(counts, 1, 1)
        cuda.atomic.max(counts, 2, i)
        cuda.atomic.min(counts, 3, -i)
        cuda.atomic.and_(counts, 4, 0b110)
        cuda.atomic.or_(counts, 5, i)
        cuda.atomic.xor(counts, 6, 1)
        if cuda.atomic.cas(counts, 7, 0, 5) == 0:
            cuda.atomic.exch(counts, 8, 9)

    counts = np.array([0, 0, 0, 0, 0b011, 0, 0, 0, 0])
    cudasim.launch(kernel, 2, 8, (counts,), order=order)
    assert counts.tolist() == [120, -16, 15, -15, 0b010, 15, 0, 5, 9]


def test_a_grid_of_three_dimensions_covers_every_cell_once() -> None:
    def kernel(out: Any) -> None:
        x, y, z = cuda.grid(3)
        assert cuda.gridsize(3) == (4, 3, 4)
        assert (cuda.gridDim.x, cuda.gridDim.y, cuda.gridDim.z) == (2, 1, 2)
        assert cuda.blockDim.y == 3
        out[z, y, x] = x + 10 * y + 100 * z

    out = np.zeros((4, 3, 4))
    cudasim.launch(kernel, (2, 1, 2), (2, 3, 2), (out,))
    z, y, x = np.indices(out.shape)
    np.testing.assert_array_equal(out, x + 10 * y + 100 * z)


def test_x_runs_fastest_in_a_warp() -> None:
    def kernel(out: Any) -> None:
        out[cuda.threadIdx.y, cuda.threadIdx.x] = cuda.laneid

    out = np.zeros((8, 8), np.int64)
    cudasim.launch(kernel, 1, (8, 8), (out,))
    np.testing.assert_array_equal(out.reshape(-1), np.arange(64) % cuda_warp())


def cuda_warp() -> int:
    sizes = np.zeros(1, np.int64)

    def kernel(out: Any) -> None:
        out[0] = cuda.warpsize

    cudasim.launch(kernel, 1, 1, (sizes,))
    return int(sizes[0])


def test_helpers_closures_and_compiled_functions_are_followed() -> None:
    fn = operators.exp
    exp = math.exp
    compiled = numba.njit(lambda a: a[0])

    def kernel(out: Any, a: Any, shape: Any, strides: Any) -> None:
        i = cuda.grid(1)
        index = cuda.local.array(2, numba.int64)
        to_index(i, shape, index)
        out[i] = fn(a[index_to_position(index, strides)]) + compiled(a) + 1 / exp(1000.0)

    a = np.arange(6.0).reshape(2, 3)
    out = np.zeros(6)
    cudasim.launch(kernel, 1, 6, (out, a.reshape(-1), (3, 2), (1, 3)))
    np.testing.assert_allclose(out, np.exp(a.T).reshape(-1))


def test_functions_are_followed_through_modules() -> None:
    def kernel(out: Any, a: Any) -> None:
        out[0] = operators.exp(a[0])
        out[1] = numba.cuda.blockDim.x

    out = np.zeros(2)
    cudasim.launch(kernel, 1, 1, (out, np.array([1000.0])))
    assert out.tolist() == [np.inf, 1.0]


def test_a_barrier_in_a_function_of_a_module() -> None:
    def meet() -> None:
        cuda.syncthreads()

    helpers: Any = types.ModuleType("helpers")
    helpers.meet = meet

    def kernel(out: Any) -> None:
        tile = cuda.shared.array(4, numba.float64)
        i = cuda.threadIdx.x
        tile[i] = i
        helpers.meet()
        out[i] = tile[3 - i]

    out = np.zeros(4)
    cudasim.launch(kernel, 1, 4, (out,))
    assert out.tolist() == [3, 2, 1, 0]


def test_a_function_that_calls_itself() -> None:
    def fold(a: Any, n: Any) -> Any:
        return a[0] if n == 1 else fold(a, n - 1) + a[n - 1]

    def kernel(out: Any, a: Any) -> None:
        out[0] = fold(a, 4)

    out = np.zeros(1)
    cudasim.launch(kernel, 1, 1, (out, np.arange(4.0)))
    assert out[0] == 6


def test_what_the_librarys_kernels_call_cuda_is_the_simulators() -> None:
    given = cuda_target.cuda

    def kernel(out: Any) -> None:
        out[given.grid(1)] = 1

    out = np.zeros(3)
    cudasim.launch(kernel, 1, 3, (out,))
    assert out.tolist() == [1, 1, 1]


def test_the_kernel_itself_stays_as_it_was() -> None:
    before = doubled.__globals__["cuda"]
    cudasim.launch(doubled, 1, 1, (np.zeros(1), np.zeros(1), 1))
    assert doubled.__globals__["cuda"] is before


@pytest.mark.parametrize("barrier", [False, True])
def test_numbers_overflow_as_on_a_gpu(barrier: bool) -> None:
    def kernel(out: Any, a: Any, zero: Any) -> None:
        if barrier:
            cuda.syncthreads()
        out[0] = math.exp(a[0])
        out[1] = math.log(a[1])
        out[2] = math.sqrt(a[2])
        out[3] = 1.0 / zero
        out[4] = a[0] * a[0] * a[0]
        out[5] = math.pow(a[0], 1000.0)
        out[6] = math.lgamma(a[1])
        out[7] = math.floor(a[3])

    a = np.array([1e200, 0.0, -1.0, 2.5])
    out = np.zeros(8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cudasim.launch(kernel, 1, 1, (out, a, 0.0))
    expected = [np.inf, -np.inf, np.nan, np.inf, np.inf, np.inf, np.inf, 2.0]
    np.testing.assert_array_equal(out, expected)


def test_float32_stays_float32() -> None:
    def kernel(out: Any, a: Any) -> None:
        x = a[0]
        out[0] = x * x + math.exp(x)

    a = np.array([1.1], np.float32)
    out = np.zeros(1)
    cudasim.launch(kernel, 1, 1, (out, a))
    assert out[0] == np.float32(a[0] * a[0] + np.exp(a[0]))


def test_indices_of_numpy_and_slices() -> None:
    def kernel(out: Any, a: Any) -> None:
        index = cuda.local.array(2, numba.int64)
        index[0], index[1] = 1, cuda.grid(1)
        out[index[1]] = a[index[0]] + a[0]

    memory = cudasim.to_device(np.arange(8.0))
    cudasim.launch(kernel, 1, 2, (memory[6:8], memory[2:4]))
    assert memory.copy_to_host().tolist() == [0, 1, 2, 3, 4, 5, 5, 5]


def test_arrays_of_every_kind_round_to_their_dtype() -> None:
    def kernel(out: Any, x: Any) -> None:
        shared = cuda.shared.array(1, numba.float32)
        local = cuda.local.array(2, np.float32)
        whole = cuda.local.array(1, numba.int32)
        shared[0] = local[0] = x
        whole[0] = x
        out[0], out[1], out[2] = shared[0], local[0], whole[0]

    out = np.zeros(3)
    cudasim.launch(kernel, 1, 1, (out, 1.1))
    assert out.tolist() == [np.float32(1.1), np.float32(1.1), 1]


def test_barriers_that_count() -> None:
    def kernel(out: Any) -> None:
        i = cuda.threadIdx.x
        counted = cuda.syncthreads_count(i < 3)
        every = cuda.syncthreads_and(i < 8)
        some = cuda.syncthreads_or(i > 7)
        out[i] = counted * 100 + every * 10 + some

    out = np.zeros(8)
    report = cudasim.launch(kernel, 1, 8, (out,))
    assert out.tolist() == [310.0] * 8
    assert report.barriers == 3


@orders
def test_a_warp_that_syncs_by_itself(order: Any) -> None:
    def kernel(out: Any) -> None:
        cache = cuda.shared.array(64, numba.float64)
        i = cuda.threadIdx.x
        cache[i] = i
        cuda.syncwarp()
        out[i] = cache[i ^ 1]

    out = np.zeros(64)
    cudasim.launch(kernel, 1, 64, (out,), order=order)
    assert out.tolist() == [i ^ 1 for i in range(64)]


def test_the_same_seed_takes_the_same_order() -> None:
    def kernel(out: Any, place: Any) -> None:
        out[cuda.atomic.add(place, 0, 1)] = cuda.grid(1)

    def took(order: Any) -> list[int]:
        out = np.zeros(12, np.int64)
        cudasim.launch(kernel, 3, 4, (out, np.zeros(1, np.int64)), order=order)
        return list(out)

    assert took(5) == took(5) != took(6)
    assert took("forward") == list(range(12))
    assert took("backward") == list(range(11, -1, -1))


def test_blocks_that_write_nothing_are_noted() -> None:
    a = np.arange(40.0)
    report = cudasim.launch(doubled, 4, 32, (np.zeros(40), a, 40))
    assert report.idle_blocks == [(2,), (3,)]
    assert "note: 2 blocks wrote nothing to global memory (2, 3)" in str(report)


def test_a_kernel_without_barriers_needs_no_greenlet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "greenlet", None)
    cudasim.launch(doubled, 1, 4, (np.zeros(4), np.ones(4), 4))
    with pytest.raises(BackendError, match="pip install greenlet"):
        cudasim.launch(tree_sum, 1, 32, (np.zeros(1), np.ones(32), 32))


def test_a_long_launch_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = sys.modules[launching.__module__]
    clock = iter([0.0, 40.0, 80.0, 120.0, 160.0])
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    with pytest.warns(UserWarning, match=r"doubled: .* about 2 minutes") as told:
        cudasim.launch(doubled, 4, 8, (np.zeros(32), np.ones(32), 32))
    assert len(told) == 1
    assert "(4 blocks of 8 threads)" in str(told[0].message)


def test_an_error_of_python_says_which_thread() -> None:
    def kernel(out: Any) -> None:
        if cuda.grid(1) == 5:
            out[0] = None + 1  # type: ignore[operator]

    with pytest.raises(TypeError) as caught:
        cudasim.launch(kernel, 2, 4, (np.zeros(1),))
    assert caught.value.__notes__ == ["in kernel kernel, thread 1 of block 1"]


def test_arrays_are_indexed_by_integers_only() -> None:
    def by_float(out: Any) -> None:
        out[cuda.grid(1) / 2] = 1

    def whole(out: Any, a: Any) -> None:
        out[0] = a

    with pytest.raises(TypeError, match=r"out\[0\.0\]: the index is of type float"):
        cudasim.launch(by_float, 1, 1, (np.zeros(1),))
    with pytest.raises(ValueError, match="setting an array element"):
        cudasim.launch(whole, 1, 1, (np.zeros(1), np.zeros(1)))
