"""Module 0: mathematics on single numbers and on lists of them.

Everything above is built from these functions: `Scalar` calls them as they are, and the
tensor backends compile them into kernels. So each is plain enough for Numba. In
kernels, infinities and NaN ("not a number") propagate as in numpy; of Python numbers, `log`
and `inv` refuse those for which they are not defined, as Python's own functions do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

# The logarithm of the scalar course is taken of x + EPS, so that log(0) is finite.
EPS = 1e-6

# Above this, exp(x) is more than the largest double; math.exp would raise.
EXP_LIMIT = 709.782712893384


def mul(x: float, y: float) -> float:
    """Return x * y."""
    return x * y


def id(x: float) -> float:
    """Return x unchanged."""
    return x


def add(x: float, y: float) -> float:
    """Return x + y."""
    return x + y


def neg(x: float) -> float:
    """Return -x."""
    return -x


def lt(x: float, y: float) -> float:
    """Return 1.0 if x is less than y, else 0.0."""
    return 1.0 if x < y else 0.0


def eq(x: float, y: float) -> float:
    """Return 1.0 if x equals y, else 0.0."""
    return 1.0 if x == y else 0.0


def max(x: float, y: float) -> float:
    """Return the larger of x and y; NaN if either is NaN."""
    return x if x > y or x != x else y


def is_close(x: float, y: float) -> float:
    """Return 1.0 if x and y differ by less than 0.01, else 0.0."""
    return 1.0 if abs(x - y) < 1e-2 else 0.0


def sigmoid(x: float) -> float:
    r"""Return 1 / (1 + exp(-x)).

    For negative x the equal form exp(x) / (1 + exp(x)) is used: the exponent is then
    never positive, so neither form overflows.
    """
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    return math.exp(x) / (1.0 + math.exp(x))


def relu(x: float) -> float:
    """Return x where it is positive, else 0.0."""
    return 0.0 if x <= 0 else x


def log(x: float) -> float:
    """Return the natural logarithm of x + 1e-6."""
    return math.log(x + EPS)


def exp(x: float) -> float:
    """Return e to the power x; infinity where that is more than a float holds."""
    return math.inf if x > EXP_LIMIT else math.exp(x)


def log_back(x: float, d: float) -> float:
    """Return d times the derivative of `log` at x."""
    return d / (x + EPS)


def inv(x: float) -> float:
    """Return 1 / x."""
    return 1.0 / x


def inv_back(x: float, d: float) -> float:
    """Return d times the derivative of `inv` at x."""
    return -d / (x * x)


def relu_back(x: float, d: float) -> float:
    """Return d times the derivative of `relu` at x, which is taken as 0 at x = 0."""
    return d if x > 0 else 0.0


def map(fn: Callable[[float], float]) -> Callable[[Iterable[float]], list[float]]:
    """Return a function that applies `fn` to each element of a list.

    See https://en.wikipedia.org/wiki/Map_(higher-order_function).
    """

    def apply(values: Iterable[float]) -> list[float]:
        return [fn(value) for value in values]

    return apply


def negList(values: Iterable[float]) -> list[float]:
    """Return the list of the negated values, made with `map` and `neg`."""
    return map(neg)(values)


def zipWith(
    fn: Callable[[float, float], float],
) -> Callable[[Iterable[float], Iterable[float]], list[float]]:
    """Return a function that combines two lists of one length, pair by pair, with `fn`."""

    def apply(left: Iterable[float], right: Iterable[float]) -> list[float]:
        return [fn(x, y) for x, y in zip(left, right, strict=True)]

    return apply


def addLists(left: Iterable[float], right: Iterable[float]) -> list[float]:
    """Return the list of the sums of two lists, made with `zipWith` and `add`."""
    return zipWith(add)(left, right)


def reduce(fn: Callable[[float, float], float], start: float) -> Callable[[Iterable[float]], float]:
    """Return a function that folds a list to fn(x_n, ... fn(x_2, fn(x_1, start)))."""

    def apply(values: Iterable[float]) -> float:
        result = start
        for value in values:
            result = fn(value, result)
        return result

    return apply


def sum(values: Iterable[float]) -> float:
    """Return the sum of a list, made with `reduce` and `add`; 0.0 for an empty one."""
    return reduce(add, 0.0)(values)


def prod(values: Iterable[float]) -> float:
    """Return the product of a list, made with `reduce` and `mul`; 1.0 for an empty one."""
    return reduce(mul, 1.0)(values)
