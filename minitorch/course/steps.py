"""The steps of a traceback: where they are, their lines, what the local variables held."""

from __future__ import annotations

import linecache
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Step", "is_own", "label", "own_steps", "steps_of"]


@dataclass(frozen=True)
class Step:
    """A function that was at work when an exception was raised.

    Args:
        file: its file.
        function: its name.
        line: the line it was at, from 1; `end` is the last line of the expression.
        columns: where in the line the expression stands, if Python knows.
        frame: what gives its local variables.
    """

    file: Path
    function: str
    line: int
    end: int
    columns: tuple[int, int] | None
    frame: FrameType

    @property
    def locals(self) -> dict[str, Any]:
        """Return the local variables and what they held."""
        return self.frame.f_locals

    def text(self, caret: bool = False) -> str:
        """Return the lines of the expression, with marks beneath a part of a single line."""
        lines = linecache.getlines(str(self.file))[self.line - 1 : self.end][:6]
        code = textwrap.dedent("".join(line.rstrip() + "\n" for line in lines)).rstrip()
        if not caret or len(lines) != 1 or self.columns is None:
            return code
        whole = lines[0].rstrip()
        # Columns are counted in bytes.
        start, end = (len(whole.encode()[:at].decode(errors="ignore")) for at in self.columns)
        indent = len(whole) - len(whole.lstrip())
        if end - start >= len(whole.strip()):
            return code
        return f"{code}\n{' ' * (start - indent)}{'^' * max(1, end - start)}"


def _step(trace: TracebackType) -> Step:
    code = trace.tb_frame.f_code
    positions = list(code.co_positions())[trace.tb_lasti // 2] if trace.tb_lasti >= 0 else ()
    line, end, start, stop = positions or (None,) * 4
    exact = line == trace.tb_lineno and start is not None and stop is not None
    return Step(
        file=Path(code.co_filename),
        function=code.co_name,
        line=trace.tb_lineno,
        end=end if line == trace.tb_lineno and end else trace.tb_lineno,
        columns=(start, stop) if exact and end == line else None,  # type: ignore[arg-type]
        frame=trace.tb_frame,
    )


def steps_of(error: BaseException) -> Iterator[Step]:
    """Yield the steps of an exception's traceback, the innermost last."""
    trace = error.__traceback__
    while trace is not None:
        yield _step(trace)
        trace = trace.tb_next


def own_steps(error: BaseException, root: Path) -> list[Step]:
    """Return the steps in files of the checkout."""
    return [step for step in steps_of(error) if is_own(step.file, root)]


def is_own(file: Path, root: Path) -> bool:
    """Return whether a file is the course's or the student's: no library, none of these tools."""
    if not file.is_relative_to(root) or "site-packages" in file.parts:
        return False
    return not file.is_relative_to(root / "minitorch" / "course")


def label(file: Path, root: Path) -> str:
    """Return a file's path from the top of the checkout, with slashes."""
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
