"""`numba.cuda` without the second that importing it takes, for course code that asks for it."""

from __future__ import annotations

import importlib.util
import sys

import numba

__all__ = ["leave_lazy_cuda"]


def leave_lazy_cuda() -> None:
    """Put `numba.cuda` on `numba`, to be loaded when its first attribute is asked for."""
    name = "numba.cuda"
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    setattr(numba, "cuda", module)  # noqa: B010, unknown to the type checker
