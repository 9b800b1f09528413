"""The errors that minitorch raises, and the words they are put in.

Every message names the operation, then its operands with their shapes aligned on the
right (as broadcasting aligns them), then what does not fit and what would.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = [
    "BackendError",
    "CheckpointError",
    "DTypeError",
    "DataError",
    "GradientError",
    "IndexingError",
    "ShapeError",
    "describe_shapes",
]


class IndexingError(RuntimeError, IndexError):
    """An index, a stride or a broadcast that does not fit a tensor."""


class ShapeError(IndexingError, ValueError):
    """Operands whose shapes do not fit one another or the operation."""


class DTypeError(TypeError):
    """A dtype that minitorch does not compute in."""


class BackendError(RuntimeError):
    """A backend that is not there, or that has no kernel for an operation."""


class GradientError(RuntimeError):
    """A gradient that cannot be computed: no history, freed values, changed values."""


class DataError(ValueError):
    """A data file that is missing, cut short, damaged or not what its name says."""


class CheckpointError(ValueError):
    """A checkpoint that is missing, cut short, or of another model."""


def describe_shapes(operation: str, operands: Iterable[tuple[str, Sequence[int]]]) -> str:
    """Return `operation` and one line for each named shape, aligned on the right.

    >>> print(describe_shapes("add", [("left", (2, 3)), ("right", (4,))]))
    add
      left   (2, 3)
      right    (4,)
    """
    rows = [(name, str(tuple(int(size) for size in shape))) for name, shape in operands]
    names = max((len(name) for name, _ in rows), default=0)
    shapes = max((len(shape) for _, shape in rows), default=0)
    lines = [f"  {name:<{names}}  {shape:>{shapes}}" for name, shape in rows]
    return "\n".join([operation, *lines])
