"""What the tests of CUDA kernels share: where they run, and kernels launched on numpy arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from kernel_cases import laid_out

from minitorch import cuda_target
from minitorch.cuda_target import CudaKernel
from minitorch.tensor_data import TensorData

Array = Any

# Every test of a kernel runs on the simulator, and where there is a GPU on it too.
PLACES = ["simulator", pytest.param("gpu", marks=pytest.mark.cuda)]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """Take device memory in a place, so that kernels run there."""
    with cuda_target.using(request.param):
        yield request.param


def on_device(array: Array) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    """Return a numpy array of any layout as storage, shape and strides of a kernel."""
    data = TensorData.from_array(array)
    shape, strides = data.shape or (1,), data.strides or (0,)
    return cuda_target.to_device(data._storage), shape, strides


def empty(layout: str, shape: tuple[int, ...], dtype: Any = np.float64) -> Array:
    """Return an array of NaN to be filled."""
    return laid_out(layout, np.full(shape, np.nan, dtype))


def launched(
    kernel: CudaKernel, blocks: Any, threads: Any, out: Array, *operands: Array, more: Any = ()
) -> Array:
    """Run a kernel of the course on numpy arrays of any layout, and return `out`, filled.

    Checks also that nothing was written beside `out`, where that lies in a larger storage.
    """
    storage, shape, strides = on_device(out)
    arguments = [part for operand in operands for part in on_device(operand)]
    kernel[blocks, threads](storage, shape, strides, math.prod(shape), *arguments, *more)
    data = TensorData.from_array(out)
    data._storage[...] = storage.copy_to_host()
    if out.base is not None and out.base.size > out.size:
        kept, out[...] = out.copy(), np.nan
        assert np.isnan(out.base).all(), "the kernel wrote outside of its output"
        out[...] = kept
    return out
