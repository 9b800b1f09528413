"""`numba.cuda` without the second that importing it takes, for course code that asks for it."""

from __future__ import annotations

import importlib
from typing import Any

import numba

__all__ = ["leave_lazy_cuda"]


def leave_lazy_cuda() -> None:
    """Let `numba.cuda` be imported when it is first asked for, after `import numba` alone."""

    def of_numba(name: str) -> Any:
        if name == "cuda":
            return importlib.import_module("numba.cuda")
        raise AttributeError(f"module 'numba' has no attribute {name!r}")

    if "cuda" not in vars(numba):
        setattr(numba, "__getattr__", of_numba)  # noqa: B010, by PEP 562
