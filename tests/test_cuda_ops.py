"""Tasks 3.3 and 3.4: map, zip, reduce and the matrix product on CUDA.

Each kernel runs on the simulator, which reports races, reads out of bounds and missed barriers,
and where there is a GPU on it too.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from cuda_cases import empty, launched, place  # noqa: F401, a fixture
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import LAYOUTS, close, laid_out, numbers, tensor

import minitorch
from minitorch import elementwise, operators
from minitorch.cuda_ops import (
    REDUCE_THREADS,
    TILE,
    CudaOps,
    mm_practice,
    sum_practice,
    tensor_map,
    tensor_matrix_multiply,
    tensor_reduce,
    tensor_zip,
)
from minitorch.cuda_target import blocks_for
from minitorch.errors import ShapeError
from minitorch.tensor_data import TensorData

pytestmark = pytest.mark.usefixtures("place")

layouts = pytest.mark.parametrize("layout", LAYOUTS)
out_layouts = pytest.mark.parametrize("out_layout", LAYOUTS)
dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])

# Pairs of shapes that broadcast.
PAIRS = [
    ((4, 5), (4, 5)),
    ((4, 1), (1, 5)),
    ((5,), (4, 5)),
    ((2, 3, 4), (3, 1)),
    ((2, 1, 4), (1, 3, 1)),
    ((), (2, 3)),
    ((1,), (4,)),
]
# Fewer than a block's threads, as many, more.
THREADS = 32
SIZES = [1, 31, 32, 33, 64, 100]


def one_each(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return blocks and threads for a thread for each element."""
    return blocks_for(math.prod(shape), THREADS), THREADS


def reduced(shape: tuple[int, ...], dim: int) -> tuple[int, ...]:
    return tuple(1 if d == dim else n for d, n in enumerate(shape))


@pytest.mark.task3_3
@layouts
@out_layouts
def test_map_reads_and_writes_any_layout(layout: str, out_layout: str) -> None:
    a = numbers(3, 4, 5)
    out = empty(out_layout, a.shape)
    close(
        launched(tensor_map(operators.neg), *one_each(a.shape), out, laid_out(layout, a)),
        -a,
    )


@pytest.mark.task3_3
@pytest.mark.parametrize("size", SIZES)
def test_map_of_any_size_leaves_threads_idle(size: int) -> None:
    a = numbers(size)
    out = empty("contiguous", a.shape)
    close(launched(tensor_map(operators.neg), *one_each(a.shape), out, a), -a)


@pytest.mark.task3_3
@layouts
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_map_broadcasts_its_input(layout: str, pair: Any) -> None:
    shape = np.broadcast_shapes(*pair)
    for small in pair:
        a = numbers(*small)
        out = empty("permuted", shape)
        launched(tensor_map(operators.neg), *one_each(shape), out, laid_out(layout, a))
        close(out, np.broadcast_to(-a, shape))


@pytest.mark.task3_3
@layouts
@out_layouts
def test_zip_reads_and_writes_any_layout(layout: str, out_layout: str) -> None:
    a, b = numbers(3, 4, 5), numbers(3, 4, 5, seed=1)
    for other in ("permuted", "stepped"):
        out = empty(out_layout, a.shape)
        launched(tensor_zip(elementwise.sub), *one_each(a.shape), out,
                 laid_out(layout, a), laid_out(other, b))  # fmt: skip
        close(out, a - b)


@pytest.mark.task3_3
@pytest.mark.parametrize("size", SIZES)
def test_zip_of_any_size_leaves_threads_idle(size: int) -> None:
    a, b = numbers(size), numbers(size, seed=1)
    out = empty("contiguous", a.shape)
    close(launched(tensor_zip(elementwise.sub), *one_each(a.shape), out, a, b), a - b)


@pytest.mark.task3_3
@layouts
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_zip_broadcasts_both_inputs(layout: str, pair: Any) -> None:
    a, b = numbers(*pair[0]), numbers(*pair[1], seed=1)
    shape = np.broadcast_shapes(*pair)
    kernel = tensor_zip(elementwise.sub)
    out = empty("contiguous", shape)
    close(launched(kernel, *one_each(shape), out, laid_out(layout, a), b), a - b)
    out = empty("contiguous", shape)
    close(launched(kernel, *one_each(shape), out, b, laid_out(layout, a)), b - a)


@pytest.mark.task3_3
@pytest.mark.parametrize("size", [1, 2, 31, 32, 33, 64, 70])
def test_sum_practice_sums_pieces_of_32(size: int) -> None:
    a = numbers(size)
    padded = np.zeros(32 * -(-size // 32))
    padded[:size] = a
    out = sum_practice(tensor(a, backend="cuda"))
    assert isinstance(out, TensorData)
    close(out.numpy(), padded.reshape(-1, 32).sum(1))


@pytest.mark.task3_3
def test_sum_practice_of_other_layouts_and_shapes() -> None:
    a = numbers(40)
    out = sum_practice(tensor(a, "stepped", "cuda"))
    close(out.numpy(), np.array([a[:32].sum(), a[32:].sum()]))
    with pytest.raises(ShapeError, match=r"sum_practice: takes a vector, not shape \(2, 3\)"):
        sum_practice(tensor(numbers(2, 3), backend="cuda"))


@pytest.mark.task3_3
@layouts
@out_layouts
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_reduce_folds_one_dimension(layout: str, out_layout: str, dim: int) -> None:
    a = numbers(2, 3, 4)
    out = empty(out_layout, reduced(a.shape, dim))
    launched(tensor_reduce(operators.add), out.size, 32, out, laid_out(layout, a), more=(dim, 0.0))
    close(out, a.sum(dim, keepdims=True))


@pytest.mark.task3_3
@pytest.mark.parametrize("threads", [32, 64, REDUCE_THREADS])
@pytest.mark.parametrize("length", [1, 2, 3, 31, 32, 33, 64, 100, 257, 1000])
def test_reduce_of_any_length_by_any_power_of_two_threads(threads: int, length: int) -> None:
    a = numbers(2, length)
    for function, start, expected in [
        (operators.add, 0.0, a.sum(1, keepdims=True)),
        (operators.max, -math.inf, a.max(1, keepdims=True)),
    ]:
        out = empty("contiguous", (2, 1))
        launched(tensor_reduce(function), 2, threads, out, a, more=(1, start))
        close(out, expected)


@pytest.mark.task3_3
def test_reduce_of_nothing_gives_the_start_value() -> None:
    backend = minitorch.get_backend("cuda")
    a = tensor(np.zeros((2, 0, 3)), backend="cuda")
    close(backend.add_reduce(a, 1), np.zeros((2, 1, 3)))
    close(backend.mul_reduce(a, 1), np.ones((2, 1, 3)))
    close(backend.add_reduce(a, 0), np.zeros((1, 0, 3)))


@pytest.mark.task3_3
@dtypes
def test_operations_on_tensors(dtype: Any) -> None:
    a, b = numbers(3, 5, dtype=dtype), numbers(5, dtype=dtype, seed=1)
    backend = minitorch.get_backend("cuda")
    x, y = tensor(a, "permuted", "cuda"), tensor(b, backend="cuda")
    close(backend.neg_map(x), -a)
    close(backend.sub_zip(x, y), a - b)
    close(backend.add_reduce(x, 0), a.sum(0, keepdims=True))
    close(backend.max_reduce(x, 1), a.max(1, keepdims=True))
    close(CudaOps.reduce(operators.mul, 1.0)(x, -1), a.prod(1, keepdims=True))


@pytest.mark.task3_3
@settings(max_examples=20)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple),
    st.sampled_from(LAYOUTS),
    st.data(),
)
def test_random_shapes(shape: tuple[int, ...], layout: str, data: st.DataObject) -> None:
    a = numbers(*shape)
    x = tensor(a, layout, "cuda")
    backend = minitorch.get_backend("cuda")
    dim = data.draw(st.integers(0, len(shape) - 1))
    small = numbers(*reduced(shape, dim), seed=1)
    close(backend.neg_map(x), -a)
    close(backend.sub_zip(x, tensor(small, "permuted", "cuda")), a - small)
    close(backend.add_reduce(x, dim), a.sum(dim, keepdims=True))


@pytest.mark.task3_4
@pytest.mark.parametrize("size", [1, 2, 5, 16, 31, 32])
def test_mm_practice(size: int) -> None:
    a, b = numbers(size, size), numbers(size, size, seed=1)
    out = mm_practice(tensor(a, "permuted", "cuda"), tensor(b, backend="cuda"))
    assert isinstance(out, TensorData)
    close(out.numpy(), a @ b)


@pytest.mark.task3_4
@pytest.mark.parametrize(("left", "right"), [((2, 3), (3, 2)), ((2, 2), (3, 3)), ((33, 33),) * 2])
def test_mm_practice_refuses_what_one_block_cannot(left: Any, right: Any) -> None:
    a, b = tensor(numbers(*left), backend="cuda"), tensor(numbers(*right), backend="cuda")
    with pytest.raises(ShapeError, match="both must be square, of one size up to 32 x 32"):
        mm_practice(a, b)


def product(out: Any, a: Any, b: Any, batch: int, rows: int, columns: int) -> Any:
    """Fill out, which is (batch, rows, columns), by the kernel."""
    blocks = (blocks_for(rows, TILE), blocks_for(columns, TILE), batch)
    return launched(tensor_matrix_multiply, blocks, (TILE, TILE), out, a, b)


@pytest.mark.task3_4
@pytest.mark.parametrize(
    ("rows", "length", "columns"),
    [(1, 1, 1), (2, 3, 4), (16, 16, 16), (17, 16, 15), (15, 17, 16), (16, 15, 17), (5, 40, 3),
     (33, 2, 34), (1, 33, 1)],
)  # fmt: skip
def test_product_of_any_size(rows: int, length: int, columns: int) -> None:
    a, b = numbers(1, rows, length), numbers(1, length, columns, seed=1)
    close(product(empty("sliced", (1, rows, columns)), a, b, 1, rows, columns), a @ b)


@pytest.mark.task3_4
@layouts
@out_layouts
def test_product_of_any_layout(layout: str, out_layout: str) -> None:
    a, b = numbers(2, 3, 5), numbers(2, 5, 4, seed=1)
    for other in ("permuted", "sliced"):
        out = empty(out_layout, (2, 3, 4))
        close(product(out, laid_out(layout, a), laid_out(other, b), 2, 3, 4), a @ b)
        out = empty(out_layout, (2, 3, 4))
        close(product(out, laid_out(other, a), laid_out(layout, b), 2, 3, 4), a @ b)


@pytest.mark.task3_4
def test_product_with_one_matrix_for_the_whole_batch() -> None:
    a, b = numbers(3, 2, 4), numbers(1, 4, 3, seed=1)
    close(product(empty("contiguous", (3, 2, 3)), a, b, 3, 2, 3), a @ b)
    b, a = numbers(3, 4, 2), numbers(1, 3, 4, seed=1)
    close(product(empty("contiguous", (3, 3, 2)), a, b, 3, 3, 2), a @ b)


@pytest.mark.task3_4
@dtypes
@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3), (3, 4)), ((2, 0), (0, 3)), ((0, 2), (2, 3)), ((4, 2, 3), (3, 1)),
     ((1, 2, 3), (5, 3, 2)), ((2, 1, 2, 3), (4, 3, 2))],
    ids=str,
)  # fmt: skip
def test_products_of_tensors(dtype: Any, left: Any, right: Any) -> None:
    a, b = numbers(*left, dtype=dtype), numbers(*right, dtype=dtype, seed=1)
    for layout in LAYOUTS:
        out = CudaOps.matrix_multiply(tensor(a, layout, "cuda"), tensor(b, "permuted", "cuda"))
        close(out, a @ b)


@pytest.mark.task3_4
def test_infinity_and_nan_stay_in_their_rows_and_columns() -> None:
    a, b = numbers(18, 3), numbers(3, 17, seed=1)
    a[2, 1], b[0, 16] = np.inf, np.nan
    close(CudaOps.matrix_multiply(tensor(a, backend="cuda"), tensor(b, backend="cuda")), a @ b)


@pytest.mark.task3_4
def test_more_matrices_than_a_launch_has_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minitorch.cuda_ops.MOST_BLOCKS", 2)
    a, b = numbers(5, 2, 3), numbers(3, 2, seed=1)
    x, y = tensor(a, backend="cuda"), tensor(b, backend="cuda")
    close(CudaOps.matrix_multiply(x, y), a @ b)
    close(
        CudaOps.matrix_multiply(x, tensor(numbers(5, 3, 2), backend="cuda")), a @ numbers(5, 3, 2)
    )


@pytest.mark.task3_4
def test_gradients_of_the_product() -> None:
    a, b = tensor(numbers(2, 3, 2), backend="cuda"), tensor(numbers(2, 4, seed=1), backend="cuda")
    minitorch.grad_check(lambda a, b: a @ b, a, b)
