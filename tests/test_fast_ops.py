"""Tasks 3.1 and 3.2: map, zip, reduce and the matrix product, compiled and in parallel.

Every kernel has two builds, serial and parallel; numpy says what should come out of both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import BUILDS, LAYOUTS, close, filled, laid_out, numbers, tensor

import minitorch
from minitorch import elementwise, operators
from minitorch.fast_ops import (
    FastOps,
    tensor_map,
    tensor_matrix_multiply,
    tensor_reduce,
    tensor_zip,
)

builds = pytest.mark.parametrize("build", BUILDS)
layouts = pytest.mark.parametrize("layout", LAYOUTS)
out_layouts = pytest.mark.parametrize("out_layout", LAYOUTS)

# Pairs of shapes that broadcast.
PAIRS = [
    ((4, 5), (4, 5)),
    ((4, 1), (1, 5)),
    ((5,), (4, 5)),
    ((2, 3, 4), (3, 1)),
    ((2, 1, 4), (1, 3, 1)),
    ((3, 2, 1), (3, 2, 1)),
    ((), (2, 3)),
    ((1,), (4,)),
    ((9, 1, 3), (6, 3)),
]


def empty(layout: str, shape: tuple[int, ...], dtype: Any = np.float64) -> Any:
    return laid_out(layout, np.full(shape, np.nan, dtype))


@pytest.mark.task3_1
@builds
@layouts
@out_layouts
def test_map_reads_and_writes_any_layout(build: str, layout: str, out_layout: str) -> None:
    a = numbers(3, 4, 5)
    out = filled(tensor_map(operators.neg), build, empty(out_layout, a.shape), laid_out(layout, a))
    close(out, -a)


@pytest.mark.task3_1
@builds
@layouts
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_map_broadcasts_its_input(build: str, layout: str, pair: Any) -> None:
    shape = np.broadcast_shapes(*pair)
    for small in pair:
        a = numbers(*small)
        out = filled(tensor_map(operators.neg), build, empty("permuted", shape),
                     laid_out(layout, a))  # fmt: skip
        close(out, np.broadcast_to(-a, shape))


@pytest.mark.task3_1
@builds
@layouts
@out_layouts
def test_zip_reads_and_writes_any_layout(build: str, layout: str, out_layout: str) -> None:
    a, b = numbers(3, 4, 5), numbers(3, 4, 5, seed=1)
    for other in LAYOUTS:
        out = filled(tensor_zip(elementwise.sub), build, empty(out_layout, a.shape),
                     laid_out(layout, a), laid_out(other, b))  # fmt: skip
        close(out, a - b)


@pytest.mark.task3_1
@builds
@layouts
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_zip_broadcasts_both_inputs(build: str, layout: str, pair: Any) -> None:
    a, b = numbers(*pair[0]), numbers(*pair[1], seed=1)
    out = empty("contiguous", np.broadcast_shapes(*pair))
    close(filled(tensor_zip(elementwise.sub), build, out, laid_out(layout, a), b), a - b)
    close(filled(tensor_zip(elementwise.sub), build, out, b, laid_out(layout, a)), b - a)


@pytest.mark.task3_1
@builds
@layouts
@out_layouts
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_reduce_folds_one_dimension(build: str, layout: str, out_layout: str, dim: int) -> None:
    a = numbers(3, 4, 5)
    out = empty(out_layout, tuple(1 if d == dim else n for d, n in enumerate(a.shape)))
    out[...] = 0
    filled(tensor_reduce(operators.add), build, out, laid_out(layout, a), more=(dim,))
    close(out, a.sum(dim, keepdims=True))


@pytest.mark.task3_1
@builds
@pytest.mark.parametrize("shape", [(6, 5), (40, 20, 6), (40, 1, 7)])
def test_reduce_begins_at_what_the_output_holds(build: str, shape: tuple[int, ...]) -> None:
    a = numbers(*shape)
    for dim in range(a.ndim):
        start = numbers(*[1 if d == dim else n for d, n in enumerate(shape)], seed=1)
        # The result so far comes first: ((start - a_0) - a_1) - ...
        out = filled(tensor_reduce(elementwise.sub), build, start.copy(), a, more=(dim,))
        close(out, start - a.sum(dim, keepdims=True))


@pytest.mark.task3_1
def test_operations_know_their_start_value() -> None:
    a = -(numbers(3, 4) ** 2) - 1.0
    backend = minitorch.get_backend("fast")
    close(backend.add_reduce(tensor(a), 0), a.sum(0, keepdims=True))
    close(backend.mul_reduce(tensor(a), 1), a.prod(1, keepdims=True))
    close(FastOps.reduce(elementwise.sub, 100.0)(tensor(a), 0), 100 - a.sum(0, keepdims=True))


@pytest.mark.task3_1
@pytest.mark.parametrize("layout", ["contiguous", "permuted", "sliced"])
def test_large_tensors_agree_with_numpy(layout: str) -> None:
    a, row, column = numbers(130, 40, 7), numbers(7), numbers(40, 1)
    x = tensor(a, layout)
    close(-x, -a)
    close(x - tensor(row), a - row)
    close(tensor(column) - x, column - a)
    for dim in range(3):
        close(x.sum(dim), a.sum(dim, keepdims=True))


@pytest.mark.task3_1
@pytest.mark.parametrize("kernel", ["map", "zip", "reduce"])
def test_rows_in_parallel_do_not_share_an_index(kernel: str) -> None:
    # So many short rows that the threads are at work at the same time: where they write into
    # one index, some rows come out wrong.
    a, b = numbers(3, 1, 600), numbers(600, 1, seed=1)
    for _ in range(5):
        if kernel == "map":
            out = empty("permuted", (600, 600, 3))
            filled(tensor_map(operators.neg), "parallel", out, a.T)
            close(out, np.broadcast_to(-a.T, out.shape))
        elif kernel == "zip":
            out = empty("contiguous", (600, 600, 3))
            close(
                filled(tensor_zip(elementwise.sub), "parallel", out, a.T, b.reshape(600, 1)),
                a.T - b,
            )
        else:
            # Many dimensions, so that an index is long in the making.
            many = np.broadcast_to(a, (3, 600, 600)).reshape(3, 4, 5, 5, 6, 4, 5, 5, 6)
            out = np.zeros((1, *many.shape[1:]))
            filled(tensor_reduce(operators.add), "parallel", out, many, more=(0,))
            close(out, many.sum(0, keepdims=True))


@pytest.mark.task3_1
def test_reduce_of_a_long_row_loses_nothing() -> None:
    # Threads that add to one element at the same time would.
    ones = np.ones((1, 2_000_000))
    for _ in range(3):
        out = filled(tensor_reduce(operators.add), "parallel", np.zeros((1, 1)), ones, more=(1,))
        assert out.item() == ones.size


@pytest.mark.task3_1
@pytest.mark.parametrize("size", [10, 40_000])
def test_float32_stays_float32(size: int) -> None:
    a, b = numbers(size, dtype=np.float32), numbers(size, dtype=np.float32, seed=1)
    x, y = tensor(a), tensor(b)
    close(-x, -a)
    close(x - y, a - b)
    assert (x.sum()).dtype == np.float32
    np.testing.assert_allclose(x.sum().item(), a.sum(dtype=np.float64), rtol=1e-3)


@pytest.mark.task3_1
def test_a_map_fills_the_part_that_it_is_given() -> None:
    whole = minitorch.zeros(4, 6, backend="fast")
    part = whole[1:3, ::2]
    minitorch.get_backend("fast").id_cmap(tensor(numbers(3)), part)
    expected = np.zeros((4, 6))
    expected[1:3, ::2] = numbers(3)
    close(whole, expected)
    # Rows that lie together: the storage goes on behind them.
    minitorch.get_backend("fast").id_cmap(tensor(numbers(2, 6)), whole[1:3])
    expected[1:3] = numbers(2, 6)
    close(whole, expected)


@pytest.mark.task3_1
def test_empty_and_dimensionless_tensors() -> None:
    close(-tensor(np.zeros((0, 3))), np.zeros((0, 3)))
    close(tensor(np.zeros((0, 3))) - tensor(numbers(3)), np.zeros((0, 3)))
    close(tensor(np.zeros((0, 3))).sum(0), np.zeros((1, 3)))
    close(-tensor(np.array(2.5)), np.array(-2.5))
    close(tensor(np.array(2.5)) - tensor(numbers(2, 3)), 2.5 - numbers(2, 3))


@st.composite
def broadcast_pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two arrays that broadcast, in layouts of their own."""
    shape = draw(st.lists(st.integers(1, 4), min_size=0, max_size=4))
    operands = []
    for seed in range(2):
        own = [1 if draw(st.integers(0, 3)) == 0 else n for n in shape]
        own = own[draw(st.integers(0, len(own))) :]
        operands.append(laid_out(draw(st.sampled_from(LAYOUTS)), numbers(*own, seed=seed)))
    return operands[0], operands[1]


@pytest.mark.task3_1
@given(broadcast_pairs(), st.sampled_from(sorted(BUILDS)))
def test_any_two_that_broadcast(operands: tuple[Any, Any], build: str) -> None:
    a, b = operands
    out = empty("contiguous", np.broadcast_shapes(a.shape, b.shape))
    close(filled(tensor_zip(elementwise.sub), build, out, a, b), a - b)


@pytest.mark.task3_1
def test_gradients_of_broadcast_arithmetic() -> None:
    a, b = tensor(numbers(2, 3, 2), "permuted"), tensor(numbers(3, 1))
    minitorch.grad_check(lambda x, y: (x * y).exp().sum(1), a * 0.1, b * 0.1)
    minitorch.grad_check(lambda x, y: (x - y).sigmoid().mean(0), a, b)


# Shapes of (..., n, k) and (..., k, m).
PRODUCTS = [
    ((2, 3), (3, 4)),
    ((4, 4), (4, 4)),
    ((1, 3), (3, 1)),
    ((3, 1), (1, 2)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)),
    ((5, 1, 3), (1, 3, 4)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((2, 0), (0, 3)),
    ((3, 700), (700, 2)),
]


@pytest.mark.task3_2
@builds
@pytest.mark.parametrize(("left", "right"), [p for p in PRODUCTS if max(map(len, p)) <= 3], ids=str)
def test_product_equals_numpy(build: str, left: Any, right: Any) -> None:
    # The kernel takes three dimensions.
    a, b = (x.reshape((1,) * (3 - x.ndim) + x.shape) for x in (numbers(*left), numbers(*right)))
    out = empty("contiguous", (a @ b).shape)
    close(filled(tensor_matrix_multiply, build, out, a, b), a @ b)


@pytest.mark.task3_2
def test_rows_of_the_product_do_not_share_an_index() -> None:
    # As many rows as keep each thread at work for longer than a busy machine lets it run at once.
    a, b = numbers(500, 600, 2), numbers(1, 2, 2, seed=1)
    for _ in range(5):
        out = empty("contiguous", (500, 600, 2))
        close(filled(tensor_matrix_multiply, "parallel", out, a, b), a @ b)


@pytest.mark.task3_2
@builds
@layouts
@out_layouts
def test_product_of_any_layout(build: str, layout: str, out_layout: str) -> None:
    a, b = numbers(2, 3, 4), numbers(2, 4, 5, seed=1)
    for other in LAYOUTS:
        out = empty(out_layout, (2, 3, 5))
        operands = laid_out(layout, a), laid_out(other, b)
        close(filled(tensor_matrix_multiply, build, out, *operands), a @ b)


@pytest.mark.task3_2
@pytest.mark.parametrize(("left", "right"), PRODUCTS, ids=str)
def test_product_of_tensors(left: Any, right: Any) -> None:
    a, b = numbers(*left), numbers(*right, seed=1)
    close(tensor(a, "sliced") @ tensor(b, "permuted"), a @ b)


@pytest.mark.task3_2
@pytest.mark.parametrize("size", [3, 50])
def test_product_of_float32_and_of_both(size: int) -> None:
    a, b = numbers(size, size), numbers(size, size, seed=1)
    a, b = a / abs(a).max(), b / abs(b).max()
    single = tensor(a.astype(np.float32)) @ tensor(b.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single.numpy(), a @ b, atol=1e-3)
    if size == 3:
        mixed = tensor(a.astype(np.float32)) @ tensor(b)
        close(mixed, a.astype(np.float32) @ b)


@pytest.mark.task3_2
@pytest.mark.parametrize(
    ("left", "right"), [((2, 3), (3, 4)), ((2, 2, 3), (3, 1)), ((1, 3), (2, 3, 2))], ids=str
)
def test_gradients_of_the_product(left: Any, right: Any) -> None:
    minitorch.grad_check(lambda x, y: x @ y, tensor(numbers(*left)), tensor(numbers(*right)))


@pytest.mark.task3_2
def test_a_transposed_product() -> None:
    a, b = numbers(5, 3), numbers(5, 4)
    close(tensor(a).permute(1, 0) @ tensor(b), a.T @ b)
    close(tensor(b).permute(1, 0) @ tensor(a), b.T @ a)
