"""Runs of pytest in forks of one process that has imported what takes long and never changes.

`python tests/course/pytest_forks.py` reads lines from its standard input, each a run as JSON:
the arguments of pytest, a file for what it prints, the seconds that it may take, and words of the
names of tests that are to be run first. It answers each with a line: the exit status of pytest,
the negative number of the signal that ended it, or "late". It imports no minitorch, so that every
run has the one that lies there by then.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# A profile of Hypothesis, for runs that ask whether a test fails: it looks for no smaller example,
# and keeps none. `HYPOTHESIS_PROFILE` names the one that a run takes.
FAILING = "failing"


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

    def run(self, arguments: list[str], timeout: float, first: Iterable[str] = ()) -> int | str:
        """Return how a run of pytest ended; what it printed is in the file `printed`.

        Args:
            arguments: those of pytest.
            timeout: the seconds that the run may take.
            first: words; tests in whose names one of them stands are run before the others.

        Raises:
            RuntimeError: if the process that forks them has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {
            "arguments": arguments, "printed": str(self.printed), "timeout": timeout,
            "first": list(first),
        }  # fmt: skip
        answered = ""
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(request), file=self._process.stdin, flush=True)
            answered = self._process.stdout.readline()
        if not answered:
            status = self._process.wait()
            raise RuntimeError(f"the process that forks runs of pytest ended, with status {status}")
        answer: int | str = json.loads(answered)
        return answer

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()  # which ends its input, and waits


class _Order:
    """A plugin of pytest that runs first what fails soonest, if it fails.

    Those are the tests whose names have one of some words; of all, those that compile no parallel
    kernel, which takes long.
    """

    def __init__(self, first: list[str]) -> None:
        self.first = first

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items.sort(
            key=lambda item: (
                not any(re.search(rf"(?<![a-z]){word}(?![a-z])", item.name) for word in self.first),
                "parallel" in item.name,
            )
        )


def _run(arguments: list[str], printed: str, timeout: float, first: list[str]) -> int | str:
    child = os.fork()
    if child == 0:
        # A group of its own, to which the scripts that tests start belong too.
        os.setsid()
        with open(printed, "w", encoding="utf-8") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        status = 3  # pytest's own, for an error inside it
        try:
            import pytest

            status = int(pytest.main(arguments, [_Order(first)] if first else []))
        except BaseException:  # this must not go on as a second server
            traceback.print_exc()
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
    from hypothesis import Phase, settings

    settings.register_profile(
        FAILING, deadline=None, database=None, max_examples=40,
        phases=(Phase.explicit, Phase.generate),
    )  # fmt: skip
    for line in sys.stdin:
        print(json.dumps(_run(**json.loads(line))), flush=True)


if __name__ == "__main__":
    _serve()
