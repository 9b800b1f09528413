"""Running tests beside student code: in a process of its own, behind walls, within limits.

Student code has a process group of its own that is killed at the end, limits of time, memory,
output and processes, no terminal, and a HOME of its own; `walls.py` says what keeps it there.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from . import processes
from .ran import Ran
from .walls import Walls, as_user, private_folder

__all__ = ["Limits", "Sandbox", "SandboxError"]

_CHILD = Path(__file__).with_name("child.py")

# More than any honest run tells, in bytes.
_MOST_TOLD = 16 << 20


class SandboxError(Exception):
    """A sandbox that cannot be made on this machine, with the reason."""


@dataclass(frozen=True)
class Limits:
    """What the tests of one task may use.

    Args:
        task_seconds: by the clock, all tests together.
        test_seconds: by the clock, one test, or the imports before the first.
        memory: bytes of address space of each process, and of memory of all together.
        file_size: bytes of the longest file or output.
        processes: how many processes and threads at once.
    """

    task_seconds: float = 120.0
    test_seconds: float = 30.0
    memory: int = 6 << 30
    file_size: int = 32 << 20
    processes: int = 100


class Sandbox:
    """Where student code runs.

    Args:
        solution: the top of the solution, which student code is not to see.

    Raises:
        SandboxError: if the system has no POSIX processes.
    """

    def __init__(self, solution: Path) -> None:
        if os.name != "posix":
            raise SandboxError("grading needs the process limits of Linux or macOS")
        self.walls = Walls(solution)

    def run(
        self,
        tree: Path,
        files: Sequence[str],
        *,
        marker: str = "",
        tests: Sequence[str] = (),
        skip: Sequence[str] = (),
        changes: Mapping[str, str] | None = None,
        limits: Limits,
        cache: Path | None = None,
        keep: bool = False,
        words: bool = True,
    ) -> Ran:
        """Run tests of a checkout.

        Args:
            tree: the top of the checkout, which is copied.
            files: the files of tests.
            marker: run the tests with this marker that are not slow; "" for all.
            tests: run these only: ids without parameters; () for all.
            skip: leave these out: ids with parameters.
            changes: texts of files that the copy is to have instead.
            limits: what the run may use.
            cache: a folder of compiled kernels that may be used.
            keep: whether kernels that the run compiled are added to it: for trusted code only.
            words: whether somebody reads why a test fails, so that it may take longer.
        """
        user = self.walls.user()
        with private_folder(user) as folder:
            shutil.copytree(tree, folder / "tree", symlinks=True, dirs_exist_ok=True)
            for file, text in (changes or {}).items():
                (folder / "tree" / file).write_text(text, encoding="utf-8")
            shutil.copy(_CHILD, folder / "child.py")
            if cache is not None and cache.is_dir():
                shutil.copytree(cache, folder / "home" / "cache", dirs_exist_ok=True)
            if user is not None:
                for path in (folder / "home").rglob("*"):
                    os.chown(path, user, user)
                for path in (folder / "tree").rglob("*"):
                    path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
            job = {
                "tree": str(folder / "tree"), "files": list(files), "marker": marker,
                "tests": list(tests), "skip": list(skip), "words": words,
                "word": secrets.token_hex(16),
                "limits": {
                    "RLIMIT_AS": limits.memory,
                    "RLIMIT_CPU": int(4 * limits.task_seconds),
                    "RLIMIT_FSIZE": limits.file_size,
                    "RLIMIT_CORE": 0,
                    "RLIMIT_NOFILE": 512,
                    "RLIMIT_NPROC": limits.processes + processes.threads_of(user),
                },
            }  # fmt: skip
            with (folder / "said").open("wb+") as said:
                ran = self._watch(folder, job, limits, user, said)
                if not ran.done:
                    said.seek(0, os.SEEK_END)
                    said.seek(max(0, said.tell() - 1000))
                    ran.ended = f"{ran.ended}\n{said.read().decode(errors='replace')}".strip()
            if keep and cache is not None:
                for path in (folder / "home" / "cache").rglob("*.nb[ci]"):
                    target = cache / path.relative_to(folder / "home" / "cache")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, target)
            return ran

    def _watch(
        self, folder: Path, job: dict[str, Any], limits: Limits, user: int | None, said: IO[bytes]
    ) -> Ran:
        """Run the child until it is done, or has used up what it may."""
        command = [sys.executable, "-P", "-s", "-B", str(folder / "child.py")]
        reading, writing = os.pipe()
        ran = Ran()
        child = subprocess.Popen(
            self.walls.command(folder, command), stdin=subprocess.PIPE, stdout=said, stderr=said,
            cwd=folder / "tree", env=_environment(folder), pass_fds=[writing],
            start_new_session=True, **as_user(user),
        )  # fmt: skip
        os.close(writing)
        try:
            assert child.stdin is not None
            with contextlib.suppress(BrokenPipeError), child.stdin:
                child.stdin.write(json.dumps({**job, "pipe": writing}).encode() + b"\n")
            ran.ended = self._listen(reading, job["word"], child, limits, ran)
        finally:
            os.close(reading)
            processes.end(child, user)
        if not ran.done and not ran.ended:
            status = child.returncode
            status = status - 128 if status > 128 else -status  # what a shell tells of a signal
            name = signal.Signals(status).name if status in set(signal.Signals) else ""
            ran.ended = f"the process was ended by {name}" if name else "the process ended itself"
        return ran

    def _listen(
        self, reading: int, word: str, child: subprocess.Popen[bytes], limits: Limits, ran: Ran
    ) -> str:
        """Take in what the child tells; return why it must be stopped, "" if it need not be."""
        begun = heard = looked = time.monotonic()
        told, rest = 0, b""
        while not ran.done:
            now = time.monotonic()
            if now - begun > limits.task_seconds:
                return f"the tests of the task took longer than {limits.task_seconds:.0f} s"
            if now - heard > limits.test_seconds:
                return f"this took longer than {limits.test_seconds:.0f} s"
            if now - looked > 0.5:
                looked = now
                threads, memory = processes.usage(child.pid)
                if threads > limits.processes:
                    return f"more than {limits.processes} processes and threads were started"
                if memory > limits.memory:
                    return f"more than {limits.memory >> 20} MiB of memory were used"
            alive = processes.is_running(child)
            if not select.select([reading], [], [], 0.2 if alive else 0)[0]:
                if alive:
                    continue
                return ""
            chunk = os.read(reading, 1 << 16)
            told += len(chunk)
            if not chunk:
                for _ in range(10):  # so that it is not killed on its way out
                    if not processes.is_running(child):
                        break
                    time.sleep(0.1)
                return ""
            if told > _MOST_TOLD:
                return "the list of results was written full"
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if ran.take(line, word):
                    now = time.monotonic()
                    ran.longest = max(ran.longest, now - heard)
                    ran.seconds = now - begun
                    heard = now
        return ""


def _environment(folder: Path) -> dict[str, str]:
    home = folder / "home"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home),
        "USER": "student",
        "LOGNAME": "student",
        "PYTHONPATH": str(folder / "tree"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "HYPOTHESIS_PROFILE": "grade",
        "NUMBA_CACHE_DIR": str(home / "cache"),
        "NUMBA_NUM_THREADS": "2",
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
        "MPLBACKEND": "Agg",
    }
