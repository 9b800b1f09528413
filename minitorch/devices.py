"""Where tensors lie: in the host's memory or on a device, and all of an operation in one place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .errors import BackendError, describe_shapes

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["devices", "refuse_mixed"]

_ROLES = ("left", "right", "third", "fourth")


class _Devices:
    """What is known of devices: `in_use` from the first backend on whose tensors lie on one.

    Until then nothing need be compared, which operations on small tensors would feel.
    """

    __slots__ = ("in_use",)

    def __init__(self) -> None:
        self.in_use = False


devices = _Devices()


def _device(cuda: bool) -> str:
    return "cuda" if cuda else "cpu"


def refuse_mixed(operation: str, operands: Iterable[Any], cuda: bool | None = None) -> None:
    """Refuse operands that do not lie on one device.

    Args:
        operation: its name, for the message.
        operands: tensors, and other values, which are left out.
        cuda: whether it is computed on the device; None where the first tensor is to say so.

    Raises:
        BackendError: naming the operation, and each operand with its device and shape.
    """
    tensors: list[Tensor] = [each for each in operands if hasattr(each, "backend")]
    if not tensors:
        return
    at = tensors[0].backend.cuda if cuda is None else cuda
    if all(tensor.backend.cuda == at for tensor in tensors):
        return
    roles = _ROLES if 1 < len(tensors) <= len(_ROLES) else [f"operand {i}" for i in range(1, 100)]
    lines = [
        (f"{role} on {_device(tensor.backend.cuda)}, {tensor.backend}", tensor.shape)
        for role, tensor in zip(roles, tensors, strict=False)
    ]
    where = "" if cuda is None else f", here {_device(cuda)}"
    raise BackendError(
        f"{describe_shapes(operation, lines)}\nthe operands must lie on one device{where}: "
        'move a tensor by .to("cuda") or .cpu()'
    )
