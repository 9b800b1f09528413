"""The kernels of windows and of normalisation, between guards, and what they are fused from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from guards import guarded, intact, random, unset
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import BUILDS, close, numbers, tensor

import minitorch
from minitorch import tuned_norm, tuned_pool
from minitorch.errors import ShapeError
from minitorch.kernels.batch_norm import (
    centre_kernel,
    gradient_kernel,
    moments_kernel,
    sums_kernel,
)
from minitorch.kernels.pool import pooling
from minitorch.kernels.windows import (
    maxima_back_kernel,
    maxima_kernel,
    means_back_kernel,
    means_kernel,
)
from minitorch.layers import functional
from minitorch.layers.functional.windows import Unfold, Windows, checked_windows, inside_windows

Array = Any

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
builds = pytest.mark.parametrize("build", BUILDS)


@st.composite
def pools(draw: st.DrawFn, dilated: bool) -> tuple[Windows, tuple[int, int]]:
    """Return windows, and the size of an image on which some of them stand."""
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    padding = draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2))
    apart = (draw(st.integers(1, 3)), draw(st.integers(1, 3))) if dilated else (1, 1)
    least = [d * (k - 1) + 1 for k, d in zip(kernel, apart, strict=True)]
    image = draw(st.integers(least[0], 12)), draw(st.integers(least[1], 40))
    return Windows(kernel, stride, padding, apart, draw(st.booleans())), image


def guarded_index(values: Array) -> tuple[Array, Array]:
    """Return an index, in the middle of a larger array, and that array."""
    around = np.full(values.size + 64, -99, np.int64)
    around[32:-32] = values.ravel()
    return around[32:-32], around


@builds
@dtypes
@given(pool=pools(True), planes=st.integers(1, 5), tied=st.booleans())
def test_maxima(dtype: Any, build: str, pool: Any, planes: int, tied: bool) -> None:
    windows, image = pool
    places = windows.places("test", image)
    input = random(1, planes, *image, dtype=dtype)
    if tied:
        input = np.round(input * 2)
    lines = Unfold.apply(tensor(input), windows, places, -np.inf).numpy()
    lines = np.where(inside_windows(windows, places, image), lines, -np.inf)
    out = unset(planes * places[0] * places[1], dtype)
    index, around = guarded_index(np.zeros(out.size, np.int64))
    maxima_kernel.launch(BUILDS[build], out, index, guarded(input), planes, *image, *places,
                         *windows.kernel, *windows.stride, *windows.padding,
                         *windows.dilation)  # fmt: skip
    np.testing.assert_array_equal(out, lines.max(4).ravel())
    flat = np.arange(image[0] * image[1], dtype=np.float64).reshape(1, 1, *image)
    seen = Unfold.apply(tensor(flat), windows, places, -1.0).numpy()
    first = np.take_along_axis(np.broadcast_to(seen, lines.shape), lines.argmax(4)[..., None], 4)
    np.testing.assert_array_equal(index, first.ravel())
    grad = random(planes, out.size // planes, dtype=dtype, seed=1)
    by_input = unset(input.size, dtype)
    maxima_back_kernel.launch(BUILDS[build], by_input, guarded(grad), index, planes,
                              image[0] * image[1], out.size // planes)  # fmt: skip
    expected = np.zeros((planes, image[0] * image[1]))
    rows = np.arange(planes)[:, None]
    np.add.at(expected, (rows, index.reshape(planes, -1)), grad)
    np.testing.assert_allclose(by_input, expected.ravel(), rtol=1e-5, atol=1e-6)
    intact(out, by_input)
    assert (around[:32] == -99).all()
    assert (around[-32:] == -99).all()


@builds
@dtypes
@given(pool=pools(False), planes=st.integers(1, 5), include_pad=st.booleans())
def test_means(dtype: Any, build: str, pool: Any, planes: int, include_pad: bool) -> None:
    windows, image = pool
    places = windows.places("test", image)
    counts = windows.counts("test", image, include_pad)
    input = random(1, planes, *image, dtype=dtype)
    divisors = np.multiply.outer(*counts).astype(np.float64)
    a = tensor(input.astype(np.float64)).requires_grad_()
    expected = Unfold.apply(a, windows, places, 0.0).sum(4).view(planes, *places) / tensor(divisors)
    out = unset(expected.size, dtype)
    geometry = (*[guarded(n.astype(dtype)) for n in counts], planes, *image, *windows.kernel,
                *windows.stride, *windows.padding)  # fmt: skip
    means_kernel.launch(BUILDS[build], out, guarded(input), *geometry)
    np.testing.assert_allclose(out, expected.numpy().ravel(), rtol=1e-5, atol=1e-6)
    grad = random(planes, *places, dtype=dtype, seed=1)
    expected.backward(grad.astype(np.float64))
    by_input = unset(input.size, dtype)
    means_back_kernel.launch(BUILDS[build], by_input, guarded(grad), *geometry)
    assert a.grad is not None
    np.testing.assert_allclose(by_input, a.grad.numpy().ravel(), rtol=1e-5, atol=1e-6)
    intact(out, by_input)


@builds
@dtypes
@pytest.mark.parametrize("tile", [(5, 2, 2, 9), (3, 4, 4, 5), (4, 3, 5, 7), (2, 1, 1, 3)], ids=str)
def test_the_first_of_a_tile_has_the_gradient(dtype: Any, build: str, tile: Any) -> None:
    bands, height, width, columns = tile
    images = np.round(random(bands, height, columns, width, dtype=dtype) * 2)
    images[0, -1, 0, -1] = np.nan
    lines = images.transpose(0, 2, 1, 3).reshape(bands, columns, height * width)
    grad = random(bands, columns, dtype=dtype, seed=1)
    by_images = unset(images.size, dtype)
    pooling(height, width).first_back.launch(
        BUILDS[build], by_images, guarded(images), guarded(lines.max(2)), guarded(grad), *tile
    )
    expected = np.zeros_like(lines)
    np.put_along_axis(expected, lines.argmax(2)[..., None], grad[..., None], 2)
    expected = expected.reshape(bands, columns, height, width).transpose(0, 2, 1, 3)
    np.testing.assert_array_equal(by_images, expected.ravel())
    intact(by_images)


@builds
@dtypes
@given(batch=st.integers(1, 7), channels=st.integers(1, 140),
       inner=st.sampled_from([1, 2, 3, 17, 70]))  # fmt: skip
def test_normalisation(dtype: Any, build: str, batch: int, channels: int, inner: int) -> None:
    sizes = batch, channels, inner
    work = BUILDS[build]
    input, grad = random(*sizes, dtype=dtype), random(*sizes, dtype=dtype, seed=1)
    exact, slope = input.astype(np.float64), grad.astype(np.float64)
    mean, variance = unset(channels, np.float64), unset(channels, np.float64)
    moments_kernel.launch(work, mean, variance, guarded(input), *sizes)
    np.testing.assert_allclose(mean, exact.mean((0, 2)), rtol=0, atol=1e-14)
    np.testing.assert_allclose(variance, exact.var((0, 2)), rtol=0, atol=1e-14)
    of_grad, of_products = unset(channels, np.float64), unset(channels, np.float64)
    sums_kernel.launch(work, of_grad, of_products, guarded(grad), guarded(input), mean, *sizes)
    off = exact - exact.mean((0, 2), keepdims=True)
    np.testing.assert_allclose(of_grad, slope.sum((0, 2)), rtol=0, atol=1e-12)
    np.testing.assert_allclose(of_products, (slope * off).sum((0, 2)), rtol=0, atol=1e-12)
    factors = [guarded(random(channels, dtype=np.float64, seed=n)) for n in (2, 3, 4)]
    scale, slopes, shift = (f[:, None] for f in factors)
    out, by_input = unset(input.size, dtype), unset(input.size, dtype)
    centre_kernel.launch(work, out, guarded(input), mean, factors[0], factors[2], *sizes)
    gradient_kernel.launch(work, by_input, guarded(grad), guarded(input), mean, *factors, *sizes)
    tolerance = 8 * float(np.finfo(dtype).eps)
    expected = off * scale + shift
    np.testing.assert_allclose(out, expected.ravel(), rtol=0, atol=tolerance)
    expected = slope * scale + off * slopes + shift
    np.testing.assert_allclose(by_input, expected.ravel(), rtol=0, atol=tolerance)
    intact(mean, variance, of_grad, of_products, out, by_input)


def test_compositions_give_way_on_the_tuned_backend() -> None:
    a = tensor(numbers(1, 2, 4, 4), backend="tuned").requires_grad_(True)
    weight = tensor(numbers(1, 2, 2, 2), backend="tuned")
    made = {
        "TileMaxima": functional.max_pool2d(a, 2),
        "WindowMaxima": functional.max_pool2d(a, 3, 1),
        "AvgPool2d": functional.avg_pool2d(a, 2),
        "WindowMeans": functional.avg_pool2d(a, 2, 1),
        "BatchNorm": functional.batch_norm(a, None, None, training=True),
        "StridedConvolution": functional.conv2d(a, weight, stride=2),
        "Convolution": functional.conv2d(a, weight),
    }
    for name, out in made.items():
        assert out.history is not None
        assert out.history.last_fn is not None
        assert out.history.last_fn.__name__ == name


def test_shapes_that_do_not_fit_are_refused() -> None:
    a = tensor(numbers(1, 2, 5, 4), backend="tuned")
    statistics = np.zeros(2), np.ones(2)
    strided = minitorch.tuned_products.StridedConvolution
    weight = tensor(numbers(3, 2, 2, 2), backend="tuned")
    none = ((0, 0), (0, 0))
    for call in (
        lambda: tuned_pool.TileMaxima.apply(a, (2, 2)),
        lambda: tuned_pool.WindowMaxima.apply(a, checked_windows("max", 6, 1, 0, 1, False)),
        lambda: tuned_pool.WindowMeans.apply(a, checked_windows("mean", 6, 1, 0, 1, False), True),
        lambda: tuned_norm.BatchNorm.apply(a, tensor(np.ones(3)), None, *statistics, 0.1, True),
        lambda: tuned_norm.BatchNorm.apply(a, None, None, np.zeros(3), np.ones(3), 0.1, False),
        lambda: strided.apply(a, weight, None, none, False, (1, 1), (5, 1)),
        lambda: strided.apply(a, weight, None, ((-1, 0), (0, 0)), False, (1, 1), (2, 1)),
        lambda: strided.apply(a, weight[:, :1], None, none, False, (2, 1), (1, 1)),
        lambda: strided.apply(a, weight, tensor(np.ones(2)), none, False, (2, 1), (1, 1)),
    ):
        with pytest.raises(ShapeError):
            call()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (2, 3, 2, 3)], ids=str)
def test_fused_normalisation_equals_the_composition(shape: Any, training: bool) -> None:
    results = []
    for backend in ("fast", "tuned"):
        # Operands of both dtypes, and statistics that are views.
        a = tensor(numbers(*shape, dtype=np.float32), "permuted", backend).requires_grad_()
        more = [tensor(numbers(3, seed=n), "stepped", backend).requires_grad_() for n in (1, 2)]
        running = [tensor(np.ones(3), "stepped", backend) for _ in range(2)]
        out = functional.batch_norm(a, *running, *more, training=training)
        out.backward(numbers(*shape, seed=3) / 9)
        grads = [t.grad.numpy() for t in (a, *more) if t.grad is not None]
        assert len(grads) == 3
        results.append([out.numpy(), *grads, *[t.numpy() for t in running]])
    for mine, other in zip(*results, strict=True):
        assert mine.dtype == other.dtype
        close(mine.astype(np.float32), other.astype(np.float32))
