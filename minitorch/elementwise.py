"""Functions of single numbers that tensors need beyond those of `operators`.

Compiled into kernels as those are; infinities and NaN come out as in numpy.
"""

from __future__ import annotations

import math


def ln(x: float) -> float:
    """Return the natural logarithm of x: -infinity at 0, NaN below."""
    if x > 0:
        return math.log(x)
    return -math.inf if x == 0 else math.nan


def ln_back(x: float, d: float) -> float:
    """Return d times the derivative of `ln` at x."""
    return d / x


def tanh(x: float) -> float:
    """Return the hyperbolic tangent of x."""
    return math.tanh(x)


def tanh_back(y: float, d: float) -> float:
    """Return d times the derivative of tanh where its value is y."""
    return d * (1.0 - y * y)


def sigmoid_back(y: float, d: float) -> float:
    """Return d times the derivative of the sigmoid where its value is y."""
    return d * y * (1.0 - y)


def sub(x: float, y: float) -> float:
    """Return x - y."""
    return x - y


def div(x: float, y: float) -> float:
    """Return x / y."""
    return x / y


def le(x: float, y: float) -> float:
    """Return 1 if x <= y, else 0."""
    return 1.0 if x <= y else 0.0


def absolute(x: float) -> float:
    """Return x without its sign."""
    return abs(x)


def absolute_back(x: float, d: float) -> float:
    """Return d times the derivative of the absolute value at x; 0 where x is 0."""
    if x > 0:
        return d
    return -d if x < 0 else 0.0 * d


def sqrt(x: float) -> float:
    """Return the square root of x: NaN below 0."""
    return math.sqrt(x) if x >= 0 else math.nan


def sqrt_back(y: float, d: float) -> float:
    """Return d times the derivative of the square root where its value is y."""
    return d / (2.0 * y)


def length_back(y: float, d: float) -> float:
    """Return what `sqrt_back` does, but 0 where y is 0."""
    return d / (2.0 * y) if y != 0 else 0.0


def power(x: float, y: float) -> float:
    """Return x to the power y: NaN for negative x and a fractional y."""
    out: float = x**y
    return out


def power_by_base(x: float, y: float) -> float:
    """Return the derivative of x to the power y by x."""
    return y * x ** (y - 1.0) if y != 0 else 0.0


def power_by_exponent(x: float, y: float) -> float:
    """Return the derivative of x to the power y by y: NaN for negative x."""
    if x == 0:
        return 0.0 if y >= 0 else -math.inf
    return x**y * math.log(x) if x > 0 else math.nan


def leaky(x: float, slope: float) -> float:
    """Return x where positive, else slope times x."""
    return x if x > 0 else slope * x


def leaky_slope(x: float, slope: float) -> float:
    """Return the derivative of `leaky` at x."""
    return 1.0 if x > 0 else slope


def softplus(x: float) -> float:
    """Return log(1 + exp(x)), which neither overflows for large x nor is cut to 0 for small."""
    return x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))


def smaller(x: float, y: float) -> float:
    """Return the smaller of x and y; NaN if either is NaN."""
    return x if x < y or x != x else y


def same(x: float, y: float) -> float:
    """Return 1 if x equals y or both are NaN, else 0."""
    return 1.0 if x == y or (x != x and y != y) else 0.0


def masked(mask: float, x: float) -> float:
    """Return x where the mask is not 0, else 0."""
    return x if mask != 0 else 0.0


def chosen(mask: float, x: float) -> float:
    """Return x where the mask is not 0, else -0.0, which added to any number leaves it as it is."""
    return x if mask != 0 else -0.0
