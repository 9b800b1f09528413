"""Fused functions that are called directly refuse shapes that would lead a kernel astray."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import tuned_nn, tuned_products
from minitorch.errors import IndexingError


def ones(*shape: int) -> minitorch.Tensor:
    return minitorch.from_numpy(np.ones(shape, np.float32), backend="tuned")


def labels(*values: int) -> Any:
    return np.array(values, np.int64)


CASES: dict[str, Callable[[], Any]] = {
    "linear, in": lambda: tuned_products.Linear.apply(ones(2, 3), ones(4, 5), None, False),
    "linear, bias": lambda: tuned_products.linear(ones(2, 3), ones(4, 3), ones(2)),
    "convolution, channels": lambda: tuned_products.conv2d(ones(1, 2, 4, 4), ones(1, 3, 2, 2)),
    "convolution, bias": lambda: tuned_products.Convolution.apply(
        ones(1, 2, 4, 4), ones(3, 2, 2, 2), ones(2), ((0, 0), (0, 0)), True
    ),
    "convolution, negative padding": lambda: tuned_products.Convolution.apply(
        ones(1, 2, 4, 4), ones(3, 2, 2, 2), None, ((-1, 0), (0, 0)), True
    ),
    "convolution, wide padding": lambda: tuned_products.Convolution.apply(
        ones(1, 2, 4, 4), ones(3, 2, 2, 2), None, ((2, 0), (0, 0)), True
    ),
    "convolution, large kernel": lambda: tuned_products.Convolution.apply(
        ones(1, 2, 4, 4), ones(3, 2, 6, 6), None, ((0, 0), (0, 0)), True
    ),
    "average pooling": lambda: tuned_nn.AvgPool2d.apply(ones(1, 1, 5, 4), (2, 2)),
    "max pooling": lambda: tuned_nn.MaxPool2d.apply(ones(1, 1, 4, 4), (2, -2)),
    "softmax": lambda: tuned_nn.Softmax.apply(ones(2, 3), 2),
    "log-softmax": lambda: tuned_nn.LogSoftmax.apply(ones(), 0),
    "nll, labels": lambda: tuned_nn.NLLLoss.apply(ones(2, 3), labels(*[0] * 1000)),
    "cross-entropy, labels": lambda: tuned_nn.CrossEntropy.apply(ones(2, 3), labels(0)),
    "cross-entropy, dimensions": lambda: tuned_nn.CrossEntropy.apply(ones(2), labels(0, 0)),
}


@pytest.mark.parametrize("case", CASES)
def test_shapes_that_do_not_fit_are_refused(case: str) -> None:
    with pytest.raises(IndexingError):
        CASES[case]()
