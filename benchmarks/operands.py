"""The same numbers in both libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import minitorch

__all__ = ["array", "pair", "use_device"]

_device = "cpu"


def use_device(device: str) -> None:
    """Let PyTorch's operands lie on a device; minitorch's lie on its default backend."""
    global _device
    _device = device


def array(
    shape: tuple[int, ...], dtype: str, seed: int = 0, low: float = -1.0, high: float = 1.0
) -> npt.NDArray[Any]:
    """Return random numbers, uniform from `low` to `high`."""
    values = np.random.default_rng(seed).uniform(low, high, shape)
    return values.astype(dtype)


def pair(values: npt.NDArray[Any], recorded: bool = False) -> tuple[Any, Any]:
    """Return a minitorch tensor and a PyTorch tensor, each with a copy of `values`.

    Args:
        values: the numbers.
        recorded: whether gradients by them are asked for.
    """
    theirs = torch.from_numpy(values.copy()).to(_device)
    return minitorch.tensor(values, requires_grad=recorded), theirs.requires_grad_(recorded)
