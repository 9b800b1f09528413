"""The steps of optimisers on the tuned backend; what is kept for the next is written in place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import optim
from .fusion import register_fused
from .kernels.step import adam_kernel, momentum_kernel, rmsprop_kernel, sgd_kernel
from .tensor import Tensor
from .tuned_ops import TunedOps, elements_of

__all__ = ["adam_step", "rmsprop_step", "sgd_step"]

Group = dict[str, Any]
State = dict[str, Any]


def _fits(value: Tensor, grad: Tensor, state: State) -> bool:
    """Return whether the kernels can be given these: one shape, one dtype, no gaps."""
    data = value._tensor
    kept = [tensor._tensor for tensor in state.values() if isinstance(tensor, Tensor)]
    return all(
        other.shape == data.shape and other.dtype == data.dtype for other in (grad._tensor, *kept)
    ) and all(written.is_contiguous() for written in (data, *kept))


def _kept(value: Tensor, state: State, name: str, wanted: bool = True) -> Any:
    """Return the storage of what is kept under a name, at first zeros; empty if not wanted."""
    if not wanted:
        return np.empty(0, value.dtype)
    if name not in state:
        state[name] = value.zeros()
    return state[name]._tensor._storage


def sgd_step(value: Tensor, grad: Tensor, state: State, group: Group) -> None:
    """Change `value` in place by a step of `SGD`; see `optim.sgd`."""
    if not _fits(value, grad, state):
        optim.sgd_step.__wrapped__(value, grad, state, group)  # type: ignore[attr-defined]
        return
    data, slopes = value._tensor, elements_of(grad)
    lr, momentum, decay = group["lr"], group["momentum"], float(group["weight_decay"])
    if not momentum:
        sgd_kernel.launch(data.size, data._storage, slopes, float(lr), decay, data.size)
        data.note_write()
        return
    first = "momentum_buffer" not in state
    share, by_buffer, by_grad = 1.0 if first else 1.0 - group["dampening"], -lr, 0.0
    if group["velocity"]:
        share, by_buffer = -lr, 1.0
    elif group["nesterov"]:
        by_buffer, by_grad = -lr * momentum, -lr
    momentum_kernel.launch(
        data.size, data._storage, slopes, _kept(value, state, "momentum_buffer"), float(momentum),
        float(share), float(by_buffer), float(by_grad), decay, data.size,
    )  # fmt: skip
    data.note_write()


def rmsprop_step(value: Tensor, grad: Tensor, state: State, group: Group) -> None:
    """Change `value` in place by a step of `RMSprop`; see `optim.rmsprop`."""
    if not _fits(value, grad, state):
        optim.rmsprop_step.__wrapped__(value, grad, state, group)  # type: ignore[attr-defined]
        return
    data = value._tensor
    centered, momentum = bool(group["centered"]), float(group["momentum"])
    rmsprop_kernel.launch(
        data.size, data._storage, elements_of(grad), _kept(value, state, "square_avg"),
        _kept(value, state, "grad_avg", centered),
        _kept(value, state, "momentum_buffer", momentum != 0),
        float(group["lr"]), float(group["alpha"]), 1.0 - group["alpha"], float(group["eps"]),
        float(group["weight_decay"]), momentum, centered, bool(group["eps_in_root"]), data.size,
    )  # fmt: skip
    data.note_write()


def adam_step(value: Tensor, grad: Tensor, state: State, group: Group) -> None:
    """Change `value` in place by a step of `Adam` or `AdamW`; see `optim.adam`."""
    if not _fits(value, grad, state):
        optim.adam_step.__wrapped__(value, grad, state, group)  # type: ignore[attr-defined]
        return
    data = value._tensor
    lr, (beta1, beta2), decay = group["lr"], group["betas"], float(group["weight_decay"])
    amsgrad = bool(group["amsgrad"])
    shrink = 1.0
    if group["decoupled_weight_decay"]:
        decay, shrink = 0.0, 1.0 - lr * decay
    step = state["step"] = state.get("step", 0) + 1
    adam_kernel.launch(
        data.size, data._storage, elements_of(grad), _kept(value, state, "exp_avg"),
        _kept(value, state, "exp_avg_sq"), _kept(value, state, "max_exp_avg_sq", amsgrad),
        lr / (1.0 - beta1**step), math.sqrt(1.0 - beta2**step), float(beta1), 1.0 - beta1,
        float(beta2), 1.0 - beta2, float(group["eps"]), decay, float(shrink), amsgrad, data.size,
    )  # fmt: skip
    data.note_write()


for fused in (sgd_step, rmsprop_step, adam_step):
    register_fused(TunedOps, fused.__name__, fused)
