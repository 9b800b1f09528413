"""The fast CUDA kernels: each computes what numpy does, at sizes around its tiles' edges.

They run on the simulator, with threads in several orders, and where there is a GPU on it too.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import pytest
from cuda_cases import PLACES
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import LAYOUTS, close, convolution, laid_out, numbers, tensor

import minitorch
from minitorch import cuda_compile, cuda_target, cudasim, fusion, operators
from minitorch import elementwise as scalar
from minitorch.cuda_ops import CudaOps
from minitorch.errors import ShapeError
from minitorch.kernels import cuda_conv, cuda_elementwise, cuda_matmul, cuda_reduce, cuda_tiles
from minitorch.kernels.cuda_tiles import LARGE, MEDIUM, SMALL, TINY, WIDE, Tile
from minitorch.tensor_data import TensorData
from minitorch.tuned_cuda import TunedCudaOps

ORDERS: list[str | int] = ["forward", "backward", 3]
DTYPES = [np.dtype(np.float32), np.dtype(np.float64)]
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=str)

# Small enough for the simulator, and with both a group of one and of several results.
TILES = [Tile(2, 2, 4, 4, 4), Tile(1, 8, 8, 2, 2)]
tiles = pytest.mark.parametrize("tile", TILES, ids=["2x2", "1x8"])


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    with cuda_target.using(request.param):
        yield request.param


@pytest.fixture(params=ORDERS, ids=str)
def order(request: pytest.FixtureRequest, place: str, monkeypatch: pytest.MonkeyPatch) -> str | int:
    """Let the simulator take the threads in this order; on a GPU there is no choice."""
    if place == "simulator":
        launch = functools.partial(cudasim.launch, order=request.param)
        monkeypatch.setattr(cudasim, "launch", launch)
    chosen: str | int = request.param
    return chosen


def stored(array: Any) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    """Return an array of any layout as device storage, shape and strides."""
    data = TensorData.from_array(array)
    return cuda_target.to_device(data._storage), data.shape, data.strides


def flat(array: Any) -> Any:
    return cuda_target.to_device(np.ascontiguousarray(array).reshape(-1))


@dtypes
@pytest.mark.parametrize("size", [1, 127, 128, 129, 1023, 1025])
def test_map_and_zip_of_any_size(place: str, dtype: Any, size: int) -> None:
    a, b = numbers(size, dtype=dtype), numbers(size, dtype=dtype, seed=1)
    out = cuda_target.empty(size, dtype)
    kernel = cuda_elementwise.map_kernels(operators.sigmoid, dtype)[0]
    cuda_elementwise.launch(kernel, size, out, flat(a), size)
    close(out.copy_to_host(), 1 / (1 + np.exp(-a)))
    kernel = cuda_elementwise.zip_kernels(scalar.sub, dtype, dtype)[0]
    cuda_elementwise.launch(kernel, size, out, flat(a), flat(b), size)
    close(out.copy_to_host(), a - b)


PAIRS = [
    ((4, 5), (4, 5)),
    ((4, 1), (1, 5)),
    ((7,), (150, 7)),
    ((2, 3, 4), (3, 1)),
    ((2, 1, 4), (1, 3, 1)),
    ((), (2, 3)),
    ((1,), (1,)),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_operands_of_any_layout_broadcast(place: str, layout: str, pair: Any) -> None:
    a = numbers(*pair[0], dtype=np.float32)
    b = numbers(*pair[1], seed=1)
    shape = np.broadcast_shapes(*pair)
    size = math.prod(shape)
    x, *x_lies = stored(laid_out(layout, a))
    y, *y_lies = stored(laid_out("permuted", b))
    form = cuda_elementwise.spread(shape, tuple(x_lies), tuple(y_lies))
    kernel = cuda_elementwise.zip_kernels(scalar.sub, a.dtype, b.dtype)[1]
    out = cuda_target.empty(size, np.float64)
    cuda_elementwise.launch(
        kernel, size, out, x, y, size, form.sizes, form.factors, form.shifts, *form.steps
    )
    close(out.copy_to_host().reshape(shape), a - b)
    form = cuda_elementwise.spread(shape, tuple(y_lies))
    kernel = cuda_elementwise.map_kernels(operators.neg, b.dtype)[1]
    out = cuda_target.empty(size, np.float64)
    cuda_elementwise.launch(
        kernel, size, out, y, size, form.sizes, form.factors, form.shifts, *form.steps
    )
    close(out.copy_to_host().reshape(shape), np.broadcast_to(-b, shape))


@given(st.integers(1, cuda_elementwise.MOST - 1), st.data())
def test_a_factor_and_a_shift_divide(divisor: int, data: st.DataObject) -> None:
    form = cuda_elementwise.spread((divisor,), ((divisor,), (1,)))
    largest = cuda_elementwise.MOST - 1
    some = data.draw(st.integers(0, largest))
    # A quotient goes wrong first just below a multiple, and sooner with large numbers.
    for n in {some, some // divisor * divisor, max(0, largest // divisor * divisor - 1), largest}:
        product = n * form.factors[0]
        assert product < 1 << 63
        assert product >> form.shifts[0] == n // divisor


def test_constants_of_single_precision_are_single() -> None:
    single, double = DTYPES
    x, y = np.float32(0.3), np.float32(0.2)
    for fn in (operators.sigmoid, operators.log, operators.inv, operators.exp, operators.relu):
        made = cuda_elementwise.in_precision(fn, single)
        assert not [c for c in made.__code__.co_consts if type(c) is float], fn.__name__
        close(np.float32(made(x)), np.float32(fn(x)))
        assert cuda_elementwise.in_precision(fn, double) is fn
    made = cuda_elementwise.in_precision(operators.log, single)
    assert type(made.__globals__["EPS"]) is np.float32
    assert type(operators.EPS) is float
    assert type(cuda_elementwise.in_precision(scalar.sqrt_back, single)(x, y)) is np.float32


def test_a_function_is_made_single_with_those_that_it_calls() -> None:
    def inner(x: float) -> float:
        return 2.0 * x

    def outer(x: float) -> float:
        return inner(x) + 0.5

    made = cuda_elementwise.in_precision(outer, DTYPES[0])
    assert type(made(np.float32(1.0))) is np.float32


def test_single_precision_needs_no_double_arithmetic() -> None:
    pytest.importorskip("numba_cuda", reason="numba-cuda compiles the kernels")
    storage = numba.float32[::1]
    kernel = cuda_elementwise.map_kernels(operators.sigmoid, DTYPES[0])[0]
    ptx = cuda_compile.ptx_of(kernel, (storage, storage, numba.int64))
    assert "div.rn.f32" in ptx
    assert ".f64" not in ptx


FOLDS = [
    (operators.add, 0.0, np.add),
    (operators.mul, 1.0, np.multiply),
    (operators.max, -math.inf, np.maximum),
]


@pytest.mark.parametrize(
    "lines", [(1, 1, 1), (3, 7, 1), (30, 10, 1), (2, 300, 1), (2, 33, 5), (1, 40, 33), (3, 0, 2)],
    ids=str,
)  # fmt: skip
def test_lines_are_folded(order: str | int, lines: Any) -> None:
    a = np.cos(numbers(*lines))
    for fn, start, expected in FOLDS:
        out = cuda_target.empty(lines[0] * lines[2], np.float64)
        cuda_reduce.fold(fn, start, out, flat(a), *lines)
        close(out.copy_to_host(), expected.reduce(a, 1, initial=start).reshape(-1))


@pytest.mark.parametrize("lines", [(1, 300, 1), (2, 150, 1), (1, 130, 3)], ids=str)
def test_few_long_lines_are_cut_into_parts(
    order: str | int, lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_reduce, "LEAST_EACH", 2)
    cuda_reduce.shared_out.cache_clear()
    monkeypatch.setattr(cuda_reduce, "THREADS", 32)
    a = numbers(*lines, dtype=np.float32)
    count = lines[0] * lines[2]
    assert cuda_reduce.shared_out(count, *lines[1:])[1] > 1
    out = cuda_target.empty(count, np.float32)
    cuda_reduce.fold(operators.add, 0.0, out, flat(a), *lines)
    cuda_reduce.shared_out.cache_clear()
    close(out.copy_to_host(), a.sum(1).reshape(-1))


@pytest.mark.parametrize("inner", [1, 2, 7, 32, 1000])
@pytest.mark.parametrize("length", [1, 5, 100, 10**4, 10**8])
@pytest.mark.parametrize("outer", [1, 3, 10**5])
def test_two_launches_fold_any_line(outer: int, length: int, inner: int) -> None:
    workers, parts = cuda_reduce.shared_out(outer * inner, length, inner)
    assert workers & (workers - 1) == 0
    assert workers <= cuda_reduce.THREADS
    assert parts == 1 or cuda_reduce.shared_out(outer * inner, parts, outer * inner)[1] == 1


def test_sums_are_as_exact_as_their_inputs(place: str) -> None:
    a = np.full(2000, 0.1, np.float32)
    a[0] = 2.0**24
    # Those that are added to the first in single precision.
    a[np.arange(1, 4) * cuda_reduce.shared_out(1, a.size, 1)[0]] = 0.0
    out = cuda_target.empty(1, np.float32)
    cuda_reduce.fold(operators.add, 0.0, out, flat(a), 1, a.size, 1)
    assert out.copy_to_host()[0] == np.float32(math.fsum(a.tolist()))


def lies(transposed: bool, array: Any) -> Any:
    """Return matrices whose rows, or whose columns, lie contiguously."""
    if transposed:
        return np.ascontiguousarray(array.swapaxes(1, 2)).swapaxes(1, 2)
    return array


def product(tile: Tile, a: Any, b: Any, parts: int = 1) -> Any:
    """Return the products, of (batch, n, k) and (batch or 1, k, m), by the kernel of a tile."""
    batch, rows, length = a.shape
    columns = b.shape[2]
    out = cuda_target.empty(batch * parts * rows * columns, a.dtype)
    x, _, x_steps = stored(a)
    y, _, y_steps = stored(b)
    if len(b) == 1:
        y_steps = (0, *y_steps[1:])
    cuda_matmul.product_kernel(a.dtype, tile)[
        batch * parts * tile.blocks(rows, columns), (tile.across, tile.down)
    ](
        out, (rows * columns, columns, 1), x, x_steps, y, y_steps,
        (rows, columns, length), parts, -(-length // parts),
    )  # fmt: skip
    return out.copy_to_host().reshape(batch, parts, rows, columns).sum(1, dtype=a.dtype)


@tiles
@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)])
def test_product_of_any_layout(order: str | int, tile: Tile, transposed: Any) -> None:
    a, b = numbers(2, 9, 7) / 9, numbers(2, 7, 9, seed=1) / 9
    close(product(tile, lies(transposed[0], a), lies(transposed[1], b)), a @ b)


@tiles
@pytest.mark.parametrize(
    ("rows", "length", "columns"), [(1, 1, 1), (8, 4, 8), (7, 8, 9), (8, 5, 16), (3, 0, 2)]
)
def test_product_of_any_size(place: str, tile: Tile, rows: int, length: int, columns: int) -> None:
    a, b = numbers(1, rows, length) / 9, numbers(1, length, columns, seed=1) / 9
    close(product(tile, laid_out("stepped", a), laid_out("sliced", b)), a @ b)


@tiles
def test_product_of_a_batch_with_one_matrix_and_in_parts(order: str | int, tile: Tile) -> None:
    a, b = numbers(3, 5, 11) / 9, numbers(1, 11, 6, seed=1) / 9
    close(product(tile, a, b, parts=3), a @ b)


@dtypes
@pytest.mark.parametrize("tile", [SMALL, TINY], ids=["SMALL", "TINY"])
def test_product_by_tiles_in_use(place: str, tile: Tile, dtype: Any) -> None:
    a = numbers(1, tile.rows - 1, tile.depth + 1, dtype=dtype) / 9
    b = numbers(1, tile.depth + 1, tile.columns - 1, dtype=dtype, seed=1) / 9
    close(product(tile, a, b), a @ b)


@pytest.mark.parametrize("tile", [LARGE, WIDE, MEDIUM], ids=["LARGE", "WIDE", "MEDIUM"])
def test_product_by_large_tiles(place: str, tile: Tile) -> None:
    a, b = numbers(1, tile.rows, 3) / 99, numbers(1, 3, tile.columns - 1, seed=1) / 99
    close(product(tile, a, b), a @ b)


def test_infinity_and_nan_stay_in_their_rows_and_columns(place: str) -> None:
    a, b = numbers(1, 9, 3), numbers(1, 3, 10, seed=1)
    a[0, 2, 1], b[0, 0, 8] = np.inf, np.nan
    close(product(TILES[0], a, b), a @ b)


@pytest.mark.parametrize("tile", [LARGE, WIDE, MEDIUM, SMALL], ids=str)
def test_threads_of_a_warp_write_to_different_banks(tile: Tile) -> None:
    *_, first_of = cuda_tiles.tile_functions(np.float32, tile)
    for side in (tile.rows, tile.columns):
        for along_k in (False, True):
            places = [first_of(thread, side, along_k) for thread in range(32)]
            banks = [(k * (side + tile.pad) + at) % 32 for at, k, _, _ in places]
            assert len(set(banks)) == 32


@pytest.mark.parametrize("tile", [LARGE, WIDE, MEDIUM, SMALL, TINY], ids=str)
def test_threads_bring_each_number_of_a_tile_once(tile: Tile) -> None:
    *_, first_of = cuda_tiles.tile_functions(np.float32, tile)
    for side in (tile.rows, tile.columns):
        for along_k in (False, True):
            brought = []
            for thread in range(tile.threads):
                at, k, hop, k_hop = first_of(thread, side, along_k)
                share = side * tile.depth // tile.threads
                brought += [(at + i * hop, k + i * k_hop) for i in range(share)]
            assert sorted(brought) == [(i, k) for i in range(side) for k in range(tile.depth)]


@pytest.mark.parametrize("transposed", [(False, True), (True, False)])
def test_warps_read_neighbours(transposed: Any) -> None:
    with cuda_target.using("simulator"):
        a = lies(transposed[0], numbers(1, 32, 16, dtype=np.float32))
        b = lies(transposed[1], numbers(1, 16, 32, dtype=np.float32))
        (x, _, x_steps), (y, _, y_steps) = stored(a), stored(b)
        out = cuda_target.empty(32 * 32, np.float32)
        report = cudasim.launch(
            cuda_matmul.product_kernel(a.dtype, SMALL).body, 1, (SMALL.across, SMALL.down),
            (out, (0, 32, 1), x, x_steps, y, y_steps, (32, 32, 16), 1, 16), measure=True,
        )  # fmt: skip
    assert report.arrays is not None
    assert report.arrays["a"].coalescing == 1.0
    assert report.arrays["b"].coalescing == 1.0


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(0, 10**6), st.integers(1, 100))
def test_parts_make_up_the_whole_sum(rows: int, columns: int, length: int, batch: int) -> None:
    for itemsize in (4, 8):
        _, parts, span = cuda_tiles.planned(rows, columns, length, batch, itemsize)
        assert (parts - 1) * span < max(1, length) <= max(1, parts * span)


def test_large_products_have_large_tiles_and_long_sums_several_blocks() -> None:
    assert cuda_tiles.planned(4096, 4096, 4096, 1, 4)[:2] == (LARGE, 1)
    assert LARGE not in [cuda_tiles.planned(n, n, n, 1, 8)[0] for n in (64, 512, 4096)]
    assert cuda_tiles.planned(64, 65536, 288, 1, 4)[:2] == (WIDE, 1)
    assert cuda_tiles.planned(64, 288, 65536, 1, 4)[1] > 50
    assert cuda_tiles.planned(512, 512, 512, 1, 4)[:2] == (SMALL, 1)
    assert cuda_tiles.planned(3, 4, 5, 1, 4)[:2] == (TINY, 1)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every sum of at least 4 products be cut in two, with a small tile."""

    def planned(rows: int, columns: int, length: int, batch: int, itemsize: int) -> Any:
        parts = 2 if length >= 4 else 1
        return TILES[0], parts, -(-length // parts)

    for room in (cuda_matmul, cuda_conv):
        monkeypatch.setattr(room, "planned", planned)


@pytest.mark.usefixtures("small_parts")
def test_multiply_adds_up_the_parts(order: str | int) -> None:
    a, b = numbers(2, 3, 9) / 9, numbers(2, 9, 5, seed=1) / 9
    out = cuda_target.empty(2 * 3 * 5, a.dtype)
    cuda_matmul.multiply(out, (15, 5, 1), flat(a), (27, 9, 1), flat(b), (45, 5, 1), 2, 3, 5, 9)
    close(out.copy_to_host().reshape(2, 3, 5), a @ b)


def convolved(a: Any, w: Any, reverse: bool, sizes: Any = None) -> Any:
    sizes = a.shape[2:] if sizes is None else sizes
    shape = (len(a), len(w), *sizes)
    out = cuda_target.empty(math.prod(shape), a.dtype)
    steps = TensorData.from_array(np.empty(shape)).strides
    cuda_conv.convolve(out, shape, steps, *stored(a), *stored(w), reverse)
    return out.copy_to_host().reshape(shape)


@pytest.mark.parametrize("reverse", [False, True], ids=["anchored", "reversed"])
@pytest.mark.parametrize(
    ("image", "kernel"),
    [((3, 4), (3, 2)), ((2, 3), (2, 3)), ((1, 7), (1, 3)), ((5, 1), (2, 1)), ((2, 2), (1, 1))],
    ids=str,
)
def test_conv2d(place: str, reverse: bool, image: Any, kernel: Any) -> None:
    a, w = numbers(2, 2, *image) / 9, numbers(9, 2, *kernel, seed=1) / 9
    close(convolved(a, w, reverse), convolution(a, w, reverse))


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_conv2d_of_any_layout_in_parts(order: str | int, layout: str) -> None:
    a, w = numbers(2, 2, 2, 3) / 9, numbers(9, 2, 2, 3, seed=1) / 9
    close(convolved(laid_out(layout, a), laid_out("permuted", w), False), convolution(a, w))
    close(convolved(laid_out("sliced", a), laid_out(layout, w), True), convolution(a, w, True))


@dtypes
def test_conv2d_may_give_less_than_the_image(place: str, dtype: Any) -> None:
    a = numbers(2, 3, 5, 4, dtype=dtype) / 9
    w = numbers(2, 3, 4, 3, dtype=dtype, seed=1) / 9
    close(convolved(a, w, False, (2, 3)), convolution(a, w, sizes=(2, 3)))


def test_the_backend_of_that_name_is_the_fast_one(place: str) -> None:
    assert minitorch.get_backend("cuda").ops is TunedCudaOps
    assert fusion._fused[CudaOps].keys() <= fusion._fused[TunedCudaOps].keys()


@dtypes
def test_operations_on_tensors(place: str, dtype: Any) -> None:
    a, b = numbers(3, 5, dtype=dtype), numbers(5, seed=1)
    backend = minitorch.get_backend("cuda")
    x, y = tensor(a, "permuted", "cuda"), tensor(b, backend="cuda")
    close(backend.neg_map(x), -a)
    close(backend.sub_zip(x, y), a - b)
    close(backend.add_reduce(x, 0), a.sum(0, keepdims=True))
    close(backend.max_reduce(x, 1), a.max(1, keepdims=True))
    close(backend.add_reduce(tensor(np.zeros((2, 0)), backend="cuda"), 1), np.zeros((2, 1)))
    for out_layout in ("contiguous", "sliced"):
        out = tensor(np.zeros((3, 5)), out_layout, "cuda")
        close(backend.id_cmap(y, out), np.broadcast_to(b, (3, 5)))
    with pytest.raises(ShapeError, match=r"map: shape \(3, 5\) does not broadcast to \(5,\)"):
        backend.id_cmap(x, y)


@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3), (3, 4)), ((2, 0), (0, 3)), ((4, 2, 3), (3, 2)), ((1, 2, 3), (5, 3, 2)),
     ((2, 1, 2, 3), (3, 3, 2))],
    ids=str,
)  # fmt: skip
def test_products_of_tensors(place: str, left: Any, right: Any) -> None:
    a, b = numbers(*left), numbers(*right, seed=1)
    for layout in ("contiguous", "permuted"):
        x, y = tensor(a, layout, "cuda"), tensor(b, "sliced", "cuda")
        close(TunedCudaOps.matrix_multiply(x, y), a @ b)
    mixed = tensor(b.astype(np.float32), backend="cuda")
    close(TunedCudaOps.matrix_multiply(x, mixed), a @ b.astype(np.float32))


@pytest.mark.parametrize("little", [0, 1 << 14], ids=["tiles", "course"])
def test_conv2d_of_tensors(place: str, little: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minitorch.tuned_cuda._LITTLE", little)
    a, w = numbers(2, 2, 3, 4) / 9, numbers(3, 2, 2, 2, seed=1) / 9
    grads = []
    for backend in ("cuda", "simple"):
        x, y = (tensor(v, "permuted", backend).requires_grad_() for v in (a, w))
        out = minitorch.conv2d(x, y)
        close(out.to_numpy(), convolution(a, w))
        (out * out).sum().backward()
        assert x.grad is not None
        assert y.grad is not None
        grads.append((x.grad.to_numpy(), y.grad.to_numpy()))
    for own, plain in zip(*grads, strict=True):
        close(own, plain)
