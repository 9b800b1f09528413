"""What runs in the process of a local Visdom server.

`visdom_server.py` starts this file by its path, apart from the package: a server outlives
the run that started it, so it should neither load all of minitorch nor depend on files that
a student may be editing. At import it needs only the standard library.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import importlib
import json
import logging
import os
import runpy
import socket
import sys
import threading
from pathlib import Path
from typing import Any

__all__ = ["HOST", "STATE_FILE", "ask", "serve"]

HOST = "127.0.0.1"  # never reachable from another machine
STATE_FILE = "server.json"  # in the server's folder: its pid and port
PORTS_TRIED = 100
ANSWER_SECONDS = 2.0


def ask(port: int, timeout: float = ANSWER_SECONDS) -> dict[str, Any] | None:
    """Return what the server on a port of this machine says of itself, or None if not ours.

    The answer has `pid`, `folder` and `page`: `"ready"`, `"fetching"`, or why the page
    stays blank. `timeout` is in seconds.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", "/minitorch")
        answer = json.loads(connection.getresponse().read(1 << 16))
    except (OSError, http.client.HTTPException, ValueError):
        return None  # nothing there, or something that does not speak as our server does
    finally:
        connection.close()
    known = isinstance(answer, dict) and answer.keys() >= {"pid", "folder", "page"}
    return answer if known else None


def serve(folder: Path, first_port: int) -> None:
    """Run a Visdom server on the first free port from `first_port` until the process ends.

    Pages are kept in `folder`/envs. Returns at once if a server of the same folder already
    listens: of two started together one stays. Raises `OSError` when no port is free.
    """
    # Visdom's client imports torch where there is one; a server has no use for it.
    sys.modules["torch"] = None  # type: ignore[assignment]
    # Imported by name: the checks of this file should not depend on what is installed.
    visdom, visdom_app, ioloop, web, httpserver, netutil = (
        importlib.import_module(name)
        for name in (
            "visdom",
            "visdom.server.app",
            "tornado.ioloop",
            "tornado.web",
            "tornado.httpserver",
            "tornado.netutil",
        )
    )
    logging.getLogger().setLevel(logging.ERROR)
    # Otherwise an upgrade of a package would restart the server and lose unsaved pages.
    visdom_app.tornado_settings["autoreload"] = False
    # Visdom's page names a file outside its static folder, and tornado 6.6 answers 403 when it
    # is to add that file's version to the address. Nothing here needs versions.
    visdom_app.tornado_settings["static_handler_class"] = type(
        "PageFile",
        (web.StaticFileHandler,),
        {"make_static_url": lambda settings, path, **_: settings["static_url_prefix"] + path},
    )
    application = visdom_app.Application(port=first_port, env_path=str(folder / "envs"))

    # Visdom puts the user's name on its page, and fails where a container's user has none.
    os.environ.setdefault("LNAME", "minitorch")

    assets = runpy.run_path(str(Path(__file__).with_name("visdom_assets.py")))
    static = Path(str(visdom.__file__)).parent / "static"
    complete = not assets["missing_page_files"](static, visdom.__version__)
    status: dict[str, Any] = {
        "pid": os.getpid(),
        "folder": str(folder),
        "page": "ready" if complete else "fetching",
    }
    about = type("About", (web.RequestHandler,), {"get": lambda handler: handler.write(status)})
    application.add_handlers(".*", [("/minitorch", about)])

    for port in range(first_port, first_port + PORTS_TRIED):
        if not _listened_to(port):
            # Another process can still take the port before this one does.
            with contextlib.suppress(OSError):
                sockets = netutil.bind_sockets(port, HOST)
                break
        other = ask(port)
        if other is not None and other["folder"] == str(folder):
            return
    else:
        raise OSError(f"no free port from {first_port} to {first_port + PORTS_TRIED - 1}")
    application.port = port
    # Visdom's own limit on what it takes at once, in bytes.
    httpserver.HTTPServer(application, max_buffer_size=1 << 30).add_sockets(sockets)

    part = folder / f"{STATE_FILE}.{os.getpid()}"
    part.write_text(json.dumps({"pid": os.getpid(), "port": port}), encoding="ascii")
    os.replace(part, folder / STATE_FILE)

    def fetch_page() -> None:
        try:
            assets["fetch_page_files"](static, visdom.__version__)
        except OSError as error:
            status["page"] = str(error)
        else:
            status["page"] = "ready"

    if not complete:
        threading.Thread(target=fetch_page, name="page-files", daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        ioloop.IOLoop.current().start()


def _listened_to(port: int) -> bool:
    """Return whether something answers on the port.

    To bind is not test enough: some systems allow it beside a server on all addresses.
    """
    try:
        socket.create_connection((HOST, port), timeout=0.5).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run a local Visdom server.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--first-port", type=int, required=True)
    options = parser.parse_args()
    serve(options.folder, options.first_port)
