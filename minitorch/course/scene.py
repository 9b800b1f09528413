"""Choosing the picture that fits a failed test, from what its local variables hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .curriculum import Task
from .differences import shown
from .drawing import draw_broadcast, draw_strides, draw_window
from .steps import Step

__all__ = ["layouts", "picture"]


def _array(value: Any) -> Any:
    """Return a numpy array for a tensor or an array; None for all else."""
    if type(value).__module__.startswith("minitorch") and hasattr(value, "numpy"):
        return value.numpy()
    return value if hasattr(value, "ndim") and hasattr(value, "strides") else None


def _shape(value: Any) -> tuple[int, ...] | None:
    """Return a shape that a test holds as a tuple, an array of integers, or a tensor's."""
    if isinstance(value, tuple | list) and all(isinstance(n, int) for n in value):
        return tuple(value)
    shape = getattr(value, "shape", None)
    return shape if isinstance(shape, tuple) else None


def _window(held: dict[str, Any], at: tuple[int, ...] | None) -> str:
    input, weight = _array(held.get("input")), _array(held.get("weight"))
    if input is None or weight is None or at is None or not len(at) == input.ndim == weight.ndim:
        return ""
    if input.ndim not in (3, 4) or input.shape[1] != weight.shape[1]:
        return ""
    if at[0] >= len(input) or at[1] >= len(weight):
        return ""
    return draw_window(input, weight, at, held.get("reverse") is True)


def _broadcast(held: dict[str, Any], at: tuple[int, ...] | None) -> str:
    for names in (("left", "right"), ("small", "other"), ("small", "big"), ("small", "shape"),
                  ("a", "b"), ("x", "y")):  # fmt: skip
        shapes = [_shape(held[name]) for name in names if name in held]
        known = [(name, shape) for name, shape in zip(names, shapes, strict=False)
                 if shape is not None]  # fmt: skip
        if len(known) == 2 and known[0][1] != known[1][1]:
            return draw_broadcast(known)
    return ""


def _strides(held: dict[str, Any], at: tuple[int, ...] | None) -> str:
    for value in held.values():
        shape, strides = getattr(value, "shape", None), getattr(value, "strides", None)
        own = type(value).__module__.startswith("minitorch")
        if own and isinstance(shape, tuple) and isinstance(strides, tuple) and 0 not in shape:
            index = _shape(held.get("index"))
            if index is None or len(index) != len(shape):
                return draw_strides(shape, strides)
            inside = all(0 <= i < n for i, n in zip(index, shape, strict=True))
            return draw_strides(shape, strides, index if inside else None)
    return ""


def layouts(steps: Sequence[Step]) -> list[str]:
    """Return shape, strides and storage of each `TensorData` that a test holds."""
    lines = []
    for name, value in steps[0].locals.items() if steps else ():
        if type(value).__name__ == "TensorData":
            storage: Any = getattr(value, "_storage", None)
            held = shown(storage.tolist()) if hasattr(storage, "tolist") else "unknown"
            lines.append(f"{name}: shape {value.shape}, strides {value.strides}, storage {held}")
    return lines


# A word in the names of a task's functions, and what one draws for it; the first that fits.
_KINDS = (
    ("conv", _window),
    ("broadcast", _broadcast),
    ("_map", _broadcast),
    ("_zip", _broadcast),
    ("index", _strides),
)


def picture(task: Task, steps: Sequence[Step], at: tuple[int, ...] | None) -> str:
    """Return a picture of what a test of `task` does, or nothing.

    Args:
        steps: those of the test and its helpers, the innermost last.
        at: the index of the first wrong element, if an array came out wrong.
    """
    names = " ".join(blank.name for blank in task.blanks)
    for word, draw in _KINDS:
        if word in names:
            for step in reversed(steps):
                drawn = draw(step.locals, at)
                if drawn:
                    return drawn
            return ""
    return ""
