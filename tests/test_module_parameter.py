"""A parameter stands for its value."""

from __future__ import annotations

import copy
import operator
import pickle
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import Parameter, Scalar


def made(*numbers: float) -> Parameter:
    return Parameter(minitorch.tensor(list(numbers), backend="fast"))


def test_a_parameter_hands_on_to_its_value() -> None:
    tensor = minitorch.tensor([[1.0, 2.0]], backend="simple", dtype="float32")
    parameter = Parameter(tensor)
    assert parameter.shape == (1, 2)
    assert parameter.dtype == "float32"
    assert parameter.grad is None
    parameter.numpy()[0, 0] = 7.0
    assert tensor[0, 0] == 7.0
    (parameter.value * 3.0).sum().backward()
    assert parameter.grad.numpy().tolist() == [[3.0, 3.0]]
    assert repr(parameter) == f"Parameter containing:\n{tensor!r}"
    assert str(parameter) == str(tensor)
    assert Parameter(Scalar(4.0)).data == 4.0


OPERATIONS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.lt, operator.gt,
    operator.le, operator.ge,
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_arithmetic(operation: Any) -> None:
    a, b = np.array([1.0, 2.0, 4.0]), np.array([3.0, 2.0, 1.0])
    parameter, other = made(*a), made(*b)
    expected = operation(a, b)
    for right in (other, other.value, b):
        np.testing.assert_array_equal(operation(parameter, right).numpy(), expected)
    for left in (parameter.value, a):
        np.testing.assert_array_equal(operation(left, other).numpy(), expected)
    np.testing.assert_array_equal(operation(2.0, other).numpy(), operation(2.0, b))
    np.testing.assert_array_equal(operation(other, 2.0).numpy(), operation(b, 2.0))


def test_powers_and_signs() -> None:
    parameter = made(1.0, 2.0)
    np.testing.assert_allclose((parameter**2.0).numpy(), [1.0, 4.0])
    np.testing.assert_allclose((2.0**parameter).numpy(), [2.0, 4.0])
    np.testing.assert_array_equal((-parameter).numpy(), [-1.0, -2.0])


def test_matrix_products_and_gradients() -> None:
    weight = Parameter(minitorch.tensor([[1.0, 2.0], [3.0, 4.0]], backend="fast"))
    x = minitorch.tensor([[1.0, -1.0]], backend="fast")
    for product in (x @ weight, minitorch.matmul(x, weight), minitorch.mm(x, weight)):
        np.testing.assert_array_equal(product.numpy(), [[-2.0, -2.0]])
        weight.grad = None
        product.sum().backward()
        np.testing.assert_array_equal(weight.grad.numpy(), [[1.0, 1.0], [-1.0, -1.0]])
    np.testing.assert_array_equal((weight @ weight).numpy(), [[7.0, 10.0], [15.0, 22.0]])


def test_scalars() -> None:
    parameter = Parameter(Scalar(3.0))
    for result in (parameter * 2.0, 2.0 * parameter, Scalar(2.0) * parameter.value):
        assert result.data == 6.0
    assert (parameter - parameter).data == 0.0
    with pytest.raises(TypeError):  # and not a result without the gradient
        Scalar(2.0) * parameter
    parameter.data = 5.0
    assert parameter.value.data == 5.0


def test_what_a_tensor_can() -> None:
    parameter = Parameter(minitorch.tensor([[1.0, 2.0], [3.0, 5.0]], backend="fast"))
    assert parameter.shape == (2, 2)
    assert len(parameter) == 2
    assert parameter[1, 1] == 5.0
    assert [row.numpy().tolist() for row in parameter] == [[1.0, 2.0], [3.0, 5.0]]
    assert parameter.sum().item() == 11.0
    np.testing.assert_array_equal(np.asarray(parameter), [[1.0, 2.0], [3.0, 5.0]])
    assert bool(made(4.0))
    with minitorch.no_grad():
        parameter[0, 0] = 7.0
    assert parameter.value[0, 0] == 7.0
    with pytest.raises(AttributeError, match="nowhere"):
        _ = parameter.nowhere
    assert not hasattr(Parameter.__new__(Parameter), "shape")


def test_it_is_equal_to_itself_alone() -> None:
    one, other = made(1.0), made(1.0)
    assert one == one
    assert one != other
    assert [other, one].index(one) == 1
    assert len({one, other}) == 2


def test_data_is_written_in_place() -> None:
    parameter = made(1.0, 2.0)
    value, storage = parameter.value, parameter.numpy()
    parameter.grad = minitorch.tensor([1.0, 1.0])
    parameter.data -= 0.5 * parameter.grad
    np.testing.assert_array_equal(storage, [0.5, 1.5])
    parameter.data = made(3.0, 4.0)
    np.testing.assert_array_equal(storage, [3.0, 4.0])
    assert parameter.value is value
    assert parameter.requires_grad
    np.testing.assert_array_equal(parameter.grad.numpy(), [1.0, 1.0])


def test_changed_in_place() -> None:
    parameter = made(1.0, 2.0)
    kept, value = parameter, parameter.value
    with minitorch.no_grad():
        parameter -= made(1.0, 1.0)
        parameter += 1.0
        parameter *= 6.0
        parameter /= 2.0
    assert parameter is kept
    assert parameter.value is value
    assert value.is_leaf()
    np.testing.assert_array_equal(value.numpy(), [3.0, 6.0])
    with pytest.raises(minitorch.GradientError):
        parameter += 1.0
    np.testing.assert_array_equal(value.numpy(), [3.0, 6.0])


def test_freezing() -> None:
    parameter = made(1.0)
    parameter.requires_grad = False
    assert not parameter.requires_grad
    assert not (parameter * 2.0).requires_grad
    assert parameter.requires_grad_() is parameter
    assert parameter.requires_grad


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]
)
def test_copies(copied: Any) -> None:
    parameter = Parameter(minitorch.tensor([1.0, 2.0]), name="scale")
    other = copied(parameter)
    assert other.name == "scale"
    np.testing.assert_array_equal(other.numpy(), [1.0, 2.0])


def test_writing_into_a_frozen_parameter_leaves_it_frozen() -> None:
    parameter = Parameter(minitorch.ones(2))
    parameter.requires_grad = False
    with minitorch.no_grad():
        parameter *= 0.5
    assert not parameter.requires_grad
    assert parameter.tolist() == [0.5, 0.5]


def test_functions_take_parameters() -> None:
    parameter = Parameter(minitorch.tensor([1.0, 2.0]))
    chosen = minitorch.where(np.array([True, False]), parameter, 0.0)
    for out in minitorch.sum(parameter), minitorch.cat([parameter, parameter]).sum(), chosen.sum():
        parameter.grad = None
        out.backward()
        assert parameter.grad is not None
    assert parameter.grad.tolist() == [1.0, 0.0]
    assert minitorch.is_close(parameter, parameter).tolist() == [1.0, 1.0]
