"""Keep the data tests off the network, and give them a local mirror and a fake npm."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from minitorch.data import pictures

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No mirrors, no npm, no folder from the environment, and no remembered failures."""
    empty = tmp_path / "no-programs"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setenv("MINITORCH_MNIST_MIRRORS", "")
    monkeypatch.delenv("MINITORCH_DATA", raising=False)
    monkeypatch.setattr(pictures, "_failures", {})


@pytest.fixture
def sample() -> Path:
    return SAMPLE


class Mirror:
    """A web server on this machine that serves `files` by name."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.ranges = True
        # Close the connection after this many bytes of a body.
        self.cut: int | None = None
        # And stay silent for this many seconds before that.
        self.stall = 0.0
        # (name, value of the Range header) for each request.
        self.requests: list[tuple[str, str | None]] = []
        self.released = threading.Event()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[-1]
                wanted = self.headers.get("Range")
                mirror.requests.append((name, wanted))
                if name not in mirror.files:
                    self.send_error(404)
                    return
                body = mirror.files[name]
                start = 0
                if wanted and mirror.ranges:
                    start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                    if start >= len(body):
                        self.send_error(416)
                        return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(body) - start))
                self.end_headers()
                self.wfile.write(body[start : mirror.cut])
                self.wfile.flush()
                if mirror.stall:
                    mirror.released.wait(mirror.stall)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/mnist/"


@pytest.fixture
def new_mirror() -> Iterator[Callable[[], Mirror]]:
    mirrors: list[Mirror] = []

    def start() -> Mirror:
        mirror = Mirror()
        threading.Thread(target=mirror.server.serve_forever, args=(0.01,), daemon=True).start()
        mirrors.append(mirror)
        return mirror

    yield start
    for mirror in mirrors:
        mirror.released.set()
        mirror.server.shutdown()
        mirror.server.server_close()


@pytest.fixture
def fake_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that puts an `npm` with the given shell commands on the PATH."""

    def install(commands: str) -> None:
        if os.name == "nt":
            pytest.skip("the fake npm is a shell script")
        folder = tmp_path / "programs"
        folder.mkdir()
        npm = folder / "npm"
        npm.write_text(f"#!/bin/sh\n{commands}\n", encoding="utf-8")
        npm.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")

    return install
