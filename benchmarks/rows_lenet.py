"""A whole training step of LeNet: forward, loss, backward, SGD."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from . import lenet_minitorch, lenet_torch
from .harness import Case, Contest

__all__ = ["cases"]

Step = Callable[..., Callable[[], Any]]

# So small that the weights stay where they are: a network that has learnt its one batch by heart
# computes with numbers too small for the processor to be quick about.
LR = 1e-4


def batch_of(size: int, dtype: str) -> tuple[Any, Any]:
    """Return random images (size, 1, 28, 28) and labels (size,)."""
    rng = np.random.default_rng(0)
    return rng.random((size, 1, 28, 28)).astype(dtype), rng.integers(0, 10, size)


def _contest(
    ours: Step, counted: bool, size: int, compiling: bool, device: str, dtype: str
) -> Contest:
    images, labels = batch_of(size, dtype)
    theirs = partial(lenet_torch.training_step, images, labels, LR, counted, device=device)
    return Contest(
        ours(images, labels, LR),
        theirs(),
        compiled=theirs(compiled=True) if compiling else None,
        checked=False,  # both start from chance, and drop out by it
    )


def cases(compiling: bool, device: str = "cpu") -> Iterator[Case]:
    """Yield the cases, PyTorch's on a device; with torch.compile where `compiling`."""
    layers = "LeNet training step, built from minitorch.layers (moonshot 0.4)"
    course = "LeNet training step, the code of Task 4.5"
    for size in (16, 128):
        build = partial(_contest, lenet_minitorch.layers_step, False, size, compiling, device)
        yield Case(layers, f"batch {size}", 0.6, build)
    for size in (16, 128):
        build = partial(_contest, lenet_minitorch.course_step, True, size, compiling, device)
        yield Case(course, f"batch {size}", 0.75, build)
