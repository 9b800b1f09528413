"""Where a loss that is no number came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autodiff import no_grad
from ..function import is_tensor
from ..module import Module
from .results import FitResult

__all__ = ["NonFiniteLossError", "first_nonfinite_layer"]


class NonFiniteLossError(FloatingPointError):
    """A loss that is infinite or NaN.

    Args:
        message: what happened.
        layer: the first layer that gave such numbers, by its path in the model; None if it is
            not known, or if all layers gave finite ones.

    `fit` puts in `result` what the epochs before had given.
    """

    def __init__(self, message: str, layer: str | None = None) -> None:
        super().__init__(message)
        self.layer = layer
        self.result: FitResult | None = None


class _FoundError(Exception):
    def __init__(self, path: str, layer: Module) -> None:
        self.path, self.layer = path, layer


def _is_finite(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(_is_finite(part) for part in value)
    return not is_tensor(value) or bool(np.isfinite(value.to_numpy()).all())


def first_nonfinite_layer(model: Module, forward: Callable[[], Any]) -> tuple[str, str] | None:
    """Return the path and a description of the first layer with a non-finite output.

    Args:
        model: the model; a hook on each of its layers looks at the outputs.
        forward: runs the model once; nothing is recorded.
    """

    def watch(path: str) -> Callable[[Module, Any, Any], None]:
        def look(layer: Module, inputs: Any, output: Any) -> None:
            if not _is_finite(output):
                raise _FoundError(path, layer)

        return look

    handles = [layer.register_forward_hook(watch(path)) for path, layer in model.named_modules()]
    try:
        with no_grad():
            forward()
    except _FoundError as found:
        own = found.layer._parameters.items()
        bad = [name for name, value in own if value is not None and not _is_finite(value.value)]
        kind = type(found.layer).__name__
        ruined = f", whose {' and '.join(bad)} already has such numbers" if bad else ""
        return found.path, f"{found.path or 'the model'} ({kind}){ruined}"
    finally:
        for handle in handles:
            handle.remove()
    return None
