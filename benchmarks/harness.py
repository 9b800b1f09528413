"""Timing two or more libraries against each other, fairly, on a noisy machine.

A round runs one short block of calls of each contestant, in a random order, and gives one ratio
for each pair; the result is the median over the rounds, with the quartiles. So a machine whose
speed drifts slows all alike::

    round 1   [ours ours ours ..]  [theirs theirs ..]   -> ratio 1
    round 2   [theirs theirs ..]   [ours ours ours ..]  -> ratio 2

Blocks and not single calls, because both OpenMP runtimes (Numba's and PyTorch's own) let idle
threads spin for some milliseconds after a parallel loop, and the thread that spins for one
library takes a core from the other. A block begins, with more than one thread, with a pause that
outlasts the spinning, and with calls that are not timed, which fill caches and wake threads.
"""

from __future__ import annotations

import gc
import math
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "FULL",
    "QUICK",
    "Case",
    "Comparison",
    "Contest",
    "Effort",
    "Quartiles",
    "compare",
    "disagreement",
    "quartiles",
    "use_timer",
]

Call = Callable[[], Any]

OURS, EAGER = "minitorch", "PyTorch"
COMPILED, NUMPY = "torch.compile", "numpy"

# How long threads were seen to spin after their last parallel loop, with a margin.
SPIN_SECONDS = 0.010
BLAS_SPIN_SECONDS = 0.2  # numpy's OpenBLAS

# Cores used by other processes from which a measurement is called disturbed.
DISTURBED = 0.1

TOLERANCES = {"float32": 2e-3, "float64": 1e-8}


class Quartiles(NamedTuple):
    """Where the middle half of some numbers lies."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Effort:
    """How much time a comparison may take.

    Args:
        block: seconds of one block of calls.
        seconds: after which no further round begins, once there were `fewest`.
        fewest, most: bounds on the number of rounds.
        again: how often to measure anew if other processes disturbed.
    """

    block: float
    seconds: float
    fewest: int
    most: int
    again: int = 0


FULL = Effort(block=0.012, seconds=0.8, fewest=9, most=41, again=1)
QUICK = Effort(block=0.004, seconds=0.1, fewest=3, most=9)


@dataclass(frozen=True)
class Contest:
    """The same work in several libraries.

    Args:
        ours, theirs: a call of minitorch and of PyTorch eager.
        numpy: the same in numpy, where it has the operation.
        compiled: the same under torch.compile, where that is measured.
        reference: what `ours` must equal; `theirs` if it is not given.
        checked: whether the results are compared; not where chance decides them.
    """

    ours: Call
    theirs: Call
    numpy: Call | None = None
    compiled: Call | None = None
    reference: Call | None = None
    checked: bool = True

    def calls(self) -> dict[str, Call]:
        """Return the contestants by name."""
        named = {OURS: self.ours, EAGER: self.theirs, COMPILED: self.compiled, NUMPY: self.numpy}
        return {name: call for name, call in named.items() if call is not None}


@dataclass(frozen=True)
class Case:
    """One line of the table, for each dtype and number of threads.

    Args:
        row: the row of the issue's table that it belongs to.
        name: what is computed, on which shapes.
        target: at most this, as a ratio to PyTorch eager; None where nothing was asked for.
        build: gives the contest for a dtype.
        dtypes: the dtypes it is measured in.
        parallel: whether any contestant may start threads.
    """

    row: str
    name: str
    target: float | None
    build: Callable[[str], Contest]
    dtypes: tuple[str, ...] = ("float32", "float64")
    parallel: bool = True


@dataclass(frozen=True)
class Comparison:
    """What came out of a case.

    Args:
        row, name, target, dtype, threads: of what.
        seconds: the median time of a call, by contestant.
        ratios: minitorch's time as a ratio to each other contestant's.
        disturbed: how many cores other processes used meanwhile, on average.
        problem: why there is nothing, or what is wrong with it.
    """

    row: str
    name: str
    target: float | None
    dtype: str
    threads: int
    seconds: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, Quartiles] = field(default_factory=dict)
    disturbed: float = 0.0
    problem: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none, or nothing was measured."""
        if self.target is None or EAGER not in self.ratios:
            return None
        return self.ratios[EAGER].middle <= self.target


def quartiles(values: Sequence[float]) -> Quartiles:
    """Return the quartiles of some numbers; of one number, that number three times."""
    if len(values) == 1:
        return Quartiles(values[0], values[0], values[0])
    return Quartiles(*statistics.quantiles(values, n=4, method="inclusive"))


def _by_the_clock(call: Call, calls: int) -> float:
    """Return the seconds of one of `calls` calls in a row."""
    started = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - started) / calls


_timer = _by_the_clock


def use_timer(timer: Callable[[Call, int], float]) -> None:
    """Time blocks of calls by another function than the clock's, of the same arguments."""
    global _timer
    _timer = timer


def _block(call: Call, calls: int) -> float:
    """Return the seconds of one of `calls` calls in a row."""
    return _timer(call, calls)


def _calls_in(call: Call, seconds: float) -> int:
    """Return how many calls fill a block."""
    calls, taken = 1, _block(call, 1)
    while taken * calls < seconds / 4:
        calls = min(calls * 4, math.ceil(seconds / taken))
        taken = _block(call, calls)
    return max(1, round(seconds / taken))


def rounds(
    calls: dict[str, Call],
    effort: Effort,
    rests: dict[str, float],
    chance: random.Random,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[dict[str, float]]:
    """Yield for each round the seconds of a call, by contestant.

    Args:
        calls: the contestants.
        effort: how long to go on.
        rests: seconds that each contestant's threads need to go to sleep.
        chance: decides who goes first.
        clock: tells the time that the effort is measured in.
    """
    counts = {name: _calls_in(call, effort.block) for name, call in calls.items()}
    order = list(calls)
    before = order[-1]
    started = clock()
    for number in range(effort.most):
        if number >= effort.fewest and clock() - started > effort.seconds:
            return
        chance.shuffle(order)
        times = {}
        for name in order:
            if rests[before]:
                time.sleep(rests[before])
            _block(calls[name], min(2, counts[name]))  # not timed
            times[name] = _block(calls[name], counts[name])
            before = name
        yield times


def _busy_elsewhere() -> float:
    """Return the CPU seconds that this machine spent outside this process, ever."""
    try:
        line = Path("/proc/stat").read_text().partition("\n")[0]
        ticks = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0.0  # not known on this system
    user, nice, system, _, _, irq, softirq, steal = (int(word) for word in line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / ticks - time.process_time()


class Measured(NamedTuple):
    """The median seconds of each contestant, the first one's ratios to the others, and how
    many cores other processes used meanwhile.
    """

    seconds: dict[str, float]
    ratios: dict[str, Quartiles]
    disturbed: float


def compare(
    calls: dict[str, Call], effort: Effort, threads: int, chance: random.Random
) -> Measured:
    """Return what was measured; anew, a few times, while other processes disturb."""
    found = _compare_once(calls, effort, threads, chance)
    for _ in range(effort.again):
        if found.disturbed < DISTURBED:
            break
        found = min(found, _compare_once(calls, effort, threads, chance), key=_disturbance)
    return found


def _disturbance(measured: Measured) -> float:
    return measured.disturbed


def _compare_once(
    calls: dict[str, Call], effort: Effort, threads: int, chance: random.Random
) -> Measured:
    rests = dict.fromkeys(calls, SPIN_SECONDS if threads > 1 else 0.0)
    if threads > 1 and NUMPY in rests:
        rests[NUMPY] = BLAS_SPIN_SECONDS
    # What stands already is not the contestants' garbage: no collection walks through it again.
    gc.collect()
    gc.freeze()
    elsewhere, started = _busy_elsewhere(), time.perf_counter()
    taken = list(rounds(calls, effort, rests, chance))
    disturbed = (_busy_elsewhere() - elsewhere) / (time.perf_counter() - started)
    first, *others = calls
    seconds = {name: statistics.median(times[name] for times in taken) for name in calls}
    ratios = {name: quartiles([times[first] / times[name] for times in taken]) for name in others}
    return Measured(seconds, ratios, max(0.0, disturbed))


def disagreement(ours: Any, theirs: Any, dtype: str) -> str:
    """Return in words how two results, or tuples of results, differ; nothing if they agree.

    The difference is taken relative to the largest element, as sums of many terms round.
    """
    if isinstance(ours, tuple | list):
        found = [disagreement(a, b, dtype) for a, b in zip(ours, theirs, strict=True)]
        return next((words for words in found if words), "")
    a, b = (np.asarray(_on_host(value), np.float64) for value in (ours, theirs))
    if a.size == b.size == 1:
        a, b = a.reshape(()), b.reshape(())
    if a.shape != b.shape:
        return f"shapes differ: {a.shape}, not {b.shape}"
    if not a.size:
        return ""
    error = float(np.abs(a - b).max() / (np.abs(b).max() or 1.0))
    return "" if error <= TOLERANCES[dtype] else f"values differ by {error:.1e}"


def _on_host(value: Any) -> Any:
    """Return a result as something that numpy reads."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value
