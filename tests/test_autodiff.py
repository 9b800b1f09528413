"""Module 1: numerical derivatives, and the walk along the graph."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import medium_floats

import minitorch
from minitorch import Context, GradientError, Scalar, central_difference, topological_sort

task1_1 = pytest.mark.task1_1
task1_4 = pytest.mark.task1_4


# Task 1.1: numerical derivatives.


@task1_1
def test_the_derivative_of_known_functions() -> None:
    assert central_difference(lambda x: x, 5.0) == pytest.approx(1.0, abs=1e-6)
    assert central_difference(lambda x: x * x, 5.0) == pytest.approx(10.0, abs=1e-6)
    assert central_difference(math.exp, 1.0) == pytest.approx(math.e, abs=1e-6)
    assert central_difference(math.sin, 2.0) == pytest.approx(math.cos(2.0), abs=1e-6)


@task1_1
@given(medium_floats, medium_floats, medium_floats)
def test_each_argument_has_its_own_derivative(x: float, y: float, z: float) -> None:
    def f(x: float, y: float, z: float) -> float:
        return x * x + 3.0 * y * z

    expected = [2.0 * x, 3.0 * z, 3.0 * y]
    for arg in range(3):
        assert central_difference(f, x, y, z, arg=arg) == pytest.approx(expected[arg], abs=1e-4)


@task1_1
def test_the_first_argument_is_the_default() -> None:
    assert central_difference(lambda x, y: 2.0 * x + 5.0 * y, 1.0, 1.0) == pytest.approx(2.0)


@task1_1
@given(medium_floats, st.floats(min_value=0.1, max_value=2.0))
def test_the_difference_is_central_with_the_given_step(x: float, epsilon: float) -> None:
    # Of a square it is exact; of a cube it is 3 x^2 + epsilon^2. One-sided ones differ.
    square = central_difference(lambda x: x**2, x, epsilon=epsilon)
    cube = central_difference(lambda x: x**3, x, epsilon=epsilon)
    assert square == pytest.approx(2.0 * x, abs=1e-9)
    assert cube == pytest.approx(3.0 * x**2 + epsilon**2, abs=1e-9)


@task1_1
def test_the_default_step_is_a_millionth() -> None:
    seen: list[float] = []
    central_difference(lambda x: seen.append(x) or 0.0, 0.0)
    assert sorted(seen) == pytest.approx([-1e-6, 1e-6])


# Task 1.4: the walk along the graph, on nodes that know nothing of numbers' operations.

_ids = itertools.count(1)


class Node:
    """A variable of a graph whose derivative by each parent is a given weight."""

    def __init__(self, *parents: tuple[Node, float], constant: bool = False) -> None:
        self.unique_id = next(_ids)
        self.edges = parents
        self.constant = constant
        self.derivative = 0.0
        self.chained: list[float] = []

    def is_leaf(self) -> bool:
        return not self.edges and not self.constant

    def is_constant(self) -> bool:
        return self.constant

    @property
    def parents(self) -> Iterable[Node]:
        return [parent for parent, _ in self.edges]

    def accumulate_derivative(self, x: float) -> None:
        assert self.is_leaf(), "only leaves keep a derivative"
        self.derivative += x

    def chain_rule(self, d_output: float) -> Iterable[tuple[Node, float]]:
        assert self.edges, "the chain rule needs parents"
        self.chained.append(d_output)
        return [(parent, weight * d_output) for parent, weight in self.edges]


def assert_sorted(order: Sequence[Any], expected: Sequence[Node]) -> None:
    """Check that the nodes are the expected ones, each before all of its parents."""
    order = list(order)
    places = {node.unique_id: place for place, node in enumerate(order)}
    assert len(order) == len(places), "a node is there twice"
    assert set(places) == {node.unique_id for node in expected}
    for node in order:
        for parent, _ in node.edges:
            if not parent.constant:
                assert places[node.unique_id] < places[parent.unique_id]


@task1_4
def test_sorting_a_chain_starts_at_the_result() -> None:
    leaf = Node()
    middle = Node((leaf, 1.0))
    result = Node((middle, 1.0))
    assert list(topological_sort(result)) == [result, middle, leaf]


@task1_4
def test_sorting_a_leaf_gives_the_leaf() -> None:
    leaf = Node()
    assert list(topological_sort(leaf)) == [leaf]


@task1_4
def test_sorting_a_diamond_with_unequal_sides() -> None:
    leaf = Node()
    shared = Node((leaf, 1.0))
    detour = Node((shared, 1.0))
    for edges in ([(shared, 1.0), (detour, 1.0)], [(detour, 1.0), (shared, 1.0)]):
        result = Node(*edges)
        assert_sorted(topological_sort(result), [result, detour, shared, leaf])


@task1_4
def test_sorting_leaves_constants_out() -> None:
    leaf, constant = Node(), Node(constant=True)
    result = Node((constant, 1.0), (leaf, 1.0), (constant, 1.0))
    assert_sorted(topological_sort(result), [result, leaf])
    assert list(topological_sort(constant)) == []


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Return the nodes of a graph, the result last; each has parents among those before."""
    nodes = [Node()]
    for _ in range(draw(st.integers(min_value=1, max_value=8))):
        chosen = draw(st.lists(st.sampled_from(nodes), max_size=3))
        weights = [draw(st.integers(min_value=-3, max_value=3)) for _ in chosen]
        constant = not chosen and draw(st.booleans())
        nodes.append(Node(*zip(chosen, weights, strict=True), constant=constant))
    nodes.append(Node(*[(node, 1.0) for node in nodes[-2:]]))
    return nodes


def reached(node: Node, found: dict[int, Node]) -> dict[int, Node]:
    if not node.constant:
        found[node.unique_id] = node
        for parent, _ in node.edges:
            reached(parent, found)
    return found


def along_all_paths(node: Node, leaf: Node) -> float:
    """Return the derivative by definition: the sum over paths of the products of weights."""
    if node is leaf:
        return 1.0
    return sum(weight * along_all_paths(parent, leaf) for parent, weight in node.edges)


@task1_4
@given(graphs())
def test_sorting_any_graph(nodes: list[Node]) -> None:
    assert_sorted(topological_sort(nodes[-1]), list(reached(nodes[-1], {}).values()))


@task1_4
@given(graphs(), st.integers(min_value=-3, max_value=3))
def test_backpropagation_sums_over_all_paths_to_a_leaf(nodes: list[Node], deriv: int) -> None:
    minitorch.backpropagate(nodes[-1], float(deriv))
    for node in nodes:
        if node.is_leaf():
            assert node.derivative == deriv * along_all_paths(nodes[-1], node)


@task1_4
def test_backpropagation_applies_the_chain_rule_once_at_each_node() -> None:
    leaf = Node()
    nodes = [leaf]
    for _ in range(10):
        nodes.append(Node((nodes[-1], 1.0), (nodes[-1], 1.0)))
    minitorch.backpropagate(nodes[-1], 1.0)
    assert leaf.derivative == 2.0**10
    assert [len(node.chained) for node in nodes] == [0] + [1] * 10
    assert nodes[1].chained == [2.0**9]


@task1_4
def test_backpropagation_adds_to_what_a_leaf_has() -> None:
    leaf = Node()
    minitorch.backpropagate(Node((leaf, 3.0)), 2.0)
    minitorch.backpropagate(Node((leaf, 5.0)), 1.0)
    assert leaf.derivative == 11.0


@task1_4
def test_backpropagating_from_a_leaf_gives_it_the_derivative() -> None:
    leaf = Node()
    minitorch.backpropagate(leaf, 4.0)
    assert leaf.derivative == 4.0


@task1_4
def test_backpropagation_passes_a_zero_on() -> None:
    leaf = Node()
    minitorch.backpropagate(Node((Node((leaf, 1.0)), 0.0), (leaf, 7.0)), 1.0)
    assert leaf.derivative == 7.0


# The library: what is given.


def test_saved_values_are_always_a_tuple() -> None:
    ctx = Context()
    assert ctx.saved_values == ()
    ctx.save_for_backward(1.0)
    assert ctx.saved_values == ctx.saved_tensors == (1.0,)
    ctx.save_for_backward(1.0, 2.0)
    assert ctx.saved_values == (1.0, 2.0)
    assert Context(False, (3.0,)).saved_values == (3.0,)


def test_a_context_without_gradients_keeps_nothing() -> None:
    ctx = Context(no_grad=True)
    ctx.save_for_backward(1.0)
    assert ctx.saved_values == ()


def test_freed_values_are_refused() -> None:
    ctx = Context()
    ctx.save_for_backward(1.0)
    ctx.free()
    with pytest.raises(GradientError, match="freed by an earlier backward"):
        _ = ctx.saved_values


def test_no_grad_records_nothing_and_nests() -> None:
    x = Scalar(2.0)
    with minitorch.no_grad():
        with minitorch.no_grad():
            pass
        assert (x * x).is_constant()
    assert not (x * x).is_constant()


def test_no_grad_decorates_a_function_and_survives_errors() -> None:
    x = Scalar(2.0)

    @minitorch.no_grad()
    def squared(fail: bool = False) -> Scalar:
        if fail:
            raise ValueError("failed")
        return x * x

    assert squared().is_constant()
    with pytest.raises(ValueError, match="failed"):
        squared(fail=True)
    assert not (x * x).is_constant()


def test_no_grad_holds_for_its_own_thread_only() -> None:
    x = Scalar(2.0)
    constant: list[bool] = []
    with minitorch.no_grad():
        thread = threading.Thread(target=lambda: constant.append((x * x).is_constant()))
        thread.start()
        thread.join()
    assert constant == [False]


def test_sorting_and_walking_a_deep_graph_needs_no_recursion() -> None:
    leaf = Node()
    node = leaf
    for _ in range(50_000):
        node = Node((node, 1.0))
    assert len(list(topological_sort(node))) == 50_001
    minitorch.backpropagate(node, 2.0)
    assert leaf.derivative == 2.0
