"""Reading what a student handed in, which may be anything."""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Iterable
from pathlib import Path

__all__ = ["SubmissionError", "read_file", "top_of", "unusual"]

# More than any file of the course, in bytes.
_LONGEST = 500_000

# What no task needs, and what one needs who wants to reach the grader, or to give something that
# is equal to all.
_REACHING = """
__array__ __bool__ __eq__ __ge__ __gt__ __instancecheck__ __le__ __lt__ __ne__ __rsub__ __sub__
_exit _getframe __builtins__ __closure__ __code__ __dict__ __globals__ __import__ __main__
__subclasses__ _pytest builtins compile ctypes eval exec exit f_back f_builtins f_globals f_locals
fork gc globals importlib inspect kill modules monkeypatch multiprocessing open os pathlib pickle
pytest setattr settrace shutil signal socket subprocess sys threading unittest vars
"""


class SubmissionError(Exception):
    """A file that cannot be graded, with the reason."""


def top_of(folder: Path) -> Path:
    """Return the top of a submission: the folder that holds `minitorch/`, or the only one in it.

    Raises:
        SubmissionError: if there is none.
    """
    if not folder.is_dir():
        raise SubmissionError(f"there is no folder {folder}")
    inside = [place for place in sorted(folder.iterdir()) if not place.is_symlink()]
    for top in (folder, *inside):
        if (top / "minitorch").is_dir() and not (top / "minitorch").is_symlink():
            return top
    raise SubmissionError(f"{folder} has no folder minitorch: hand in the whole repository")


def read_file(top: Path, file: str) -> str:
    """Return the text of a file of a submission, if it is a plain file and Python.

    Links are not followed: one to the solution would be graded as the student's work.

    Raises:
        SubmissionError: if it is not.
    """
    place = top
    for part in Path(file).parts:
        place = place / part
        if place.is_symlink():
            raise SubmissionError(f"{place.relative_to(top)} is a link, not a file")
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        raise SubmissionError(f"{file} is missing, or cannot be read") from None
    with os.fdopen(handle, "rb") as opened:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise SubmissionError(f"{file} is not a plain file")
        content = opened.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise SubmissionError(f"{file} is longer than {_LONGEST} bytes")
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        ast.parse(text)
    except UnicodeDecodeError:
        raise SubmissionError(f"{file} is not in UTF-8") from None
    except SyntaxError as error:
        where = f"{file}, line {error.lineno}" if error.lineno else file
        line = f"\n    {error.text.strip()}" if error.text else ""
        raise SubmissionError(f"{where}: {error.msg}{line}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SubmissionError(f"{file} cannot be read as Python: {error}") from None
    return text


def _words(text: str) -> set[str]:
    """Return the names, attributes and modules that a text speaks of, or defines."""
    words: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                words.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                words.add(name)
            case ast.Import(names=names):
                words.update(part for alias in names for part in alias.name.split("."))
            case ast.ImportFrom(module=module, names=names):
                words.update((module or "").split("."), (alias.name for alias in names))
    return words


def unusual(written: str, given: Iterable[str]) -> list[str]:
    """Return what a student's text speaks of that no task needs, for a person to look at.

    Args:
        written: the student's text.
        given: texts whose words are no matter, such as the solution's.
    """
    usual = {word for text in given for word in _words(text)}
    return sorted((_words(written) & set(_REACHING.split())) - usual)
