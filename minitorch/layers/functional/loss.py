"""Losses of a classification."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import DTypeError, IndexingError, ShapeError, describe_shapes
from ...fusion import fusable
from ...more_functions import Pick
from ...nn import logsoftmax
from ...tensor import Tensor
from .operands import checked_tensor, refuse_shapes

__all__ = ["Labels", "cross_entropy", "nll_loss"]

Labels = npt.NDArray[np.int64]


def _checked_labels(name: str, input: Tensor, labels: Any) -> Labels:
    """Return a copy of the labels, which nobody can change before the backward pass.

    Args:
        input: (batch, classes)
        labels: the number of a class for each row.

    Returns:
        (batch,), C-contiguous

    Raises:
        DTypeError: if they are not integers.
        ShapeError: unless there is one for each row.
        IndexingError: if one is none of the classes.
    """
    batch, classes = input.shape
    try:
        given = np.asarray(labels)
    except ValueError as error:
        raise ShapeError(f"{name}: labels in rows of different lengths; {error}") from None
    if given.dtype.kind not in "iu" and (given.size or isinstance(labels, np.ndarray)):
        raise DTypeError(
            f"{name}: the labels must be integers, the numbers of classes, not {given.dtype}"
        )
    if given.shape != (batch,):
        operands = [("input", input.shape), ("labels", given.shape)]
        raise ShapeError(f"{describe_shapes(name, operands)}\nthe labels must be ({batch},)")
    own = np.array(given, np.int64)
    unsigned = own.view(np.uint64)  # which takes a negative label for a large one
    if batch and np.maximum.reduce(unsigned) >= classes:
        place = int(np.flatnonzero(unsigned >= classes)[0])
        raise IndexingError(
            f"{name}: label {own[place]} at position {place} of {batch}: the input of shape "
            f"{input.shape} has the classes 0 to {classes - 1}"
        )
    return own


def _prepared_loss(name: str, input: Any, labels: Any) -> tuple[Tensor, Labels]:
    input = checked_tensor(name, "input", input)
    if len(input.shape) != 2 or not input.shape[1]:
        refuse_shapes(name, "it must be (batch, classes), with a class or more", input=input)
    return input, _checked_labels(name, input, labels)


@fusable(_prepared_loss)
def nll_loss(input: Tensor, labels: Labels) -> Tensor:
    """Return the mean of -input at the labels: the negative log-likelihood.

    Args:
        input: (batch, classes), the logarithms of the classes' probabilities.
        labels: (batch,), integers from 0 to classes - 1, in an array or a list.

    Returns:
        (), NaN for an empty batch.

    Raises:
        ShapeError: if the shapes do not fit.
        DTypeError: if the labels are not integers.
        IndexingError: if a label is none of the classes.
    """
    likelihoods = Pick.apply(input, labels.reshape(-1, 1), 1)
    return -likelihoods.mean().view(())


@fusable(_prepared_loss)
def cross_entropy(input: Tensor, labels: Labels) -> Tensor:
    """Return the mean of -log softmax(input) at the labels.

    Args:
        input: (batch, classes), scores of the classes, from minus to plus infinity.
        labels: (batch,), integers from 0 to classes - 1, in an array or a list.

    Returns:
        (), NaN for an empty batch.

    Raises:
        ShapeError: if the shapes do not fit.
        DTypeError: if the labels are not integers.
        IndexingError: if a label is none of the classes.
    """
    return nll_loss(logsoftmax(input, 1), labels)
