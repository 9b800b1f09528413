"""Counting what the accesses of a kernel cost on a GPU.

The 32 threads of a warp run one instruction together, so their accesses at the same place of the
code, the same number of times around, go to memory as one:

- Global memory moves in sectors of 32 bytes. A warp that reads 32 float32 side by side needs 4;
  if they lie far apart, 32. *Coalescing* is the fewest sectors that could hold what was asked
  for, divided by the sectors that were moved.
- Shared memory has 32 banks of 4-byte words. Different words of one bank are served one after
  the other; each beyond the first is a *bank conflict*. Values of 8 bytes go by half-warps.
"""

from __future__ import annotations

from collections import Counter
from types import CodeType
from typing import Any

from .accesses import Thread
from .report import ArrayCounts
from .source import instruction_at

__all__ = ["Meter"]

_SECTOR = 32
_WORD = 4
_BANKS = 32


class Meter:
    """Counts accesses, for a report.

    Attributes:
        arrays: the counts of each array, by name.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, ArrayCounts] = {}
        self._instructions: dict[tuple[CodeType, int], int] = {}
        self._numbers: dict[tuple[int, int], int] = {}
        # How often a thread of the running block was at an instruction.
        self._times: dict[tuple[int, int], int] = {}
        # (array, verb, warp, instruction, times around) to [(lane, cell), ...]
        self._together: dict[tuple[Any, str, int, int, int], list[tuple[int, int]]] = {}

    def note(
        self, array: Any, cell: int, verb: str, thread: Thread, code: CodeType, offset: int
    ) -> None:
        """Count one access of a thread to a cell of an array."""
        number = self._numbers.get((id(code), offset))
        if number is None:
            place = (code, instruction_at(code, offset))
            number = self._instructions.setdefault(place, len(self._instructions))
            self._numbers[id(code), offset] = number
        spot = thread.spot
        times = self._times[spot.number, number] = self._times.get((spot.number, number), 0) + 1
        key = (array, verb, spot.warp, number, times)
        self._together.setdefault(key, []).append((spot.lane, cell))

    def end_block(self) -> None:
        """Take stock of a block that has finished."""
        for (array, verb, *_), accesses in self._together.items():
            counts = self.arrays.setdefault(array.name, ArrayCounts(array.space))
            setattr(counts, verb, getattr(counts, verb) + len(accesses))
            if verb == "atomics":
                continue
            itemsize = array.dtype.itemsize
            if array.space == "global":
                cells = {cell for _, cell in accesses}
                counts.transactions += len({cell * itemsize // _SECTOR for cell in cells})
                counts.fewest_transactions += -(-len(cells) * itemsize // _SECTOR)
            else:
                counts.bank_conflicts += _conflicts(accesses, itemsize)
        self._together.clear()
        self._times.clear()


def _conflicts(accesses: list[tuple[int, int]], itemsize: int) -> int:
    """Return the extra turns that one warp's accesses to shared memory take."""
    turns: dict[int, set[int]] = {}
    for lane, cell in accesses:
        turn = lane * itemsize // (_WORD * _BANKS) if itemsize > _WORD else 0
        first = cell * itemsize // _WORD
        last = ((cell + 1) * itemsize - 1) // _WORD
        turns.setdefault(turn, set()).update(range(first, last + 1))
    return sum(
        max(Counter(word % _BANKS for word in words).values()) - 1 for words in turns.values()
    )
