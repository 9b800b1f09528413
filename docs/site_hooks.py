"""What MkDocs does with the pages beside the usual: formulas become MathML.

Formulas are written `$...$` and `$$...$$` in LaTeX. Browsers show MathML by themselves, so no
page loads a script for it.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_startup(**_: Any) -> None:
    """Let what the pages execute find `tasks` and `pictures`, which lie beside this file."""
    sys.path.insert(0, str(Path(__file__).parent))


def on_page_content(html_text: str, **_: Any) -> str:
    """Return the page's HTML with each formula as MathML."""

    def mathml(found: re.Match[str]) -> str:
        display = "block" if found[1] == "div" else "inline"
        return convert(html.unescape(found[2]), display=display)

    return _FORMULA.sub(mathml, html_text)
