"""The toy problems: points in the unit square, in two classes."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

import minitorch
from minitorch import datasets

RULES: dict[str, Callable[[float, float], bool]] = {
    "Simple": lambda x, y: x < 0.5,
    "Diag": lambda x, y: x + y < 0.5,
    "Split": lambda x, y: x < 0.2 or x > 0.8,
    "Xor": lambda x, y: (x < 0.5 < y) or (y < 0.5 < x),
    "Circle": lambda x, y: math.hypot(x - 0.5, y - 0.5) > math.sqrt(0.1),
}


def test_the_course_has_six_datasets() -> None:
    assert set(datasets) == {*RULES, "Spiral"}


@pytest.mark.parametrize("name", RULES)
def test_points_are_labelled_by_their_rule(name: str) -> None:
    minitorch.manual_seed(1)
    graph = datasets[name](200)
    assert graph.N == len(graph.X) == len(graph.y) == 200
    assert all(0.0 <= x < 1.0 and 0.0 <= y < 1.0 for x, y in graph.X)
    assert all(type(x) is float and type(y) is float for x, y in graph.X)
    assert graph.y == [int(RULES[name](x, y)) for x, y in graph.X]
    assert set(graph.y) == {0, 1}


def test_one_seed_gives_one_dataset() -> None:
    minitorch.manual_seed(1)
    first, second = (datasets["Simple"](10).X for _ in range(2))
    minitorch.manual_seed(1)
    again = datasets["Simple"](10).X
    assert first == again
    assert first != second


def test_the_spirals_mirror_each_other_around_the_centre() -> None:
    graph = datasets["Spiral"](50)
    assert graph.N == len(graph.X) == len(graph.y) == 50
    assert graph.y == [0] * 25 + [1] * 25
    for (x, y), (mirrored_x, mirrored_y) in zip(graph.X[:25], graph.X[25:], strict=True):
        assert (x + mirrored_x) / 2 == pytest.approx(0.5)
        assert (y + mirrored_y) / 2 == pytest.approx(0.5)
    radii = [math.hypot(x - 0.5, y - 0.5) for x, y in graph.X[:25]]
    assert radii == sorted(radii)


@pytest.mark.parametrize("name", [*RULES, "Spiral"])
def test_a_dataset_may_be_empty(name: str) -> None:
    graph = datasets[name](0)
    assert (graph.N, graph.X, graph.y) == (0, [], [])
