"""What the simulator counts: accesses, sectors of global memory, bank conflicts."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from numba import cuda

from minitorch import cudasim


def strided(out: Any, a: Any, step: Any) -> None:
    i = cuda.grid(1)
    out[i] = a[i * step]


@pytest.mark.parametrize(
    ("dtype", "step", "sectors"),
    [
        (np.float32, 0, 1),
        (np.float32, 1, 4),
        (np.float32, 2, 8),
        (np.float32, 32, 32),
        (np.float64, 1, 8),
        (np.float64, 4, 32),
    ],
)
def test_sectors_of_a_warp_that_reads(dtype: Any, step: int, sectors: int) -> None:
    a = np.zeros(32 * 32, dtype)
    report = cudasim.launch(strided, 1, 32, (np.zeros(32, dtype), a, step), measure=True)
    assert report.arrays is not None
    counts = report.arrays["a"]
    assert (counts.reads, counts.writes, counts.transactions) == (32, 0, sectors)
    ideal = 1 if step == 0 else np.dtype(dtype).itemsize
    assert counts.coalescing == ideal / sectors
    whole = ideal + np.dtype(dtype).itemsize
    assert report.coalescing == whole / (sectors + np.dtype(dtype).itemsize)


def test_a_slice_that_begins_in_the_middle_of_a_sector() -> None:
    a = cudasim.to_device(np.zeros(64, np.float32))
    report = cudasim.launch(strided, 1, 32, (np.zeros(32), a[1:33], 1), measure=True)
    assert report.arrays is not None
    assert report.arrays["a"].transactions == 5


def column_of_a_tile(out: Any) -> None:
    tile = cuda.shared.array((32, 32), numba.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    tile[y, x] = 1
    cuda.syncthreads()
    out[y * 32 + x] = tile[x, y]


def column_of_a_padded_tile(out: Any) -> None:
    tile = cuda.shared.array((32, 33), numba.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    tile[y, x] = 1
    cuda.syncthreads()
    out[y * 32 + x] = tile[x, y]


def test_a_column_of_a_tile_lies_in_one_bank() -> None:
    out = np.zeros(32 * 32, np.float32)
    report = cudasim.launch(column_of_a_tile, 1, (32, 32), (out,), measure=True)
    assert report.bank_conflicts == 31 * 32
    report = cudasim.launch(column_of_a_padded_tile, 1, (32, 32), (out,), measure=True)
    assert report.bank_conflicts == 0


@pytest.mark.parametrize(("step", "conflicts"), [(0, 0), (1, 0), (2, 2), (16, 30)])
def test_values_of_eight_bytes_go_by_half_warps(step: int, conflicts: int) -> None:
    def kernel(out: Any, step: Any) -> None:
        tile = cuda.shared.array(512, numba.float64)
        i = cuda.threadIdx.x
        if i == 0:
            for j in range(512):
                tile[j] = j
        cuda.syncthreads()
        out[i] = tile[i * step]

    report = cudasim.launch(kernel, 1, 32, (np.zeros(32), step), measure=True)
    assert report.bank_conflicts == conflicts


def naive(out: Any, a: Any, b: Any, n: Any) -> None:
    i, j = cuda.grid(2)
    total = 0.0
    for k in range(n):
        total += a[j * n + k] * b[k * n + i]
    out[j * n + i] = total


def tiled(out: Any, a: Any, b: Any, n: Any) -> None:
    a_tile = cuda.shared.array((8, 8), numba.float64)
    b_tile = cuda.shared.array((8, 8), numba.float64)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    i, j = cuda.grid(2)
    total = 0.0
    for start in range(0, n, 8):
        a_tile[y, x] = a[j * n + start + x]
        b_tile[y, x] = b[(start + y) * n + i]
        cuda.syncthreads()
        for k in range(8):
            total += a_tile[y, k] * b_tile[k, x]
        cuda.syncthreads()
    out[j * n + i] = total


def test_tiles_save_reads_of_global_memory_by_their_width() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((16, 16)), rng.random((16, 16))
    reports = []
    for kernel in (naive, tiled):
        out = np.zeros(256)
        args = (out, a.reshape(-1), b.reshape(-1), 16)
        reports.append(cudasim.launch(kernel, (2, 2), (8, 8), args, measure=True))
        np.testing.assert_allclose(out.reshape(16, 16), a @ b)
    plain, better = reports
    assert plain.global_reads == 2 * 16**3
    assert better.global_reads == plain.global_reads // 8
    assert better.shared_reads == 2 * 16**3
    assert plain.shared_reads == 0
    assert better.shared_writes == better.global_reads
    assert plain.global_writes == better.global_writes == 256
    assert better.global_transactions < plain.global_transactions


def test_atomics_are_counted_apart() -> None:
    def kernel(total: Any) -> None:
        cuda.atomic.add(total, 0, 1)

    report = cudasim.launch(kernel, 2, 40, (np.zeros(1),), measure=True)
    assert report.atomics == 80
    assert report.global_reads == report.global_writes == report.global_transactions == 0
    assert report.coalescing == 1


def test_threads_that_go_around_a_loop_together_are_counted_together() -> None:
    def kernel(out: Any, a: Any, times: Any) -> None:
        i = cuda.grid(1)
        total = 0.0
        for j in range(times):
            total += a[j * 32 + i]
        out[i] = total

    a = np.zeros(32 * 100, np.float32)
    report = cudasim.launch(kernel, 1, 32, (np.zeros(32), a, 100), measure=True)
    assert report.arrays is not None
    assert report.arrays["a"].transactions == 400


def test_each_block_is_counted_anew() -> None:
    def kernel(out: Any, a: Any) -> None:
        i = cuda.threadIdx.x
        if cuda.blockIdx.x == 1 or i == 0:
            out[cuda.grid(1)] = a[i]

    a = np.zeros(32, np.float32)
    report = cudasim.launch(kernel, 2, 32, (np.zeros(64), a), measure=True)
    assert report.arrays is not None
    assert report.arrays["a"].transactions == 1 + 4


def test_measuring_changes_no_result_and_finds_the_same_faults() -> None:
    def kernel(out: Any) -> None:
        out[0] = 1

    with pytest.raises(cudasim.RaceFault):
        cudasim.launch(kernel, 1, 2, (np.zeros(1),), measure=True)


def test_the_table_for_a_student() -> None:
    def kernel(out: Any, a: Any) -> None:
        tile = cuda.shared.array(32, numba.float32)
        i = cuda.threadIdx.x
        tile[i] = a[i]
        out[i] = tile[i]

    a = np.zeros(32, np.float32)
    report = cudasim.launch(kernel, 1, 32, (np.zeros(32, np.float32), a), measure=True)
    assert str(report) == (
        "kernel: grid 1 of blocks 32, 32 threads, 0 barriers\n"
        "  array  memory  reads  writes  atomics  sectors  coalescing  conflicts\n"
        "  a      global     32       0        0        4        100%\n"
        "  tile   shared     32      32        0                               0\n"
        "  out    global      0      32        0        4        100%"
    )


def test_without_measuring_there_are_no_counts() -> None:
    report = cudasim.launch(strided, 1, 4, (np.zeros(4), np.zeros(4), 1))
    assert report.arrays is None
    with pytest.raises(ValueError, match="measure=True"):
        _ = report.global_reads
