"""Exponentials and logarithms that vectorise: arithmetic and selects only, no call of libm.

A function of libm is a call for each number; these are some twenty instructions for eight or
sixteen numbers at once. Each first brings its argument into a small range, where a polynomial
does, and puts the rest back by way of the exponent field of a binary float::

    exp x:  x = n ln 2 + r      ---|----n ln 2----|-r-x---      exp x = 2^n exp r,  |r| < 0.35
    log x:  x = 2^n m           | sign | exponent n | fraction m |  log x = n ln 2 + log m

n is found by adding 1.5 * 2^52, beside which a double has no room for a fraction; the low bits
of the sum are then n, and shifted into the exponent field they are 2^n. What n ln 2 loses in
rounding would spoil r, so ln 2 comes in two parts, and n times the first is exact. See Cody and
Waite, Software Manual for the Elementary Functions (1980), and for the logarithm fdlibm's
e_log.c (Sun, 1993). The coefficients are minimax, by the exchange of Remez (1934). Where a
float32 would lose digits in between, the function computes in float64, which has 29 to spare.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import register_jitable

from .. import elementwise, operators

__all__ = [
    "VECTORISED",
    "exact",
    "exp32",
    "exp64",
    "log32",
    "log64",
    "sigmoid32",
    "sigmoid64",
    "tanh32",
    "tanh64",
    "vectorised",
]


def exact(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function that kernels call, so that it is compiled as it is written.

    Kernels may reorder sums, by which a rounding error that is computed on purpose becomes
    zero. In the marked function only multiply-adds are fused; and -0.0 keeps its sign.
    """
    marked: Callable[..., Any] = register_jitable(fastmath={"contract"})(function)
    marked._minitorch_jitable = True  # type: ignore[attr-defined]
    marked._minitorch_flags = ("contract",)  # type: ignore[attr-defined]
    return marked


_LOG2_E = math.log2(math.e)
_LN_2 = math.log(2)

# ln 2 = high + low; the last bits of `high` are zero, so that n * high is exact.
_LN_2_HIGH = 6.93147180369123816490e-01
_LN_2_LOW = 1.90821492927058770002e-10
_LN_2_HIGH_32 = np.float32(0.693359375)
_LN_2_LOW_32 = np.float32(-2.12194440054690583e-4)

# Beside these numbers a float has no room for a fraction.
_ROUNDER = 1.5 * 2.0**52
_ROUNDER_32 = np.float32(1.5 * 2.0**23)

# The bits of sqrt(1/2), from which on fractions are counted: they reach to sqrt(2).
_ROOT_BITS = np.float64(math.sqrt(0.5)).view(np.uint64)
_ROOT_BITS_32 = np.float32(math.sqrt(0.5)).view(np.int32)
_FRACTION = np.uint64(2**52 - 1)


@exact
def _two_to(rounded: Any, more: int) -> Any:
    """Return 2^(n + more), where `rounded` is n + _ROUNDER; it must be a normal float64."""
    bits = np.float64(rounded).view(np.int64)
    return np.int64((bits + np.int64(1023 + more)) << np.int64(52)).view(np.float64)


@exact
def _two_to_32(rounded: Any, more: int) -> Any:
    """Return 2^(n + more), where `rounded` is n + _ROUNDER_32; it must be a normal float32."""
    bits = np.float32(rounded).view(np.int32)
    exponent = np.int32(bits + np.int32(127 + more))
    return np.int32(exponent << np.int32(23)).view(np.float32)


@exact
def _exp_tail(r: Any) -> Any:
    """Return exp(r) - 1 - r for a float64 |r| < 0.35, to 2^-58."""
    p = 2.5118361460285987132e-8 * r + 2.7631706192574843703e-7
    p = p * r + 2.7557214687745296107e-6
    p = p * r + 2.4801488825107122715e-5
    p = p * r + 1.984126991923136024e-4
    p = p * r + 1.388888894801019087e-3
    p = p * r + 8.333333333306332087e-3
    p = p * r + 4.1666666666512003055e-2
    p = p * r + 1.6666666666666700443e-1
    p = p * r + 5.0000000000000130963e-1
    return p * (r * r)


@exact
def _exp_tail_32(r: Any) -> Any:
    """Return exp(r) - 1 - r for a float32 |r| < 0.35, to 2^-28."""
    p = np.float32(1.39508505724e-3) * r + np.float32(8.36909625612e-3)
    p = p * r + np.float32(4.16662004086e-2)
    p = p * r + np.float32(1.66665171154e-1)
    p = p * r + np.float32(5.00000009686e-1)
    return p * (r * r)


@exact
def _exp_for_32(x: Any) -> Any:
    """Return exp(x) for a float64 |x| < 700, to 2^-34: more than a float32 can tell."""
    rounded = x * _LOG2_E + _ROUNDER
    r = x - (rounded - _ROUNDER) * _LN_2
    p = 1.99188741384118736e-4 * r + 1.39464056159493279e-3
    p = p * r + 8.33326345506109281e-3
    p = p * r + 4.16662653468020906e-2
    p = p * r + 1.66666668646676731e-1
    p = p * r + 5.00000007923988923e-1
    return ((p * r + 1.0) * r + 1.0) * _two_to(rounded, 0)


@exact
def exp32(x: Any) -> Any:
    """Return e to the power x in float32."""
    wide: Any = np.float64(x)
    wide = 90.0 if wide > 90.0 else wide
    wide = -105.0 if wide < -105.0 else wide
    return np.float32(_exp_for_32(wide))


@exact
def exp64(x: Any) -> Any:
    """Return e to the power x in float64."""
    x = 710.0 if x > 710.0 else x
    x = -746.0 if x < -746.0 else x
    rounded = x * _LOG2_E + _ROUNDER
    n = rounded - _ROUNDER
    r = x - n * _LN_2_HIGH
    low = n * _LN_2_LOW
    # 1 + r is rounded; what it lost goes to the small terms (Dekker's Fast2Sum, 1971).
    total = 1.0 + r
    y = total + (((1.0 - total) + r) + (_exp_tail(r - low) - low))
    # 2^n in two factors: it may be above the largest float, or below the smallest.
    half = x * (0.5 * _LOG2_E) + _ROUNDER
    return y * _two_to(half, 0) * _two_to((rounded - half) + _ROUNDER, 0)


@exact
def sigmoid32(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)) in float32.

    It is computed as s / (s + s exp(-x)) with s = 2^-24, so that exp(-x) has no overflow even
    where the result is the smallest of floats.
    """
    x = np.float32(70.0) if x > np.float32(70.0) else x
    x = np.float32(-105.0) if x < np.float32(-105.0) else x
    rounded = _ROUNDER_32 - x * np.float32(_LOG2_E)
    n = rounded - _ROUNDER_32
    r = -x - n * _LN_2_HIGH_32
    low = n * _LN_2_LOW_32
    p = r + (_exp_tail_32(r - low) - low)
    scale = np.float32(2.0**-24)
    power = _two_to_32(rounded, -24)
    return scale / ((scale + power) + power * p)


@exact
def sigmoid64(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)) in float64: see `sigmoid32`, here with s = 2^-53."""
    x = 600.0 if x > 600.0 else x
    x = -746.0 if x < -746.0 else x
    rounded = _ROUNDER - x * _LOG2_E
    n = rounded - _ROUNDER
    r = -x - n * _LN_2_HIGH
    low = n * _LN_2_LOW
    p = r + (_exp_tail(r - low) - low)
    scale = 2.0**-53
    power = _two_to(rounded, -53)
    return scale / ((scale + power) + power * p)


@exact
def tanh32(x: Any) -> Any:
    """Return the hyperbolic tangent of x in float32.

    1 - 2 / (exp(2x) + 1) loses digits near 0; a float64 has enough until tanh x is x.
    """
    wide: Any = np.float64(x)
    wide = 20.0 if wide > 20.0 else wide
    wide = -20.0 if wide < -20.0 else wide
    y = np.float32(1.0 - 2.0 / (_exp_for_32(2.0 * wide) + 1.0))
    return x if abs(x) < np.float32(2.0**-12) else y


@exact
def tanh64(x: Any) -> Any:
    """Return the hyperbolic tangent of x in float64.

    Near 0 by the continued fraction x / (1 + x^2 / (3 + x^2 / (5 + ...))) of Lambert (1768),
    as far as 15, written as x + x times a quotient; elsewhere as 1 + 1 times -2 / (exp(2x) + 1).
    Both share the one division. (0.0 minus: the sign of the quotient decides that of -0.0.)
    """
    size = abs(x)
    size = 22.0 if size > 22.0 else size
    z = x * x
    rounded = size * (2.0 * _LOG2_E) + _ROUNDER
    n = rounded - _ROUNDER
    r = (2.0 * size - n * _LN_2_HIGH) - n * _LN_2_LOW
    power = _two_to(rounded, 0)
    near = size < 0.55
    above = 0.0 - z * (((z + 594.0) * z + 45045.0) * z + 675675.0) if near else -2.0
    below = (
        (((z + 630.0) * z + 51975.0) * z + 945945.0) * z + 2027025.0
        if near
        else (power + 1.0) + power * (r + _exp_tail(r))
    )
    of = x if near else math.copysign(1.0, x)
    return of + of * (above / below)


@exact
def log32(x: Any) -> Any:
    """Return the natural logarithm of x in float32: -infinity at 0, NaN below."""
    tiny = x < np.float32(2.0**-126)
    bits = np.float32(x * np.float32(2.0**24) if tiny else x).view(np.int32)
    exponent = np.int32(np.int32(bits - _ROOT_BITS_32) >> np.int32(23))
    f = np.int32(bits - np.int32(exponent << np.int32(23))).view(np.float32) - np.float32(1.0)
    n = np.float32(exponent) - np.float32(24.0 if tiny else 0.0)
    p = np.float32(0.0674644741592) * f + np.float32(-0.116754403057)
    p = p * f + np.float32(0.118881470443)
    p = p * f + np.float32(-0.124056421027)
    p = p * f + np.float32(0.142195648563)
    p = p * f + np.float32(-0.166679917722)
    p = p * f + np.float32(0.200021175283)
    p = p * f + np.float32(-0.250000096951)
    p = p * f + np.float32(0.333333126295)
    small = (p * f - np.float32(0.5)) * (f * f) + n * _LN_2_LOW_32
    y = n * _LN_2_HIGH_32 + (f + small)
    y = y if x < np.float32(math.inf) else x
    y = y if x > np.float32(0.0) else np.float32(math.nan)
    return np.float32(-math.inf) if x == np.float32(0.0) else y


@exact
def log64(x: Any) -> Any:
    """Return the natural logarithm of x in float64: -infinity at 0, NaN below.

    log(1 + f) is 2 artanh(f / (2 + f)), whose series has odd powers only.
    """
    tiny = x < 2.0**-1022
    bits = np.float64(x * 2.0**54 if tiny else x).view(np.uint64)
    # 1024 more, for the exponent to be positive: then it becomes a float by being put behind 2^52.
    bits = np.uint64(bits + np.uint64((1024 << 52) - int(_ROOT_BITS)))
    n: Any = np.uint64((bits >> np.uint64(52)) | np.uint64(1075 << 52)).view(np.float64)
    n = n - (2.0**52 + (1078.0 if tiny else 1024.0))
    f = np.uint64((bits & _FRACTION) + _ROOT_BITS).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = 1.3253252991877010677e-1 * z + 1.3249962319122118650e-1
    p = p * z + 1.5387097641142814717e-1
    p = p * z + 1.8181775508776986884e-1
    p = p * z + 2.2222222648747449951e-1
    p = p * z + 2.8571428569072984236e-1
    p = p * z + 4.0000000000006287037e-1
    p = p * z + 6.6666666666666660933e-1
    square = 0.5 * f * f
    y = n * _LN_2_HIGH - ((square - (s * (square + p * z) + n * _LN_2_LOW)) - f)
    y = y if x < math.inf else x
    y = y if x > 0.0 else math.nan
    return -math.inf if x == 0.0 else y


_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)

# The functions that backends map, and the forms of them that vectorise, by dtype.
VECTORISED: dict[Callable[..., Any], dict[np.dtype[Any], Callable[..., Any]]] = {
    operators.exp: {_SINGLE: exp32, _DOUBLE: exp64},
    operators.sigmoid: {_SINGLE: sigmoid32, _DOUBLE: sigmoid64},
    elementwise.ln: {_SINGLE: log32, _DOUBLE: log64},
    elementwise.tanh: {_SINGLE: tanh32, _DOUBLE: tanh64},
}


def vectorised(fn: Callable[..., Any], dtype: Any) -> Callable[..., Any]:
    """Return the form of `fn` that vectorises for `dtype`; `fn` itself where there is none."""
    forms = VECTORISED.get(fn)
    return fn if forms is None else forms.get(np.dtype(dtype), fn)
