"""What else a kernel can do wrong on the simulator, and how it is told."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from numba import cuda

from minitorch import cudasim
from minitorch.cudasim import (
    BarrierFault,
    BoundsFault,
    CudaFault,
    LaunchFault,
    UninitialisedFault,
)

orders = pytest.mark.parametrize("order", ["forward", "backward", 0, 1])


def place(kernel: Any, offset: int) -> str:
    return f"test_cudasim_faults.py:{kernel.__code__.co_firstlineno + offset}"


def told(kind: type[CudaFault], kernel: Any, grid: Any, block: Any, *args: Any, **how: Any) -> str:
    """Launch a kernel that is wrong, and return what is said."""
    with pytest.raises(kind) as caught:
        cudasim.launch(kernel, grid, block, args, **how)
    return str(caught.value)


def unguarded(out: Any, a: Any) -> None:
    i = cuda.grid(1)
    x = a[i]
    out[i] = x


def test_a_read_beyond_the_end() -> None:
    assert told(BoundsFault, unguarded, 2, 32, np.zeros(64), np.zeros(40)) == (
        "unguarded: a[40] is out of bounds: a has 40 cells, 0..39\n"
        f"  thread 8 of block 1 reads it at {place(unguarded, 2)}\n"
        "help: let threads that have no cell of their own do nothing: if i < size: ..."
    )


def test_a_write_beyond_the_end() -> None:
    text = told(BoundsFault, unguarded, 2, 32, np.zeros(40), np.zeros(64))
    assert f"thread 8 of block 1 writes it at {place(unguarded, 3)}" in text


def test_a_slice_of_device_memory_has_its_own_bounds() -> None:
    memory = cudasim.to_device(np.zeros(10))
    text = told(BoundsFault, unguarded, 1, 10, np.zeros(10), memory[2:5])
    assert "a[3] is out of bounds: a has 3 cells, 0..2" in text


def test_a_negative_index() -> None:
    def kernel(out: Any) -> None:
        out[cuda.grid(1) - 1] = 1

    text = told(BoundsFault, kernel, 1, 4, np.zeros(4))
    assert "out[-1] is out of bounds" in text
    assert "a negative index counts from the end" in text


def test_indices_in_two_dimensions() -> None:
    def kernel(out: Any, row: Any) -> None:
        tile = cuda.shared.array((2, 3), numba.float64)
        tile[row, 2] = 1
        tile[row] = 1
        out[0] = 1

    text = told(BoundsFault, kernel, 1, 1, np.zeros(1), 2)
    assert "tile[2, 2] is out of bounds: tile has the shape (2, 3)" in text
    text = told(BoundsFault, kernel, 1, 1, np.zeros(1), 1)
    assert "tile[1] has 1 indices, tile 2" in text
    assert "write tile[i, j]" in text


def test_local_arrays_count_negative_indices_from_the_end() -> None:
    def kernel(out: Any, i: Any) -> None:
        index = cuda.local.array(3, numba.int32)
        for dim in range(3):
            index[dim] = dim
        out[0] = index[i]

    out = np.zeros(1)
    cudasim.launch(kernel, 1, 1, (out, -1))
    assert out[0] == 2
    for i in (3, -4):
        text = told(BoundsFault, kernel, 1, 1, out, i)
        assert f"index[{i}] is out of bounds: index has 3 cells" in text


def test_collecting_goes_on_after_an_index_out_of_bounds() -> None:
    out = np.ones(8)
    report = cudasim.launch(unguarded, 1, 8, (out, np.zeros(6)), on_fault="collect")
    assert [type(fault) for fault in report.faults] == [BoundsFault]
    assert report.faults[0].times == 2
    np.testing.assert_array_equal(out, [0] * 6 + [np.nan] * 2)
    report = cudasim.launch(unguarded, 1, 8, (np.ones(6), np.zeros(8)), on_fault="collect")
    assert report.faults[0].array == "out"


def returns_early(out: Any, size: Any) -> None:
    i = cuda.threadIdx.x
    if i >= size:
        return
    cuda.syncthreads()
    out[i] = 1


@orders
def test_threads_that_return_before_a_barrier(order: Any) -> None:
    text = told(BarrierFault, returns_early, 1, 32, np.zeros(32), 5, order=order)
    assert text == (
        "returns_early: not all threads of block 0 reach the same barrier\n"
        f"  threads (0..4) wait at cuda.syncthreads() at {place(returns_early, 4)}\n"
        "  threads (5..31) have returned\n"
        "help: every thread of the block must come to it: put the barrier outside of any `if`, "
        "and let no thread return before it"
    )


@orders
def test_threads_that_wait_at_different_barriers(order: Any) -> None:
    def kernel(out: Any) -> None:
        if cuda.threadIdx.x == 2:
            cuda.syncthreads()
        else:
            cuda.syncthreads()
        out[cuda.threadIdx.x] = 1

    text = told(BarrierFault, kernel, 1, 4, np.zeros(4), order=order)
    assert f"threads (0..1, 3) wait at cuda.syncthreads() at {place(kernel, 4)}" in text
    assert f"thread 2 waits at cuda.syncthreads() at {place(kernel, 2)}" in text


def test_a_warp_waits_for_no_thread_that_has_returned() -> None:
    def kernel(out: Any) -> None:
        if cuda.threadIdx.x < 4:
            return
        cuda.syncwarp()
        out[cuda.threadIdx.x] = 1

    out = np.zeros(8)
    cudasim.launch(kernel, 1, 8, (out,))
    assert out.sum() == 4


def test_one_of_a_warp_at_another_barrier() -> None:
    def kernel(out: Any) -> None:
        if cuda.threadIdx.x == 0:
            cuda.syncwarp()
        else:
            cuda.syncthreads()
        out[cuda.threadIdx.x] = 1

    assert "thread 0 waits at cuda.syncwarp()" in told(BarrierFault, kernel, 1, 8, np.zeros(8))


def test_collecting_ends_the_block_at_a_barrier_fault() -> None:
    out = np.zeros(4)
    report = cudasim.launch(returns_early, 2, 4, (out, 2), on_fault="collect")
    assert [type(fault) for fault in report.faults] == [BarrierFault]
    assert report.faults[0].times == 2
    assert out.sum() == 0


@orders
def test_shared_memory_that_was_never_written(order: Any) -> None:
    def kernel(out: Any) -> None:
        tile = cuda.shared.array(4, numba.float64)
        i = cuda.threadIdx.x
        if i < 3:
            tile[i] = i
        cuda.syncthreads()
        out[i] = tile[i]

    text = told(UninitialisedFault, kernel, 1, 4, np.zeros(4), order=order)
    assert "tile[3] of shared memory was never written in this block" in text
    assert f"thread 3 of block 0 reads it at {place(kernel, 6)}" in text


def test_shared_memory_is_new_in_each_block() -> None:
    def kernel(out: Any) -> None:
        tile = cuda.shared.array(1, numba.float64)
        if cuda.blockIdx.x == 0:
            tile[0] = 1
        out[cuda.blockIdx.x] = tile[0]

    assert "thread 0 of block 1 reads" in told(UninitialisedFault, kernel, 2, 1, np.zeros(2))


def test_a_local_array_that_was_never_written() -> None:
    def kernel(out: Any) -> None:
        index = cuda.local.array(3, numba.int64)
        out[0] = index[1]

    text = told(UninitialisedFault, kernel, 1, 1, np.zeros(1))
    assert "index[1] of a local array was never written" in text


def test_empty_global_memory() -> None:
    a = cudasim.empty(4, np.float32)
    a[1:4].copy_to_device(np.zeros(3, np.float32))
    text = told(UninitialisedFault, unguarded, 1, 4, np.zeros(4), a)
    assert "a[0] was never written: a is memory made empty" in text
    cudasim.launch(unguarded, 1, 3, (np.zeros(3), a[1:4]))
    report = cudasim.launch(unguarded, 1, 4, (np.zeros(4), a), on_fault="collect")
    assert [type(fault) for fault in report.faults] == [UninitialisedFault]


def test_what_one_launch_wrote_the_next_can_read() -> None:
    a = cudasim.empty(4, np.float64)
    cudasim.launch(unguarded, 1, 4, (a, np.arange(4.0)))
    out = np.zeros(4)
    cudasim.launch(unguarded, 1, 4, (out, a))
    assert out.tolist() == [0, 1, 2, 3]


def test_an_error_that_follows_from_what_was_never_written() -> None:
    def indexes(out: Any) -> None:
        tile = cuda.shared.array(1, numba.int64)
        out[tile[0]] = 1

    def converts(out: Any) -> None:
        tile = cuda.shared.array(1, numba.float64)
        out[int(tile[0])] = 1

    for kernel in (indexes, converts):
        assert "tile[0] of shared memory" in told(UninitialisedFault, kernel, 1, 1, np.zeros(1))


def nothing(out: Any) -> None:
    out[0] = 1


@pytest.mark.parametrize(
    ("grid", "block", "text"),
    [
        (1, (64, 32), r"a block of \(64, 32\) has 2048 threads; 1024 are the most"),
        (1, (1, 1, 65), "the block is .* along z it must be from 1 to 64"),
        (0, 1, "the grid is 0; along x it must be from 1 to"),
        ((1, 65536), 1, "along y it must be from 1 to 65535"),
        (1, 0, "the block is 0"),
        (1.5, 1, "must be one to three integers"),
        ((1, 1, 1, 1), 1, "must be one to three integers"),
    ],
)
def test_launches_that_no_gpu_takes(grid: Any, block: Any, text: str) -> None:
    with pytest.raises(LaunchFault, match=text):
        cudasim.launch(nothing, grid, block, (np.zeros(1),))


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((), r"takes 1 arguments \(out\), and was given 0"),
        (([1.0],), "out: a kernel takes arrays, numbers and tuples, not list"),
        ((np.zeros((4, 4))[:, 1],), "out: an array for a kernel must be contiguous"),
    ],
)
def test_arguments_that_no_kernel_takes(args: Any, text: str) -> None:
    with pytest.raises(LaunchFault, match=text):
        cudasim.launch(nothing, 1, 1, args)


def test_options_that_are_none() -> None:
    with pytest.raises(ValueError, match="on_fault"):
        cudasim.launch(nothing, 1, 1, (np.zeros(1),), on_fault="ignore")
    with pytest.raises(ValueError, match="order"):
        cudasim.launch(nothing, 1, 1, (np.zeros(1),), order="sideways")


def test_too_much_shared_memory() -> None:
    def kernel(out: Any) -> None:
        first = cuda.shared.array((32, 32), numba.float64)
        second = cuda.shared.array((32, 32), numba.float32)
        first[0, 0] = second[0, 0] = 1
        out[0] = 1

    cudasim.launch(kernel, 1, 1, (np.zeros(1),))
    text = told(LaunchFault, kernel, 1, 1, np.zeros(1), max_shared=12287)
    assert "12288 bytes of shared memory in a block; there are 12287" in text
    assert "first: 8192 bytes" in text


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_the_shape_of_a_shared_array_is_a_constant(which: int) -> None:
    def of_the_launch(out: Any, n: Any) -> None:
        tile = cuda.shared.array(cuda.blockDim.x, numba.float64)
        tile[0] = 1

    def of_data(out: Any, n: Any) -> None:
        tile = cuda.shared.array((n[0], 1), numba.float64)
        tile[0] = 1

    def of_the_thread(out: Any, n: Any) -> None:
        tile = cuda.shared.array(cuda.threadIdx.x + 1, numba.float64)
        tile[cuda.threadIdx.x] = 1

    def nothing_at_all(out: Any, n: Any) -> None:
        tile = cuda.shared.array(0, numba.float64)
        tile[0] = 1

    kernel = [of_the_launch, of_data, of_the_thread, nothing_at_all][which]
    text = told(LaunchFault, kernel, 1, 2, np.zeros(1), np.ones(1, np.int64))
    assert "the shape of tile, " in text
    assert "is not a constant" in text


def test_what_is_not_simulated_says_so() -> None:
    def shuffle(out: Any) -> None:
        out[0] = cuda.shfl_sync(0xFFFFFFFF, 1, 0)

    def nanmax(out: Any) -> None:
        cuda.atomic.nanmax(out, 0, 1.0)

    text = told(LaunchFault, shuffle, 1, 1, np.zeros(1))
    assert "cuda.shfl_sync is not simulated" in text
    assert "syncthreads" in text
    assert "cuda.atomic.nanmax is not" in told(LaunchFault, nanmax, 1, 1, np.zeros(1))


def test_launches_do_not_nest() -> None:
    inner = cudasim.launch

    def outer(out: Any) -> None:
        inner(nothing, 1, 1, (np.zeros(1),))

    assert "nothing: launched while outer runs" in told(LaunchFault, outer, 1, 1, np.zeros(1))
    cudasim.launch(nothing, 1, 1, (np.zeros(1),))
