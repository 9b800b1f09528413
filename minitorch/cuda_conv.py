"""Module 4: convolution and average pooling on a GPU, a thread for each element of the output.

What they compute is said in `fast_conv.py` and `nn.py`; those call these kernels where tensors
are on a GPU, and for the gradients too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba

from .autodiff import Context
from .backends import register_kernel
from .cuda_memory import dimensions
from .cuda_ops import THREADS, CudaOps, threads_for
from .cuda_target import CudaKernel, blocks_for, cuda
from .function import Function
from .fusion import register_fused
from .tensor_data import index_to_position, to_index

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["AvgPool2d", "avgpool2d", "conv1d", "conv2d", "tensor_avgpool2d", "tensor_conv2d"]


def _tensor_conv2d(
    out: Any, out_shape: Any, out_strides: Any, out_size: int,
    input: Any, input_shape: Any, input_strides: Any,
    weight: Any, weight_shape: Any, weight_strides: Any,
    reverse: bool,
) -> None:  # fmt: skip
    """Fill `out` with the 2-D convolution of `input` and `weight`.

    The arguments are those of `fast_conv._tensor_conv2d`; shapes and strides are tuples of four.
    It is launched with a thread for each of the `out_size` elements of `out`, and some more, to
    fill the last block.

    Args:
        out, out_shape, out_strides, out_size: (batch, out_channels, out_height, out_width)
        input, input_shape, input_strides: (batch, in_channels, height, width)
        weight, weight_shape, weight_strides: (out_channels, in_channels, k_height, k_width)
        reverse: anchor the weight at its bottom right instead of its top left.
    """
    i = cuda.grid(1)
    if i >= out_size:
        return
    index = cuda.local.array(4, numba.int64)
    to_index(i, out_shape, index)
    image, channel, y, x = index[0], index[1], index[2], index[3]
    height, width = input_shape[2], input_shape[3]
    direction = -1 if reverse else 1
    # The taps of the weight that meet the input: the others would be multiplied with zeros.
    rows = min(weight_shape[2], y + 1 if reverse else height - y)
    columns = min(weight_shape[3], x + 1 if reverse else width - x)
    total = 0.0
    for c in range(input_shape[1]):
        at = (
            image * input_strides[0] + c * input_strides[1]
            + y * input_strides[2] + x * input_strides[3]
        )  # fmt: skip
        tap = channel * weight_strides[0] + c * weight_strides[1]
        for row in range(rows):
            for column in range(columns):
                total += (
                    input[at + direction * (row * input_strides[2] + column * input_strides[3])]
                    * weight[tap + row * weight_strides[2] + column * weight_strides[3]]
                )
    out[index_to_position(index, out_strides)] = total


tensor_conv2d = CudaKernel(_tensor_conv2d)


def conv2d(
    out: Any, out_shape: Any, out_strides: Any, out_size: int,
    input: Any, input_shape: Any, input_strides: Any,
    weight: Any, weight_shape: Any, weight_strides: Any,
    reverse: bool,
) -> None:  # fmt: skip
    """Launch the kernel of Task 4.4b; the arguments are those of `fast_conv.tensor_conv2d`."""
    threads = threads_for(out_size, THREADS)
    tensor_conv2d[blocks_for(out_size, threads), threads](
        out, *dimensions(out_shape, out_strides), out_size,
        input, *dimensions(input_shape, input_strides),
        weight, *dimensions(weight_shape, weight_strides), reverse,
    )  # fmt: skip


def conv1d(
    out: Any, out_shape: Any, out_strides: Any, out_size: int,
    input: Any, input_shape: Any, input_strides: Any,
    weight: Any, weight_shape: Any, weight_strides: Any,
    reverse: bool,
) -> None:  # fmt: skip
    """Launch the same kernel in one dimension: a line is an image of height 1."""
    threads = threads_for(out_size, THREADS)
    tensor_conv2d[blocks_for(out_size, threads), threads](
        out, *_as_images(out_shape, out_strides), out_size,
        input, *_as_images(input_shape, input_strides),
        weight, *_as_images(weight_shape, weight_strides), reverse,
    )  # fmt: skip


def _as_images(shape: Any, strides: Any) -> tuple[Any, Any]:
    (batch, channels, width), (batch_step, channel_step, step) = dimensions(shape, strides)
    return (batch, channels, 1, width), (batch_step, channel_step, 0, step)


register_kernel(CudaOps, "conv1d", conv1d)
register_kernel(CudaOps, "conv2d", conv2d)


def _avgpool2d(
    out: Any, out_shape: Any, out_strides: Any, out_size: int,
    input: Any, input_strides: Any,
    kernel_height: int, kernel_width: int,
) -> None:  # fmt: skip
    """Fill `out` with the means of the tiles of `input`.

    It is launched with a thread for each of the `out_size` elements of `out`, and some more, to
    fill the last block.

    Args:
        out, out_shape, out_strides, out_size: (batch, channels, new_height, new_width)
        input, input_strides: (batch, channels, new_height * kernel_height,
            new_width * kernel_width)
        kernel_height, kernel_width: the size of a tile.
    """
    i = cuda.grid(1)
    if i >= out_size:
        return
    index = cuda.local.array(4, numba.int64)
    to_index(i, out_shape, index)
    first = (
        index[0] * input_strides[0] + index[1] * input_strides[1]
        + index[2] * kernel_height * input_strides[2] + index[3] * kernel_width * input_strides[3]
    )  # fmt: skip
    total = 0.0
    for row in range(kernel_height):
        for column in range(kernel_width):
            total += input[first + row * input_strides[2] + column * input_strides[3]]
    out[index_to_position(index, out_strides)] = total / (kernel_height * kernel_width)


tensor_avgpool2d = CudaKernel(_avgpool2d)


class AvgPool2d(Function):
    """The mean of each tile of the images, by one kernel."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, kernel: tuple[int, int]) -> Tensor:
        """Return (batch, channels, height / kernel_height, width / kernel_width)."""
        kernel_height, kernel_width = kernel
        batch, channels, height, width = input.shape
        ctx.save_for_backward(input.shape, kernel)
        out = input.new_empty((batch, channels, height // kernel_height, width // kernel_width))
        target, source = out._tensor, input._tensor
        if target.size:
            threads = threads_for(target.size, THREADS)
            tensor_avgpool2d[blocks_for(target.size, threads), threads](
                target._storage, target.shape, target.strides, target.size,
                source._storage, source.strides, kernel_height, kernel_width,
            )  # fmt: skip
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad, an equal share of it for each element of the tile."""
        (batch, channels, height, width), (kernel_height, kernel_width) = ctx.saved_values
        rows, columns = height // kernel_height, width // kernel_width
        shares = grad.contiguous().view(batch, channels, rows, 1, columns, 1)
        spread = shares.expand(batch, channels, rows, kernel_height, columns, kernel_width)
        out: Tensor = spread / (kernel_height * kernel_width)
        return out.view(batch, channels, height, width)


def avgpool2d(input: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Return the mean of each tile of the images, as `minitorch.avgpool2d` composes it."""
    kernel_height, kernel_width = kernel
    return AvgPool2d.apply(input, (int(kernel_height), int(kernel_width)))


register_fused(CudaOps, "avgpool2d", avgpool2d)
