"""A drawing of the graph that a tensor was computed by, and of where its gradients go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..autodiff import no_grad, topological_sort
from ..errors import GradientError
from ..module import Module, Parameter
from ..tensor import Tensor
from .graph_svg import Box, svg_of

__all__ = ["GraphDrawing", "draw_graph"]


@dataclass
class _Gradients:
    """The gradients of a graph by the numbers of its tensors.

    Args:
        by_id: what reached a tensor.
        culprits: tensors made by a function that gave gradients with NaN or infinity though
            it was given finite ones.
        known: the tensors of which anything can be said.
    """

    by_id: dict[int, Any] = field(default_factory=dict)
    culprits: set[int] = field(default_factory=set)
    known: set[int] = field(default_factory=set)


class GraphDrawing:
    """What `draw_graph` returns; a notebook shows it as a picture.

    Args:
        svg: the picture.
        missing: the leaves and parameters that no gradient reaches, by name.
        nonfinite: the leaves whose gradient has NaN or infinity, by name.
        culprits: the functions that gave such a gradient though they were given a finite one.
    """

    def __init__(
        self, svg: str, missing: list[str], nonfinite: list[str], culprits: list[str]
    ) -> None:
        self.svg = svg
        self.missing = missing
        self.nonfinite = nonfinite
        self.culprits = culprits

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> None:
        """Write the picture to an SVG file."""
        Path(path).write_text(self.svg, encoding="utf-8")

    def __repr__(self) -> str:
        return (
            f"GraphDrawing(missing={self.missing}, nonfinite={self.nonfinite}, "
            f"culprits={self.culprits})"
        )


def draw_graph(
    tensor: Tensor, params: Module | Mapping[str, Parameter | Tensor] | None = None
) -> GraphDrawing:
    """Draw how a tensor was computed, from its inputs at the top down to itself.

    To find out where gradients go wrong it runs a backward pass of its own, of the sum of the
    tensor, which leaves all `.grad` and the recorded graph as they were. Where `backward` has
    freed the graph already, it looks at the leaves' `.grad`.

    Marked are leaves that want a gradient and get none, gradients with NaN or infinity, the
    functions in which these arise, and results with such numbers.

    Args:
        tensor: the result.
        params: a module, or parameters by name: their names are drawn, and also those that
            are not in the graph at all.

    Raises:
        GradientError: if the tensor has no history.
    """
    if tensor.history is None:
        raise GradientError(
            f"draw_graph: the tensor of shape {tensor.shape} has no history; no input had "
            "requires_grad_(True), or it was computed within no_grad()"
        )
    given = params.named_parameters() if isinstance(params, Module) else (params or {}).items()
    named = {name: getattr(p, "value", p) for name, p in given}
    names = {value.unique_id: name for name, value in named.items()}
    nodes = _nodes(tensor)
    gradients = _gradients(tensor, nodes)

    boxes: list[Box] = []
    missing: list[str] = []
    nonfinite: list[str] = []
    culprits: list[str] = []
    for node in nodes.values():
        box = _box(node, names, gradients)
        boxes.append(box)
        if box.state == "culprit":
            culprits.append(box.title)
        if node.is_leaf():
            if box.state == "missing":
                missing.append(box.title)
            if box.state == "nonfinite":
                nonfinite.append(box.title)
    for name, value in named.items():
        if value.unique_id not in nodes:
            note = "not in the graph"
            boxes.append(Box(value.unique_id, name, f"{value.shape}", note, "leaf", "missing", ()))
            missing.append(name)
    return GraphDrawing(svg_of(boxes), missing, nonfinite, culprits)


def _nodes(tensor: Tensor) -> dict[int, Tensor]:
    """Return all tensors of the graph by their numbers, each after those it was made of."""
    found: dict[int, Tensor] = {}
    waiting: list[tuple[Tensor, bool]] = [(tensor, False)]
    while waiting:
        node, parents_done = waiting.pop()
        if node.unique_id in found:
            continue
        if parents_done:
            found[node.unique_id] = node
            continue
        waiting.append((node, True))
        waiting += [(parent, False) for parent in reversed(list(node.parents))]
    return found


def _gradients(tensor: Tensor, nodes: Mapping[int, Tensor]) -> _Gradients:
    try:
        return _backward(tensor)
    except GradientError:
        # The graph was freed, or changed in place: what is left are the leaves' gradients.
        leaves = {key: node for key, node in nodes.items() if node.is_leaf()}
        by_id = {key: leaf.grad for key, leaf in leaves.items() if leaf.grad is not None}
        return _Gradients(by_id, known=set(leaves))


def _backward(tensor: Tensor) -> _Gradients:
    """Run the backward pass as `autodiff.backpropagate` does, keeping all gradients."""
    result = _Gradients({tensor.unique_id: tensor.new_full(tensor.shape, 1.0)})
    with no_grad():
        for node in topological_sort(tensor):
            result.known.add(node.unique_id)
            gradient = result.by_id.get(node.unique_id)
            if gradient is None or node.is_leaf():
                continue
            for parent, share in node.chain_rule(gradient):
                if _finite(gradient) and not _finite(share):
                    result.culprits.add(node.unique_id)
                known = result.by_id.get(parent.unique_id)
                result.by_id[parent.unique_id] = share if known is None else known + share
    return result


def _finite(tensor: Any) -> bool:
    return bool(np.isfinite(tensor.to_numpy()).all())


def _box(node: Tensor, names: Mapping[int, str], gradients: _Gradients) -> Box:
    """Return how a tensor is drawn."""
    key = node.unique_id
    history = node.history
    parents = tuple([parent.unique_id for parent in node.parents])
    finite = _finite(node)
    if history is None:
        title = f"{node.item():.4g}" if node.size == 1 else "constant"
        state = "plain" if finite else "value"
        return Box(key, title, f"{node.shape}", "", "constant", state, ())
    function = history.last_fn
    own = function.__name__ if function is not None else node._name or "leaf"
    gradient = gradients.by_id.get(key)
    state, note = "plain", "" if finite else "value not finite"
    if key in gradients.culprits:
        state, note = "culprit", "gradient turns NaN or infinite here"
    elif not finite and all(_finite(parent) for parent in node.parents):
        state, note = "value", "value NaN or infinite"
    elif gradient is None and key in gradients.known:
        state, note = "missing", "no gradient"
    elif gradient is not None and not _finite(gradient):
        state, note = "nonfinite", "gradient NaN or infinite"
    kind = "leaf" if function is None else "function"
    return Box(key, names.get(key, own), f"{node.shape}", note, kind, state, parents)
