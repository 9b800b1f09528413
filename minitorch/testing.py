"""Help for tests: mathematical functions in two forms, and the check of gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import operators
from .autodiff import no_grad
from .functional import exp, inv, log, relu, sigmoid
from .tensor import Tensor
from .tensor_data import TensorData

__all__ = ["MathTest", "MathTestVariable", "grad_check"]

NamedTest = tuple[str, Callable[..., Any]]
ComparedTest = tuple[str, Callable[..., Any], Callable[..., Any]]


class MathTest:
    """Functions on plain numbers, or lists of them: what the answers should be."""

    @staticmethod
    def neg(a: Any) -> Any:
        """Negate the argument."""
        return -a

    @staticmethod
    def addConstant(a: Any) -> Any:
        """Add 5."""
        return 5 + a

    @staticmethod
    def square(a: Any) -> Any:
        """Multiply by itself."""
        return a * a

    @staticmethod
    def cube(a: Any) -> Any:
        """Multiply by its square."""
        return a * a * a

    @staticmethod
    def subConstant(a: Any) -> Any:
        """Subtract 5."""
        return a - 5

    @staticmethod
    def multConstant(a: Any) -> Any:
        """Multiply by 5."""
        return 5 * a

    @staticmethod
    def div(a: Any) -> Any:
        """Divide by 5."""
        return a / 5

    @staticmethod
    def inv(a: Any) -> Any:
        """Invert, after a step away from zero."""
        return operators.inv(a + 3.5)

    @staticmethod
    def sig(a: Any) -> Any:
        """Apply the sigmoid."""
        return operators.sigmoid(a)

    @staticmethod
    def log(a: Any) -> Any:
        """Apply the logarithm to a large number."""
        return operators.log(a + 100000)

    @staticmethod
    def relu(a: Any) -> Any:
        """Apply relu, away from its corner."""
        return operators.relu(a + 5.5)

    @staticmethod
    def exp(a: Any) -> Any:
        """Apply exp to a negative number."""
        return operators.exp(a - 200)

    @staticmethod
    def explog(a: Any) -> Any:
        """Add a logarithm and an exponential."""
        return operators.log(a + 100000) + operators.exp(a - 200)

    @staticmethod
    def add2(a: Any, b: Any) -> Any:
        """Add two arguments."""
        return a + b

    @staticmethod
    def mul2(a: Any, b: Any) -> Any:
        """Multiply two arguments."""
        return a * b

    @staticmethod
    def div2(a: Any, b: Any) -> Any:
        """Divide two arguments, away from zero."""
        return a / (b + 5.5)

    @staticmethod
    def gt2(a: Any, b: Any) -> Any:
        """Compare, away from equality."""
        return operators.lt(b, a + 1.2)

    @staticmethod
    def lt2(a: Any, b: Any) -> Any:
        """Compare, away from equality."""
        return operators.lt(a + 1.2, b)

    @staticmethod
    def eq2(a: Any, b: Any) -> Any:
        """Compare for equality."""
        return operators.eq(a, (b + 5.5))

    @staticmethod
    def sum_red(a: Any) -> Any:
        """Add up a list."""
        return operators.sum(a)

    @staticmethod
    def mean_red(a: Any) -> Any:
        """Average a list."""
        return operators.sum(a) / float(len(a))

    @staticmethod
    def mean_full_red(a: Any) -> Any:
        """Average a list."""
        return operators.sum(a) / float(len(a))

    @staticmethod
    def complex(a: Any) -> Any:
        """Combine many of them."""
        inner = operators.relu(operators.relu(a * 10 + 7) * 6 + 5) * 10
        return operators.log(operators.sigmoid(inner)) / 50

    @classmethod
    def _tests(cls) -> tuple[list[NamedTest], list[NamedTest], list[NamedTest]]:
        """Return the functions of one argument, of two, and the reductions, with their names."""
        one: list[NamedTest] = []
        two: list[NamedTest] = []
        reductions: list[NamedTest] = []
        for name in dir(MathTest):
            function = getattr(cls, name)
            if callable(function) and not name.startswith("_"):
                kind = two if name.endswith("2") else reductions if name.endswith("red") else one
                kind.append((name, function))
        return one, two, reductions

    @classmethod
    def _comp_testing(
        cls,
    ) -> tuple[list[ComparedTest], list[ComparedTest], list[ComparedTest]]:
        """Return `_tests`, each with the function on plain numbers before this class's."""
        one, two, reductions = (
            [(name, plain, own) for (name, plain), (_, own) in zip(expected, given, strict=True)]
            for expected, given in zip(MathTest._tests(), cls._tests(), strict=True)
        )
        return one, two, reductions


class MathTestVariable(MathTest):
    """The same functions on Scalars or Tensors."""

    @staticmethod
    def inv(a: Any) -> Any:
        """Invert, after a step away from zero."""
        return inv(a + 3.5)

    @staticmethod
    def sig(a: Any) -> Any:
        """Apply the sigmoid."""
        return sigmoid(a)

    @staticmethod
    def log(a: Any) -> Any:
        """Apply the logarithm to a large number."""
        return log(a + 100000)

    @staticmethod
    def relu(a: Any) -> Any:
        """Apply relu, away from its corner."""
        return relu(a + 5.5)

    @staticmethod
    def exp(a: Any) -> Any:
        """Apply exp to a negative number."""
        return exp(a - 200)

    @staticmethod
    def explog(a: Any) -> Any:
        """Add a logarithm and an exponential."""
        return log(a + 100000) + exp(a - 200)

    @staticmethod
    def gt2(a: Any, b: Any) -> Any:
        """Compare, away from equality."""
        return a + 1.2 > b

    @staticmethod
    def lt2(a: Any, b: Any) -> Any:
        """Compare, away from equality."""
        return a + 1.2 < b

    @staticmethod
    def eq2(a: Any, b: Any) -> Any:
        """Compare for equality."""
        return a == (b + 5.5)

    @staticmethod
    def sum_red(a: Any) -> Any:
        """Add up the first dimension."""
        return a.sum(0)

    @staticmethod
    def mean_red(a: Any) -> Any:
        """Average the first dimension."""
        return a.mean(0)

    @staticmethod
    def mean_full_red(a: Any) -> Any:
        """Average all."""
        return a.mean()

    @staticmethod
    def complex(a: Any) -> Any:
        """Combine many of them."""
        return log(sigmoid(relu(relu(a * 10 + 7) * 6 + 5) * 10)) / 50


def grad_check(
    f: Callable[..., Tensor], *vals: Tensor, epsilon: float = 1e-6, tolerance: float = 1e-4
) -> None:
    """Check the gradients of `f` by each element of each argument against differences.

    Each element in turn is moved up and down by `epsilon`, in float64; see
    `central_difference`. What `f` gives is weighted by fixed random numbers and summed, so
    that errors that cancel in a plain sum are seen.

    Args:
        f: a function of n tensors, giving one of any shape.
        vals: the n tensors.
        epsilon: the small step.
        tolerance: how far the two may differ, absolutely and relative to their size.

    Raises:
        AssertionError: naming the argument and the index, if a gradient is wrong.
    """
    leaves = [
        Tensor(TensorData.from_array(np.array(v.to_numpy(), np.float64)), backend=v.backend)
        for v in vals
    ]
    for leaf in leaves:
        leaf.requires_grad_(True)
    out = f(*leaves)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, out.shape)
    out.backward(weights)
    for number, leaf in enumerate(leaves):
        gradient = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.to_numpy()
        for index in np.ndindex(leaf.shape):
            kept = leaf._tensor.get(index)
            results = []
            with no_grad():
                for moved in (kept + epsilon, kept - epsilon):
                    leaf._tensor.set(index, moved)
                    results.append(np.sum(f(*leaves).to_numpy() * weights))
            leaf._tensor.set(index, kept)
            difference = (results[0] - results[1]) / (2 * epsilon)
            allowed = tolerance * (1.0 + abs(difference))
            assert math.isclose(gradient[index], difference, rel_tol=0.0, abs_tol=allowed), (
                f"gradient by argument {number} (shape {leaf.shape}) at index {index}: "
                f"backward gives {gradient[index]}, the central difference {difference}"
            )
