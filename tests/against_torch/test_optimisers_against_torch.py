"""PyTorch's optimisers, schedulers and clipping as the oracle: trajectories of 20 steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_cases import LAYOUTS, laid_out

import minitorch
from minitorch import clipping, lr_scheduler, optim
from minitorch.tensor_data import TensorData

# `torch` alone would find this folder where PyTorch is not installed.
pytest.importorskip("torch.optim", reason="PyTorch is the oracle of these tests")
torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")

STEPS = 20
TOLERANCES = {"float64": 1e-12, "float32": 2e-5}
SHAPES = [(3, 4), (5,), ()]

OPTIMISERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"lr": 0.1}),
    "sgd, decay": ("SGD", {"lr": 0.1, "weight_decay": 0.3}),
    "sgd, momentum": ("SGD", {"lr": 0.05, "momentum": 0.9}),
    "sgd, dampening": (
        "SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.4, "weight_decay": 0.1}
    ),
    "sgd, nesterov": (
        "SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}
    ),
    "rmsprop": ("RMSprop", {}),
    "rmsprop, decay": ("RMSprop", {"lr": 0.05, "alpha": 0.8, "weight_decay": 0.2, "eps": 1e-3}),
    "rmsprop, momentum": ("RMSprop", {"momentum": 0.7}),
    "rmsprop, centered": ("RMSprop", {"centered": True, "alpha": 0.9}),
    "rmsprop, all": ("RMSprop", {"centered": True, "momentum": 0.5, "weight_decay": 0.1}),
    "adam": ("Adam", {}),
    "adam, decay": ("Adam", {"lr": 0.05, "betas": (0.7, 0.9), "weight_decay": 0.1, "eps": 1e-4}),
    "adam, amsgrad": ("Adam", {"lr": 0.05, "amsgrad": True}),
    "adamw": ("AdamW", {}),
    "adamw, all": ("AdamW", {"lr": 0.05, "weight_decay": 0.5, "amsgrad": True}),
}  # fmt: skip


class Race:
    """The same parameters in both libraries, given the same gradients."""

    def __init__(self, dtype: str = "float64", layout: str = "contiguous") -> None:
        self.rng = np.random.default_rng(7)
        self.dtype = dtype
        starts = [np.asarray(self.rng.standard_normal(shape), dtype) for shape in SHAPES]
        lying = [laid_out(layout, start) if start.ndim else start.copy() for start in starts]
        self.ours = [
            minitorch.Parameter(minitorch.Tensor(TensorData.from_array(array))) for array in lying
        ]
        self.theirs = [torch.nn.Parameter(torch.tensor(start)) for start in starts]
        self.tolerance = TOLERANCES[dtype]

    def give_gradients(self, skipped: int | None = None) -> None:
        for number, (mine, their) in enumerate(zip(self.ours, self.theirs, strict=True)):
            # Partly towards 0, so that the values stay in bounds, and of changing size.
            grad = mine.numpy() + self.rng.standard_normal(mine.shape) * self.rng.exponential()
            grad = np.asarray(grad, self.dtype)
            mine.value.grad = None if number == skipped else minitorch.tensor(grad)
            their.grad = None if number == skipped else torch.tensor(grad)

    def assert_equal(self) -> None:
        for mine, their in zip(self.ours, self.theirs, strict=True):
            assert mine.dtype == np.dtype(self.dtype)
            np.testing.assert_allclose(
                mine.numpy(), their.detach().numpy(), rtol=self.tolerance, atol=self.tolerance
            )

    def run(self, ours: Any, theirs: Any, steps: int = STEPS) -> None:
        for step in range(steps):
            # One parameter gets its first gradient late.
            self.give_gradients(skipped=1 if step < 2 else None)
            ours.step()
            theirs.step()
            self.assert_equal()


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("case", OPTIMISERS)
def test_trajectories(case: str, backend: str, dtype: str) -> None:
    name, options = OPTIMISERS[case]
    race = Race(dtype)
    race.run(
        getattr(optim, name)(race.ours, **options),
        getattr(torch.optim, name)(race.theirs, **options),
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", ["sgd, nesterov", "rmsprop, all", "adamw, all"])
def test_parameters_lie_anyhow_in_memory(case: str, layout: str, backend: str) -> None:
    name, options = OPTIMISERS[case]
    race = Race(layout=layout)
    race.run(
        getattr(optim, name)(race.ours, **options),
        getattr(torch.optim, name)(race.theirs, **options),
        steps=4,
    )
    for parameter, shape in zip(race.ours, SHAPES, strict=True):
        assert parameter.shape == shape


@pytest.mark.parametrize("case", OPTIMISERS)
def test_defaults_and_order_of_arguments(case: str) -> None:
    name, _ = OPTIMISERS[case]
    ours = getattr(optim, name)(Race().ours).defaults
    theirs = getattr(torch.optim, name)(Race().theirs).defaults
    ours = {k: v for k, v in ours.items() if k in theirs}
    if name == "SGD":
        assert ours.pop("lr") == 1.0  # the course's
    assert ours == {k: theirs[k] for k in ours}


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW"])
def test_groups(name: str) -> None:
    race = Race()

    def groups(parameters: list[Any]) -> list[dict[str, Any]]:
        return [
            {"params": parameters[:1], "weight_decay": 0.2},
            {"params": iter(parameters[1:2]), "lr": 0.01},
        ]

    ours = getattr(optim, name)(groups(race.ours), lr=0.05)
    theirs = getattr(torch.optim, name)(groups(race.theirs), lr=0.05)
    ours.add_param_group({"params": race.ours[2], "lr": 0.2})
    theirs.add_param_group({"params": race.theirs[2], "lr": 0.2})
    race.run(ours, theirs)


@pytest.mark.parametrize("case", OPTIMISERS)
def test_state_dicts_have_pytorchs_keys(case: str) -> None:
    name, options = OPTIMISERS[case]
    race = Race()
    ours = getattr(optim, name)(race.ours, **options)
    theirs = getattr(torch.optim, name)(race.theirs, **options)
    race.run(ours, theirs, steps=3)
    mine, their = ours.state_dict(), theirs.state_dict()
    assert [group["params"] for group in mine["param_groups"]] == [[0, 1, 2]]
    for key, value in mine["param_groups"][0].items():
        if key not in ("velocity", "eps_in_root"):
            assert their["param_groups"][0][key] == value
    assert mine["state"].keys() == their["state"].keys()
    for number, entries in mine["state"].items():
        others = dict(their["state"][number])
        if name == "RMSprop":
            others.pop("step")  # PyTorch's makes no use of it
        assert entries.keys() == others.keys()
        for key, kept in entries.items():
            np.testing.assert_allclose(kept, others[key].numpy(), rtol=1e-12)


Schedule = Callable[[Any, Any], Any]


def warm_up(of: Any, optimiser: Any) -> Any:
    parts = [
        of.LinearLR(optimiser, start_factor=0.2, total_iters=3),
        of.CosineAnnealingLR(optimiser, T_max=6, eta_min=0.01),
        of.StepLR(optimiser, 2, 0.5),
        of.LambdaLR(optimiser, lambda epoch: 1 / (1 + epoch)),
    ]
    return of.SequentialLR(optimiser, parts, milestones=[4, 12, 17])


SCHEDULES: dict[str, Schedule] = {
    "step": lambda of, optimiser: of.StepLR(optimiser, 3, gamma=0.5),
    "multi-step": lambda of, optimiser: of.MultiStepLR(optimiser, [2, 5, 5, 11], gamma=0.4),
    "cosine": lambda of, optimiser: of.CosineAnnealingLR(optimiser, 20),
    "cosine, there and back": lambda of, optimiser: of.CosineAnnealingLR(optimiser, 4, 0.003),
    "linear": lambda of, optimiser: of.LinearLR(optimiser),
    "linear, down": lambda of, optimiser: of.LinearLR(optimiser, 1.0, 0.1, total_iters=12),
    "lambda": lambda of, optimiser: of.LambdaLR(optimiser, lambda epoch: 0.9**epoch),
    "lambda, each": lambda of, optimiser: of.LambdaLR(
        optimiser, [lambda epoch: 0.9**epoch, lambda epoch: 1 + epoch]
    ),
    "sequential": warm_up,
}


def optimisers(race: Race) -> tuple[Any, Any]:
    """Return optimisers of two groups."""
    return tuple(
        of.SGD([{"params": ps[:1]}, {"params": ps[1:], "lr": 0.02}], lr=0.1, momentum=0.5)
        for of, ps in ((optim, race.ours), (torch.optim, race.theirs))
    )  # type: ignore[return-value]


def rates(optimiser: Any) -> list[float]:
    return [group["lr"] for group in optimiser.param_groups]


@pytest.mark.parametrize("case", SCHEDULES)
def test_schedules(case: str) -> None:
    race = Race()
    ours, theirs = optimisers(race)
    mine = SCHEDULES[case](lr_scheduler, ours)
    their = SCHEDULES[case](torch.optim.lr_scheduler, theirs)
    for _ in range(STEPS):
        assert rates(ours) == pytest.approx(rates(theirs), rel=1e-12)
        assert mine.get_last_lr() == pytest.approx(their.get_last_lr(), rel=1e-12)
        assert mine.last_epoch == their.last_epoch
        race.run(ours, theirs, steps=1)
        mine.step()
        their.step()


def test_schedules_of_one_optimiser_act_together() -> None:
    ours, theirs = optimisers(Race())
    pairs = [
        (make(lr_scheduler, ours), make(torch.optim.lr_scheduler, theirs))
        for make in (SCHEDULES["linear"], SCHEDULES["step"])
    ]
    theirs.step()
    for _ in range(STEPS):
        assert rates(ours) == pytest.approx(rates(theirs), rel=1e-12)
        for mine, their in pairs:
            mine.step()
            their.step()


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1},
        {"mode": "max", "patience": 0, "factor": 0.5},
        {"threshold": 0.2, "patience": 1, "cooldown": 2},
        {"threshold": 0.2, "threshold_mode": "abs", "patience": 0},
        {"mode": "max", "threshold_mode": "abs", "patience": 2, "min_lr": [0.05, 0.01]},
        {"factor": 0.9, "patience": 0, "min_lr": 0.018, "eps": 0.001},
    ],
)
def test_reduction_on_a_plateau(options: dict[str, Any]) -> None:
    ours, theirs = optimisers(Race())
    mine = lr_scheduler.ReduceLROnPlateau(ours, **options)
    their = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    metrics = np.random.default_rng(3).uniform(0.5, 1.5, 30)
    for metric in (*metrics, np.nan, 0.4):
        mine.step(metric)
        their.step(metric)
        assert mine.get_last_lr() == pytest.approx(their.get_last_lr(), rel=1e-12)
        assert rates(ours) == mine.get_last_lr()
        assert (mine.best, mine.num_bad_epochs) == (their.best, their.num_bad_epochs)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("norm_type", [2.0, 1.0, np.inf, 3])
@pytest.mark.parametrize("max_norm", [0.5, 1000.0, 0.0])
def test_clipping_by_norm(max_norm: float, norm_type: float, dtype: str, backend: str) -> None:
    race = Race(dtype)
    race.give_gradients(skipped=2)
    ours = clipping.clip_grad_norm_(iter(race.ours), max_norm, norm_type)
    theirs = torch.nn.utils.clip_grad_norm_(race.theirs, max_norm, norm_type)
    tolerance = {"rtol": race.tolerance, "atol": race.tolerance}
    assert (ours.shape, ours.dtype) == ((), np.dtype(dtype))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), **tolerance)
    for mine, their in zip(race.ours[:2], race.theirs, strict=False):
        np.testing.assert_allclose(mine.grad.numpy(), their.grad.numpy(), **tolerance)


def test_clipping_by_value() -> None:
    race = Race()
    race.give_gradients()
    clipping.clip_grad_value_(race.ours, 0.3)
    torch.nn.utils.clip_grad_value_(race.theirs, 0.3)
    for mine, their in zip(race.ours, race.theirs, strict=True):
        np.testing.assert_array_equal(mine.grad.numpy(), their.grad.numpy())
