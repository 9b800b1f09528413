"""Optimisers: how parameters follow their gradients, with PyTorch's names and arithmetic.

Each is a formula that works on tensors and on plain numbers alike, so that a Parameter may hold
either. A backend may have a kernel in its place, which reads and writes everything once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any

from .fusion import fusable
from .optimizer import Optimizer
from .tensor import Tensor

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop"]

Group = dict[str, Any]
State = dict[str, Any]


def _decayed(value: Any, grad: Any, group: Group) -> Any:
    """Return the gradient with that of the penalty weight_decay / 2 * value^2 added."""
    decay = group["weight_decay"]
    return grad + value * decay if decay else grad


def _averaged(state: State, name: str, new: Any, rate: float) -> Any:
    """Keep and return the moving average rate * before + (1 - rate) * new, which starts at 0."""
    share = new * (1.0 - rate)
    state[name] = state[name] * rate + share if name in state else share
    return state[name]


def _root(x: Any) -> Any:
    return x.sqrt() if isinstance(x, Tensor) else math.sqrt(x)


def _larger(a: Any, b: Any) -> Any:
    return a.backend.max_zip(a, b) if isinstance(a, Tensor) else max(a, b)


def _write(value: Tensor, new: Tensor) -> None:
    value.backend.id_cmap(new, value)


def sgd(value: Any, grad: Any, state: State, group: Group) -> Any:
    """Return the value after a step of `SGD`."""
    lr, momentum = group["lr"], group["momentum"]
    grad = _decayed(value, grad, group)
    if not momentum:
        return value - grad * lr
    first = "momentum_buffer" not in state
    if group["velocity"]:
        change = grad * -lr
    else:
        # A copy at first, since the gradient itself may be written to later.
        change = grad * (1.0 if first else 1.0 - group["dampening"])
    buffer = change if first else state["momentum_buffer"] * momentum + change
    state["momentum_buffer"] = buffer
    if group["velocity"]:
        return value + buffer
    return value - (grad + buffer * momentum if group["nesterov"] else buffer) * lr


def rmsprop(value: Any, grad: Any, state: State, group: Group) -> Any:
    """Return the value after a step of `RMSprop`."""
    lr, alpha, eps, momentum = (group[name] for name in ("lr", "alpha", "eps", "momentum"))
    grad = _decayed(value, grad, group)
    spread = _averaged(state, "square_avg", grad * grad, alpha)
    if group["centered"]:
        mean = _averaged(state, "grad_avg", grad, alpha)
        spread = spread - mean * mean
    change = grad / (_root(spread + eps) if group["eps_in_root"] else _root(spread) + eps)
    if momentum:
        if "momentum_buffer" in state:
            change = state["momentum_buffer"] * momentum + change
        state["momentum_buffer"] = change
    return value - change * lr


def adam(value: Any, grad: Any, state: State, group: Group) -> Any:
    """Return the value after a step of `Adam` or `AdamW`."""
    lr, (beta1, beta2) = group["lr"], group["betas"]
    if group["decoupled_weight_decay"]:
        value = value * (1.0 - lr * group["weight_decay"])
    else:
        grad = _decayed(value, grad, group)
    state["step"] = state.get("step", 0) + 1
    mean = _averaged(state, "exp_avg", grad, beta1)
    square = _averaged(state, "exp_avg_sq", grad * grad, beta2)
    if group["amsgrad"]:
        square = _larger(state.get("max_exp_avg_sq", square * 0.0), square)
        state["max_exp_avg_sq"] = square
    # Both averages started at 0; these undo what that took from them.
    rate = lr / (1.0 - beta1 ** state["step"])
    correction = math.sqrt(1.0 - beta2 ** state["step"])
    return value - mean / (_root(square) / correction + group["eps"]) * rate


@fusable()
def sgd_step(value: Tensor, grad: Tensor, state: State, group: Group) -> None:
    """Change `value` in place by a step of `SGD`."""
    _write(value, sgd(value, grad, state, group))


@fusable()
def rmsprop_step(value: Tensor, grad: Tensor, state: State, group: Group) -> None:
    """Change `value` in place by a step of `RMSprop`."""
    _write(value, rmsprop(value, grad, state, group))


@fusable()
def adam_step(value: Tensor, grad: Tensor, state: State, group: Group) -> None:
    """Change `value` in place by a step of `Adam` or `AdamW`."""
    _write(value, adam(value, grad, state, group))


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum in either of two conventions.

    With gradient g (to which weight_decay * p is added), PyTorch's::

        v <- momentum v + (1 - dampening) g       v is g at the first step
        p <- p - lr v                             Nesterov: p - lr (g + momentum v)

    and, with `velocity=True`, that of Sutskever et al. 2013
    (https://proceedings.mlr.press/v28/sutskever13.html)::

        v <- momentum v - lr g                    v is -lr g at the first step
        p <- p + v

    While lr stays the same both take the same steps; when lr changes, the second goes on with
    the steps that it took at the old one. Without momentum both are p <- p - lr g.

    Args:
        params: the parameters, of `Scalar`s or `Tensor`s, or groups; see `Optimizer`.
        lr: the learning rate.
        momentum: how much of v is kept.
        dampening: how much of a gradient is left out of v.
        weight_decay: the strength of a penalty on the squares of the parameters.
        nesterov: look ahead; needs momentum, and no dampening.
        velocity: use the second convention; without dampening and nesterov.

    Raises:
        ValueError: if an option is not a finite number of 0 or more, or they do not go together.
    """

    state_names = ("momentum_buffer",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        velocity: bool = False,
    ) -> None:
        options = {
            "lr": lr, "momentum": momentum, "dampening": dampening,
            "weight_decay": weight_decay, "nesterov": nesterov, "velocity": velocity,
        }  # fmt: skip
        super().__init__(params, options)

    @property
    def lr(self) -> Any:
        """Return the learning rate of the first group; setting it sets that of all."""
        return self.param_groups[0]["lr"]

    @lr.setter
    def lr(self, lr: float) -> None:
        for group in self.param_groups:
            group["lr"] = lr

    def check_options(self, group: Mapping[str, Any]) -> None:
        """Refuse options that do not go together, or are out of range."""
        super().check_options(group)
        if group["nesterov"] and (not group["momentum"] or group["dampening"]):
            raise ValueError("SGD: nesterov needs a momentum, and a dampening of 0")
        if group["velocity"] and (group["nesterov"] or group["dampening"]):
            raise ValueError("SGD: velocity goes with neither nesterov nor dampening")

    def kept_names(self, group: Mapping[str, Any]) -> set[str]:
        """Return the names of what a step with these options keeps of a parameter."""
        return {"momentum_buffer"} if group["momentum"] else set()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step against the gradients, in place; a parameter without one stays.

        Args:
            closure: computes the gradients anew, and returns the loss, which is returned.
        """
        return self._stepped(closure, sgd, sgd_step)


class RMSprop(Optimizer):
    """Steps divided by the root of a moving average of the squared gradients.

    Hinton's lecture 6e (https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf),
    as PyTorch has it, with gradient g (to which weight_decay * p is added)::

        r <- alpha r + (1 - alpha) g^2
        p <- p - lr g / (sqrt(r) + eps)           eps_in_root: p - lr g / sqrt(r + eps)

    Args:
        params: the parameters, of `Scalar`s or `Tensor`s, or groups; see `Optimizer`.
        lr: the learning rate.
        alpha: how much of r is kept.
        eps: keeps the divisor from 0.
        weight_decay: the strength of a penalty on the squares of the parameters.
        momentum: how much is kept of v <- momentum v + g / ..., in p <- p - lr v.
        centered: take from r the square of the moving average of g.
        eps_in_root: add eps before the root is taken, not after.

    Raises:
        ValueError: if an option is not a finite number of 0 or more.
    """

    state_names = ("square_avg", "momentum_buffer", "grad_avg")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        eps_in_root: bool = False,
    ) -> None:
        options = {
            "lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay,
            "momentum": momentum, "centered": centered, "eps_in_root": eps_in_root,
        }  # fmt: skip
        super().__init__(params, options)

    def kept_names(self, group: Mapping[str, Any]) -> set[str]:
        """Return the names of what a step with these options keeps of a parameter."""
        optional = {"momentum_buffer": group["momentum"], "grad_avg": group["centered"]}
        return {"square_avg", *(name for name, kept in optional.items() if kept)}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step, in place; see `SGD.step`."""
        return self._stepped(closure, rmsprop, rmsprop_step)


class Adam(Optimizer):
    """Steps by a moving average of the gradients, divided by the root of one of their squares.

    Kingma and Ba 2014 (https://arxiv.org/abs/1412.6980), as PyTorch has it: at step t, with
    gradient g (to which weight_decay * p is added)::

        m <- beta1 m + (1 - beta1) g              m' = m / (1 - beta1^t)
        r <- beta2 r + (1 - beta2) g^2            r' = r / (1 - beta2^t)
        p <- p - lr m' / (sqrt(r') + eps)

    Args:
        params: the parameters, of `Scalar`s or `Tensor`s, or groups; see `Optimizer`.
        lr: the learning rate.
        betas: how much is kept of m and of r.
        eps: keeps the divisor from 0.
        weight_decay: the strength of a penalty on the squares of the parameters.
        amsgrad: divide by the largest r so far (https://arxiv.org/abs/1904.09237).

    Raises:
        ValueError: if an option is not a finite number of 0 or more, or a beta not below 1.
    """

    state_names = ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    _decoupled = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
    ) -> None:
        options = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "amsgrad": amsgrad, "decoupled_weight_decay": self._decoupled,
        }  # fmt: skip
        super().__init__(params, options)

    def check_options(self, group: Mapping[str, Any]) -> None:
        """Refuse betas that are not two numbers below 1, and options out of range."""
        super().check_options(group)
        betas = group["betas"]
        pair = isinstance(betas, tuple | list) and len(betas) == 2
        if not pair or not all(isinstance(beta, Real) and beta < 1 for beta in betas):
            raise ValueError(f"{self._name}: betas are {betas}; they must be two numbers below 1")

    def kept_names(self, group: Mapping[str, Any]) -> set[str]:
        """Return the names of what a step with these options keeps of a parameter."""
        return set(self.state_names) - (set() if group["amsgrad"] else {"max_exp_avg_sq"})

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step, in place; see `SGD.step`."""
        return self._stepped(closure, adam, adam_step)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: p <- p - lr weight_decay p, then Adam.

    Loshchilov and Hutter 2017 (https://arxiv.org/abs/1711.05101); arguments as for `Adam`.
    """

    _decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)
