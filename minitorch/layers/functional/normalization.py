"""Normalisation of each channel over a batch.

In training each channel is brought to mean 0 and variance 1 over the batch and its images, then
scaled and shifted by what is learned (Ioffe and Szegedy, https://arxiv.org/abs/1502.03167)::

    out = (x - mean) / sqrt(variance + eps) * weight + bias

and running means of both are kept, which take their places in evaluation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autodiff import no_grad
from ...devices import refuse_mixed
from ...errors import ShapeError, describe_shapes
from ...fusion import fusable
from ...tensor import Tensor
from ...views import check_writable
from .operands import checked_tensor, refuse_shapes

__all__ = ["batch_norm", "normalized", "normalized_over_batch"]


def _by_channel(values: Tensor, dims: int) -> Tensor:
    """Return (channels,) as (1, channels, 1, ..), of `dims` dimensions."""
    return values.contiguous().view(1, -1, *[1] * (dims - 2))


def _scaled(out: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    if weight is not None:
        out = out * _by_channel(weight, out.dims)
    return out if bias is None else out + _by_channel(bias, out.dims)


@fusable()
def normalized_over_batch(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the input normalised by its own means and variances, and these.

    Args:
        input: (batch, channels, *image), with a number or more for each channel.
        weight, bias: (channels,), or None.
        eps: is added to the variances.

    Returns:
        the normalised input, and the means and variances of the channels, as constants.
    """
    rest = tuple([dim for dim in range(input.dims) if dim != 1])
    mean = input.mean(rest)
    centred = input - mean
    variance = (centred * centred).mean(rest)
    out = _scaled(centred / (variance + eps).sqrt(), weight, bias)
    return out, mean.detach().reshape(-1), variance.detach().reshape(-1)


@fusable()
def normalized(
    input: Tensor,
    mean: Tensor,
    variance: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    """Return the input normalised by given means and variances, through which no gradient goes.

    Args:
        input: (batch, channels, *image)
        mean, variance: (channels,)
        weight, bias, eps: as for `normalized_over_batch`.
    """
    # In float64, so that a small eps counts.
    deviation = (variance.detach().to(np.float64) + eps).sqrt()
    centre, spread = (
        _by_channel(values.to(input.dtype), input.dims) for values in (mean.detach(), deviation)
    )
    return _scaled((input - centre) / spread, weight, bias)


def _checked(
    input: Any, running: list[Any], weight: Any, bias: Any, training: bool
) -> list[Tensor | None]:
    """Return the operands as tensors, if they fit one another.

    Raises:
        ShapeError: if they do not, or in training if a channel has one number only, or if the
            running statistics cannot be written.
        ValueError: if one of the running statistics is missing.
    """
    name = "batch_norm"
    roles = ("running_mean", "running_var", "weight", "bias")
    input = checked_tensor(name, "input", input)
    tensors = [
        None if value is None else checked_tensor(name, role, value)
        for role, value in zip(roles, (*running, weight, bias), strict=True)
    ]
    if (tensors[0] is None) != (tensors[1] is None):
        raise ValueError(f"{name}: running_mean and running_var must be given both, or neither")
    if not training and tensors[0] is None:
        raise ValueError(f"{name}: running_mean and running_var are needed in evaluation")
    refuse_mixed(name, (input, *tensors))
    shape = input.shape
    if not 2 <= len(shape) <= 4:
        problem = "it must be (batch, channels), (.., length) or (.., height, width)"
        refuse_shapes(name, problem, input=input)
    wanted = shape[1:2]
    for place, tensor in enumerate(tensors):
        if tensor is None:
            continue
        if tensor.shape != wanted:
            role = roles[place]
            operands = [("input", shape), (role, tensor.shape)]
            raise ShapeError(
                f"{describe_shapes(name, operands)}\nthe {role} must be ({shape[1]},), a number "
                "for each channel"
            )
        if training and place < 2 and not tensor._tensor.is_contiguous():
            check_writable(tensor._tensor)
    size = input._tensor.size
    if training and size and size == shape[1]:
        raise ShapeError(
            f"{name}: Expected more than 1 value per channel when training, got input {shape}"
        )
    return [input, *tensors]


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return the input normalised over each channel, as `torch.nn.functional.batch_norm`.

    In training the running statistics are changed in place: to (1 - momentum) times what they
    were, plus momentum times the batch's means, and its variances over n - 1.

    Args:
        input: (batch, channels), (batch, channels, length) or (batch, channels, height, width).
        running_mean, running_var: (channels,); both may be None in training.
        weight, bias: (channels,), or None for 1 and 0.
        training: normalise by the batch's own means and variances, not by the running ones.
        momentum: how much of the batch goes into the running statistics.
        eps: is added to the variances, so that none is 0.

    Returns:
        a tensor of the input's shape.

    Raises:
        ShapeError: if the shapes do not fit, or in training if a channel has one number only.
        ValueError: if one of the running statistics is missing.
    """
    checked = _checked(input, [running_mean, running_var], weight, bias, training)
    values: Any = checked[0]
    mean, variance, scale, shift = checked[1:]
    size = values._tensor.size
    if not training or not size:
        # Nothing can be said of an empty batch, and nothing is to be normalised in it.
        channels = values.shape[1]
        means = values.zeros((channels,)) if mean is None else mean
        variances = values.new_full((channels,), 1.0) if variance is None else variance
        return normalized(values, means, variances, scale, shift, eps)
    out, means, variances = normalized_over_batch(values, scale, shift, eps)
    if mean is not None and variance is not None:
        count = size // values.shape[1]
        _move(mean, means, momentum)
        _move(variance, variances * (count / (count - 1)), momentum)
    return out


def _move(running: Tensor, batch: Tensor, momentum: float) -> None:
    """Change a running statistic by that of a batch, in place."""
    with no_grad():
        running.copy_(running * (1 - momentum) + batch * momentum)
