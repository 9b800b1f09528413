"""A teaching simulator for CUDA kernels.

It runs a kernel written for `numba.cuda` on the CPU, in Python, with nothing changed, and watches
every access to memory. Where a GPU says nothing, and gives a wrong result on Tuesdays, the
simulator says which threads, which cell and which lines.

A block's threads take turns. Each runs until it comes to a barrier, and then the next one; when
all are there, the next interval begins::

                 interval 0     |    interval 1    |   interval 2
    thread 0   write tile[0]    |  read tile[0..3] |  write out[0]
    thread 1   write tile[1]    |  read tile[0..3] |  write out[1]
    thread 2   write tile[2]    |  read tile[0..3] |  write out[2]
    thread 3   write tile[3]    |  read tile[0..3] |  write out[3]
                          syncthreads()      syncthreads()

Within an interval, a GPU runs the threads in any order or all at once. So a cell that one thread
writes and another touches in the same interval is a *race*, whatever comes out this time. Between
blocks there is no barrier at all.

What is found: races, in shared and in global memory; indices out of bounds; barriers that not
all threads reach; memory read before it was written; launches that are too large. With
`measure=True` the report also counts accesses, sectors of global memory and bank conflicts.

    >>> import numpy as np
    >>> from numba import cuda
    >>> def double(out, a, size):
    ...     i = cuda.grid(1)
    ...     if i < size:
    ...         out[i] = 2 * a[i]
    >>> a = to_device(np.arange(100.0))
    >>> out = empty(100, np.float64)
    >>> report = launch(double, 4, 32, (out, a, 100))
"""

from __future__ import annotations

from .faults import (
    BarrierFault,
    BoundsFault,
    CudaFault,
    LaunchFault,
    RaceFault,
    UninitialisedFault,
)
from .launch import launch
from .memory import DeviceArray, Transfers, counting_transfers, empty, to_device, transfers
from .report import ArrayCounts, Report

__all__ = [
    "ArrayCounts",
    "BarrierFault",
    "BoundsFault",
    "CudaFault",
    "DeviceArray",
    "LaunchFault",
    "RaceFault",
    "Report",
    "Transfers",
    "UninitialisedFault",
    "counting_transfers",
    "empty",
    "launch",
    "to_device",
    "transfers",
]
