"""The threads of a block, run one at a time from barrier to barrier.

Each thread is a greenlet: a function that can stop in the middle and be gone on with. The order of
the threads is chosen anew in every interval; a correct kernel gives the same in any::

    thread 0   ---|---------|--->
    thread 1      ---|         ---|--->          forward order, two barriers
    thread 2         ---|         ---|--->
               interval 0   interval 1
"""

from __future__ import annotations

import contextvars
import importlib
import random
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, TypeVar

from ..errors import BackendError
from .accesses import Thread
from .faults import BarrierFault, CudaFault
from .source import instruction_at, place
from .state import Run

__all__ = ["Barrier", "Order", "run_block", "wait"]

T = TypeVar("T")


class Order:
    """The order in which threads and blocks take their turns.

    Args:
        order: "forward", "backward", or a seed for shuffling.
    """

    def __init__(self, order: str | int) -> None:
        if order not in ("forward", "backward") and not isinstance(order, int):
            raise ValueError(f'order: "forward", "backward" or an integer, not {order!r}')
        self._order = order
        self._random = random.Random(order if isinstance(order, int) else 0)

    def of(self, things: Iterable[T]) -> list[T]:
        """Return things in this order."""
        result = list(things)
        if self._order == "backward":
            result.reverse()
        elif self._order != "forward":
            self._random.shuffle(result)
        return result


class Barrier:
    """A barrier that a thread waits at: its name in `cuda`, its place, the thread's predicate."""

    __slots__ = ("code", "name", "offset", "predicate")

    def __init__(self, name: str, frame: FrameType, predicate: bool = True) -> None:
        self.name = name
        self.code = frame.f_code
        self.offset = frame.f_lasti
        self.predicate = predicate

    def site(self) -> tuple[Any, int]:
        """Return what is the same for threads at the same barrier."""
        return self.code, instruction_at(self.code, self.offset)

    def __str__(self) -> str:
        return f"cuda.{self.name}() at {place(self.code, self.offset)}"


def wait(run: Run, barrier: Barrier) -> Any:
    """Stop the running thread until the others are at the barrier; return what it answers."""
    thread = run.thread
    thread.waits = barrier
    run.hub.switch()
    return thread.answer


def run_block(
    run: Run,
    threads: list[Thread],
    call: Callable[[], None],
    enter: Callable[[Thread], None],
    order: Order,
    barriers: bool,
) -> None:
    """Run the threads of a block to their end.

    Args:
        run: the launch.
        threads: all threads of the block.
        call: runs the kernel for the thread that was entered.
        enter: makes a thread the running one.
        order: the order of their turns.
        barriers: whether the kernel has any; without, a thread need not be able to stop.
    """
    try:
        if barriers:
            _with_barriers(run, threads, call, enter, order)
        else:
            for thread in order.of(threads):
                enter(thread)
                call()
        run.begin_interval()
    except Exception as error:
        if not isinstance(error, BackendError | CudaFault):
            run.raise_pending()
            error.add_note(f"in kernel {run.kernel}, {run.thread_name(run.thread)}")
        raise


def _with_barriers(
    run: Run,
    threads: list[Thread],
    call: Callable[[], None],
    enter: Callable[[Thread], None],
    order: Order,
) -> None:
    try:
        greenlet: Any = importlib.import_module("greenlet")
    except ImportError:
        raise BackendError(
            f"{run.kernel}: to simulate a kernel with barriers needs a package: "
            "pip install greenlet"
        ) from None
    run.hub = greenlet.getcurrent()
    # numpy keeps what to do about an overflow in a context, which a greenlet has its own of.
    context = contextvars.copy_context()
    for thread in threads:
        thread.greenlet = greenlet.greenlet(call)
        thread.greenlet.gr_context = context
        thread.answer = None
    try:
        ready = threads
        while ready:
            for thread in order.of(ready):
                enter(thread)
                thread.waits = None
                thread.greenlet.switch()
            ready = _released(run, threads)
    finally:
        for thread in threads:
            thread.greenlet = None  # which ends one that is stopped in the middle
        run.hub = None


def _released(run: Run, threads: list[Thread]) -> list[Thread]:
    """Return the threads that may go on; none when all have returned or a fault ends the block."""
    waiting = [thread for thread in threads if thread.waits is not None]
    if not waiting:
        return []
    warps: dict[int, list[Thread]] = {}
    for thread in waiting:
        warps.setdefault(thread.warp, []).append(thread)
    free = []
    for warp, members in warps.items():
        if all(thread.waits.name == "syncwarp" for thread in members):
            free += members
            for accesses in run.accesses:
                accesses.warp_barrier(warp)
    if free:
        return free
    first = waiting[0].waits
    if len(waiting) < len(threads) or any(t.waits.site() != first.site() for t in waiting):
        _tell_divergence(run, threads)
        return []
    predicates = [thread.waits.predicate for thread in threads]
    answers = {"count": sum(predicates), "and": all(predicates), "or": any(predicates)}
    answer = answers.get(first.name.removeprefix("syncthreads_"))
    for thread in threads:
        thread.answer = answer
    run.barriers += 1
    run.begin_interval()
    return threads


def _tell_divergence(run: Run, threads: list[Thread]) -> None:
    groups: dict[Any, list[Thread]] = {}
    for thread in threads:
        groups.setdefault(thread.waits and thread.waits.site(), []).append(thread)
    details, places = [], []
    for site, members in sorted(groups.items(), key=lambda group: group[0] is None):
        barrier = members[0].waits
        deed = "returned" if site is None else f"waits at {barrier}"
        if len(members) > 1:
            deed = "have returned" if site is None else f"wait at {barrier}"
        details.append(f"{_listed(run, members)} {deed}")
        places += [] if site is None else [place(barrier.code, barrier.offset)]
    run.fail(
        BarrierFault,
        f"not all threads of {run.block_name(threads[0].block)} reach the same barrier",
        details,
        "every thread of the block must come to it: put the barrier outside of any `if`, and "
        "let no thread return before it",
        places=places,
    )


def _listed(run: Run, threads: list[Thread]) -> str:
    """Return threads as a message names them: "threads (3, 5..31)", "thread (0, 1)"."""
    if run.block_dims > 1:
        first = threads[0].spot.index[: run.block_dims]
        if len(threads) == 1:
            return f"thread {first}"
        return f"{len(threads)} threads, {first} to {threads[-1].spot.index[: run.block_dims]},"
    spans: list[list[int]] = []
    for thread in threads:
        if spans and thread.spot.number == spans[-1][1] + 1:
            spans[-1][1] += 1
        else:
            spans.append([thread.spot.number, thread.spot.number])
    texts = [str(low) if low == high else f"{low}..{high}" for low, high in spans]
    shown = ", ".join(texts[:8]) + (", ..." if len(texts) > 8 else "")
    return f"thread {shown}" if len(threads) == 1 else f"threads ({shown})"
