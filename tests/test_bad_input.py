"""What does not fit is refused on every backend, by an error that says what and why.

The messages name the operation and the shapes; on all backends they are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_cases import BACKENDS

import minitorch
from minitorch.errors import DTypeError, GradientError, IndexingError, ShapeError

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


def t(*shape: int) -> minitorch.Tensor:
    """Return zeros on the default backend, which the test sets."""
    return minitorch.zeros(shape)


def array(*shape: int) -> Any:
    return np.zeros(shape)


@pytest.fixture(autouse=True)
def default_backend(backend: str) -> Any:
    before = minitorch.get_backend()
    minitorch.set_default_backend(backend)
    yield
    minitorch.set_default_backend(before)


Bad = tuple[str, Callable[[], Any], type[Exception], tuple[str, ...]]

# What it is, the call, the error, what the message says.
SHAPES: list[Bad] = [
    ("add", lambda: t(2, 3) + t(2, 4), ShapeError, ("add", "(2, 3)", "(2, 4)", "3 and 4")),
    ("sub", lambda: t(2, 3) - t(2), ShapeError, ("sub", "(2, 3)", "(2,)", "3 and 2")),
    ("mul", lambda: t(3, 1) * t(2, 4), ShapeError, ("mul", "(3, 1)", "(2, 4)")),
    ("div", lambda: t(0) / t(2), ShapeError, ("div", "(0,)", "(2,)")),
    ("lt", lambda: t(2) < t(3), ShapeError, ("lt", "(2,)", "(3,)")),
    ("eq", lambda: t(2) == t(3), ShapeError, ("eq", "(2,)", "(3,)")),
    ("is_close", lambda: t(2).is_close(t(3)), ShapeError, ("isclose", "(2,)", "(3,)")),
    ("add array", lambda: t(2) + array(3), ShapeError, ("add", "(2,)", "(3,)")),
    ("map into", lambda: t(1).backend.id_cmap(t(3), t(2)), ShapeError, ("(3,)", "(2,)")),
    ("map into less", lambda: t(1).backend.id_cmap(t(2, 3), t(3)), ShapeError, ("(2, 3)", "(3,)")),
    ("map into 0-d", lambda: t(1).backend.id_cmap(t(1), t()), ShapeError, ("(1,)", "()")),
    ("matmul", lambda: t(2, 3) @ t(4, 2), ShapeError, ("(2, 3)", "(4, 2)", "(3)", "(4)")),
    ("matmul batch", lambda: t(2, 2, 3) @ t(4, 3, 2), ShapeError, ("(2, 2, 3)", "(4, 3, 2)")),
    ("matmul vector", lambda: t(3) @ t(4, 2), ShapeError, ("(1, 3)", "(4, 2)")),
    ("matmul number", lambda: t(2, 3) @ t(), ShapeError, ("(2, 3)", "()", "two dimensions")),
    ("matmul backend", lambda: t(1).backend.matrix_multiply(t(3), t(3, 2)), ShapeError, ("(3,)",)),
    ("view", lambda: t(2, 3).view(4), ShapeError, ("view", "(2, 3)", "(4,)")),
    ("view -1", lambda: t(2, 3).view(4, -1), ShapeError, ("view", "(2, 3)", "(4, -1)")),
    ("view -1 twice", lambda: t(2, 3).view(-1, -1), ShapeError, ("view", "negative")),
    ("view permuted", lambda: t(2, 3).permute(1, 0).view(6), ShapeError, ("view", "contiguous()")),
    ("view text", lambda: t(2).view("2"), ShapeError, ("view", "integers")),
    ("permute short", lambda: t(2, 3).permute(0), ShapeError, ("permute", "(2, 3)")),
    ("permute twice", lambda: t(2, 3).permute(0, 0), ShapeError, ("permute", "(2, 3)", "once")),
    ("permute far", lambda: t(2, 3).permute(0, 2), IndexingError, ("permute", "(2, 3)", "2")),
    ("expand", lambda: t(2, 3).expand(2, 4), ShapeError, ("expand", "(2, 3)", "(2, 4)")),
    ("expand less", lambda: t(2, 3).expand(3), ShapeError, ("expand", "(2, 3)", "(3,)")),
    ("sum", lambda: t(2, 3).sum(2), IndexingError, ("sum", "(2, 3)", "2")),
    ("sum negative", lambda: t(2, 3).sum(-3), IndexingError, ("sum", "(2, 3)", "-3")),
    ("sum text", lambda: t(2, 3).sum("x"), IndexingError, ("sum", "'x'")),
    ("mean", lambda: t(2, 3).mean(5), IndexingError, ("(2, 3)", "5")),
    ("all", lambda: t(2, 3).all(2), IndexingError, ("all", "(2, 3)", "2")),
    ("reduce 0-d", lambda: t().sum(0), IndexingError, ("sum", "()", "none")),
    ("reduce backend", lambda: t(1).backend.add_reduce(t(2), 1), IndexingError, ("(2,)", "1")),
    ("index", lambda: t(2, 3)[0, 3], IndexingError, ("(0, 3)", "(2, 3)")),
    ("index negative", lambda: t(2, 3)[-3, 0], IndexingError, ("(2, 3)",)),
    ("index row", lambda: t(2, 3)[2], IndexingError, ("2", "(2, 3)")),
    ("index long", lambda: t(2, 3)[0, 0, 0], IndexingError, ("(0, 0, 0)", "(2, 3)")),
    ("index float", lambda: t(2, 3)[0.5], IndexingError, ("0.5",)),
    ("item", lambda: t(2).item(), ShapeError, ("item", "(2,)")),
    ("ragged", lambda: minitorch.tensor([[1, 2], [3]]), ShapeError, ("lengths",)),
    ("flat list", lambda: minitorch.tensor([1, 2, 3], (2, 2)), ShapeError, ("3", "(2, 2)")),
    ("negative size", lambda: minitorch.zeros(2, -1), ShapeError, ("zeros", "(2, -1)")),
    ("max", lambda: minitorch.max(t(2, 3), 2), IndexingError, ("(2, 3)", "2")),
    ("max of none", lambda: minitorch.max(t(2, 0), 1), ShapeError, ("(2, 0)", "no elements")),
    ("max method", lambda: t(0).max(), ShapeError, ("max", "(0,)")),
    ("argmax", lambda: t(2, 0).argmax(1), ShapeError, ("argmax", "(2, 0)")),
    ("softmax", lambda: minitorch.softmax(t(2, 3), -3), IndexingError, ("(2, 3)", "-3")),
    ("softmax of none", lambda: minitorch.softmax(t(0), 0), ShapeError, ("(0,)", "no elements")),
    ("logsoftmax", lambda: minitorch.logsoftmax(t(2), 1), IndexingError, ("(2,)", "1")),
]

IMAGES: list[Bad] = [
    ("conv1d dims", lambda: minitorch.conv1d(t(3, 4), t(1, 3, 2)), ShapeError,
     ("conv1d", "(3, 4)", "(1, 3, 2)", "batch")),
    ("conv1d channels", lambda: minitorch.conv1d(t(1, 3, 4), t(1, 2, 2)), ShapeError,
     ("conv1d", "(1, 3, 4)", "(1, 2, 2)", "3 in the input", "2 in the weight")),
    ("conv1d kernel", lambda: minitorch.conv1d(t(1, 1, 4), t(1, 1, 5)), ShapeError,
     ("conv1d", "(5,)", "(4,)", "larger")),
    ("conv1d of 2-D", lambda: minitorch.conv1d(t(1, 1, 4, 4), t(1, 1, 2, 2)), ShapeError,
     ("conv1d", "(1, 1, 4, 4)", "width")),
    ("conv2d dims", lambda: minitorch.conv2d(t(1, 4, 4), t(1, 1, 2, 2)), ShapeError,
     ("conv2d", "(1, 4, 4)", "(1, 1, 2, 2)", "height")),
    ("conv2d channels", lambda: minitorch.conv2d(t(2, 3, 4, 4), t(1, 2, 2, 2)), ShapeError,
     ("conv2d", "(2, 3, 4, 4)", "(1, 2, 2, 2)", "in_channels")),
    ("conv2d kernel", lambda: minitorch.conv2d(t(1, 1, 4, 5), t(1, 1, 5, 4)), ShapeError,
     ("conv2d", "(5, 4)", "(4, 5)", "larger")),
    ("conv2d array", lambda: minitorch.conv2d(t(1, 1, 4, 5), array(1, 1, 2, 2)), DTypeError,
     ("conv2d", "weight", "ndarray")),
    ("conv of empty", lambda: minitorch.conv1d(t(1, 1, 0), t(1, 1, 1)), ShapeError,
     ("conv1d", "(1, 1, 0)", "larger")),
    ("avgpool dims", lambda: minitorch.avgpool2d(t(4, 4), (2, 2)), ShapeError,
     ("avgpool2d: ", "(4, 4)", "(2, 2)", "batch")),
    ("avgpool height", lambda: minitorch.avgpool2d(t(1, 1, 5, 4), (2, 2)), ShapeError,
     ("avgpool2d: ", "(1, 1, 5, 4)", "(2, 2)", "divide")),
    ("maxpool width", lambda: minitorch.maxpool2d(t(1, 1, 4, 5), (2, 2)), ShapeError,
     ("maxpool2d: ", "(1, 1, 4, 5)", "divide")),
    ("tile larger", lambda: minitorch.tile(t(1, 1, 4, 4), (8, 1)), ShapeError,
     ("tile: ", "(8, 1)", "divide")),
    ("pool of 0", lambda: minitorch.avgpool2d(t(1, 1, 4, 4), (0, 2)), ShapeError, ("(0, 2)",)),
    ("pool of -2", lambda: minitorch.maxpool2d(t(1, 1, 4, 4), (-2, 2)), ShapeError, ("(-2, 2)",)),
    ("pool of one", lambda: minitorch.maxpool2d(t(1, 1, 4, 4), 2), ShapeError,  # type: ignore[arg-type]
     ("kernel 2", "(height, width)")),
    ("pool of three", lambda: minitorch.tile(t(1, 1, 4, 4), (2, 2, 2)), ShapeError,  # type: ignore[arg-type]
     ("(2, 2, 2)", "(height, width)")),
    ("pool of floats", lambda: minitorch.avgpool2d(t(1, 1, 4, 4), (2.0, 2.0)), ShapeError,  # type: ignore[arg-type]
     ("(2.0, 2.0)", "integers")),
    ("dropout 1.5", lambda: minitorch.dropout(t(2), 1.5), ValueError, ("dropout", "1.5")),
    ("dropout -0.1", lambda: minitorch.dropout(t(2), -0.1), ValueError, ("dropout", "-0.1")),
    ("dropout nan", lambda: minitorch.dropout(t(2), float("nan")), ValueError, ("nan",)),
]  # fmt: skip

VALUES: list[Bad] = [
    ("add text", lambda: t(2) + "a", DTypeError, ("str", "'a'")),
    ("mul list", lambda: [1.0, 2.0] * t(2), DTypeError, ("list",)),
    ("add none", lambda: t(2) + None, DTypeError, ("NoneType",)),
    ("complex", lambda: minitorch.tensor([1j]), DTypeError, ("complex",)),
    ("text", lambda: minitorch.tensor(["a"]), DTypeError, ("real numbers",)),
    ("int dtype", lambda: minitorch.tensor([1], dtype="int64"), DTypeError, ("float32",)),
    ("half", lambda: minitorch.zeros(2, dtype=np.float16), DTypeError, ("float32 and float64",)),
    ("from ints", lambda: minitorch.from_numpy(np.arange(3)), DTypeError, ("int64",)),
    ("from list", lambda: minitorch.from_numpy([1.0]), DTypeError, ("from_numpy", "list")),
    ("exp of text", lambda: minitorch.exp("1"), DTypeError, ("exp", "str")),
]

BACKWARD: list[Bad] = [
    ("no history", lambda: t(2).backward(), GradientError, ("(2,)", "no history")),
    ("not a number", lambda: t(2).requires_grad_().exp().backward(), GradientError,
     ("(2,)", "single number")),
    ("gradient shape", lambda: t(2, 3).requires_grad_().exp().backward(t(3, 2)), ShapeError,
     ("backward", "(2, 3)", "(3, 2)")),
    ("text gradient", lambda: t(1).requires_grad_().exp().backward("1"), DTypeError, ("str",)),
    ("in place", lambda: t(2).requires_grad_().__setitem__(0, 1.0), GradientError, ("in place",)),
]  # fmt: skip

ALL = [*SHAPES, *IMAGES, *VALUES, *BACKWARD]


@pytest.mark.parametrize(("call", "error", "said"), [bad[1:] for bad in ALL],
                         ids=[bad[0] for bad in ALL])  # fmt: skip
def test_refused_with_a_clear_error(
    backend: str, call: Callable[[], Any], error: type[Exception], said: tuple[str, ...]
) -> None:
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    for part in said:
        assert part in message, message
    # The same words on every backend.
    minitorch.set_default_backend("simple")
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


def test_second_backward_is_refused_and_changes_nothing(backend: str) -> None:
    x = minitorch.tensor([1.0, 2.0], requires_grad=True)
    out = (x * x).sum()
    out.backward()
    with pytest.raises(GradientError, match="freed by an earlier"):
        out.backward()
    assert x.grad.to_numpy().tolist() == [2, 4]
    assert x.to_numpy().tolist() == [1, 2]


def test_backward_through_changed_values_is_refused(backend: str) -> None:
    x = minitorch.tensor([1.0, 2.0], requires_grad=True)
    w = minitorch.tensor([3.0, 4.0])
    out = (x * w).sum()
    w[0] = 9.0
    with pytest.raises(GradientError, match="changed in place"):
        out.backward()
    assert x.grad is None


def test_gradients_of_empty_tensors_are_empty(backend: str) -> None:
    x = minitorch.zeros(0, 3, requires_grad=True)
    ((x.exp() + 1) @ minitorch.ones(3, 2)).sum().backward()
    assert x.grad.shape == (0, 3)


def test_infinite_input_gives_what_numpy_gives(backend: str) -> None:
    row = np.array([[1.0, np.inf, 2.0], [-np.inf, 0.0, 1.0], [np.nan, 0.0, 1.0]])
    with np.errstate(all="ignore"):
        exponentials = np.exp(row - row.max(1, keepdims=True))
        expected = exponentials / exponentials.sum(1, keepdims=True)
    got = minitorch.softmax(minitorch.tensor(row), 1).to_numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert minitorch.tensor([]).mean().shape == (1,)
    assert np.isnan(minitorch.tensor([]).mean().item())
    image = row[None, None]
    weight = minitorch.ones(1, 1, 1, 1)
    np.testing.assert_array_equal(
        minitorch.conv2d(minitorch.tensor(image), weight).to_numpy(), image
    )


def test_numbers_of_other_dtypes_are_taken(backend: str) -> None:
    single = minitorch.zeros(2, dtype=np.float32)
    for number in (1, 1.0, True, np.float64(1), np.int32(1)):
        out = single + number
        assert out.dtype == np.float32
        assert out.to_numpy().tolist() == [1, 1]
    assert (single + np.ones(2)).dtype == np.float64


def test_as_many_dimensions_as_there_may_be(backend: str) -> None:
    x = minitorch.ones(*[1] * 31, 2)
    assert (x + x).to_numpy().sum() == 4
    assert x.sum(31).shape == (1,) * 32
    with pytest.raises(ShapeError, match="33 dimensions; there may be 32"):
        minitorch.ones(*[1] * 33)
