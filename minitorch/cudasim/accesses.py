"""Who touched which cell, and whether two of them race.

Two threads of a block race on a cell if both touch it between the same two barriers and one of
them writes. Two blocks race on a cell of global memory whenever both touch it and one writes,
for nothing orders the blocks of a launch. Atomic operations do not race with one another.

One writer for each cell and two readers are enough to know: of two different readers at least
one is not the thread that writes next. `cuda.syncwarp()` is a barrier among the threads of a warp.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Any, TypeAlias

from .memory import Memory

__all__ = ["Access", "Accesses", "Spot", "Synced", "Thread"]


class Spot:
    """What a thread of every block has.

    Attributes:
        index: (x, y, z) within the block.
        dims: the same as `cuda.threadIdx` gives it.
        number: its place in the block, x running fastest.
        warp, lane: the number of its warp in the block, and its place therein.
    """

    __slots__ = ("dims", "index", "lane", "number", "warp")

    def __init__(self, index: tuple[int, int, int], dims: Any, number: int) -> None:
        self.index = index
        self.dims = dims
        self.number = number
        self.warp, self.lane = divmod(number, 32)


class Thread:
    """A thread of the block that is running.

    Attributes:
        spot: its place in the block.
        block: (x, y, z) of the block in the grid.
        greenlet: what runs it, where a kernel has barriers.
        waits: the barrier it waits at.
        answer: what that barrier returns.
    """

    __slots__ = ("answer", "block", "greenlet", "spot", "waits")

    greenlet: Any
    waits: Any
    answer: Any

    def __init__(self, spot: Spot, block: tuple[int, int, int]) -> None:
        self.spot = spot
        self.block = block

    @property
    def warp(self) -> int:
        """The number of its warp in the block."""
        return self.spot.warp


class Synced:
    """What a thread did before a `syncwarp`: done before all that its warp does afterwards."""

    __slots__ = ("thread", "warp")

    def __init__(self, thread: Thread) -> None:
        self.thread = thread
        self.warp = thread.warp


# Who, and where in the bytecode.
Access: TypeAlias = tuple[Thread | Synced, CodeType, int]
Cells: TypeAlias = dict[int, Access]


def _ordered(who: Thread | Synced, thread: Thread | Synced) -> bool:
    """Return whether what `who` did in this interval comes before what `thread` does now."""
    if isinstance(who, Synced):
        return who.warp == thread.warp
    return who is thread


def _note(first_of: Cells, more_of: Cells, cell: int, access: Access) -> None:
    """Keep an access if it tells more than the two that are kept for the cell.

    Two of different warps tell most: after a `syncwarp` those of one warp count as one.
    """
    first, who = first_of.setdefault(cell, access)[0], access[0]
    if first is who:
        return
    if _ordered(first, who):
        first_of[cell] = access
        return
    more = more_of[cell][0] if cell in more_of else None
    if more is None or more.warp == first.warp:
        more_of[cell] = access


class Accesses:
    """The accesses to the cells of one piece of memory.

    Args:
        memory: the memory.
        between_blocks: whether what finished blocks did counts, as in global memory.

    Attributes:
        writes, reads, atomics: the accesses since the last barrier.
        more_reads, more_atomics: a second one for the cells that have it.
        written_before: which cells were written when the interval began; None: all.
        past_reads, past_changes: by the blocks that have finished; the latter with how they
            changed the cell.
        settled: cells of which another read would tell nothing new, until one writes or all
            meet at a barrier.
    """

    __slots__ = (
        "_memory", "atomics", "between_blocks", "block_changes", "block_reads", "more_atomics",
        "more_reads", "past_changes", "past_reads", "reads", "settled", "writes", "written_before",
    )  # fmt: skip

    def __init__(self, memory: Memory, between_blocks: bool) -> None:
        self._memory = memory
        self.written_before = memory.written and bytes(memory.written)
        self.between_blocks = between_blocks
        self.writes: Cells = {}
        self.reads: Cells = {}
        self.more_reads: Cells = {}
        self.atomics: Cells = {}
        self.more_atomics: Cells = {}
        self.settled: set[int] = set()
        # Of the earlier intervals of this block, and of the blocks that have finished.
        self.block_reads: Cells = {}
        self.block_changes: dict[int, tuple[str, Access]] = {}
        self.past_reads: Cells = {}
        self.past_changes: dict[int, tuple[str, Access]] = {}

    def add_read(self, cell: int, access: Access) -> None:
        """Note a read."""
        _note(self.reads, self.more_reads, cell, access)

    def add_atomic(self, cell: int, access: Access) -> None:
        """Note an atomic operation."""
        _note(self.atomics, self.more_atomics, cell, access)

    def rival(self, cell: int, thread: Thread, verb: str) -> tuple[str, Access] | None:
        """Return an access that races with what `thread` now does to the cell, if there is one.

        Args:
            cell: the cell.
            thread: who touches it.
            verb: "reads", "writes" or "changes" (atomically).
        """
        near = [("writes", self.writes)]
        if verb != "changes":
            near += [("changes", self.atomics), ("changes", self.more_atomics)]
        if verb != "reads":
            near += [("reads", self.reads), ("reads", self.more_reads)]
        for how, cells in near:
            if cell in cells and not _ordered(cells[cell][0], thread):
                return how, cells[cell]
        if cell in self.past_changes:
            how, access = self.past_changes[cell]
            if not how == verb == "changes":
                return how, access
        if cell in self.past_reads and verb != "reads":
            return "reads", self.past_reads[cell]
        return None

    def barrier(self) -> None:
        """Begin an interval: what was done is done before all that follows in this block."""
        if self.between_blocks:
            self.block_reads.update(self.reads)
            for how, cells in (("changes", self.atomics), ("writes", self.writes)):
                self.block_changes.update({cell: (how, cells[cell]) for cell in cells})
        for cells in self._recent():
            cells.clear()
        self.settled.clear()
        self.written_before = self._memory.written and bytes(self._memory.written)

    def warp_barrier(self, warp: int) -> None:
        """Order what the threads of a warp did before what they do from now on."""
        self.settled.clear()
        for cells in self._recent():
            for cell, (who, code, offset) in cells.items():
                if isinstance(who, Thread) and who.warp == warp:
                    cells[cell] = (Synced(who), code, offset)

    def end_block(self) -> bool:
        """Count what the block did as done by another block; return whether it wrote anything."""
        self.barrier()
        wrote = bool(self.block_changes)
        self.past_reads.update(self.block_reads)
        self.past_changes.update(self.block_changes)
        self.block_reads.clear()
        self.block_changes.clear()
        return wrote

    def _recent(self) -> Iterator[Cells]:
        yield from (self.reads, self.more_reads, self.writes, self.atomics, self.more_atomics)
