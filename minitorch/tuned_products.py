"""Linear layers and convolutions as one `Function` each on the tuned backend.

Bias and ReLU are applied while the product is written, and their gradients are taken while the
gradient is read, so that none of them goes over memory again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .autodiff import Context
from .errors import ShapeError, describe_shapes
from .function import Function
from .fusion import register_fused
from .kernels.conv import convolution_kernel, convolution_plan
from .kernels.conv_backward import convolution_backward_kernel
from .kernels.conv_strided import (
    laid_sizes,
    strided_backward_kernel,
    strided_kernel,
    taps_in_phases,
)
from .kernels.machine import best_tile
from .kernels.matmul import bias_kernel, bias_relu_backward_kernel
from .more_functions import Pad
from .tensor import Tensor
from .tensor_data import TensorData, contiguous_strides
from .tuned_ops import TunedOps, elements_of, product

__all__ = [
    "Convolution",
    "Linear",
    "StridedConvolution",
    "conv1d",
    "conv2d",
    "convolution",
    "linear",
]

Padding = tuple[tuple[int, int], ...]

_NOTHING: dict[np.dtype[Any], Any] = {
    np.dtype(kind): np.empty(0, kind) for kind in (np.float32, np.float64)
}


def _flat(a: Tensor, dtype: np.dtype[Any]) -> Any:
    """Return the elements in reading order, as a flat array of `dtype`, which may be longer."""
    storage = elements_of(a)
    return storage if storage.dtype is dtype else storage.astype(dtype, copy=False)


def _common_dtype(*tensors: Tensor | None) -> np.dtype[Any]:
    return np.result_type(*[t.dtype for t in tensors if t is not None])


def _made(like: Tensor, storage: Any, shape: tuple[int, ...]) -> Tensor:
    data = TensorData.fresh(storage, shape, contiguous_strides(shape), storage.size)
    return like._new(data)


def _wanted(ctx: Context, grad: Tensor, *gradients: Any) -> tuple[Tensor | None, ...]:
    """Return the gradients by input, weight and bias that are wanted, and None for the rest."""
    input, weight, *_ = ctx.saved_values
    shapes = input.shape, weight.shape, weight.shape[:1]
    needs = ctx.needs_input_grad
    made = [
        _made(grad, gradient, shape) if need else None
        for need, gradient, shape in zip(needs[:3], gradients, shapes, strict=True)
    ]
    return (*made, *(None,) * (len(needs) - 3))


def _as_rows(input: Tensor) -> TensorData:
    """Return (..., in) as the matrix (rows, in)."""
    if input.dims == 2:
        return input._tensor
    length = input.shape[-1]
    rows = math.prod(input.shape[:-1])
    return input.contiguous()._tensor.sharing((rows, length), (length, 1), rows * length)


class Linear(Function):
    """x @ weight^T + bias, and ReLU if asked for."""

    @staticmethod
    def forward(
        ctx: Context, input: Tensor, weight: Tensor, bias: Tensor | None, relu: bool
    ) -> Tensor:
        """Return (..., out) for input (..., in), weight (out, in) and bias (out,)."""
        shape = input.shape
        columns, length = weight.shape
        if shape[-1] != length or (bias is not None and bias.shape != (columns,)):
            operands = [("input", shape), ("weight", weight.shape)]
            operands += [("bias", bias.shape)] if bias is not None else []
            raise ShapeError(
                describe_shapes("linear", operands)
                + "\nthey must be (..., in), (out, in) and (out,)"
            )
        x = _as_rows(input)
        rows = x.shape[0]
        data = product(x, weight._tensor, x.strides, weight._tensor.strides[::-1], rows, columns)
        out = data._storage
        if bias is not None or relu:
            added = _NOTHING[out.dtype] if bias is None else _flat(bias, out.dtype)
            bias_kernel.launch(0, out, added, rows, columns, bias is not None, relu)
        result = _made(input, out, (*shape[:-1], columns))
        ctx.save_for_backward(input, weight, result if relu else None)
        return result

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Any, ...]:
        """Return the gradients by input, weight and bias, where they are wanted."""
        input, weight, out = ctx.saved_values
        need_input, need_weight, need_bias, *_ = ctx.needs_input_grad
        columns, length = weight.shape
        rows = math.prod(input.shape[:-1])
        dtype = grad.dtype
        slope = _flat(grad, dtype)
        by_bias = None
        if out is not None or need_bias:
            masked = np.empty(rows * columns, dtype) if out is not None else _NOTHING[dtype]
            sums = np.empty(columns if need_bias else 0, dtype)
            mask = _flat(out, dtype) if out is not None else _NOTHING[dtype]
            bias_relu_backward_kernel.launch(0, masked, sums, slope, mask, rows, columns)
            slope = masked if out is not None else slope
            if need_bias:
                by_bias = _made(grad, sums, (columns,))
        d = TensorData.fresh(slope, (rows, columns), (columns, 1), rows * columns)
        by_input = by_weight = None
        if need_input:
            w = weight._tensor
            data = product(d, w, (columns, 1), w.strides, rows, length)
            by_input = _made(grad, data._storage, input.shape)
        if need_weight:
            x = _as_rows(input)
            by_weight = grad._new(product(d, x, (1, columns), x.strides, columns, length))
        return by_input, by_weight, by_bias, None


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None, relu: bool = False) -> Tensor:
    """Return input @ weight^T + bias, and its ReLU if asked; see `layers.functional.linear`."""
    return Linear.apply(input, weight, bias, relu)


class Convolution(Function):
    """Convolution in one or two dimensions with zeros around, bias, and ReLU if asked for."""

    @staticmethod
    def forward(
        ctx: Context, input: Tensor, weight: Tensor, bias: Tensor | None, padding: Padding,
        relu: bool,
    ) -> Tensor:  # fmt: skip
        """Return (batch, out, ...) for input (batch, in, ...) and weight (out, in, ...)."""
        batch, channels, *sizes = input.shape
        out_channels = weight.shape[0]
        kernel = weight.shape[2:]
        out_sizes = [
            n + before + after - k + 1
            for n, (before, after), k in zip(sizes, padding, kernel, strict=True)
        ]
        fits = channels == weight.shape[1] and (bias is None or bias.shape == (out_channels,))
        for size, (before, after), k in zip(out_sizes, padding, kernel, strict=True):
            fits = fits and 0 <= before < max(k, 1) and 0 <= after < max(k, 1) and size >= 0
        if not fits:
            operands = [("input", input.shape), ("weight", weight.shape)]
            raise ShapeError(
                describe_shapes("convolution", operands)
                + f"\nthey do not fit with padding {padding}, of less than the kernel, and a "
                "bias of (out_channels,)"
            )
        shape = (batch, out_channels, *out_sizes)
        dtype = _common_dtype(input, weight, bias)
        size = math.prod(shape)
        out = np.empty(size, dtype)
        # One dimension is two, the first of size 1.
        height, width = sizes if len(sizes) == 2 else (1, sizes[0])
        kh, kw = kernel if len(kernel) == 2 else (1, kernel[0])
        out_height, out_width = out_sizes if len(out_sizes) == 2 else (1, out_sizes[0])
        (top, _), (left, _) = padding if len(padding) == 2 else ((0, 0), padding[0])
        geometry = (
            batch, channels, height, width, top, left, out_channels, out_height, out_width, kh, kw
        )  # fmt: skip
        taps = channels * kh * kw
        if not taps:
            out[:] = 0
        elif size:
            plan = convolution_plan(
                batch, channels, out_height + kh - 1, out_width + kw - 1, out_channels, taps,
                dtype.itemsize,
            )  # fmt: skip
            added = _NOTHING[dtype] if bias is None else _flat(bias, dtype)
            convolution_kernel.launch(
                size * taps, out, _flat(input, dtype), _flat(weight, dtype), added, relu,
                *geometry, *plan,
            )  # fmt: skip
        result = _made(input, out, shape)
        ctx.save_for_backward(input, weight, result if relu else None, geometry)
        return result

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Any, ...]:
        """Return the gradients by input, weight and bias, where they are wanted."""
        input, weight, out, geometry = ctx.saved_values
        need_input, need_weight, need_bias, *_ = ctx.needs_input_grad
        batch, channels, height, width, _, _, out_channels, _, _, kh, kw = geometry
        dtype = grad.dtype
        need_weight = need_weight or need_bias
        by_input = np.empty(input._tensor.size if need_input else 0, dtype)
        by_weight = np.empty(weight._tensor.size if need_weight else 0, dtype)
        by_bias = np.empty(out_channels, dtype)
        taps = channels * kh * kw
        if not (grad._tensor.size and taps):
            by_input[:], by_weight[:] = 0, 0
            by_bias[:] = grad.numpy().sum(tuple(d for d in range(grad.dims) if d != 1))
        elif by_input.size or by_weight.size:
            plan = convolution_plan(
                batch, out_channels, height + kh - 1, width + kw - 1, channels,
                out_channels * kh * kw, dtype.itemsize,
            )  # fmt: skip
            mask = _NOTHING[dtype] if out is None else _flat(out, dtype)
            convolution_backward_kernel.launch(
                grad._tensor.size * taps, by_input, by_weight, by_bias, _flat(grad, dtype), mask,
                _flat(input, dtype), _flat(weight, dtype), *geometry, *plan,
                best_tile(out_channels, taps, dtype.itemsize),
            )  # fmt: skip
        return _wanted(ctx, grad, by_input, by_weight, by_bias)


class StridedConvolution(Function):
    """Convolution with strides and dilation; else as `Convolution`, with any zeros around."""

    @staticmethod
    def forward(
        ctx: Context, input: Tensor, weight: Tensor, bias: Tensor | None, padding: Padding,
        relu: bool, stride: tuple[int, ...], dilation: tuple[int, ...],
    ) -> Tensor:  # fmt: skip
        """Return (batch, out, ...) for input (batch, in, ...) and weight (out, in, ...)."""
        batch, channels, *sizes = input.shape
        out_channels, kernel = weight.shape[0], weight.shape[2:]
        fits = channels == weight.shape[1] and (bias is None or bias.shape == (out_channels,))
        out_sizes = []
        for n, (before, after), k, step, apart in zip(
            sizes, padding, kernel, stride, dilation, strict=True
        ):
            left = n + before + after - apart * (k - 1) - 1
            fits = fits and min(before, after, left, n - 1) >= 0 and min(k, step, apart) >= 1
            out_sizes.append(left // max(step, 1) + 1)
        if not fits or not channels * out_channels:
            operands = [("input", input.shape), ("weight", weight.shape)]
            raise ShapeError(
                describe_shapes("convolution", operands)
                + f"\nthey do not fit with padding {padding}, stride {stride}, dilation "
                f"{dilation} and a bias of (out_channels,)"
            )
        shape = (batch, out_channels, *out_sizes)
        dtype = _common_dtype(input, weight, bias)
        out = np.empty(math.prod(shape), dtype)
        # One dimension is two, the first of size 1.
        if len(sizes) == 1:
            sizes, out_sizes, padding = [1, *sizes], [1, *out_sizes], ((0, 0), *padding)
            kernel, stride, dilation = (1, *kernel), (1, *stride), (1, *dilation)
        by_row, by_column = map(taps_in_phases, kernel, stride, dilation)
        geometry = (
            batch, channels, *sizes, padding[0][0], padding[1][0], out_channels, *out_sizes,
            *stride, *by_row, *by_column,
        )  # fmt: skip
        taps = channels * kernel[0] * kernel[1]
        if out.size:
            plan = convolution_plan(
                batch, channels * len(by_row.phases) * len(by_column.phases),
                out_sizes[0] + int(by_row.shift[-1]), out_sizes[1] + int(by_column.shift[-1]),
                out_channels, taps, dtype.itemsize,
            )  # fmt: skip
            added = _NOTHING[dtype] if bias is None else _flat(bias, dtype)
            strided_kernel.launch(
                out.size * taps, out, _flat(input, dtype), _flat(weight, dtype), added, relu,
                *geometry, *plan,
            )  # fmt: skip
        result = _made(input, out, shape)
        ctx.save_for_backward(input, weight, result if relu else None, geometry)
        return result

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Any, ...]:
        """Return the gradients by input, weight and bias, where they are wanted."""
        input, weight, out, geometry = ctx.saved_values
        need_input, need_weight, need_bias, *_ = ctx.needs_input_grad
        batch, channels, out_channels = geometry[0], geometry[1], geometry[6]
        dtype = grad.dtype
        by_input = np.empty(input._tensor.size if need_input else 0, dtype)
        by_weight = np.empty(weight._tensor.size if need_weight or need_bias else 0, dtype)
        by_bias = np.empty(out_channels, dtype)
        taps = math.prod(weight.shape[1:])
        if not grad._tensor.size:
            by_input[:], by_weight[:], by_bias[:] = 0, 0, 0
        elif by_input.size or by_weight.size:
            sizes: Any = (*geometry[2:6], *geometry[7:11], geometry[13], geometry[16])
            laid = laid_sizes(*sizes)
            plan = convolution_plan(
                batch, out_channels, *laid, channels, out_channels * taps // channels,
                dtype.itemsize,
            )  # fmt: skip
            mask = _NOTHING[dtype] if out is None else _flat(out, dtype)
            strided_backward_kernel.launch(
                grad._tensor.size * taps, by_input, by_weight, by_bias, _flat(grad, dtype), mask,
                _flat(input, dtype), _flat(weight, dtype), *geometry, *laid, *plan,
                best_tile(out_channels, taps, dtype.itemsize),
            )  # fmt: skip
        return _wanted(ctx, grad, by_input, by_weight, by_bias)


def convolution(
    input: Tensor, weight: Tensor, bias: Tensor | None, padding: Padding, relu: bool,
    stride: tuple[int, ...], dilation: tuple[int, ...],
) -> Tensor:  # fmt: skip
    """Return the convolution, with bias and ReLU; see `layers.functional.convolution`."""
    if max(stride) > 1 or max(dilation) > 1:
        return StridedConvolution.apply(input, weight, bias, padding, relu, stride, dilation)
    most = [k - 1 for k in weight.shape[2:]]
    own = tuple([(min(b, k), min(a, k)) for (b, a), k in zip(padding, most, strict=True)])
    if own != padding:
        # Where a whole kernel meets zeros only, the kernels would leave the image.
        rest = [(b - c, a - d) for (b, a), (c, d) in zip(padding, own, strict=True)]
        input = Pad.apply(input, tuple(rest))
        padding = own
    return Convolution.apply(input, weight, bias, padding, relu)


def conv1d(input: Tensor, weight: Tensor) -> Tensor:
    """Return the convolution anchored left, of the input's width; see `minitorch.conv1d`."""
    return Convolution.apply(input, weight, None, ((0, weight.shape[2] - 1),), False)


def conv2d(input: Tensor, weight: Tensor) -> Tensor:
    """Return the convolution anchored top left, of the input's size; see `minitorch.conv2d`."""
    _, _, kh, kw = weight.shape
    return Convolution.apply(input, weight, None, ((0, kh - 1), (0, kw - 1)), False)


for name, function in (
    ("linear", linear), ("convolution", convolution), ("conv1d", conv1d), ("conv2d", conv2d)
):  # fmt: skip
    register_fused(TunedOps, name, function)
