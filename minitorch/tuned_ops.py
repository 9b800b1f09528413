"""The tuned backend: the same operations, as fast as Numba can go."""

from __future__ import annotations

from .backends import register_backend
from .fast_ops import FastOps

__all__ = ["TunedOps"]


class TunedOps(FastOps):
    """Operations by kernels that are cut to the machine; what the library uses by default."""


register_backend("tuned", TunedOps)
