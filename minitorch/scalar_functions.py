"""Module 1: functions of scalars, each with its derivative a few lines below its value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from . import operators
from .autodiff import Context, grad_mode

if TYPE_CHECKING:
    from .scalar import Scalar

__all__ = [
    "EQ",
    "LT",
    "Add",
    "Exp",
    "Inv",
    "Log",
    "Mul",
    "Neg",
    "ReLU",
    "ScalarFunction",
    "Sigmoid",
]


class ScalarFunction:
    """A function of numbers, applied to `Scalar`s and recorded for its derivative.

    A subclass has two static methods: `forward(ctx, *floats)` gives the value, and
    `backward(ctx, d_output)` gives `d_output` times the derivative by each argument, a
    float or a tuple of floats.
    """

    # `Scalar`, which is built on this module, puts itself here.
    scalar: ClassVar[type[Scalar]]

    @classmethod
    def _backward(cls, ctx: Context, d_output: float) -> tuple[float, ...]:
        derivatives = cls.backward(ctx, d_output)  # type: ignore[attr-defined]
        return tuple(derivatives) if isinstance(derivatives, tuple | list) else (derivatives,)

    @classmethod
    def _forward(cls, ctx: Context, *values: float) -> float:
        return float(cls.forward(ctx, *values))  # type: ignore[attr-defined]

    @classmethod
    def apply(cls, *values: Any) -> Scalar:
        """Return the function of `values`, `Scalar`s or plain numbers, as a `Scalar`."""
        inputs = [v if isinstance(v, cls.scalar) else cls.scalar(v, None) for v in values]
        record = grad_mode.enabled and any(not v.is_constant() for v in inputs)
        ctx = Context(no_grad=not record)
        result = cls._forward(ctx, *[v.data for v in inputs])
        if not record:
            return cls.scalar(result, None)
        return cls.scalar._recorded(result, cls, ctx, inputs)


class Add(ScalarFunction):
    """f(x, y) = x + y."""

    @staticmethod
    def forward(ctx: Context, a: float, b: float) -> float:
        """Return a + b."""
        return operators.add(a, b)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, float]:
        """Both derivatives are 1."""
        return d_output, d_output


class Log(ScalarFunction):
    """f(x) = log(x + 1e-6)."""

    @staticmethod
    def forward(ctx: Context, a: float) -> float:
        """Return the logarithm of a."""
        ctx.save_for_backward(a)
        return operators.log(a)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        """The derivative is 1 / (x + 1e-6)."""
        (a,) = ctx.saved_values
        return operators.log_back(a, d_output)


class Mul(ScalarFunction):
    """f(x, y) = x * y."""

    @staticmethod
    def forward(ctx: Context, a: float, b: float) -> float:
        """Return a * b."""
        ctx.save_for_backward(a, b)
        return operators.mul(a, b)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, float]:
        """The derivative by each factor is the other factor."""
        a, b = ctx.saved_values
        return d_output * b, d_output * a


class Inv(ScalarFunction):
    """f(x) = 1 / x."""

    @staticmethod
    def forward(ctx: Context, a: float) -> float:
        """Return 1 / a."""
        ctx.save_for_backward(a)
        return operators.inv(a)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        """The derivative is -1 / x^2."""
        (a,) = ctx.saved_values
        return operators.inv_back(a, d_output)


class Neg(ScalarFunction):
    """f(x) = -x."""

    @staticmethod
    def forward(ctx: Context, a: float) -> float:
        """Return -a."""
        return operators.neg(a)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        """The derivative is -1."""
        return operators.neg(d_output)


class Sigmoid(ScalarFunction):
    """f(x) = 1 / (1 + exp(-x))."""

    @staticmethod
    def forward(ctx: Context, a: float) -> float:
        """Return the sigmoid of a."""
        result = operators.sigmoid(a)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        """The derivative is f(x) (1 - f(x))."""
        (result,) = ctx.saved_values
        return float(d_output * result * (1.0 - result))


class ReLU(ScalarFunction):
    """f(x) = x where x is positive, else 0."""

    @staticmethod
    def forward(ctx: Context, a: float) -> float:
        """Return a where positive, else 0."""
        ctx.save_for_backward(a)
        return operators.relu(a)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        """The derivative is 1 where x is positive, else 0."""
        (a,) = ctx.saved_values
        return operators.relu_back(a, d_output)


class Exp(ScalarFunction):
    """f(x) = e^x."""

    @staticmethod
    def forward(ctx: Context, a: float) -> float:
        """Return e to the power a."""
        result = operators.exp(a)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        """The derivative is f(x) itself."""
        (result,) = ctx.saved_values
        return float(d_output * result)


class LT(ScalarFunction):
    """f(x, y) = 1 if x < y, else 0."""

    @staticmethod
    def forward(ctx: Context, a: float, b: float) -> float:
        """Return whether a is less than b."""
        return operators.lt(a, b)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, float]:
        """A step is flat on both sides: the derivatives are 0."""
        return 0.0, 0.0


class EQ(ScalarFunction):
    """f(x, y) = 1 if x == y, else 0."""

    @staticmethod
    def forward(ctx: Context, a: float, b: float) -> float:
        """Return whether a equals b."""
        return operators.eq(a, b)

    @staticmethod
    def backward(ctx: Context, d_output: float) -> tuple[float, float]:
        """A step is flat on both sides: the derivatives are 0."""
        return 0.0, 0.0
