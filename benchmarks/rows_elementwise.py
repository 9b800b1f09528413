"""Maps, zips and reductions over a million elements, nothing recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

import minitorch

from .harness import Case, Contest
from .operands import array, pair

__all__ = ["cases"]

SIDE = 1000
Operation = Callable[..., Any]


def _map(ours: Operation, theirs: Operation, numpys: Operation | None, dtype: str) -> Contest:
    """Return the contest of a function of one tensor (1000, 1000).

    Its numbers are from -1.9 to 2.1; for the logarithm from 0.1 to 4.1.
    """
    values = array((SIDE, SIDE), dtype, 0, 0.1, 4.1)
    if theirs is not torch.log:
        values -= np.asarray(2.0, dtype)
    x, y = pair(values)
    return Contest(lambda: ours(x), lambda: theirs(y), (lambda: numpys(values)) if numpys else None)


def _zip(operation: Operation, dtype: str) -> Contest:
    """Return the contest of an operator on two tensors (1000, 1000)."""
    left, right = array((SIDE, SIDE), dtype, 0), array((SIDE, SIDE), dtype, 1)
    (a, p), (b, q) = pair(left), pair(right)
    return Contest(lambda: operation(a, b), lambda: operation(p, q), lambda: operation(left, right))


def _added(shapes: list[tuple[int, ...]], view: Operation, dtype: str) -> Contest:
    """Return the contest of a sum, after `view` made two operands of tensors of `shapes`."""
    arrays = [array(shape, dtype, seed) for seed, shape in enumerate(shapes)]
    ours, theirs = zip(*[pair(values) for values in arrays], strict=True)
    (a, b), (p, q), (u, v) = view(*ours), view(*theirs), view(*arrays)
    return Contest(lambda: a + b, lambda: p + q, lambda: u + v)


def _reduction(kind: str, shape: tuple[int, ...], dim: int | None, dtype: str) -> Contest:
    """Return the contest of a sum or a maximum along `dim`, or over all."""
    values = array(shape, dtype)
    x, y = pair(values)
    if dim is None:
        if kind == "sum":
            return Contest(lambda: x.sum(), lambda: y.sum(), lambda: values.sum())
        return Contest(lambda: x.max(), lambda: y.max(), lambda: values.max())
    if kind == "sum":
        return Contest(
            lambda: x.sum(dim),
            lambda: y.sum(dim, keepdim=True),
            lambda: values.sum(dim, keepdims=True),
        )
    return Contest(
        lambda: minitorch.max(x, dim),
        lambda: y.amax(dim, keepdim=True),
        lambda: values.max(dim, keepdims=True),
    )


def _contiguous() -> Iterator[Case]:
    row = "contiguous map, zip, reduce on 1e6"
    maps: list[tuple[str, Operation, Operation, Operation]] = [
        ("relu", minitorch.relu, torch.relu, lambda x: np.maximum(x, 0)),
        ("neg", minitorch.neg, torch.neg, np.negative),
    ]
    for name, ours, theirs, numpys in maps:
        yield Case(row, f"map: {name}", 1.05, partial(_map, ours, theirs, numpys))
    for name, operation in (("add", lambda a, b: a + b), ("mul", lambda a, b: a * b)):
        yield Case(row, f"zip: {name}", 1.05, partial(_zip, operation))
    shapes: list[tuple[int, ...]] = [(SIDE, SIDE), (100, 100, 100)]
    for kind in ("sum", "max"):
        for shape in shapes:
            for dim in range(len(shape)):
                name = f"{kind} of {shape}, dim {dim}".replace(", ", ",", len(shape) - 1)
                yield Case(row, name, 1.05, partial(_reduction, kind, shape, dim))
        yield Case(row, f"{kind} of all", 1.05, partial(_reduction, kind, shapes[0], None))


def _strided() -> Iterator[Case]:
    row = "broadcast, permuted, sliced zip on 1e6"
    square = (SIDE, SIDE)
    plain: Operation = lambda a, b: (a, b)  # noqa: E731
    views: list[tuple[str, list[tuple[int, ...]], Operation]] = [
        ("a + row", [square, (SIDE,)], plain),
        ("a + column", [square, (SIDE, 1)], plain),
        ("a + b transposed", [square, square], lambda a, b: (a, _transposed(b))),
        ("every second column + b", [(SIDE, 2 * SIDE), square], lambda a, b: (a[:, ::2], b)),
        ("inner block + b", [(1200, 1200), square], lambda a, b: (a[100:1100, 100:1100], b)),
    ]
    for name, shapes, view in views:
        yield Case(row, name, 1.3, partial(_added, shapes, view))


def _transposed(a: Any) -> Any:
    return a.transpose(1, 0) if isinstance(a, np.ndarray) else a.permute(1, 0)


def _transcendental() -> Iterator[Case]:
    row = "exp, log, tanh, sigmoid, log-softmax on 1e6"
    maps: list[tuple[str, Operation, Operation, Operation | None]] = [
        ("exp", minitorch.exp, torch.exp, np.exp),
        ("log", minitorch.log, torch.log, np.log),
        ("tanh", minitorch.tanh, torch.tanh, np.tanh),
        ("sigmoid", minitorch.sigmoid, torch.sigmoid, None),
    ]
    for name, ours, theirs, numpys in maps:
        yield Case(row, name, 1.2, partial(_map, ours, theirs, numpys))
    for dim in (1, 0):
        build = partial(
            _map,
            partial(_log_softmax, dim=dim),
            partial(torch.log_softmax, dim=dim),
            None,
        )
        yield Case(row, f"log-softmax of (1000,1000), dim {dim}", 1.2, build)


def _log_softmax(x: minitorch.Tensor, dim: int) -> minitorch.Tensor:
    return minitorch.logsoftmax(x, dim)


def cases() -> Iterator[Case]:
    """Yield the cases."""
    yield from _contiguous()
    yield from _strided()
    yield from _transcendental()
