"""Normalisation over a batch as one `Function` on the tuned backend."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .autodiff import Context
from .errors import ShapeError, describe_shapes
from .function import Function
from .fusion import register_fused
from .kernels.batch_norm import centre_kernel, gradient_kernel, moments_kernel, sums_kernel
from .tensor import Tensor
from .tensor_data import TensorData, contiguous_strides
from .tuned_ops import TunedOps, elements_of

__all__ = ["BatchNorm", "normalized", "normalized_over_batch"]

Numbers = npt.NDArray[np.float64]


def _numbers(values: Tensor | None, channels: int, default: float) -> Numbers:
    if values is None:
        return np.full(channels, default)
    return np.array(values.numpy(), np.float64)


class BatchNorm(Function):
    """(x - mean) / sqrt(variance + eps) * weight + bias, for each channel."""

    @staticmethod
    def forward(
        ctx: Context, input: Tensor, weight: Tensor | None, bias: Tensor | None,
        mean: Numbers, variance: Numbers, eps: float, own: bool,
    ) -> Tensor:  # fmt: skip
        """Return (batch, channels, *image), normalised.

        Args:
            weight, bias: (channels,), or None.
            mean, variance: (channels,), contiguous. With `own` they are filled: the input's.
            eps: is added to the variance.
        """
        shape = input.shape
        batch, channels = shape[:2]
        operands = [
            (role, t.shape) for role, t in (("weight", weight), ("bias", bias)) if t is not None
        ]
        operands += [("mean", mean.shape), ("variance", variance.shape)]
        if any(own_shape != (channels,) for _, own_shape in operands):
            raise ShapeError(
                f"{describe_shapes('batch norm', [('input', shape), *operands])}\n"
                f"all but the input must be ({channels},)"
            )
        tensors = [t for t in (input, weight, bias) if t is not None]
        dtype = np.result_type(*[t.dtype for t in tensors])
        x = elements_of(input).astype(dtype, copy=False)
        sizes = batch, channels, math.prod(shape[2:])
        size = input._tensor.size
        out = np.empty(size, dtype)
        if own and size:
            moments_kernel.launch(size, mean, variance, x, *sizes)
        inverse = 1 / np.sqrt(variance + eps)
        scale = _numbers(weight, channels, 1.0) * inverse
        if size:
            centre_kernel.launch(size, out, x, mean, scale, _numbers(bias, channels, 0.0), *sizes)
        ctx.save_for_backward(input, mean.copy(), inverse, scale, sizes, own)
        return input._new(TensorData.fresh(out, shape, contiguous_strides(shape), size))

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Any, ...]:
        """Return the gradients by input, weight and bias, where they are wanted.

        With y the normalised input, y's gradient is g = grad weight; the input's is
        (g - mean(g) - y mean(g y)) / sqrt(variance + eps), without both means where mean and
        variance were given.
        """
        input, mean, inverse, scale, sizes, own = ctx.saved_values
        need_input, need_weight, need_bias, *_ = ctx.needs_input_grad
        dtype, size, channels = grad.dtype, grad._tensor.size, sizes[1]
        x, slope = elements_of(input).astype(dtype, copy=False), elements_of(grad)
        of_grad, of_products = np.zeros(channels), np.zeros(channels)
        by_input = None
        if size and (need_weight or need_bias or own):
            sums_kernel.launch(size, of_grad, of_products, slope, x, mean, *sizes)
        if need_input:
            by_input = grad.new_empty(input.shape)
            target = by_input._tensor._storage
            nothing = np.zeros(channels)
            if size and own:
                count = size // channels
                gradient_kernel.launch(
                    size, target, slope, x, mean, scale,
                    -scale * inverse * inverse * of_products / count, -scale * of_grad / count,
                    *sizes,
                )  # fmt: skip
            elif size:
                centre_kernel.launch(size, target, slope, nothing, scale, nothing, *sizes)
        by_weight, by_bias = (
            grad._new(TensorData.from_array(sums.astype(dtype))) if needed else None
            for sums, needed in ((of_products * inverse, need_weight), (of_grad, need_bias))
        )
        return by_input, by_weight, by_bias, None, None, None, None


def normalized_over_batch(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the input normalised by its own moments, and these; see `layers.functional`."""
    mean, variance = np.empty(input.shape[1]), np.empty(input.shape[1])
    out = BatchNorm.apply(input, weight, bias, mean, variance, eps, True)
    return out, input._from_array(mean), input._from_array(variance)


def normalized(
    input: Tensor, mean: Tensor, variance: Tensor, weight: Tensor | None, bias: Tensor | None,
    eps: float,
) -> Tensor:  # fmt: skip
    """Return the input normalised by given moments; see `layers.functional`."""
    moments = [np.array(values.numpy(), np.float64) for values in (mean, variance)]
    return BatchNorm.apply(input, weight, bias, *moments, eps, False)


for fused in (normalized_over_batch, normalized):
    register_fused(TunedOps, fused.__name__, fused)
