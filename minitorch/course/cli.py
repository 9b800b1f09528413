"""The entry of the command line: `minitorch COMMAND`, or `python -m minitorch COMMAND`."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run a command."""
    try:
        from .commands import app
    except ModuleNotFoundError as error:
        sys.exit(f"minitorch: the command line needs {error.name}; pip install 'minitorch[course]'")
    app()
