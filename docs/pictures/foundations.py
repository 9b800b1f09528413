"""Pictures of Module 0: functions of numbers and of lists, shrinking, a tree of modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from minitorch import Module, operators

from .canvas import CELL, Canvas
from .plots import svg_figure

__all__ = [
    "curves_picture",
    "elementwise_picture",
    "example_of",
    "fold_picture",
    "shrinking_picture",
    "tree_picture",
    "watched",
]

_GAP = 54
_CHARACTER, _LINE = 7.9, 17


def curves_picture(caption: str) -> str:
    """Return the curves of the functions of Task 0.1 that are not arithmetic."""
    figure = Figure(figsize=(7.4, 2.1), layout="constrained")
    ranges = {
        operators.sigmoid: (-6.0, 6.0),
        operators.relu: (-3.0, 3.0),
        operators.log: (0.0, 4.0),
        operators.exp: (-3.0, 1.5),
    }
    for (function, (low, high)), axes in zip(ranges.items(), figure.subplots(1, 4), strict=True):
        x = np.linspace(low, high, 161)
        axes.axhline(0.0, color="grey", linewidth=0.5)
        axes.plot(x, [function(value) for value in x], color="C3")
        axes.set_title(function.__name__)
    return svg_figure(figure, caption)


def elementwise_picture(name: str, rows: Sequence[Sequence[float]], result: Sequence[float],
                        caption: str) -> str:  # fmt: skip
    """Return lists one above the other, and the list that a function makes of them.

    Args:
        name: the function's name.
        rows: one list, as `map` takes, or two, as `zipWith` does.
        result: the list that came out.
        caption: what stands beneath.
    """
    canvas = Canvas(caption)
    step = 2 * CELL
    above = (len(rows) - 1) * (CELL + 6)
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            canvas.box(place * step, number * (CELL + 6), CELL, CELL, f"{value:g}", "ab"[number])
    for place, value in enumerate(result):
        x = place * step
        canvas.arrow(x + CELL / 2, above + CELL, x + CELL / 2, above + CELL + 34)
        canvas.text(x + CELL / 2 + 6, above + CELL + 15, name, "start", "small")
        canvas.box(x, above + CELL + 34, CELL, CELL, f"{value:g}")
    return canvas.html()


def fold_picture(
    fn: Callable[[float, float], float], start: float, values: Sequence[float], caption: str
) -> str:
    """Return how `operators.reduce` goes along a list, with the result after each step."""
    results: list[float] = []

    def watched(value: float, result: float) -> float:
        results.append(fn(value, result))
        return results[-1]

    operators.reduce(watched, start)(values)
    canvas = Canvas(caption)
    width, below = 46, CELL + 34
    step = width + _GAP
    canvas.box(0, below, CELL, CELL, f"{start:g}", "ghost")
    canvas.text(0, below + CELL + 12, "start", "start", "small")
    x = float(CELL)
    for value, result in zip(values, results, strict=True):
        canvas.box(x + _GAP + 4, 0, CELL, CELL, f"{value:g}", "a")
        canvas.arrow(x + _GAP + width / 2, CELL, x + _GAP + width / 2, below)
        canvas.arrow(x, below + CELL / 2, x + _GAP, below + CELL / 2)
        canvas.box(x + _GAP, below, width, CELL, fn.__name__)
        canvas.text(x + step + _GAP / 2 - 4, below + CELL / 2 - 11, f"{result:g}", kind="b")
        x += step
    canvas.arrow(x, below + CELL / 2, x + _GAP, below + CELL / 2)
    return canvas.html()


def watched(
    function: Callable[..., float], right: Callable[..., float]
) -> tuple[list[tuple[Sequence[float], bool]], Callable[..., float]]:
    """Return a list and a function: it notes there what it is called with and if it is right."""
    tried: list[tuple[Sequence[float], bool]] = []

    def noted(*numbers: float) -> float:
        found = function(*numbers)
        tried.append((numbers, found == right(*numbers)))
        return found

    return tried, noted


def example_of(test: Callable[[], None]) -> str:
    """Run a test of Hypothesis that fails, and return the example that it names."""
    try:
        test()
    except AssertionError as error:
        return "\n".join(error.__notes__)
    raise RuntimeError(f"{test} should fail")


def shrinking_picture(tried: Sequence[tuple[Sequence[float], bool]], caption: str) -> str:
    """Return the examples that Hypothesis tried one after the other, and which of them failed.

    Args:
        tried: for each example its numbers, and whether the test held.
        caption: what stands beneath.
    """
    sizes = np.array([max(map(abs, numbers)) for numbers, _ in tried])
    held = np.array([good for _, good in tried])
    places = np.arange(len(tried)) + 1
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(places[held], sizes[held], s=16, facecolors="none", edgecolors="grey",
                 label="the test holds")  # fmt: skip
    axes.scatter(places[~held], sizes[~held], s=30, color="C3", label="it fails")
    axes.axvline(places[~held][0], color="C3", linewidth=0.7, linestyle="dashed")
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_yticks([0, 1, 10, 100], labels=["0", "1", "10", "100"])
    axes.set_ylim(bottom=-0.2, top=150)
    axes.set(xlabel="example", ylabel="largest |number|")
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    return svg_figure(figure, caption)


def tree_picture(module: Module, path: str, caption: str) -> str:
    """Return a module above its children, each with its own parameters.

    Args:
        module: the root.
        path: the dotted name of a parameter; the way to it is coloured.
        caption: what stands beneath.
    """
    canvas = Canvas(caption)
    marked = {".".join(path.split(".")[:depth]) for depth in range(len(path.split(".")))}
    _draw_tree(canvas, module, "", 0.0, 0.0, marked, path)
    return canvas.html()


def _own(module: Module) -> list[str]:
    return [f"{name} = {_short(p.value)}" for name, p in module._parameters.items()]


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _width(module: Module) -> float:
    """Return how wide the drawing of a tree is."""
    lines = [type(module).__name__, *_own(module)]
    below = sum(_width(child) + 24 for child in module.modules()) - 24
    return max(max(map(len, lines)) * _CHARACTER + 20, below)


def _draw_tree(
    canvas: Canvas, module: Module, prefix: str, x: float, y: float, marked: set[str], path: str
) -> float:
    """Draw a module with its descendants from (x, y) on; return the middle of its box."""
    lines, total = _own(module), _width(module)
    width = max(map(len, [type(module).__name__, *lines])) * _CHARACTER + 20
    height = 26 + _LINE * len(lines)
    middle, left = x + total / 2, x + (total - width) / 2
    own_mark = "a" if prefix in marked else ""
    canvas.box(left, y, width, height, kind=own_mark)
    canvas.text(middle, y + 13, type(module).__name__, kind="title")
    names = list(module._parameters)
    for number, (name, line) in enumerate(zip(names, lines, strict=True)):
        kind = "a" if f"{prefix}.{name}".lstrip(".") == path else ""
        canvas.text(middle, y + 30 + _LINE * number, line, kind=kind)
    for name, child in module._modules.items():
        below = f"{prefix}.{name}".lstrip(".")
        end = _draw_tree(canvas, child, below, x, y + height + 56, marked, path)
        kind = "a" if below in marked else ""
        canvas.arrow(middle, y + height, end, y + height + 56, kind)
        side, anchor = (-8, "end") if end < middle else (8, "start")
        canvas.text(end + side, y + height + 40, name, anchor, kind or "small")
        x += _width(child) + 24
    return middle
