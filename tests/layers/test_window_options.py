"""Convolution and pooling with all options, normalisation, dropout: what numpy gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import HOST_BACKENDS, LAYOUTS, close, numbers, tensor

import minitorch
import minitorch.tuned_norm
import minitorch.tuned_pool  # both register fused forms
from minitorch import layers
from minitorch.errors import DTypeError, ShapeError
from minitorch.layers import functional

Array = Any

# "simple" is slow: an example of it takes as long as a hundred others.
some_backends = st.sampled_from([name for name in HOST_BACKENDS if name != "simple"])
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.tuples(st.integers(0, 3), st.integers(0, 3))


def windows(
    padded: Array, kernel: Any, stride: Any, dilation: Any, places: tuple[int, ...]
) -> Array:
    """Return what stands in each window: (batch, channel, *places, *kernel)."""
    out = np.empty((*padded.shape[:2], *places, *kernel), padded.dtype)
    for y, x, i, j in np.ndindex(*places, *kernel):
        row, column = y * stride[0] + i * dilation[0], x * stride[1] + j * dilation[1]
        out[:, :, y, x, i, j] = padded[:, :, row, column]
    return out


@settings(max_examples=25)
@given(backend=some_backends, kernel=pairs, stride=pairs, padding=paddings, dilation=pairs,
       channels=st.tuples(st.integers(1, 3), st.integers(1, 3)), batch=st.integers(0, 2),
       more=st.tuples(st.integers(0, 4), st.integers(0, 4)))  # fmt: skip
def test_convolution(
    backend: str, kernel: Any, stride: Any, padding: Any, dilation: Any, channels: Any,
    batch: int, more: Any,
) -> None:  # fmt: skip
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    image = [max(1, n - 2 * p) + m for n, p, m in zip(spans, padding, more, strict=True)]
    a, weight = numbers(batch, channels[0], *image), numbers(channels[1], channels[0], *kernel)
    bias = numbers(channels[1], seed=1)
    padded = np.pad(a, [(0, 0), (0, 0), *[(p, p) for p in padding]])
    ends = zip(padded.shape[2:], spans, stride, strict=True)
    places = tuple([(n - span) // step + 1 for n, span, step in ends])
    seen = windows(padded, kernel, stride, dilation, places)
    expected = np.einsum("bcyxij,ocij->boyx", seen, weight) + bias[:, None, None]
    operands = [tensor(array, backend=backend) for array in (a, weight, bias)]
    close(functional.conv2d(*operands, stride, padding, dilation), expected)
    # A line is an image of one row.
    if kernel[0] == image[0] == 1 and not padding[0]:
        lines = [operands[0].view(batch, channels[0], image[1]),
                 operands[1].view(channels[1], channels[0], kernel[1]), operands[2]]  # fmt: skip
        out = functional.conv1d(*lines, stride[1], padding[1], dilation[1])
        close(out, expected[:, :, 0])


def pooled_places(n: int, k: int, step: int, pad: int, ceil_mode: bool) -> int:
    """Return how many windows there are, by trying each."""
    starts = range(-pad, n + pad, step)
    if ceil_mode:
        # As many as needed for the last one to reach the end; each starts before the image's.
        whole = sum(start + k <= n + pad for start in starts)
        rest = whole and -pad + (whole - 1) * step + k < n + pad
        return whole + bool(rest and -pad + whole * step < n)
    return sum(start + k <= n + pad for start in starts)


@settings(max_examples=25)
@given(backend=some_backends, kernel=pairs, stride=pairs, halved=st.booleans(),
       ceil_mode=st.booleans(), more=st.tuples(st.integers(0, 5), st.integers(0, 5)))  # fmt: skip
def test_pooling(
    backend: str, kernel: Any, stride: Any, halved: bool, ceil_mode: bool, more: Any
) -> None:
    padding = tuple([k // 2 if halved else 0 for k in kernel])
    image = [k + m for k, m in zip(kernel, more, strict=True)]
    a = numbers(2, 2, *image)
    places = tuple([pooled_places(*sizes, ceil_mode)
                    for sizes in zip(image, kernel, stride, padding, strict=True)])  # fmt: skip
    behind = [(p, p + k + s) for p, k, s in zip(padding, kernel, stride, strict=True)]
    around = [(0, 0), (0, 0), *behind]
    options = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    input = tensor(a, backend=backend)

    def seen(padded: Array) -> Array:
        return windows(padded, kernel, stride, (1, 1), places)

    largest = seen(np.pad(a, around, constant_values=-np.inf)).max((-2, -1))
    close(functional.max_pool2d(input, kernel, **options), largest)
    sums = seen(np.pad(a, around)).sum((-2, -1))
    ones = np.pad(np.ones_like(a), around)
    mean = functional.avg_pool2d(input, kernel, **options, count_include_pad=False)
    close(mean, sums / seen(ones).sum((-2, -1)))
    (top, left), (height, width) = padding, image
    ones[:, :, : height + 2 * top, : width + 2 * left] = 1
    close(functional.avg_pool2d(input, kernel, **options), sums / seen(ones).sum((-2, -1)))


# Functions of a tensor (and more), and the shapes of these.
DIFFERENTIABLE: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "convolution": (
        lambda a, w, b: functional.conv2d(a, w, b, (2, 1), 1, (1, 2)),
        [(1, 1, 4, 3), (2, 1, 2, 2), (2,)],
    ),
    "conv1d": (lambda a, w: functional.conv1d(a, w, None, 3, 2), [(2, 1, 5), (2, 1, 2)]),
    "maxima": (lambda a: functional.max_pool2d(a, 3, 2, 1), [(1, 2, 4, 5)]),
    "maxima of tiles": (lambda a: functional.max_pool2d(a, 2), [(1, 2, 4, 4)]),
    "means": (lambda a: functional.avg_pool2d(a, 2, 1, 1, True, False), [(1, 2, 3, 4)]),
    "batch norm": (
        lambda a, w, b: functional.batch_norm(a, None, None, w, b, True), [(4, 2), (2,), (2,)],
    ),
    "batch norm of images": (
        lambda a, w, b: functional.batch_norm(a, None, None, w, b, True, eps=0.1),
        [(2, 2, 2, 2), (2,), (2,)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_gradients_agree_with_differences(backend: str, case: str) -> None:
    function, shapes = DIFFERENTIABLE[case]
    operands = [tensor(numbers(*shape, seed=n) / 4, backend=backend)
                for n, shape in enumerate(shapes)]  # fmt: skip
    minitorch.grad_check(function, *operands)


def test_the_first_of_the_largest_has_the_gradient(backend: str) -> None:
    rows = [[1, 5, 5, 0], [5, 5, np.nan, np.nan]]
    a = tensor(np.array([[rows]], np.float64), backend=backend).requires_grad_()
    functional.max_pool2d(a, 2).sum().backward()
    assert a.grad is not None
    close(a.grad, np.array([[[[0.0, 1, 0, 0], [0, 0, 1, 0]]]]))
    a = tensor(np.full((1, 1, 2, 2), 3.0), backend=backend).requires_grad_()
    functional.max_pool2d(a, 2, 1, 1).sum().backward()
    assert a.grad is not None
    close(a.grad, np.array([[[[4.0, 2], [2, 1]]]]))
    # Of the course's function, they share it.
    a = tensor(np.full((1, 1, 2, 2), 3.0), backend=backend).requires_grad_()
    minitorch.maxpool2d(a, (2, 2)).sum().backward()
    assert a.grad is not None
    close(a.grad, np.full((1, 1, 2, 2), 0.25))


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2), (2, 3, 2, 4)], ids=str)
def test_batch_norm(backend: str, dtype: str, shape: tuple[int, ...]) -> None:
    rest = tuple(d for d in range(len(shape)) if d != 1)
    by_channel = (1, 3, *[1] * (len(shape) - 2))
    weight, bias = numbers(3, dtype=dtype, seed=1), numbers(3, dtype=dtype, seed=2)
    a = numbers(*shape, dtype=dtype)
    old = numbers(2, 3, dtype=dtype)
    for layout in LAYOUTS:
        running = [tensor(values, layout, backend) for values in old]
        learned = [tensor(values, layout, backend) for values in (weight, bias)]
        input = tensor(a, layout, backend)
        off = a - a.mean(rest, keepdims=True)
        out = functional.batch_norm(input, *running, *learned, training=True, momentum=0.3)
        scaled = off / np.sqrt(a.var(rest, keepdims=True) + 1e-5)
        close(out, scaled * weight.reshape(by_channel) + bias.reshape(by_channel))
        close(running[0], (old[0] * 0.7 + a.mean(rest) * 0.3).astype(dtype))
        close(running[1], (old[1] * 0.7 + a.var(rest, ddof=1) * 0.3).astype(dtype))
        before = [values.to_numpy().copy() for values in running]
        before[1] = abs(before[1])
        running[1].copy_(before[1])
        out = functional.batch_norm(input, *running, *learned)
        mean, variance = (values.reshape(by_channel) for values in before)
        scaled = (a - mean) / np.sqrt(variance + 1e-5)
        expected = scaled * weight.reshape(by_channel) + bias.reshape(by_channel)
        close(out, expected.astype(dtype))
        close(running[0], before[0])


def test_a_change_of_the_running_statistics_is_noted(backend: str) -> None:
    running = [tensor(np.ones(2), backend=backend) for _ in range(2)]
    a = tensor(numbers(3, 2), backend=backend).requires_grad_()
    product = a * running[0]
    evaluated = functional.batch_norm(a, *running)
    functional.batch_norm(a, *running, training=True)
    with pytest.raises(minitorch.errors.GradientError, match="changed in place"):
        product.sum().backward()
    evaluated.sum().backward()  # which kept its own copies


@pytest.mark.parametrize("function", [functional.dropout, functional.dropout2d])
def test_dropout(backend: str, function: Any) -> None:
    a = tensor(abs(numbers(7, 9, 2, 3)) + 1, backend=backend).requires_grad_()
    minitorch.manual_seed(3)
    out = function(a, 0.25)
    kept = out.to_numpy() != 0
    assert 0.6 < kept.mean() < 0.9
    np.testing.assert_allclose(out.to_numpy()[kept], a.to_numpy()[kept] / 0.75)
    whole = kept.reshape(7, 9, 6)
    channels_whole = (whole.all(2) | ~whole.any(2)).all()
    assert channels_whole == (function is functional.dropout2d)
    out.backward(np.ones(out.shape))
    assert a.grad is not None
    np.testing.assert_allclose(a.grad.to_numpy(), kept / 0.75)
    np.testing.assert_array_equal(function(a, 0.25, training=False).to_numpy(), a.to_numpy())
    np.testing.assert_array_equal(function(a, 1.0).to_numpy(), 0)


def zeros(*shape: int) -> Any:
    return minitorch.zeros(shape)


# What is called, the error, and pieces of its message.
REFUSALS: dict[str, tuple[Callable[[], Any], type[Exception], tuple[str, ...]]] = {
    "vanishing": (lambda: layers.MaxPool2d(2)(zeros(1, 1, 1, 4)), ShapeError,
                  ("max_pool2d: images of (1, 4) would become (0, 2)", "at most (1, 4)")),
    "vanishing, dilated": (lambda: functional.max_pool2d(zeros(1, 1, 4, 4), 3, 1, 0, 2),
                           ShapeError, ("would become (0, 0)", "at most (2, 2)")),
    "vanishing mean": (lambda: functional.avg_pool2d(zeros(1, 1, 3, 9), 5, 2), ShapeError,
                       ("avg_pool2d", "would become (0, 3)")),
    "kernel": (lambda: functional.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 3, 2), None, 2, 0, 3),
               ShapeError, ("kernel (3, 2), spread by dilation (3, 3), is larger than the image",)),
    "a line": (lambda: functional.max_pool2d(zeros(1, 1, 4), 2), ShapeError, ("(1, 1, 4)",)),
    "no channel": (lambda: functional.avg_pool2d(zeros(1, 0, 4, 4), 2), ShapeError,
                   ("only the batch may be of size 0",)),
    "padding": (lambda: functional.max_pool2d(zeros(1, 1, 4, 4), 3, padding=2), ValueError,
                ("max_pool2d: padding is 2; it must be half of kernel_size 3 at most",)),
    "stride": (lambda: layers.AvgPool2d(2, 0), ValueError, ("AvgPool2d: stride is 0",)),
    "stride of a convolution": (lambda: layers.Conv2d(1, 1, 2, (1, 0)), ValueError,
                                ("Conv2d: stride is (1, 0)",)),
    "dilation": (lambda: functional.conv1d(zeros(1, 1, 4), zeros(1, 1, 2), dilation=0.5),
                 ValueError, ("conv1d: dilation is 0.5",)),
    "same": (lambda: layers.Conv1d(1, 1, 3, 2, padding="same"), ValueError,
             ('Conv1d: padding="same" keeps the size at stride 1 only, not (2,)',)),
    "full": (lambda: functional.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), padding="full"),
             ValueError, ("conv2d: padding is 'full'",)),
    "weight": (lambda: functional.conv2d(zeros(1, 1, 4), zeros(1, 1, 2)), ShapeError,
               ("conv2d: the weight must be", "(1, 1, 2)")),
    "an array": (lambda: functional.max_pool2d(np.zeros((1, 1, 4, 4)), 2), DTypeError,
                 ("max_pool2d: the input must be a tensor",)),
    "one value": (lambda: functional.batch_norm(zeros(1, 3, 1, 1), None, None, training=True),
                  ShapeError, ("Expected more than 1 value per channel when training",
                               "(1, 3, 1, 1)")),
    "statistics": (lambda: functional.batch_norm(zeros(2, 3), zeros(2), zeros(3)), ShapeError,
                   ("batch_norm", "the running_mean must be (3,)")),
    "weights": (lambda: functional.batch_norm(zeros(2, 3), zeros(3), zeros(3), zeros(1, 3)),
                ShapeError, ("the weight must be (3,)",)),
    "one of two": (lambda: functional.batch_norm(zeros(2, 3), None, zeros(3), training=True),
                   ValueError, ("given both, or neither",)),
    "none": (lambda: functional.batch_norm(zeros(2, 3), None, None), ValueError,
             ("needed in evaluation",)),
    "five dimensions": (lambda: functional.batch_norm(zeros(1, 1, 1, 1, 1), zeros(1), zeros(1)),
                        ShapeError, ("batch_norm", "(1, 1, 1, 1, 1)")),
    "rate": (lambda: functional.dropout(zeros(2), math.nan), ValueError, ("nan",)),
    "rate of channels": (lambda: functional.dropout2d(zeros(1, 1, 1, 1), -1), ValueError, ("-1",)),
    "channels": (lambda: functional.dropout2d(zeros(2, 2)), ShapeError, ("dropout2d", "(2, 2)")),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_what_does_not_fit_is_refused(backend: str, case: str) -> None:
    call, error, pieces = REFUSALS[case]
    with pytest.raises(error) as caught:
        call()
    for piece in pieces:
        assert piece in str(caught.value)


def test_nothing_changes_where_batch_norm_refuses(backend: str) -> None:
    running = [tensor(np.ones(3), backend=backend) for _ in range(2)]
    with pytest.raises(ShapeError):
        functional.batch_norm(zeros(1, 3), *running, training=True)
    for values in running:
        np.testing.assert_array_equal(values.to_numpy(), 1)


def test_an_empty_batch_changes_no_statistics(backend: str) -> None:
    running = [tensor(np.ones(3), backend=backend) for _ in range(2)]
    out = functional.batch_norm(zeros(0, 3, 2), *running, training=True)
    assert out.shape == (0, 3, 2)
    for values in running:
        np.testing.assert_array_equal(values.to_numpy(), 1)
