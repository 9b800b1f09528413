"""What the tests of kernels share: operands in awkward layouts, and oracles in plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch.backends import get_backend
from minitorch.errors import BackendError
from minitorch.jit import PARALLEL_FROM, Kernel
from minitorch.tensor_data import TensorData

Array = Any

# How the elements may lie in memory; all but "permuted" in a larger storage that holds NaN
# everywhere else, so that what is read from or written to the wrong place is seen.
LAYOUTS = ("contiguous", "permuted", "sliced", "stepped")

# The amount of work that a kernel is told of, which decides which of its builds runs.
BUILDS = {"serial": 0, "parallel": PARALLEL_FROM}


def is_known(backend: str) -> bool:
    """Return whether there is a backend of that name."""
    try:
        get_backend(backend)
    except BackendError:
        return False
    return True


# The tests of all backends run on these: a new one is added here. The longest run on those in the
# host's memory only; the simulator of CUDA would take minutes for them.
HOST_BACKENDS = [name for name in ("simple", "fast", "tuned") if is_known(name)]
BACKENDS = [*HOST_BACKENDS, pytest.param("cuda", marks=pytest.mark.slow)]


def numbers(*shape: int, dtype: Any = np.float64, seed: int = 0) -> Array:
    """Return random numbers, all different, as a numpy array."""
    rng = np.random.default_rng([seed, *shape])
    values = np.arange(np.prod(shape, dtype=int)) * 0.37 - 3.0
    return rng.permutation(values + rng.uniform(0, 0.3, values.shape)).reshape(shape).astype(dtype)


def laid_out(layout: str, array: Array) -> Array:
    """Return the numbers of `array` as a view with another layout in memory."""
    if layout == "permuted":
        return array.T.copy().T
    if layout == "sliced":
        around = np.full([n + 2 for n in array.shape], np.nan, array.dtype)
        view = around[(..., *[slice(1, -1)] * array.ndim)]
    elif layout == "stepped":
        around = np.full([2 * n for n in array.shape], np.nan, array.dtype)
        view = around[(..., *[slice(None, None, 2)] * array.ndim)]
    else:
        # Room behind it, where a kernel that goes too far does no harm and is found out.
        around = np.full(2 * array.size + 64, np.nan, array.dtype)
        view = around[: array.size].reshape(array.shape)
    view[...] = array
    return view


def tensor(array: Array, layout: str = "contiguous", backend: str = "fast") -> minitorch.Tensor:
    """Return a tensor of these numbers, which lie in memory as `layout` says."""
    return minitorch.from_numpy(laid_out(layout, np.asarray(array)), backend=backend)


def filled(
    kernel: Kernel, build: str, out: Array, *operands: Array, more: tuple[Any, ...] = ()
) -> Array:
    """Run a kernel on numpy arrays of any layout, and return `out`, which it filled.

    Checks also that nothing was written beside `out`, where that lies in a larger storage.
    """
    around = out.base if out.base is not None and out.base.size > out.size else None
    arguments = [part for a in operands for part in TensorData.from_array(a).tuple()]
    target = TensorData.from_array(out).tuple()
    kernel.launch(BUILDS[build], *target, *arguments, *more)
    if around is not None:
        kept, out[...] = out.copy(), np.nan
        assert np.isnan(around).all(), "the kernel wrote outside of its output"
        out[...] = kept
    return out


def convolution(
    input: Array, weight: Array, reverse: bool = False, sizes: tuple[int, ...] | None = None
) -> Array:
    """Return the convolution in plain loops over the places of the output and the taps.

    Args:
        input: (batch, in_channels, *image)
        weight: (out_channels, in_channels, *kernel)
        reverse: anchor the weight at its last corner instead of its first.
        sizes: the output's image, by default the input's.
    """
    image = input.shape[2:]
    sizes = image if sizes is None else sizes
    out = np.zeros((len(input), len(weight), *sizes), np.result_type(input, weight))
    for place in np.ndindex(sizes):
        for tap in np.ndindex(weight.shape[2:]):
            at = tuple(p - t if reverse else p + t for p, t in zip(place, tap, strict=True))
            if all(0 <= a < n for a, n in zip(at, image, strict=True)):
                out[(..., *place)] += input[(..., *at)] @ weight[(..., *tap)].T
    return out


def tiles(images: Array, kernel: tuple[int, int]) -> Array:
    """Return (batch, channel, rows of tiles, columns of tiles, tile height, tile width)."""
    height, width = images.shape[2] // kernel[0], images.shape[3] // kernel[1]
    out = np.empty((*images.shape[:2], height, width, *kernel), images.dtype)
    for row in range(height):
        for column in range(width):
            top, left = row * kernel[0], column * kernel[1]
            out[:, :, row, column] = images[:, :, top : top + kernel[0], left : left + kernel[1]]
    return out


def close(actual: Any, expected: Array) -> None:
    """Check shape, dtype and numbers, to the precision of the dtype; NaN equals NaN."""
    got = actual.to_numpy() if isinstance(actual, minitorch.Tensor) else actual
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    tolerance = 1e-4 if expected.dtype == np.float32 else 1e-10
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
