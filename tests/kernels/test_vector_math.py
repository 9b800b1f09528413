"""Functions that vectorise, against numpy at a higher precision, and their special values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
from kernel_cases import BUILDS

from minitorch import elementwise, operators
from minitorch.jit import FASTMATH, Kernel
from minitorch.kernels import vector_math
from minitorch.kernels.vector_math import VECTORISED, vectorised

Array = Any

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
FUNCTIONS = {
    "exp": operators.exp,
    "sigmoid": operators.sigmoid,
    "log": elementwise.ln,
    "tanh": elementwise.tanh,
}
NAMES = pytest.mark.parametrize("name", FUNCTIONS)

# The greatest error, in units of the last place of the exact result.
GREATEST_ERROR = {
    ("exp", np.float32): 0.51,
    ("log", np.float32): 0.85,
    ("tanh", np.float32): 0.51,
    ("sigmoid", np.float32): 2.3,
    ("exp", np.float64): 0.7,
    ("log", np.float64): 0.85,
    ("tanh", np.float64): 1.4,
    ("sigmoid", np.float64): 2.3,
}


def mapping(fn: Callable[[Any], Any]) -> Kernel:
    """Return a kernel (out, a) that maps `fn` as the elementwise kernels do."""

    def body(out: Any, a: Any) -> None:
        for i in range(a.size):
            out[i] = fn(a[i])

    return Kernel(body)


KERNELS = {
    (fn, dtype.type): mapping(form)
    for fn, forms in VECTORISED.items()
    for dtype, form in forms.items()
}


def applied(name: str, a: Array) -> Array:
    """Return the function of an array, computed in the middle of a larger one that holds NaN."""
    around = np.full(a.size + 32, np.nan, a.dtype)
    KERNELS[FUNCTIONS[name], a.dtype.type].launch(0, around[16:-16], a)
    assert np.isnan(around[:16]).all()
    assert np.isnan(around[-16:]).all()
    return around[16:-16]


def exact(name: str, a: Array) -> Array:
    """Return the function of an array, at a higher precision than the array's."""
    x = a.astype(np.float64 if a.dtype == np.float32 else np.longdouble)
    with np.errstate(all="ignore"):
        if name == "sigmoid":
            small = np.exp(-np.abs(x))
            return np.where(x >= 0, 1, small) / (1 + small)
        return getattr(np, name)(x)


def inputs(name: str, dtype: Any) -> Array:
    """Return arguments near and far, for which the result is neither 0 nor infinite."""
    rng = np.random.default_rng(0)
    n = 20_000
    if name == "log":
        far = np.finfo(dtype).maxexp * 0.69
        a = [np.exp(rng.uniform(-far, far, n)), rng.uniform(0.5, 2, n), 1 + rng.normal(0, 1e-3, n)]
    else:
        far = 87 if dtype == np.float32 else 708
        a = [rng.normal(0, 3, n), rng.uniform(-1, 1, n), rng.uniform(-far, far, n),
             rng.normal(0, 1, n) * 10.0 ** rng.uniform(-30, 0, n)]  # fmt: skip
    return np.concatenate(a).astype(dtype)


@DTYPES
@NAMES
def test_errors_are_as_small_as_stated(name: str, dtype: Any) -> None:
    if dtype == np.float64 and np.finfo(np.longdouble).nmant <= 52:
        pytest.skip("numpy has nothing more precise than float64 on this machine")
    a = inputs(name, dtype)
    expected = exact(name, a)
    unit = np.spacing(np.abs(expected).astype(dtype))
    error = np.abs(applied(name, a) - expected) / unit
    assert error.max() <= GREATEST_ERROR[name, dtype], a[error.argmax()]


@DTYPES
@NAMES
def test_special_values_are_numpys(name: str, dtype: Any) -> None:
    tiny = np.finfo(dtype).smallest_subnormal
    positive = [0.0, tiny, 5 * tiny, np.finfo(dtype).tiny, 1e-3, 1, 20, 70, 88.5, 88.73, 90, 103.5,
                104, 709.7, 709.79, 744, 746, 1e4, np.finfo(dtype).max, np.inf]  # fmt: skip
    a = np.array([*positive, *[-x for x in positive], np.nan, -np.nan], dtype)
    with np.errstate(all="ignore"):
        expected = exact(name, a).astype(dtype)
    got = applied(name, a)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    special = np.isin(expected, [0, 1, -1, np.inf, -np.inf])
    np.testing.assert_array_equal(got[special], expected[special])
    np.testing.assert_array_equal(np.signbit(got[special]), np.signbit(expected[special]))
    # Subnormal results lose no more than one of their units.
    np.testing.assert_allclose(got, expected, rtol=4 * np.finfo(dtype).eps, atol=tiny)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp_of_neighbours_of_each_power_of_two(dtype: Any) -> None:
    limits = (-149, 128) if dtype == np.float32 else (-1074, 1024)
    a = (np.arange(*limits) * np.log(2)).astype(dtype)
    a = np.concatenate([a, np.nextafter(a, dtype(-1e3)), np.nextafter(a, dtype(1e3))])
    expected = exact("exp", a)
    with np.errstate(over="ignore"):
        rounded = expected.astype(dtype)
    got = applied("exp", a)
    np.testing.assert_array_equal(np.isinf(got), np.isinf(rounded))
    finite = ~np.isinf(rounded)
    unit = np.spacing(rounded[finite])
    assert (np.abs(got[finite] - expected[finite]) <= 0.75 * unit).all()


@DTYPES
@NAMES
def test_every_length_gives_the_same_numbers(name: str, dtype: Any) -> None:
    # Whole vectors and what is left over go through different machine code.
    whole = inputs(name, dtype)[:130]
    expected = applied(name, whole)
    for n in range(131):
        np.testing.assert_array_equal(applied(name, whole[:n]), expected[:n])


@DTYPES
@NAMES
def test_monotonic_in_steps_of_one_unit_around_every_sixteenth(name: str, dtype: Any) -> None:
    start = 1 if name == "log" else -160
    for x in np.arange(start, 161, 7, dtype) / dtype(16):
        a = np.repeat(x, 64)
        for i in range(1, 64):
            a[i] = np.nextafter(a[i - 1], dtype(1e3))
        got = applied(name, a)
        slack = 2 * np.spacing(np.abs(got[:-1]))
        assert (got[1:] >= got[:-1] - slack).all()


@DTYPES
@NAMES
def test_the_loop_runs_in_vectors_without_calls(name: str, dtype: Any) -> None:
    body = KERNELS[FUNCTIONS[name], dtype].body
    # Compiled anew: of machine code from the disk there is no text.
    compiled = numba.njit(fastmath=FASTMATH, error_model="numpy")(body)
    compiled(np.empty(3, dtype), np.ones(3, dtype))
    (assembly,) = compiled.inspect_asm().values()
    if "xmm" not in assembly:
        pytest.skip("not the assembly of an x86 processor")
    last = "s" if dtype == np.float32 and name in ("log", "sigmoid") else "d"
    assert re.search(rf"(mul|fn?m(add|sub)[0-9]+)p{last}\s", assembly)
    called = re.findall(r"(?:call|jmp)q?\s+.*\b(exp|log|tanh|pow)f?\b", assembly)
    called += re.findall(r"movabsq\s+\$_*(exp|log|tanh|pow)f?\b", assembly)
    assert not called


def test_a_form_for_each_dtype_or_the_function_itself() -> None:
    assert vectorised(operators.exp, np.float32) is vector_math.exp32
    assert vectorised(operators.exp, np.dtype(np.float64)) is vector_math.exp64
    assert vectorised(elementwise.ln, "float64") is vector_math.log64
    assert vectorised(operators.neg, np.float32) is operators.neg
    assert vectorised(operators.exp, np.float16) is operators.exp


@pytest.mark.parametrize("build", BUILDS)
def test_reordering_is_kept_out_of_exact_functions(build: str) -> None:
    def lost(x: Any, y: Any) -> Any:
        total = x + y
        return y - (total - x)

    kept = vector_math.exact(lost)

    def body(out: Any, a: Any, b: Any) -> None:
        for i in numba.prange(a.size):
            out[i] = kept(a[i], b[i])

    out = np.empty(40)
    Kernel(body).launch(BUILDS[build], out, np.full(40, 1e16), np.full(40, 1.5))
    assert (out == -0.5).all()
