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
