"""The course's public interface: existing course code and tests run on it unchanged."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from strategies import apart_from, medium_floats, tensors

import minitorch
from minitorch import MathTest, MathTestVariable, Scalar, Tensor, operators

# Every name below is to be had from the module before it.
NAMES = {
    "minitorch": """
        operators Module Parameter central_difference topological_sort backpropagate Context
        Variable Scalar ScalarHistory ScalarFunction derivative_check TensorData TensorOps
        SimpleOps TensorBackend SimpleBackend Function Tensor zeros ones rand tensor grad_check
        datasets testing MathTest MathTestVariable SGD Optimizer FastOps Conv1dFun Conv2dFun
        conv1d conv2d tile avgpool2d maxpool2d max Max argmax softmax logsoftmax dropout
        make_tensor_backend TensorFunctions tensor_fromlist tensor_data index_to_position
        to_index broadcast_index shape_broadcast strides_from_shape MAX_DIMS IndexingError
        exp log relu sigmoid tanh add mul neg inv lt eq is_close sum prod no_grad manual_seed
        set_default_backend set_default_dtype""",
    "minitorch.operators": """
        mul id add neg lt eq max is_close sigmoid relu log exp inv log_back inv_back relu_back
        map negList zipWith addLists reduce sum prod""",
    "minitorch.autodiff": """
        Context Variable central_difference topological_sort backpropagate""",
    "minitorch.module": "Module Parameter",
    "minitorch.scalar": "Scalar ScalarHistory derivative_check",
    "minitorch.scalar_functions": "ScalarFunction Add Mul Inv Neg Sigmoid ReLU Exp Log LT EQ",
    "minitorch.tensor_data": """
        index_to_position to_index broadcast_index shape_broadcast strides_from_shape MAX_DIMS
        IndexingError Storage OutIndex Index Shape Strides UserIndex UserShape UserStrides
        TensorData count""",
    "minitorch.tensor_ops": """
        TensorOps SimpleOps TensorBackend SimpleBackend tensor_map tensor_zip tensor_reduce""",
    "minitorch.tensor_functions": """
        Function Neg Inv Add Mul Sigmoid ReLU Log Exp Sum All LT EQ IsClose Permute View Copy
        MatMul""",
    "minitorch.tensor": "Tensor",
    "minitorch.testing": "MathTest MathTestVariable",
    "minitorch.optim": "SGD Optimizer",
    "minitorch.fast_ops": """
        FastOps tensor_map tensor_zip tensor_reduce tensor_matrix_multiply""",
    "minitorch.fast_conv": "tensor_conv1d tensor_conv2d Conv1dFun Conv2dFun conv1d conv2d",
    "minitorch.nn": "tile avgpool2d maxpool2d max Max argmax softmax logsoftmax dropout",
}

MEMBERS = {
    minitorch.TensorData: """
        index indices sample get set permute is_contiguous to_string tuple to_cuda_""",
    minitorch.TensorOps: "map cmap zip reduce matrix_multiply cuda",
    Tensor: """
        all is_close sigmoid relu log exp item sum mean permute view contiguous to_numpy detach
        zeros tuple expand backward zero_grad_ requires_grad_ requires_grad is_leaf is_constant
        parents chain_rule accumulate_derivative shape size dims name max min argmax""",
    Scalar: """
        log exp sigmoid relu backward chain_rule requires_grad_ is_leaf is_constant parents
        accumulate_derivative data derivative history unique_id name""",
    minitorch.Module: """
        train eval parameters named_parameters add_parameter mode modules __call__""",
    minitorch.Context: "save_for_backward saved_values saved_tensors",
    MathTest: """
        neg addConstant square cube subConstant multConstant div inv sig log relu exp explog
        complex add2 mul2 div2 gt2 lt2 eq2 sum_red mean_red mean_full_red""",
}

BACKEND_OPERATIONS = """
    neg_map sigmoid_map relu_map log_map exp_map id_map id_cmap inv_map add_zip mul_zip lt_zip
    eq_zip is_close_zip relu_back_zip log_back_zip inv_back_zip add_reduce mul_reduce
    matrix_multiply cuda"""


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module, names in NAMES.items() for name in names.split()],
)
def test_the_name_is_there(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in MEMBERS.items() for name in names.split()]
)
def test_the_member_is_there(kind: type, name: str) -> None:
    slots = [slot for base in kind.__mro__ for slot in getattr(base, "__slots__", ())]
    assert hasattr(kind, name) or name in slots


@pytest.mark.parametrize("name", BACKEND_OPERATIONS.split())
def test_a_backend_has_the_operation(name: str) -> None:
    assert hasattr(minitorch.SimpleBackend, name)
    assert hasattr(minitorch.TensorBackend(minitorch.SimpleOps), name)


def test_all_names_what_is_there_and_no_more() -> None:
    assert len(set(minitorch.__all__)) == len(minitorch.__all__)
    assert all(hasattr(minitorch, name) for name in minitorch.__all__)


def test_a_tensor_is_made_as_the_course_makes_it() -> None:
    data = minitorch.TensorData([1.0, 2.0], (2,))
    tensor = Tensor(data, backend=minitorch.SimpleBackend)
    assert tensor._tensor is data
    assert tensor.backend is minitorch.SimpleBackend
    assert minitorch.rand((2, 2), backend=minitorch.SimpleBackend, requires_grad=True).is_leaf()
    assert minitorch.tensor([[1, 2]], backend=minitorch.SimpleBackend).shape == (1, 2)


def test_a_backend_is_not_built_anew_for_each_tensor() -> None:
    first, second = minitorch.zeros((2,)), minitorch.zeros((2,))
    assert first.backend is second.backend is minitorch.get_backend()
    assert minitorch.get_backend("simple") is minitorch.get_backend("simple")
    assert first.f is first.backend


def test_aliases_of_older_material() -> None:
    assert minitorch.TensorFunctions is minitorch.SimpleBackend
    assert minitorch.make_tensor_backend(minitorch.SimpleOps).ops is minitorch.SimpleOps
    assert minitorch.tensor([1, 2, 3, 4], (2, 2))[1, 0] == 3.0


def test_logarithms_of_scalars_and_of_tensors() -> None:
    assert operators.log(0.0) == Scalar(0.0).log().data == math.log(1e-6)
    assert minitorch.tensor([0.0], backend="simple").log()[0] == -math.inf
    assert minitorch.log(minitorch.tensor([1.0], backend="simple"))[0] == 0.0
    assert minitorch.log(0.0) == math.log(1e-6)


def test_functions_of_the_package_take_scalars_and_numbers() -> None:
    assert minitorch.exp(Scalar(0.0)).data == minitorch.exp(0.0) == 1.0
    assert minitorch.tanh(Scalar(0.5)).data == pytest.approx(math.tanh(0.5))
    assert minitorch.tanh(0.5) == pytest.approx(math.tanh(0.5))
    assert minitorch.relu(-1) == 0.0
    assert minitorch.inv(Scalar(4.0)).data == minitorch.inv(4.0) == 0.25
    assert minitorch.lt(1.0, 2.0) == minitorch.lt(Scalar(1.0), 2.0).data == 1.0
    assert minitorch.add(Scalar(1.0), 2.0).data == 3.0
    assert minitorch.sum([1.0, 2.0]) == 3.0
    assert minitorch.prod([3.0, 2.0]) == 6.0


# MathTest and MathTestVariable.

GROUPS = (
    {"neg", "addConstant", "square", "cube", "subConstant", "multConstant", "div", "inv", "sig",
     "log", "relu", "exp", "explog", "complex"},
    {"add2", "mul2", "div2", "gt2", "lt2", "eq2"},
    {"sum_red", "mean_red", "mean_full_red"},
)  # fmt: skip
ONE, TWO, REDUCTIONS = MathTestVariable._comp_testing()


@pytest.mark.parametrize("kind", [MathTest, MathTestVariable])
def test_the_tests_come_in_three_groups(kind: type[MathTest]) -> None:
    for pairs, expected in zip(kind._tests(), GROUPS, strict=True):
        assert {name for name, _ in pairs} == expected
        assert all(callable(function) for _, function in pairs)
    for triples, expected in zip(kind._comp_testing(), GROUPS, strict=True):
        assert {name for name, _, _ in triples} == expected
        assert all(plain is getattr(MathTest, name) for name, plain, _ in triples)
        assert all(own is getattr(kind, name) for name, _, own in triples)


@pytest.mark.parametrize(("name", "plain", "function"), ONE)
@given(x=apart_from(-0.7))
def test_one_argument_on_scalars_and_tensors(
    name: str, plain: Callable[..., float], function: Callable[..., Any], x: float
) -> None:
    tensor = minitorch.tensor([x], backend="simple")
    assert function(Scalar(x)).data == pytest.approx(plain(x), abs=1e-6)
    assert function(tensor)[0] == pytest.approx(plain(x), abs=1e-6)
    minitorch.derivative_check(function, Scalar(x))
    minitorch.grad_check(function, tensor)


@pytest.mark.parametrize(("name", "plain", "function"), TWO)
@given(x=medium_floats, y=medium_floats)
def test_two_arguments_on_scalars_and_tensors(
    name: str, plain: Callable[..., float], function: Callable[..., Any], x: float, y: float
) -> None:
    assume(min(abs(x + 1.2 - y), abs(x - y - 5.5)) > 0.01)
    pair = [minitorch.tensor([value], backend="simple") for value in (x, y)]
    assert function(Scalar(x), Scalar(y)).data == pytest.approx(plain(x, y))
    assert function(*pair)[0] == pytest.approx(plain(x, y))
    minitorch.derivative_check(function, Scalar(x), Scalar(y))
    minitorch.grad_check(function, *pair)


@pytest.mark.parametrize(("name", "plain", "function"), REDUCTIONS)
@given(a=tensors(medium_floats, (4,)))
def test_reductions_on_tensors(
    name: str, plain: Callable[..., float], function: Callable[..., Any], a: Tensor
) -> None:
    assert function(a).shape == (1,)
    assert function(a).item() == pytest.approx(plain(a.numpy().tolist()))
    minitorch.grad_check(function, a)


@given(tensors(medium_floats, (2, 3)), tensors(medium_floats, (2, 3)))
def test_checks_as_course_tests_make_them(a: Tensor, b: Tensor) -> None:
    for index in a._tensor.indices():
        assert (a * b)[index] == a[index] * b[index]
    minitorch.grad_check(lambda x, y: x * y, a.sum(0), b)
    minitorch.grad_check(lambda x, y: x * y, a, b.sum(1))
    a.requires_grad_(True)
    a.zero_grad_()
    (a * b).sum().view(1).backward(minitorch.tensor([1.0], backend="simple"))
    assert a.grad is not None
    index = a._tensor.sample()
    assert a.grad[index] == b[index]
    assert a.sum(0).is_close(a.permute(1, 0).sum(1).permute(1, 0)).all().item() == 1.0
