"""Operations on a thousand elements with their gradient recorded: what calling them costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

import minitorch

from .harness import Case, Contest
from .operands import array, pair

__all__ = ["cases"]

Operation = Callable[..., Any]
SHAPE = (10, 100)
SQUARE = (32, 32)

# Name, operation in minitorch, in PyTorch, the operands' shapes.
OPERATIONS: list[tuple[str, Operation, Operation, list[tuple[int, ...]]]] = [
    ("add", lambda a, b: a + b, lambda a, b: a + b, [SHAPE, SHAPE]),
    ("add a row", lambda a, b: a + b, lambda a, b: a + b, [SHAPE, SHAPE[1:]]),
    ("add a number", lambda a: a + 2.0, lambda a: a + 2.0, [SHAPE]),
    ("sub", lambda a, b: a - b, lambda a, b: a - b, [SHAPE, SHAPE]),
    ("mul", lambda a, b: a * b, lambda a, b: a * b, [SHAPE, SHAPE]),
    ("div", lambda a, b: a / b, lambda a, b: a / b, [SHAPE, SHAPE]),
    ("neg", lambda a: -a, lambda a: -a, [SHAPE]),
    ("relu", lambda a: a.relu(), lambda a: a.relu(), [SHAPE]),
    ("exp", lambda a: a.exp(), lambda a: a.exp(), [SHAPE]),
    ("log", lambda a: a.log(), lambda a: a.log(), [SHAPE]),
    ("tanh", lambda a: a.tanh(), lambda a: a.tanh(), [SHAPE]),
    ("sigmoid", lambda a: a.sigmoid(), lambda a: a.sigmoid(), [SHAPE]),
    ("sum, dim 1", lambda a: a.sum(1), lambda a: a.sum(1, keepdim=True), [SHAPE]),
    ("sum of all", lambda a: a.sum(), lambda a: a.sum(), [SHAPE]),
    ("mean, dim 0", lambda a: a.mean(0), lambda a: a.mean(0, keepdim=True), [SHAPE]),
    ("max, dim 1", lambda a: minitorch.max(a, 1), lambda a: a.amax(1, keepdim=True), [SHAPE]),
    ("softmax", lambda a: minitorch.softmax(a, 1), lambda a: torch.softmax(a, 1), [SHAPE]),
    (
        "log-softmax",
        lambda a: minitorch.logsoftmax(a, 1),
        lambda a: torch.log_softmax(a, 1),
        [SHAPE],
    ),
    ("view", lambda a: a.view(1000), lambda a: a.view(1000), [SHAPE]),
    ("permute", lambda a: a.permute(1, 0), lambda a: a.permute(1, 0), [SHAPE]),
    ("expand", lambda a: a.expand(10, 100), lambda a: a.expand(10, 100), [(1, 100)]),
    ("slice", lambda a: a[2:8, ::2], lambda a: a[2:8, ::2], [SHAPE]),
    ("matrix product 32x32", lambda a, b: a @ b, lambda a, b: a @ b, [SQUARE, SQUARE]),
]


def _backward(operation: Operation, leaves: list[Any], grad: Any) -> Callable[[], list[Any]]:
    def call() -> list[Any]:
        for leaf in leaves:
            leaf.grad = None
        operation(*leaves).backward(grad)
        return [leaf.grad for leaf in leaves]

    return call


def _contest(
    ours: Operation, theirs: Operation, shapes: list[tuple[int, ...]], backward: bool, dtype: str
) -> Contest:
    # Positive, so that every operation has a value.
    arrays = [array(shape, dtype, seed, 0.1, 2.1) for seed, shape in enumerate(shapes)]
    pairs = [pair(values, recorded=True) for values in arrays]
    a, b = [p[0] for p in pairs], [p[1] for p in pairs]
    if not backward:
        return Contest(lambda: ours(*a), lambda: theirs(*b))
    grads = [
        pair(array(tuple(out.shape), dtype, 9))[side]
        for side, out in enumerate((ours(*a), theirs(*b)))
    ]
    return Contest(_backward(ours, a, grads[0]), _backward(theirs, b, grads[1]))


def cases() -> Iterator[Case]:
    """Yield the cases."""
    row = "any operation with gradient recorded on 1e3 elements"
    for backward in (False, True):
        for name, ours, theirs, shapes in OPERATIONS:
            title = f"{name}, forward + backward" if backward else name
            build = partial(_contest, ours, theirs, shapes, backward)
            yield Case(row, title, 1.5, build, parallel=False)
