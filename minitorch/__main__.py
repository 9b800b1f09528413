"""`python -m minitorch COMMAND` is the command `minitorch`."""

from __future__ import annotations

from .course.cli import main

if __name__ == "__main__":
    main()
