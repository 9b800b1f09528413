"""The list of all CUDA kernels, each with the types of arguments that it is launched with.

Without a GPU nothing shows that a kernel compiles, and on a GPU only of those that happen to run;
the tests go through this list, and so does `python -m benchmarks.cuda_kernels`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import boolean, float64, int64

from . import cuda_conv, cuda_memory, cuda_ops, cuda_pool
from .backends import TensorBackend, TensorOps
from .cuda_target import CudaKernel
from .kernels.cuda_conv import convolution_kernel
from .kernels.cuda_elementwise import map_kernels, zip_kernels
from .kernels.cuda_matmul import product_kernel
from .kernels.cuda_reduce import line_kernel
from .kernels.cuda_tiles import tiles_for

__all__ = ["KernelCase", "kernel_cases"]

_types: Any = numba.types


class KernelCase(NamedTuple):
    """A kernel and Numba's types of its arguments, for an output of so many dimensions."""

    name: str
    dtype: str
    dims: int
    kernel: CudaKernel
    argument_types: tuple[Any, ...]


def _sizes(dims: int) -> Any:
    """Return the type of a shape, or of strides, as kernels take them."""
    return _types.UniTuple(int64, dims)


def _scalar_functions() -> dict[str, list[Callable[..., float]]]:
    """Return the functions that a backend maps, zips and reduces with."""
    found: dict[str, dict[Callable[..., float], None]] = {"map": {}, "zip": {}, "reduce": {}}

    def noting(kind: str) -> Any:
        return staticmethod(lambda fn, *start: found[kind].setdefault(fn))

    parts = {kind: noting(kind) for kind in found}
    TensorBackend(type("Noting", (TensorOps,), {**parts, "cmap": parts["map"]}))
    return {kind: list(functions) for kind, functions in found.items()}


def _of_functions(dtype: str) -> Iterator[KernelCase]:
    """Yield the course's kernels that are made of scalar functions, for 1-D and 3-D tensors."""
    storage = getattr(numba, dtype)[::1]

    def tensor(dims: int) -> tuple[Any, ...]:
        return storage, _sizes(dims), _sizes(dims)

    functions = _scalar_functions()
    # What is broadcast may have fewer dimensions than the output.
    for dims, fewer in ((3, 2), (1, 1)):
        out = (*tensor(dims), int64)
        for fn in functions["map"]:
            kernel = cuda_ops.tensor_map(fn)
            types = *out, *tensor(fewer)
            yield KernelCase(f"map {fn.__name__}", dtype, dims, kernel, types)
        for fn in functions["zip"]:
            kernel = cuda_ops.tensor_zip(fn)
            types = *out, *tensor(dims), *tensor(fewer)
            yield KernelCase(f"zip {fn.__name__}", dtype, dims, kernel, types)
        for fn in functions["reduce"]:
            kernel = cuda_ops.tensor_reduce(fn)
            types = *out, *tensor(dims), int64, float64
            yield KernelCase(f"reduce {fn.__name__}", dtype, dims, kernel, types)


def _others(dtype: str) -> Iterator[KernelCase]:
    """Yield the kernels that are there once, each for one number of dimensions."""
    storage, places = getattr(numba, dtype)[::1], int64[::1]
    matrices, images = ((storage, _sizes(dims), _sizes(dims)) for dims in (3, 4))
    # Height and width of images, how many windows, and the eight numbers of a window.
    geometry = _sizes(2), _sizes(2), _sizes(8)
    given: list[tuple[CudaKernel, int, tuple[Any, ...]]] = [
        (cuda_memory.fill_kernel, 1, (storage, float64, int64)),
        (cuda_memory.take_kernel, 1, (storage, storage, places, int64)),
        (cuda_memory.put_kernel, 1, (storage, places, storage, int64)),
        (cuda_memory.put_add_kernel, 1, (storage, places, storage, int64)),
        (
            cuda_memory.arg_extreme_kernel,
            1,
            (places, storage, places, int64, int64, float64, int64),
        ),
        (cuda_ops.sum_practice_kernel, 1, (storage, storage, int64)),
        (cuda_ops.mm_practice_kernel, 2, (storage, storage, storage, int64)),
        (cuda_ops.tensor_matrix_multiply, 3, (*matrices, int64, *matrices, *matrices)),
        (cuda_conv.tensor_conv2d, 4, (*images, int64, *images, *images, boolean)),
        (cuda_conv.tensor_avgpool2d, 4, (*images, int64, storage, _sizes(4), int64, int64)),
        (cuda_pool.maxima_kernel, 4, (storage, places, storage, *geometry, int64)),
        (cuda_pool.maxima_back_kernel, 4, (storage, storage, places, *geometry, int64)),
        (cuda_pool.means_kernel, 4, (storage, storage, *geometry, boolean, int64)),
        (cuda_pool.means_back_kernel, 4, (storage, storage, *geometry, boolean, int64)),
    ]
    for kernel, dims, types in given:
        yield KernelCase(kernel.body.__name__.lstrip("_"), dtype, dims, kernel, types)


def _tuned_of_functions(dtype: str) -> Iterator[KernelCase]:
    """Yield the fast kernels that are made of scalar functions."""
    storage, number = getattr(numba, dtype)[::1], np.dtype(dtype)
    functions = _scalar_functions()
    for kind, makers, operands in (("map", map_kernels, 1), ("zip", zip_kernels, 2)):
        for fn in functions[kind]:
            straight, spread = makers(fn, *[number] * operands)
            name = f"tuned {kind} {fn.__name__}"
            types = (storage,) * (1 + operands) + (int64,)
            yield KernelCase(name, dtype, 1, straight, types)
            # Sizes, factors and shifts, and for each operand the steps.
            types += (_sizes(3),) * (3 + operands)
            yield KernelCase(f"{name}, spread", dtype, 3, spread, types)
    for fn in functions["reduce"]:
        kernel = line_kernel(fn, number)
        # Of a line that several blocks share, the results are kept in double precision.
        for out, name in ((storage, ""), (float64[::1], ", parts")):
            types = out, storage, int64, int64, int64, float64, int64, int64
            yield KernelCase(f"tuned reduce {fn.__name__}{name}", dtype, 3, kernel, types)


def _tuned_products(dtype: str) -> Iterator[KernelCase]:
    """Yield the fast matrix products and convolutions, for each size of tiles."""
    storage, number = getattr(numba, dtype)[::1], np.dtype(dtype)
    for tile in tiles_for(number.itemsize):
        name = f"{tile.rows} x {tile.columns}"
        operand: tuple[Any, ...] = (storage, _sizes(3))
        types = *operand * 3, _sizes(3), int64, int64
        kernel = product_kernel(number, tile)
        yield KernelCase(f"tuned product {name}", dtype, 3, kernel, types)
        operand = (storage, _sizes(4), _sizes(4))
        types = *operand * 3, int64, _sizes(3), _sizes(3), int64, int64
        kernel = convolution_kernel(number, tile)
        yield KernelCase(f"tuned convolution {name}", dtype, 4, kernel, types)


def kernel_cases(dtype: str) -> list[KernelCase]:
    """Return every kernel of the library, for tensors of a dtype, "float32" or "float64"."""
    parts = _of_functions, _others, _tuned_of_functions, _tuned_products
    return [case for part in parts for case in part(dtype)]
