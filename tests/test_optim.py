"""Optimisers, on Scalars and on tensors."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from kernel_cases import BACKENDS

import minitorch
from minitorch import SGD, GradientError, Module, Optimizer, Parameter, Scalar, ShapeError, layers
from minitorch.errors import CheckpointError
from minitorch.jit import PARALLEL_FROM
from minitorch.optim import Adam, AdamW, RMSprop


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    before = minitorch.get_backend()
    minitorch.set_default_backend(request.param)
    yield request.param
    minitorch.set_default_backend(before)


def tensor_parameter() -> Parameter:
    return Parameter(minitorch.tensor([1.0, -2.0], backend="simple", dtype="float32"))


def test_a_step_follows_the_gradient_of_a_scalar() -> None:
    parameter = Parameter(Scalar(3.0))
    optimizer = SGD([parameter], lr=0.1)
    (parameter.value * parameter.value).backward()
    optimizer.step()
    assert parameter.value.data == pytest.approx(3.0 - 0.1 * 6.0)
    assert parameter.value.is_leaf()
    assert parameter.value.derivative is None


def test_a_step_follows_the_gradient_of_a_tensor() -> None:
    parameter = tensor_parameter()
    optimizer = SGD([parameter], lr=0.25)
    (parameter.value * parameter.value).sum().backward()
    optimizer.step()
    assert parameter.value.to_numpy().tolist() == [0.5, -1.0]
    assert parameter.value.is_leaf()
    assert parameter.dtype == np.float32


def test_a_step_is_not_recorded() -> None:
    parameter = tensor_parameter()
    optimizer = SGD([parameter], lr=0.5)
    for _ in range(2):
        optimizer.zero_grad()
        (parameter.value * 2.0).sum().backward()
        optimizer.step()
    assert list(parameter.value.parents) == []
    assert parameter.value.to_numpy().tolist() == [-1.0, -4.0]


def test_zero_grad_forgets_gradients() -> None:
    scalar, tensor = Parameter(Scalar(3.0)), tensor_parameter()
    optimizer = SGD([scalar, tensor])
    (scalar.value * 2.0).backward()
    (tensor.value * 2.0).sum().backward()
    optimizer.zero_grad()
    assert scalar.value.derivative is None
    assert tensor.grad is None
    optimizer.step()
    assert scalar.value.data == 3.0
    assert tensor.value.to_numpy().tolist() == [1.0, -2.0]


def test_a_parameter_without_a_gradient_stays() -> None:
    used, unused = Parameter(Scalar(3.0)), Parameter(Scalar(4.0))
    plain = Parameter(5.0)
    (used.value * 2.0).backward()
    SGD([used, unused, plain], lr=1.0).step()
    assert (used.value.data, unused.value.data, plain.value) == (1.0, 4.0, 5.0)


def test_descent_finds_a_minimum() -> None:
    class Point(Module):
        def __init__(self) -> None:
            super().__init__()
            self.x = Parameter(Scalar(-4.0))
            self.y = tensor_parameter()

    point = Point()
    optimizer = SGD(point.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        x, y = point.x.value - 3.0, point.y.value - 5.0
        (x * x).backward()
        (y * y).sum().backward()
        optimizer.step()
    assert point.x.value.data == pytest.approx(3.0, abs=1e-4)
    np.testing.assert_allclose(point.y.to_numpy(), [5.0, 5.0], atol=1e-4)


@pytest.mark.parametrize("lr", [-0.1, math.nan, math.inf, "fast"])
def test_an_impossible_learning_rate_is_refused(lr: Any) -> None:
    with pytest.raises(ValueError, match="learning rate"):
        SGD([tensor_parameter()], lr=lr)


def test_an_optimizer_of_ones_own_defines_step() -> None:
    with pytest.raises(NotImplementedError, match="Optimizer defines no step"):
        Optimizer([tensor_parameter()]).step()


def test_an_optimizer_of_ones_own_as_course_code_writes_it() -> None:
    class Signs(Optimizer):
        def __init__(self, parameters: Any, lr: float) -> None:
            super().__init__(parameters)
            self.lr = lr

        def step(self) -> None:  # type: ignore[override]
            for p in self.parameters:
                p.update(p.value - self.lr * (2.0 * (p.value.grad > 0.0) - 1.0))

    parameter = tensor_parameter()
    (parameter.value * parameter.value).sum().backward()
    Signs([parameter], 0.5).step()
    assert parameter.to_numpy().tolist() == [0.5, -1.5]


MAKERS: dict[str, Callable[[Any], Optimizer]] = {
    "sgd": lambda ps: SGD(ps, lr=0.1, weight_decay=0.1),
    "momentum": lambda ps: SGD(ps, lr=0.1, momentum=0.9, nesterov=True),
    "velocity": lambda ps: SGD(ps, lr=0.1, momentum=0.9, velocity=True),
    "rmsprop": lambda ps: RMSprop(ps, centered=True, momentum=0.5, weight_decay=0.1),
    "rmsprop, eps in root": lambda ps: RMSprop(ps, eps=0.1, eps_in_root=True),
    "adam": lambda ps: Adam(ps, amsgrad=True, weight_decay=0.1),
    "adamw": lambda ps: AdamW(ps),
}


def follow(optimizer: Optimizer, parameters: list[Parameter], steps: int, seed: int = 0) -> None:
    """Take steps against random gradients, the same for the same seed."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        for parameter in parameters:
            value = parameter.value
            grad = rng.standard_normal(getattr(value, "shape", ()))
            if isinstance(value, Scalar):
                value.derivative = float(grad)
            else:
                value.grad = minitorch.tensor(grad, dtype=value.dtype)
        optimizer.step()


def numbers_of(parameters: list[Parameter]) -> list[float]:
    arrays = [
        p.value.data if isinstance(p.value, Scalar) else p.value.to_numpy() for p in parameters
    ]
    return [float(n) for array in arrays for n in np.ravel(array)]


@pytest.mark.parametrize("name", MAKERS)
def test_scalars_and_tensors_take_the_same_steps(name: str, backend: str) -> None:
    scalars = [Parameter(Scalar(n)) for n in (0.5, -2.0, 3.0)]
    tensor = [Parameter(minitorch.tensor([0.5, -2.0, 3.0]))]
    follow(MAKERS[name](scalars), scalars, 5)
    follow(MAKERS[name](tensor), tensor, 5)
    np.testing.assert_allclose(numbers_of(scalars), numbers_of(tensor), rtol=1e-12)


def test_the_velocity_form(backend: str) -> None:
    value = minitorch.tensor([1.0, -2.0]).requires_grad_()
    optimizer = SGD([value], lr=0.1, momentum=0.9, velocity=True)
    p, v = np.array([1.0, -2.0]), np.zeros(2)
    for step in range(6):
        optimizer.lr = 0.1 / (1 + step)
        value.grad = minitorch.tensor(3.0 * p)
        v = 0.9 * v - optimizer.lr * 3.0 * p
        p = p + v
        optimizer.step()
        np.testing.assert_allclose(value.to_numpy(), p, rtol=1e-12)


def test_epsilon_inside_the_root(backend: str) -> None:
    value = minitorch.tensor([1.0, -2.0]).requires_grad_()
    optimizer = RMSprop([value], lr=0.1, alpha=0.9, eps=0.01, eps_in_root=True)
    p, r = np.array([1.0, -2.0]), np.zeros(2)
    for _ in range(6):
        value.grad = minitorch.tensor(3.0 * p)
        r = 0.9 * r + 0.1 * (3.0 * p) ** 2
        p = p - 0.1 / np.sqrt(r + 0.01) * 3.0 * p
        optimizer.step()
        np.testing.assert_allclose(value.to_numpy(), p, rtol=1e-12)


def test_a_step_notes_its_write(backend: str) -> None:
    for name, make in MAKERS.items():
        value = minitorch.tensor([2.0, 3.0]).requires_grad_()
        loss = (value * value).sum()
        value.grad = minitorch.tensor([1.0, 1.0])
        make([value]).step()
        with pytest.raises(GradientError, match=r"written|changed"):
            loss.backward()
        assert value.is_leaf(), name


def test_a_gradient_that_is_set_to_zeros_later_was_not_kept(backend: str) -> None:
    value = minitorch.tensor([1.0, 2.0]).requires_grad_()
    optimizer = SGD([value], lr=0.1, momentum=0.5)
    value.grad = minitorch.tensor([1.0, 1.0])
    optimizer.step()
    value.grad.zero_()
    optimizer.step()
    np.testing.assert_allclose(value.to_numpy(), [0.85, 1.85])


@pytest.mark.parametrize("name", MAKERS)
def test_a_resumed_run_gives_the_same_numbers(name: str, backend: str) -> None:
    def parameters() -> list[Parameter]:
        return [
            Parameter(minitorch.tensor([[1.0, 2.0], [3.0, -4.0]])),
            Parameter(minitorch.tensor([0.5], dtype="float32")),
            Parameter(Scalar(2.0)),
        ]

    whole, before, after = parameters(), parameters(), parameters()
    optimizer = MAKERS[name](whole)
    follow(optimizer, whole, 3, seed=1)
    follow(optimizer, whole, 3, seed=2)
    first = MAKERS[name](before)
    follow(first, before, 3, seed=1)
    saved = first.state_dict()
    follow(first, before, 1)  # what was saved does not change any more
    second = MAKERS[name](after)
    for parameter, kept in zip(after, parameters(), strict=True):
        parameter.update(kept.value)
    follow(MAKERS[name](after), after, 3, seed=1)
    second.load_state_dict(pickle.loads(pickle.dumps(saved)))
    follow(second, after, 3, seed=2)
    assert numbers_of(after) == numbers_of(whole)


def test_a_state_is_numbers_and_arrays() -> None:
    parameters = [tensor_parameter(), Parameter(Scalar(1.0))]
    optimizer = Adam(parameters)
    follow(optimizer, parameters, 2)
    state = optimizer.state_dict()["state"]
    assert state[0]["step"] == 2
    assert type(state[0]["exp_avg"]) is np.ndarray
    assert state[0]["exp_avg"].dtype == np.float32
    assert type(state[1]["exp_avg_sq"]) is float


def adam_state() -> dict[str, Any]:
    parameter = tensor_parameter()
    optimizer = Adam([parameter])
    follow(optimizer, [parameter], 1)
    return optimizer.state_dict()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: s.pop("state"), "expected the keys state and param_groups"),
        (lambda s: s.update(more=1), "expected the keys"),
        (lambda s: s["param_groups"].append(s["param_groups"][0]), r"\[1, 1\] parameters"),
        (lambda s: s["param_groups"][0].update(params=[0, 1]), r"\[2\] parameters"),
        (lambda s: s["param_groups"][0].pop("eps"), r"lacks \['eps'\]"),
        (lambda s: s["param_groups"][0].update(foo=1), r"has \['foo'\] beyond"),
        (lambda s: s["param_groups"][0].update(lr=math.nan), "learning rate"),
        (lambda s: s["state"][0].pop("exp_avg"), r"parameter 0 lacks \['exp_avg'\]"),
        (lambda s: s["state"][0].update(more=1), r"has \['more'\] beyond"),
        (lambda s: s["state"][0].update(exp_avg=np.zeros(3)), r"shape \(3,\)"),
        (lambda s: s["state"][0].update(step=math.nan), "step of parameter 0"),
        (lambda s: s["state"].update({7: s["state"][0]}), "parameter 7"),
        (lambda s: s["state"][0].update(step=1.5), "step of parameter 0 is 1.5"),
        (lambda s: s["state"][0].update(step=0), "step of parameter 0 is 0"),
        (lambda s: s["state"][0].update(exp_avg=np.array(["a", "b"])), "does not fit"),
        (lambda s: s["state"].update({0: None}), "does not fit"),
        (lambda s: s.update(state=[1]), "does not fit"),
        (lambda s: s.update(param_groups=None), "does not fit"),
        (lambda s: s["param_groups"][0].pop("params"), "does not fit: KeyError: 'params'"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(damage: Callable[[Any], Any], message: str) -> None:
    state = adam_state()
    damage(state)
    parameter = tensor_parameter()
    optimizer = Adam([parameter])
    follow(optimizer, [parameter], 2)
    before = repr(optimizer.state_dict())
    with pytest.raises(CheckpointError, match=message):
        optimizer.load_state_dict(state)
    assert repr(optimizer.state_dict()) == before


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda p: SGD([]), ValueError, "no parameters"),
        (lambda p: SGD(iter([])), ValueError, "no parameters"),
        (lambda p: SGD(p), TypeError, "a list of parameters, not a Parameter"),
        (lambda p: SGD(p.value), TypeError, "not a Tensor"),
        (lambda p: SGD([np.ones(2)]), TypeError, "not a ndarray"),
        (lambda p: SGD([p.value * 2.0]), ValueError, "computed by Mul; only leaves"),
        (lambda p: SGD([p, p]), ValueError, r"shape \(2,\) is there twice"),
        (lambda p: SGD([p, p.value]), ValueError, "twice"),
        (lambda p: SGD([{"params": [p]}, {"params": p}]), ValueError, "twice"),
        (lambda p: SGD([{"lr": 1.0}]), TypeError, "params"),
        (lambda p: SGD([{"params": p, "lr": -1.0}]), ValueError, "learning rate"),
        (lambda p: SGD([p], lr=[0.1]), ValueError, "learning rate"),  # type: ignore[arg-type]
        (lambda p: SGD([p], momentum=math.inf), ValueError, "momentum is inf"),
        (lambda p: SGD([p], weight_decay=-1), ValueError, "weight_decay is -1"),
        (lambda p: SGD([p], nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda p: SGD([p], momentum=1, dampening=1, nesterov=True), ValueError, "nesterov"),
        (lambda p: SGD([p], dampening=1, velocity=True), ValueError, "velocity goes with"),
        (lambda p: RMSprop([p], alpha=math.nan), ValueError, "alpha is nan"),
        (lambda p: Adam([p], betas=(0.9, 1.0)), ValueError, "betas"),
        (lambda p: Adam([p], betas=(-0.9, 0.9)), ValueError, "betas is -0.9"),
        (lambda p: Adam([p], betas=0.9), ValueError, "betas are 0.9"),
        (lambda p: Adam([p], betas=("a", "b")), ValueError, "betas are"),
        (lambda p: AdamW([p], eps=-1e-8), ValueError, "eps"),
    ],
)
def test_what_does_not_fit_is_refused(
    make: Callable[[Any], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make(tensor_parameter())


@pytest.mark.parametrize("name", MAKERS)
def test_a_refused_step_changes_nothing(name: str, backend: str) -> None:
    parameters = [Parameter(minitorch.tensor([1.0, 2.0])), Parameter(minitorch.tensor([3.0]))]
    optimizer = MAKERS[name](parameters)
    follow(optimizer, parameters, 2)
    before = numbers_of(parameters)
    parameters[1].value.grad = minitorch.tensor([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"parameter +\(1,\)\n +gradient +\(2,\)"):
        optimizer.step()
    parameters[1].value.grad = minitorch.tensor([1.0])
    optimizer.param_groups[0]["lr"] = math.nan
    with pytest.raises(ValueError, match="learning rate"):
        optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.1
    assert numbers_of(parameters) == before
    parameters[1].update(minitorch.tensor([3.0, 4.0]))
    parameters[1].value.grad = minitorch.tensor([1.0, 2.0])
    if optimizer.state:
        with pytest.raises(ShapeError, match="step"):
            optimizer.step()


@pytest.mark.parametrize("name", MAKERS)
def test_a_parameter_whose_elements_share_their_storage_is_refused(name: str, backend: str) -> None:
    repeated = minitorch.tensor([1.0, 2.0]).expand(3, 2).requires_grad_(True)
    plain = Parameter(minitorch.tensor([5.0]))
    optimizer = MAKERS[name]([plain, repeated])
    plain.grad = minitorch.tensor([1.0])
    repeated.grad = minitorch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    with pytest.raises(ShapeError, match=r"\.step: write in place: elements .* \(3, 2\) share"):
        optimizer.step()
    assert plain.to_numpy().tolist() == [5.0]
    assert repeated.to_numpy().tolist() == [[1.0, 2.0]] * 3


def test_a_closure_computes_the_loss() -> None:
    value = minitorch.tensor([3.0]).requires_grad_()
    optimizer = SGD([value], lr=0.25)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (value * value).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 9.0
    assert value.item() == 1.5


def test_gradients_set_to_zeros() -> None:
    used, unused = tensor_parameter(), tensor_parameter()
    scalar = Parameter(Scalar(1.0))
    (used.value * 2.0).sum().backward()
    (scalar.value * 2.0).backward()
    SGD([used, unused, scalar]).zero_grad(set_to_none=False)
    assert used.grad.to_numpy().tolist() == [0.0, 0.0]
    assert unused.grad is None
    assert scalar.value.derivative == 0.0


def test_the_learning_rate_of_all_groups_is_set_at_once() -> None:
    optimizer = SGD([{"params": tensor_parameter()}, {"params": tensor_parameter(), "lr": 0.5}])
    assert optimizer.lr == 1.0
    optimizer.lr = 0.25
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


def test_an_optimizer_prints_its_groups() -> None:
    assert repr(SGD([tensor_parameter()], 0.5, nesterov=True, momentum=0.9)) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    lr: 0.5\n    momentum: 0.9\n"
        "    nesterov: True\n    velocity: False\n    weight_decay: 0\n)"
    )


def test_large_parameters_take_the_parallel_kernels() -> None:
    start = np.random.default_rng(0).standard_normal(PARALLEL_FROM + 3)
    for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-4)):
        for name, make in MAKERS.items():
            large, small = (
                [Parameter(minitorch.tensor(values, dtype=dtype, backend="tuned"))]
                for values in (start, start[:2])
            )
            grad = minitorch.tensor(start, dtype=dtype)
            for optimizer, parameters in ((make(large), large), (make(small), small)):
                for _ in range(2):
                    parameters[0].value.grad = grad[: parameters[0].shape[0]]
                    optimizer.step()
            np.testing.assert_allclose(
                large[0].to_numpy()[:2], small[0].to_numpy(), rtol=tolerance, err_msg=name
            )


def test_what_is_kept_follows_the_dtype_of_the_parameters() -> None:
    layer = layers.Linear(2, 3)
    optimizer = Adam(layer.parameters())
    for dtype in "float64", "float32":
        layer.to(dtype)
        layer(minitorch.ones(4, 2, dtype=dtype)).sum().backward()
        optimizer.step()
        assert optimizer.state[layer.weight]["exp_avg"].dtype == np.dtype(dtype)
