"""What the CUDA simulator says of a kernel, with the lines of code that it is about."""

from __future__ import annotations

import linecache
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from .steps import label, own_steps

__all__ = ["explain_fault", "is_cuda_fault"]

_PLACE = re.compile(r"\b(\w+\.py):(\d+)")
_WIDTH = 92

# Of the simulator's advice on races between blocks none fits the usual reason as well.
_SAME_LINE = (
    "help: does a thread write that has no element of its own (i < size is its test)? Or do two "
    "indices lead to one position?"
)


def is_cuda_fault(error: BaseException) -> bool:
    """Return whether the simulator raised it; minitorch is not imported for this."""
    return "CudaFault" in [kind.__name__ for kind in type(error).__mro__]


def explain_fault(error: BaseException, files: Sequence[str], root: Path) -> list[str]:
    """Return what happened in a kernel, which threads did it, how to mend it, and the lines.

    Args:
        error: the fault.
        files: those in which the student writes, from the top of the checkout.
        root: the checkout.
    """
    text = str(error)
    own = [root / file for file in files]
    named = dict.fromkeys(_PLACE.findall(text))
    places = [(_file(name, own, root), int(number)) for name, number in named]
    text = _PLACE.sub(lambda m: f"{label(_file(m[1], own, root), root)}, line {m[2]}", text)
    lines = text.splitlines()
    if "race on global array" in text and len(places) == 1:
        lines.insert(-1, _SAME_LINE)
    wrapped = []
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        wrapped += textwrap.wrap(line, _WIDTH, subsequent_indent=indent, break_on_hyphens=False)
    # A fault inside of a function that was given came of how it was called.
    steps = own_steps(error, root)
    called = [(step.file, step.line) for step in steps if step.file in own][-1:]
    if not any(file in own for file, _ in places):
        places += called
    wrapped.append("")
    for place in places:
        caller = "" if place in places[: len(named)] else "called from "
        wrapped.append(f"{caller}{label(place[0], root)}, line {place[1]}:")
        wrapped.append("    " + linecache.getline(str(place[0]), place[1]).strip())
    return wrapped


def _file(name: str, own: Sequence[Path], root: Path) -> Path:
    """Return the file of the package with a name; a student's own first."""
    found = [path for path in own if path.name == name]
    return (found or sorted((root / "minitorch").rglob(name)) or [Path(name)])[0]
