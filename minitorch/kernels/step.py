"""The step of an optimiser: the parameter is read, changed and written in one pass."""

from __future__ import annotations

from typing import Any

from numba import prange

from ..jit import Kernel

__all__ = ["sgd_kernel"]


def _sgd(values: Any, grads: Any, lr: float, size: int) -> None:
    """Change values[i] by -lr * grads[i], for i < size."""
    rate = values.dtype.type(lr)
    for i in prange(size):
        values[i] -= rate * grads[i]


sgd_kernel = Kernel(_sgd)
