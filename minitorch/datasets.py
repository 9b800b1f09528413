"""Points in the unit square in two classes: the toy problems of Modules 0 to 3."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .rng import generator

__all__ = ["Graph", "datasets"]

Point = tuple[float, float]


@dataclass
class Graph:
    """N points in the plane, each of class 0 or 1.

    Args:
        N: the number of points.
        X: the points (x_1, x_2).
        y: the class of each point, 0 or 1.
    """

    N: int
    X: list[Point]
    y: list[int]


def make_pts(N: int) -> list[Point]:
    """Return N random points, uniform in the unit square."""
    if N < 0:
        raise ValueError(f"a data set cannot have {N} points")
    return [(float(x), float(y)) for x, y in generator().random((N, 2))]


def _labelled(N: int, in_class_1: Callable[[float, float], bool]) -> Graph:
    points = make_pts(N)
    return Graph(N, points, [1 if in_class_1(x, y) else 0 for x, y in points])


def simple(N: int) -> Graph:
    """Class 1 is the left half."""
    return _labelled(N, lambda x, y: x < 0.5)


def diag(N: int) -> Graph:
    """Class 1 is the corner below the diagonal x + y = 0.5."""
    return _labelled(N, lambda x, y: x + y < 0.5)


def split(N: int) -> Graph:
    """Class 1 is a strip on the left and one on the right."""
    return _labelled(N, lambda x, y: x < 0.2 or x > 0.8)


def xor(N: int) -> Graph:
    """Class 1 is the top left and bottom right quarter."""
    return _labelled(N, lambda x, y: (x < 0.5) != (y < 0.5))


def circle(N: int) -> Graph:
    """Class 1 is what lies outside of a circle around the centre."""
    return _labelled(N, lambda x, y: (x - 0.5) ** 2 + (y - 0.5) ** 2 > 0.1)


def spiral(N: int) -> Graph:
    """Return two spirals that wind around each other; N // 2 points on each."""

    def arm(turn: float) -> list[Point]:
        points = []
        for i in range(half):
            angle = 0.5 + 9.5 * i / half
            radius = angle / 20.0
            x = 0.5 + radius * math.cos(angle + turn)
            y = 0.5 + radius * math.sin(angle + turn)
            points.append((x, y))
        return points

    half = max(N, 0) // 2
    return Graph(2 * half, arm(0.0) + arm(math.pi), [0] * half + [1] * half)


datasets: dict[str, Callable[[int], Graph]] = {
    "Simple": simple,
    "Diag": diag,
    "Split": split,
    "Xor": xor,
    "Circle": circle,
    "Spiral": spiral,
}
