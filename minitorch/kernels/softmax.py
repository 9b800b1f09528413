"""Softmax and its kin: all that is asked of a line of numbers, while the line is in the cache.

A tensor is seen as (outer, length, inner), and a *line* goes along the middle dimension. Where
`inner` is 1, lines are rows of memory, and vectors go along them. Elsewhere a row of memory
has an element of each of many lines; a block of lines is done together, and vectors go across::

    inner = 1    ====================>  a line        inner > 1    | | | | | | | |  a block
                 ====================>  the next                   v v v v v v v v  of lines

A composition would read and write the whole tensor for each step: the largest element, the
difference, the exponential, the sum, the quotient. Here each line goes through all of them.
NaN needs no care in finding the largest: it comes into the sum of the exponentials whatever
is subtracted, and from there into the whole line.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import prange

from .. import elementwise, operators
from ..jit import Kernel
from .vector_math import vectorised

__all__ = ["Lines", "cross_entropy_back", "line_kernels", "nll_loss", "nll_loss_back"]

# Lines in a block.
BLOCK = 128


class Lines(NamedTuple):
    """The kernels for one dtype.

    Those along a dimension take flat arrays of one shape, and then `(outer, length, inner)`;
    for `max_back`, `out` and `grad` have one element for each line.

    `cross_entropy` takes `(out, by_input, input, labels, classes)`: it puts the mean of
    -log softmax(input)[label] in out[0], and in `by_input` the gradient of the sum, both of
    (rows, classes). Where a label is none of the classes, the loss is NaN.
    """

    softmax: Kernel  # (out, input, input, ...)
    softmax_back: Kernel  # (by_input, out, grad, ...)
    logsoftmax: Kernel  # (out, input, input, ...)
    logsoftmax_back: Kernel  # (by_input, out, grad, ...)
    max_back: Kernel  # (by_input, input, out, grad, ...)
    cross_entropy: Kernel


def _tasks(outer: int, inner: int) -> int:
    return outer * ((inner + BLOCK - 1) // BLOCK)


def _place(task: int, length: int, inner: int) -> tuple[int, int, int]:
    """Return where a block of lines starts, how many they are, and the number of the first."""
    blocks = (inner + BLOCK - 1) // BLOCK
    outer = task // blocks
    column = task % blocks * BLOCK
    return outer * length * inner + column, min(BLOCK, inner - column), outer * inner + column


def _over_lines(on_row: Callable[..., None], on_block: Callable[..., None]) -> Kernel:
    """Return a kernel over the lines of a target and two operands, all of one shape.

    Args:
        on_row: `(target, a, b)`, for one line.
        on_block: `(target, a, b, length, inner, width)`, for `width` lines, which start side by
            side at the first elements of the arrays.
    """

    def on_lines(target: Any, a: Any, b: Any, task: int, length: int, inner: int) -> None:
        start, width, _ = _place(task, length, inner)
        if inner == 1:
            end = start + length
            on_row(target[start:end], a[start:end], b[start:end])
        else:
            on_block(target[start:], a[start:], b[start:], length, inner, width)

    def over_lines(target: Any, a: Any, b: Any, outer: int, length: int, inner: int) -> None:
        for task in prange(_tasks(outer, inner)):
            on_lines(target, a, b, task, length, inner)

    return Kernel(over_lines)


def _largest_in_row(dtype: np.dtype[Any]) -> Callable[[Any], Any]:
    """Return a function that gives the largest number of a row; if it has NaN, any number.

    Comparisons of floats, of which NaN makes a partial order, do not vectorise as a reduction;
    those of integers do. The bits of floats, read as integers, are in the order of the floats,
    once all but the sign of negative ones are flipped; flipped again, they are back.
    """
    integer = np.int32 if dtype.itemsize == 4 else np.int64
    number = dtype.type
    sign = integer(8 * dtype.itemsize - 1)
    flip = np.iinfo(integer).max
    lowest = np.iinfo(integer).min

    def largest(row: Any) -> Any:
        best = integer(lowest)
        for i in range(len(row)):
            bits = number(row[i]).view(integer)
            key = integer(bits ^ integer(integer(bits >> sign) & integer(flip)))
            best = key if key > best else best
        return integer(best ^ integer(integer(best >> sign) & integer(flip))).view(number)

    return largest


def _row(block: Any, i: int, inner: int, width: int) -> Any:
    """Return the `i`-th elements of a block of lines."""
    return block[i * inner : i * inner + width]


def _largest_in_block(block: Any, length: int, inner: int, width: int) -> Any:
    """Return the largest numbers of a block of lines; where a line has NaN, any number."""
    best = np.full(width, -np.inf, block.dtype)
    for i in range(length):
        row = _row(block, i, inner, width)
        for j in range(width):
            best[j] = row[j] if row[j] > best[j] else best[j]
    return best


def _max_back_of_row(by_input: Any, input: Any, top: Any, grad: Any) -> None:
    """Share grad among the elements that equal top, and give the others 0 times a share."""
    one, zero = input.dtype.type(1), input.dtype.type(0)
    count = zero
    for i in range(len(input)):
        count += one if input[i] == top else zero
    share = grad / count
    nothing = share * zero  # NaN, if the share is infinite or NaN
    for i in range(len(input)):
        by_input[i] = share if input[i] == top else nothing


def _max_back_of_block(
    by_input: Any, input: Any, top: Any, grad: Any, length: int, inner: int, width: int
) -> None:
    one, zero = input.dtype.type(1), input.dtype.type(0)
    shares = np.zeros(width, input.dtype)
    for i in range(length):
        row = _row(input, i, inner, width)
        for j in range(width):
            shares[j] += one if row[j] == top[j] else zero
    for j in range(width):
        shares[j] = grad[j] / shares[j]
    for i in range(length):
        row, by_row = _row(input, i, inner, width), _row(by_input, i, inner, width)
        for j in range(width):
            by_row[j] = shares[j] if row[j] == top[j] else shares[j] * zero


def _max_back_of_lines(
    by_input: Any, input: Any, out: Any, grad: Any, task: int, length: int, inner: int
) -> None:
    start, width, line = _place(task, length, inner)
    if inner == 1:
        end = start + length
        _max_back_of_row(by_input[start:end], input[start:end], out[line], grad[line])
    else:
        _max_back_of_block(
            by_input[start:], input[start:], out[line:], grad[line:], length, inner, width
        )


def _max_back(
    by_input: Any, input: Any, out: Any, grad: Any, outer: int, length: int, inner: int
) -> None:
    for task in prange(_tasks(outer, inner)):
        _max_back_of_lines(by_input, input, out, grad, task, length, inner)


def _softmax_back_of_row(by_input: Any, out: Any, grad: Any) -> None:
    total = grad.dtype.type(0)
    for i in range(len(out)):
        total += grad[i] * out[i]
    for i in range(len(out)):
        by_input[i] = out[i] * (grad[i] - total)


def _softmax_back_of_block(
    by_input: Any, out: Any, grad: Any, length: int, inner: int, width: int
) -> None:
    totals = np.zeros(width, grad.dtype)
    for i in range(length):
        out_row, grad_row = _row(out, i, inner, width), _row(grad, i, inner, width)
        for j in range(width):
            totals[j] += grad_row[j] * out_row[j]
    for i in range(length):
        out_row, grad_row = _row(out, i, inner, width), _row(grad, i, inner, width)
        by_row = _row(by_input, i, inner, width)
        for j in range(width):
            by_row[j] = out_row[j] * (grad_row[j] - totals[j])


def _mean(values: Any) -> Any:
    """Return the mean, summed in float64; NaN of nothing."""
    total = np.float64(0.0)
    for i in range(len(values)):
        total += values[i]
    return total / np.float64(len(values))


def _nll_loss(out: Any, input: Any, labels: Any, classes: int) -> None:
    """Put in out[0] the mean of -input[row, label]; NaN if a label is none of the classes."""
    losses = np.full(len(labels), np.nan, input.dtype)
    for row in range(len(labels)):
        if 0 <= labels[row] < classes:
            losses[row] = -input[row * classes + labels[row]]
    out[0] = _mean(losses)


def _nll_loss_back(by_input: Any, grad: Any, labels: Any, classes: int) -> None:
    """Subtract grad[0] / rows at each label of `by_input`, (rows, classes)."""
    share = grad[0] / by_input.dtype.type(len(labels))
    for row in range(len(labels)):
        if 0 <= labels[row] < classes:
            by_input[row * classes + labels[row]] -= share


def _cross_entropy_back(by_input: Any, by_sum: Any, grad: Any, rows: int) -> None:
    """Fill `by_input` with the gradient of the mean, given that of the sum."""
    share = grad[0] / by_input.dtype.type(rows)
    for i in prange(len(by_input)):
        by_input[i] = by_sum[i] * share


nll_loss = Kernel(_nll_loss)
nll_loss_back = Kernel(_nll_loss_back)
cross_entropy_back = Kernel(_cross_entropy_back)


@functools.cache
def line_kernels(dtype: np.dtype[Any]) -> Lines:
    """Return the kernels for float32 or float64."""
    exp = vectorised(operators.exp, dtype)
    log = vectorised(elementwise.ln, dtype)
    largest_in_row = _largest_in_row(dtype)

    def exponentials_of_row(out: Any, input: Any) -> tuple[Any, Any]:
        """Fill `out` with exp(x - m), and return m, the largest x, and their sum."""
        top = largest_in_row(input)
        total = out.dtype.type(0)
        for i in range(len(input)):
            power = exp(input[i] - top)
            out[i] = power
            total += power
        return top, total

    def softmax_of_row(out: Any, input: Any, _: Any) -> None:
        _, total = exponentials_of_row(out, input)
        for i in range(len(out)):
            out[i] /= total

    def softmax_of_block(out: Any, input: Any, _: Any, length: int, inner: int, width: int) -> None:
        top = _largest_in_block(input, length, inner, width)
        totals = np.zeros(width, out.dtype)
        for i in range(length):
            row, out_row = _row(input, i, inner, width), _row(out, i, inner, width)
            for j in range(width):
                power = exp(row[j] - top[j])
                out_row[j] = power
                totals[j] += power
        for i in range(length):
            out_row = _row(out, i, inner, width)
            for j in range(width):
                out_row[j] /= totals[j]

    def logsoftmax_of_row(out: Any, input: Any, _: Any) -> None:
        # x - m is stored, so that no compiler takes m and the logarithm together: beside a
        # large m the logarithm would be lost.
        top = largest_in_row(input)
        total = out.dtype.type(0)
        for i in range(len(input)):
            shifted = input[i] - top
            out[i] = shifted
            total += exp(shifted)
        total = log(total)
        for i in range(len(out)):
            out[i] -= total

    def logsoftmax_of_block(
        out: Any, input: Any, _: Any, length: int, inner: int, width: int
    ) -> None:
        top = _largest_in_block(input, length, inner, width)
        totals = np.zeros(width, out.dtype)
        for i in range(length):
            row, out_row = _row(input, i, inner, width), _row(out, i, inner, width)
            for j in range(width):
                shifted = row[j] - top[j]
                out_row[j] = shifted
                totals[j] += exp(shifted)
        for j in range(width):
            totals[j] = log(totals[j])
        for i in range(length):
            out_row = _row(out, i, inner, width)
            for j in range(width):
                out_row[j] -= totals[j]

    def logsoftmax_back_of_row(by_input: Any, out: Any, grad: Any) -> None:
        total = grad.dtype.type(0)
        for i in range(len(grad)):
            total += grad[i]
        for i in range(len(out)):
            by_input[i] = grad[i] - exp(out[i]) * total

    def logsoftmax_back_of_block(
        by_input: Any, out: Any, grad: Any, length: int, inner: int, width: int
    ) -> None:
        totals = np.zeros(width, grad.dtype)
        for i in range(length):
            grad_row = _row(grad, i, inner, width)
            for j in range(width):
                totals[j] += grad_row[j]
        for i in range(length):
            out_row, grad_row = _row(out, i, inner, width), _row(grad, i, inner, width)
            by_row = _row(by_input, i, inner, width)
            for j in range(width):
                by_row[j] = grad_row[j] - exp(out_row[j]) * totals[j]

    def cross_entropy_of_row(by_input: Any, input: Any, label: int) -> Any:
        """Return -log softmax(input)[label], and fill `by_input` with its gradient."""
        top, total = exponentials_of_row(by_input, input)
        for i in range(len(by_input)):
            by_input[i] /= total
        if not 0 <= label < len(input):
            return input.dtype.type(np.nan)
        by_input[label] -= input.dtype.type(1)
        return log(total) - (input[label] - top)

    def cross_entropy(out: Any, by_input: Any, input: Any, labels: Any, classes: int) -> None:
        losses = np.empty(len(labels), input.dtype)
        for row in prange(len(labels)):
            start, end = row * classes, (row + 1) * classes
            losses[row] = cross_entropy_of_row(by_input[start:end], input[start:end], labels[row])
        out[0] = _mean(losses)

    return Lines(
        _over_lines(softmax_of_row, softmax_of_block),
        _over_lines(_softmax_back_of_row, _softmax_back_of_block),
        _over_lines(logsoftmax_of_row, logsoftmax_of_block),
        _over_lines(logsoftmax_back_of_row, logsoftmax_back_of_block),
        Kernel(_max_back),
        Kernel(cross_entropy),
    )
