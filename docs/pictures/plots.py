"""What matplotlib draws, as SVG in the page's own colours."""

from __future__ import annotations

import io
import re
from html import escape
from typing import Any

import matplotlib as mpl

__all__ = ["figure_of", "svg_figure"]

mpl.use("svg")
mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "font.size": 9,
        "svg.hashsalt": "minitorch",
        "savefig.transparent": True,
    }
)


def figure_of(svg: str, caption: str) -> str:
    """Return an SVG as a figure for a page, with its caption."""
    drawing = svg[svg.index("<svg") :]
    return f'<figure class="drawn">{drawing}<figcaption>{escape(caption)}</figcaption></figure>'


def svg_figure(figure: Any, caption: str) -> str:
    """Return a matplotlib figure for a page; black, its usual colour of lines, becomes the text's.

    Dates are left out, so that equal pictures are equal files.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})
    svg = re.sub(r"#000000|(?<=[: ])black\b", "currentColor", file.getvalue())
    # Words without a colour of their own are black.
    svg = re.sub(r"<text(?=[ >])", '<text fill="currentColor"', svg)
    return figure_of(svg, caption)
