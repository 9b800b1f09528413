"""The arrays of a running kernel, which watch every access.

`Watched` is an array of global or shared memory: it knows who touched which cell. `Local` is a
thread's own array, where all that can go wrong is the index and what was never written.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from sys import _getframe
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from .accesses import Accesses, Synced
from .faults import BoundsFault, RaceFault, UninitialisedFault
from .memory import Memory, poisoned
from .source import kernel_frame
from .state import Run

__all__ = ["Local", "Watched"]

_FIRST_WRITE = "call cuda.syncthreads() between the write and the read, in all threads of the block"
_NEXT_WRITE = (
    "call cuda.syncthreads() between the two, in all threads of the block; in a loop, also "
    "after the read and before the next write"
)
_ONE_WRITER = "let only one thread write a cell, or call cuda.syncthreads() between the writes"
_BLOCKS = (
    "blocks run in any order, and no barrier joins them: let one block alone touch the cell, "
    "use cuda.atomic, or make two launches of it"
)
_ATOMIC = "touch the cell with cuda.atomic only, or call cuda.syncthreads() in between"
_VERBS = {"reads": "reads", "writes": "writes", "changes": "atomically changes"}


class _Array:
    """What arrays of every kind of memory have in common: a shape, and indices checked by it."""

    __slots__ = ("_run", "dtype", "name", "shape", "size", "space")

    def __init__(
        self, run: Run, space: str, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self._run = run
        self.space = space
        self.name = name
        self.shape = shape
        self.size = math.prod(shape)
        self.dtype = dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def _whole(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(f"{self.name} is an array: index it to have one of its elements")

    __iter__ = __array__ = __bool__ = __float__ = __int__ = _whole

    def __repr__(self) -> str:
        return f"<{self.space} array {self.name} {self.shape} of {self.dtype}>"

    def _text(self, index: Any) -> str:
        parts = index if isinstance(index, tuple) else (index,)
        return f"{self.name}[{', '.join(str(part) for part in parts)}]"

    def _find(self, index: Any, verb: str, from_end: bool = False) -> int | None:
        """Return the cell at an index of any form; None, after a fault, if there is none."""
        shape = self.shape
        parts = index if type(index) is tuple else (index,)
        if len(parts) != len(shape):
            self._misplaced(index, verb)
            return None
        if len(parts) == 2:  # the tiles of a matrix, much used
            (i, j), (rows, columns) = parts, shape
            if type(i) is int and type(j) is int and 0 <= i < rows and 0 <= j < columns:
                return i * columns + j
        cell = 0
        for part, size in zip(parts, shape, strict=True):
            try:
                position = operator.index(part)
            except TypeError:
                raise TypeError(
                    f"{self._text(index)}: the index is of type {type(part).__name__}; a kernel "
                    "indexes arrays with integers"
                ) from None
            if from_end and position < 0:
                position += size
            if not 0 <= position < size:
                self._misplaced(index, verb)
                return None
            cell = cell * size + position
        return cell

    def _misplaced(self, index: Any, verb: str) -> None:
        deed, where = self._run.here(verb, "it")
        parts = index if isinstance(index, tuple) else (index,)
        if len(parts) != len(self.shape):
            wanted = ", ".join("ijklmnop"[: len(self.shape)])
            what = f"{self._text(index)} has {len(parts)} indices, {self.name} {len(self.shape)}"
            advice = f"write {self.name}[{wanted}]"
        else:
            cells = f"{self.size} cells, 0..{self.size - 1}" if self.size else "no cells"
            extent = cells if len(self.shape) == 1 else f"the shape {self.shape}"
            what = f"{self._text(index)} is out of bounds: {self.name} has {extent}"
            advice = "let threads that have no cell of their own do nothing: if i < size: ..."
            if any(part < 0 for part in parts):
                advice = (
                    "a negative index counts from the end, or reaches other memory; a GPU "
                    "does not tell: compute an index that is not negative"
                )
        self._run.fail(BoundsFault, what, [deed], advice, array=self.name, places=[where])


class Watched(_Array):
    """An array in global or shared memory.

    Args:
        run: the launch.
        space: "global" or "shared".
        name: what messages call it.
        shape: its shape.
        memory, start: the memory, and the cell of it where the array begins.
        accesses: those to the memory.
    """

    __slots__ = ("_accesses", "_memory", "_reach", "_start", "_values")

    def __init__(
        self,
        run: Run,
        space: str,
        name: str,
        shape: tuple[int, ...],
        memory: Memory,
        start: int,
        accesses: Accesses,
    ) -> None:
        super().__init__(run, space, name, shape, memory.values.dtype)
        self._memory = memory
        self._values: npt.NDArray[Any] = memory.values
        self._start = start
        self._accesses = accesses
        self._reach = self.size if len(shape) == 1 else 0

    def __getitem__(self, index: Any) -> Any:
        if type(index) is int and 0 <= index < self._reach:
            cell = index + self._start
        else:
            found = self._find(index, "reads")
            if found is None:
                return poisoned(1, self.dtype)[0]
            cell = found + self._start
        accesses = self._accesses
        if cell in accesses.settled:
            return self._values[cell]
        run = self._run
        thread = run.thread
        write = accesses.writes.get(cell)
        changed = write is not None or accesses.atomics or cell in accesses.past_changes
        if changed:
            self._check(cell, index, "reads")
        frame = _getframe(1)
        read = accesses.reads.get(cell)
        if read is None:
            accesses.reads[cell] = (thread, frame.f_code, frame.f_lasti)
        elif read[0] is not thread:
            accesses.add_read(cell, (thread, frame.f_code, frame.f_lasti))
            if run.may_settle and not changed:
                accesses.settled.add(cell)
        written = self._memory.written
        if written is not None and not written[cell]:
            self._unwritten(cell, index)
        if run.meter is not None:
            run.meter.note(self, cell, "reads", thread, frame.f_code, frame.f_lasti)
        return self._values[cell]

    def __setitem__(self, index: Any, value: Any) -> None:
        if type(index) is int and 0 <= index < self._reach:
            cell = index + self._start
        else:
            found = self._find(index, "writes")
            if found is None:
                return
            cell = found + self._start
        run = self._run
        thread = run.thread
        accesses = self._accesses
        write = accesses.writes.get(cell)
        read = accesses.reads.get(cell)
        if (
            (write is not None and write[0] is not thread)
            or (read is not None and (read[0] is not thread or cell in accesses.more_reads))
            or accesses.atomics
            or cell in accesses.past_changes
            or cell in accesses.past_reads
        ):
            self._check(cell, index, "writes")
        frame = _getframe(1)
        accesses.writes[cell] = (thread, frame.f_code, frame.f_lasti)
        written = self._memory.written
        if written is not None:
            written[cell] = 1
        if run.meter is not None:
            run.meter.note(self, cell, "writes", thread, frame.f_code, frame.f_lasti)
        self._values[cell] = value

    def atomic(self, index: Any, change: Callable[[Any], Any]) -> Any:
        """Replace a cell by `change` of it as one step; return what it was."""
        found = self._find(index, "changes")
        if found is None:
            return poisoned(1, self.dtype)[0]
        cell = found + self._start
        run = self._run
        self._check(cell, index, "changes")
        frame = kernel_frame()
        self._accesses.add_atomic(cell, (run.thread, frame.f_code, frame.f_lasti))
        written = self._memory.written
        if written is not None and not written[cell]:
            self._unwritten(cell, index)
        if run.meter is not None:
            run.meter.note(self, cell, "atomics", run.thread, frame.f_code, frame.f_lasti)
        old = self._values[cell]
        self._values[cell] = change(old)
        return old

    def _check(self, cell: int, index: Any, verb: str) -> None:
        """Tell if what the running thread does now races with an earlier access."""
        run = self._run
        if verb != "reads":
            self._accesses.settled.discard(cell)
        rival = self._accesses.rival(cell, run.thread, verb)
        if rival is None:
            return
        how, access = rival
        now, where = run.here(_VERBS[verb], self._text(index))
        then, before = run.there(_VERBS[how], "it", access)
        run.forgive(self._memory, cell)
        earlier = self._accesses.written_before
        who = access[0].thread if isinstance(access[0], Synced) else access[0]
        if who.block != run.thread.block:
            then += ", and nothing says which comes first"
            advice = _BLOCKS
        else:
            then += ", with no barrier between the two"
            if "changes" in (how, verb):
                advice = _ATOMIC
            elif how == verb:
                advice = _ONE_WRITER
            elif earlier is not None and not earlier[cell]:
                advice = _FIRST_WRITE
            else:
                advice = _NEXT_WRITE
        what = f"race on {self.space} array {self.name}"
        places = [where, before]
        run.fail(RaceFault, what, [now, then], advice, array=self.name, places=places)

    def _unwritten(self, cell: int, index: Any) -> None:
        run = self._run
        deed, where = run.here("reads", "it")
        if self.space == "shared":
            what = f"{self._text(index)} of shared memory was never written in this block"
            advice = (
                "shared memory begins with anything at all, not zeros: write each cell that "
                "is read, and call cuda.syncthreads() between the write and the read"
            )
        else:
            what = f"{self._text(index)} was never written: {self.name} is memory made empty"
            advice = "fill the memory before the launch, or write the cell before reading it"
        fault = UninitialisedFault(
            run.kernel, what, [deed], advice, array=self.name, places=[where]
        )
        run.postpone(self._memory, cell, fault)


class Local(_Array):
    """A thread's own array."""

    __slots__ = ("_cast", "_cells", "_negative")

    def __init__(self, run: Run, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        super().__init__(run, "local", name, shape, dtype)
        self._cells: list[Any] = [None] * self.size
        self._cast = dtype.type
        self._negative = len(shape) == 1

    def __getitem__(self, index: Any) -> Any:
        cell = index if type(index) is int and self._negative else self._find(index, "reads", True)
        if cell is None:
            return poisoned(1, self.dtype)[0]
        try:
            value = self._cells[cell]
        except IndexError:
            self._misplaced(index, "reads")
            return poisoned(1, self.dtype)[0]
        if value is None:
            deed, where = self._run.here("reads", "it")
            what = f"{self._text(index)} of a local array was never written"
            advice = "a local array begins with anything at all, not zeros: write it first"
            self._run.fail(
                UninitialisedFault, what, [deed], advice, array=self.name, places=[where]
            )
            return poisoned(1, self.dtype)[0]
        return value

    def __setitem__(self, index: Any, value: Any) -> None:
        cell = index if type(index) is int and self._negative else self._find(index, "writes", True)
        if cell is None:
            return
        try:
            self._cells[cell] = value if type(value) is self._cast else self._cast(value)
        except IndexError:
            self._misplaced(index, "writes")
