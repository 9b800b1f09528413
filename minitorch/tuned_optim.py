"""The steps of optimisers on the tuned backend."""

from __future__ import annotations

from .fusion import register_fused
from .kernels.step import sgd_kernel
from .optim import sgd_step as composed_step
from .tensor import Tensor
from .tuned_ops import TunedOps, elements_of

__all__ = ["sgd_step"]


def sgd_step(value: Tensor, grad: Tensor, lr: float) -> None:
    """Change `value` in place to value - lr * grad; see `optim.sgd_step`."""
    data, slope = value._tensor, grad._tensor
    if not data.is_contiguous() or data.shape != slope.shape or data.dtype is not slope.dtype:
        composed_step.__wrapped__(value, grad, lr)  # type: ignore[attr-defined]
        return
    sgd_kernel.launch(data.size, data._storage, elements_of(grad), lr, data.size)
    data.note_write()


register_fused(TunedOps, "sgd_step", sgd_step)
