"""Numerical gradients, to check the backward functions against."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from .layers import Array

__all__ = ["eval_numerical_gradient", "eval_numerical_gradient_array", "rel_error"]

Value = TypeVar("Value", float, Array)


def rel_error(x: Array, y: Array) -> float:
    """Return the largest |x - y| / (|x| + |y|), the sum taken to be 1e-8 at least."""
    return float(np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y))))


def eval_numerical_gradient(
    f: Callable[[Array], float], x: Array, verbose: bool = True, h: float = 1e-5
) -> Array:
    """Return the gradient of a number `f(x)` by central differences, (f(x+h) - f(x-h)) / 2h.

    Args:
        f: takes `x`; may also look at the array itself, which is changed and put back.
        x: where the gradient is wanted; float64, or the differences drown in the rounding.
        verbose: print each element.
        h: half the distance of the two points.
    """
    gradient = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        gradient[index] = _difference(f, x, index, h) / (2 * h)
        if verbose:
            print(index, gradient[index])
    return gradient


def eval_numerical_gradient_array(
    f: Callable[[Array], Array], x: Array, df: Array, h: float = 1e-5
) -> Array:
    """Return the gradient of an array `f(x)`, weighted by `df`, by central differences.

    Args:
        f: takes `x` and gives an array of df's shape.
        x: where the gradient is wanted; it is changed meanwhile and put back.
        df: the gradient of the loss by f's output.
        h: half the distance of the two points.
    """
    gradient = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        gradient[index] = np.sum(_difference(f, x, index, h) * df) / (2 * h)
    return gradient


def _difference(f: Callable[[Array], Value], x: Array, index: tuple[int, ...], h: float) -> Value:
    """Return f with one element of `x` raised by `h`, less f with it lowered."""
    before = x[index]
    try:
        x[index] = before + h
        above = f(x)
        x[index] = before - h
        return above - f(x)
    finally:
        x[index] = before
