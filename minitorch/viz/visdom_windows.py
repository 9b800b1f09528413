"""How a board's drawings look in Visdom: sizes, axes, legends, and the pictures themselves."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minitorch.viz.grids import Normalise, image_grid

__all__ = ["Windows"]

GRID_PIXELS = 480  # about how wide and high a grid of images is drawn
LARGEST_SCALE = 12
PLOT_SIZE = (440, 330)  # width and height, in pixels
CELL_PIXELS = 36
LABEL_PIXELS = 16
IMAGE_MARGIN = 26
CELLS_WITH_NUMBERS = 400


class Windows:
    """Writes the drawings of one environment to a log in the format of Visdom's offline mode.

    A drawing's title is also the name of its window, and the next drawing of that title takes
    its place. Imports visdom when it is made.
    """

    def __init__(self, env: str, log: Path) -> None:
        visdom = importlib.import_module("visdom")
        self._visdom = visdom.Visdom(env=env, offline=True, log_to_filename=str(log))
        self._lines: set[str] = set()  # the titles of the plots that were begun

    def line(
        self, title: str, x: float, values: Mapping[str, float], xlabel: str, ylabel: str
    ) -> None:
        """Append a point to each named line; values that are not finite leave a gap."""
        # A line of its first point only would show nothing without markers.
        looks = {"title": title, "markers": True, "markersize": 4, "markerborderwidth": 0}
        if title not in self._lines:
            self._lines.add(title)
            self._visdom.line(
                X=np.full((1, len(values)), x),
                Y=_gaps(np.array([list(values.values())])),
                win=title,
                opts=looks
                | _size(*PLOT_SIZE)
                | {"legend": list(values), "xlabel": xlabel, "ylabel": ylabel}
                | {"layoutopts": {"plotly": {"title": _left(title)}}},
            )
            return
        for name, value in values.items():
            self._visdom.line(
                X=np.array([x]),
                Y=_gaps(np.array([value])),
                win=title,
                name=name,
                update="append",
                opts=dict(looks),  # visdom adds to it
            )

    def images(
        self,
        title: str,
        images: npt.NDArray[Any],
        columns: int | None,
        scale: int | None,
        normalise: Normalise,
        labels: Sequence[str] | None,
    ) -> None:
        """Show (N, H, W) as a grid, with a label below each image if there are labels."""
        if scale is None:
            shape = image_grid(images, columns).shape
            scale = min(LARGEST_SCALE, max(1, GRID_PIXELS // max(shape)))
        if labels is None:
            grid = image_grid(images, columns, scale=scale, normalise=normalise)
        else:
            column = image_grid(images, columns=1, padding=0, scale=scale, normalise=normalise)
            tiles = column.reshape(len(images), -1, column.shape[1])
            strips = np.stack([_written(label, tiles.shape[2]) for label in labels])
            tiles = np.concatenate([tiles, strips], axis=1)
            grid = image_grid(tiles, columns, padding=3, normalise=None)
        # Visdom leaves room above a picture and would cut as much off its lower edge.
        height = grid.shape[0] + IMAGE_MARGIN
        self._visdom.image(grid, win=title, opts={"title": title, "height": height})

    def heatmap(
        self,
        title: str,
        matrix: npt.NDArray[Any],
        rows: Sequence[str],
        columns: Sequence[str],
        xlabel: str,
        ylabel: str,
    ) -> None:
        """Show a matrix in colours, first row at the top; a small one with its numbers."""
        values = _gaps(matrix)
        axes = {
            axis: {"title": label, "type": "category", "tickmode": "linear"}
            for axis, label in (("xaxis", xlabel), ("yaxis", ylabel))
        }
        axes["yaxis"]["autorange"] = "reversed"
        layout: dict[str, Any] = {"title": _left(title)} | axes
        if values.size <= CELLS_WITH_NUMBERS:
            layout["annotations"] = _numbers(values, rows, columns)
        width, height = (CELL_PIXELS * count + 140 for count in (len(columns), len(rows)))
        self._visdom.heatmap(
            values,
            win=title,
            opts={
                "title": title,
                "rownames": list(rows),
                "columnnames": list(columns),
                "colormap": "Reds",  # of Plotly's, one that is light at the low end
                "layoutopts": {"plotly": layout},
            }
            | _size(width, height),
        )

    def text(self, title: str, html: str, height: int) -> None:
        """Show HTML."""
        opts = {"title": title, "width": PLOT_SIZE[0], "height": height}
        self._visdom.text(html, win=title, opts=opts)


def _left(title: str) -> dict[str, Any]:
    """Return Plotly's title at the left, as its buttons lie over the middle and the right."""
    return {"text": title, "x": 0.02, "xanchor": "left"}


def _written(label: str, width: int) -> npt.NDArray[np.uint8]:
    """Return black text on white, uint8 of shape (LABEL_PIXELS, width)."""
    pillow = importlib.import_module("PIL.Image"), importlib.import_module("PIL.ImageDraw")
    strip = pillow[0].new("L", (width, LABEL_PIXELS), 255)
    pillow[1].Draw(strip).text((width // 2, 1), label, fill=0, anchor="ma")
    return np.asarray(strip)


def _size(width: int, height: int) -> dict[str, int]:
    margins = {"marginleft": 60, "marginright": 20, "margintop": 40, "marginbottom": 50}
    return {"width": width, "height": height} | margins


def _gaps(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the values with NaN for infinities, which a page cannot read from JSON."""
    numbers = values.astype(np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers


def _numbers(
    values: npt.NDArray[np.float64], rows: Sequence[str], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Return Plotly's notes that write each value that is not 0 in its cell."""
    middle = (np.nanmin(values) + np.nanmax(values)) / 2 if np.isfinite(values).any() else 0
    return [
        {
            "x": column,
            "y": row,
            "text": f"{value:g}" if float(value).is_integer() else f"{value:.2g}",
            "showarrow": False,
            "font": {"size": 11, "color": "white" if value > middle else "black"},
        }
        for row, line in zip(rows, values.tolist(), strict=True)
        for column, value in zip(columns, line, strict=True)
        if value != 0 and not math.isnan(value)
    ]
