"""The thread between a board and its server: draws into the log, sends the log on."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
import urllib.error
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from minitorch.viz import visdom_server
from minitorch.viz.visdom_windows import Windows

__all__ = ["LOOK_AGAIN_SECONDS", "QUEUE_LIMIT", "Worker"]

QUEUE_LIMIT = 256  # drawings that wait
LOOK_AGAIN_SECONDS = 10.0
LOOK_TIMEOUT = 2.0  # seconds

Draw = Callable[[Windows], None]
# Any of these ends a connection, none of them the run.
UNREACHABLE = (OSError, http.client.HTTPException)


class Worker:
    """One daemon thread that takes drawings from a bounded queue.

    `auto` follows the local server wherever it runs; otherwise `server` is the address of
    the only one that counts. `server` is None where `auto` found none yet.
    """

    def __init__(
        self, env: str, log: Path, server: str | None, auto: bool, say: Callable[[str], None]
    ) -> None:
        self.server = server
        self._env, self._log, self._auto, self._say = env, log, auto, say
        self._wake = threading.Condition()
        # What waits, and whether it is a picture (not a number or text).
        self._queue: deque[tuple[bool, Draw]] = deque()
        self._left_out = 0
        self._deadline: float | None = None  # set by close()
        self._done = False  # all is sent and the page is saved

        self._connected = False
        self._told_lost = auto and server is None
        self._told_page = False
        self._told_undrawn = False
        self._next_look = 0.0
        self._written = 0  # bytes of the log
        self._sent = 0  # of these, what the server has
        self._replayed = False  # since the last look
        self._looked_last = False

        self._thread = threading.Thread(target=self._work, name="visdom", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str | None:
        """The address of the run's page."""
        return None if self.server is None else f"{self.server}/env/{self._env}"

    def put(self, picture: bool, draw: Draw) -> None:
        """Queue a drawing; in a full queue the oldest picture gives way, or else a number."""
        with self._wake:
            if self._deadline is not None:
                return
            if len(self._queue) >= QUEUE_LIMIT:
                self._left_out += 1
                oldest = next((item for item in self._queue if item[0]), None)
                if oldest is None and picture:
                    return
                self._queue.remove(oldest or self._queue[0])
            self._queue.append((picture, draw))
            self._wake.notify()

    def close(self, timeout: float) -> None:
        """Draw and send what waits, within `timeout` seconds, and save the page."""
        with self._wake:
            if self._deadline is not None:
                return
            self._deadline = time.monotonic() + timeout
            self._wake.notify()
        self._thread.join(timeout)
        if self._left_out:
            self._say(f"Visdom: {self._left_out} drawings were left out: they came too fast")
        if not self._done and not self._told_lost:
            self._say(f"Visdom: not all was sent within {timeout:g} s; the log has it: {self._log}")

    def _work(self) -> None:
        try:
            windows = Windows(self._env, self._log)
        except Exception as error:  # an installation can be broken in any way
            self._say(f"Visdom: it cannot be loaded ({error}); training goes on without it")
            self._told_lost = True
            return
        with self._log.open("rb") as log:
            while True:
                with self._wake:
                    if not self._queue and self._deadline is None and not self._can_send():
                        self._wake.wait(max(0.0, self._next_look - time.monotonic()))
                    item = self._queue.popleft() if self._queue else None
                    closing = self._deadline is not None
                if item is not None:
                    self._draw(windows, item[1])
                    self._written = os.fstat(log.fileno()).st_size
                elif closing and not self._looked_last:
                    self._looked_last = True
                    self._look()
                elif self._can_send() and not self._late():
                    self._send_line(log)
                elif closing:
                    self._save()
                    return
                elif time.monotonic() >= self._next_look:
                    self._look()

    def _draw(self, windows: Windows, draw: Draw) -> None:
        try:
            draw(windows)
        except Exception as error:  # a full disk, say: nothing here may end the run
            if not self._told_undrawn:
                self._told_undrawn = True
                self._say(f"Visdom: a drawing was left out ({type(error).__name__}: {error})")

    def _can_send(self) -> bool:
        return self._connected and self._sent < self._written

    def _late(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _send_line(self, log: IO[bytes]) -> None:
        log.seek(self._sent)
        line = log.readline()
        try:
            endpoint, message = json.loads(line)
            visdom_server.post(self.server or "", endpoint, json.dumps(message).encode())
        except (urllib.error.HTTPError, ValueError) as error:
            # A server that was started anew in between does not know the windows.
            if not self._replayed:
                self._replayed = True
                self._sent = 0
                return
            if not self._told_undrawn:
                self._told_undrawn = True
                self._say(f"Visdom: the server refused a drawing ({error})")
        except UNREACHABLE:
            self._lose()
            return
        self._sent += len(line)

    def _look(self) -> None:
        """Look whether the server is there and knows this run; connect if so."""
        self._next_look = time.monotonic() + LOOK_AGAIN_SECONDS
        self._replayed = False
        if self._auto and (found := visdom_server.find_server()) is not None:
            self.server = found.address
            self._tell_page(found.page)
        if self.server is None:
            return
        try:
            known = json.loads(self._ask("env_state", {}))
            if self._env not in known:
                self._sent = 0
                # Before the first drawing, so that the page can be opened at once.
                self._ask(f"env/{self._env}", {"eid": self._env})
        except (*UNREACHABLE, ValueError):
            self._lose()
            return
        if not self._connected:
            self._connected = True
            # What the server had when it was lost is not known. Played again from the start,
            # each window is made anew: nothing is there twice.
            self._sent = 0
            if self._told_lost:
                self._told_lost = False
                self._say(f"Visdom: a server answers and gets all from the log: {self.address}")
            elif not self._auto:
                self._say(f"Visdom: {self.address}")

    def _lose(self) -> None:
        self._connected = False
        self._next_look = time.monotonic() + LOOK_AGAIN_SECONDS
        if not self._told_lost:
            self._told_lost = True
            self._say(
                f"Visdom: no server answers at {self.server}; training goes on, "
                f"the log is kept in {self._log}"
            )

    def _tell_page(self, page: str) -> None:
        if page not in ("ready", "fetching") and not self._told_page:
            self._told_page = True
            self._say(f"Visdom: the page stays blank ({page}); the log is kept in {self._log}")

    def _save(self) -> None:
        """Have the server write the page to its disk."""
        if self._connected and self._sent == self._written:
            try:
                # A server may hold pages of earlier runs unread, and would save those as empty.
                if self._sent:
                    self._ask("save", {"data": [self._env]})
                self._done = True
            except UNREACHABLE:
                self._lose()

    def _ask(self, endpoint: str, message: dict[str, object]) -> str:
        body = json.dumps(message).encode()
        return visdom_server.post(self.server or "", endpoint, body, LOOK_TIMEOUT)
