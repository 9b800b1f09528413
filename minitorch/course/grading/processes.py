"""The processes of a machine: how many a run has started, how much memory they use, their end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

__all__ = ["end", "is_running", "threads_of", "usage"]


def _processes() -> Iterator[tuple[int, int, int, int, int]]:
    """Yield of each process that can be seen: id, parent, user, threads, bytes of memory."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (place / "stat").read_text(errors="replace").rpartition(") ")[2].split()
            memory = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
            yield int(place.name), int(fields[1]), place.stat().st_uid, int(fields[17]), memory


def threads_of(user: int | None) -> int:
    """Return how many threads a user has; by default, the one that runs this."""
    wanted = os.getuid() if user is None else user
    return sum(threads for _, _, owner, threads, _ in _processes() if owner == wanted)


def usage(top: int) -> tuple[int, int]:
    """Return the threads, and bytes of memory, of a process and all that it started."""
    found = list(_processes())
    inside = {top}
    size = 0
    while len(inside) > size:
        size = len(inside)
        inside |= {process for process, parent, *_ in found if parent in inside}
    own = [entry for entry in found if entry[0] in inside]
    return sum(entry[3] for entry in own), sum(entry[4] for entry in own)


def is_running(child: subprocess.Popen[bytes]) -> bool:
    """Return whether a child has not ended yet.

    One that has ended is not asked for its status, as `poll` does: that would set its id free,
    and `end` could kill another's group.
    """
    if not hasattr(os, "waitid"):  # macOS, before Python 3.13
        return child.poll() is None
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def end(child: subprocess.Popen[bytes], user: int | None) -> None:
    """End a child and what it started, as far as it is in its group, or is its user's."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    while user is not None:
        left = [process for process, _, owner, *_ in _processes() if owner == user]
        if not left:
            break
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
