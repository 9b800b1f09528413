"""Update rules: each takes a parameter, its gradient and what it remembers in `config`.

A rule fills in what `config` lacks, and gives the new parameter and the config for the next
step. Nothing that it is given is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .layers import Array

__all__ = ["UPDATE_RULES", "adam", "rmsprop", "sgd", "sgd_momentum"]

Config = Mapping[str, Any]


def sgd(w: Array, dw: Array, config: Config) -> tuple[Array, dict[str, Any]]:
    """Take a step against the gradient: w - learning_rate dw.

    Args:
        config: `learning_rate` (1e-2).
    """
    config = {"learning_rate": 1e-2, **config}
    return w - config["learning_rate"] * dw, config


def sgd_momentum(w: Array, dw: Array, config: Config) -> tuple[Array, dict[str, Any]]:
    """Let the parameter roll: v = momentum v - learning_rate dw, w + v.

    Args:
        config: `learning_rate` (1e-2), `momentum` (0.9), `velocity` (zeros).
    """
    config = {"learning_rate": 1e-2, "momentum": 0.9, "velocity": np.zeros_like(w), **config}
    velocity = config["momentum"] * config["velocity"] - config["learning_rate"] * dw
    return w + velocity, {**config, "velocity": velocity}


def rmsprop(w: Array, dw: Array, config: Config) -> tuple[Array, dict[str, Any]]:
    """Divide each element's step by the running root of its mean square (Hinton's lecture 6e).

    Args:
        config: `learning_rate` (1e-2), `decay_rate` (0.99), `epsilon` (1e-8), `cache`, the
            running mean of dw squared (zeros).
    """
    defaults = {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8}
    config = {**defaults, "cache": np.zeros_like(w), **config}
    decay = config["decay_rate"]
    cache = decay * config["cache"] + (1 - decay) * dw * dw
    step = config["learning_rate"] * dw / (np.sqrt(cache) + config["epsilon"])
    return w - step, {**config, "cache": cache}


def adam(w: Array, dw: Array, config: Config) -> tuple[Array, dict[str, Any]]:
    """Divide the running mean by the running root mean square (Kingma and Ba, 2015).

    Both means start at 0 and so are too small at first; dividing by 1 - beta^t corrects that.

    Args:
        config: `learning_rate` (1e-3), `beta1` (0.9), `beta2` (0.999), `epsilon` (1e-8), the
            running means `m` of dw and `v` of dw squared (zeros), `t`, the steps so far (0).
    """
    defaults = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "t": 0}
    config = {**defaults, "m": np.zeros_like(w), "v": np.zeros_like(w), **config}
    t = config["t"] + 1
    m = config["beta1"] * config["m"] + (1 - config["beta1"]) * dw
    v = config["beta2"] * config["v"] + (1 - config["beta2"]) * dw * dw
    mean = m / (1 - config["beta1"] ** t)
    root = np.sqrt(v / (1 - config["beta2"] ** t))
    step = config["learning_rate"] * mean / (root + config["epsilon"])
    return w - step, {**config, "t": t, "m": m, "v": v}


UPDATE_RULES: dict[str, Callable[[Array, Array, Config], tuple[Array, dict[str, Any]]]] = {
    "sgd": sgd,
    "sgd_momentum": sgd_momentum,
    "rmsprop": rmsprop,
    "adam": adam,
}
