"""The one source of chance, so that one seed repeats a whole run."""

from __future__ import annotations

import random

import numpy as np

__all__ = ["generator", "manual_seed", "set_generator_state"]

_generator = np.random.default_rng()


def manual_seed(seed: int) -> np.random.Generator:
    """Seed every source of chance: minitorch's, numpy's and Python's; return minitorch's.

    Args:
        seed: a number from 0 to 2**32 - 1.

    Raises:
        ValueError: if `seed` is out of that range.
    """
    global _generator
    np.random.seed(seed)
    random.seed(seed)
    _generator = np.random.default_rng(seed)
    return _generator


def generator() -> np.random.Generator:
    """Return the generator that `rand`, `dropout` and their like draw from."""
    return _generator


def set_generator_state(state: dict[str, object]) -> None:
    """Put the generator in the state that `generator().bit_generator.state` gave."""
    _generator.bit_generator.state = state
