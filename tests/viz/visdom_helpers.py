"""What the tests of the Visdom bridge share."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from minitorch.viz import visdom_server

# Found here, before the tests empty the PATH.
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Said(list[str]):
    """The lines that a board said.

    Those on the page's files are apart: whether they are there depends on the machine.
    """

    def __init__(self) -> None:
        self.on_page: list[str] = []

    def __call__(self, line: str) -> None:
        on_page = "page stays blank" in line or "page's files" in line
        (self.on_page if on_page else self).append(line)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Return what `condition` returns as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return result


def windows(address: str, env: str) -> dict[str, Any]:
    """Return what the server has of an environment, by the windows' titles."""
    message = json.dumps({"win": None, "eid": env}).encode()
    if env not in json.loads(visdom_server.post(address, "env_state", b"{}")):
        return {}
    found: dict[str, Any] = json.loads(visdom_server.post(address, "win_data", message))
    return found


def points(window: dict[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """Return the points of a plot's lines, by the lines' names."""
    return {
        line["name"]: list(zip(line["x"], line["y"], strict=True))
        for line in window["content"]["data"]
    }


def kill(server: visdom_server.Server) -> None:
    """End a server as a crash does."""
    os.kill(server.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    wait_for(lambda: visdom_server.find_server() is None)
