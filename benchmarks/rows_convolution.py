"""Convolutions and pooling, with their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F

import minitorch

from .harness import Case, Contest
from .operands import array, pair

__all__ = ["cases", "convolution"]

Shape = tuple[int, ...]


def _gradients(
    forward: Callable[..., Any], grad: Any, *leaves: Any
) -> Callable[[], tuple[Any, ...]]:
    """Return a call of `forward` and backward from `grad`: the value, and the leaves' gradients."""

    def call() -> tuple[Any, ...]:
        for leaf in leaves:
            leaf.grad = None
        out = forward(*leaves)
        out.backward(grad)
        return (out, *[leaf.grad for leaf in leaves])

    return call


def _both(
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    reference: Callable[..., Any],
    shape_out: Shape,
    *shapes: Shape,
    dtype: str,
) -> Contest:
    """Return the contest of forward and backward by all operands of `shapes`."""
    operands = [pair(array(shape, dtype, seed), recorded=True) for seed, shape in enumerate(shapes)]
    our_grad, their_grad = pair(array(shape_out, dtype, 9))
    ours_leaves, their_leaves = zip(*operands, strict=True)
    return Contest(
        _gradients(ours, our_grad, *ours_leaves),
        _gradients(theirs, their_grad, *their_leaves),
        reference=_gradients(reference, their_grad, *their_leaves),
    )


def _anchored(input: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the convolution as the course has it, anchored left: zeros stand behind only.

    What minitorch is checked by; it is timed against PyTorch's cheaper padding on both sides.
    """
    if weight.dim() == 3:
        return F.conv1d(F.pad(input, (0, weight.shape[2] - 1)), weight)
    return F.conv2d(F.pad(input, (0, weight.shape[3] - 1, 0, weight.shape[2] - 1)), weight)


def convolution(input: Shape, weight: Shape, backward: bool, dtype: str) -> Contest:
    ours, theirs = (minitorch.conv1d, F.conv1d) if len(input) == 3 else (minitorch.conv2d, F.conv2d)
    padded: Callable[..., Any] = partial(theirs, padding=weight[-1] // 2)
    if backward:
        out = (input[0], weight[0], *input[2:])
        return _both(ours, padded, _anchored, out, input, weight, dtype=dtype)
    (our_x, their_x), (our_w, their_w) = (
        pair(array(shape, dtype, seed)) for seed, shape in enumerate((input, weight))
    )
    return Contest(
        lambda: ours(our_x, our_w),
        lambda: padded(their_x, their_w),
        reference=lambda: _anchored(their_x, their_w),
    )


def _pooling(kind: str, shape: Shape, kernel: int, dtype: str) -> Contest:
    pool = minitorch.avgpool2d if kind == "average" else minitorch.maxpool2d
    theirs = partial(F.avg_pool2d if kind == "average" else F.max_pool2d, kernel_size=kernel)
    out = (*shape[:2], shape[2] // kernel, shape[3] // kernel)
    return _both(lambda x: pool(x, (kernel, kernel)), theirs, theirs, out, shape, dtype=dtype)


def _shapes(input: Shape, weight: Shape) -> str:
    return " x ".join(str(shape).replace(" ", "") for shape in (input, weight))


def cases() -> Iterator[Case]:
    """Yield the cases."""
    row = "conv2d, LeNet sizes, forward + both gradients"
    for batch in (16, 128):
        for channels_in, channels_out in ((1, 4), (4, 8)):
            shapes = (batch, channels_in, 28, 28), (channels_out, channels_in, 3, 3)
            yield Case(row, _shapes(*shapes), 0.6, partial(convolution, *shapes, True))
    row = "conv2d, (64,32,32,32) x (64,32,3,3)"
    shapes = (64, 32, 32, 32), (64, 32, 3, 3)
    yield Case(row, "forward", 1.1, partial(convolution, *shapes, False))
    yield Case(row, "forward + both gradients", 1.1, partial(convolution, *shapes, True))
    row = "conv1d, (16,64,100) x (128,64,5)"
    build = partial(convolution, (16, 64, 100), (128, 64, 5), True)
    yield Case(row, "forward + both gradients", 1.0, build)
    row = "average and max pooling, forward + backward"
    for kind in ("average", "max"):
        for batch in (16, 128):
            for kernel in (2, 4):
                build = partial(_pooling, kind, (batch, 8, 28, 28), kernel)
                yield Case(row, f"{kind}, ({batch},8,28,28), {kernel}x{kernel}", 0.7, build)
