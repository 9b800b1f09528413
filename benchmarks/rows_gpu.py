"""What is measured on a GPU: products, convolutions, LeNet, and how near memory's speed is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

import minitorch

from . import rows_convolution, rows_lenet, rows_matrix
from .harness import Case, Contest
from .operands import array, pair

__all__ = ["cases"]

SIDE = 8192
Operation = Callable[..., Any]


def _against_copy(operation: Operation, inputs: int, written: int, dtype: str) -> Contest:
    """Return the contest of an operation with PyTorch's copy of as many bytes.

    Args:
        operation: takes `inputs` tensors (8192, 8192).
        inputs: how many it reads.
        written: how many numbers it writes.
        dtype: of all of them.
    """
    ours = [pair(array((SIDE, SIDE), dtype, seed))[0] for seed in range(inputs)]
    # A copy reads and writes: each way half of the bytes.
    size = (inputs * SIDE * SIDE + written) // 2
    source = torch.ones(size, device="cuda", dtype=getattr(torch, dtype))
    target = torch.empty_like(source)
    return Contest(lambda: operation(*ours), lambda: target.copy_(source), checked=False)


def _bandwidth() -> Iterator[Case]:
    row = "share of memory's speed: a ratio to a copy of as many bytes"
    square = SIDE * SIDE
    operations: list[tuple[str, Operation, int, int]] = [
        ("relu", minitorch.relu, 1, square),
        ("exp", minitorch.exp, 1, square),
        ("sigmoid", minitorch.sigmoid, 1, square),
        ("add", lambda a, b: a + b, 2, square),
        ("sum over the last dimension", lambda a: a.sum(1), 1, SIDE),
        ("sum over the first dimension", lambda a: a.sum(0), 1, SIDE),
        ("sum of all", lambda a: a.sum(), 1, 1),
        ("max over the last dimension", lambda a: minitorch.max(a, 1), 1, SIDE),
    ]
    for name, operation, inputs, written in operations:
        build = partial(_against_copy, operation, inputs, written)
        yield Case(row, f"{name} of ({SIDE},{SIDE})", 1.25, build)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    float32 = ("float32",)
    row = "matrix product"
    for size in (256, 1024, 4096):
        for layouts in ("NN", "NT", "TN", "TT"):
            build = partial(rows_matrix.product, (size, size), layouts)
            yield Case(row, f"{size}, {layouts}", 2.5, build, float32)
    row = "conv2d, (64,32,32,32) x (64,32,3,3)"
    shapes = (64, 32, 32, 32), (64, 32, 3, 3)
    for name, backward in (("forward", False), ("forward + both gradients", True)):
        build = partial(rows_convolution.convolution, *shapes, backward)
        yield Case(row, name, 2.5, build, float32)
    for one in rows_lenet.cases(False, "cuda"):
        yield Case(one.row, one.name, 1.5, one.build, float32)
    yield from _bandwidth()
