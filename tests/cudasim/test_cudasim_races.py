"""Races on the simulator: each is found in every order, and told with both threads and lines."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from numba import cuda

from minitorch import cudasim
from minitorch.cudasim import RaceFault

orders = pytest.mark.parametrize("order", ["forward", "backward", 0, 1])
ALL_ORDERS: list[Any] = ["forward", "backward", 0, 1]


def line_of(kernel: Any, offset: int) -> str:
    return f"test_cudasim_races.py:{kernel.__code__.co_firstlineno + offset}"


def write_then_read(out: Any) -> None:
    tile = cuda.shared.array(8, numba.float64)
    i = cuda.threadIdx.x
    tile[i] = i
    out[i] = tile[7 - i]


def read_then_write(out: Any) -> None:
    tile = cuda.shared.array(8, numba.float64)
    i = cuda.threadIdx.x
    tile[i] = i
    cuda.syncthreads()
    x = tile[(i + 1) % 8]
    tile[i] = x
    cuda.syncthreads()
    out[i] = tile[i]


@orders
@pytest.mark.parametrize("kernel", [write_then_read, read_then_write])
def test_a_missing_barrier(kernel: Any, order: Any) -> None:
    with pytest.raises(RaceFault, match=f"{kernel.__name__}: race on shared array tile") as caught:
        cudasim.launch(kernel, 1, 8, (np.zeros(8),), order=order)
    assert caught.value.array == "tile"
    two = "the write and the read" if kernel is write_then_read else "the two"
    assert f"call cuda.syncthreads() between {two}, in all threads" in str(caught.value)


def test_the_message_of_a_write_before_a_read() -> None:
    def kernel(out: Any) -> None:
        tile = cuda.shared.array((2, 4), numba.float64)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        tile[y, x] = x
        cuda.syncthreads()
        if x == 3:
            tile[0, 3] = y
        if x == 0 and y == 1:
            out[0] = tile[0, 3]

    cudasim.launch(kernel, (1, 1), (4, 1), (np.zeros(1),))
    with pytest.raises(RaceFault) as caught:
        cudasim.launch(kernel, (1, 1), (4, 2), (np.zeros(1),), order="backward")
    assert str(caught.value) == (
        "kernel: race on shared array tile\n"
        f"  thread (0, 1) of block (0, 0) reads tile[0, 3] at {line_of(kernel, 8)}\n"
        f"  thread (3, 1) of block (0, 0) writes it at {line_of(kernel, 6)}, "
        "with no barrier between the two\n"
        "help: call cuda.syncthreads() between the two, in all threads of the block; in a loop, "
        "also after the read and before the next write"
    )
    assert caught.value.places == (line_of(kernel, 8), line_of(kernel, 6))


def test_the_message_of_a_read_before_a_write() -> None:
    with pytest.raises(RaceFault) as caught:
        cudasim.launch(read_then_write, 1, 8, (np.zeros(8),))
    assert str(caught.value).splitlines()[1:3] == [
        f"  thread 1 of block 0 writes tile[1] at {line_of(read_then_write, 6)}",
        f"  thread 0 of block 0 reads it at {line_of(read_then_write, 5)}, "
        "with no barrier between the two",
    ]


@orders
def test_writes_of_the_same_value_race(order: Any) -> None:
    def kernel(flag: Any) -> None:
        flag[0] = 1

    with pytest.raises(RaceFault, match="race on global array flag") as caught:
        cudasim.launch(kernel, 1, 2, (np.zeros(1),), order=order)
    assert "let only one thread write a cell" in str(caught.value)


@orders
@pytest.mark.parametrize("reader", [0, 1, 2])
def test_blocks_race_whatever_barriers_they_have(reader: int, order: Any) -> None:
    def kernel(out: Any, a: Any) -> None:
        if cuda.blockIdx.x == reader:
            out[0] = a[0]
        cuda.syncthreads()
        if cuda.blockIdx.x == 1 and reader != 1:
            a[0] = 1
        if cuda.blockIdx.x == 0 and reader == 1:
            a[0] = 1

    with pytest.raises(RaceFault, match="race on global array a") as caught:
        cudasim.launch(kernel, 3, 1, (np.zeros(1), np.zeros(1)), order=order)
    assert "blocks run in any order" in str(caught.value)


@orders
def test_blocks_that_write_one_cell_race(order: Any) -> None:
    def kernel(out: Any) -> None:
        out[0] = 1

    with pytest.raises(RaceFault, match="nothing says which comes first"):
        cudasim.launch(kernel, 2, 1, (np.zeros(1),), order=order)


@orders
@pytest.mark.parametrize("blocks", [1, 2])
def test_an_atomic_races_with_what_is_not(blocks: int, order: Any) -> None:
    def kernel(out: Any, a: Any) -> None:
        i = cuda.grid(1)
        if i == 0:
            out[0] = a[0]
        else:
            cuda.atomic.add(a, 0, 1)

    with pytest.raises(RaceFault, match="atomically changes") as caught:
        cudasim.launch(kernel, blocks, 4 // blocks, (np.zeros(1), np.zeros(1)), order=order)
    assert "cuda.atomic" in str(caught.value)


@orders
def test_two_names_of_one_memory_race(order: Any) -> None:
    def kernel(out: Any, a: Any) -> None:
        i = cuda.grid(1)
        out[i] = a[(i + 1) % 4]

    memory = cudasim.to_device(np.zeros(8))
    with pytest.raises(RaceFault):
        cudasim.launch(kernel, 1, 4, (memory[0:4], memory[0:4]), order=order)
    with pytest.raises(RaceFault):
        cudasim.launch(kernel, 1, 4, (memory[2:6], memory[0:4]), order=order)
    cudasim.launch(kernel, 1, 4, (memory[4:8], memory[0:4]), order=order)
    array = np.zeros(4)
    with pytest.raises(RaceFault):
        cudasim.launch(kernel, 1, 4, (array, array), order=order)


@orders
def test_a_barrier_of_a_warp_does_not_join_two_warps(order: Any) -> None:
    def kernel(out: Any, distance: Any) -> None:
        tile = cuda.shared.array(64, numba.float64)
        i = cuda.threadIdx.x
        tile[i] = i
        cuda.syncwarp()
        out[i] = tile[i ^ distance]

    cudasim.launch(kernel, 1, 64, (np.zeros(64), 16), order=order)
    with pytest.raises(RaceFault):
        cudasim.launch(kernel, 1, 64, (np.zeros(64), 32), order=order)


@orders
def test_reads_before_a_barrier_of_another_warp_are_not_forgotten(order: Any) -> None:
    def kernel(out: Any) -> None:
        tile = cuda.shared.array(64, numba.float64)
        i = cuda.threadIdx.x
        tile[i] = i
        cuda.syncthreads()
        x = tile[0]
        cuda.syncwarp()
        if i == 33:
            tile[0] = x
        out[i] = x

    with pytest.raises(RaceFault, match="race on shared array tile"):
        cudasim.launch(kernel, 1, 64, (np.zeros(64),), order=order)


@orders
@pytest.mark.parametrize("writer", [0, 1])
def test_what_was_read_before_a_barrier_too(writer: int, order: Any) -> None:
    def kernel(out: Any, a: Any) -> None:
        i = cuda.threadIdx.x
        x = a[0]
        cuda.syncthreads()
        x += a[0]
        if i == writer:
            a[0] = x
        out[i] = x

    with pytest.raises(RaceFault, match="race on global array a"):
        cudasim.launch(kernel, 1, 4, (np.zeros(4), np.zeros(1)), order=order)


@orders
def test_what_was_read_before_a_barrier_of_the_warp_too(order: Any) -> None:
    def kernel(out: Any, a: Any, place: Any) -> None:
        i = cuda.threadIdx.x
        x = a[0]
        cuda.syncwarp()
        x += a[0]
        if cuda.atomic.add(place, 0, 1) == 3:  # the last that reads
            a[0] = x
        out[i] = x

    args = (np.zeros(4), np.zeros(1), np.zeros(1))
    with pytest.raises(RaceFault, match="race on global array a"):
        cudasim.launch(kernel, 1, 4, args, order=order)


@orders
def test_a_read_races_with_the_atomics_of_another_warp(order: Any) -> None:
    def kernel(out: Any, a: Any, warp: Any) -> None:
        i = cuda.threadIdx.x
        cuda.atomic.add(a, 0, 1)
        cuda.syncwarp()
        if i == 32 * warp:
            out[0] = a[0]

    for warp in range(2):
        with pytest.raises(RaceFault, match="atomically changes it"):
            cudasim.launch(kernel, 1, 64, (np.zeros(1), np.zeros(1), warp), order=order)


@orders
def test_a_write_races_with_atomics_of_its_block(order: Any) -> None:
    def kernel(a: Any) -> None:
        if cuda.threadIdx.x == 0:
            a[0] = 1
        else:
            cuda.atomic.add(a, 0, 1)

    with pytest.raises(RaceFault, match="atomically changes"):
        cudasim.launch(kernel, 1, 4, (np.zeros(1),), order=order)


@orders
@pytest.mark.parametrize("writer", [0, 32])
def test_a_write_after_a_read_of_its_own_and_one_of_another_warp(writer: int, order: Any) -> None:
    def kernel(out: Any, a: Any) -> None:
        i = cuda.threadIdx.x
        out[i] = a[0]
        cuda.syncwarp()
        if i == writer:
            a[0] = a[0] + 1

    with pytest.raises(RaceFault, match="race on global array a"):
        cudasim.launch(kernel, 1, 64, (np.zeros(64), np.zeros(1)), order=order)


def test_collecting_sees_every_read_of_a_changed_cell() -> None:
    def kernel(out: Any, a: Any) -> None:
        i = cuda.threadIdx.x
        if i == 0:
            a[0] = 1
        out[i] = a[0]

    args = (np.zeros(8), np.zeros(1))
    report = cudasim.launch(kernel, 1, 8, args, on_fault="collect")
    assert [fault.times for fault in report.faults] == [7]


def test_collecting_sees_a_write_between_reads() -> None:
    def kernel(out: Any, a: Any) -> None:
        i = cuda.threadIdx.x
        if i < 2:
            out[i] = a[0]
        elif i == 2:
            a[0] = 1
        else:
            out[i] = a[0]

    report = cudasim.launch(kernel, 1, 4, (np.zeros(4), np.zeros(1)), on_fault="collect")
    lines = [line_of(kernel, offset) for offset in (5, 3, 7, 5)]
    assert [fault.places for fault in report.faults] == [tuple(lines[:2]), tuple(lines[2:])]


@orders
def test_collecting_calls_a_read_before_a_write_a_race_only(order: Any) -> None:
    report = cudasim.launch(write_then_read, 1, 8, (np.zeros(8),), on_fault="collect", order=order)
    assert [type(fault) for fault in report.faults] == [RaceFault]
    assert report.faults[0].times == 8


def test_collecting_tells_each_pair_of_lines_once() -> None:
    report = cudasim.launch(read_then_write, 1, 8, (np.zeros(8),), on_fault="collect")
    (fault,) = report.faults
    assert isinstance(fault, RaceFault)
    assert fault.times == 8
    assert "(8 times at the same place)" in str(report)


def test_shared_arrays_without_a_name_are_told_by_their_line() -> None:
    def kernel(out: Any) -> None:
        tiles = [cuda.shared.array(1, numba.float64)]
        tiles[0][0] = 1
        out[cuda.threadIdx.x] = 1

    with pytest.raises(RaceFault, match=f"shared array made at {line_of(kernel, 1)}"):
        cudasim.launch(kernel, 1, 2, (np.zeros(2),))


def test_reading_the_same_cell_and_writing_different_cells_is_no_race() -> None:
    def kernel(out: Any, a: Any) -> None:
        i = cuda.grid(1)
        out[i] = a[0] + a[i]
        out[i] += 1

    for order in ALL_ORDERS:
        cudasim.launch(kernel, 2, 4, (np.zeros(8), np.zeros(8)), order=order)
