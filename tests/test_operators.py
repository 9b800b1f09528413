"""Module 0: functions of numbers, and of lists of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import apart_from, small_floats

from minitorch import operators

task0_1 = pytest.mark.task0_1
task0_2 = pytest.mark.task0_2
task0_3 = pytest.mark.task0_3

lists = st.lists(small_floats, max_size=6)


# Task 0.1: functions of numbers.


@task0_1
@given(small_floats, small_floats)
def test_mul_add_and_neg_are_arithmetic(x: float, y: float) -> None:
    assert operators.mul(x, y) == x * y
    assert operators.add(x, y) == x + y
    assert operators.neg(x) == -x


@task0_1
@given(small_floats)
def test_id_changes_nothing(x: float) -> None:
    assert operators.id(x) == x


@task0_1
@given(small_floats, small_floats)
def test_comparisons_give_one_or_zero(x: float, y: float) -> None:
    assert operators.lt(x, y) == (1.0 if x < y else 0.0)
    assert operators.eq(x, y) == (1.0 if x == y else 0.0)
    assert isinstance(operators.lt(x, y), float)
    assert isinstance(operators.eq(x, y), float)


@task0_1
@given(small_floats)
def test_a_number_equals_itself_and_is_not_less(x: float) -> None:
    assert operators.eq(x, x) == 1.0
    assert operators.lt(x, x) == 0.0


@task0_1
@given(small_floats, small_floats)
def test_max_is_the_larger(x: float, y: float) -> None:
    assert operators.max(x, y) == max(x, y)


@task0_1
@pytest.mark.parametrize(("x", "y"), [(math.nan, 1.0), (1.0, math.nan), (math.nan, math.nan)])
def test_max_with_nan_is_nan(x: float, y: float) -> None:
    assert math.isnan(operators.max(x, y))


@task0_1
@pytest.mark.parametrize(
    ("difference", "expected"),
    [(0.0, 1.0), (0.009, 1.0), (-0.009, 1.0), (0.011, 0.0), (-0.011, 0.0), (-50.0, 0.0)],
)
def test_is_close_within_a_hundredth(difference: float, expected: float) -> None:
    assert operators.is_close(3.0 + difference, 3.0) == expected
    assert operators.is_close(300.0 + difference, 300.0) == expected


@task0_1
@given(st.floats(min_value=-30, max_value=30))
def test_sigmoid_agrees_with_tanh(x: float) -> None:
    assert operators.sigmoid(x) == pytest.approx((1.0 + math.tanh(x / 2)) / 2, rel=1e-9, abs=1e-15)


@task0_1
def test_sigmoid_is_stable_far_out() -> None:
    assert operators.sigmoid(1000.0) == 1.0
    assert operators.sigmoid(-1000.0) == 0.0
    assert operators.sigmoid(-700.0) == pytest.approx(math.exp(-700.0), rel=1e-9)


@task0_1
@given(small_floats)
def test_relu_keeps_positive_numbers_only(x: float) -> None:
    assert operators.relu(x) == (x if x > 0 else 0.0)


@task0_1
@given(st.floats(min_value=0.0, max_value=1e6))
def test_log_is_of_x_plus_a_millionth(x: float) -> None:
    assert operators.log(x) == pytest.approx(math.log(x + 1e-6), rel=1e-12)


@task0_1
@given(small_floats)
def test_exp_is_a_power_of_e(x: float) -> None:
    assert operators.exp(x) == pytest.approx(math.e**x, rel=1e-9)


@task0_1
def test_exp_is_infinite_where_a_float_ends() -> None:
    assert operators.exp(709.0) == math.exp(709.0)
    assert operators.exp(710.0) == math.inf
    assert operators.exp(-1000.0) == 0.0


@task0_1
@given(small_floats.filter(lambda x: abs(x) > 1e-3))
def test_inv_is_the_reciprocal(x: float) -> None:
    assert operators.inv(x) == pytest.approx(1.0 / x, rel=1e-12)


@task0_1
@given(st.floats(min_value=0.0, max_value=100.0), small_floats)
def test_log_back_is_d_over_x_plus_a_millionth(x: float, d: float) -> None:
    assert operators.log_back(x, d) == pytest.approx(d / (x + 1e-6), rel=1e-9)


@task0_1
@given(small_floats.filter(lambda x: abs(x) > 1e-3), small_floats)
def test_inv_back_is_minus_d_over_x_squared(x: float, d: float) -> None:
    assert operators.inv_back(x, d) == pytest.approx(-d / x**2, rel=1e-9)


@task0_1
@given(small_floats, small_floats)
def test_relu_back_is_d_where_x_is_positive(x: float, d: float) -> None:
    assert operators.relu_back(x, d) == (d if x > 0 else 0.0)
    assert operators.relu_back(0.0, d) == 0.0


@task0_1
@pytest.mark.parametrize(
    ("function", "back"),
    [
        (operators.log, operators.log_back),
        (operators.inv, operators.inv_back),
        (operators.relu, operators.relu_back),
    ],
    ids=["log", "inv", "relu"],
)
@given(x=apart_from(0.0), d=small_floats)
def test_back_functions_are_derivatives(
    function: Callable[[float], float], back: Callable[[float, float], float], x: float, d: float
) -> None:
    if function is operators.log:
        x = abs(x)
    slope = (function(x + 1e-6) - function(x - 1e-6)) / 2e-6
    assert back(x, d) == pytest.approx(d * slope, rel=1e-3, abs=1e-3)


# Task 0.2: properties of these functions, for a student to write.


@task0_2
@given(st.floats(min_value=-30, max_value=30), st.floats(min_value=0.01, max_value=5))
def test_sigmoid_properties(x: float, step: float) -> None:
    """Check properties of the sigmoid function.

    It is always between 0 and 1; 1 minus the sigmoid of x is the sigmoid of -x; it crosses
    0 at 0.5; and it is strictly increasing (where floats can tell: check it within -15..15).
    """
    value = operators.sigmoid(x)
    assert 0.0 <= value <= 1.0
    assert 1.0 - value == pytest.approx(operators.sigmoid(-x), abs=1e-12)
    assert operators.sigmoid(0.0) == 0.5
    if -15 <= x <= 10:
        assert value < operators.sigmoid(x + step)


@task0_2
@given(small_floats, small_floats, small_floats)
def test_lt_is_transitive(a: float, b: float, c: float) -> None:
    """Check that a < b and b < c together give a < c; and that < holds one way round only."""
    x, y, z = sorted([a, b, c])
    if operators.lt(x, y) and operators.lt(y, z):
        assert operators.lt(x, z) == 1.0
    if x != y:
        assert operators.lt(x, y) == 1.0
    assert operators.lt(y, x) == 0.0


@task0_2
@given(small_floats, small_floats)
def test_symmetric(x: float, y: float) -> None:
    """Check that `mul` gives the same whichever of its arguments comes first."""
    assert operators.mul(x, y) == operators.mul(y, x)


@task0_2
@given(small_floats, small_floats, small_floats)
def test_distributive(x: float, y: float, z: float) -> None:
    """Check that z * (x + y) is z * x + z * y, up to rounding, with `mul` and `add`."""
    apart = operators.add(operators.mul(z, x), operators.mul(z, y))
    assert operators.mul(z, operators.add(x, y)) == pytest.approx(apart, abs=1e-8)


@task0_2
@given(small_floats.filter(lambda x: abs(x) > 1e-3))
def test_inverse_of_inverse(x: float) -> None:
    """Check one more property, of your own choice: here, that `inv` undoes itself."""
    assert operators.inv(operators.inv(x)) == pytest.approx(x, rel=1e-9)
    assert operators.mul(x, operators.inv(x)) == pytest.approx(1.0, rel=1e-9)


# Task 0.3: functions of lists.


@task0_3
@given(lists)
def test_map_applies_a_function_to_each(values: list[float]) -> None:
    result = operators.map(lambda x: 2.0 * x + 1.0)(values)
    assert result == [2.0 * x + 1.0 for x in values]
    assert isinstance(result, list)


@task0_3
@given(lists)
def test_neg_list_negates_each(values: list[float]) -> None:
    result = operators.negList(values)
    assert result == [-x for x in values]
    assert isinstance(result, list)


@task0_3
@given(st.lists(st.tuples(small_floats, small_floats), max_size=6))
def test_zip_with_combines_pairs_in_order(pairs: list[tuple[float, float]]) -> None:
    left, right = [x for x, _ in pairs], [y for _, y in pairs]
    result = operators.zipWith(lambda x, y: x - 2.0 * y)(left, right)
    assert result == [x - 2.0 * y for x, y in pairs]
    assert isinstance(result, list)


@task0_3
@given(st.lists(st.tuples(small_floats, small_floats), max_size=6))
def test_add_lists_adds_pairs(pairs: list[tuple[float, float]]) -> None:
    left, right = [x for x, _ in pairs], [y for _, y in pairs]
    result = operators.addLists(left, right)
    assert result == [x + y for x, y in pairs]
    assert isinstance(result, list)


@task0_3
def test_reduce_folds_from_the_first_to_the_last() -> None:
    as_digits = operators.reduce(lambda value, result: 10.0 * result + value, 4.0)
    assert as_digits([1.0, 2.0, 3.0]) == 4123.0
    assert as_digits([]) == 4.0


@task0_3
def test_a_reduction_can_be_used_again() -> None:
    total = operators.reduce(operators.add, 1.0)
    assert total([1.0, 2.0]) == 4.0
    assert total([1.0, 2.0]) == 4.0


@task0_3
@given(lists)
def test_sum_and_prod_agree_with_math(values: list[float]) -> None:
    assert operators.sum(values) == pytest.approx(math.fsum(values), rel=1e-9, abs=1e-9)
    assert operators.prod(values) == pytest.approx(math.prod(values), rel=1e-9)


@task0_3
def test_nothing_sums_to_zero_and_multiplies_to_one() -> None:
    assert operators.sum([]) == 0.0
    assert operators.prod([]) == 1.0


@task0_3
@given(lists, lists)
def test_sum_of_a_joined_list_is_the_sum_of_sums(left: list[float], right: list[float]) -> None:
    joined = operators.sum(left + right)
    assert joined == pytest.approx(operators.sum(left) + operators.sum(right), abs=1e-9)


# The library: infinities and NaN, as in numpy.


def test_nan_propagates() -> None:
    for function in (operators.sigmoid, operators.relu, operators.exp, operators.log):
        assert math.isnan(function(math.nan)), function


def test_infinities_come_out_as_in_numpy() -> None:
    assert operators.exp(math.inf) == np.exp(np.inf)
    assert operators.exp(-math.inf) == np.exp(-np.inf)
    assert operators.sigmoid(math.inf) == 1.0
    assert operators.sigmoid(-math.inf) == 0.0
    assert operators.relu(math.inf) == math.inf
