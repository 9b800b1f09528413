from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from visdom_helpers import kill, windows

from minitorch.viz import __main__ as command_line
from minitorch.viz import visdom_process, visdom_server
from minitorch.viz.visdom_server import ServerError, find_server, start_server, stop_server

REPOSITORY = Path(__file__).resolve().parents[2]
needs_visdom = pytest.mark.usefixtures("visdom_installed")


def start() -> visdom_server.Server:
    return start_server(visdom_server.FIRST_PORT)


def run(*arguments: str) -> str:
    """Run the command line as a person does, in another folder than the tests'."""
    done = subprocess.run(
        [sys.executable, "-m", "minitorch.viz", *arguments],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        cwd=REPOSITORY.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


@needs_visdom
def test_a_server_starts_on_the_first_port_and_is_found_again() -> None:
    assert find_server() is None
    server = start()
    assert server.port == visdom_server.FIRST_PORT
    assert server.pid == visdom_server._children[0].pid
    found = find_server()
    assert found is not None
    assert (found.port, found.pid) == (server.port, server.pid)
    assert start().pid == server.pid
    assert len(visdom_server._children) == 1


@needs_visdom
def test_a_server_listens_on_this_machine_only() -> None:
    server = start()
    # Another of this machine's own addresses: a server on all addresses would answer there.
    with pytest.raises(OSError, match=r"."):
        socket.create_connection(("127.0.0.2", server.port), timeout=0.5)


@needs_visdom
def test_a_port_that_something_else_listens_on_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", visdom_server.FIRST_PORT)):
        assert start().port > visdom_server.FIRST_PORT


@needs_visdom
def test_a_note_of_a_server_that_is_gone_is_not_believed() -> None:
    class Other(http.server.BaseHTTPRequestHandler):
        """Another web server, on the port that the note names."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"pid": 1}')

        def log_message(self, format: str, *args: object) -> None:
            pass

    folder = visdom_server.server_folder()
    folder.mkdir(parents=True)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, args=(0.01,), daemon=True).start()
        note = folder / visdom_process.STATE_FILE
        note.write_text(json.dumps({"pid": os.getpid(), "port": other.server_port}))
        assert find_server() is None
        assert stop_server() is None
        other.shutdown()
    note.write_text("{damaged")
    assert find_server() is None
    assert start().port == visdom_server.FIRST_PORT


@needs_visdom
def test_a_server_of_another_folder_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start()
    note = (visdom_server.server_folder() / visdom_process.STATE_FILE).read_bytes()
    monkeypatch.setenv("MINITORCH_VISDOM_DIR", str(tmp_path / "second"))
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / visdom_process.STATE_FILE).write_bytes(note)
    assert find_server() is None
    assert start().port != first.port


@needs_visdom
def test_of_two_started_at_once_one_stays() -> None:
    servers: list[visdom_server.Server] = []
    threads = [threading.Thread(target=lambda: servers.append(start())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({server.pid for server in servers}) == 1
    losers = [child for child in visdom_server._children if child.pid != servers[0].pid]
    assert all(child.wait(10) == 0 for child in losers)
    running = [child for child in visdom_server._children if child.poll() is None]
    assert [child.pid for child in running] == [servers[0].pid]


@needs_visdom
def test_the_stop_command_ends_it() -> None:
    server = start()
    assert f"{server.address} (process {server.pid}" in run("status")
    assert visdom_server.STOP_COMMAND == "python -m minitorch.viz stop"
    assert run("stop") == f"Visdom: stopped {server.address}\n"
    assert visdom_server._children[0].wait(5) is not None
    assert find_server() is None
    assert run("stop") == run("status") == "Visdom: no server runs\n"


@needs_visdom
def test_a_server_outlives_the_process_that_started_it() -> None:
    program = (
        "from minitorch.viz import visdom_server\n"
        f"print(visdom_server.start_server({visdom_server.FIRST_PORT}).pid)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    try:
        assert done.stderr == ""
        server = find_server()
        assert server is not None
        assert server.pid == int(done.stdout)
        if sys.platform != "win32":
            # Not in our session: neither Ctrl-C nor a closed terminal reaches it.
            assert os.getsid(server.pid) == server.pid
    finally:
        stop_server()
    assert find_server() is None


@needs_visdom
def test_a_saved_page_is_there_after_a_restart() -> None:
    server = start()
    text = {"data": [{"type": "text", "content": "hello"}], "win": "note", "eid": "kept"}
    visdom_server.post(server.address, "events", json.dumps(text).encode())
    visdom_server.post(server.address, "save", json.dumps({"data": ["kept"]}).encode())
    kill(server)
    assert windows(start().address, "kept")["note"]["content"] == "hello"


@needs_visdom
def test_the_reason_is_given_when_a_server_cannot_start() -> None:
    folder = visdom_server.server_folder()
    folder.mkdir(parents=True)
    (folder / "envs").write_bytes(b"a file where the pages should go")
    with pytest.raises(ServerError, match=str(folder)):
        start()
    (folder / "envs").unlink()
    (folder / visdom_process.STATE_FILE).mkdir()  # where the server notes its port
    with pytest.raises(ServerError, match=r"ended at its start: .*Error.*server\.log"):
        start()


def test_without_visdom_there_is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "visdom", None)
    with pytest.raises(ServerError, match="visdom is not installed"):
        start()
    with pytest.raises(SystemExit, match="Visdom: visdom is not installed"):
        command_line.main(["start"])


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert visdom_server.server_folder() == tmp_path / "visdom"
    monkeypatch.delenv("MINITORCH_VISDOM_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert visdom_server.server_folder() == tmp_path / "cache" / "minitorch" / "visdom"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert visdom_server.server_folder() == Path.home() / "Library/Caches/minitorch/visdom"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert visdom_server.server_folder() == tmp_path / "local" / "minitorch" / "visdom"
