"""The local Visdom server that minitorch's runs share, from the command line.

python -m minitorch.viz start | stop | status
python -m minitorch.viz replay runs/lenet.log
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from minitorch.viz import visdom_server

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; its arguments are those of the process by default."""
    parser = argparse.ArgumentParser(
        prog="python -m minitorch.viz",
        description="The local Visdom server that minitorch's runs share.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("start", help="start it, unless it runs")
    commands.add_parser("stop", help="end it; saved pages are kept")
    commands.add_parser("status", help="say where it is")
    commands.add_parser("replay", help="show a run's log on it").add_argument("log", type=Path)
    options = parser.parse_args(arguments)
    try:
        print(_run(options))
    except (OSError, ValueError) as error:
        sys.exit(f"Visdom: {error}")


def _run(options: argparse.Namespace) -> str:
    if options.command == "stop":
        stopped = visdom_server.stop_server()
        return f"Visdom: stopped {stopped.address}" if stopped else "Visdom: no server runs"
    if options.command == "replay":
        server = visdom_server.start_server()
        count = visdom_server.replay(options.log, server.address)
        return f"Visdom: {count} messages replayed to {server.address}"
    found = (
        visdom_server.start_server() if options.command == "start" else visdom_server.find_server()
    )
    if found is None:
        return "Visdom: no server runs"
    page = "" if found.page == "ready" else f", page: {found.page}"
    stop = f"stop it with: {visdom_server.STOP_COMMAND}"
    return f"Visdom: {found.address} (process {found.pid}{page}); {stop}"


if __name__ == "__main__":
    main()
