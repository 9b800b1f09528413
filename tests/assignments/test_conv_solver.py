"""The assignment on convolution and the Solver: its reference arrays, gradients, files, runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minitorch
from minitorch.errors import ShapeError
from project.assignments.conv_solver import csv_files
from project.assignments.conv_solver import layer_utils as sandwich
from project.assignments.conv_solver import layers as L
from project.assignments.conv_solver.classifiers.cnn import ThreeLayerConvNet
from project.assignments.conv_solver.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
    rel_error,
)

FOLDER = Path(csv_files.__file__).parent
POOL = {"pool_height": 2, "pool_width": 2, "stride": 2}

Array = npt.NDArray[Any]

CONV_OUT = [
    -0.08759809, -0.10987781, -0.18387192, -0.2109216,
    0.21027089, 0.21661097, 0.22847626, 0.23004637,
    0.50813986, 0.54309974, 0.64082444, 0.67101435,
    -0.98053589, -1.03143541, -1.19128892, -1.24695841,
    0.69108355, 0.66880383, 0.59480972, 0.56776003,
    2.36270298, 2.36904306, 2.38090835, 2.38247847,
]  # fmt: skip
POOL_OUT = [
    -0.26315789, -0.24842105, -0.20421053, -0.18947368,
    -0.14526316, -0.13052632, -0.08631579, -0.07157895,
    -0.02736842, -0.01263158, 0.03157895, 0.04631579,
    0.09052632, 0.10526316, 0.14947368, 0.16421053,
    0.20842105, 0.22315789, 0.26736842, 0.28210526,
    0.32631579, 0.34105263, 0.38526316, 0.4,
]  # fmt: skip


def line(low: float, high: float, *shape: int) -> Array:
    return np.linspace(low, high, num=int(np.prod(shape))).reshape(shape)


def normal(seed: int, *shapes: tuple[int, ...]) -> list[Array]:
    chance = np.random.RandomState(seed)
    return [chance.standard_normal(shape) for shape in shapes]


def check_gradients(
    forward: Callable[..., tuple[Array, Any]],
    backward: Callable[[Array, Any], Any],
    arrays: list[Array],
    dout: Array,
) -> None:
    """Compare each gradient of `backward` with central differences of `forward`."""
    given = backward(dout, forward(*arrays)[1])
    gradients = given if isinstance(given, tuple) else (given,)
    for place, gradient in enumerate(gradients):

        def output(changed: Array, place: int = place) -> Array:
            return forward(*arrays[:place], changed, *arrays[place + 1 :])[0]

        numerical = eval_numerical_gradient_array(output, arrays[place], dout)
        assert gradient.shape == numerical.shape
        # The difference, against the largest element: small elements drown in the rounding.
        assert np.abs(gradient - numerical).max() <= 1e-8 * max(1.0, np.abs(gradient).max())


def test_the_convolution_of_the_document() -> None:
    x, w, b = line(-0.1, 0.5, 2, 3, 4, 4), line(-0.2, 0.3, 3, 3, 4, 4), line(-0.1, 0.2, 3)
    out, _ = L.conv_forward(x, w, b, {"stride": 2, "pad": 2})
    assert out.shape == (2, 3, 2, 2)
    assert rel_error(out.ravel(), np.array(CONV_OUT)) < 1e-7


def test_the_pooling_of_the_document() -> None:
    out, _ = L.max_pool_forward(line(-0.3, 0.4, 2, 3, 4, 4), POOL)
    assert out.shape == (2, 3, 2, 2)
    assert rel_error(out.ravel(), np.array(POOL_OUT)) < 1e-7


@settings(max_examples=15)
@given(
    sizes=st.tuples(*[st.integers(1, 3)] * 3, *[st.integers(3, 7)] * 2, *[st.integers(1, 3)] * 2),
    stride=st.integers(1, 3),
    border=st.integers(0, 2),
)
def test_a_convolution_is_its_sum_window_by_window(
    sizes: tuple[int, ...], stride: int, border: int
) -> None:
    n, c, f, height, width, hh, ww = sizes
    x, w, b = normal(0, (n, c, height, width), (f, c, hh, ww), (f,))
    param = {"stride": stride, "pad": 2 * border}
    out, _ = L.conv_forward(x, w, b, param)
    padded = np.zeros((n, c, height + 2 * border, width + 2 * border))
    padded[:, :, border : border + height, border : border + width] = x
    for image, channel, i, j in np.ndindex(*out.shape):
        window = padded[image, :, i * stride : i * stride + hh, j * stride : j * stride + ww]
        assert out[image, channel, i, j] == pytest.approx(np.sum(window * w[channel]) + b[channel])
    (dout,) = normal(1, out.shape)
    assert out.shape[2] == 1 + (height + 2 * border - hh) // stride
    check_gradients(
        lambda x, w, b: L.conv_forward(x, w, b, param), L.conv_backward, [x, w, b], dout
    )


def test_the_convolution_of_the_files_has_its_gradients() -> None:
    x, w, b, dout = (
        csv_files.read_array(FOLDER / "input_files" / f"{name}.csv", shape)
        for name, shape in csv_files.INPUT_SHAPES.items()
        if name.startswith("conv_backward")
    )
    param = {"stride": 1, "pad": 2}
    _, cache = L.conv_forward(x, w, b, param)
    dx, dw, db = L.conv_backward(dout, cache)
    for gradient, array, output in (
        (dx, x, lambda x: L.conv_forward(x, w, b, param)[0]),
        (dw, w, lambda w: L.conv_forward(x, w, b, param)[0]),
        (db, b, lambda b: L.conv_forward(x, w, b, param)[0]),
    ):
        assert rel_error(gradient, eval_numerical_gradient_array(output, array, dout)) < 1e-8


@settings(max_examples=15)
@given(
    height=st.integers(3, 6), width=st.integers(3, 6), pool_height=st.integers(1, 3),
    pool_width=st.integers(1, 3), stride=st.integers(1, 3),
)  # fmt: skip
def test_pooling_takes_the_largest_of_each_window(
    height: int, width: int, pool_height: int, pool_width: int, stride: int
) -> None:
    # Shuffled whole numbers: no step of the differences makes another element the largest.
    x = np.random.RandomState(0).permutation(2.0 * np.arange(2 * 2 * height * width))
    x = x.reshape(2, 2, height, width)
    param = {"pool_height": pool_height, "pool_width": pool_width, "stride": stride}
    out, _ = L.max_pool_forward(x, param)
    for image, channel, i, j in np.ndindex(*out.shape):
        down, across = i * stride, j * stride
        window = x[image, channel, down : down + pool_height, across : across + pool_width]
        assert out[image, channel, i, j] == window.max()
    (dout,) = normal(1, out.shape)
    check_gradients(lambda x: L.max_pool_forward(x, param), L.max_pool_backward, [x], dout)


def test_of_equal_elements_the_first_has_the_gradient() -> None:
    _, cache = L.max_pool_forward(np.ones((1, 1, 2, 2)), POOL)
    dx = L.max_pool_backward(np.full((1, 1, 1, 1), 3.0), cache)
    assert dx.ravel().tolist() == [3, 0, 0, 0]


@pytest.mark.parametrize("name", ["affine", "affine_relu"])
def test_affine_layers_have_their_gradients(name: str) -> None:
    module = L if name == "affine" else sandwich
    x, w, b, dout = normal(0, (3, 2, 2), (4, 5), (5,), (3, 5))
    forward, backward = getattr(module, f"{name}_forward"), getattr(module, f"{name}_backward")
    expected = x.reshape(3, 4) @ w + b
    if name == "affine_relu":
        expected = np.where(expected > 0, expected, 0)
    np.testing.assert_allclose(forward(x, w, b)[0], expected)
    check_gradients(forward, backward, [x, w, b], dout)


@pytest.mark.parametrize(
    ("name", "size", "params"),
    [
        ("conv_relu", 8, [{"stride": 1, "pad": 2}]),
        ("conv_relu_pool", 16, [{"stride": 1, "pad": 2}, POOL]),
    ],
)
def test_the_sandwiches_of_the_document(name: str, size: int, params: list[Any]) -> None:
    x, w, b, dout = normal(231, (2, 3, size, size), (3, 3, 3, 3), (3,), (2, 3, 8, 8))
    forward = getattr(sandwich, f"{name}_forward")
    backward = getattr(sandwich, f"{name}_backward")
    out, cache = forward(x, w, b, *params)
    assert out.shape == dout.shape
    dx, dw, db = backward(dout, cache)
    for gradient, array, output in (
        (dx, x, lambda x: forward(x, w, b, *params)[0]),
        (dw, w, lambda w: forward(x, w, b, *params)[0]),
        (db, b, lambda b: forward(x, w, b, *params)[0]),
    ):
        numerical = eval_numerical_gradient_array(output, array, dout, h=1e-4)
        assert rel_error(gradient, numerical) < 1e-8


def test_dropout_keeps_the_mean_and_its_gradient_is_zero_where_it_dropped() -> None:
    x = np.full((500, 200), 2.0, np.float32)
    for p in (0.0, 0.3, 0.8):
        out, cache = L.dropout_forward(x, {"mode": "train", "p": p, "seed": 1})
        assert out.dtype == np.float32
        assert out.mean() == pytest.approx(2, abs=0.05)
        assert np.mean(out == 0) == pytest.approx(p, abs=0.01)
        assert set(np.unique(out)) <= {np.float32(0), np.float32(2 / (1 - p))}
        dx = L.dropout_backward(x, cache)
        np.testing.assert_array_equal(dx, out)
    out, cache = L.dropout_forward(x, {"mode": "test", "p": 0.8})
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(L.dropout_backward(x, cache), x)


def test_dropout_draws_from_the_one_source_of_chance_or_its_own_seed() -> None:
    def dropped(**more: int) -> Array:
        return L.dropout_forward(np.ones(100), {"mode": "train", "p": 0.5, **more})[0]

    minitorch.manual_seed(3)
    first, second = dropped(), dropped()
    assert (first != second).any()
    minitorch.manual_seed(3)
    np.testing.assert_array_equal(dropped(), first)
    np.testing.assert_array_equal(dropped(seed=5), dropped(seed=5))


def test_the_loss_of_equal_scores_is_the_logarithm_of_the_classes() -> None:
    loss, _ = L.softmax_loss(np.full((4, 10), 1000.0), np.array([0, 3, 9, 5]))
    assert loss == pytest.approx(np.log(10))
    (x,) = normal(0, (4, 3))
    y = np.array([0, 2, 1, 2])
    _, dx = L.softmax_loss(x, y)
    numerical = eval_numerical_gradient(lambda x: L.softmax_loss(x, y)[0], x, verbose=False)
    np.testing.assert_allclose(dx, numerical, atol=1e-9)


def test_layers_keep_float32() -> None:
    x, w, b = (a.astype(np.float32) for a in normal(0, (2, 3, 4, 4), (2, 3, 3, 3), (2,)))
    out, cache = sandwich.conv_relu_pool_forward(x, w, b, {"stride": 1, "pad": 2}, POOL)
    gradients = sandwich.conv_relu_pool_backward(np.ones_like(out), cache)
    assert {a.dtype for a in (out, *gradients)} == {np.dtype(np.float32)}


IMAGES, FILTERS = np.zeros((2, 3, 4, 4)), np.zeros((2, 3, 3, 3))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conv(np.zeros((2, 3, 4)), FILTERS), ShapeError, "N, C, H, W"),
        (lambda: conv(np.zeros((2, 1, 4, 4)), FILTERS), ShapeError, "conv_forward"),
        (lambda: conv(np.zeros((2, 3, 1, 4)), FILTERS, pad=0), ShapeError, "does not fit"),
        (lambda: conv(IMAGES, FILTERS, pad=1), ValueError, "both sides"),
        (lambda: conv(IMAGES, FILTERS, stride=0), ValueError, "stride"),
        (lambda: L.max_pool_forward(IMAGES, {**POOL, "stride": 0}), ValueError, "stride"),
        (lambda: L.max_pool_forward(IMAGES, {**POOL, "pool_width": 5}), ShapeError, "fit"),
        (lambda: L.max_pool_forward(IMAGES[0], POOL), ShapeError, "N, C, H, W"),
        (lambda: L.affine_forward(IMAGES, np.zeros((4, 2)), np.zeros(2)), ShapeError, "affine"),
        (lambda: L.dropout_forward(IMAGES, {"mode": "eval", "p": 0.5}), ValueError, "mode"),
        (lambda: L.dropout_forward(IMAGES, {"mode": "train", "p": 1}), ValueError, "p is"),
        (lambda: L.softmax_loss(np.zeros((2, 3)), np.array([0, 3])), ValueError, "3 classes"),
        (lambda: L.softmax_loss(np.zeros((2, 3)), np.array([0])), ShapeError, "softmax_loss"),
        (lambda: ThreeLayerConvNet(filter_size=4), ValueError, "odd"),
        (lambda: ThreeLayerConvNet(input_dim=(3, 5, 4)), ValueError, "2x2"),
        (lambda: ThreeLayerConvNet().loss(IMAGES), ShapeError, "3, 32, 32"),
    ],
)
def test_what_does_not_fit_is_refused(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


def conv(x: Array, w: Array, pad: int = 2, stride: int = 1) -> Array:
    return L.conv_forward(x, w, np.zeros(2), {"stride": stride, "pad": pad})[0]


def test_backward_refuses_a_gradient_of_another_shape() -> None:
    x, w, b = normal(0, (2, 3, 4, 4), (2, 3, 3, 3), (2,))
    caches = {
        "conv": L.conv_forward(x, w, b, {"stride": 1, "pad": 2})[1],
        "max_pool": L.max_pool_forward(x, POOL)[1],
        "relu": L.relu_forward(x)[1],
        "dropout": L.dropout_forward(x, {"mode": "train", "p": 0.5})[1],
        "affine": L.affine_forward(x, np.zeros((48, 2)), b)[1],
    }
    for name, cache in caches.items():
        with pytest.raises(ShapeError, match=f"{name}_backward"):
            getattr(L, f"{name}_backward")(np.zeros((1, 1)), cache)


@settings(max_examples=20)
@given(numbers=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_of_float32_come_back_from_a_file(
    numbers: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("csv") / "numbers.csv"
    csv_files.write_array(path, np.array(numbers))
    for text in path.read_text().split():
        assert len(text.split("e")[0].strip("-").replace(".", "")) == 16
    read = csv_files.read_array(path, (len(numbers),))
    np.testing.assert_array_equal(read.astype(np.float32), numbers)
    np.testing.assert_allclose(read, numbers, rtol=1e-15)
    with pytest.raises(ValueError, match="numbers"):
        csv_files.read_array(path, (len(numbers) + 1,))


def test_the_files_that_ship_are_those_that_the_script_makes(tmp_path: Path) -> None:
    csv_files.write_inputs(tmp_path / "in")
    csv_files.write_outputs(tmp_path / "in", tmp_path / "out")
    for made, shipped in (("in", "input_files"), ("out", "output_files")):
        names = sorted(path.name for path in (tmp_path / made).iterdir())
        assert names == sorted(path.name for path in (FOLDER / shipped).iterdir())
        for name in names:
            here, there = (np.loadtxt(p / name) for p in (tmp_path / made, FOLDER / shipped))
            np.testing.assert_allclose(here, there, rtol=0 if made == "in" else 1e-12, atol=1e-14)
