"""What one launch keeps while it runs: who is running, and what went wrong so far."""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from .accesses import Access, Accesses, Spot, Synced, Thread
from .faults import CudaFault, RaceFault
from .source import kernel_frame, place

if TYPE_CHECKING:
    from .meter import Meter

__all__ = ["Run"]


class Run:
    """The state of a launch.

    Args:
        kernel: its name.
        grid_dims, block_dims: how many dimensions the launch gave, for messages.
        collect: whether faults are kept, and the kernel goes on, instead of raising them.
        max_shared: bytes of shared memory that a block may have.
        meter: counts accesses, if they are to be measured.

    Attributes:
        thread: the one that is running.
        may_settle: whether reads of a cell may go unseen once two threads have read it.
        hub: the greenlet that threads return to at a barrier, where there are barriers.
        shared: the shared arrays of the running block, by the call that asked for them.
        accesses: those of each piece of global memory, and of the shared arrays.
        faults: what was collected.
        barriers: how many barriers the blocks have passed.
    """

    def __init__(
        self,
        kernel: str,
        grid_dims: int,
        block_dims: int,
        *,
        collect: bool = False,
        max_shared: int = 48 * 1024,
        meter: Meter | None = None,
    ) -> None:
        self.kernel = kernel
        self.grid_dims = grid_dims
        self.block_dims = block_dims
        self.collect = collect
        self.max_shared = max_shared
        self.meter = meter
        self.thread = Thread(Spot((0, 0, 0), None, 0), (0, 0, 0))
        self.hub: Any = None
        self.may_settle = False
        self.shared: dict[Any, Any] = {}
        self.accesses: list[Accesses] = []
        self.faults: list[CudaFault] = []
        self.barriers = 0
        self._known: dict[Any, CudaFault] = {}
        self._pending: dict[Any, CudaFault] = {}

    def block_name(self, block: tuple[int, int, int]) -> str:
        """Return a block as messages name it."""
        return f"block {_position(block, self.grid_dims)}"

    def thread_name(self, who: Thread | Synced) -> str:
        """Return a thread as messages name it."""
        thread = who.thread if isinstance(who, Synced) else who
        index = _position(thread.spot.index, self.block_dims)
        return f"thread {index} of {self.block_name(thread.block)}"

    def add(self, fault: CudaFault) -> None:
        """Raise a fault, or keep it where faults are collected."""
        if not self.collect:
            if not isinstance(fault, RaceFault):  # which explains what was postponed
                self.raise_pending()
            raise fault
        key = (type(fault), fault.array, tuple(sorted(fault.places)))
        known = self._known.setdefault(key, fault)
        if known is fault:
            self.faults.append(fault)
        else:
            known.times += 1

    def postpone(self, array: Any, cell: int, fault: CudaFault) -> None:
        """Keep a fault till the next barrier: if another thread writes the cell, it is a race."""
        self._pending.setdefault((id(array), cell), fault)

    def forgive(self, array: Any, cell: int) -> None:
        """Forget what was postponed about a cell."""
        self._pending.pop((id(array), cell), None)

    def raise_pending(self) -> None:
        """Take up the faults that were postponed."""
        while self._pending:
            fault = self._pending.pop(next(iter(self._pending)))
            if not self.collect:
                raise fault
            self.add(fault)

    def here(self, verb: str, what: str, frame: FrameType | None = None) -> tuple[str, str]:
        """Return the running thread's deed as a line of a message, and its place."""
        frame = frame or kernel_frame()
        where = place(frame.f_code, frame.f_lasti)
        return f"{self.thread_name(self.thread)} {verb} {what} at {where}", where

    def there(self, verb: str, what: str, access: Access) -> tuple[str, str]:
        """Return an earlier access as a line of a message, and its place."""
        who, code, offset = access
        where = place(code, offset)
        return f"{self.thread_name(who)} {verb} {what} at {where}", where

    def fail(
        self,
        kind: type[CudaFault],
        what: str,
        details: Sequence[str] = (),
        advice: str = "",
        *,
        array: str = "",
        places: Sequence[str] = (),
    ) -> None:
        """Add a fault of this kernel."""
        self.add(kind(self.kernel, what, details, advice, array=array, places=places))

    def begin_interval(self) -> None:
        """All threads of the block have reached a barrier, or the end."""
        self.raise_pending()
        for accesses in self.accesses:
            accesses.barrier()


def _position(index: tuple[int, int, int], dims: int) -> str:
    return str(index[0]) if dims == 1 else str(index[:dims])
