"""A learning rate that is reduced when nothing gets better any more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .lr_base import LRScheduler, checked_number
from .optimizer import Optimizer

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """The rate is reduced when a metric, given to `step`, has stopped getting better.

    Args:
        optimizer: whose learning rates change.
        mode: "min" if less is better, "max" if more is.
        factor: what the rate is multiplied by, below 1.
        patience: the steps without a better metric that are let pass.
        threshold: by how much a metric must be better than the best to count.
        threshold_mode: "rel" for a share of the best, "abs" for an amount.
        cooldown: the steps after a reduction that do not count as bad.
        min_lr: the smallest rate, or a list with one for each group.
        eps: a reduction by no more than this is not made.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        name = "ReduceLROnPlateau"
        self._attach(optimizer)
        if not 0 <= factor < 1:
            raise ValueError(f"{name}: factor is {factor}; it must be in [0, 1)")
        if mode not in ("min", "max"):
            raise ValueError(f'{name}: mode is {mode!r}; it must be "min" or "max"')
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f'{name}: threshold_mode is {threshold_mode!r}; it must be "rel" or "abs"'
            )
        groups = len(optimizer.param_groups)
        self.min_lrs = list(min_lr) if isinstance(min_lr, Sequence) else [min_lr] * groups
        if len(self.min_lrs) != groups:
            raise ValueError(f"{name}: {len(self.min_lrs)} smallest rates for {groups} groups")
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = checked_number(name, "threshold", threshold)
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        # No start: there is no metric yet.
        self.last_epoch = 0
        self._last_lr = self._rates()

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Go on by one epoch, whose metric is a number or a tensor of one element."""
        metric = float(metrics)
        self.last_epoch += 1
        self.num_bad_epochs += 1
        if self._is_better(metric):
            self.best = metric
            self.num_bad_epochs = 0
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._rates()

    def _is_better(self, metric: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "rel":
            return sign * metric < sign * self.best * (1 - sign * self.threshold)
        return sign * metric < sign * self.best - self.threshold

    def _reduce(self) -> None:
        for group, smallest in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            rate = max(group["lr"] * self.factor, smallest)
            if group["lr"] - rate > self.eps:
                group["lr"] = rate
