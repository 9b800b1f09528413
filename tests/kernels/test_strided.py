"""Convolutions with strides and dilation, at all their edges, between guards; see `guards.py`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from guards import agree, guarded, intact, random, unset
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import BUILDS

from minitorch.kernels.conv import convolution_plan
from minitorch.kernels.conv_strided import (
    laid_sizes,
    strided_backward_kernel,
    strided_kernel,
    taps_in_phases,
)
from minitorch.kernels.machine import TILES, best_tile

Array = Any

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
builds = pytest.mark.parametrize("build", BUILDS)


class Case(NamedTuple):
    """A convolution: the pairs are for rows and columns."""

    batch: int
    channels: int
    out_channels: int
    image: tuple[int, ...]
    before: tuple[int, ...]
    out: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def taps(self) -> list[Any]:
        return [taps_in_phases(*axis) for axis in zip(*self[6:], strict=True)]

    @property
    def geometry(self) -> tuple[Any, ...]:
        """Return it as the kernels take it."""
        rows, columns = self.taps
        return (self.batch, self.channels, *self.image, *self.before, self.out_channels, *self.out,
                *self.stride, *rows, *columns)  # fmt: skip

    def windows(self, images: Array) -> list[tuple[tuple[int, int], Array]]:
        """Return each tap and what it sees of padded images, a view."""
        (rows, columns), (step, across) = self.out, self.stride
        found = []
        for i, j in np.ndindex(*self.kernel):
            y, x = i * self.dilation[0], j * self.dilation[1]
            down = slice(y, y + (rows - 1) * step + 1, step)
            right = slice(x, x + (columns - 1) * across + 1, across)
            found.append(((i, j), images[..., down, right]))
        return found

    def padded(self, images: Array) -> tuple[Array, Array]:
        """Return images with zeros around, and the view of it where the images are."""
        ends = zip(self.out, self.stride, self.kernel, self.dilation, strict=True)
        reach = [(n - 1) * step + (k - 1) * apart + 1 for n, step, k, apart in ends]
        most = [max(r, b + n) for r, b, n in zip(reach, self.before, self.image, strict=True)]
        around = np.zeros((self.batch, self.channels, *most))
        (top, left), (height, width) = self.before, self.image
        inside = around[..., top : top + height, left : left + width]
        inside[:] = images
        return around, inside


@st.composite
def cases(draw: st.DrawFn) -> Case:
    def pair(least: int, most: int) -> tuple[int, ...]:
        return draw(st.integers(least, most)), draw(st.integers(least, most))

    kernel, stride, dilation = pair(1, 4), pair(1, 4), pair(1, 3)
    before, behind = pair(0, 4), pair(0, 4)
    image, out = [], []
    for k, step, apart, b, a, most in zip(
        kernel, stride, dilation, before, behind, (9, 30), strict=True
    ):
        size = max(draw(st.integers(1, most)), apart * (k - 1) + 1 - b - a)
        image.append(size)
        out.append((size + b + a - apart * (k - 1) - 1) // step + 1)
    outer = draw(st.one_of(st.integers(1, 9), st.integers(17, 26)))
    return Case(draw(st.integers(1, 7)), draw(st.integers(1, 9)), outer, tuple(image), before,
                tuple(out), kernel, stride, dilation)  # fmt: skip


def plan(draw: Any, case: Case, sizes: tuple[int, int], turned: bool, itemsize: int) -> Any:
    """Return the plan for images of `sizes`, or another as good."""
    channels, outer = case.channels, case.out_channels
    if turned:
        channels, outer = outer, channels
    if draw(st.booleans()):
        taps = channels * case.kernel[0] * case.kernel[1]
        return convolution_plan(case.batch, channels, *sizes, outer, taps, itemsize)
    stack = draw(st.integers(1, case.batch))
    parts = draw(st.integers(1, -(-case.batch // stack)))
    return stack, parts, draw(st.integers(0, len(TILES) - 1)), draw(st.integers(1, sizes[0]))


@builds
@dtypes
@given(case=cases(), biased=st.booleans(), relu=st.booleans(), data=st.data())
def test_convolution(
    dtype: Any, build: str, case: Case, biased: bool, relu: bool, data: Any
) -> None:
    sizes: Any = tuple([n + int(t.shift[-1]) for n, t in zip(case.out, case.taps, strict=True)])
    how = plan(data.draw, case, sizes, False, np.dtype(dtype).itemsize)
    input = random(case.batch, case.channels, *case.image, dtype=dtype)
    weight = random(case.out_channels, case.channels, *case.kernel, dtype=dtype, seed=1)
    bias = random(case.out_channels if biased else 0, dtype=dtype, seed=2)
    shape = (case.batch, case.out_channels, *case.out)
    out = unset(int(np.prod(shape)), dtype)
    strided_kernel.launch(BUILDS[build], out, guarded(input), guarded(weight), guarded(bias), relu,
                          *case.geometry, *how)  # fmt: skip
    expected = np.zeros(shape)
    for tap, seen in case.windows(case.padded(input)[0]):
        expected += np.einsum("bcij,oc->boij", seen, weight[(..., *tap)].astype(np.float64))
    if biased:
        expected += bias[:, None, None]
    if relu:
        expected = np.maximum(expected, 0)
    agree(out, expected, weight[0].size, (case, how))
    intact(out)


@builds
@dtypes
@given(case=cases(), masked=st.booleans(), wanted=st.sampled_from([1, 2, 3]), data=st.data())
def test_gradients(
    dtype: Any, build: str, case: Case, masked: bool, wanted: int, data: Any
) -> None:
    rows, columns = case.taps
    laid = laid_sizes(*case.image, *case.before, *case.out, *case.stride, rows.shift, columns.shift)
    how = plan(data.draw, case, laid, True, np.dtype(dtype).itemsize)
    sides = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 60)))
    weight_tile = best_tile(*sides, np.dtype(dtype).itemsize)
    input = random(case.batch, case.channels, *case.image, dtype=dtype)
    weight = random(case.out_channels, case.channels, *case.kernel, dtype=dtype, seed=1)
    grad = random(case.batch, case.out_channels, *case.out, dtype=dtype, seed=2)
    mask = random(*grad.shape if masked else (0,), dtype=dtype, seed=3)
    by_input = unset(input.size if wanted & 1 else 0, dtype)
    by_weight, by_bias = unset(weight.size if wanted & 2 else 0, dtype), unset(len(weight), dtype)
    strided_backward_kernel.launch(
        BUILDS[build], by_input, by_weight, by_bias, guarded(grad), guarded(mask), guarded(input),
        guarded(weight), *case.geometry, *laid, *how, weight_tile,
    )  # fmt: skip
    slope = np.where(mask > 0, grad, 0).astype(np.float64) if masked else grad.astype(np.float64)
    if wanted & 1:
        around, inside = case.padded(np.zeros(input.shape))
        for tap, seen in case.windows(around):
            seen += np.einsum("boij,oc->bcij", slope, weight[(..., *tap)])
        agree(by_input, inside, weight[:, 0].size, (case, how))
    if wanted & 2:
        expected = np.zeros(weight.shape)
        for tap, seen in case.windows(case.padded(input)[0]):
            expected[(..., *tap)] = np.einsum("boij,bcij->oc", slope, seen)
        agree(by_weight, expected, grad[:, 0].size, (case, how))
        agree(by_bias, slope.sum((0, 2, 3)), grad[:, 0].size, (case, how))
    intact(by_input, by_weight, by_bias)


@given(size=st.integers(1, 9), stride=st.integers(1, 5), dilation=st.integers(1, 5))
def test_taps_are_in_their_phases(size: int, stride: int, dilation: int) -> None:
    taps = taps_in_phases(size, stride, dilation)
    places = taps.phases[taps.number] + taps.shift * stride
    assert places.tolist() == list(range(0, size * dilation, dilation))
    assert taps.phases.max() < stride
    assert set(taps.number) == set(range(len(taps.phases)))
