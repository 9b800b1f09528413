"""Building kernels: two builds, the messages of unwritten functions, salts, threads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_cases import BUILDS
from numba import njit, prange

import minitorch
from minitorch import jit, operators
from minitorch.fast_ops import FastOps, tensor_map, tensor_reduce, tensor_zip
from minitorch.jit import PARALLEL_FROM, Kernel, reachable, salt_of, unfinished

builds = pytest.mark.parametrize("build", BUILDS)


def unwritten(x: float) -> float:
    """Wait to be written."""
    raise NotImplementedError("Task 9.9: minitorch/somewhere.py, unwritten")


def calls_unwritten(x: float) -> float:
    return unwritten(x) + 1.0


def outer_of_unwritten() -> Callable[..., None]:
    def _inner(out: Any, out_shape: Any, out_strides: Any, a: Any) -> None:
        raise NotImplementedError("Task 9.8: minitorch/somewhere.py, outer._inner")

    return _inner


def refuses_large_numbers(x: float) -> float:
    if x > 10:
        raise ValueError("more than 10")
    return x


def doubles(
    out: Any, out_shape: Any, out_strides: Any, a: Any, a_shape: Any, a_strides: Any
) -> None:
    for i in prange(len(out)):
        out[i] = 2 * a[i]


def arguments(size: int, value: float = 1.0) -> tuple[Any, ...]:
    layout = np.array([size]), np.array([1])
    return np.empty(size), *layout, np.full(size, value), *layout


def one_more(size: int, value: float) -> tuple[Any, ...]:
    ints = np.array([size])
    return np.full(size, value), ints, np.ones_like(ints)


def test_work_decides_which_build_runs() -> None:
    kernel = Kernel(doubles)
    assert repr(kernel) == "<Kernel doubles>"
    small, large = arguments(10), arguments(PARALLEL_FROM)
    kernel(*small)
    assert kernel._serial is not None
    assert kernel._parallel is None
    kernel(*large)
    # With one thread there is nothing to run in parallel.
    assert (kernel._parallel is None) == (jit._config.NUMBA_NUM_THREADS == 1)
    for out, *_ in (small, large):
        assert np.all(out == 2)


@builds
def test_an_unwritten_function_raises_its_message(build: str) -> None:
    work = BUILDS[build]
    message = re.escape("Task 9.9: minitorch/somewhere.py, unwritten")
    for fn in (unwritten, calls_unwritten):
        with pytest.raises(NotImplementedError, match=f"^{message}$"):
            tensor_map(fn).launch(work, *arguments(4)[:3], *arguments(4)[:3])
    with pytest.raises(NotImplementedError, match=r"Task 9\.8: minitorch/somewhere\.py"):
        Kernel(outer_of_unwritten()).launch(work, *arguments(4))


def test_an_unwritten_function_is_named_by_the_operation_on_tensors() -> None:
    for size in (3, PARALLEL_FROM):
        x = minitorch.zeros(size, backend="fast")
        with pytest.raises(NotImplementedError, match=r"Task 9\.9"):
            FastOps.map(unwritten)(x)
        with pytest.raises(NotImplementedError, match=r"Task 9\.9"):
            FastOps.zip(unwritten)(x, x)
        with pytest.raises(NotImplementedError, match=r"Task 9\.9"):
            FastOps.reduce(unwritten)(x, 0)


@builds
def test_an_error_in_a_kernel_arrives_as_itself(build: str) -> None:
    kernel = tensor_map(refuses_large_numbers)
    kernel.launch(BUILDS[build], *arguments(100)[:3], *one_more(100, 1.0))
    # From a parallel loop it comes wrapped in a SystemError.
    with pytest.raises(ValueError, match="more than 10"):
        kernel.launch(BUILDS[build], *arguments(100)[:3], *one_more(100, 11.0))


def test_unfinished_tells_the_task() -> None:
    assert unfinished(unwritten) == "Task 9.9: minitorch/somewhere.py, unwritten"
    assert unfinished(outer_of_unwritten) == "Task 9.8: minitorch/somewhere.py, outer._inner"
    assert unfinished(njit(unwritten)) == unfinished(unwritten)
    assert unfinished(operators.relu) is None
    # Other uses of the error are no tasks.
    assert unfinished(minitorch.TensorOps.matrix_multiply) is None


def test_reachable_follows_calls_through_all_that_wraps_a_function() -> None:
    def names(function: Any) -> set[str]:
        return {reached.__name__ for reached in reachable(function)}

    assert names(operators.relu) == {"relu"}
    assert names(calls_unwritten) == {"calls_unwritten", "unwritten"}
    assert names(njit(calls_unwritten)) == {"calls_unwritten", "unwritten"}
    # A cache around a function, and a Kernel.
    assert {"tensor_map", "to_index", "broadcast_index"} <= names(tensor_map)
    assert {"_tensor_matrix_multiply", "to_index"} <= names(FastOps.matrix_multiply)
    # A closure, and a function found in a module.
    assert {"_map", "relu", "to_index"} <= names(tensor_map(operators.relu).body)
    assert operators.relu in reachable(through_modules)


def through_modules(x: float) -> float:
    return minitorch.operators.relu(x)  # type: ignore[no-any-return]


def made(source: str, **names: Any) -> Any:
    """Return the function `f` of a source text, with global names."""
    scope: dict[str, Any] = dict(names)
    exec(source, scope)
    return scope["f"]


SOURCE = "def f(x, y=1.0):\n    return g(x) * 2.0 + y + C\n"


def g_plus(x: float) -> float:
    return x + 1


def g_minus(x: float) -> float:
    return x - 1


def test_salt_is_the_same_for_the_same_text() -> None:
    assert salt_of(made(SOURCE, g=g_plus, C=1)) == salt_of(made(SOURCE, g=g_plus, C=1))


@pytest.mark.parametrize(
    ("source", "names"),
    [
        pytest.param(SOURCE.replace("2.0", "3.0"), {"g": g_plus, "C": 1}, id="constant"),
        pytest.param(SOURCE.replace("y=1.0", "y=2.0"), {"g": g_plus, "C": 1}, id="default"),
        pytest.param(SOURCE.replace("y=1", "*, y=1"), {"g": g_plus, "C": 1}, id="keyword only"),
        pytest.param(SOURCE.replace("* 2", "/ 2"), {"g": g_plus, "C": 1}, id="operator"),
        pytest.param(SOURCE, {"g": g_minus, "C": 1}, id="called function"),
        pytest.param(SOURCE, {"g": njit(g_minus), "C": 1}, id="called dispatcher"),
        pytest.param(SOURCE, {"g": g_plus, "C": 2}, id="global number"),
        pytest.param(SOURCE, {"g": g_plus, "C": 1.0}, id="global of another type"),
        pytest.param(SOURCE, {"g": g_plus, "C": np.int64(1)}, id="global numpy number"),
        pytest.param(SOURCE, {"g": g_plus, "C": (1, np.float32(1))}, id="global tuple"),
        pytest.param(SOURCE, {"g": g_plus, "C": np.array([1.0])}, id="global array"),
    ],
)
def test_salt_differs_by(source: str, names: dict[str, Any]) -> None:
    assert salt_of(made(source, **names)) != salt_of(made(SOURCE, g=g_plus, C=1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.float32(1), np.float32(2)),
        ((1, np.float32(1)), (1, np.float32(2))),
        (np.array([1.0, 2.0]), np.array([1.0, 3.0])),
        (np.zeros(2000), np.append(np.zeros(1999), 1.0)),
    ],
    ids=["numpy number", "tuple of numpy numbers", "array", "long array"],
)
def test_salt_differs_by_the_value_of_a_global(one: Any, other: Any) -> None:
    assert salt_of(made(SOURCE, g=g_plus, C=one)) != salt_of(made(SOURCE, g=g_plus, C=other))


def test_salt_differs_by_a_closed_over_function_and_by_a_nested_call() -> None:
    bodies = [tensor_map(fn).body for fn in (operators.relu, operators.neg)]
    assert salt_of(bodies[0]) != salt_of(bodies[1])
    outer = "def f(x):\n    return inner(x)\n"
    salts = {salt_of(made(outer, inner=made(SOURCE, g=g, C=1))) for g in (g_plus, g_minus)}
    assert len(salts) == 2


def test_salt_of_a_recursive_function() -> None:
    scope: dict[str, Any] = {}
    exec("def f(x):\n    return 1 if x < 1 else f(x - 1)\n", scope)
    assert salt_of(scope["f"]) == salt_of(scope["f"])


def test_kernels_of_different_functions_do_not_mix() -> None:
    x = minitorch.tensor([[1.0, -2.0], [3.0, 4.0]], backend="fast")
    assert FastOps.map(operators.neg)(x).numpy().tolist() == [[-1, 2], [-3, -4]]
    assert FastOps.map(operators.relu)(x).numpy().tolist() == [[1, 0], [3, 4]]
    assert tensor_zip(operators.add) is not tensor_zip(operators.mul)
    assert tensor_reduce(operators.add) is tensor_reduce(operators.add)


def test_a_small_part_of_a_large_tensor_is_little_work() -> None:
    t = minitorch.zeros(2 * PARALLEL_FROM, backend="fast")
    whole, part = t._tensor, t[:4]._tensor
    assert part._storage.size == whole._storage.size
    assert jit._elements(*part.tuple(), *part.tuple()) == 4
    assert jit._elements(*part.tuple(), *whole.tuple()) == 2 * PARALLEL_FROM


def test_parallel_diagnostics_are_printed(capfd: pytest.CaptureFixture[str]) -> None:
    kernel = Kernel(doubles)
    with pytest.raises(RuntimeError, match="doubles: call the kernel once"):
        kernel.parallel_diagnostics()
    kernel(*arguments(10))
    kernel.parallel_diagnostics(level=1)
    printed = capfd.readouterr().out
    assert "Parallel Accelerator" in printed
    assert "prange" in printed
