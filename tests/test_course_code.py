"""What course code written for other copies of the course does, and what it must be told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minitorch
import minitorch.autodiff


@pytest.mark.parametrize(
    "make", [lambda: minitorch.tensor([1.0, 2.0]), lambda: minitorch.Scalar(2.0)]
)
def test_a_parameter_updated_by_a_computed_value_is_a_leaf_and_goes_on_learning(make: Any) -> None:
    parameter = minitorch.Parameter(make())
    values = []
    for _ in range(3):
        loss = parameter.value * parameter.value
        (loss.sum() if isinstance(loss, minitorch.Tensor) else loss).backward()
        value = parameter.value
        gradient = value.grad if isinstance(value, minitorch.Tensor) else value.derivative
        parameter.update(value - 0.1 * gradient)
        assert parameter.value.is_leaf()
        values.append(np.array(getattr(parameter.value, "data", 0.0)).ravel()[-1])
    np.testing.assert_allclose(values, [1.6, 1.28, 1.024])


def test_a_parameter_of_a_computed_value_gets_gradients() -> None:
    random = minitorch.rand(2, requires_grad=True)
    parameter = minitorch.Parameter(0.1 * (random - 0.5))
    (parameter.value * 3.0).sum().backward()
    np.testing.assert_array_equal(parameter.grad.numpy(), [3.0, 3.0])


def test_writing_into_out_is_noticed_as_any_write_in_place() -> None:
    a = minitorch.tensor([1.0, 2.0], requires_grad=True)
    x = minitorch.tensor([1.0, 1.0])
    loss = (a * x).sum()
    x.backend.id_cmap(minitorch.tensor([9.0, 9.0]), x)
    with pytest.raises(minitorch.GradientError, match="changed in place"):
        loss.backward()
    with pytest.raises(minitorch.GradientError, match="may not be written in place"):
        x.backend.id_cmap(x, a)


def test_a_recorded_tensor_is_not_written_into_another() -> None:
    x = minitorch.zeros(2, 2)
    with pytest.raises(minitorch.GradientError, match="not recorded"):
        x[0] = minitorch.tensor([1.0, 2.0], requires_grad=True) * 2.0


class Doubled(minitorch.Function):
    """2 a, whose gradient comes back in several forms."""

    gradient: Any = None

    @staticmethod
    def forward(ctx: Any, a: Any) -> Any:
        return a * 2.0

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return Doubled.gradient


@pytest.mark.parametrize("gradient", [2.0, np.full(3, 2.0), [2.0], (2.0,)])
def test_numbers_and_arrays_serve_as_gradients(gradient: Any) -> None:
    Doubled.gradient = gradient
    a = minitorch.rand(3, requires_grad=True)
    Doubled.apply(a).sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), [2.0, 2.0, 2.0])


def test_dimensions_and_shapes_may_come_as_tensors() -> None:
    t = minitorch.rand(2, 3, requires_grad=True)
    functions = minitorch.tensor_functions
    dim, order, shape = (minitorch.tensor(v) for v in (1, [1, 0], [3, 2]))
    assert functions.Sum.apply(t, dim).shape == (2, 1)
    assert functions.Permute.apply(t, order).shape == (3, 2)
    assert functions.View.apply(t, shape).shape == (3, 2)
    functions.Sum.apply(t, dim).sum().backward()
    np.testing.assert_array_equal(t.grad.numpy(), np.ones((2, 3)))


def test_make_and_ensure_tensor_are_there() -> None:
    t = minitorch.Tensor.make([1.0, 2.0, 3.0, 4.0], (2, 2), (1, 2), backend=minitorch.SimpleBackend)
    np.testing.assert_array_equal(t.numpy(), [[1.0, 3.0], [2.0, 4.0]])
    assert t._ensure_tensor(3).item() == 3.0


def test_a_subclass_of_a_backend_has_its_kernels() -> None:
    class Own(minitorch.FastOps):
        pass

    backend = minitorch.TensorBackend(Own)
    out = minitorch.conv1d(minitorch.ones(1, 1, 3, backend=backend), minitorch.ones(1, 1, 1))
    np.testing.assert_array_equal(out.numpy(), np.ones((1, 1, 3)))


def test_names_in_a_module_mean_one_thing() -> None:
    module = minitorch.Module()
    module.k = 3
    module.add_parameter("k", 5.0)
    assert module.k.value == 5.0
    with pytest.raises(TypeError, match=r"k is a parameter"):
        module.k = 4
    module.k = None
    assert module.parameters() == []
    with pytest.raises(ValueError, match="without dots"):
        module.add_parameter("a.b", 1.0)


def test_numpy_scalars_are_numbers_and_text_is_not() -> None:
    assert minitorch.exp(np.float32(0.0)) == 1.0
    assert minitorch.lt(np.int64(1), 2) == 1.0
    with pytest.raises(TypeError, match="not a number"):
        minitorch.Scalar(1.0) + "1"
    assert (minitorch.Scalar(1.0) == "1") is False
    assert (minitorch.rand(2) == None) is False  # noqa: E711
    assert f"{minitorch.tensor(1.5):.2f} {minitorch.Scalar(2):.1f}" == "1.50 2.0"


def test_a_refused_write_is_not_counted_as_one() -> None:
    w, c = minitorch.rand(3, requires_grad=True), minitorch.ones(3)
    loss = (w * c).sum()
    for key, value in ((9, 1.0), (slice(None), [1.0, 2.0]), (0, None), (0, "3"), (0, 1j)):
        with pytest.raises((minitorch.IndexingError, minitorch.DTypeError)):
            c[key] = value
    loss.backward()
    np.testing.assert_array_equal(w.grad.numpy(), np.ones(3))


def test_the_indices_that_max_gives_are_the_callers_own() -> None:
    x = minitorch.tensor([[1.0, 9.0, 3.0]], requires_grad=True)
    values, indices = x.max(1)
    indices[:] = 0
    values.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[0.0, 1.0, 0.0]])


def test_no_kernel_is_reached_with_a_gradient_of_another_shape() -> None:
    y = minitorch.conv1d(minitorch.rand(2, 1, 6, requires_grad=True), minitorch.rand(1, 1, 3))
    with pytest.raises(minitorch.ShapeError, match="chain_rule"):
        y.chain_rule(minitorch.ones(1, 1, 2))
    with pytest.raises(minitorch.ShapeError, match="chain_rule"):
        minitorch.backpropagate(y, minitorch.ones(1, 1, 2))


def test_no_grad_as_a_decorator_keeps_nothing_between_calls() -> None:
    @minitorch.no_grad()
    def outer(depth: int) -> bool:
        return inner(depth)

    @minitorch.no_grad()
    def inner(depth: int) -> bool:
        return outer(depth - 1) if depth else minitorch.autodiff.grad_mode.enabled

    assert outer(3) is False
    assert minitorch.autodiff.grad_mode.enabled


def test_a_damaged_cache_file_is_compiled_again(tmp_path: Any) -> None:
    import os
    import subprocess
    import sys

    program = "import minitorch; print((-minitorch.ones(2, backend='fast')).sum().item())"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    for _ in range(2):
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.stdout.strip() == "-2.0", done.stderr
        files = list(tmp_path.rglob("*.nbc"))
        assert files
        for file in files:
            file.write_bytes(file.read_bytes()[:100])
