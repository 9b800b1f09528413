"""Learning-rate schedulers and gradient clipping: saving, going on, bad input."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import SGD, GradientError
from minitorch import lr_scheduler as schedules
from minitorch.clipping import clip_grad_norm_, clip_grad_value_


def optimiser() -> SGD:
    first, second = (minitorch.zeros(2).requires_grad_() for _ in range(2))
    return SGD([{"params": first}, {"params": second, "lr": 0.2}], lr=0.1)


def warm_up(of: SGD) -> schedules.SequentialLR:
    parts = [schedules.LinearLR(of, 0.1, total_iters=3), schedules.CosineAnnealingLR(of, 10)]
    return schedules.SequentialLR(of, parts, [3])


MAKERS: dict[str, Callable[[SGD], Any]] = {
    "lambda": lambda of: schedules.LambdaLR(of, lambda epoch: 0.5**epoch),
    "step": lambda of: schedules.StepLR(of, 2),
    "multi-step": lambda of: schedules.MultiStepLR(of, [1, 4]),
    "linear": lambda of: schedules.LinearLR(of),
    "cosine": lambda of: schedules.CosineAnnealingLR(of, 5),
    "sequential": warm_up,
    "plateau": lambda of: schedules.ReduceLROnPlateau(of, patience=1),
}


def go(scheduler: Any, of: SGD, epochs: int) -> list[Any]:
    """Return the rates after each of some epochs, in which nothing gets better."""
    on_metric = isinstance(scheduler, schedules.ReduceLROnPlateau)
    rates = []
    for _ in range(epochs):
        scheduler.step(*([1.0] if on_metric else []))
        rates.append([group["lr"] for group in of.param_groups])
        assert scheduler.get_last_lr() == rates[-1]
    return rates


@pytest.mark.parametrize("name", MAKERS)
def test_a_resumed_schedule_gives_the_same_rates(name: str) -> None:
    first = optimiser()
    scheduler = MAKERS[name](first)
    go(scheduler, first, 4)
    saved = pickle.loads(pickle.dumps((first.state_dict(), scheduler.state_dict())))
    expected = go(scheduler, first, 6)
    second = optimiser()
    again = MAKERS[name](second)
    second.load_state_dict(saved[0])
    again.load_state_dict(saved[1])
    assert go(again, second, 6) == expected


def test_a_schedule_goes_on_from_an_epoch() -> None:
    first = optimiser()
    scheduler = schedules.StepLR(first, 2)
    go(scheduler, first, 3)
    second = optimiser()
    with pytest.raises(ValueError, match="group 0 has no initial_lr"):
        schedules.StepLR(second, 2, last_epoch=3)
    second.load_state_dict(first.state_dict())
    again = schedules.StepLR(second, 2, last_epoch=2)
    assert go(again, second, 4) == go(scheduler, first, 4)


@pytest.mark.parametrize("name", MAKERS)
def test_a_state_that_does_not_fit_is_refused(name: str) -> None:
    scheduler = MAKERS[name](optimiser())
    good = scheduler.state_dict()
    for bad in ({**good, "more": 1}, {k: v for k, v in good.items() if k != "last_epoch"}):
        with pytest.raises(ValueError, match=r"\['(more|last_epoch)'\]"):
            scheduler.load_state_dict(bad)
    assert scheduler.state_dict() == good


def test_the_state_of_other_parts_is_refused() -> None:
    scheduler = warm_up(optimiser())
    good = scheduler.state_dict()
    inner = good["_schedulers"]
    for parts in (inner[:1], inner[::-1]):
        with pytest.raises(ValueError, match=r"1 schedulers, not 2|does not fit"):
            scheduler.load_state_dict({**good, "last_epoch": 7, "_schedulers": parts})
    assert scheduler.state_dict() == good


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda of: schedules.StepLR(of, 0), "step_size is 0"),
        (lambda of: schedules.StepLR(of, 1, math.nan), "gamma is nan"),
        (lambda of: schedules.MultiStepLR(of, [1], -1), "gamma is -1"),
        (lambda of: schedules.LambdaLR(of, [abs]), "1 functions for 2 groups"),
        (lambda of: schedules.LinearLR(of, 0.0), "start_factor is 0"),
        (lambda of: schedules.LinearLR(of, end_factor=2), "end_factor is 2"),
        (lambda of: schedules.LinearLR(of, total_iters=0), "total_iters is 0"),
        (lambda of: schedules.CosineAnnealingLR(of, 0), "T_max is 0"),
        (lambda of: schedules.CosineAnnealingLR(of, 1, math.inf), "eta_min is inf"),
        (lambda of: schedules.SequentialLR(of, [], []), "0 milestones for 0"),
        (lambda of: schedules.SequentialLR(of, [schedules.StepLR(of, 1)], [1]), "one fewer"),
        (
            lambda of: schedules.SequentialLR(of, [schedules.ReduceLROnPlateau(of)], []),
            "cannot run a ReduceLROnPlateau",
        ),
        (
            lambda of: schedules.SequentialLR(of, [schedules.StepLR(optimiser(), 1)], []),
            "another optimiser",
        ),
        (lambda of: schedules.ReduceLROnPlateau(of, factor=1.0), "factor is 1.0"),
        (lambda of: schedules.ReduceLROnPlateau(of, mode="best"), "mode is 'best'"),
        (lambda of: schedules.ReduceLROnPlateau(of, threshold_mode="x"), "threshold_mode"),
        (lambda of: schedules.ReduceLROnPlateau(of, min_lr=[0.1]), "1 smallest rates for 2"),
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[SGD], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(optimiser())


def test_only_optimisers_are_scheduled() -> None:
    with pytest.raises(TypeError, match="takes an optimiser, not a list"):
        schedules.StepLR([], 1)  # type: ignore[arg-type]


def test_a_rate_that_a_schedule_gave_is_checked_at_the_step() -> None:
    of = optimiser()
    schedules.LambdaLR(of, lambda epoch: -1.0)
    with pytest.raises(ValueError, match=r"learning rate lr is -0\.1"):
        of.step()


def with_gradient(*values: float) -> minitorch.Tensor:
    tensor = minitorch.zeros(len(values)).requires_grad_()
    tensor.grad = minitorch.tensor([*values])
    return tensor


def test_a_norm_that_is_no_number_can_be_an_error() -> None:
    tensor = with_gradient(3.0, math.nan)
    with pytest.raises(GradientError, match="norm of the gradients is nan"):
        clip_grad_norm_(tensor, 1.0, error_if_nonfinite=True)
    assert tensor.grad is not None
    np.testing.assert_array_equal(tensor.grad.numpy(), [3.0, math.nan])
    assert math.isnan(clip_grad_norm_(tensor, 1.0).item())


def test_a_gradient_in_pieces_of_memory_is_clipped_in_place() -> None:
    tensor = with_gradient(3.0, 4.0)
    around = minitorch.tensor([[3.0, 9.0], [4.0, 9.0]])
    tensor.grad = around[:, 0]
    assert clip_grad_norm_([tensor], 1.0).item() == 5.0
    np.testing.assert_allclose(around.numpy(), [[0.6, 9.0], [0.8, 9.0]], rtol=1e-6)
    clip_grad_value_([tensor], 0.7)
    np.testing.assert_allclose(around.numpy(), [[0.6, 9.0], [0.7, 9.0]], rtol=1e-6)
    assert around._version


def test_clipping_nothing() -> None:
    assert clip_grad_norm_([], 1.0).item() == 0.0
    assert clip_grad_norm_(minitorch.zeros(2), 1.0).item() == 0.0


@pytest.mark.parametrize("bad", [-1.0, math.nan])
def test_bounds_that_are_none(bad: float) -> None:
    tensor = with_gradient(1.0)
    with pytest.raises(ValueError, match="max_norm"):
        clip_grad_norm_(tensor, bad)
    with pytest.raises(ValueError, match="clip_value"):
        clip_grad_value_(tensor, bad)
    with pytest.raises(ValueError, match="norm_type"):
        clip_grad_norm_(tensor, 1.0, bad)
    with pytest.raises(TypeError, match="not of Scalar"):
        clip_grad_norm_([minitorch.Parameter(minitorch.Scalar(1.0))], 1.0)
