"""The module `math` as a GPU has it: infinities and NaN where Python raises.

    math.exp(1000)  ->  inf          math.log(0)  ->  -inf          math.sqrt(-1)  ->  nan

Results have the precision of the argument: float32 stays float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["DEVICE_MATH", "DeviceMath"]

_SAME_NAME = [
    "cos", "cosh", "exp", "exp2", "expm1", "fabs", "fmod", "hypot", "isfinite", "isinf", "isnan",
    "ldexp", "log", "log10", "log1p", "log2", "nextafter", "sin", "sinh", "sqrt", "tan", "tanh",
    "copysign",
]  # fmt: skip
_OTHER_NAME = {
    "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh,
    "atan": np.arctan, "atan2": np.arctan2, "atanh": np.arctanh, "cbrt": np.cbrt,
    "degrees": np.degrees, "radians": np.radians,
}  # fmt: skip


def _power(base: Any, exponent: Any) -> Any:
    wide = np.result_type(base, exponent, np.float32 if isinstance(base, np.float32) else float)
    return np.power(wide.type(base), wide.type(exponent))


def _rounded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: np.int64(function(x))


def _from_python(function: Callable[[float], float]) -> Callable[[Any], Any]:
    """Return a function that numpy lacks, its errors replaced by the values they stand for."""

    def computed(x: Any) -> Any:
        kind = type(x) if isinstance(x, np.floating) else np.float64
        try:
            return kind(function(x))
        except OverflowError:
            return kind(math.inf)
        except ValueError:  # gamma and lgamma at their poles
            return kind(math.nan if function is math.gamma else math.inf)

    return computed


def _table() -> dict[str, Any]:
    table: dict[str, Any] = {name: getattr(np, name) for name in _SAME_NAME}
    table |= _OTHER_NAME | {"pow": _power}
    table |= {name: _rounded(getattr(np, name)) for name in ("floor", "ceil", "trunc")}
    table |= {name: _from_python(getattr(math, name)) for name in ("erf", "erfc")}
    table |= {name: _from_python(getattr(math, name)) for name in ("gamma", "lgamma")}
    return table | {name: getattr(math, name) for name in ("pi", "e", "tau", "inf", "nan")}


DEVICE_MATH = _table()


class DeviceMath:
    """What a kernel finds under the name `math`."""

    def __getattr__(self, name: str) -> Any:
        if name not in DEVICE_MATH:
            raise AttributeError(f"math.{name} is not simulated; Numba may not have it either")
        return DEVICE_MATH[name]
