"""Where in the source of a kernel something happens, from the position in its bytecode."""

from __future__ import annotations

import dis
import functools
import sys
from bisect import bisect_right
from pathlib import Path
from types import CodeType, FrameType

__all__ = ["instruction_at", "kernel_frame", "place", "stored_name"]


@functools.cache
def _instructions(code: CodeType) -> tuple[list[int], list[dis.Instruction]]:
    instructions = list(dis.get_instructions(code))
    return [instruction.offset for instruction in instructions], instructions


def instruction_at(code: CodeType, offset: int) -> int:
    """Return where the instruction starts that `offset`, a frame's `f_lasti`, lies in.

    Python has `f_lasti` at the start of an instruction or, once it runs faster, at its end.
    """
    starts, _ = _instructions(code)
    return starts[bisect_right(starts, offset) - 1]


def place(code: CodeType, offset: int) -> str:
    """Return the source line of a position in the bytecode, as `file:line`."""
    line = list(code.co_positions())[offset // 2][0]
    return f"{Path(code.co_filename).name}:{line or code.co_firstlineno}"


def stored_name(code: CodeType, offset: int) -> str | None:
    """Return the variable that the result of the call at `offset` goes to, if it is one."""
    starts, instructions = _instructions(code)
    following = bisect_right(starts, offset)
    if following == len(instructions) or not instructions[following].opname.startswith("STORE_"):
        return None
    name = instructions[following].argval
    return str(name[0] if isinstance(name, tuple) else name)


def kernel_frame() -> FrameType:
    """Return the innermost frame that is not of the simulator: the kernel's, or a helper's."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
    return frame
