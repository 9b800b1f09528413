"""The compositions of `nn.py`, and the losses, each as one `Function` on the tuned backend.

Each does what the composition of its name does, in one pass or two over memory and with one
node in the graph. The decorator of the composition has checked the arguments.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .autodiff import Context
from .errors import ShapeError
from .function import Function
from .fusion import register_fused
from .kernels.dropout import dropout as dropout_kernel
from .kernels.pool import pooling
from .kernels.softmax import cross_entropy_back, line_kernels, nll_loss_back
from .kernels.softmax import nll_loss as nll_loss_kernel
from .rng import generator
from .tensor import Tensor
from .tensor_data import TensorData
from .tuned_ops import TunedOps, elements_of, lines_of

__all__ = [
    "AvgPool2d",
    "CrossEntropy",
    "Dropout",
    "LogSoftmax",
    "Max",
    "MaxPool2d",
    "NLLLoss",
    "Softmax",
    "avgpool2d",
    "cross_entropy",
    "dropout",
    "logsoftmax",
    "max",
    "maxpool2d",
    "nll_loss",
    "softmax",
    "tiles_of",
]

Labels = npt.NDArray[np.int64]


def tiles_of(shape: tuple[int, ...], kernel: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return, for the kernels of `pool.py`, (bands, height, width, columns)."""
    height, width = kernel
    if len(shape) != 4 or min(kernel) < 1 or shape[2] % height or shape[3] % width:
        raise ShapeError(f"pooling: kernel {kernel} does not divide images of shape {shape}")
    return shape[0] * shape[1] * (shape[2] // height), height, width, shape[3] // width


class AvgPool2d(Function):
    """The mean of each tile of the images."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, kernel: tuple[int, int]) -> Tensor:
        """Return the means: (batch, channel, height, width) -> (.., height/kh, width/kw)."""
        shape = input.shape
        ctx.save_for_backward(shape, kernel)
        height, width = kernel
        tiles = tiles_of(shape, kernel)
        out = input.new_empty((shape[0], shape[1], shape[2] // height, shape[3] // width))
        if out._tensor.size:
            pooling(height, width).mean.launch(
                input._tensor.size, elements_of(input), out._tensor._storage, *tiles
            )
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None]:
        """Return grad / (kh kw) at each element of a tile."""
        shape, kernel = ctx.saved_values
        by_input = grad.new_empty(shape)
        if grad._tensor.size:
            pooling(*kernel).mean_back.launch(
                by_input._tensor.size,
                by_input._tensor._storage,
                elements_of(grad),
                *tiles_of(shape, kernel),
            )
        return by_input, None


class MaxPool2d(Function):
    """The largest element of each tile of the images."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, kernel: tuple[int, int]) -> Tensor:
        """Return the largest: (batch, channel, height, width) -> (.., height/kh, width/kw)."""
        input = input.contiguous()
        shape = input.shape
        height, width = kernel
        tiles = tiles_of(shape, kernel)
        out = input.new_empty((shape[0], shape[1], shape[2] // height, shape[3] // width))
        ctx.save_for_backward(input, out, kernel)
        if out._tensor.size:
            pooling(height, width).largest.launch(
                input._tensor.size, input._tensor._storage, out._tensor._storage, *tiles
            )
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None]:
        """Return grad where the largest elements stand, shared evenly where several tie."""
        input, out, kernel = ctx.saved_values
        by_input = input.new_empty(input.shape)
        if grad._tensor.size:
            pooling(*kernel).largest_back.launch(
                input._tensor.size, by_input._tensor._storage, input._tensor._storage,
                out._tensor._storage, elements_of(grad), *tiles_of(input.shape, kernel),
            )  # fmt: skip
        return by_input, None


class Max(Function):
    """The largest element along a dimension, which stays with size 1."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, dim: int) -> Tensor:
        """Return the largest elements of input along dimension `dim`."""
        input = input.contiguous()
        out = input.backend.max_reduce(input, dim)
        ctx.save_for_backward(input, out, dim)
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None]:
        """Return grad where the largest elements stand, shared evenly where several tie."""
        input, out, dim = ctx.saved_values
        by_input = input.new_empty(input.shape)
        if input._tensor.size:
            line_kernels(input.dtype).max_back.launch(
                input._tensor.size, by_input._tensor._storage, input._tensor._storage,
                elements_of(out), elements_of(grad), *lines_of(input.shape, dim),
            )  # fmt: skip
        return by_input, None


class _Normalised(Function):
    """What softmax and its logarithm share: kernels that need nothing but their own result."""

    name: str

    @classmethod
    def forward(cls, ctx: Context, input: Tensor, dim: int) -> Tensor:
        """Return the input normalised along dimension `dim`."""
        out = input.new_empty(input.shape)
        ctx.save_for_backward(out, dim)
        if out._tensor.size:
            elements = elements_of(input)
            getattr(line_kernels(input.dtype), cls.name).launch(
                out._tensor.size,
                out._tensor._storage,
                elements,
                elements,
                *lines_of(out.shape, dim),
            )
        return out

    @classmethod
    def backward(cls, ctx: Context, grad: Tensor) -> tuple[Tensor, None]:
        """Return the gradient by the input."""
        out, dim = ctx.saved_values
        by_input = out.new_empty(out.shape)
        if out._tensor.size:
            getattr(line_kernels(out.dtype), f"{cls.name}_back").launch(
                out._tensor.size, by_input._tensor._storage, out._tensor._storage,
                elements_of(grad), *lines_of(out.shape, dim),
            )  # fmt: skip
        return by_input, None


class Softmax(_Normalised):
    """y_i = exp(x_i) / sum_i exp(x_i) along a dimension; its gradient y (grad - sum(grad y))."""

    name = "softmax"


class LogSoftmax(_Normalised):
    """y_i = x_i - log sum_i exp(x_i); its gradient grad - exp(y) sum(grad)."""

    name = "logsoftmax"


class Dropout(Function):
    """The input with random elements set to 0, and the others scaled up."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, rate: float) -> Tensor:
        """Return input times a random mask, of 0 and 1 / (1 - rate)."""
        out = input.new_empty(input.shape)
        size = out._tensor.size
        mask = generator().random(size, out.dtype)
        scale = 1.0 / (1.0 - rate) if rate < 1.0 else 0.0
        dropout_kernel.launch(size, out._tensor._storage, mask, elements_of(input), rate, scale)
        ctx.save_for_backward(out._new(TensorData.from_array(mask.reshape(out.shape))))
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None]:
        """Return grad times the mask."""
        (mask,) = ctx.saved_values
        return grad.backend.mul_zip(grad, mask), None


class NLLLoss(Function):
    """The mean of -input[n, labels[n]]."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, labels: Labels) -> Tensor:
        """Return the mean: (rows, classes) and (rows) -> ()."""
        labels = _labels("nll_loss", input, labels)
        out = input.new_empty(())
        ctx.save_for_backward(input.shape, labels)
        nll_loss_kernel.launch(0, out._tensor._storage, elements_of(input), labels, input.shape[1])
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None]:
        """Return -grad / rows at each label, else 0."""
        shape, labels = ctx.saved_values
        by_input = grad.zeros(shape)
        nll_loss_back.launch(0, by_input._tensor._storage, grad._tensor._storage, labels, shape[1])
        return by_input, None


class CrossEntropy(Function):
    """The mean of -log softmax(input[n])[labels[n]]."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, labels: Labels) -> Tensor:
        """Return the mean: (rows, classes) and (rows) -> ()."""
        labels = _labels("cross_entropy", input, labels)
        out, by_input = input.new_empty(()), input.new_empty(input.shape)
        ctx.save_for_backward(by_input)
        line_kernels(input.dtype).cross_entropy.launch(
            input._tensor.size, out._tensor._storage, by_input._tensor._storage,
            elements_of(input), labels, input.shape[1],
        )  # fmt: skip
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, None]:
        """Return grad / rows times the softmax, less 1 at each label."""
        (by_sum,) = ctx.saved_values
        by_input = by_sum.new_empty(by_sum.shape)
        cross_entropy_back.launch(
            by_sum._tensor.size, by_input._tensor._storage, by_sum._tensor._storage,
            grad._tensor._storage, by_sum.shape[0],
        )  # fmt: skip
        return by_input, None


def avgpool2d(input: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Return the mean of each tile of the images; see `nn.avgpool2d`."""
    return AvgPool2d.apply(input, (int(kernel[0]), int(kernel[1])))


def maxpool2d(input: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Return the largest element of each tile of the images; see `nn.maxpool2d`."""
    return MaxPool2d.apply(input, (int(kernel[0]), int(kernel[1])))


def max(input: Tensor, dim: int) -> Tensor:
    """Return the largest elements along a dimension; see `nn.max`."""
    return Max.apply(input, dim)


def softmax(input: Tensor, dim: int) -> Tensor:
    """Return exp(x_i) / sum_i exp(x_i) along a dimension; see `nn.softmax`."""
    return Softmax.apply(input, dim)


def logsoftmax(input: Tensor, dim: int) -> Tensor:
    """Return x_i - log sum_i exp(x_i) along a dimension; see `nn.logsoftmax`."""
    return LogSoftmax.apply(input, dim)


def dropout(input: Tensor, rate: float, ignore: bool = False) -> Tensor:
    """Return the input with random elements set to 0; see `nn.dropout`."""
    return input if ignore else Dropout.apply(input, float(rate))


def _labels(name: str, input: Tensor, labels: Labels) -> Labels:
    """Return the labels as the kernels take them, which look themselves whether each fits."""
    array = np.ascontiguousarray(labels, np.int64)
    if input.dims != 2 or array.shape != input.shape[:1]:
        raise ShapeError(f"{name}: labels {array.shape} for input {input.shape}\n"
                         "they must be (rows,) and (rows, classes)")  # fmt: skip
    return array


def nll_loss(input: Tensor, labels: Labels) -> Tensor:
    """Return the mean of -input[n, labels[n]]: (rows, classes) and (rows,) -> ()."""
    return NLLLoss.apply(input, labels)


def cross_entropy(input: Tensor, labels: Labels) -> Tensor:
    """Return nll_loss(logsoftmax(input, 1), labels): (rows, classes) and (rows,) -> ()."""
    return CrossEntropy.apply(input, labels)


for fused in (
    avgpool2d, maxpool2d, max, softmax, logsoftmax, dropout, nll_loss, cross_entropy,
):  # fmt: skip
    register_fused(TunedOps, fused.__name__, fused)
