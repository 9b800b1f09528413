"""Runs of pytest in forks of one process that has imported what takes long and never changes.

`python tests/course/pytest_forks.py` reads lines from its standard input, each a run as JSON:
the arguments of pytest, a file for what it prints, and the seconds that it may take. It answers
each with a line: the exit status of pytest, the negative number of the signal that ended it, or
"late". It imports no minitorch, so that every run has the one that lies there by then.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


class Forks:
    """Such a process, in the folder and with the environment of a copy of the repository.

    Args:
        folder: where the tests are.
        environment: the environment variables.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.printed = folder / "printed.txt"
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, arguments: list[str], timeout: float) -> int | str:
        """Return how a run of pytest ended; what it printed is in the file `printed`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"arguments": arguments, "printed": str(self.printed), "timeout": timeout}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer: int | str = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()  # which ends its input, and waits


def _run(arguments: list[str], printed: str, timeout: float) -> int | str:
    child = os.fork()
    if child == 0:
        # A group of its own, to which the scripts that tests start belong too.
        os.setsid()
        with open(printed, "w", encoding="utf-8") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        import pytest

        status = int(pytest.main(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    late = time.monotonic() + timeout
    while time.monotonic() < late:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "late"


def _serve() -> None:
    for module in ("hypothesis.strategies", "numba.cuda", "pytest"):
        importlib.import_module(module)
    for line in sys.stdin:
        print(json.dumps(_run(**json.loads(line))), flush=True)


if __name__ == "__main__":
    _serve()
