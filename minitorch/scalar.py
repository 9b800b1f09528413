"""Module 1: `Scalar`, a number that records how it was computed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from .autodiff import (
    Context,
    backpropagate,
    central_difference,
    recorded_contexts,
    recorded_history,
)
from .errors import GradientError
from .scalar_functions import EQ, LT, Add, Exp, Inv, Log, Mul, Neg, ReLU, ScalarFunction, Sigmoid

__all__ = ["Scalar", "ScalarHistory", "derivative_check"]

ScalarLike = Any  # a Scalar or a number


@dataclass(frozen=True, slots=True)
class ScalarHistory:
    """How a `Scalar` came about.

    Args:
        last_fn: the function that made it; None for a leaf, which the user made.
        ctx: what that function kept for its derivative.
        inputs: the Scalars that went into it.
    """

    last_fn: type[ScalarFunction] | None = None
    ctx: Context | None = None
    inputs: Sequence[Scalar] = ()


_LEAF = ScalarHistory()
_ids = itertools.count(1)


class Scalar:
    """A number with a history, whose derivatives can be computed.

    Args:
        v: the number.
        back: its history; None makes a constant, of which no derivative is wanted.
        name: a name for printing; by default the number of the Scalar.
    """

    __slots__ = ("_name", "data", "derivative", "history", "unique_id")

    def __init__(
        self, v: float, back: ScalarHistory | None = _LEAF, name: str | None = None
    ) -> None:
        if isinstance(v, str):
            raise TypeError(f"Scalar: {v!r} is not a number")
        self.data = float(v)
        self.history = back
        self.derivative: float | None = None
        self.unique_id = next(_ids)
        self._name = name

    @classmethod
    def _recorded(
        cls, v: float, fn: type[ScalarFunction], ctx: Context, inputs: Sequence[Scalar]
    ) -> Scalar:
        return cls(v, ScalarHistory(fn, ctx, inputs))

    @property
    def name(self) -> str:
        """Return the name, by default the number of the Scalar."""
        return self._name or str(self.unique_id)

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    def __repr__(self) -> str:
        return f"Scalar({self.data})"

    def __format__(self, form: str) -> str:
        return format(self.data, form) if form else repr(self)

    def __hash__(self) -> int:
        return self.unique_id

    def __reduce__(self) -> Any:
        # For copy.deepcopy and pickle: a copy is another variable, with an id of its own.
        if self.history is not None and not self.is_leaf():
            raise GradientError(f"copy: {self!r} was made by a function; only leaves are copied")
        return _rebuilt, (self.data, self.is_constant(), self._name, self.derivative)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        return self.data

    def __add__(self, b: ScalarLike) -> Scalar:
        return Add.apply(self, b)

    def __radd__(self, b: ScalarLike) -> Scalar:
        return Add.apply(b, self)

    def __mul__(self, b: ScalarLike) -> Scalar:
        return Mul.apply(self, b)

    def __rmul__(self, b: ScalarLike) -> Scalar:
        return Mul.apply(b, self)

    def __truediv__(self, b: ScalarLike) -> Scalar:
        return Mul.apply(self, Inv.apply(b))

    def __rtruediv__(self, b: ScalarLike) -> Scalar:
        return Mul.apply(b, Inv.apply(self))

    def __sub__(self, b: ScalarLike) -> Scalar:
        return Add.apply(self, Neg.apply(b))

    def __rsub__(self, b: ScalarLike) -> Scalar:
        return Add.apply(b, Neg.apply(self))

    def __neg__(self) -> Scalar:
        return Neg.apply(self)

    def __lt__(self, b: ScalarLike) -> Scalar:
        return LT.apply(self, b)

    def __gt__(self, b: ScalarLike) -> Scalar:
        return LT.apply(b, self)

    def __eq__(self, b: ScalarLike) -> Scalar:  # type: ignore[override]
        if not isinstance(b, Scalar | Real):
            return NotImplemented
        return EQ.apply(self, b)

    def log(self) -> Scalar:
        """Return the logarithm of this number + 1e-6."""
        return Log.apply(self)

    def exp(self) -> Scalar:
        """Return e to the power of this number."""
        return Exp.apply(self)

    def sigmoid(self) -> Scalar:
        """Return 1 / (1 + exp(-x))."""
        return Sigmoid.apply(self)

    def relu(self) -> Scalar:
        """Return this number where positive, else 0."""
        return ReLU.apply(self)

    def accumulate_derivative(self, x: float) -> None:
        """Add `x` to the derivative of this leaf.

        Raises:
            GradientError: if this is not a leaf.
        """
        if not self.is_leaf():
            raise GradientError(f"{self!r} is not a leaf: only leaves keep a derivative")
        self.derivative = (self.derivative or 0.0) + x

    def is_leaf(self) -> bool:
        """Return whether the user made this Scalar, and wants its derivative."""
        return self.history is not None and self.history.last_fn is None

    def is_constant(self) -> bool:
        """Return whether no derivative of this Scalar is wanted."""
        return self.history is None

    @property
    def parents(self) -> Iterable[Scalar]:
        """Return the Scalars that went into the function that made this one."""
        return () if self.history is None else self.history.inputs

    def chain_rule(self, d_output: float) -> Iterable[tuple[Scalar, float]]:
        """Return for each parent the pair (parent, derivative of the output by it).

        Args:
            d_output: the derivative of the output by this Scalar.

        Raises:
            GradientError: if no function made this Scalar.
        """
        history = recorded_history(self)
        derivatives = history.last_fn._backward(history.ctx, d_output)
        return list(zip(history.inputs, derivatives, strict=True))

    def detach(self) -> Scalar:
        """Return a constant of the same value."""
        return Scalar(self.data, None)

    def requires_grad_(self, requires_grad: bool = True) -> Scalar:
        """Make this a leaf whose derivative is wanted, or a constant; return it."""
        if not requires_grad:
            self.history = None
        elif self.history is None:
            self.history = _LEAF
        return self

    def backward(self, d_output: float = 1.0, retain_graph: bool = False) -> None:
        """Add to the derivative of each leaf that went into this Scalar.

        Args:
            d_output: the derivative of the output by this Scalar.
            retain_graph: keep what the forward pass saved, for another backward.

        Raises:
            GradientError: if there is nothing to differentiate, or it was freed already.
        """
        if self.history is None:
            raise GradientError(f"backward: {self!r} is a constant: nothing was recorded")
        contexts = recorded_contexts(self)
        backpropagate(self, d_output)
        if not retain_graph:
            for ctx in contexts:
                ctx.free()


ScalarFunction.scalar = Scalar


def _rebuilt(v: float, constant: bool, name: str | None, derivative: float | None) -> Scalar:
    """Return the copy that `Scalar.__reduce__` describes."""
    out = Scalar(v, None if constant else _LEAF, name)
    out.derivative = derivative
    return out


def derivative_check(f: Callable[..., Scalar], *scalars: Scalar) -> None:
    """Check the derivatives of `f` by each of its arguments against central differences.

    Args:
        f: a function of n Scalars, giving one.
        scalars: the n arguments.

    Raises:
        AssertionError: naming the argument, if a derivative is wrong.
    """
    leaves = [Scalar(scalar.data, name=scalar.name) for scalar in scalars]
    f(*leaves).backward()
    for position, leaf in enumerate(leaves):
        approximation = central_difference(f, *scalars, arg=position)
        np.testing.assert_allclose(
            leaf.derivative or 0.0,
            float(approximation),
            rtol=1e-2,
            atol=1e-2,
            err_msg=(
                f"derivative of f{tuple(s.data for s in scalars)} by argument {position}: "
                "backward (actual) differs from the central difference (desired)"
            ),
        )
