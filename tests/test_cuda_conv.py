"""Task 4.4b: convolution and average pooling on CUDA; and the pooling that is given.

Each kernel runs on the simulator, and where there is a GPU on it too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cuda_cases import empty, launched, on_device, place  # noqa: F401, a fixture
from kernel_cases import LAYOUTS, close, convolution, laid_out, numbers, tensor, tiles

import minitorch
from minitorch.cuda_conv import tensor_avgpool2d, tensor_conv2d
from minitorch.cuda_target import blocks_for
from minitorch.layers import functional as F
from minitorch.tensor_data import TensorData

pytestmark = pytest.mark.usefixtures("place")

layouts = pytest.mark.parametrize("layout", LAYOUTS)
reverses = pytest.mark.parametrize("reverse", [False, True], ids=["anchored", "reversed"])
dtypes = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])


def convolved(out: Any, input: Any, weight: Any, reverse: bool) -> Any:
    blocks = blocks_for(out.size, 32)
    return launched(tensor_conv2d, blocks, 32, out, input, weight, more=(reverse,))


@pytest.mark.task4_4b
@reverses
@pytest.mark.parametrize(
    ("image", "kernel"),
    [((4, 6), (3, 2)), ((3, 5), (3, 5)), ((1, 7), (1, 3)), ((5, 1), (2, 1)), ((2, 2), (1, 1))],
    ids=str,
)
def test_conv2d(reverse: bool, image: Any, kernel: Any) -> None:
    a, w = numbers(2, 3, *image) / 9, numbers(4, 3, *kernel, seed=1) / 9
    out = convolved(empty("sliced", (2, 4, *image)), a, w, reverse)
    close(out, convolution(a, w, reverse))


@pytest.mark.task4_4b
@layouts
@pytest.mark.parametrize("out_layout", LAYOUTS)
def test_conv2d_of_any_layout(layout: str, out_layout: str) -> None:
    a, w = numbers(2, 2, 3, 4) / 9, numbers(3, 2, 2, 3, seed=1) / 9
    out = empty(out_layout, (2, 3, 3, 4))
    close(convolved(out, laid_out(layout, a), laid_out("permuted", w), False), convolution(a, w))
    out = empty(out_layout, (2, 3, 3, 4))
    close(convolved(out, laid_out("sliced", a), laid_out(layout, w), True),
          convolution(a, w, True))  # fmt: skip


@pytest.mark.task4_4b
def test_conv2d_may_give_less_than_the_image() -> None:
    a, w = numbers(2, 3, 5, 4) / 9, numbers(2, 3, 4, 3, seed=1) / 9
    out = convolved(empty("contiguous", (2, 2, 2, 3)), a, w, False)
    close(out, convolution(a, w, sizes=(2, 3)))


@pytest.mark.task4_4b
@dtypes
def test_conv2d_of_tensors_and_its_gradients(dtype: Any) -> None:
    a, w = numbers(2, 2, 4, 3, dtype=dtype) / 9, numbers(3, 2, 2, 2, dtype=dtype, seed=1) / 9
    x, y = tensor(a, "permuted", "cuda"), tensor(w, backend="cuda")
    close(minitorch.conv2d(x, y), convolution(a, w))
    if dtype == np.float64:
        minitorch.grad_check(minitorch.conv2d, x, y)


@pytest.mark.task4_4b
def test_conv1d_of_tensors_and_its_gradients() -> None:
    a, w = numbers(2, 2, 5) / 9, numbers(3, 2, 3, seed=1) / 9
    x, y = tensor(a, "stepped", "cuda"), tensor(w, backend="cuda")
    close(minitorch.conv1d(x, y), convolution(a, w))
    minitorch.grad_check(minitorch.conv1d, x, y)


@pytest.mark.task4_4b
@layouts
@pytest.mark.parametrize("kernel", [(1, 1), (2, 3), (4, 6), (4, 1)], ids=str)
def test_avgpool2d_kernel(layout: str, kernel: Any) -> None:
    a = numbers(2, 3, 4, 6)
    expected = tiles(a, kernel).mean((4, 5))
    for out_layout in ("permuted", "sliced"):
        out = empty(out_layout, expected.shape)
        storage, shape, strides = on_device(out)
        images, _, image_strides = on_device(laid_out(layout, a))
        tensor_avgpool2d[blocks_for(out.size, 32), 32](
            storage, shape, strides, out.size, images, image_strides, *kernel
        )
        TensorData.from_array(out)._storage[...] = storage.copy_to_host()
        close(out, expected)


@pytest.mark.task4_4b
@dtypes
def test_avgpool2d_of_tensors_and_its_gradients(dtype: Any) -> None:
    a = numbers(2, 2, 4, 6, dtype=dtype)
    x = tensor(a, "sliced", "cuda")
    close(minitorch.avgpool2d(x, (2, 3)), tiles(a, (2, 3)).mean((4, 5)))
    if dtype == np.float64:
        minitorch.grad_check(lambda x: minitorch.avgpool2d(x, (2, 3)), x)


WINDOWS: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": (2, 3), "stride": (1, 2)},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 0), "ceil_mode": True},
]


@pytest.mark.parametrize("options", WINDOWS, ids=str)
@pytest.mark.parametrize("function", ["max_pool2d", "avg_pool2d"])
def test_windows_as_on_other_backends(function: str, options: dict[str, Any]) -> None:
    pool = getattr(F, function)
    a = numbers(2, 2, 5, 6)
    own, plain = (tensor(a, "permuted", backend).requires_grad_() for backend in ("cuda", "simple"))
    results = [pool(x, **options) for x in (own, plain)]
    close(results[0], results[1].to_numpy())
    weights = numbers(*results[0].shape, seed=1)
    for x, out in zip((own, plain), results, strict=True):
        out.backward(tensor(weights, backend="cuda" if x is own else "simple"))
    assert own.grad is not None
    assert plain.grad is not None
    close(own.grad, plain.grad.to_numpy())


def test_dilated_windows_and_nan_and_padding_that_counts_not() -> None:
    a = numbers(1, 2, 6, 7)
    a[0, 0, 2, 3] = np.nan
    a[0, 1] = -np.inf
    for pool in (
        lambda x: F.max_pool2d(x, 2, 1, 1, 2),
        lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True),
        lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    ):
        close(pool(tensor(a, backend="cuda")), pool(tensor(a, backend="simple")).to_numpy())
