"""The kernels on vector instructions, at all their edges, between guards; see `guards.py`."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from guards import agree, guarded, intact, random, unset
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import BUILDS
from product_cases import geometries, images_gradient, windows

from minitorch.jit import Kernel
from minitorch.kernels.conv import convolution_kernel, convolution_plan
from minitorch.kernels.conv_backward import convolution_backward_kernel
from minitorch.kernels.dots import add_dot_products
from minitorch.kernels.machine import (
    COLUMN_BLOCK,
    DEPTH_BLOCK,
    DOT_TILE,
    ROW_BLOCK,
    TILES,
    VECTOR_BYTES,
    best_tile,
)
from minitorch.kernels.matmul import multiply, product_kernel
from minitorch.kernels.micro import accumulate_tile
from minitorch.kernels.packing import pack, pack_views, transpose_kernel
from minitorch.kernels.rows import copy_row, copy_row_where_positive, finish_row

Array = Any

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
builds = pytest.mark.parametrize("build", BUILDS)


def lanes(dtype: Any) -> int:
    return VECTOR_BYTES // np.dtype(dtype).itemsize


# What only kernels can call, made callable.


def _tile(tile: int, length: int, a: Any, b: Any, offsets: Any, c: Any, row: int, keep: int) -> Any:
    accumulate_tile(tile, length, a, 0, b, 0, offsets, c, 0, row, keep)


def _dots(vectors: int, a: Any, a_row: int, b: Any, starts: Any, c: Any, c_row: int) -> Any:
    add_dot_products(vectors, a, 0, a_row, b, starts, 0, c, 0, c_row)


def _pack(
    panels: Any, source: Any, across: int, along: int, count: int, depth: int, width: int
) -> Any:
    pack(panels, 0, source, 0, across, along, count, depth, width)


def _views(panels: Any, step: int, source: Any, starts: Any, depth: int, width: int) -> Any:
    pack_views(panels, step, source, starts, len(starts), depth, width)


def _rows(copied: Any, masked: Any, finished: Any, source: Any, mask: Any, added: Any) -> Any:
    count = len(source)
    copy_row(copied, 0, source, 0, count)
    copy_row_where_positive(masked, 0, source, 0, mask, count)
    finish_row(finished, 0, source, 0, count, added[0], added[1])


def _part(
    c: Any, c_row: int, a: Any, b: Any, rows: int, columns: int, length: int, tile: int
) -> Any:
    multiply(c, 0, c_row, a, 0, length, 1, b, 0, columns, 1, rows, columns, length, tile)


tile_kernel, dots_kernel, pack_kernel = Kernel(_tile), Kernel(_dots), Kernel(_pack)
views_kernel, rows_kernel, part_kernel = Kernel(_views), Kernel(_rows), Kernel(_part)


@dtypes
@pytest.mark.parametrize("tile", range(len(TILES)))
def test_a_tile_of_a_product(dtype: Any, tile: int) -> None:
    rows, width = TILES[tile][0], TILES[tile][1] * lanes(dtype)
    for length, keep, gap in itertools.product((0, 1, 2, 5, 40), (0, 1), (0, 3)):
        starts = np.random.default_rng(length).integers(0, 50, length)
        a = random(length, rows, dtype=dtype)
        b = random(int(starts.max(initial=0)) + width, dtype=dtype)
        c = np.full((rows, width + gap), np.nan, dtype)
        c[:, :width] = random(rows, width, dtype=dtype)
        out = guarded(c.ravel()[: c.size - gap])
        tile_kernel.launch(0, tile, length, guarded(a), guarded(b), starts, out, width + gap, keep)
        seen = np.array([b[start : start + width] for start in starts]).reshape(length, width)
        expected = a.T.astype(np.float64) @ seen + keep * c[:, :width]
        got = np.append(out, np.full(gap, np.nan, dtype)).reshape(c.shape)
        agree(got[:, :width], expected, length)
        assert np.isnan(got[:, width:]).all()
        intact(out)


@dtypes
def test_a_tile_of_inner_products(dtype: Any) -> None:
    rows, columns = DOT_TILE
    for vectors, gap in itertools.product((0, 1, 2, 7), (0, 5)):
        length = vectors * lanes(dtype)
        a, b = random(rows, length + gap, dtype=dtype), random(columns * length + 9, dtype=dtype)
        a[:, length:] = np.nan
        starts = np.array([9 + n * length if n % 2 else n for n in range(columns)])
        c = random(rows, columns + gap, dtype=dtype)
        flat, out = guarded(a.ravel()[: a.size - gap]), guarded(c.ravel()[: c.size - gap])
        dots_kernel.launch(0, vectors, flat, length + gap, guarded(b), starts, out, columns + gap)
        seen = np.array([b[start : start + length] for start in starts], np.float64)
        expected = c.astype(np.float64)
        expected[:, :columns] += a[:, :length] @ seen.T
        agree(out, expected.ravel()[: out.size], length)
        intact(out)


@dtypes
def test_packing(dtype: Any) -> None:
    widths = sorted({rows for rows, _ in TILES} | {n * lanes(dtype) for _, n in TILES})
    for width in widths:
        counts = {1, 2, 3, 4, 5, 7, 8, width - 1, width, width + 1, width + 6, 2 * width + 1}
        for count, depth in itertools.product(sorted(counts - {0}), (1, 2, 3, 4, 5, 8, 11)):
            # Neighbours across the lines, along them, and neither; with room between, and without.
            for across, along in (
                (1, count), (1, count + 3), (depth, 1), (depth + 2, 1), (2, 2 * count), (0, 1)
            ):  # fmt: skip
                reach = (count - 1) * across + (depth - 1) * along + 1
                source = random(reach, dtype=dtype)
                panels = unset(-(-count // width) * width * depth, dtype)
                pack_kernel.launch(0, panels, guarded(source), across, along, count, depth, width)
                expected = np.zeros((-(-count // width) * width, depth), dtype)
                places = np.arange(count)[:, None] * across + np.arange(depth) * along
                expected[:count] = source[places]
                expected = expected.reshape(-1, width, depth).transpose(0, 2, 1).ravel()
                np.testing.assert_array_equal(panels, expected, f"{width, count, depth, across}")
                intact(panels)


@dtypes
def test_packing_of_views(dtype: Any) -> None:
    for width, count, depth in itertools.product((4, 8, 12, 16), (4, 8, 12, 20), (4, 8, 20)):
        starts = np.random.default_rng(count).integers(0, 30, count)
        source = random(int(starts.max()) + depth, dtype=dtype)
        step = depth * width + 5
        panels = unset((-(-count // width) - 1) * step + depth * width, dtype)
        views_kernel.launch(0, panels, step, guarded(source), starts, depth, width)
        expected = np.full(panels.size, np.nan, dtype)
        for line, k in itertools.product(range(count), range(depth)):
            place = line // width * step + k * width + line % width
            expected[place] = source[starts[line] + k]
        np.testing.assert_array_equal(panels, expected)
        intact(panels)


@builds
@dtypes
def test_transposing(dtype: Any, build: str) -> None:
    sides = (1, 2, 3, 4, 5, 8, 63, 64, 65, 70)
    for rows, columns in itertools.product(sides, sides):
        for matrices, room in (1, 0), (3, 2):
            step = rows + room
            reach = (columns - 1) * step + rows
            source = random(matrices, reach, dtype=dtype)
            starts = np.arange(matrices) * reach
            out = unset(matrices * rows * columns, dtype)
            transpose_kernel.launch(
                BUILDS[build], out, guarded(source), starts, rows, columns, step
            )
            places = np.arange(rows)[:, None] + np.arange(columns) * step
            np.testing.assert_array_equal(out.reshape(matrices, rows, columns), source[:, places])
            intact(out)


@dtypes
def test_rows(dtype: Any) -> None:
    for count in range(3 * lanes(dtype) + 2):
        source, mask = random(count, dtype=dtype), random(count, dtype=dtype, seed=1)
        mask[::5], mask[3::7] = 0, np.nan
        source[4::9] = np.nan
        out = [unset(count, dtype) for _ in range(3)]
        added = np.array([0.25, 0], dtype)
        rows_kernel.launch(0, *out, guarded(source), guarded(mask), added)
        expected = (
            source,
            np.where(mask > 0, source, dtype(0)),
            np.where(source + added[0] <= 0, dtype(0), source + added[0]),
        )
        for got, right in zip(out, expected, strict=True):
            np.testing.assert_array_equal(got, right)
        intact(*out)


def strided(values: Array, form: str) -> tuple[Array, tuple[int, int]]:
    """Return a matrix, or several, guarded and flat, and the strides of its rows and columns."""
    rows, columns = values.shape[-2:]
    if form == "rows":
        return guarded(values), (columns, 1)
    if form == "columns":
        return guarded(values.swapaxes(-1, -2)), (1, rows)
    # Neither dimension has neighbours, and nothing lies behind the last number.
    apart = np.full((*values.shape[:-2], rows, 2 * columns), np.nan, values.dtype)
    apart[..., ::2] = values
    return guarded(apart.ravel()[:-1]), (2 * columns, 2)


FORMS = list(itertools.product(("rows", "columns", "apart"), repeat=2))


def check_product(
    dtype: Any, build: str, rows: int, columns: int, length: int, tile: int,
    forms: tuple[str, str], batch: int = 1, parts: tuple[int, int] = (1, 1),
) -> None:  # fmt: skip
    x = random(batch, rows, length, dtype=dtype)
    y = random(batch, length, columns, dtype=dtype, seed=1)
    (a, a_strides), (b, b_strides) = strided(x, forms[0]), strided(y, forms[1])
    a_starts = np.arange(batch) * -(-a.size // batch)
    b_starts = np.arange(batch) * -(-b.size // batch)
    c = unset(batch * rows * columns, dtype)
    product_kernel.launch(BUILDS[build], c, a, a_starts, *a_strides, b, b_starts, *b_strides,
                          rows, columns, length, tile, *parts)  # fmt: skip
    expected = x.astype(np.float64) @ y
    agree(c, expected, length, (dtype, build, rows, columns, length, tile, forms, parts))
    intact(c)


@builds
@dtypes
@pytest.mark.parametrize("tile", range(len(TILES)))
def test_products_at_all_edges_of_a_tile(tile: int, dtype: Any, build: str) -> None:
    tall, wide = TILES[tile][0], TILES[tile][1] * lanes(dtype)
    heights = sorted({*range(1, 2 * tall + 2), 3 * tall + 1})
    ends = {0, 1, 2, lanes(dtype) - 1, lanes(dtype), lanes(dtype) + 1, wide - 1}
    widths = sorted({n + end for n in (0, wide, 2 * wide) for end in ends} - {0})
    for case, (rows, columns) in enumerate(itertools.product(heights, widths)):
        length = 1 + case * 7 % 23
        check_product(dtype, build, rows, columns, length, tile, FORMS[case % len(FORMS)],
                      parts=(1 + case % 2, 1 + case % 3))  # fmt: skip


@builds
@dtypes
@pytest.mark.parametrize("forms", FORMS, ids=str)
def test_products_beyond_each_block(forms: tuple[str, str], dtype: Any, build: str) -> None:
    for rows, columns, length, batch, parts in (
        (5, 7, DEPTH_BLOCK, 1, (1, 1)),
        (13, 35, DEPTH_BLOCK + 1, 1, (2, 1)),
        (3, 4, 2 * DEPTH_BLOCK + 3, 2, (1, 1)),
        (5, 16, DEPTH_BLOCK + 9, 1, (1, 1)),  # B is used as it lies, in two blocks
        (ROW_BLOCK + 1, 9, 6, 1, (1, 1)),
        (2 * ROW_BLOCK + 5, 50, 3, 2, (3, 1)),
        (3, COLUMN_BLOCK + 1, 2, 1, (1, 1)),
        (ROW_BLOCK + 13, COLUMN_BLOCK + 50, DEPTH_BLOCK + 5, 1, (1, 2)),
        (1, 1, 1, 5, (2, 2)),
    ):
        tile = best_tile(rows, columns, np.dtype(dtype).itemsize)
        check_product(dtype, build, rows, columns, length, tile, forms, batch, parts)


@dtypes
@pytest.mark.parametrize("tile", range(len(TILES)))
def test_a_product_in_a_part_of_a_larger_matrix(tile: int, dtype: Any) -> None:
    for rows, columns, length in (1, 1, 1), (13, 33, 9), (24, 64, DEPTH_BLOCK + 1), (8, 50, 4):
        a, b = random(rows, length, dtype=dtype), random(length, columns, dtype=dtype, seed=1)
        wide = columns + 5
        c = unset(rows * wide - 5, dtype)
        part_kernel.launch(0, c, wide, guarded(a), guarded(b), rows, columns, length, tile)
        got = np.append(c, np.full(5, np.nan, dtype)).reshape(rows, wide)
        agree(got[:, :columns], a.astype(np.float64) @ b, length)
        assert np.isnan(got[:, columns:]).all()
        intact(c)


def plans(
    draw: Any, geometry: tuple[int, ...], itemsize: int, turned: bool
) -> tuple[int, int, int, int]:
    """Return the plan for a convolution, or (`turned`) its gradient, or another as good."""
    batch, channels, height, columns, _, _, out_channels, rows, out_columns, kh, kw = geometry
    if turned:
        channels, out_channels, rows, out_columns = out_channels, channels, height, columns
    plan = convolution_plan(batch, channels, rows + kh - 1, out_columns + kw - 1, out_channels,
                            channels * kh * kw, itemsize)  # fmt: skip
    if draw(st.booleans()):
        return plan
    stack = draw(st.integers(1, batch))
    parts = draw(st.integers(1, -(-batch // stack)))
    band = draw(st.integers(1, stack * (rows + kh - 1)))
    return stack, parts, draw(st.integers(0, len(TILES) - 1)), band


@builds
@dtypes
@given(geometry=geometries(), biased=st.booleans(), relu=st.booleans(), data=st.data())
def test_convolution(
    dtype: Any, build: str, geometry: tuple[int, ...], biased: bool, relu: bool, data: Any
) -> None:
    batch, channels, height, columns, _, _, out_channels, rows, out_columns, kh, kw = geometry
    plan = plans(data.draw, geometry, np.dtype(dtype).itemsize, turned=False)
    input = random(batch, channels, height, columns, dtype=dtype)
    weight = random(out_channels, channels, kh, kw, dtype=dtype, seed=1)
    bias = random(out_channels if biased else 0, dtype=dtype, seed=2)
    out = unset(batch * out_channels * rows * out_columns, dtype)
    convolution_kernel.launch(BUILDS[build], out, guarded(input), guarded(weight), guarded(bias),
                              relu, *geometry, *plan)  # fmt: skip
    expected = np.einsum("bcijuv,ocuv->boij", windows(input, geometry), weight, optimize=True)
    if biased:
        expected += bias[:, None, None]
    if relu:
        expected = np.maximum(expected, 0)
    agree(out, expected, channels * kh * kw, plan)
    intact(out)


@builds
@dtypes
@given(geometry=geometries(), masked=st.booleans(), wanted=st.sampled_from([1, 2, 3]),
       data=st.data())  # fmt: skip
def test_gradients_of_convolution(
    dtype: Any, build: str, geometry: tuple[int, ...], masked: bool, wanted: int, data: Any
) -> None:
    batch, channels, height, columns, _, _, out_channels, rows, out_columns, kh, kw = geometry
    plan = plans(data.draw, geometry, np.dtype(dtype).itemsize, turned=True)
    sides = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 60)))
    weight_tile = best_tile(*sides, np.dtype(dtype).itemsize)
    input = random(batch, channels, height, columns, dtype=dtype)
    weight = random(out_channels, channels, kh, kw, dtype=dtype, seed=1)
    grad = random(batch, out_channels, rows, out_columns, dtype=dtype, seed=2)
    mask = random(*grad.shape if masked else (0,), dtype=dtype, seed=3)
    by_input = unset(input.size if wanted & 1 else 0, dtype)
    by_weight, by_bias = unset(weight.size if wanted & 2 else 0, dtype), unset(out_channels, dtype)
    convolution_backward_kernel.launch(
        BUILDS[build], by_input, by_weight, by_bias, guarded(grad), guarded(mask),
        guarded(input), guarded(weight), *geometry, *plan, weight_tile,
    )  # fmt: skip
    slope = np.where(mask > 0, grad, 0).astype(np.float64) if masked else grad.astype(np.float64)
    if wanted & 1:
        expected = images_gradient(slope, weight, geometry)
        agree(by_input, expected, out_channels * kh * kw, plan)
    if wanted & 2:
        seen = windows(input, geometry)
        expected = np.einsum("boij,bcijuv->ocuv", slope, seen, optimize=True)
        agree(by_weight, expected, batch * rows * out_columns, plan)
        agree(by_bias, slope.sum((0, 2, 3)), batch * rows * out_columns, plan)
    intact(by_input, by_weight, by_bias)
