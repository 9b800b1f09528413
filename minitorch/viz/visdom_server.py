"""Find, start and stop the local Visdom server that minitorch's runs share.

A server goes on after the run that started it, in a process of its own. Its port and pid are
noted in its folder, where it also keeps the pages: `$MINITORCH_VISDOM_DIR`, or else
`minitorch/visdom` in the user's cache folder. Whether the note still holds is asked of the
server itself, so a port or a pid that was given to something else in the meantime is not
mistaken for it.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minitorch.viz import visdom_process

__all__ = [
    "FIRST_PORT",
    "STOP_COMMAND",
    "Server",
    "ServerError",
    "find_server",
    "post",
    "replay",
    "server_folder",
    "start_server",
    "stop_server",
]

FIRST_PORT = 8097
FOLDER_VARIABLE = "MINITORCH_VISDOM_DIR"
STOP_COMMAND = "python -m minitorch.viz stop"
START_SECONDS = 20.0
STOP_SECONDS = 5.0
NOT_INSTALLED = 'visdom is not installed (pip install -c constraints.txt "visdom>=0.2.4")'

_children: list[subprocess.Popen[bytes]] = []  # servers that this process started


@atexit.register
def _let_go() -> None:
    """Keep Python from warning of children that run on: these are meant to."""
    for child in _children:
        child.returncode = child.poll() or 0


class ServerError(OSError):
    """A local Visdom server could not be started or stopped; the message says why."""


@dataclass(frozen=True)
class Server:
    """A local Visdom server that runs now.

    `page` is `"ready"`, `"fetching"` (its files are on their way), or why it stays blank.
    """

    port: int
    pid: int
    page: str

    @property
    def address(self) -> str:
        """The address for a browser and for `post`, without a slash at its end."""
        return f"http://{visdom_process.HOST}:{self.port}"


def server_folder() -> Path:
    """Return the folder of the server's state, log and pages; it need not exist."""
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given).expanduser().absolute()
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
    elif sys.platform == "darwin":
        cache = Path.home() / "Library/Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache.absolute() / "minitorch" / "visdom"


def find_server() -> Server | None:
    """Return the server that an earlier run started, if it still answers."""
    folder = server_folder()
    try:
        port = int(json.loads((folder / visdom_process.STATE_FILE).read_bytes())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no server yet, or the note is damaged: the next start writes it anew
    about = visdom_process.ask(port)
    if about is None or about["folder"] != str(folder):
        return None
    return Server(port, int(about["pid"]), str(about["page"]))


def start_server(first_port: int = FIRST_PORT, timeout: float = START_SECONDS) -> Server:
    """Return the server that runs, or start one on the first free port from `first_port`.

    Waits at most `timeout` seconds for it to answer. Raises `ServerError` when it does not,
    or when visdom is not installed.
    """
    if server := find_server():
        return server
    if importlib.util.find_spec("visdom") is None:
        raise ServerError(NOT_INSTALLED)
    folder = server_folder()
    log = folder / "server.log"
    try:
        (folder / "envs").mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            child = _spawn(folder, first_port, output.fileno())
    except OSError as error:
        raise ServerError(f"no server can be started in {folder} ({error.strerror})") from error
    _children.append(child)

    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if server := find_server():
            return server
        if child.poll():
            lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
            reason = next((line for line in reversed(lines) if line.strip()), "no reason given")
            raise ServerError(f"the server ended at its start: {reason} (all of it in {log})")
        time.sleep(0.05)
    raise ServerError(f"the server did not answer within {timeout:.0f} s; see {log}")


def _spawn(folder: Path, first_port: int, output: int) -> subprocess.Popen[bytes]:
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    else:
        options["start_new_session"] = True  # neither Ctrl-C nor a closed terminal ends it
    command = [sys.executable, "-P", visdom_process.__file__]
    return subprocess.Popen(
        [*command, "--folder", str(folder), "--first-port", str(first_port)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=folder,
        **options,
    )


def stop_server() -> Server | None:
    """End the server and return what it was, or None where none runs.

    Pages that a run saved (as it does when it ends) are there again at the next start.
    Raises `ServerError` when the process may not be ended or does not end.
    """
    server = find_server()
    if server is None:
        return None
    try:
        os.kill(server.pid, signal.SIGTERM)
    except ProcessLookupError:
        return server  # it ended by itself just now
    except OSError as error:
        raise ServerError(f"process {server.pid} cannot be ended ({error.strerror})") from error
    deadline = time.monotonic() + STOP_SECONDS
    while find_server() is not None:
        if time.monotonic() > deadline:
            raise ServerError(f"process {server.pid} goes on after {STOP_SECONDS:.0f} s")
        time.sleep(0.05)
    for child in _children:
        child.poll()
    return server


def post(address: str, endpoint: str, message: bytes, timeout: float = 5.0) -> str:
    """Send one of Visdom's messages (JSON) to a server and return its answer.

    `timeout` is in seconds. Raises `urllib.error.HTTPError` when the server refuses the
    message, and another `OSError` or `http.client.HTTPException` when it cannot be reached.
    """
    host = urllib.parse.urlsplit(address).hostname
    # A proxy that the environment names cannot reach this machine's own servers.
    local = host in ("localhost", "127.0.0.1", "::1")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({} if local else None))
    request = urllib.request.Request(f"{address}/{endpoint}", data=message)
    with opener.open(request, timeout=timeout) as answer:
        text: str = answer.read().decode("utf-8", "replace")
    return text


def replay(log: Path, address: str) -> int:
    """Play a run's log into a server, as `Visdom().replay_log` does; return the messages sent.

    Raises `OSError` when the file or the server cannot be reached and `ValueError` when a
    line is not one of Visdom's.
    """
    count = 0
    environments = set()
    with log.open("rb") as lines:
        for line in lines:
            endpoint, message = json.loads(line)
            post(address, endpoint, json.dumps(message).encode())
            environments.add(message["eid"])
            count += 1
    if environments:
        post(address, "save", json.dumps({"data": sorted(environments)}).encode())
    return count
