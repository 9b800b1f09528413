"""A file that does not import, in plain words."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

from .steps import label, own_steps

__all__ = ["explain_import", "explain_syntax"]

# What pip calls the modules that the course needs, where that differs.
_PACKAGES = {"numba": "'numba>=0.61'", "numpy": "'numpy>=2'", "mnist": "python-mnist"}


def explain_syntax(error: SyntaxError, root: Path) -> list[str]:
    """Return where Python cannot read a file, its line with a caret, and what is wrong."""
    place = label(Path(error.filename), root) if error.filename else "a file"
    lines = [f"{place}, line {error.lineno}: {error.msg}"]
    if error.text:
        text = error.text.rstrip("\n")
        shift = len(text) - len(text.lstrip())
        lines.append("    " + text.strip())
        if error.offset:
            width = 1
            if error.end_offset and error.end_lineno == error.lineno:
                width = max(1, error.end_offset - error.offset)
            lines.append("    " + " " * max(0, error.offset - 1 - shift) + "^" * width)
    return lines


def explain_import(error: BaseException, root: Path) -> str:
    """Return why a file of the checkout does not import."""
    if isinstance(error, SyntaxError):
        head = "Python cannot read a file, so nothing can run:"
        return "\n".join([head, *explain_syntax(error, root)])
    if isinstance(error, ModuleNotFoundError) and error.name:
        name = error.name.split(".")[0]
        if not (root / name).exists() and not (root / f"{name}.py").exists():
            package = _PACKAGES.get(name, name)
            lines = [f"{name} is not installed, so nothing can run."]
            lines += [
                f"If it is a package that you want: pip install {package}",
                *_place(error, root),
            ]
            return "\n".join(lines)
    told = traceback.format_exception_only(type(error), error)[0].strip()
    lines = ["a file does not import, so nothing can run:", re.sub(r"\s*\(/[^)]*\)$", "", told)]
    return "\n".join([*lines, *_place(error, root)])


def _place(error: BaseException, root: Path) -> list[str]:
    """Return the innermost line of the checkout that led to an error."""
    steps = own_steps(error, root)
    if not steps:
        return []
    code = steps[-1].text(caret=True).splitlines()
    return [f"{label(steps[-1].file, root)}, line {steps[-1].line}:", *(f"    {c}" for c in code)]
