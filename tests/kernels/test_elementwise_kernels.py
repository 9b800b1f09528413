"""Maps and zips between guards, by every way that operands can lie; see `guards.py`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from guards import guarded, intact, random, unset
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import BUILDS, LAYOUTS, close, numbers, tensor
from strategies import strides_in_order

import minitorch
from minitorch import elementwise, operators
from minitorch.jit import PARALLEL_FROM
from minitorch.kernels.elementwise import PIECE, copy_kernel, layout, map_kernel, zip_kernels
from minitorch.kernels.matmul import bias_kernel, bias_relu_backward_kernel

Array = Any
Shape = tuple[int, ...]

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
builds = pytest.mark.parametrize("build", BUILDS)

# Around the lanes of vectors, unrolled loops of them, and pieces.
LENGTHS = [*range(1, 36), 63, 64, 65, 129, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 3]


def laid(values: Array, order: list[int], step: int) -> tuple[Array, Shape]:
    """Return an array's numbers guarded and flat, with nothing behind the last; their strides.

    Args:
        order: the dimensions from the slowest in memory to the fastest.
        step: from one number to the next along the last of these.
    """
    strides = tuple(step * s for s in strides_in_order(values.shape, order))
    reach = 1 + sum((n - 1) * s for n, s in zip(values.shape, strides, strict=True))
    flat = np.full(reach, np.nan, values.dtype)
    steps = [s * values.itemsize for s in strides]
    np.lib.stride_tricks.as_strided(flat, values.shape, steps)[...] = values
    return guarded(flat), strides


@st.composite
def operands(draw: st.DrawFn, count: int) -> list[tuple[Shape, list[int], int]]:
    """Return shapes that broadcast together, each with an order in memory and a step."""
    full = draw(st.lists(st.sampled_from([3, 8, 2, 17, 1]), min_size=1, max_size=4))
    drawn = []
    for _ in range(count):
        sizes = [n if draw(st.integers(0, 4)) else 1 for n in full]
        shape = tuple(sizes[draw(st.sampled_from([0, 0, 1, 2])) :])
        drawn.append((shape, draw(st.permutations(range(len(shape)))), draw(st.integers(1, 2))))
    return drawn


def zipped(build: str, expected: Array, *given: tuple[Array, Shape, Shape]) -> None:
    """Check a - b by the kernel that the backend chooses.

    Args:
        given: for a and b, the numbers, the shape and the strides.
    """
    (a, *a_lies), (b, *b_lies) = given
    form = layout(expected.shape, tuple(a_lies), tuple(b_lies))
    out = unset(expected.size, expected.dtype)
    one, many = zip_kernels(elementwise.sub)
    (a_rows, b_rows), (a_step, b_step) = form.row_steps, form.steps
    if len(form.rows):
        many.launch(BUILDS[build], out, a, a_rows, a_step, b, b_rows, b_step, form.rows,
                    form.length)  # fmt: skip
    else:
        one.launch(BUILDS[build], out, a, a_step, b, b_step, form.length)
    np.testing.assert_array_equal(out.reshape(expected.shape), expected)
    intact(out)


@builds
@dtypes
def test_map(dtype: Any, build: str) -> None:
    for length in LENGTHS:
        a, out = random(length, dtype=dtype), unset(length, dtype)
        map_kernel(operators.neg).launch(BUILDS[build], out, guarded(a), length)
        np.testing.assert_array_equal(out, -a)
        intact(out)


@builds
@dtypes
def test_zip_of_one_row(dtype: Any, build: str) -> None:
    kernel, _ = zip_kernels(elementwise.sub)
    for length, (a_step, b_step) in itertools.product(
        LENGTHS, [(1, 1), (1, 0), (0, 1), (0, 0), (2, 1), (1, 3), (0, 2)]
    ):
        a = random((length - 1) * a_step + 1, dtype=dtype)
        b = random((length - 1) * b_step + 1, dtype=dtype, seed=1)
        out = unset(length, dtype)
        kernel.launch(BUILDS[build], out, guarded(a), a_step, guarded(b), b_step, length)
        steps = np.arange(length)
        np.testing.assert_array_equal(out, a[steps * a_step] - b[steps * b_step])
        intact(out)


@builds
@dtypes
@given(operands(1), st.integers(0, 2))
def test_copy(dtype: Any, build: str, given: list[tuple[Shape, list[int], int]], more: int) -> None:
    ((shape, order, step),) = given
    values = random(*shape, dtype=dtype)
    a, strides = laid(values, order, step)
    target = (*(3,) * more, *shape)
    form = layout(target, (shape, strides))
    out = unset(math.prod(target), dtype)
    copy_kernel.launch(BUILDS[build], out, a, *form.row_steps, *form.steps, form.rows, form.length)
    np.testing.assert_array_equal(out.reshape(target), np.broadcast_to(values, target))
    intact(out)


@builds
@dtypes
def test_copy_of_long_rows(dtype: Any, build: str) -> None:
    for length, step in itertools.product(LENGTHS, (1, 2, 5)):
        a, out = random(3, length * step, dtype=dtype), unset(3 * length, dtype)
        flat = guarded(a.ravel()[: a.size - step + 1])
        copy_kernel.launch(BUILDS[build], out, flat, np.array([length * step]), step,
                           np.array([3]), length)  # fmt: skip
        np.testing.assert_array_equal(out, a[:, ::step].ravel())
        intact(out)


@builds
@dtypes
@given(operands(2))
def test_zip(dtype: Any, build: str, given: list[tuple[Shape, list[int], int]]) -> None:
    values = [random(*shape, dtype=dtype, seed=i) for i, (shape, _, _) in enumerate(given)]
    lying = []
    for array, (shape, order, step) in zip(values, given, strict=True):
        flat, strides = laid(array, order, step)
        lying.append((flat, shape, strides))
    zipped(build, values[0] - values[1], *lying)


@builds
def test_many_rows_in_several_pieces(build: str) -> None:
    for rows, columns in (PIECE + 3, 2), (3, PIECE + 5), (300, 130), (2 * PIECE, 1):
        a, b = random(columns, rows, dtype=np.float64).T, random(columns, dtype=np.float64)
        flat, strides = laid(a, [1, 0], 1)
        zipped(build, a - b, (flat, a.shape, strides), (guarded(b), b.shape, (1,)))


@given(operands(2))
def test_a_layout_goes_through_the_elements_in_reading_order(
    given: list[tuple[Shape, list[int], int]],
) -> None:
    shape = np.broadcast_shapes(*[own for own, _, _ in given])
    strides = [tuple(step * s for s in strides_in_order(own, order)) for own, order, step in given]
    form = layout(shape, *[(own, s) for (own, _, _), s in zip(given, strides, strict=True)])
    assert form.size == math.prod(shape) == math.prod(form.rows) * form.length
    merged = (*form.rows, form.length)
    assert 1 not in merged or math.prod(merged) == 1
    for (own, _, _), steps, row_steps, step in zip(
        given, strides, form.row_steps, form.steps, strict=True
    ):
        places = sum((i * s for i, s in zip(np.indices(own), steps, strict=True)), np.zeros(own))
        walked = np.zeros(merged)
        for axis, s in enumerate((*row_steps, step)):
            walked += s * np.indices(merged)[axis]
        np.testing.assert_array_equal(walked.ravel(), np.broadcast_to(places, shape).ravel())


def test_what_lies_alike_is_one_row() -> None:
    def merged(shape: Shape, *operands: tuple[Shape, Shape]) -> Shape:
        form = layout(shape, *operands)
        return (*form.rows.tolist(), form.length)

    images = (16, 8, 28, 28), (6272, 784, 28, 1)
    assert merged((16, 8, 28, 28), images) == (16 * 8 * 28 * 28,)
    assert merged((16, 8, 28, 28), images, ((8, 1, 1), (1, 1, 1))) == (16, 8, 784)
    assert merged((5, 1, 7), ((5, 1, 7), (7, 99, 1))) == (35,)
    assert merged((1, 1), ((1, 1), (1, 1))) == (1,)
    assert merged((4, 3), ((4, 3), (1, 4))) == (4, 3)


@dtypes
def test_bias_and_relu(dtype: Any) -> None:
    for rows, columns, biased, relu in itertools.product(
        (1, 2, 5), (1, 7, 8, 33), (True, False), (True, False)
    ):
        out, bias = guarded(random(rows, columns, dtype=dtype)), random(columns, dtype=dtype)
        expected = out.reshape(rows, columns) + (bias if biased else 0)
        added = guarded(bias if biased else bias[:0])
        bias_kernel.launch(0, out, added, rows, columns, biased, relu)
        expected = np.maximum(expected, 0) if relu else expected
        np.testing.assert_array_equal(out.reshape(rows, columns), expected)

        grad, mask = random(rows, columns, dtype=dtype), random(rows, columns, dtype=dtype, seed=1)
        masked = unset(rows * columns if relu else 0, dtype)
        sums = unset(columns if biased else 0, dtype)
        passed = guarded(mask if relu else mask[:0])
        bias_relu_backward_kernel.launch(0, masked, sums, guarded(grad), passed, rows, columns)
        slope = np.where(mask > 0, grad, 0) if relu else grad
        if relu:
            np.testing.assert_array_equal(masked.reshape(rows, columns), slope)
        if biased:
            np.testing.assert_allclose(sums, slope.sum(0), rtol=1e-5, atol=1e-6)
        intact(out, masked, sums)


ORDERS = [(0, 2, 1), (1, 0, 2), (2, 0, 1), (2, 1, 0), (1, 2, 0)]


@pytest.mark.slow
@dtypes
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_large_permuted_tensors(order: tuple[int, ...], dtype: Any) -> None:
    # Large enough to be transposed first, and (the second) for the parallel builds.
    for shape in (3, 17, 90), (34, 33, 32), (2, 5000, 3), (1, 70, 66), (4, 1, 1100):
        array = random(*shape, dtype=dtype)
        a = minitorch.tensor(array, backend="tuned", dtype=dtype).permute(*order)
        expected = array.transpose(order)
        close(-a, -expected)
        close(a - a.contiguous() * 2.0, -expected)
        close(a.sum(1), expected.sum(1, keepdims=True, dtype=np.float64).astype(dtype))


ZIPS: dict[str, Callable[..., Any]] = {
    "sub": lambda a, b: a - b,
    "lt": lambda a, b: (a < b) * 1.0,
    "mul": lambda a, b: a * b,
}


@dtypes
@pytest.mark.parametrize("name", ZIPS)
@pytest.mark.parametrize("side", [40, 190])
def test_broadcasts_of_every_layout(side: int, name: str, dtype: Any) -> None:
    assert (side * side > PARALLEL_FROM) == (side == 190)
    square, row, column = (side, side), (1, side), (side, 1)
    for left, right in [(square, (side,)), (square, column), (row, column), (square, (1,)),
                        ((1,), square), (square, ())]:  # fmt: skip
        a, b = numbers(*left, dtype=dtype), numbers(*right, dtype=dtype, seed=1)
        for one, other in itertools.product(LAYOUTS, ("contiguous", "sliced")):
            got = ZIPS[name](tensor(a, one, "tuned"), tensor(b, other, "tuned"))
            close(got, np.asarray(ZIPS[name](a, b), dtype))
