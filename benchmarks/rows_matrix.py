"""Matrix products, with operands as they lie and transposed, no copy by the caller."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from .harness import Case, Contest
from .operands import array, pair

__all__ = ["cases", "product"]


def _operand(shape: tuple[int, ...], layout: str, dtype: str, seed: int) -> tuple[Any, Any, Any]:
    """Return an operand in minitorch, PyTorch and numpy; with layout "T" a transposed view."""
    values = array(shape, dtype, seed)
    ours, theirs = pair(values)
    if layout == "N":
        return ours, theirs, values
    order = (*range(len(shape) - 2), len(shape) - 1, len(shape) - 2)
    return ours.permute(*order), theirs.permute(order), values.transpose(order)


def product(shape: tuple[int, ...], layouts: str, dtype: str) -> Contest:
    left = _operand(shape, layouts[0], dtype, 0)
    right = _operand(shape, layouts[1], dtype, 1)
    return Contest(
        lambda: left[0] @ right[0],
        lambda: left[1] @ right[1],
        numpy=lambda: left[2] @ right[2],
    )


def cases() -> Iterator[Case]:
    """Yield the cases."""
    row = "matrix product, operands as they lie (N) and transposed (T)"
    sizes = {"64": (64, 64), "256": (256, 256), "1024": (1024, 1024)}
    for name, shape in {**sizes, "batched 16x128x128": (16, 128, 128)}.items():
        for layouts in ("NN", "NT", "TN", "TT"):
            target = 1.5 if name == "64" else 1.2
            yield Case(row, f"{name}, {layouts}", target, partial(product, shape, layouts))
