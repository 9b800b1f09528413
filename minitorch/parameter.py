"""A parameter: the holder of a value that training may change."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, Self

__all__ = ["Parameter", "forget_grad", "value_of"]


def value_of(operand: Any) -> Any:
    """Return what a parameter holds, or the operand itself if it is none."""
    return operand.value if isinstance(operand, Parameter) else operand


class Parameter:
    """A value, usually a `Scalar` or a `Tensor`, that training may change.

    One computes with it as with its value, `parameter * 2` and `parameter.sum()` alike; only
    `==` compares the parameters themselves, so that they can be found in a list. It is no
    number to `float`, by which `Scalar(2.0) * parameter` would lose a gradient unseen.

    Args:
        x: the value; where it can require gradients, it is made to.
        name: a name for printing.
    """

    __array_priority__ = 100.0  # numpy arrays leave `array + parameter` to the parameter

    def __init__(self, x: Any, name: str | None = None) -> None:
        self.name = name
        self.update(x)

    def update(self, x: Any) -> None:
        """Replace the value by `x`."""
        history = getattr(x, "history", None)
        if history is not None and history.last_fn is not None:
            # A value that was computed becomes a leaf of its own.
            x = x.detach()
        self.value = x
        if hasattr(x, "requires_grad_"):
            x.requires_grad_(True)
            if self.name:
                x.name = self.name

    @property
    def grad(self) -> Any:
        """The gradient of the value; None before the first `backward`."""
        return self.value.grad

    @grad.setter
    def grad(self, gradient: Any) -> None:
        self.value.grad = value_of(gradient)

    @property
    def data(self) -> Any:
        """The value's data; given another, the value changes in place."""
        return self.value.data

    @data.setter
    def data(self, data: Any) -> None:
        self.value.data = value_of(data)

    @property
    def requires_grad(self) -> Any:
        """Whether operations on the value are recorded."""
        return self.value.requires_grad

    @requires_grad.setter
    def requires_grad(self, requires_grad: bool) -> None:
        self.value.requires_grad_(requires_grad)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Make the value a leaf whose gradient is wanted, or a constant; return this."""
        self.value.requires_grad_(requires_grad)
        return self

    def __getattr__(self, key: str) -> Any:
        # Called only where the ordinary look-up found nothing.
        if key == "value" or key.startswith("__"):
            raise AttributeError(f"Parameter has no attribute {key!r}")
        return getattr(self.value, key)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{self.value!r}"

    def __str__(self) -> str:
        return str(self.value)

    # As an array.

    def __bool__(self) -> bool:
        return bool(self.value)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.value[key] = value_of(value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.value.__array__(dtype, copy)

    # Arithmetic.

    def __add__(self, other: Any) -> Any:
        return self.value + value_of(other)

    def __radd__(self, other: Any) -> Any:
        return other + self.value

    def __sub__(self, other: Any) -> Any:
        return self.value - value_of(other)

    def __rsub__(self, other: Any) -> Any:
        return other - self.value

    def __mul__(self, other: Any) -> Any:
        return self.value * value_of(other)

    def __rmul__(self, other: Any) -> Any:
        return other * self.value

    def __truediv__(self, other: Any) -> Any:
        return self.value / value_of(other)

    def __rtruediv__(self, other: Any) -> Any:
        return other / self.value

    def __matmul__(self, other: Any) -> Any:
        return self.value @ value_of(other)

    def __rmatmul__(self, other: Any) -> Any:
        return other @ self.value

    def __pow__(self, other: Any) -> Any:
        return self.value ** value_of(other)

    def __rpow__(self, other: Any) -> Any:
        return other**self.value

    def __neg__(self) -> Any:
        return -self.value

    def __lt__(self, other: Any) -> Any:
        return self.value < value_of(other)

    def __gt__(self, other: Any) -> Any:
        return self.value > value_of(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= value_of(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= value_of(other)

    # In place, as the value allows it: a tensor within `no_grad()`.

    def _changed(self, operation: Callable[[Any, Any], Any], other: Any) -> Self:
        value = operation(self.value, value_of(other))
        if value is not self.value:
            self.update(value)
        return self

    def __iadd__(self, other: Any) -> Self:
        return self._changed(operator.iadd, other)

    def __isub__(self, other: Any) -> Self:
        return self._changed(operator.isub, other)

    def __imul__(self, other: Any) -> Self:
        return self._changed(operator.imul, other)

    def __itruediv__(self, other: Any) -> Self:
        return self._changed(operator.itruediv, other)


def forget_grad(parameter: Any, set_to_none: bool = True) -> None:
    """Forget the gradient of a parameter, or of a tensor, or set it to zeros if there is one."""
    value = value_of(parameter)
    if hasattr(value, "derivative"):  # of a Scalar
        value.derivative = None if set_to_none or value.derivative is None else 0.0
    elif getattr(value, "grad", None) is not None:
        value.grad = None if set_to_none else value.zeros()
