"""Timing on a GPU: by CUDA events, against PyTorch in float32 with TF32 off.

Both libraries put their work on the default stream, so an event that PyTorch records there comes
after what either has launched, and the time between two events is the GPU's, gaps included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from minitorch.cuda_target import gpu_is_there, numba_cuda

from . import harness, operands

__all__ = ["about", "block", "problem", "use_gpu"]


def problem() -> str:
    """Return why nothing can be measured on a GPU; nothing if it can."""
    if not gpu_is_there():
        return "numba-cuda finds no GPU; pip install -e '.[cuda]' on a machine that has one"
    if not torch.cuda.is_available():
        return "this PyTorch is built without CUDA, or finds no GPU"
    return ""


def block(call: Callable[[], Any], calls: int) -> float:
    """Return the seconds of one of `calls` calls in a row, on the GPU."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(calls):
        call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1000 / calls


def use_gpu() -> None:
    """Let PyTorch's operands lie on the GPU, and time there; its products in full float32."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    operands.use_device("cuda")
    harness.use_timer(block)


def about() -> list[tuple[str, str]]:
    """Return what decides the figures: pairs of a name and a value."""
    device = numba_cuda().get_current_device()
    major, minor = device.compute_capability
    return [
        ("GPU", f"{torch.cuda.get_device_name()}, compute capability {major}.{minor}"),
        ("CUDA", f"{torch.version.cuda} in PyTorch; TF32 off"),
    ]
