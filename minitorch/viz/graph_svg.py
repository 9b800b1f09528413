"""A layered drawing of a directed graph without circles, in SVG.

After Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system
structures" (1981): a layer for each box, so that all edges go down; within a layer each box
near the mean of its neighbours; edges that pass a layer bend around its boxes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Box", "svg_of"]

LINE, CHARACTER, GAP, LAYER_GAP, MARGIN = 15, 7.2, 24.0, 38.0, 16.0
SWEEPS = 8

# The border and the filling of boxes in each state, and what it means.
STATES = {
    "culprit": ("#b00020", "#ff8a80", "gradient turns NaN or infinite in this function"),
    "nonfinite": ("#b00020", "#fde0dc", "gradient is NaN or infinite"),
    "missing": ("#b36b00", "#ffe0b2", "wants a gradient, but none arrives"),
    "value": ("#6a1b9a", "#ead7f2", "value is NaN or infinite, of inputs that are not"),
}
KINDS = {
    "leaf": ("#1b5e20", "#dcedc8", "leaf: wants a gradient"),
    "function": ("#455a64", "#eceff1", "function, with its result's shape"),
    "constant": ("#9e9e9e", "#ffffff", "constant: wants none"),
}


@dataclass(frozen=True)
class Box:
    """A box of the drawing.

    Args:
        key: its number.
        title, subtitle, note: the lines of text in it; an empty one is left out.
        kind: "leaf", "function" or "constant".
        state: "plain", or one of `STATES`.
        parents: the numbers of the boxes that edges come from.
    """

    key: int
    title: str
    subtitle: str
    note: str
    kind: str
    state: str
    parents: tuple[int, ...]

    @property
    def lines(self) -> list[str]:
        """Return the lines of text."""
        return [line for line in (self.title, self.subtitle, self.note) if line]

    @property
    def width(self) -> float:
        """Return the width in pixels."""
        return max(len(line) for line in self.lines) * CHARACTER + 16

    @property
    def height(self) -> float:
        """Return the height in pixels."""
        return len(self.lines) * LINE + 10.0


# A box, or a bend of a long edge in one of the layers that it passes: (from, to, layer).
Place = int | tuple[int, int, int]


def svg_of(boxes: Sequence[Box]) -> str:
    """Return the drawing; boxes come after those that edges lead to them from."""
    by_key = {box.key: box for box in boxes}
    ranks = _ranks(boxes)
    layers: list[list[Place]] = [[] for _ in range(max(ranks.values()) + 1)]
    for box in boxes:
        layers[ranks[box.key]].append(box.key)
    edges: list[tuple[Place, Place]] = []
    routes: list[list[Place]] = []
    # An operation on one tensor twice, as x * x, has one edge.
    for start, end in dict.fromkeys((p, box.key) for box in boxes for p in box.parents):
        bends: list[Place] = [(start, end, r) for r in range(ranks[start] + 1, ranks[end])]
        for rank, bend in enumerate(bends, ranks[start] + 1):
            layers[rank].append(bend)
        route: list[Place] = [start, *bends, end]
        routes.append(route)
        edges += itertools.pairwise(route)

    widths = {
        place: by_key[place].width if isinstance(place, int) else 8.0
        for layer in layers
        for place in layer
    }
    across = _across(layers, edges, widths)
    down: dict[Place, tuple[float, float]] = {}
    top = MARGIN
    for layer in layers:
        height = max((by_key[p].height for p in layer if isinstance(p, int)), default=0.0)
        for place in layer:
            own = by_key[place].height if isinstance(place, int) else height
            middle = top + height / 2
            down[place] = middle - own / 2, middle + own / 2
        top += height + LAYER_GAP
    return _picture(boxes, routes, across, down, top - LAYER_GAP)


def _ranks(boxes: Sequence[Box]) -> dict[int, int]:
    """Return the layer of each box: below all its parents; what has none, right above a child."""
    ranks: dict[int, int] = {}
    for box in boxes:
        ranks[box.key] = 1 + max((ranks[p] for p in box.parents), default=-1)
    first_child: dict[int, int] = {}
    for box in boxes:
        for parent in box.parents:
            rank = ranks[box.key]
            first_child[parent] = min(first_child.get(parent, rank), rank)
    for box in boxes:
        if not box.parents and box.key in first_child:
            ranks[box.key] = first_child[box.key] - 1
    return ranks


def _across(
    layers: list[list[Place]], edges: Iterable[tuple[Place, Place]], widths: Mapping[Place, float]
) -> dict[Place, float]:
    """Return the middle of each place, and put the layers in order from left to right."""
    above: dict[Place, list[Place]] = {}
    below: dict[Place, list[Place]] = {}
    for start, end in edges:
        above.setdefault(end, []).append(start)
        below.setdefault(start, []).append(end)
    across: dict[Place, float] = {}
    for layer in layers:
        _spread(layer, [0.0] * len(layer), widths, across)
    for sweep in range(SWEEPS):
        downward = sweep % 2 == 0
        neighbours = above if downward else below
        for layer in layers if downward else reversed(layers):
            wanted = {}
            for place in layer:
                near = neighbours.get(place) or [place]
                wanted[place] = sum(across[n] for n in near) / len(near)
            layer.sort(key=wanted.__getitem__)
            _spread(layer, [wanted[place] for place in layer], widths, across)
    least = min(across[p] - widths[p] / 2 for p in across)
    return {place: x - least + MARGIN for place, x in across.items()}


def _spread(
    layer: Sequence[Place],
    wanted: Sequence[float],
    widths: Mapping[Place, float],
    across: dict[Place, float],
) -> None:
    """Put the places of a layer near where they want to be, in order and without overlap."""
    placed: list[float] = []
    for number, place in enumerate(layer):
        least = wanted[number]
        if number:
            before = layer[number - 1]
            room = placed[-1] + (widths[before] + widths[place]) / 2 + GAP
            least = max(least, room)
        placed.append(least)
    # What was pushed was pushed to the right: all go back by the mean.
    shift = sum(p - w for p, w in zip(placed, wanted, strict=True)) / max(len(layer), 1)
    for place, x in zip(layer, placed, strict=True):
        across[place] = x - shift


def _picture(
    boxes: Sequence[Box],
    routes: Iterable[Sequence[Place]],
    across: Mapping[Place, float],
    down: Mapping[Place, tuple[float, float]],
    bottom: float,
) -> str:
    parts = []
    for route in routes:
        x, y = across[route[0]], down[route[0]][1]
        path = [f"M{x:.1f},{y:.1f}"]
        for place in route[1:]:
            to, (upper, lower) = across[place], down[place]
            middle = (y + upper) / 2
            path.append(f"C{x:.1f},{middle:.1f} {to:.1f},{middle:.1f} {to:.1f},{upper:.1f}")
            if place is not route[-1]:
                path.append(f"L{to:.1f},{lower:.1f}")
            x, y = to, lower
        parts.append(
            f'<path d="{" ".join(path)}" fill="none" stroke="#607d8b" marker-end="url(#tip)"/>'
        )
    for box in boxes:
        border, filling, _ = STATES.get(box.state) or KINDS[box.kind]
        parts += _drawn(box, across[box.key] - box.width / 2, down[box.key][0], border, filling)
    width = max(across[box.key] + box.width / 2 for box in boxes) + MARGIN
    legend, legend_width = _legend(boxes, bottom + LAYER_GAP / 2)
    rows = len(legend) // 2
    width, height = max(width, legend_width), bottom + LAYER_GAP / 2 + rows * 20 + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="12">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#607d8b"/>'
            "</marker></defs>",
            '<rect width="100%" height="100%" fill="white"/>',
            *parts,
            *legend,
            "</svg>",
        ]
    )


def _drawn(box: Box, left: float, top: float, border: str, filling: str) -> list[str]:
    """Return a rectangle and its lines of text."""
    round_ = 12 if box.kind == "leaf" else 3
    dashes = ' stroke-dasharray="4 3"' if box.kind == "constant" else ""
    thick = 2 if box.state in STATES else 1
    parts = [
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'rx="{round_}" fill="{filling}" stroke="{border}" stroke-width="{thick}"{dashes}/>'
    ]
    middle = left + box.width / 2
    for number, line in enumerate(box.lines):
        weight = ' font-weight="bold"' if number == 0 else ""
        y = top + 16 + number * LINE
        parts.append(
            f'<text x="{middle:.1f}" y="{y:.1f}" text-anchor="middle" fill="#212121"{weight}>'
            f"{escape(line)}</text>"
        )
    return parts


def _legend(boxes: Sequence[Box], top: float) -> tuple[list[str], float]:
    """Return what the colours of these boxes mean, and the width of that."""
    kinds = {box.kind for box in boxes if box.state not in STATES}
    states = {box.state for box in boxes}
    shown = [KINDS[kind] for kind in KINDS if kind in kinds]
    shown += [STATES[state] for state in STATES if state in states]
    parts = []
    for number, (border, filling, meaning) in enumerate(shown):
        y = top + number * 20
        parts += [
            f'<rect x="{MARGIN}" y="{y:.1f}" width="14" height="14" fill="{filling}" '
            f'stroke="{border}"/>',
            f'<text x="{MARGIN + 22}" y="{y + 11:.1f}" fill="#212121">{escape(meaning)}</text>',
        ]
    longest = max(len(meaning) for _, _, meaning in shown)
    return parts, MARGIN * 2 + 22 + longest * CHARACTER
