"""Keeping gradients within bounds, between `backward` and the optimiser's step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from .autodiff import no_grad
from .creation import zeros
from .errors import GradientError
from .joining import stack
from .parameter import Parameter, value_of
from .tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_"]

Parameters = Iterable[Any] | Tensor | Parameter


def clip_grad_norm_(
    parameters: Parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale the gradients of all parameters by one factor, in place, to a norm of `max_norm`.

    They stay as they are, but for rounding, where their norm is less already.

    Args:
        parameters: Parameters or tensors, or one of them; those without a gradient are left out.
        max_norm: the largest norm allowed of all gradients taken together, as one vector.
        norm_type: p of the p-norm; may be infinity.
        error_if_nonfinite: raise an error where the norm is NaN or infinite.

    Returns:
        The norm before, a tensor without dimensions.

    Raises:
        ValueError: if `max_norm` is negative or not a number, or `norm_type` not above 0.
        GradientError: as asked for by `error_if_nonfinite`; nothing is changed then.
    """
    if not max_norm >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm is {max_norm}; it must be 0 or more")
    if not norm_type > 0:
        raise ValueError(f"clip_grad_norm_: norm_type is {norm_type}; it must be above 0")
    gradients = _gradients("clip_grad_norm_", parameters)
    with no_grad():
        norms = [_norm(grad, norm_type) for grad in gradients if grad.size]
        nothing = gradients[0].zeros(()) if gradients else zeros(())
        total = _norm(stack(norms), norm_type) if norms else nothing
        norm = total.item()
        if error_if_nonfinite and not math.isfinite(norm):
            raise GradientError(f"clip_grad_norm_: the norm of the gradients is {norm}")
        # PyTorch's formula: the small number keeps a norm of 0 from dividing.
        factor = min(max_norm / (norm + 1e-6), 1.0) if not math.isnan(norm) else math.nan
        if factor != 1:
            for grad in gradients:
                grad.backend.id_cmap(grad * factor, grad)
        return total.to(gradients[0].dtype) if gradients else total


def _norm(a: Tensor, p: float) -> Tensor:
    """Return the p-norm of all elements, of shape (); only one of all is read on the host."""
    if p in (1, 2, math.inf):
        return a.norm(p)
    return (a.abs() ** p).sum().view(()) ** (1.0 / p)


def clip_grad_value_(parameters: Parameters, clip_value: float) -> None:
    """Cut each element of the gradients, in place, to from -clip_value to clip_value.

    Args:
        parameters: Parameters or tensors, or one of them; those without a gradient are left out.
        clip_value: the largest absolute value allowed.

    Raises:
        ValueError: if `clip_value` is negative or not a number.
    """
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value_: clip_value is {clip_value}; it must be 0 or more")
    with no_grad():
        for grad in _gradients("clip_grad_value_", parameters):
            grad.copy_(grad.clamp(-clip_value, clip_value))


def _gradients(name: str, parameters: Parameters) -> list[Tensor]:
    """Return the gradients of parameters that hold tensors and have one.

    Raises:
        TypeError: if a parameter is something else.
    """
    single = isinstance(parameters, Tensor | Parameter)
    gradients = []
    for parameter in [parameters] if single else parameters:
        value = value_of(parameter)
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}: takes parameters of tensors, not of {type(value).__name__}")
        if value.grad is not None:
            gradients.append(value.grad)
    return gradients
