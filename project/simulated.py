"""A word before a training that would take hours, since there is no GPU for it."""

from __future__ import annotations

import minitorch
from minitorch.cuda_target import is_simulated

__all__ = ["say_if_simulated"]


def say_if_simulated(steps: int, items: int, seconds: float) -> None:
    """Say how long a training will take if that is minutes, on the simulator of CUDA.

    Args:
        steps: how often all items are gone through.
        items: how many images or points there are.
        seconds: about what one of them takes there.
    """
    if not is_simulated(minitorch.get_backend()):
        return
    total = steps * items * seconds
    if total < 60:
        return
    unit, size = ("hours", 3600) if total > 2 * 3600 else ("minutes", 60)
    print(
        f"no GPU is found, so kernels run on the simulator: about {total / size:.0f} {unit} for "
        f"this training; fewer epochs and items take less, another --backend takes seconds",
        flush=True,
    )
