"""copy.deepcopy and pickle: a copy is another variable."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitorch

COPIERS = [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]


@pytest.fixture(params=COPIERS, ids=["deepcopy", "pickle"])
def copied(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    return request.param


@pytest.mark.parametrize("backend", ["simple", "fast"])
def test_a_copied_tensor_is_a_leaf_of_its_own(copied: Callable[[Any], Any], backend: str) -> None:
    t = minitorch.tensor([[1.0, 2.0]], backend=backend, requires_grad=True)
    (t * 3.0).sum().backward()
    u = copied(t.permute(1, 0).detach().requires_grad_(True)), copied(t)
    other = u[1]
    assert other.backend is t.backend
    np.testing.assert_array_equal(other.grad.numpy(), t.grad.numpy())
    assert other.unique_id != t.unique_id
    other.grad = t.grad = None
    # Both in one graph: were they one variable, one of them would get both gradients.
    (t * 2.0 + other * 5.0).sum().backward()
    np.testing.assert_array_equal(t.grad.numpy(), [[2.0, 2.0]])
    np.testing.assert_array_equal(other.grad.numpy(), [[5.0, 5.0]])
    with minitorch.no_grad():
        other[0, 0] = 9.0
    assert t[0, 0] == 1.0
    np.testing.assert_array_equal(u[0].numpy(), [[1.0], [2.0]])


def test_a_copied_module_learns_by_itself(copied: Callable[[Any], Any]) -> None:
    model = minitorch.Module()
    model.weight = minitorch.Parameter(minitorch.rand(2))
    other = copied(model)
    before = model.weight.numpy().copy()
    (other.weight.value * 2.0).sum().backward()
    minitorch.SGD(other.parameters(), 0.5).step()
    np.testing.assert_array_equal(model.weight.numpy(), before)
    np.testing.assert_allclose(other.weight.numpy(), before - 1.0)


def test_a_copied_scalar_is_a_leaf_of_its_own(copied: Callable[[Any], Any]) -> None:
    x = minitorch.Scalar(2.0, name="x")
    y = copied(x)
    (x * 2.0 + y * 5.0).backward()
    assert (x.derivative, y.derivative, y.name) == (2.0, 5.0, "x")
    assert copied(minitorch.Scalar(1.0, None)).is_constant()


def test_what_a_function_made_is_not_copied() -> None:
    with pytest.raises(minitorch.GradientError, match=r"made by Mul; only leaves"):
        copy.deepcopy(minitorch.rand(2, requires_grad=True) * 2.0)
    with pytest.raises(minitorch.GradientError, match="only leaves"):
        copy.deepcopy(minitorch.Scalar(1.0) * 2.0)


def test_an_unpickled_tensor_has_numpys_own_dtype() -> None:
    tensor = pickle.loads(pickle.dumps(minitorch.tensor([1.0, 2.0], dtype="float32")))
    assert tensor.dtype is np.dtype("float32")
