"""Giving all libraries the same number of threads, and saying what stands behind them."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from numba import threading_layer

__all__ = ["compile_problem", "machine", "most_threads", "set_threads"]

# Numba reads its environment variables into this.
config: Any = numba.config

# What numpy's own OpenBLAS calls the function, and what others do.
_BLAS_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
)


def most_threads() -> int:
    """Return the number of threads that Numba would use."""
    return int(config.NUMBA_NUM_THREADS)


def _blas_setter() -> Callable[[int], object] | None:
    """Return the function that sets numpy's number of threads; None where it is not found."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return None
    np.ones((2, 2)) @ np.ones((2, 2))
    mapped = {line.split()[-1] for line in maps.read_text().splitlines() if "/" in line}
    for path in sorted(path for path in mapped if "blas" in Path(path).name):
        library = ctypes.CDLL(path)
        for name in _BLAS_SETTERS:
            if hasattr(library, name):
                return getattr(library, name)  # type: ignore[no-any-return]
    return None


_set_blas_threads = _blas_setter()


def set_threads(threads: int) -> None:
    """Give Numba, PyTorch and numpy's matrix product this number of threads."""
    numba.set_num_threads(threads)
    torch.set_num_threads(threads)
    if _set_blas_threads is not None:
        _set_blas_threads(threads)


def compile_problem() -> str:
    """Return why torch.compile does not work here; nothing if it does."""
    try:
        compiled = torch.compile(lambda x: (x * 2 + 1).relu())
        compiled(torch.ones(8))
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
    return ""


def _processor() -> str:
    """Return the name of the machine's processor, with its widest vectors."""
    about = Path("/proc/cpuinfo")
    if not about.exists():
        return platform.processor() or platform.machine()
    fields: dict[str, str] = {}
    for line in about.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags", "").split()
    vectors = next((word for word in ("avx512f", "avx2", "avx") if word in flags), "")
    name = fields.get("model name", platform.machine())
    family = " ".join(
        f"{word} {fields[word]}" for word in ("cpu family", "model") if word in fields
    )
    return ", ".join(part for part in (name, family, vectors) if part)


def machine() -> list[tuple[str, str]]:
    """Return what decides the figures: pairs of a name and a value."""
    blas = "the same threads" if _set_blas_threads else "threads could not be set"
    return [
        ("processor", f"{_processor()}; {most_threads()} threads"),
        ("system", f"{platform.system()} {platform.release()}, {platform.libc_ver()[0] or '?'}"),
        ("Python", f"{platform.python_version()} ({sys.implementation.name})"),
        ("numba", f"{numba.__version__}, threading layer {_layer()}"),
        ("PyTorch", f"{torch.__version__}, {_torch_features()}"),
        ("numpy", f"{np.__version__}, its matrix product with {blas}, the rest with one"),
    ]


def _layer() -> str:
    try:
        return str(threading_layer())
    except ValueError:
        return "not started"


def _torch_features() -> str:
    return f"{torch.backends.cpu.get_cpu_capability()}, eager and torch.compile"
