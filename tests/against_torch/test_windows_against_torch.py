"""Convolution, pooling and normalisation over their options, with PyTorch as the oracle."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from kernel_cases import HOST_BACKENDS, LAYOUTS, numbers, tensor

import minitorch
import minitorch.tuned_norm
import minitorch.tuned_pool  # both register fused forms
from minitorch import layers
from minitorch.layers import functional

# `torch` alone would find this folder where PyTorch is not installed.
nn = pytest.importorskip("torch.nn", reason="PyTorch is the oracle of these tests")
torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")

TOLERANCES = {"float64": 1e-10, "float32": 3e-5}

Shape = tuple[int, ...]
Options = dict[str, Any]

backends = pytest.mark.parametrize("backend", HOST_BACKENDS)
dtypes = pytest.mark.parametrize("dtype", TOLERANCES)

# The images' and the weight's shapes, and the options.
CONVOLUTIONS: dict[str, tuple[Shape, Shape, Options]] = {
    "stride": ((2, 2, 5, 6), (3, 2, 3, 3), {"stride": 2}),
    "stride and padding": ((2, 1, 5, 4), (2, 1, 3, 3), {"stride": 2, "padding": 1}),
    "strides": ((1, 2, 6, 5), (1, 2, 2, 3), {"stride": (1, 3), "padding": (0, 2)}),
    "longer than the kernel": ((1, 2, 7, 8), (2, 2, 2, 1), {"stride": [3, 2]}),
    "a point, stride": ((2, 3, 5, 4), (4, 3, 1, 1), {"stride": 2}),
    "dilation": ((2, 2, 6, 5), (2, 2, 2, 3), {"dilation": 2}),
    "dilations, same": ((1, 2, 4, 5), (2, 2, 2, 3), {"dilation": (3, 1), "padding": "same"}),
    "stride and dilation": (
        (1, 2, 7, 6), (2, 2, 3, 2), {"stride": (2, 3), "dilation": (3, 2), "padding": (2, 1)},
    ),
    "as large as the image": ((2, 2, 5, 3), (2, 2, 3, 2), {"dilation": 2, "stride": 4}),
    "padded much": ((1, 1, 2, 3), (2, 1, 2, 2), {"stride": 2, "padding": 4}),
    "valid": ((1, 1, 4, 5), (1, 1, 2, 2), {"stride": 2, "padding": "valid"}),
    "no image": ((0, 2, 5, 6), (3, 2, 3, 3), {"stride": 2}),
    "no stride": ((2, 2, 4, 5), (3, 2, 2, 3), {"padding": 1}),
    "1-D": ((2, 2, 9), (3, 2, 3), {"stride": 2, "padding": 1}),
    "1-D, dilation": ((2, 1, 9), (3, 1, 3), {"dilation": (3,), "padding": "same"}),
    "1-D, all": ((1, 3, 11), (2, 3, 2), {"stride": 3, "padding": 2, "dilation": 4}),
}  # fmt: skip
# Large enough for several tiles, stacks of images and many output channels.
LARGE: dict[str, tuple[Shape, Shape, Options]] = {
    "residual": ((9, 17, 13, 16), (33, 17, 3, 3), {"stride": 2, "padding": 1}),
    "shortcut": ((9, 17, 13, 16), (33, 17, 1, 1), {"stride": 2}),
    "first layer": ((3, 3, 37, 41), (19, 3, 7, 7), {"stride": 2, "padding": 3}),
    "dilated": ((5, 6, 20, 23), (9, 6, 3, 3), {"dilation": (2, 3), "padding": 2}),
}
POOLS: dict[str, tuple[Shape, Options]] = {
    "tiles": ((2, 3, 4, 6), {"kernel_size": 2}),
    "tiles, wide": ((1, 2, 4, 6), {"kernel_size": (2, 3), "stride": (2, 3)}),
    "tiles, a list": ((1, 2, 4, 6), {"kernel_size": [2, 2]}),
    "a rest": ((2, 1, 5, 7), {"kernel_size": 2}),
    "a rest, up": ((2, 1, 5, 7), {"kernel_size": 2, "ceil_mode": True}),
    "overlap": ((2, 2, 6, 7), {"kernel_size": 3, "stride": 2}),
    "overlap, padded": ((2, 2, 6, 7), {"kernel_size": 3, "stride": 2, "padding": 1}),
    "overlap, up": ((1, 2, 6, 9), {"kernel_size": (3, 2), "stride": (2, 3), "padding": (1, 0),
                                   "ceil_mode": True}),
    "gaps": ((1, 2, 7, 8), {"kernel_size": 2, "stride": 3, "padding": 1}),
    "gaps, up": ((1, 1, 5, 4), {"kernel_size": 1, "stride": 3, "ceil_mode": True}),
    "beyond the padding": ((1, 1, 4, 5), {"kernel_size": 2, "stride": 5, "padding": 1,
                                          "ceil_mode": True}),
    "the whole image": ((2, 2, 3, 4), {"kernel_size": (3, 4)}),
    "no image": ((0, 2, 5, 4), {"kernel_size": 3, "stride": 1}),
}  # fmt: skip
NORMS: dict[str, tuple[Shape, Options]] = {
    "rows": ((6, 4), {}),
    "one feature": ((5, 1), {}),
    "lines": ((3, 2, 5), {}),
    "images": ((3, 2, 4, 5), {}),
    "one image": ((1, 3, 2, 3), {"momentum": 0.3, "eps": 0.1}),
    "many features": ((7, 133), {"momentum": 1.0}),
    "no image": ((0, 2, 4, 5), {}),
}


def agree(mine: Any, their: Any) -> None:
    expected = their.detach().numpy()
    assert mine.shape == expected.shape
    assert str(mine.dtype) == str(expected.dtype)
    scale = max(1.0, float(abs(expected[np.isfinite(expected)]).max(initial=0)))
    tolerance = TOLERANCES[str(mine.dtype)] * scale
    np.testing.assert_allclose(mine.numpy(), expected, rtol=0, atol=tolerance)


def compare(
    mine: Callable[..., Any], their: Callable[..., Any], operands: list[Any], backend: str,
    layouts: tuple[str, ...] = LAYOUTS,
) -> None:  # fmt: skip
    """Check a function's value, and its gradients by all operands."""
    for layout in layouts:
        ours = [tensor(a, layout, backend).requires_grad_() for a in operands]
        theirs = [torch.tensor(a, requires_grad=True) for a in operands]
        out, expected = mine(*ours), their(*theirs)
        agree(out, expected)
        slope = np.cos(np.arange(out.size)).reshape(out.shape).astype(out.dtype)
        out.backward(slope)
        expected.backward(torch.tensor(slope))
        for one, other in zip(ours, theirs, strict=True):
            agree(one.grad, other.grad)


def normalized_by(
    of: Any, running: list[Any], training: bool, options: Options, a: Any, *more: Any
) -> Any:
    return of.batch_norm(a, *running, *more, training=training, **options)


def convolutions_agree(
    shape: Shape, kernel: Shape, options: Options, backend: str, dtype: str, **more: Any
) -> None:
    name = "conv1d" if len(shape) == 3 else "conv2d"
    operands = [numbers(*s, dtype=dtype, seed=i) / 9 for i, s in enumerate((shape, kernel))]
    operands.append(numbers(kernel[0], dtype=dtype))
    compare(
        lambda *a: getattr(functional, name)(*a, **options),
        lambda *a: getattr(nn.functional, name)(*a, **options), operands, backend, **more,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@backends
@dtypes
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolution(backend: str, dtype: str, case: str) -> None:
    convolutions_agree(*CONVOLUTIONS[case], backend, dtype)


@pytest.mark.slow  # compiles parallel builds
@dtypes
@pytest.mark.parametrize("case", LARGE)
def test_large_convolutions_on_the_tuned_backend(dtype: str, case: str) -> None:
    convolutions_agree(*LARGE[case], "tuned", dtype, layouts=("contiguous",))


@backends
def test_a_convolution_without_bias_whose_relu_is_fused(backend: str) -> None:
    operands = [numbers(2, 2, 6, 5), numbers(3, 2, 3, 2)]
    compare(
        lambda a, w: functional.convolution(a, w, None, None, True, 2, (1, 2)),
        lambda a, w: nn.functional.conv2d(a, w, stride=2, dilation=(1, 2)).relu(),
        operands, backend,
    )  # fmt: skip


@backends
@dtypes
@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize("case", POOLS)
def test_pooling(backend: str, dtype: str, name: str, case: str) -> None:
    shape, options = POOLS[case]
    mine, their = getattr(functional, name), getattr(nn.functional, name)
    a = numbers(*shape, dtype=dtype)
    compare(lambda a: mine(a, **options), lambda a: their(a, **options), [a], backend)
    # Where several elements of a window are largest, the gradient goes to the first.
    a = np.random.default_rng(1).integers(0, 3, shape).astype(dtype)
    compare(lambda a: mine(a, **options), lambda a: their(a, **options), [a], backend)


@backends
@pytest.mark.parametrize("case", [case for case in POOLS if case != "beyond the padding"])
def test_averages_without_the_padding(backend: str, case: str) -> None:
    shape, options = POOLS[case]
    options = {**options, "count_include_pad": False}
    compare(
        lambda a: functional.avg_pool2d(a, **options),
        lambda a: nn.functional.avg_pool2d(a, **options), [numbers(*shape)], backend,
    )  # fmt: skip


@backends
@pytest.mark.parametrize(
    "options",
    [{"kernel_size": 2, "dilation": 2}, {"kernel_size": 3, "dilation": (1, 2), "padding": 1},
     {"kernel_size": (2, 3), "stride": 1, "dilation": (3, 1), "ceil_mode": True}],
    ids=str,
)  # fmt: skip
def test_maxima_with_dilation(backend: str, options: Options) -> None:
    compare(
        lambda a: functional.max_pool2d(a, **options),
        lambda a: nn.functional.max_pool2d(a, **options), [numbers(2, 2, 7, 8)], backend,
    )  # fmt: skip


@backends
@pytest.mark.parametrize("options", [{"kernel_size": 2}, {"kernel_size": 3, "padding": 1}], ids=str)
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_maxima_of_what_is_no_number(backend: str, options: Options, special: float) -> None:
    for array in (numbers(1, 2, 4, 6), np.full((1, 1, 4, 6), -np.inf)):
        array[0, 0, 1, 1] = array[0, -1, 2, 5] = special
        compare(
            lambda a: functional.max_pool2d(a, **options),
            lambda a: nn.functional.max_pool2d(a, **options), [array], backend,
        )  # fmt: skip


@backends
@dtypes
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("case", NORMS)
def test_batch_norm(backend: str, dtype: str, training: bool, affine: bool, case: str) -> None:
    shape, options = NORMS[case]
    channels = shape[1]
    running = [numbers(channels, dtype=dtype), abs(numbers(channels, dtype=dtype, seed=1)) + 0.1]
    for layout in LAYOUTS:
        ours = [tensor(a, layout, backend) for a in running]
        theirs = [torch.tensor(a) for a in running]
        operands = [numbers(*shape, dtype=dtype)]
        if affine:
            operands += [numbers(channels, dtype=dtype, seed=seed) for seed in (2, 3)]
        compare(
            partial(normalized_by, functional, ours, training, options),
            partial(normalized_by, nn.functional, theirs, training, options),
            operands, backend, (layout,),
        )  # fmt: skip
        for mine, their in zip(ours, theirs, strict=True):
            agree(mine, their)


@backends
def test_batch_norm_without_running_statistics(backend: str) -> None:
    compare(
        lambda a: functional.batch_norm(a, None, None, training=True),
        lambda a: nn.functional.batch_norm(a, None, None, training=True),
        [numbers(3, 2, 4)], backend,
    )  # fmt: skip


@backends
@dtypes
def test_batch_norm_far_from_zero(backend: str, dtype: str) -> None:
    """The variance comes from deviations, not from the difference of two large numbers."""
    a = (numbers(8, 2, 5, 5) / 100 + 1000).astype(dtype)
    exact = a.astype(np.float64)
    variance = exact.var((0, 2, 3), ddof=1)
    running = [tensor(np.zeros(2, dtype), backend=backend) for _ in range(2)]
    functional.batch_norm(tensor(a, backend=backend), *running, training=True, momentum=1.0)
    np.testing.assert_allclose(running[0].numpy(), exact.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(running[1].numpy(), variance, rtol=1e-4)


MODULES: dict[str, Callable[[Any], Any]] = {
    "conv1d": lambda of: of.Conv1d(2, 3, 3, 2, 1, 2),
    "conv2d": lambda of: of.Conv2d(3, 5, [3, 3], stride=(2, 1), padding=1, bias=False),
    "conv2d, point": lambda of: of.Conv2d(3, 4, kernel_size=1, stride=2),
    "conv2d, same": lambda of: of.Conv2d(1, 2, 3, dilation=[2, 1], padding="same"),
    "max": lambda of: of.MaxPool2d(3, 2, 1),
    "max, a list": lambda of: of.MaxPool2d([2, 2], stride=[2, 1], ceil_mode=True),
    "max, dilation": lambda of: of.MaxPool2d((2, 3), dilation=(2, 1), padding=(1, 0)),
    "average": lambda of: of.AvgPool2d(3, (2, 1), 1, True, False),
    "average, a list": lambda of: of.AvgPool2d([2, 2]),
}


@backends
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("case", MODULES)
def test_layers_and_their_printed_form(backend: str, case: str) -> None:
    before = minitorch.get_backend()
    minitorch.set_default_backend(backend)
    try:
        mine, their = MODULES[case](layers), MODULES[case](nn).double()
    finally:
        minitorch.set_default_backend(before)
    assert repr(mine) == repr(their)
    for ours, theirs in zip(mine.parameters(), their.parameters(), strict=True):
        assert ours.shape == tuple(theirs.shape)
        ours.update(tensor(theirs.detach().numpy(), backend=backend))
    channels = getattr(mine, "in_channels", 2)
    shape = (2, channels, 9) if "1d" in case else (1, channels, 6, 5)
    compare(mine, their, [numbers(*shape)], backend)
