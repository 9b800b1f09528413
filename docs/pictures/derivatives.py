"""Pictures of Module 1: secants, the error of a difference, graphs of Scalars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any
from unittest.mock import patch

import numpy as np
from matplotlib.figure import Figure

from minitorch import Scalar, central_difference
from minitorch.autodiff import topological_sort
from minitorch.viz.graph_svg import Box, svg_of

from .plots import figure_of, svg_figure

__all__ = ["errors_picture", "graph_picture", "secants_picture"]

Function = Callable[[float], float]


def secants_picture(
    f: Function, derivative: Function, x: float, epsilon: float, caption: str
) -> str:
    """Return the tangent of a function at x, a secant to one side, and a central one."""
    figure = Figure(figsize=(7.2, 3.0), layout="constrained")
    ticks = np.linspace(x - 2 * epsilon, x + 2 * epsilon, 121)
    secants = [
        ("to one side", (x, x + epsilon), (f(x + epsilon) - f(x)) / epsilon),
        ("central", (x - epsilon, x + epsilon), central_difference(f, x, epsilon=epsilon)),
    ]
    for axes, (title, ends, slope) in zip(figure.subplots(1, 2, sharey=True), secants, strict=True):
        axes.plot(ticks, [f(t) for t in ticks], color="black", linewidth=1.0, label="f")
        axes.plot(ticks, f(x) + derivative(x) * (ticks - x), color="C2", label="tangent")
        axes.plot(ticks, f(ends[0]) + slope * (ticks - ends[0]), color="C3", label="secant")
        axes.scatter(ends, [f(end) for end in ends], color="C3", zorder=3)
        axes.scatter([x], [f(x)], color="C2", zorder=4, s=18)
        axes.set_title(f"{title}: {slope:.3f}, tangent {derivative(x):.3f}")
        axes.set_xlabel("x")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return svg_figure(figure, caption)


def errors_picture(f: Function, derivative: Function, x: float, caption: str) -> str:
    """Return how far differences are from the derivative at x, for steps of all sizes."""
    steps = 10.0 ** np.arange(-13, 0.25, 0.25)
    right = derivative(x)
    central = [abs(central_difference(f, x, epsilon=e) - right) for e in steps]
    one_sided = [abs((f(x + e) - f(x)) / e - right) for e in steps]
    figure = Figure(figsize=(6.0, 3.0), layout="constrained")
    axes = figure.add_subplot()
    axes.loglog(steps, one_sided, color="C0", label="to one side")
    axes.loglog(steps, central, color="C3", label="central")
    axes.axvline(1e-6, color="grey", linestyle="dashed", linewidth=0.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:.0e}")
    axes.set(xlabel="step", ylabel="error")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return svg_figure(figure, caption)


def _arriving(result: Scalar) -> dict[int, float]:
    """Run backward, and return what derivative reaches each Scalar, in the order of the visits."""
    reached: dict[int, float] = {}
    chain_rule, accumulate = Scalar.chain_rule, Scalar.accumulate_derivative

    def watched_rule(self: Scalar, d_output: float) -> Any:
        reached[self.unique_id] = d_output
        return chain_rule(self, d_output)

    def watched_leaf(self: Scalar, x: float) -> None:
        reached[self.unique_id] = x
        accumulate(self, x)

    with (
        patch.object(Scalar, "chain_rule", watched_rule),
        patch.object(Scalar, "accumulate_derivative", watched_leaf),
    ):
        result.backward(retain_graph=True)
    return reached


def _box(scalar: Scalar, note: str) -> Box:
    named = scalar._name or ""
    if scalar.is_constant():
        return Box(scalar.unique_id, named or f"{scalar.data:g}", "", "", "constant", "plain", ())
    if scalar.is_leaf():
        parents: Sequence[Scalar] = ()
        title, kind = named, "leaf"
    else:
        parents, kind = tuple(scalar.parents), "function"
        function = scalar.history.last_fn.__name__  # type: ignore[union-attr]
        title = f"{named} = {function}" if named else function
    numbers = tuple(parent.unique_id for parent in parents)
    value = f"value {scalar.data:.4g}"
    return Box(scalar.unique_id, title, value, note, kind, "plain", numbers)


def graph_picture(result: Scalar, caption: str, derivatives: bool = True) -> str:
    """Return the graph by which a Scalar was computed, from the leaves down to it.

    Args:
        result: the last Scalar; its leaves get their derivatives.
        caption: what stands beneath.
        derivatives: whether to show the derivative that a backward pass brings to each box, and
            as which it is visited.
    """
    reached = _arriving(result) if derivatives else {}
    visits = {identity: number for number, identity in enumerate(reached, 1)}
    boxes: dict[int, Box] = {}
    for scalar in reversed(topological_sort(result)):
        for parent in scalar.parents:
            if parent.is_constant():
                boxes.setdefault(parent.unique_id, _box(parent, ""))
        note = ""
        if scalar.unique_id in reached:
            note = f"{visits[scalar.unique_id]}. derivative {reached[scalar.unique_id]:.4g}"
        boxes[scalar.unique_id] = _box(scalar, note)
    svg = svg_of(list(boxes.values()))
    # The legend is that of graphs of tensors; a Scalar has no shape.
    return figure_of(svg.replace(escape(", with its result's shape"), ""), caption)
