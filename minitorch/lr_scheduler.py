"""Learning rates that change while one trains, with the names and meaning of PyTorch's.

A scheduler is made after its optimiser, and its `step` is called after the optimiser's, once an
epoch or once a batch::

    optimizer = SGD(model.parameters(), lr=0.1)
    scheduler = StepLR(optimizer, step_size=30)
    for epoch in range(100):
        train(...)
        scheduler.step()

Most work out a rate from the one before, so that several may act on one optimiser, and so that a
rate that was changed by hand stays changed.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .errors import CheckpointError
from .lr_base import LRScheduler, checked_number, checked_whole
from .lr_plateau import ReduceLROnPlateau
from .optimizer import Optimizer

__all__ = [
    "CosineAnnealingLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


class LambdaLR(LRScheduler):
    """The base rate times what a function of the epoch gives.

    Args:
        optimizer: whose learning rates change.
        lr_lambda: the function, or a list of them, one for each group. They are not saved.
        last_epoch: the number of steps taken before; -1 for a fresh start.
    """

    unsaved = ("optimizer", "lr_lambdas")

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        self._attach(optimizer)
        groups = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"LambdaLR: {len(self.lr_lambdas)} functions for {groups} groups")
        super().__init__(optimizer, last_epoch)

    def first_lr(self) -> list[float]:
        """Return what the functions give for the first epoch."""
        return self.get_lr()

    def get_lr(self) -> list[float]:
        """Return base rate times function, of each group."""
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [base * function(self.last_epoch) for base, function in pairs]


class StepLR(LRScheduler):
    """The rate is multiplied by `gamma` every `step_size` epochs.

    Raises:
        ValueError: if `step_size` is not 1 or more, or `gamma` is negative or not finite.
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        checked_whole("StepLR", "step_size", step_size)
        self.step_size = step_size
        self.gamma = checked_number("StepLR", "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates as they stand, times gamma where an interval ends."""
        factor = self.gamma if self.last_epoch % self.step_size == 0 else 1
        return [rate * factor for rate in self._rates()]

    def closed_form_lr(self) -> list[float]:
        """Return base rate times gamma to the power of the intervals gone by."""
        return [base * self.gamma ** (self.last_epoch // self.step_size) for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """The rate is multiplied by `gamma` at each of the epochs `milestones`.

    Raises:
        ValueError: if `gamma` is negative or not finite.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = sorted(milestones)
        self.gamma = checked_number("MultiStepLR", "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates as they stand, times gamma at a milestone."""
        factor = self.gamma ** self.milestones.count(self.last_epoch)
        return [rate * factor for rate in self._rates()]

    def closed_form_lr(self) -> list[float]:
        """Return base rate times gamma to the power of the milestones gone by."""
        factor = self.gamma ** bisect_right(self.milestones, self.last_epoch)
        return [base * factor for base in self.base_lrs]


class LinearLR(LRScheduler):
    """The rate goes in a line from start_factor to end_factor of itself, then stays: a warm-up.

    Args:
        optimizer: whose learning rates change.
        start_factor: above 0, to 1.
        end_factor: 0 to 1.
        total_iters: the epochs that this takes, 1 or more.
        last_epoch: the number of steps taken before; -1 for a fresh start.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor is {start_factor}; it must be in (0, 1]")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor is {end_factor}; it must be in [0, 1]")
        checked_whole("LinearLR", "total_iters", total_iters)
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        done = min(epoch, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * done

    def first_lr(self) -> list[float]:
        """Return start_factor of the rates; after a fresh start only."""
        factor = self.start_factor if self.last_epoch == 0 else 1
        return [rate * factor for rate in self._rates()]

    def get_lr(self) -> list[float]:
        """Return the rates as they stand, times what the factor grew by."""
        if self.last_epoch > self.total_iters:
            return self._rates()
        growth = self._factor(self.last_epoch) / self._factor(self.last_epoch - 1)
        return [rate * growth for rate in self._rates()]

    def closed_form_lr(self) -> list[float]:
        """Return base rate times the factor."""
        return [base * self._factor(self.last_epoch) for base in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """The rate goes down to `eta_min` in `T_max` epochs, along half a wave of the cosine.

    Beyond them it goes up again. Loshchilov and Hutter 2016 (https://arxiv.org/abs/1608.03983),
    without the restarts.

    Raises:
        ValueError: if `T_max` is not 1 or more, or `eta_min` is negative or not finite.
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        checked_whole("CosineAnnealingLR", "T_max", T_max)
        self.T_max = T_max
        self.eta_min = checked_number("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer, last_epoch)

    def _height(self, epoch: int) -> float:
        return (1 + math.cos(math.pi * epoch / self.T_max)) / 2

    def get_lr(self) -> list[float]:
        """Return the rates as they stand, moved along the wave."""
        epoch = self.last_epoch
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            # The rate before was eta_min: nothing is left of it to be multiplied.
            rise = self._height(self.T_max - 1)
            pairs = zip(self._rates(), self.base_lrs, strict=True)
            return [rate + (base - self.eta_min) * rise for rate, base in pairs]
        fall = self._height(epoch) / self._height(epoch - 1)
        return [(rate - self.eta_min) * fall + self.eta_min for rate in self._rates()]

    def closed_form_lr(self) -> list[float]:
        """Return eta_min and what the wave adds to it."""
        height = self._height(self.last_epoch)
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]


class SequentialLR(LRScheduler):
    """One scheduler after another, as for a warm-up and what follows it.

    Args:
        optimizer: whose learning rates change.
        schedulers: in their order, all of this optimiser.
        milestones: the epochs at which the second and each further one take over, from their
            epoch 0 on.

    Raises:
        ValueError: if there is not one milestone fewer than schedulers, or if one of these is
            of another optimiser, a `ReduceLROnPlateau` or a `SequentialLR`.
    """

    unsaved = ("optimizer", "_schedulers")

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
    ) -> None:
        self._attach(optimizer)
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(milestones)} milestones for {len(schedulers)} schedulers; "
                "there must be one fewer"
            )
        for scheduler in schedulers:
            if isinstance(scheduler, ReduceLROnPlateau | SequentialLR):
                raise ValueError(f"SequentialLR: cannot run a {type(scheduler).__name__}")
            if scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"SequentialLR: the {type(scheduler).__name__} is of another optimiser"
                )
        self._schedulers = list(schedulers)
        self._milestones = list(milestones)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for scheduler in schedulers:
            scheduler.last_epoch -= 1  # their start does not count: it comes when it is their turn
        self.last_epoch = 0
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first.start()
        self._last_lr = first.get_last_lr()

    def step(self, *args: Any) -> None:
        """Go on by one epoch of the scheduler whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler.restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs: this one's state, and that of each scheduler."""
        inner = [scheduler.state_dict() for scheduler in self._schedulers]
        return {**super().state_dict(), "_schedulers": inner}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave; see `LRScheduler.load_state_dict`."""
        own = dict(state_dict)
        inner = own.pop("_schedulers", [])
        self._check_state(own)
        if len(inner) != len(self._schedulers):
            raise CheckpointError(
                f"SequentialLR: the state has {len(inner)} schedulers, not {len(self._schedulers)}"
            )
        for scheduler, state in zip(self._schedulers, inner, strict=True):
            scheduler._check_state(state)
        super().load_state_dict(own)
        for scheduler, state in zip(self._schedulers, inner, strict=True):
            scheduler.load_state_dict(state)
