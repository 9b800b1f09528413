"""Module 1: numbers that record how they were computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from strategies import apart_from, medium_floats, positive_floats, small_floats

from minitorch import (
    Context,
    GradientError,
    MathTestVariable,
    Scalar,
    ScalarFunction,
    ScalarHistory,
    derivative_check,
    operators,
)
from minitorch.scalar_functions import EQ, LT, Add, Exp, Inv, Log, Mul, Neg, ReLU, Sigmoid

task1_2 = pytest.mark.task1_2
task1_3 = pytest.mark.task1_3
task1_4 = pytest.mark.task1_4

ONE, TWO, _ = MathTestVariable._comp_testing()


def ids(triples: list[Any]) -> dict[str, Any]:
    return {"argvalues": triples, "ids": [triple[0] for triple in triples]}


# Task 1.2: values.


@task1_2
@given(small_floats, small_floats)
def test_arithmetic_with_scalars_and_numbers(x: float, y: float) -> None:
    for a, b in [(Scalar(x), Scalar(y)), (Scalar(x), y), (x, Scalar(y))]:
        assert (a + b).data == x + y
        assert (a - b).data == x - y
        assert (a * b).data == x * y
    assert (-Scalar(x)).data == -x


@task1_2
@given(small_floats, small_floats.filter(lambda y: abs(y) > 1e-3))
def test_division_with_scalars_and_numbers(x: float, y: float) -> None:
    for a, b in [(Scalar(x), Scalar(y)), (Scalar(x), y), (x, Scalar(y))]:
        assert (a / b).data == pytest.approx(x / y, rel=1e-9)


@task1_2
@given(small_floats, small_floats)
def test_comparisons_are_scalars_of_one_or_zero(x: float, y: float) -> None:
    for a, b in [(Scalar(x), Scalar(y)), (Scalar(x), y), (x, Scalar(y))]:
        assert (a < b).data == float(x < y)
        assert (a > b).data == float(x > y)
        assert (a == b).data == float(x == y)
    assert (Scalar(x) == x).data == 1.0
    assert (Scalar(x) < x).data == (Scalar(x) > x).data == 0.0


@task1_2
@given(small_floats)
def test_functions_of_one_scalar(x: float) -> None:
    assert Scalar(x).exp().data == pytest.approx(math.exp(x), rel=1e-9)
    assert Scalar(x).sigmoid().data == pytest.approx(operators.sigmoid(x), rel=1e-9)
    assert Scalar(x).relu().data == max(x, 0.0)
    assert Scalar(abs(x)).log().data == pytest.approx(math.log(abs(x) + 1e-6), rel=1e-9)


@task1_2
def test_sigmoid_of_a_scalar_is_stable_far_out() -> None:
    assert Scalar(-1000.0).sigmoid().data == 0.0
    assert Scalar(1000.0).sigmoid().data == 1.0


@task1_2
@pytest.mark.parametrize(("name", "plain", "function"), **ids(ONE))
@given(x=medium_floats)
def test_compositions_of_one_scalar(
    name: str, plain: Callable[..., Any], function: Callable[..., Any], x: float
) -> None:
    assert function(Scalar(x)).data == pytest.approx(plain(x), rel=1e-6, abs=1e-9)


@task1_2
@pytest.mark.parametrize(("name", "plain", "function"), **ids(TWO))
@given(x=medium_floats, y=medium_floats)
def test_compositions_of_two_scalars(
    name: str, plain: Callable[..., Any], function: Callable[..., Any], x: float, y: float
) -> None:
    assert function(Scalar(x), Scalar(y)).data == pytest.approx(plain(x, y), rel=1e-6, abs=1e-9)


@task1_2
def test_forward_takes_and_gives_floats() -> None:
    expected = {
        Mul: ((3.0, 4.0), 12.0),
        Inv: ((4.0,), 0.25),
        Neg: ((3.0,), -3.0),
        Sigmoid: ((0.0,), 0.5),
        ReLU: ((-3.0,), 0.0),
        Exp: ((0.0,), 1.0),
        LT: ((3.0, 4.0), 1.0),
        EQ: ((3.0, 4.0), 0.0),
    }
    for function, (arguments, value) in expected.items():
        result = function.forward(Context(), *arguments)
        assert isinstance(result, float), function
        assert result == value, function


@task1_2
def test_results_remember_where_they_came_from() -> None:
    x, y = Scalar(2.0), Scalar(3.0)
    results = {
        "x + y": x + y, "x - y": x - y, "x * y": x * y, "x / y": x / y, "-x": -x,
        "x < y": x < y, "x > y": x > y, "x == y": x == y,
        "log": x.log(), "exp": x.exp(), "sigmoid": x.sigmoid(), "relu": x.relu(),
    }  # fmt: skip
    for name, result in results.items():
        assert isinstance(result, Scalar), f"{name} gives no Scalar"
        assert not result.is_leaf(), f"{name} gives a Scalar without history"
        assert not result.is_constant(), f"{name} gives a constant"
        ancestors = {parent.unique_id for parent in result.parents}
        ancestors |= {above.unique_id for parent in result.parents for above in parent.parents}
        assert x.unique_id in ancestors, f"{name} does not come from x"


# Task 1.3: the chain rule. The functions' own derivatives, Task 1.4, are not needed.


class Shifted(ScalarFunction):
    """x + y + 10: both derivatives are 1."""

    @staticmethod
    def forward(ctx: Context, x: float, y: float) -> float:
        return x + y + 10.0

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, float]:
        return d_output, d_output


class Lopsided(ScalarFunction):
    """x y + x: the derivatives are y + 1 and x."""

    @staticmethod
    def forward(ctx: Context, x: float, y: float) -> float:
        ctx.save_for_backward(x, y)
        return x * y + x

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, float]:
        x, y = ctx.saved_values
        return d_output * (y + 1.0), d_output * x


class Tripled(ScalarFunction):
    """3 x, whose backward gives a number, not a tuple."""

    @staticmethod
    def forward(ctx: Context, x: float) -> float:
        return 3.0 * x

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        return 3.0 * d_output


@task1_3
def test_the_chain_rule_pairs_parents_with_derivatives() -> None:
    x, y = Scalar(10.0), Scalar(5.0)
    (first, by_first), (second, by_second) = Lopsided.apply(x, y).chain_rule(5.0)
    assert first is x
    assert second is y
    assert by_first == 5.0 * (5.0 + 1.0)
    assert by_second == 5.0 * 10.0


@task1_3
def test_the_chain_rule_with_one_parent() -> None:
    x = Scalar(10.0)
    ((parent, derivative),) = Tripled.apply(x).chain_rule(2.0)
    assert parent is x
    assert derivative == 6.0


@task1_3
def test_the_chain_rule_names_a_parent_for_each_use() -> None:
    x = Scalar(4.0)
    pairs = list(Lopsided.apply(x, x).chain_rule(1.0))
    assert [parent is x for parent, _ in pairs] == [True, True]
    assert [derivative for _, derivative in pairs] == [5.0, 4.0]


@task1_3
def test_the_chain_rule_with_a_plain_number() -> None:
    y = Scalar(5.0)
    pairs = list(Lopsided.apply(10.0, y).chain_rule(5.0))
    assert [derivative for parent, derivative in pairs if parent is y] == [50.0]
    others = [parent for parent, _ in pairs if parent is not y]
    assert all(parent.is_constant() for parent in others)


@task1_3
def test_the_chain_rule_of_a_history_made_by_hand() -> None:
    x = Scalar(0.0, ScalarHistory())
    made = Scalar(0.0, ScalarHistory(Shifted, Context(), [x, x]))
    pairs = list(made.chain_rule(d_output=5.0))
    assert [(parent.name, derivative) for parent, derivative in pairs] == [(x.name, 5.0)] * 2


@task1_3
def test_the_chain_rule_goes_one_step_only() -> None:
    x = Scalar(2.0)
    inner = Tripled.apply(x)
    ((parent, derivative),) = Tripled.apply(inner).chain_rule(1.0)
    assert parent is inner
    assert derivative == 3.0
    assert x.derivative is None


# Task 1.4: backpropagation.


@task1_4
@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (Log, lambda x: 1.0 / (x + 1e-6)),
        (Inv, lambda x: -1.0 / (x * x)),
        (Neg, lambda x: -1.0),
        (Sigmoid, lambda x: operators.sigmoid(x) * operators.sigmoid(-x)),
        (ReLU, lambda x: 1.0),
        (Exp, math.exp),
    ],
    ids=["Log", "Inv", "Neg", "Sigmoid", "ReLU", "Exp"],
)
@given(x=positive_floats, d=medium_floats)
def test_backward_multiplies_by_the_derivative_from_above(
    function: type[ScalarFunction], derivative: Callable[[float], float], x: float, d: float
) -> None:
    leaf = Scalar(x)
    function.apply(leaf).backward(d)
    assert leaf.derivative == pytest.approx(d * derivative(x), rel=1e-9, abs=1e-9)


@task1_4
def test_backward_of_relu_of_a_negative_number_is_zero() -> None:
    leaf = Scalar(-2.0)
    ReLU.apply(leaf).backward(3.0)
    assert leaf.derivative == 0.0


@task1_4
@pytest.mark.parametrize(
    ("function", "derivatives"),
    [
        (Add, lambda x, y: (1.0, 1.0)),
        (Mul, lambda x, y: (y, x)),
        (LT, lambda x, y: (0.0, 0.0)),
        (EQ, lambda x, y: (0.0, 0.0)),
    ],
    ids=["Add", "Mul", "LT", "EQ"],
)
@given(x=medium_floats, y=medium_floats, d=medium_floats)
def test_backward_by_both_arguments(
    function: type[ScalarFunction], derivatives: Callable[..., Any], x: float, y: float, d: float
) -> None:
    a, b = Scalar(x), Scalar(y)
    function.apply(a, b).backward(d)
    by_a, by_b = derivatives(x, y)
    assert (a.derivative, b.derivative) == (d * by_a, d * by_b)


@task1_4
@pytest.mark.parametrize(("name", "plain", "function"), **ids(ONE))
@given(x=apart_from(-0.7))  # where `complex` has a corner
def test_derivatives_of_one_scalar(
    name: str, plain: Callable[..., Any], function: Callable[..., Any], x: float
) -> None:
    derivative_check(function, Scalar(x))


@task1_4
@pytest.mark.parametrize(("name", "plain", "function"), **ids(TWO))
@given(x=medium_floats, y=medium_floats)
def test_derivatives_of_two_scalars(
    name: str, plain: Callable[..., Any], function: Callable[..., Any], x: float, y: float
) -> None:
    assume(abs(x + 1.2 - y) > 0.01)  # a tie of lt2 and gt2
    assume(abs(x - y - 5.5) > 0.01)  # a tie of eq2
    derivative_check(function, Scalar(x), Scalar(y))


@task1_4
@given(apart_from(0.0), apart_from(0.0))
def test_derivatives_of_every_operation(x: float, y: float) -> None:
    assume(abs(x - y) > 0.01)
    derivative_check(lambda a: a.relu() + a.sigmoid() * 2.0, Scalar(x))
    derivative_check(lambda a: a.exp() - a * a * a, Scalar(x))
    derivative_check(lambda a, b: a / b - b / a - 2.0 / b, Scalar(x), Scalar(y))
    derivative_check(lambda a, b: (a < b) * a + (a > b) * b + (a == b), Scalar(x), Scalar(y))


@task1_4
def test_a_scalar_used_twice_gets_both_shares() -> None:
    x = Scalar(3.0)
    y = x * x
    (y * x + y).backward()
    assert x.derivative == 3.0 * 9.0 + 6.0


@task1_4
def test_derivatives_add_up_over_backwards() -> None:
    x = Scalar(3.0)
    (x * 2.0).backward()
    (x * 5.0).backward(d_output=10.0)
    assert x.derivative == 52.0


@task1_4
def test_only_leaves_keep_a_derivative() -> None:
    x, constant = Scalar(2.0), Scalar(3.0, None)
    middle = x * constant
    (middle * 4.0).backward()
    assert x.derivative == 12.0
    assert middle.derivative is None
    assert constant.derivative is None


@task1_4
def test_backward_through_functions_of_ones_own() -> None:
    x, y = Scalar(10.0), Scalar(5.0)
    Shifted.apply(Lopsided.apply(x, y), Tripled.apply(y)).backward(d_output=2.0)
    assert x.derivative == 2.0 * 6.0
    assert y.derivative == 2.0 * (10.0 + 3.0)


@task1_4
def test_derivative_check_finds_a_wrong_derivative() -> None:
    class Wrong(Lopsided):
        """The derivative by the second argument is off by a tenth."""

        @staticmethod
        def backward(ctx: Context, d_output: float) -> tuple[float, float]:
            x, y = ctx.saved_values
            return d_output * (y + 1.0), d_output * x * 1.1

    derivative_check(Lopsided.apply, Scalar(2.0), Scalar(3.0))
    with pytest.raises(AssertionError, match="by argument 1"):
        derivative_check(Wrong.apply, Scalar(2.0), Scalar(3.0))


# The library: what is given.


def test_a_scalar_is_a_leaf_a_constant_or_a_result() -> None:
    leaf, constant = Scalar(1.0), Scalar(1.0, None)
    result = leaf + constant
    kinds = [(s.is_leaf(), s.is_constant()) for s in (leaf, constant, result)]
    assert kinds == [(True, False), (False, True), (False, False)]
    assert (constant + 1.0).is_constant()
    assert list(leaf.parents) == list(constant.parents) == []


def test_requires_grad_turns_recording_on_and_off() -> None:
    x = Scalar(1.0, None).requires_grad_()
    assert x.is_leaf()
    assert x.requires_grad_(False).is_constant()


def test_scalars_have_names_and_print() -> None:
    x = Scalar(1.5, name="x")
    assert x.name == "x"
    assert Scalar(1.5).name != Scalar(1.5).name
    assert repr(x) == "Scalar(1.5)"
    assert float(x) == 1.5
    assert bool(Scalar(0.0)) is False
    assert len({x, Scalar(1.5)}) == 2


def test_errors_say_what_is_missing() -> None:
    with pytest.raises(GradientError, match="is a constant"):
        Scalar(1.0, None).backward()
    with pytest.raises(GradientError, match="no function made"):
        Scalar(1.0).chain_rule(1.0)
    with pytest.raises(GradientError, match="not a leaf"):
        (Scalar(1.0) + 1.0).accumulate_derivative(1.0)


def test_a_second_backward_needs_the_graph_retained() -> None:
    x = Scalar(3.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.derivative == 12.0
    with pytest.raises(GradientError, match="retain_graph=True"):
        y.backward()
    assert x.derivative == 12.0


def test_a_deep_graph_needs_no_recursion() -> None:
    x = Scalar(1.0)
    y = x
    for _ in range(50_000):
        y = y + 1.0
    y.backward()
    assert x.derivative == 1.0
    assert y.data == 50_001.0
