"""What a launch was like: its faults, its idle blocks and, if measured, its memory traffic."""

from __future__ import annotations

from dataclasses import dataclass, field

from .faults import CudaFault

__all__ = ["ArrayCounts", "Report"]

_COLUMNS = ["array", "memory", "reads", "writes", "atomics", "sectors", "coalescing", "conflicts"]


@dataclass
class ArrayCounts:
    """Accesses to one array.

    Attributes:
        space: "global" or "shared".
        reads, writes, atomics: by single threads.
        transactions: 32-byte sectors of global memory that the reads and writes moved.
        fewest_transactions: the fewest that could hold the bytes that each warp asked for.
        bank_conflicts: extra turns of shared memory.
    """

    space: str
    reads: int = 0
    writes: int = 0
    atomics: int = 0
    transactions: int = 0
    fewest_transactions: int = 0
    bank_conflicts: int = 0

    @property
    def coalescing(self) -> float:
        """The fewest sectors divided by the sectors moved: 1 is ideal."""
        return self.fewest_transactions / self.transactions if self.transactions else 1.0


@dataclass
class Report:
    """What a launch did; `str` of it is a table.

    Attributes:
        kernel: the name of the kernel.
        grid, block: the sizes of the launch.
        threads: how many threads ran in all.
        barriers: how many barriers were passed, summed over the blocks.
        faults: what went wrong, where faults are collected.
        idle_blocks: the blocks that wrote nothing to global memory.
        arrays: accesses by the array's name; None unless measured.
    """

    kernel: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    threads: int
    barriers: int = 0
    faults: list[CudaFault] = field(default_factory=list)
    idle_blocks: list[tuple[int, ...]] = field(default_factory=list)
    arrays: dict[str, ArrayCounts] | None = None

    def _sum(self, space: str, what: str) -> int:
        if self.arrays is None:
            raise ValueError(f"{self.kernel}: launch it with measure=True to count accesses")
        return sum(getattr(a, what) for a in self.arrays.values() if a.space == space)

    @property
    def global_reads(self) -> int:
        """Reads of global memory by single threads."""
        return self._sum("global", "reads")

    @property
    def global_writes(self) -> int:
        """Writes to global memory by single threads."""
        return self._sum("global", "writes")

    @property
    def shared_reads(self) -> int:
        """Reads of shared memory by single threads."""
        return self._sum("shared", "reads")

    @property
    def shared_writes(self) -> int:
        """Writes to shared memory by single threads."""
        return self._sum("shared", "writes")

    @property
    def atomics(self) -> int:
        """Atomic operations by single threads."""
        return self._sum("global", "atomics") + self._sum("shared", "atomics")

    @property
    def global_transactions(self) -> int:
        """Sectors of 32 bytes that reads and writes of global memory moved."""
        return self._sum("global", "transactions")

    @property
    def coalescing(self) -> float:
        """The fewest sectors that could have done, divided by those that were moved."""
        moved = self.global_transactions
        return self._sum("global", "fewest_transactions") / moved if moved else 1.0

    @property
    def bank_conflicts(self) -> int:
        """Extra turns of shared memory, summed over the instructions of warps."""
        return self._sum("shared", "bank_conflicts")

    def __str__(self) -> str:
        lines = [
            f"{self.kernel}: grid {_size(self.grid)} of blocks {_size(self.block)}, "
            f"{self.threads} threads, {self.barriers} barriers"
        ]
        if self.arrays is not None:
            lines += self._table()
        if self.idle_blocks:
            shown = ", ".join(_size(block) for block in self.idle_blocks[:4])
            more = ", ..." if len(self.idle_blocks) > 4 else ""
            lines.append(
                f"note: {len(self.idle_blocks)} blocks wrote nothing to global memory "
                f"({shown}{more}): fewer blocks would do"
            )
        for fault in self.faults:
            lines.append(str(fault))
            if fault.times > 1:
                lines.append(f"  ({fault.times} times at the same place)")
        return "\n".join(lines)

    def _table(self) -> list[str]:
        rows = [_COLUMNS]
        for name, a in (self.arrays or {}).items():
            row = [name, a.space, str(a.reads), str(a.writes), str(a.atomics)]
            if a.space == "global":
                row += [str(a.transactions), f"{a.coalescing:.0%}", ""]
            else:
                row += ["", "", str(a.bank_conflicts)]
            rows.append(row)
        widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
        lines = []
        for row in rows:
            words = [w.ljust(n) for w, n in zip(row[:2], widths[:2], strict=True)]
            numbers = [w.rjust(n) for w, n in zip(row[2:], widths[2:], strict=True)]
            lines.append(("  " + "  ".join(words + numbers)).rstrip())
        return lines


def _size(sizes: tuple[int, ...]) -> str:
    return str(sizes[0]) if len(sizes) == 1 else str(sizes)
