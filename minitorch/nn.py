"""Module 4: pooling, max, softmax and dropout, composed of tensor operations."""

from __future__ import annotations

from collections.abc import Iterable

from .autodiff import Context
from .creation import rand
from .errors import ShapeError
from .function import Function
from .fusion import fusable
from .selection import along
from .shapes import checked_dim
from .tensor import Tensor

__all__ = [
    "Max",
    "argmax",
    "avgpool2d",
    "dropout",
    "logsoftmax",
    "max",
    "maxpool2d",
    "softmax",
    "tile",
]


def _check_tiling(name: str, input: Tensor, kernel: tuple[int, int]) -> None:
    """Raise `ShapeError` unless tiles of `kernel` cover the images of `input` exactly."""
    problem = None
    sides = tuple(kernel) if isinstance(kernel, Iterable) else (kernel,)
    if input.dims != 4:
        problem = "the input must be (batch, channel, height, width)"
    elif len(sides) != 2 or not all(hasattr(k, "__index__") and k >= 1 for k in sides):
        problem = "the kernel must be (height, width), two integers of 1 or more"
    elif input.shape[2] % sides[0] or input.shape[3] % sides[1]:
        problem = f"the kernel must divide the image's height and width, {input.shape[2:]}"
    if problem:
        raise ShapeError(f"{name}: input {input.shape}, kernel {kernel}\n{problem}")


def _checked(name: str, input: Tensor, dim: int) -> tuple[Tensor, int]:
    """Return both, the dimension counted from 0, if `input` has elements along it."""
    place = checked_dim(dim, input.shape, name)
    if input.shape[place] == 0:
        raise ShapeError(f"{name}: dimension {dim} of shape {input.shape} has no elements")
    return input, place


def _check_rate(name: str, input: Tensor, rate: float, ignore: bool = False) -> None:
    """Raise `ValueError` unless `rate` is a probability."""
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"{name}: the rate is {rate}; it must be from 0 to 1")


@fusable(_check_tiling)
def tile(input: Tensor, kernel: tuple[int, int]) -> tuple[Tensor, int, int]:
    """Reshape images so that each tile of `kernel` becomes one line of numbers.

    Args:
        input: (batch, channel, height, width)
        kernel: (kernel_height, kernel_width), which divide height and width.

    Returns:
        (batch, channel, new_height, new_width, kernel_height * kernel_width), new_height and
        new_width.

    Raises:
        ShapeError: if the kernel does not divide the image.
    """
    batch, channel, height, width = input.shape
    kernel_height, kernel_width = kernel
    new_height, new_width = height // kernel_height, width // kernel_width
    split = input.contiguous().view(
        batch, channel, new_height, kernel_height, new_width, kernel_width
    )
    # The two kernel dimensions side by side, then as one.
    tiles = split.permute(0, 1, 2, 4, 3, 5).contiguous()
    tiles = tiles.view(batch, channel, new_height, new_width, kernel_height * kernel_width)
    return tiles, new_height, new_width


@fusable(_check_tiling)
def avgpool2d(input: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Return the mean of each tile of the images.

    Args:
        input: (batch, channel, height, width)
        kernel: (kernel_height, kernel_width), which divide height and width.

    Returns:
        (batch, channel, height / kernel_height, width / kernel_width)

    Raises:
        ShapeError: if the kernel does not divide the image.
    """
    tiles, new_height, new_width = tile(input, kernel)
    return tiles.mean(4).view(input.shape[0], input.shape[1], new_height, new_width)


@fusable(_checked)
def argmax(input: Tensor, dim: int) -> Tensor:
    """Return 1 where the largest element along a dimension stands, else 0 (one-hot).

    Args:
        input: a tensor.
        dim: the dimension; where several elements are largest, the first has the 1.

    Returns:
        A tensor of the input's shape.
    """
    out = input.zeros()
    input.backend.ops.put(out, along(input.argmax(dim, keepdim=True), dim), 1.0)
    return out


class Max(Function):
    """The largest element along a dimension, which stays with size 1."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, dim: int) -> Tensor:
        """Return the largest elements of input along dimension `dim`."""
        out = input.backend.max_reduce(input, int(dim))
        ctx.save_for_backward(input, out, int(dim))
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return grad where the largest elements stand, shared evenly where several tie."""
        input, out, dim = ctx.saved_values
        largest = input == out
        shared: Tensor = largest * grad / largest.sum(dim)
        return shared


@fusable(_checked)
def max(input: Tensor, dim: int) -> Tensor:
    """Return the largest elements along a dimension, which stays with size 1.

    Args:
        input: a tensor.
        dim: the dimension.

    Returns:
        A tensor of the input's shape but for a 1 at `dim`. Where several elements are
        largest, they share the gradient.

    Raises:
        IndexingError: if there is no such dimension.
        ShapeError: if it is of size 0.
    """
    return Max.apply(input, dim)


@fusable(_checked)
def softmax(input: Tensor, dim: int) -> Tensor:
    r"""Return exp(x_i) / sum_i exp(x_i) along a dimension.

    The largest x is subtracted from all first, so that no exponential overflows. It cancels,
    so no gradient goes through it.

    Args:
        input: a tensor.
        dim: the dimension that sums to 1.

    Returns:
        A tensor of the input's shape.
    """
    exponentials = (input - max(input.detach(), dim)).exp()
    return exponentials / exponentials.sum(dim)


@fusable(_checked)
def logsoftmax(input: Tensor, dim: int) -> Tensor:
    r"""Return x_i - log sum_i exp(x_i) along a dimension.

    By the log-sum-exp trick: with the largest x, m, the sum is m + log sum_i exp(x_i - m).
    See https://en.wikipedia.org/wiki/LogSumExp#log-sum-exp_trick_for_log-domain_calculations.

    Args:
        input: a tensor.
        dim: the dimension along which the exponentials sum to 1.

    Returns:
        A tensor of the input's shape.
    """
    shifted = input - max(input.detach(), dim)
    return shifted - shifted.exp().sum(dim).log()


@fusable(_check_tiling)
def maxpool2d(input: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Return the largest element of each tile of the images.

    Args:
        input: (batch, channel, height, width)
        kernel: (kernel_height, kernel_width), which divide height and width.

    Returns:
        (batch, channel, height / kernel_height, width / kernel_width)

    Raises:
        ShapeError: if the kernel does not divide the image.
    """
    tiles, new_height, new_width = tile(input, kernel)
    return max(tiles, 4).view(input.shape[0], input.shape[1], new_height, new_width)


@fusable(_check_rate)
def dropout(input: Tensor, rate: float, ignore: bool = False) -> Tensor:
    """Set random elements to 0, and scale the others so that the expected value stays.

    Args:
        input: a tensor.
        rate: the probability, from 0 up to but not including 1, of dropping each element;
            the others are divided by 1 - rate. At 1 all are dropped.
        ignore: return the input as it is, as in evaluation.

    Returns:
        A tensor of the input's shape.

    Raises:
        ValueError: if `rate` is not between 0 and 1.
    """
    if ignore:
        return input
    dropped = rand(input.shape, backend=input.backend, dtype=input.dtype) < rate
    scale = 1.0 / (1.0 - rate) if rate < 1.0 else 0.0
    return input * ((1.0 - dropped) * scale)
