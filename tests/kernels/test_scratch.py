"""The room that kernels make for themselves: no index may leave it, on any machine.

Guards stand around operands only. So here the kernels run as the plain Python that they are,
each vector instruction replaced by a model that checks its places; new memory is full of NaN,
blocks are small, and tiles and widths are those of other machines.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from guards import agree, random
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from product_cases import Geometry, geometries, images_gradient, windows

from minitorch.kernels import conv, conv_backward, dots, machine, matmul, micro, packing, rows

Array = Any

# The width of vectors in bytes, and the tiles: see `machine.py`.
MANY, FEW = ((12, 2), (8, 3), (4, 4)), ((4, 3), (4, 2), (8, 1))
MACHINES = {"AVX-512": (64, MANY), "AVX2": (32, FEW), "SSE": (16, FEW), "NEON": (16, MANY)}

DTYPES = {"float32": np.float32, "float64": np.float64}


def part(array: Array, start: int, count: int) -> Array:
    """Return `count` elements from `start` on, which must be there."""
    assert start >= 0, f"{count} elements from {start} on, of {len(array)}"
    assert start + count <= len(array), f"{count} elements from {start} on, of {len(array)}"
    return array[start : start + count]


def tile_model(tall: int, vectors: int, width: int) -> Callable[..., None]:
    def accumulate(
        length: int, a: Array, a_start: int, b: Array, b_start: int, offsets: Array,
        c: Array, c_start: int, c_row: int, keep: int,
    ) -> None:  # fmt: skip
        wide = vectors * width // c.itemsize
        result = np.zeros((tall, wide), c.dtype)
        for k, offset in enumerate(part(offsets, 0, length)):
            factors = part(a, a_start + k * tall, tall)
            result += np.outer(factors, part(b, b_start + offset, wide))
        for m in range(tall):
            row = part(c, c_start + m * c_row, wide)
            row[:] = result[m] + row if keep else result[m]

    return accumulate


def dots_model(tall: int, columns: int, width: int) -> Callable[..., None]:
    def add(
        vectors: int, a: Array, a_start: int, a_row: int, b: Array, starts: Array, first: int,
        c: Array, c_start: int, c_row: int,
    ) -> None:  # fmt: skip
        length = vectors * width // a.itemsize
        for m in range(tall):
            left = part(a, a_start + m * a_row, length)
            for n, start in enumerate(part(starts, first, columns)):
                part(c, c_start + m * c_row + n, 1)[:] += left @ part(b, start, length)

    return add


def copy_four(target: Array, at: int, source: Array, start: int) -> None:
    part(target, at, 4)[:] = part(source, start, 4)


def transpose_four(target: Array, at: int, width: int, source: Array, *starts: int) -> None:
    block = np.array([part(source, start, 4) for start in starts])
    for j in range(4):
        part(target, at + j * width, 4)[:] = block[:, j]


def row_models(vector_bytes: int) -> dict[str, Callable[..., None]]:
    def copy(target: Array, at: int, source: Array, start: int) -> None:
        count = vector_bytes // target.itemsize
        part(target, at, count)[:] = part(source, start, count)

    def masked(target: Array, at: int, source: Array, start: int, mask: Array) -> None:
        count = vector_bytes // target.itemsize
        chosen = part(mask, start, count) > 0
        part(target, at, count)[:] = np.where(chosen, part(source, start, count), 0)

    def finish(target: Array, at: int, source: Array, start: int, added: Any, floor: Any) -> None:
        count = vector_bytes // target.itemsize
        value = part(source, start, count) + added
        part(target, at, count)[:] = np.where(value <= floor, floor, value)

    return {"_copy": copy, "_masked": masked, "_finish": finish}


class Numpy(SimpleNamespace):
    """numpy, whose `empty` is full of NaN."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def empty(shape: Any, dtype: Any) -> Array:
        return np.full(shape, np.nan, dtype)


@pytest.fixture(params=MACHINES)
def modelled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the kernels those of another machine, and their instructions models."""
    width, tiles = MACHINES[request.param]
    dot_tile = (4, 4) if tiles is MANY else (2, 4)
    tallest, widest = 24, 8 * 3 * 4 * max(1, width // 16)
    settings = {
        "VECTOR_BYTES": width,
        "TILES": tiles,
        "HEIGHTS": np.array([tall for tall, _ in tiles]),
        "VECTORS": np.array([vectors for _, vectors in tiles]),
        "DEPTH_BLOCK": 8,
        "ROW_BLOCK": tallest,
        "COLUMN_BLOCK": widest,
        "_DOT_ROWS": dot_tile[0],
        "_DOT_COLUMNS": dot_tile[1],
        "_FEW": 6,
        "np": Numpy(),
        "best_tile": inspect.unwrap(machine.best_tile),  # which remembers its answers
        "_dots": dots_model(*dot_tile, width),
        "_copy_four": copy_four,
        "_transpose_four": transpose_four,
        **row_models(width),
        **{f"{name}_short": model for name, model in row_models(16).items()},
    }
    for name, tile in zip(("_square", "_lower", "_lowest"), tiles, strict=True):
        settings[name] = tile_model(*tile, width)
    for module in (conv, conv_backward, dots, machine, matmul, micro, packing, rows):
        for name, value in settings.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)


under_models = settings(
    max_examples=settings().max_examples,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
pytestmark = pytest.mark.usefixtures("modelled")
any_sides = st.tuples(st.integers(1, 40), st.integers(1, 60))
dtypes = pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)


def test_models_see_what_leaves_an_array() -> None:
    a, c = np.ones(48), np.ones(1000)
    micro.accumulate_tile(0, 4, a, 0, c, 0, np.zeros(4, int), c, 0, 50, 0)
    for left, length, start in (a[:1], 4, 0), (a, 4, 990), (a, 4, -1):
        with pytest.raises(AssertionError, match="elements from"):
            micro.accumulate_tile(0, length, left, 0, c, 0, np.zeros(4, int), c, start, 50, 0)


@dtypes
@under_models
@given(st.integers(1, 30), st.integers(1, 110), st.integers(1, 19), st.integers(0, 2),
       st.integers(1, 3), st.integers(1, 3), st.booleans(), st.booleans())  # fmt: skip
def test_product(
    dtype: Any, rows: int, columns: int, length: int, tile: int, row_parts: int,
    column_parts: int, turned_a: bool, turned_b: bool,
) -> None:  # fmt: skip
    a, b = random(rows, length, dtype=dtype), random(length, columns, dtype=dtype, seed=1)
    c = np.full(rows * columns, np.nan, dtype)
    start = np.zeros(1, np.int64)
    matmul._products(
        c, a.ravel("F" if turned_a else "C"), start, *((1, rows) if turned_a else (length, 1)),
        b.ravel("F" if turned_b else "C"), start, *((1, length) if turned_b else (columns, 1)),
        rows, columns, length, tile, row_parts, column_parts,
    )  # fmt: skip
    agree(c, a.astype(np.float64) @ b, length)


@st.composite
def small_geometries(draw: st.DrawFn) -> Geometry:
    """Return geometries as plain Python has time for."""
    small: Geometry = draw(geometries(3, 3, 9, (4, 9), 3))
    return small


@dtypes
@under_models
@given(geometry=small_geometries(), planned=st.booleans(), relu=st.booleans(), data=st.data())
def test_convolution(dtype: Any, geometry: Geometry, planned: bool, relu: bool, data: Any) -> None:
    batch, channels, height, columns, _, _, out_channels, out_rows, out_columns, kh, kw = geometry
    plan = drawn_plan(data.draw, planned, dtype, batch, channels, out_rows + kh - 1,
                      out_columns + kw - 1, out_channels, channels * kh * kw)  # fmt: skip
    input = random(batch, channels, height, columns, dtype=dtype)
    weight = random(out_channels, channels, kh, kw, dtype=dtype, seed=1)
    out = np.full(batch * out_channels * out_rows * out_columns, np.nan, dtype)
    conv._convolution(out, input.ravel(), weight.ravel(), weight.ravel()[:0], relu,
                      *geometry, *plan)  # fmt: skip
    expected = np.einsum("bcijuv,ocuv->boij", windows(input, geometry), weight, optimize=True)
    agree(out, np.maximum(expected, 0) if relu else expected, channels * kh * kw)


def drawn_plan(
    draw: Any, planned: bool, dtype: Any, batch: int, channels: int, rows: int, width: int,
    out_channels: int, taps: int,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Return the plan for a convolution, or another as good; sizes are of padded images."""
    if planned:
        plan = inspect.unwrap(conv.convolution_plan)
        return plan(batch, channels, rows, width, out_channels, taps, np.dtype(dtype).itemsize)
    stack = draw(st.integers(1, batch))
    return (stack, draw(st.integers(1, -(-batch // stack))), draw(st.integers(0, 2)),
            draw(st.integers(1, stack * rows)))  # fmt: skip


@dtypes
@under_models
@given(geometry=small_geometries(), planned=st.booleans(), masked=st.booleans(), data=st.data())
def test_gradients_of_convolution(
    dtype: Any, geometry: Geometry, planned: bool, masked: bool, data: Any
) -> None:
    batch, channels, height, columns, _, _, out_channels, out_rows, out_columns, kh, kw = geometry
    plan = drawn_plan(data.draw, planned, dtype, batch, out_channels, height + kh - 1,
                      columns + kw - 1, channels, out_channels * kh * kw)  # fmt: skip
    sides = (out_channels, channels * kh * kw) if planned else data.draw(any_sides)
    tile = machine.best_tile(*sides, np.dtype(dtype).itemsize)
    input = random(batch, channels, height, columns, dtype=dtype)
    weight = random(out_channels, channels, kh, kw, dtype=dtype, seed=1)
    grad = random(batch, out_channels, out_rows, out_columns, dtype=dtype, seed=2)
    mask = random(*grad.shape if masked else (0,), dtype=dtype, seed=3)
    by_input, by_weight, by_bias = (
        np.full(size, np.nan, dtype) for size in (input.size, weight.size, out_channels)
    )
    conv_backward._convolution_backward(
        by_input, by_weight, by_bias, grad.ravel(), mask.ravel(), input.ravel(), weight.ravel(),
        *geometry, *plan, tile,
    )  # fmt: skip
    slope = np.where(mask > 0, grad, 0) if masked else grad
    slope = slope.astype(np.float64)
    positions = batch * out_rows * out_columns
    agree(by_input, images_gradient(slope, weight, geometry), out_channels * kh * kw)
    expected = np.einsum("boij,bcijuv->ocuv", slope, windows(input, geometry), optimize=True)
    agree(by_weight, expected, positions)
    agree(by_bias, slope.sum((0, 2, 3)), positions)
