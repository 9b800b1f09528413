"""Losses: how far an output is from what it should be, as one number to be made small."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ...autodiff import Context
from ...errors import DTypeError, IndexingError, ShapeError, describe_shapes
from ...function import Function, is_tensor
from ...module import Parameter
from ...nn import logsoftmax
from ...tensor import Tensor
from . import mean_loss
from .activation import softplus
from .mean_loss import Labels
from .operands import checked_tensor, refuse_shapes

__all__ = [
    "binary_cross_entropy_with_logits",
    "checked_reduction",
    "cross_entropy",
    "mse_loss",
    "nll_loss",
]

REDUCTIONS = ("mean", "sum", "none")


def checked_reduction(name: str, reduction: Any) -> str:
    """Return how the losses of the elements become one.

    Raises:
        ValueError: unless it is "mean", "sum" or "none".
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f'{name}: reduction is {reduction!r}; it must be "mean", "sum" or "none"')
    return str(reduction)


def _reduced(losses: Tensor, reduction: str, weight: float | None = None) -> Tensor:
    """Return the losses, their sum, or their sum divided by `weight`, by default their number."""
    if reduction == "none":
        return losses
    total = losses.sum().view(())
    if reduction == "sum":
        return total
    weight = losses._tensor.size if weight is None else weight
    return total / (weight or math.nan)


def _like(name: str, role: str, value: Any, input: Tensor) -> Tensor:
    """Return a tensor as it is, and numbers in an array or a list in the input's dtype.

    Raises:
        DTypeError: if they are not real numbers.
        ShapeError: if rows differ in length.
    """
    if isinstance(value, Parameter) or is_tensor(value):
        return checked_tensor(name, role, value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"{name}: {role} in rows of different lengths; {error}") from None
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"{name}: the {role} must be real numbers, not {array.dtype}")
    return input._from_array(np.array(array, input.dtype))


def _operands_of_one_shape(name: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    input = checked_tensor(name, "input", input)
    target = _like(name, "target", target, input)
    if input.shape != target.shape:
        refuse_shapes(name, "the shapes must be equal", input=input, target=target)
    return input, target


def mse_loss(input: Tensor, target: Any, *, reduction: str = "mean") -> Tensor:
    """Return the squares of input - target.

    Args:
        input: a tensor.
        target: a tensor or array of its shape. PyTorch also broadcasts one of another shape,
            and warns that this is seldom what was meant.
        reduction: "mean" for their mean, "sum" for their sum, both of shape (); "none" for all
            of them, in the input's shape.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the target is not made of real numbers.
        ValueError: if there is no such reduction.
    """
    checked_reduction("mse_loss", reduction)
    input, target = _operands_of_one_shape("mse_loss", input, target)
    difference = input - target
    return _reduced(difference * difference, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Any, *, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """Return -(w t log p + (1 - t) log(1 - p)), where p = sigmoid(input) and t = target.

    Both logarithms are taken of the scores themselves, log p = -softplus(-x) and
    log(1 - p) = -softplus(x), so none of a probability that was rounded to 0 or 1.

    Args:
        input: the scores, from minus to plus infinity.
        target: a tensor or array of that shape, the probability of 1 for each score.
        reduction: as for `mse_loss`.
        pos_weight: w, a number or what broadcasts to the input's shape; None for 1.

    Raises:
        ShapeError: if the shapes differ, or the weight's does not broadcast.
        DTypeError: if the target or weight is not made of real numbers.
        ValueError: if there is no such reduction.
    """
    name = "binary_cross_entropy_with_logits"
    checked_reduction(name, reduction)
    input, target = _operands_of_one_shape(name, input, target)
    positive = target * softplus(-input)
    if pos_weight is not None:
        weight = _like(name, "pos_weight", pos_weight, input)
        shape, sizes = input.shape, weight.shape
        tail = shape[len(shape) - len(sizes) :]
        if len(sizes) > len(shape) or any(
            n not in (1, full) for n, full in zip(sizes, tail, strict=True)
        ):
            refuse_shapes(
                name, "pos_weight must broadcast to the input", input=input, pos_weight=weight
            )
        positive = weight * positive
    return _reduced(positive + (1.0 - target) * softplus(input), reduction)


def _labels(name: str, input: Tensor, labels: Any) -> Labels:
    """Return a copy of the labels, which nobody can change before the backward pass.

    Args:
        input: (batch, classes)
        labels: the number of a class for each row.

    Returns:
        (batch,), C-contiguous

    Raises:
        DTypeError: if they are not integers.
        ShapeError: unless there is one for each row.
    """
    try:
        given = np.asarray(labels)
    except ValueError as error:
        raise ShapeError(f"{name}: labels in rows of different lengths; {error}") from None
    if given.dtype.kind not in "iu" and (given.size or isinstance(labels, np.ndarray)):
        raise DTypeError(
            f"{name}: the labels must be integers, the numbers of classes, not {given.dtype}"
        )
    if given.shape != input.shape[:1]:
        operands = [("input", input.shape), ("labels", given.shape)]
        raise ShapeError(
            f"{describe_shapes(name, operands)}\nthe labels must be ({input.shape[0]},)"
        )
    return np.array(given, np.int64)


def _ignored(
    name: str, shape: tuple[int, ...], labels: Labels, ignore_index: int
) -> npt.NDArray[np.bool_] | None:
    """Return where the labels are `ignore_index`; None if nowhere.

    Raises:
        IndexingError: if another is none of the classes.
    """
    batch, classes = shape
    unsigned = labels.view(np.uint64)  # which takes a negative label for a large one
    outside = batch and np.maximum.reduce(unsigned) >= classes
    if not outside and not 0 <= ignore_index < classes:
        return None
    ignored = labels == ignore_index
    wrong = np.flatnonzero((unsigned >= classes) & ~ignored)
    if wrong.size:
        place = int(wrong[0])
        raise IndexingError(
            f"{name}: label {labels[place]} at position {place} of {batch}: the input of shape "
            f"{shape} has the classes 0 to {classes - 1}"
        )
    return ignored if ignored.any() else None


class _WeightedNLL(Function):
    """-weight times the element at the label of each row; 0 where a row does not count."""

    @staticmethod
    def forward(
        ctx: Context,
        input: Tensor,
        labels: Labels,
        weights: npt.NDArray[Any],
        counts: npt.NDArray[np.bool_],
    ) -> Tensor:
        """Return the losses: (rows, classes), (rows,), (rows,), (rows,) -> (rows,)."""
        rows = np.flatnonzero(counts)
        ctx.save_for_backward(input.shape, rows, labels, weights)
        backend, out = input.backend, input.zeros(labels.shape)
        picked = backend.ops.take(input, (rows, labels[rows]))
        losses = backend.mul_zip(input._from_array(-weights[rows]), picked)
        backend.ops.put(out, (rows,), losses)
        return out

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Tensor:
        """Return -weight times grad at the label of each row that counts, else 0."""
        shape, rows, labels, weights = ctx.saved_values
        backend, out = grad.backend, grad.zeros(shape)
        of_rows = backend.ops.take(grad, (rows,))
        slopes = backend.mul_zip(grad._from_array(-weights[rows]), of_rows)
        backend.ops.put(out, (rows, labels[rows]), slopes)
        return out


def _class_weights(name: str, weight: Any, input: Tensor) -> npt.NDArray[Any]:
    """Return the weights of the classes in an array of the input's dtype."""
    given = _like(name, "weight", weight, input)
    if given.shape != input.shape[1:]:
        problem = f"the weight must be ({input.shape[1]},), one for each class"
        refuse_shapes(name, problem, input=input, weight=given)
    weights: npt.NDArray[Any] = given.to_numpy().astype(input.dtype)
    return weights


def _checked_scores(name: str, input: Any, ignore_index: Any, reduction: str) -> Tensor:
    checked_reduction(name, reduction)
    if not hasattr(ignore_index, "__index__"):
        raise ValueError(f"{name}: ignore_index is {ignore_index!r}; it must be an integer")
    scores = checked_tensor(name, "input", input)
    if len(scores.shape) != 2 or not scores.shape[1]:
        refuse_shapes(name, "it must be (batch, classes), with a class or more", input=scores)
    return scores


def _of_labels(
    name: str,
    plain: Callable[[Tensor, Labels], Tensor],
    likelihoods: Callable[[Tensor], Tensor],
    input: Tensor,
    target: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
) -> Tensor:
    """Return the loss `name` of (batch, classes) at labels (batch,).

    Args:
        plain: the mean loss where all rows count the same.
        likelihoods: makes of the input the logarithms of the classes' probabilities.
    """
    labels = _labels(name, input, target)
    ignored = _ignored(name, input.shape, labels, ignore_index)
    if ignored is None and weight is None and reduction == "mean":
        return plain(input, labels)
    counts = np.ones(len(labels), np.bool_) if ignored is None else ~ignored
    weights = np.ones(input.shape[1], input.dtype)
    if weight is not None:
        weights = _class_weights(name, weight, input)
    of_rows = weights[np.where(counts, labels, 0)]
    losses = _WeightedNLL.apply(likelihoods(input), labels, of_rows, counts)
    return _reduced(losses, reduction, float(of_rows[counts].sum(dtype=np.float64)))


def _unchanged(input: Tensor) -> Tensor:
    return input


def _log_softmax(input: Tensor) -> Tensor:
    return logsoftmax(input, 1)


def nll_loss(
    input: Tensor,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Return -input at the labels: the negative log-likelihood.

    Args:
        input: (batch, classes), the logarithms of the classes' probabilities.
        target: (batch,), integers from 0 to classes - 1, in an array or a list.
        weight: (classes,), by which the losses of each class count; None for 1.
        ignore_index: the label of rows that do not count.
        reduction: "mean" for the sum of the losses divided by that of their weights, "sum" for
            their sum, both of shape (); "none" for all of them, (batch,).

    Returns:
        The loss; the mean of none is NaN.

    Raises:
        ShapeError: if the shapes do not fit.
        DTypeError: if the labels are not integers.
        IndexingError: if a label is none of the classes.
        ValueError: if there is no such reduction.
    """
    name = "nll_loss"
    input = _checked_scores(name, input, ignore_index, reduction)
    return _of_labels(
        name, mean_loss.nll_loss, _unchanged, input, target, weight, ignore_index, reduction
    )


def cross_entropy(
    input: Tensor,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Return -log softmax(input) at the labels, or weighed by probabilities.

    Args:
        input: (batch, classes), scores of the classes, from minus to plus infinity.
        target: labels (batch,), integers from 0 to classes - 1, in an array or a list; or
            probabilities of the classes, a tensor or a float array of the input's shape.
        weight: (classes,), by which the losses of each class count; None for 1.
        ignore_index: the label of rows that do not count.
        reduction: as for `nll_loss`; the mean over probabilities is that over the batch.

    Returns:
        The loss; the mean of none is NaN.

    Raises:
        ShapeError: if the shapes do not fit.
        DTypeError: if the labels are not integers.
        IndexingError: if a label is none of the classes.
        ValueError: if there is no such reduction.
    """
    name = "cross_entropy"
    input = _checked_scores(name, input, ignore_index, reduction)
    kind = getattr(getattr(target, "dtype", None), "kind", "")
    if kind != "f" or target.shape != input.shape:
        return _of_labels(
            name, mean_loss.cross_entropy, _log_softmax, input, target, weight, ignore_index,
            reduction,
        )  # fmt: skip
    losses = _log_softmax(input) * _like(name, "target", target, input)
    if weight is not None:
        losses = losses * input._from_array(_class_weights(name, weight, input))
    return _reduced(-losses.sum(1).view(input.shape[0]), reduction)
