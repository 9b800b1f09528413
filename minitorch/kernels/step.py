"""The steps of optimisers: parameter, gradient and averages are read and written in one pass.

The formulas are those of `optim.py`. An array that the options do not ask for is not touched.
"""

from __future__ import annotations

import math
from typing import Any

from numba import prange

from ..jit import Kernel

__all__ = ["adam_kernel", "momentum_kernel", "rmsprop_kernel", "sgd_kernel"]


def _sgd(values: Any, grads: Any, lr: float, decay: float, size: int) -> None:
    """Change values[i] by -lr * (grads[i] + decay * values[i]), for i < size."""
    real = values.dtype.type
    rate, penalty = real(lr), real(decay)
    for i in prange(size):
        grad = grads[i]
        if penalty != 0:
            grad += penalty * values[i]
        values[i] -= rate * grad


def _momentum(
    values: Any, grads: Any, buffers: Any, momentum: float, share: float, by_buffer: float,
    by_grad: float, decay: float, size: int,
) -> None:  # fmt: skip
    """Let buffers[i] follow the gradient, and values[i] the buffer and the gradient.

    buffer <- momentum * buffer + share * grad, value <- value + by_buffer * buffer + by_grad *
    grad; both conventions of `SGD`, and Nesterov's, are of this form.
    """
    real = values.dtype.type
    kept, share, penalty = real(momentum), real(share), real(decay)
    by_buffer, by_grad = real(by_buffer), real(by_grad)
    for i in prange(size):
        grad = grads[i]
        if penalty != 0:
            grad += penalty * values[i]
        buffer = kept * buffers[i] + share * grad
        buffers[i] = buffer
        change = by_buffer * buffer
        if by_grad != 0:
            change += by_grad * grad
        values[i] += change


def _rmsprop(
    values: Any, grads: Any, squares: Any, means: Any, buffers: Any, lr: float, alpha: float,
    rest: float, eps: float, decay: float, momentum: float, centered: bool, in_root: bool,
    size: int,
) -> None:  # fmt: skip
    """Take a step of RMSprop; `rest` is 1 - alpha."""
    real = values.dtype.type
    rate, kept, share, eps = real(lr), real(alpha), real(rest), real(eps)
    penalty, inertia = real(decay), real(momentum)
    for i in prange(size):
        grad = grads[i]
        if penalty != 0:
            grad += penalty * values[i]
        spread = kept * squares[i] + share * grad * grad
        squares[i] = spread
        if centered:
            mean = kept * means[i] + share * grad
            means[i] = mean
            spread -= mean * mean
        change = grad / (math.sqrt(spread + eps) if in_root else math.sqrt(spread) + eps)
        if inertia != 0:
            change += inertia * buffers[i]
            buffers[i] = change
        values[i] -= rate * change


def _adam(
    values: Any, grads: Any, means: Any, squares: Any, largest: Any, rate: float,
    correction: float, beta1: float, rest1: float, beta2: float, rest2: float, eps: float,
    decay: float, shrink: float, amsgrad: bool, size: int,
) -> None:  # fmt: skip
    """Take a step of Adam.

    Args:
        rate: lr / (1 - beta1^t).
        correction: sqrt(1 - beta2^t).
        rest1, rest2: 1 - beta1, 1 - beta2.
        decay: the weight decay that goes into the gradient.
        shrink: what the values are multiplied by first, 1 - lr * the other weight decay.
    """
    real = values.dtype.type
    rate, correction, eps = real(rate), real(correction), real(eps)
    kept1, share1, kept2, share2 = real(beta1), real(rest1), real(beta2), real(rest2)
    penalty, shrink = real(decay), real(shrink)
    for i in prange(size):
        grad = grads[i]
        if penalty != 0:
            grad += penalty * values[i]
        mean = kept1 * means[i] + share1 * grad
        square = kept2 * squares[i] + share2 * grad * grad
        means[i] = mean
        squares[i] = square
        if amsgrad:
            square = max(largest[i], square)
            largest[i] = square
        values[i] = shrink * values[i] - rate * mean / (math.sqrt(square) / correction + eps)


sgd_kernel = Kernel(_sgd)
momentum_kernel = Kernel(_momentum)
rmsprop_kernel = Kernel(_rmsprop)
adam_kernel = Kernel(_adam)
