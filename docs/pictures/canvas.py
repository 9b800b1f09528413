"""Small drawings in SVG: grids of cells, arrows, words. Colours come from `site.css`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["CELL", "Canvas", "Cell", "table"]

CELL = 38
_MARGIN, _CHARACTER = 6, 7.9

# A cell of a grid by row and column, and the class of its colour: "a", "b", "c", "ghost", "zero".
Cell = tuple[int, int]


class Canvas:
    """A drawing to which shapes are added; it is as large as what is on it.

    Lengths are in pixels, from the left and the top.
    """

    def __init__(self, caption: str) -> None:
        """Begin an empty drawing, whose caption stands beneath it and is read aloud."""
        self.caption = caption
        self._shapes: list[str] = []
        self._width = self._height = 0.0

    def _reach(self, x: float, y: float) -> None:
        self._width, self._height = max(self._width, x), max(self._height, y)

    def text(self, x: float, y: float, words: str, anchor: str = "middle", kind: str = "") -> None:
        """Write words with their middle, or start or end, at x and their middle line at y."""
        share = {"start": 1.0, "middle": 0.5, "end": 0.0}[anchor]
        self._reach(x + share * len(words) * _CHARACTER, y + 9)
        self._shapes.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" dominant-baseline="central"'
            f' class="{kind}">{escape(words)}</text>'
        )

    def box(
        self, x: float, y: float, width: float, height: float, words: str = "", kind: str = ""
    ) -> None:
        """Draw a rectangle with words in it."""
        self._reach(x + width, y + height)
        self._shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" class="{kind}"/>'
        )
        if words:
            self.text(x + width / 2, y + height / 2, words, kind=kind)

    def grid(
        self,
        x: float,
        y: float,
        values: Sequence[Sequence[object]],
        title: str = "",
        marks: Mapping[Cell, str] | None = None,
        cell: float = CELL,
    ) -> None:
        """Draw rows of cells, with a title above them.

        Args:
            x, y: the corner at the top left of the cells; a title needs 18 above it.
            values: what to write in each; a whole number is written without a point.
            title: words above the grid.
            marks: the classes of cells that are not plain.
            cell: the width and height of a cell.
        """
        if title:
            self.text(x, y - 11, title, "start", "title")
        for r, row in enumerate(values):
            for c, value in enumerate(row):
                words = f"{value:g}" if isinstance(value, float) else str(value)
                kind = (marks or {}).get((r, c), "")
                self.box(x + c * cell, y + r * cell, cell, cell, words, kind)

    def outline(self, x: float, y: float, width: float, height: float, kind: str = "a") -> None:
        """Draw a thick frame around something."""
        self._reach(x + width, y + height)
        self._shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
            f' class="outline {kind}"/>'
        )

    def arrow(self, x0: float, y0: float, x1: float, y1: float, kind: str = "") -> None:
        """Draw an arrow to (x1, y1)."""
        self._reach(max(x0, x1), max(y0, y1))
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 or 1.0
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        wings = [(x1 - 7 * dx + side * 4 * dy, y1 - 7 * dy - side * 4 * dx) for side in (1, -1)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in [(x1, y1), *wings])
        self._shapes.append(
            f'<g class="arrow {kind}"><line x1="{x0:g}" y1="{y0:g}" x2="{x1 - 5 * dx:.1f}"'
            f' y2="{y1 - 5 * dy:.1f}"/><polygon points="{points}"/></g>'
        )

    def html(self) -> str:
        """Return the drawing as a figure for a page."""
        width, height = self._width + 2 * _MARGIN, self._height + 2 * _MARGIN
        caption = escape(self.caption)
        return (
            f'<figure class="drawn cells"><svg xmlns="http://www.w3.org/2000/svg" role="img"'
            f' aria-label="{caption}" viewBox="{-_MARGIN} {-_MARGIN} {width:g} {height:g}"'
            f' width="{width:g}">{"".join(self._shapes)}</svg>'
            f"<figcaption>{caption}</figcaption></figure>"
        )


def table(values: object) -> list[list[float]]:
    """Return a tensor or array of one or two dimensions as rows of numbers."""
    rows = values.tolist()  # type: ignore[attr-defined]
    return rows if rows and isinstance(rows[0], list) else [rows]
