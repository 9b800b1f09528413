"""What all learning-rate schedulers share."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import CheckpointError
from .optimizer import Optimizer

__all__ = ["LRScheduler", "checked_number", "checked_whole"]


class LRScheduler:
    """Sets the learning rates of an optimiser's groups; each kind defines `get_lr`.

    Args:
        optimizer: whose learning rates change; its groups get the key "initial_lr".
        last_epoch: the number of steps taken before; -1 for a fresh start.

    Attributes:
        base_lrs: the learning rate of each group at the start.
        last_epoch: the number of steps taken.

    Raises:
        TypeError: if it is not an optimiser.
        ValueError: if it goes on from `last_epoch` where a group has no "initial_lr".
    """

    # What `state_dict` leaves out.
    unsaved: tuple[str, ...] = ("optimizer",)

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self._attach(optimizer)
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise ValueError(
                    f"{type(self).__name__}: group {number} has no initial_lr to go on from; "
                    "load the optimiser's state first"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self.start()

    def _attach(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: takes an optimiser, not a {type(optimizer).__name__}"
            )
        self.optimizer = optimizer

    def start(self) -> None:
        """Set the rates of the first epoch."""
        self.last_epoch += 1
        self._set(self.first_lr())

    def step(self) -> None:
        """Go on by one epoch, and set its learning rates."""
        self.last_epoch += 1
        self._set(self.get_lr())

    def restart(self) -> None:
        """Go back to epoch 0."""
        self.last_epoch = 0
        self._set(self.closed_form_lr())

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = list(rates)

    def _rates(self) -> list[float]:
        """Return the learning rates as they stand."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def first_lr(self) -> list[float]:
        """Return the learning rates at the start, by default those that stand."""
        return self._rates()

    def get_lr(self) -> list[float]:
        """Return the learning rates of epoch `last_epoch`, given those of the one before."""
        raise NotImplementedError(f"{type(self).__name__} defines no get_lr")

    def closed_form_lr(self) -> list[float]:
        """Return the learning rates of epoch `last_epoch` from `base_lrs` alone."""
        return self.get_lr()

    def get_last_lr(self) -> list[float]:
        """Return the learning rates that were set last, one for each group."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs, beside the state of the optimiser."""
        kept = {name: value for name, value in vars(self).items() if name not in self.unsaved}
        return copy.deepcopy(kept)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave; the optimiser's rates come with its own state.

        Raises:
            CheckpointError: if keys are missing or there are others; nothing is changed then.
        """
        self._check_state(state_dict)
        vars(self).update(copy.deepcopy(dict(state_dict)))

    def _check_state(self, state: Mapping[str, Any]) -> None:
        expected = vars(self).keys() - set(self.unsaved)
        if set(state) != expected:
            raise CheckpointError(
                f"{type(self).__name__}: the state does not fit: it lacks "
                f"{sorted(expected - state.keys()) or 'nothing'}, and has "
                f"{sorted(state.keys() - expected) or 'nothing'} beyond"
            )


def checked_whole(name: str, argument: str, value: int) -> None:
    """Raise `ValueError`, naming scheduler and argument, unless it is whole and 1 or more."""
    if value < 1 or int(value) != value:
        raise ValueError(f"{name}: {argument} is {value}; it must be a whole number of 1 or more")


def checked_number(name: str, argument: str, value: float) -> float:
    """Return the value; raise `ValueError` unless it is finite and not negative."""
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name}: {argument} is {value}; it must be finite and not negative")
    return value
