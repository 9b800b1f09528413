"""Optimisers, on Scalars and on tensors."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minitorch
from minitorch import SGD, Module, Optimizer, Parameter, Scalar


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
    assert parameter.value.numpy().tolist() == [0.5, -1.0]
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
    assert parameter.value.numpy().tolist() == [-1.0, -4.0]


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
    assert tensor.value.numpy().tolist() == [1.0, -2.0]


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
    np.testing.assert_allclose(point.y.numpy(), [5.0, 5.0], atol=1e-4)


@pytest.mark.parametrize("lr", [-0.1, math.nan, math.inf])
def test_an_impossible_learning_rate_is_refused(lr: float) -> None:
    with pytest.raises(ValueError, match="learning rate"):
        SGD([], lr=lr)


def test_an_optimizer_of_ones_own_defines_step() -> None:
    with pytest.raises(NotImplementedError, match="Optimizer defines no step"):
        Optimizer([]).step()
