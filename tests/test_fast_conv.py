"""Tasks 4.1 and 4.2: convolution in one and two dimensions, against plain loops.

Batch, channels, height, width and the kernel's sides all differ, so that none can be taken
for another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import BUILDS, LAYOUTS, close, convolution, filled, laid_out, numbers, tensor

import minitorch
from minitorch.fast_conv import tensor_conv1d, tensor_conv2d

builds = pytest.mark.parametrize("build", BUILDS)
reverses = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])

# (batch, in_channels, width), (out_channels, in_channels, k_width)
LINES = [
    ((1, 1, 6), (1, 1, 3)),
    ((2, 3, 7), (4, 3, 2)),
    ((3, 2, 5), (2, 2, 5)),
    ((2, 1, 4), (3, 1, 1)),
    ((2, 3, 1), (2, 3, 1)),
    ((200, 2, 60), (5, 2, 3)),  # much for the threads to do at the same time
]

# (batch, in_channels, height, width), (out_channels, in_channels, k_height, k_width)
IMAGES = [
    ((1, 1, 5, 6), (1, 1, 2, 3)),
    ((2, 3, 4, 7), (4, 3, 3, 2)),
    ((3, 2, 3, 5), (2, 2, 3, 5)),
    ((2, 1, 6, 3), (3, 1, 1, 2)),
    ((2, 1, 3, 6), (3, 1, 2, 1)),
    ((2, 3, 1, 1), (2, 3, 1, 1)),
    ((50, 2, 30, 20), (4, 2, 2, 3)),  # much for the threads to do at the same time
]


def filled_by(kernel: Any, build: str, out: Any, input: Any, weight: Any, reverse: bool) -> Any:
    """Run a convolution kernel, which takes the output's size after the output."""

    class WithSize:
        @staticmethod
        def launch(work: int, *args: Any) -> None:
            kernel.launch(work, *args[:3], out.size, *args[3:])

    return filled(WithSize, build, out, input, weight, more=(reverse,))  # type: ignore[arg-type]


def empty(layout: str, input: Any, weight: Any, sizes: tuple[int, ...] | None = None) -> Any:
    shape = (len(input), len(weight), *(input.shape[2:] if sizes is None else sizes))
    return laid_out(layout, np.full(shape, np.nan, np.result_type(input, weight)))


def check_size(kernel: Any, build: str, reverse: bool, shapes: Any) -> None:
    input, weight = numbers(*shapes[0]), numbers(*shapes[1], seed=1)
    out = filled_by(kernel, build, empty("contiguous", input, weight), input, weight, reverse)
    close(out, convolution(input, weight, reverse))


def check_layout(kernel: Any, build: str, reverse: bool, layout: str, shapes: Any) -> None:
    input, weight = numbers(*shapes[0]), numbers(*shapes[1], seed=1)
    for other in LAYOUTS:
        for of_input, of_weight, of_out in [
            (layout, other, "contiguous"),
            ("contiguous", layout, other),
        ]:
            out = empty(of_out, input, weight)
            operands = laid_out(of_input, input), laid_out(of_weight, weight)
            filled_by(kernel, build, out, *operands, reverse)
            close(out, convolution(input, weight, reverse))


def check_small_output(kernel: Any, build: str, shapes: Any, sizes: tuple[int, ...]) -> None:
    input, weight = numbers(*shapes[0]), numbers(*shapes[1], seed=1)
    for layout in LAYOUTS:
        out = filled_by(kernel, build, empty(layout, input, weight, sizes), input, weight, False)
        close(out, convolution(input, weight, False, sizes))


def check_float32(function: Any, input_shape: Any, weight_shape: Any) -> None:
    input, weight = numbers(*input_shape) / 9, numbers(*weight_shape) / 9
    single = tensor(input.astype(np.float32)), tensor(weight.astype(np.float32))
    close(function(*single), convolution(*[s.numpy() for s in single]))
    close(function(tensor(input), single[1]), convolution(input, single[1].numpy()))
    single[1].requires_grad_(True)
    function(tensor(input), single[1]).sum().backward()
    assert single[1].grad.dtype == np.float32


@pytest.mark.task4_1
@builds
@reverses
@pytest.mark.parametrize("shapes", LINES, ids=str)
def test_conv1d_equals_plain_loops(build: str, reverse: bool, shapes: Any) -> None:
    check_size(tensor_conv1d, build, reverse, shapes)


@pytest.mark.task4_1
@builds
@reverses
@pytest.mark.parametrize("layout", LAYOUTS)
def test_conv1d_of_any_layout(build: str, reverse: bool, layout: str) -> None:
    check_layout(tensor_conv1d, build, reverse, layout, LINES[1])


@pytest.mark.task4_1
@builds
@pytest.mark.parametrize("width", [1, 2, 5, 7])
def test_conv1d_output_narrower_than_the_input(build: str, width: int) -> None:
    check_small_output(tensor_conv1d, build, ((2, 3, 7), (4, 3, 7)), (width,))


@pytest.mark.task4_1
def test_conv1d_written_out() -> None:
    line = tensor(np.array([[[1.0, 2, 3, 4]]]))
    weight = tensor(np.array([[[10.0, 1]]]))
    # The last place meets a zero on its right.
    assert minitorch.conv1d(line, weight).numpy().tolist() == [[[12, 23, 34, 40]]]


@pytest.mark.task4_1
@pytest.mark.parametrize("shapes", LINES, ids=str)
def test_conv1d_of_tensors(shapes: Any) -> None:
    input, weight = numbers(*shapes[0]), numbers(*shapes[1], seed=1)
    got = minitorch.conv1d(tensor(input, "permuted"), tensor(weight, "sliced"))
    close(got, convolution(input, weight))


@pytest.mark.task4_1
@pytest.mark.parametrize("shapes", LINES[:5], ids=str)
def test_conv1d_gradients(shapes: Any) -> None:
    input, weight = (tensor(numbers(*shape, seed=2)) for shape in shapes)
    minitorch.grad_check(minitorch.conv1d, input, weight)


@pytest.mark.task4_1
def test_conv1d_gradients_when_large() -> None:
    input, weight = tensor(numbers(40, 3, 30) / 99), tensor(numbers(4, 3, 5))
    # By the weight, each sum has 40 x 30 terms, and the kernel runs in parallel.
    minitorch.grad_check(lambda w: minitorch.conv1d(input, w).sum(), weight)


@pytest.mark.task4_1
def test_conv1d_float32() -> None:
    check_float32(minitorch.conv1d, (2, 3, 8), (4, 3, 3))


@pytest.mark.task4_1
@given(st.data())
def test_conv1d_of_any_size(data: st.DataObject) -> None:
    size = st.integers(1, 6)
    batch, channels, width, out_channels = (data.draw(size) for _ in range(4))
    k_width = data.draw(st.integers(1, width))
    shapes = (batch, channels, width), (out_channels, channels, k_width)
    check_size(tensor_conv1d, "serial", data.draw(st.booleans()), shapes)


@pytest.mark.task4_2
@builds
@reverses
@pytest.mark.parametrize("shapes", IMAGES, ids=str)
def test_conv2d_equals_plain_loops(build: str, reverse: bool, shapes: Any) -> None:
    check_size(tensor_conv2d, build, reverse, shapes)


@pytest.mark.task4_2
@builds
@reverses
@pytest.mark.parametrize("layout", LAYOUTS)
def test_conv2d_of_any_layout(build: str, reverse: bool, layout: str) -> None:
    check_layout(tensor_conv2d, build, reverse, layout, IMAGES[1])


@pytest.mark.task4_2
@builds
@pytest.mark.parametrize("sizes", [(1, 1), (2, 5), (4, 3), (4, 7)], ids=str)
def test_conv2d_output_smaller_than_the_input(build: str, sizes: tuple[int, int]) -> None:
    check_small_output(tensor_conv2d, build, ((2, 3, 4, 7), (4, 3, 4, 7)), sizes)


@pytest.mark.task4_2
def test_conv2d_written_out() -> None:
    image = tensor(np.array([[[[1.0, 2, 3], [4, 5, 6]]]]))
    weight = tensor(np.array([[[[1000.0, 100], [10, 1]]]]))
    # What sticks out on the right and below meets zeros.
    expected = [[[[1245, 2356, 3060], [4500, 5600, 6000]]]]
    assert minitorch.conv2d(image, weight).numpy().tolist() == expected


@pytest.mark.task4_2
@pytest.mark.parametrize("shapes", IMAGES, ids=str)
def test_conv2d_of_tensors(shapes: Any) -> None:
    input, weight = numbers(*shapes[0]), numbers(*shapes[1], seed=1)
    got = minitorch.conv2d(tensor(input, "permuted"), tensor(weight, "sliced"))
    close(got, convolution(input, weight))


@pytest.mark.task4_2
@pytest.mark.parametrize("shapes", IMAGES[:6], ids=str)
def test_conv2d_gradients(shapes: Any) -> None:
    input, weight = (tensor(numbers(*shape, seed=2)) for shape in shapes)
    minitorch.grad_check(minitorch.conv2d, input, weight)


@pytest.mark.task4_2
def test_conv2d_gradients_when_large() -> None:
    input, weight = tensor(numbers(40, 2, 16, 9) / 99), tensor(numbers(3, 2, 2, 3))
    minitorch.grad_check(lambda w: minitorch.conv2d(input, w).sum(), weight)


@pytest.mark.task4_2
def test_conv2d_float32() -> None:
    check_float32(minitorch.conv2d, (2, 3, 5, 4), (4, 3, 2, 3))


@pytest.mark.task4_2
@given(st.data())
def test_conv2d_of_any_size(data: st.DataObject) -> None:
    size = st.integers(1, 4)
    batch, channels, height, width, out_channels = (data.draw(size) for _ in range(5))
    kernel = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    shapes = (batch, channels, height, width), (out_channels, channels, *kernel)
    check_size(tensor_conv2d, "serial", data.draw(st.booleans()), shapes)


@pytest.mark.task4_1
def test_conv1d_kernel_called_as_course_code_calls_it() -> None:
    input, weight = tensor(numbers(2, 3, 7)), tensor(numbers(4, 3, 2))
    out = minitorch.zeros((2, 4, 7), backend="fast")
    tensor_conv1d(*out.tuple(), out.size, *input.tuple(), *weight.tuple(), False)
    close(out, convolution(input.numpy(), weight.numpy()))


@pytest.mark.task4_2
def test_conv2d_kernel_called_as_course_code_calls_it() -> None:
    input, weight = tensor(numbers(2, 3, 4, 7)), tensor(numbers(4, 3, 3, 2))
    out = minitorch.zeros((2, 4, 4, 7), backend="fast")
    tensor_conv2d(*out.tuple(), out.size, *input.tuple(), *weight.tuple(), False)
    close(out, convolution(input.numpy(), weight.numpy()))
