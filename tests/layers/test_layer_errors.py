"""What layers refuse, before anything has changed, and what the message says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import layers
from minitorch.errors import DTypeError, IndexingError, ShapeError
from minitorch.layers import functional


def zeros(*shape: int) -> Any:
    return minitorch.zeros(shape)


# What is called, the error, and pieces of its message.
Refusal = tuple[Callable[[], Any], type[Exception], tuple[str, ...]]

OPERANDS: dict[str, Refusal] = {
    "features": (lambda: layers.Linear(4, 3)(zeros(2, 5)), ShapeError,
                 ("linear", "input   (2, 5)", "weight  (3, 4)", "bias      (3,)",
                  "in_features, the last dimension, is 5 in the input and 4 in the weight")),
    "no dimension": (lambda: layers.Linear(4, 3)(zeros()), ShapeError, ("linear", "(..., in_f")),
    "weight of a line": (lambda: functional.linear(zeros(2, 4), zeros(4, 3).view(2, 2, 3)),
                         ShapeError, ("linear", "(2, 2, 3)", "(out_features, in_features)")),
    "bias of a line": (lambda: functional.linear(zeros(2, 4), zeros(3, 4), zeros(4)), ShapeError,
                       ("linear", "bias      (4,)", "must be of shape (3,)")),
    "bias for each row": (lambda: functional.linear(zeros(2, 4), zeros(3, 4), zeros(2, 3)),
                          ShapeError, ("linear", "must be of shape (3,)")),
    "an array": (lambda: layers.Linear(4, 3)(np.zeros((2, 4))), DTypeError,
                 ("linear: the input must be a tensor, not a ndarray",)),
    "a number": (lambda: functional.linear(zeros(2, 4), 3.0), DTypeError,
                 ("linear: the weight must be a tensor, not a float",)),
    "a list": (lambda: functional.convolution(zeros(1, 1, 4), zeros(1, 1, 2), [1.0]), DTypeError,
               ("convolution: the bias must be a tensor, not a list",)),
    "image of a line": (lambda: layers.Conv2d(1, 2, 3)(zeros(2, 1, 8)), ShapeError,
                        ("convolution", "(2, 1, 8)", "(2, 1, 3, 3)", "(batch, in_channels, *im")),
    "no batch": (lambda: layers.Conv2d(1, 2, 3)(zeros(1, 8, 8)), ShapeError, ("(batch, in_ch",)),
    "three dimensions": (lambda: functional.convolution(zeros(1, 1, 2, 2, 2), zeros(1, 1, 1, 1, 1)),
                         ShapeError, ("convolution", "an image of 1 or 2 dimensions")),
    "no dimensions": (lambda: functional.convolution(zeros(1, 1), zeros(1, 1)), ShapeError,
                      ("convolution", "an image of 1 or 2 dimensions")),
    "channels": (lambda: layers.Conv2d(3, 2, 3)(zeros(2, 1, 8, 8)), ShapeError,
                 ("convolution", "in_channels, dimension 1, is 1 in the input and 3 in the we")),
    "large kernel": (lambda: layers.Conv2d(1, 2, 5, padding=(1, 0))(zeros(2, 1, 3, 4)), ShapeError,
                     ("convolution", "(2, 1, 3, 4)", "(2, 1, 5, 5)",
                      "kernel (5, 5) is larger than the image (3, 4) padded by ((1, 1), (0, 0))")),
    "large kernel, 1-D": (lambda: layers.Conv1d(1, 2, 5)(zeros(2, 1, 4)), ShapeError,
                          ("kernel (5,) is larger than the image (4,) padded by ((0, 0),)",)),
    "no channel": (lambda: functional.convolution(zeros(2, 0, 4), zeros(3, 0, 2)), ShapeError,
                   ("convolution", "only the batch may be of size 0")),
    "no kernel": (lambda: functional.convolution(zeros(2, 1, 4), zeros(3, 1, 0)), ShapeError,
                  ("only the batch may be of size 0",)),
    "no image": (lambda: layers.Conv1d(1, 2, 1, padding=2)(zeros(2, 1, 0)), ShapeError,
                 ("only the batch may be of size 0",)),
    "bias of a convolution": (lambda: functional.convolution(zeros(2, 1, 4), zeros(3, 1, 2),
                                                             zeros(1, 3, 1)), ShapeError,
                              ("convolution", "the bias must be of shape (3,)")),
    "flatten": (lambda: layers.Flatten()(zeros(4)), IndexingError, ("flatten", "(4,)")),
    "flatten backwards": (lambda: layers.Flatten(2, 1)(zeros(2, 3, 4)), ShapeError,
                          ("flatten", "(2, 3, 4)", "dimension 2 comes after 1")),
}  # fmt: skip

NO_TENSOR = [
    layers.ReLU(), layers.LeakyReLU(), layers.Sigmoid(), layers.Tanh(), layers.Softmax(1),
    layers.Flatten(), layers.Dropout(), layers.Dropout2d(), layers.MaxPool2d(2),
    layers.AvgPool2d(2), layers.BatchNorm1d(2), layers.BatchNorm2d(2),
]  # fmt: skip

BAD_PADDING = [
    "same", 1, (1, 1), ((1, 1),), ((1, 1), (1, 1), (1, 1)), ((1, -1), (0, 0)), ((1, 1.0), (0, 0)),
    ((1, 1, 1), (0, 0)), ((1, None), (0, 0)),
]  # fmt: skip

LABELS: dict[str, tuple[Any, type[Exception], tuple[str, ...]]] = {
    "large": ([0, 1, 3], IndexingError, ("label 3 at position 2 of 3", "(3, 3)", "classes 0 to 2")),
    "negative": ([0, -1, 7], IndexingError, ("label -1 at position 1 of 3", "classes 0 to 2")),
    "huge": (np.array([2**64 - 1, 0, 0], np.uint64), IndexingError, ("at position 0",)),
    "few": ([0, 1], ShapeError, ("input   (3, 3)", "labels    (2,)", "must be (3,)")),
    "many": ([0, 1, 2, 0], ShapeError, ("labels    (4,)", "must be (3,)")),
    "column": ([[0], [1], [2]], ShapeError, ("labels  (3, 1)", "must be (3,)")),
    "one": (0, ShapeError, ("()", "must be (3,)")),
    "floats": ([0.0, 1.0, 2.0], DTypeError, ("must be integers", "float64")),
    "booleans": ([True, False, True], DTypeError, ("must be integers", "bool")),
    "a tensor": (zeros(3), DTypeError, ("must be integers", "float64")),
    "words": (["a", "b", "c"], DTypeError, ("must be integers",)),
    "none": (None, DTypeError, ("must be integers", "object")),
    "ragged": ([[0], [1, 2]], ShapeError, ("labels in rows of different lengths",)),
    "empty": ([], ShapeError, ("must be (3,)",)),
    "empty array": (np.zeros(0), DTypeError, ("must be integers",)),
}

ARGUMENTS: dict[str, Refusal] = {
    "features": (lambda: layers.Linear(-1, 3), ValueError, ("Linear: in_features is -1",)),
    "features of a float": (lambda: layers.Linear(2, 3.0), ValueError, ("out_features is 3.0",)),
    "two features": (lambda: layers.Linear((2, 3), 1), ValueError, ("in_features is (2, 3)",)),
    "channels": (lambda: layers.Conv1d(0, 3, 2), ValueError, ("Conv1d: in_channels is 0",)),
    "no output": (lambda: layers.Conv2d(1, 0, 2), ValueError, ("out_channels is 0",)),
    "kernel": (lambda: layers.Conv2d(1, 1, 0), ValueError, ("kernel_size is 0", "or a tuple of 2")),
    "kernel of three": (lambda: layers.Conv2d(1, 1, (1, 2, 3)), ValueError, ("(1, 2, 3)",)),
    "kernel of two": (lambda: layers.Conv1d(1, 1, (1, 2)), ValueError, ("kernel_size is (1, 2)",)),
    "kernel of words": (lambda: layers.Conv2d(1, 1, "33"), ValueError, ("kernel_size is '33'",)),
    "padding": (lambda: layers.Conv2d(1, 1, 3, padding=-1), ValueError, ("padding is -1",)),
    "padding of a word": (lambda: layers.Conv2d(1, 1, 3, padding="full"), ValueError,
                          ("Conv2d: padding is 'full'", '"same", "valid"')),
    "padding of pairs": (lambda: layers.Conv2d(1, 1, 3, padding=((1, 1), (1, 1))), ValueError,
                         ("Conv2d: padding is ((1, 1), (1, 1))",)),
    "activation": (lambda: layers.Conv2d(1, 1, 3, activation="tanh"), ValueError,
                   ("Conv2d: activation is 'tanh'", 'None or "relu"')),
    "activation of a layer": (lambda: layers.Linear(1, 1, activation=layers.ReLU()), ValueError,
                              ("Linear: activation is ReLU()",)),
    "tile": (lambda: layers.MaxPool2d(0), ValueError, ("MaxPool2d: kernel_size is 0",)),
    "tile of a float": (lambda: layers.AvgPool2d((2, 1.5)), ValueError, ("AvgPool2d", "(2, 1.5)")),
    "rate": (lambda: layers.Dropout(1.5), ValueError, ("Dropout: p is 1.5", "from 0 to 1")),
    "no rate": (lambda: layers.Dropout(float("nan")), ValueError, ("Dropout: p is nan",)),
    "module": (lambda: layers.Sequential(layers.ReLU(), max), TypeError, ("at 1, is not a Mod",)),
}  # fmt: skip


def refused(call: Callable[[], Any], error: type[Exception], pieces: tuple[str, ...]) -> None:
    with pytest.raises(error) as caught:
        call()
    for piece in pieces:
        assert piece in str(caught.value)


@pytest.mark.parametrize("case", OPERANDS)
def test_operands_that_do_not_fit(backend: str, case: str) -> None:
    refused(*OPERANDS[case])


@pytest.mark.parametrize("padding", BAD_PADDING, ids=str)
def test_padding_that_is_none(padding: Any) -> None:
    refused(
        lambda: functional.convolution(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), None, padding),
        ValueError, ("convolution: padding", repr(padding), "each of 2 spatial dimensions"),
    )  # fmt: skip


@pytest.mark.parametrize("loss", ["nll_loss", "cross_entropy"])
@pytest.mark.parametrize("case", LABELS)
def test_labels_that_do_not_fit(backend: str, loss: str, case: str) -> None:
    labels, error, pieces = LABELS[case]
    scores = zeros(3, 3)
    refused(lambda: getattr(functional, loss)(scores, labels), error, (loss, *pieces))


@pytest.mark.parametrize("loss", ["nll_loss", "cross_entropy"])
@pytest.mark.parametrize("shape", [(), (3,), (3, 0), (0, 0), (3, 2, 1)])
def test_scores_that_do_not_fit(backend: str, loss: str, shape: tuple[int, ...]) -> None:
    labels = [0] * (shape[0] if shape else 1)
    refused(lambda: getattr(functional, loss)(zeros(*shape), labels), ShapeError,
            (loss, str(shape), "(batch, classes)"))  # fmt: skip


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments_that_layers_do_not_take(case: str) -> None:
    refused(*ARGUMENTS[case])


@pytest.mark.parametrize("layer", NO_TENSOR, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("value", [np.ones((2, 2, 4, 4)), None], ids=["array", "None"])
def test_what_is_no_tensor_is_refused(layer: Any, value: Any) -> None:
    with pytest.raises(DTypeError, match=": the input must be a tensor, not a "):
        layer(value)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan"), "half", None])
def test_what_is_no_probability_is_refused(p: Any) -> None:
    for layer in (layers.Dropout, layers.Dropout2d):
        with pytest.raises(ValueError, match=f"{layer.__name__}: p is .* must be from 0 to 1"):
            layer(p)


def test_running_statistics_that_cannot_be_written_change_neither() -> None:
    mean, variance = zeros(2), zeros(1).expand(2)
    with pytest.raises(ShapeError, match="share their storage"):
        functional.batch_norm(minitorch.rand(3, 2), mean, variance, training=True)
    assert mean.to_numpy().tolist() == [0.0, 0.0]
