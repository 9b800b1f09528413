"""Every operation on every backend gives what numpy gives, in shape, dtype and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_cases import BACKENDS, LAYOUTS, close, convolution, numbers, tensor, tiles

import minitorch

Case = tuple[Callable[..., Any], Callable[..., Any]]

pytestmark = [
    pytest.mark.parametrize("backend", BACKENDS),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # numpy's, at 1/0 and its like
]


def exact(got: Any, expected: Any) -> None:
    """Check that all numbers are the same, the sign of each zero too."""
    array = got.to_numpy()
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array, expected)
    np.testing.assert_array_equal(np.signbit(array)[array == 0], np.signbit(expected)[array == 0])


def sigmoid(a: Any) -> Any:
    return np.where(a >= 0, 1 / (1 + np.exp(-abs(a))), np.exp(-abs(a)) / (1 + np.exp(-abs(a))))


# On a tensor, and the same on a numpy array.
MAPS: dict[str, Case] = {
    "neg": (lambda a: -a, np.negative),
    "sigmoid": (lambda a: a.sigmoid(), sigmoid),
    "relu": (lambda a: a.relu(), lambda a: np.maximum(a, 0)),
    "log": (lambda a: a.log(), np.log),
    "exp": (lambda a: a.exp(), np.exp),
    "tanh": (lambda a: a.tanh(), np.tanh),
    "id": (lambda a: a.backend.id_map(a), np.copy),
    "inv": (lambda a: a.backend.inv_map(a), lambda a: 1 / a),
    "abs": (lambda a: a.abs(), np.abs),
    "sqrt": (lambda a: a.sqrt(), np.sqrt),
}
ZIPS: dict[str, Case] = {
    "add": (lambda a, b: a + b, np.add),
    "sub": (lambda a, b: a - b, np.subtract),
    "mul": (lambda a, b: a * b, np.multiply),
    "div": (lambda a, b: a / b, np.divide),
    "lt": (lambda a, b: a < b, lambda a, b: (a < b).astype(np.result_type(a, b))),
    "gt": (lambda a, b: a > b, lambda a, b: (a > b).astype(np.result_type(a, b))),
    "eq": (lambda a, b: a == b, lambda a, b: (a == b).astype(np.result_type(a, b))),
    "ne": (lambda a, b: a != b, lambda a, b: (a != b).astype(np.result_type(a, b))),
    "le": (lambda a, b: a <= b, lambda a, b: (a <= b).astype(np.result_type(a, b))),
    "ge": (lambda a, b: a >= b, lambda a, b: (a >= b).astype(np.result_type(a, b))),
    "pow": (lambda a, b: a**b, lambda a, b: a**b),
    "leaky": (lambda a, b: a.backend.leaky_zip(a, b), lambda a, b: np.where(a > 0, a, a * b)),
    "is_close": (
        lambda a, b: a.is_close(b),
        lambda a, b: (abs(a - b) < 0.01).astype(np.result_type(a, b)),
    ),
}
# What gradients are made of: (value that was kept, gradient).
BACKWARDS: dict[str, Case] = {
    "relu_back": (lambda a, d: a.backend.relu_back_zip(a, d), lambda a, d: np.where(a > 0, d, 0)),
    "log_back": (lambda a, d: a.backend.log_back_zip(a, d), lambda a, d: d / a),
    "inv_back": (lambda a, d: a.backend.inv_back_zip(a, d), lambda a, d: -d / (a * a)),
    "sigmoid_back": (
        lambda a, d: a.backend.sigmoid_back_zip(a, d),
        lambda a, d: d * a * (1 - a),
    ),
    "tanh_back": (lambda a, d: a.backend.tanh_back_zip(a, d), lambda a, d: d * (1 - a * a)),
    "abs_back": (lambda a, d: a.backend.abs_back_zip(a, d), lambda a, d: d * np.sign(a)),
    "sqrt_back": (lambda a, d: a.backend.sqrt_back_zip(a, d), lambda a, d: d / (2 * a)),
    "length_back": (lambda a, d: a.backend.length_back_zip(a, d), lambda a, d: d / (2 * a)),
    "leaky_slope": (
        lambda a, b: a.backend.leaky_slope_zip(a, b),
        lambda a, b: np.where(a > 0, 1, b),
    ),
    "pow_by_base": (lambda a, b: a.backend.pow_by_base_zip(a, b), lambda a, b: b * a ** (b - 1)),
    "pow_by_exponent": (
        lambda a, b: a.backend.pow_by_exponent_zip(a, b),
        lambda a, b: a**b * np.log(a),
    ),
}
REDUCTIONS: dict[str, Case] = {
    "sum": (lambda a, dim: a.sum(dim), lambda a, dim: a.sum(dim, keepdims=True)),
    "prod": (
        lambda a, dim: a.backend.mul_reduce(a, dim),
        lambda a, dim: a.prod(dim, keepdims=True),
    ),
    "max": (minitorch.max, lambda a, dim: a.max(dim, keepdims=True)),
    "mean": (lambda a, dim: a.mean(dim), lambda a, dim: a.mean(dim, keepdims=True)),
    "all": (
        lambda a, dim: a.all(dim),
        lambda a, dim: (a != 0).all(dim, keepdims=True).astype(a.dtype),
    ),
}

maps = pytest.mark.parametrize("name", MAPS)
zips = pytest.mark.parametrize("name", ZIPS)
backwards = pytest.mark.parametrize("name", BACKWARDS)
reductions = pytest.mark.parametrize("name", REDUCTIONS)
dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])

SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, -1e-30, 30.0, -30.0, 88.0, -100.0, 1000.0, -1000.0,
     np.inf, -np.inf, np.nan]
)  # fmt: skip
SHAPES = [(), (0,), (2, 0, 3), (1, 1), (3, 4), (2, 3, 4), (3, 1, 2, 2)]


@maps
@dtypes
def test_map(backend: str, name: str, dtype: Any) -> None:
    own, expected = MAPS[name]
    for shape in SHAPES:
        for layout in LAYOUTS:
            a = numbers(*shape, dtype=dtype)
            close(own(tensor(a, layout, backend)), expected(a))


@maps
@dtypes
def test_map_of_special_numbers(backend: str, name: str, dtype: Any) -> None:
    own, expected = MAPS[name]
    a = SPECIAL.astype(dtype)
    close(own(tensor(a, backend=backend)), expected(a))


@zips
@dtypes
def test_zip(backend: str, name: str, dtype: Any) -> None:
    own, expected = ZIPS[name]
    for shape in SHAPES:
        for layout in LAYOUTS:
            a, b = numbers(*shape, dtype=dtype), numbers(*shape, dtype=dtype, seed=1)
            b.flat[: b.size // 2] = a.flat[: b.size // 2]
            x, y = tensor(a, layout, backend), tensor(b, "permuted", backend)
            close(own(x, y), expected(a, b))


@zips
def test_zip_broadcasts(backend: str, name: str) -> None:
    own, expected = ZIPS[name]
    for left, right in [((), (2, 3)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((2, 1, 3), (4, 1)),
                        ((1,), (0,)), ((0, 1), (1, 3))]:  # fmt: skip
        a, b = numbers(*left), numbers(*right, seed=1)
        close(own(tensor(a, backend=backend), tensor(b, "sliced", backend)), expected(a, b))
        close(own(tensor(b, "stepped", backend), tensor(a, backend=backend)), expected(b, a))


@zips
def test_zip_of_special_numbers(backend: str, name: str) -> None:
    own, expected = ZIPS[name]
    a, b = SPECIAL.reshape(-1, 1), SPECIAL
    close(own(tensor(a, backend=backend), tensor(b, backend=backend)), expected(a, b))


@pytest.mark.parametrize("name", ["add", "div", "lt"])
def test_zip_of_float32_and_float64_gives_float64(backend: str, name: str) -> None:
    own, expected = ZIPS[name]
    a, b = numbers(3, 2, dtype=np.float32), numbers(2, seed=1)
    close(own(tensor(a, backend=backend), tensor(b, backend=backend)), expected(a, b))
    close(own(tensor(b, backend=backend), tensor(a, backend=backend)), expected(b, a))


@backwards
@dtypes
def test_parts_of_gradients(backend: str, name: str, dtype: Any) -> None:
    own, expected = BACKWARDS[name]
    a, d = numbers(3, 4, dtype=dtype), numbers(3, 4, dtype=dtype, seed=1)
    got = own(tensor(a, backend=backend), tensor(d, "permuted", backend))
    close(got, expected(a, d).astype(dtype))


@reductions
@dtypes
def test_reduction(backend: str, name: str, dtype: Any) -> None:
    own, expected = REDUCTIONS[name]
    for shape in [(1,), (4,), (3, 4), (2, 3, 4), (2, 1, 3)]:
        for layout in LAYOUTS:
            a = numbers(*shape, dtype=dtype)
            a.flat[0] = 0
            for dim in range(len(shape)):
                close(own(tensor(a, layout, backend), dim), expected(a, dim))


@pytest.mark.parametrize("name", ["sum", "prod", "all"])
def test_reduction_of_nothing_gives_the_start_value(backend: str, name: str) -> None:
    own, expected = REDUCTIONS[name]
    a = np.zeros((2, 0, 3))
    for dim in range(3):
        close(own(tensor(a, backend=backend), dim), expected(a, dim))


@reductions
def test_reduction_of_special_numbers(backend: str, name: str) -> None:
    own, expected = REDUCTIONS[name]
    a = np.array([[1.0, np.inf, 2], [-np.inf, np.inf, 0], [np.nan, 1, -1], [1, -2, np.nan],
                  [-np.inf] * 3])  # fmt: skip
    close(own(tensor(a, backend=backend), 1), expected(a, 1))


@dtypes
@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3), (3, 4)), ((2, 0), (0, 3)), ((0, 2), (2, 3)), ((4, 2, 3), (3, 1)),
     ((1, 2, 3), (5, 3, 2)), ((2, 1, 2, 3), (4, 3, 2))],
    ids=str,
)  # fmt: skip
def test_matrix_product(backend: str, dtype: Any, left: Any, right: Any) -> None:
    a, b = numbers(*left, dtype=dtype), numbers(*right, dtype=dtype, seed=1)
    for layout in LAYOUTS:
        close(tensor(a, layout, backend) @ tensor(b, "permuted", backend), a @ b)
        close(tensor(a, "sliced", backend) @ tensor(b, layout, backend), a @ b)


def test_matrix_product_of_both_dtypes_and_of_infinity(backend: str) -> None:
    a, b = numbers(2, 3, dtype=np.float32), numbers(3, 2, seed=1)
    close(tensor(a, backend=backend) @ tensor(b, backend=backend), a.astype(np.float64) @ b)
    b[0, 0], b[1, 1] = np.inf, np.nan
    close(tensor(a, backend=backend) @ tensor(b, backend=backend), a.astype(np.float64) @ b)


def test_matrix_product_with_vectors(backend: str) -> None:
    a, b = numbers(3), numbers(3, 4, seed=1)
    close(tensor(a, backend=backend) @ tensor(b, backend=backend), a @ b)
    close(tensor(b.T, backend=backend) @ tensor(a, backend=backend), b.T @ a)
    close(tensor(a, backend=backend) @ tensor(a, backend=backend), np.array(a @ a))


@dtypes
@pytest.mark.parametrize(
    ("image", "kernel"), [((7,), (3,)), ((5,), (5,)), ((4, 6), (3, 2)), ((3, 5), (3, 5))], ids=str
)
def test_convolution(backend: str, dtype: Any, image: Any, kernel: Any) -> None:
    function = minitorch.conv1d if len(image) == 1 else minitorch.conv2d
    a, w = numbers(2, 3, *image, dtype=dtype) / 9, numbers(4, 3, *kernel, dtype=dtype, seed=1) / 9
    for layout in LAYOUTS:
        close(function(tensor(a, layout, backend), tensor(w, "permuted", backend)),
              convolution(a, w))  # fmt: skip
        close(function(tensor(a, "sliced", backend), tensor(w, layout, backend)),
              convolution(a, w))  # fmt: skip


@pytest.mark.parametrize("image", [(5,), (4, 3)], ids=str)
def test_gradients_of_convolution(backend: str, image: Any) -> None:
    function = minitorch.conv1d if len(image) == 1 else minitorch.conv2d
    input, weight = numbers(2, 2, *image), numbers(3, 2, *[2 for _ in image], seed=1)
    minitorch.grad_check(function, tensor(input, backend=backend), tensor(weight, backend=backend))


def test_convolution_of_nothing(backend: str) -> None:
    for input, weight in [((0, 3, 5), (4, 3, 2)), ((2, 0, 5), (4, 0, 2)), ((2, 3, 5), (0, 3, 2))]:
        a, w = tensor(np.zeros(input), backend=backend), tensor(np.zeros(weight), backend=backend)
        close(minitorch.conv1d(a, w), np.zeros((input[0], weight[0], 5)))


@dtypes
def test_pooling_and_softmax(backend: str, dtype: Any) -> None:
    a = numbers(2, 3, 4, 6, dtype=dtype) / 9
    for layout in LAYOUTS:
        x = tensor(a, layout, backend)
        close(minitorch.avgpool2d(x, (2, 3)), tiles(a, (2, 3)).mean((4, 5)))
        close(minitorch.maxpool2d(x, (1, 2)), tiles(a, (1, 2)).max((4, 5)))
        exponentials = np.exp(a)
        softmax = exponentials / exponentials.sum(2, keepdims=True)
        close(minitorch.softmax(x, 2), softmax)
        close(minitorch.logsoftmax(x, 2), np.log(softmax))


def test_pooling_of_no_images(backend: str) -> None:
    none = tensor(np.zeros((0, 3, 4, 6)), backend=backend)
    close(minitorch.avgpool2d(none, (2, 3)), np.zeros((0, 3, 2, 2)))
    close(minitorch.maxpool2d(none, (2, 3)), np.zeros((0, 3, 2, 2)))


@dtypes
def test_special_numbers_are_chosen_as_they_are(backend: str, dtype: Any) -> None:
    a, b = np.repeat(SPECIAL, len(SPECIAL)).astype(dtype), np.tile(SPECIAL, len(SPECIAL))
    b = b.astype(dtype)
    x, y = (tensor(array, backend=backend).requires_grad_() for array in (a, b))
    mask = np.arange(a.size) % 3 == 0
    got = minitorch.where(mask, x, y)
    exact(got, np.where(mask, a, b))
    got.backward(b)
    exact(x.grad, np.where(mask, b, 0))
    exact(y.grad, np.where(mask, 0, b))
    for low, high in ((-1.0, 30.0), (0.0, None), (None, 0.5), (2.0, 1.0)):
        z = tensor(a, backend=backend).requires_grad_()
        got = z.clamp(low, high)
        exact(got, np.clip(a, low, high))
        got.backward(b)
        inside = (a >= (-np.inf if low is None else low)) & (
            a <= (np.inf if high is None else high)
        )
        exact(z.grad, np.where(inside, b, 0))
    softplus = minitorch.layers.functional.softplus(tensor(a, backend=backend))
    close(softplus, np.logaddexp(a, 0, dtype=dtype))


@dtypes
def test_all_that_tie_for_the_extreme_share_its_gradient(backend: str, dtype: Any) -> None:
    inf, nan = math.inf, math.nan
    for name, numbers_, shares in (
        ("max", [1.0, 3, 3, 2], [0, 1, 1, 0]),
        ("min", [1.0, 3, 1, 1], [1, 0, 1, 1]),
        ("max", [1.0, nan, inf, nan], [0, 1, 0, 1]),
        ("min", [1.0, nan, -inf, nan], [0, 1, 0, 1]),
        ("max", [-inf, -inf], [1, 1]),
    ):
        a = tensor(np.array(numbers_, dtype).reshape(2, -1), backend=backend).requires_grad_()
        getattr(a, name)().backward(6.0)
        expected = np.array(shares, dtype).reshape(a.shape)
        close(a.grad, expected * dtype(6) / expected.sum())


def test_results_stay_on_the_backend(backend: str) -> None:
    x = tensor(numbers(2, 2), backend=backend)
    for result in (x + 1, x.exp(), x.sum(), x @ x, x.permute(1, 0), x[0], minitorch.softmax(x, 0),
                   minitorch.dropout(x, 0.5)):  # fmt: skip
        assert result.backend is minitorch.get_backend(backend)
