"""How a tensor is changed in place, and when it may not be.

The history of a tensor says how its numbers came about, and a gradient may still need those
that it had. So a write is refused where operations on the tensor are recorded; and each write
is noted, so that a backward pass refuses to run on a kept value that was changed since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .autodiff import grad_mode
from .devices import refuse_mixed
from .errors import GradientError, ShapeError, describe_shapes
from .parameter import value_of
from .tensor_data import shape_broadcast
from .views import check_writable, write

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["InPlaceMethods"]


class InPlaceMethods:
    """The methods of `Tensor` that write into its storage, which all of its views share.

    `a += b` and its like write into `a` where nothing is recorded: on constants, and within
    `no_grad()`. Where the result is part of a recorded computation, `a += b` means
    `a = a + b`: a new tensor, so that no gradient is lost. On a leaf whose gradient is wanted
    they are refused, as in PyTorch: it would no longer be that leaf.
    """

    __slots__ = ()

    def refuse_in_place(self: Any) -> None:
        """Refuse a write in place that the recorded graph would miss.

        Raises:
            GradientError: if this tensor's operations are recorded.
        """
        if self.history is not None and grad_mode.enabled:
            raise GradientError(
                "a tensor whose operations are recorded may not be written in place; write "
                "into a copy (detach), or within minitorch.no_grad()"
            )

    def __setitem__(self: Any, key: Any, value: Any) -> None:
        _refuse_recorded(value)
        self.refuse_in_place()
        write(self, key, value_of(value))

    @property
    def data(self: Any) -> Tensor:
        """Return a constant that shares this tensor's storage, as `detach` does.

        Assigning to it writes the new numbers, of the same shape, into the storage; the
        tensor stays the leaf that it is, with its gradient and its dtype. `p.data -= step`
        does so too.
        """
        return self.detach()  # type: ignore[no-any-return]

    @data.setter
    def data(self: Any, value: Any) -> None:
        source = self._coerced(value)
        if source._tensor is self._tensor:
            return
        if source.shape != self.shape:
            shapes = [("tensor", self.shape), ("value", source.shape)]
            raise ShapeError(describe_shapes("data = value", shapes) + "\nthe shapes must be equal")
        _replace(self, source, "data = value")

    def copy_(self: Any, other: Any) -> Tensor:
        """Write the elements of `other`, broadcast, into this tensor; return this tensor."""
        return _written(self, "copy_", other, None)

    def fill_(self: Any, value: float) -> Tensor:
        """Write one number everywhere; return this tensor."""
        return self.copy_(float(value))  # type: ignore[no-any-return]

    def zero_(self: Any) -> Tensor:
        """Write 0 everywhere; return this tensor."""
        return self.copy_(0.0)  # type: ignore[no-any-return]

    def add_(self: Any, other: Any, alpha: float = 1) -> Tensor:
        """Add alpha times `other` in place; return this tensor."""
        return _written(self, "add_", other if alpha == 1 else other * alpha, "add_zip")

    def sub_(self: Any, other: Any, alpha: float = 1) -> Tensor:
        """Subtract alpha times `other` in place; return this tensor."""
        return _written(self, "sub_", other if alpha == 1 else other * alpha, "sub_zip")

    def mul_(self: Any, other: Any) -> Tensor:
        """Multiply by `other` in place; return this tensor."""
        return _written(self, "mul_", other, "mul_zip")

    def div_(self: Any, other: Any) -> Tensor:
        """Divide by `other` in place; return this tensor."""
        return _written(self, "div_", other, "div_zip")

    def __iadd__(self: Any, other: Any) -> Tensor:
        return self + other if _joins_graph(self, other) else self.add_(other)  # type: ignore[no-any-return]

    def __isub__(self: Any, other: Any) -> Tensor:
        return self - other if _joins_graph(self, other) else self.sub_(other)  # type: ignore[no-any-return]

    def __imul__(self: Any, other: Any) -> Tensor:
        return self * other if _joins_graph(self, other) else self.mul_(other)  # type: ignore[no-any-return]

    def __itruediv__(self: Any, other: Any) -> Tensor:
        return self / other if _joins_graph(self, other) else self.div_(other)  # type: ignore[no-any-return]


def _refuse_recorded(value: Any) -> None:
    """Raise `GradientError` if a value written in place has a history that would be lost."""
    if getattr(value, "history", None) is not None and grad_mode.enabled:
        raise GradientError(
            "what is written in place is not recorded: write value.detach(), or compute "
            "the whole tensor by operations"
        )


def _joins_graph(a: Tensor, other: Any) -> bool:
    """Return whether `a += other` is to be recorded, and so gives a new tensor.

    Raises:
        GradientError: if a is a leaf, which would lose its place as one.
    """
    if not grad_mode.enabled:
        return False
    if a.is_leaf():
        a.refuse_in_place()
    return a.history is not None or getattr(other, "history", None) is not None


def _replace(a: Tensor, new: Tensor, name: str) -> None:
    """Write `new`, broadcast, over all of a, whose memory it may share."""
    refuse_mixed(name, (a, new))
    check_writable(a._tensor)
    a.backend.ops.put(a, ..., new)
    a._tensor.note_write()


def _written(a: Tensor, name: str, other: Any, operation: str | None) -> Tensor:
    """Write into a what the backend's `operation` makes of a and `other`; without one, `other`.

    Raises:
        GradientError: if a or `other` is recorded.
        ShapeError: if `other` does not broadcast to a's shape.
    """
    a.refuse_in_place()
    _refuse_recorded(other)
    operand = a._coerced(other)
    shapes = [("tensor", a.shape), ("other", operand.shape)]
    if operand.shape != a.shape and shape_broadcast(a.shape, operand.shape) != a.shape:
        raise ShapeError(
            describe_shapes(name, shapes) + "\nthe other must broadcast to the tensor's shape"
        )
    check_writable(a._tensor)
    # What an operation gives lies aside, so that the two may overlap in memory.
    new = operand if operation is None else getattr(a.backend, operation)(a, operand)
    _replace(a, new, name)
    return a
