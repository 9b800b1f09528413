"""Module 1: automatic differentiation, ignorant of what is differentiated.

A computation records itself as a graph: each result knows the function that made it and
the variables that went in. `backpropagate` walks that graph from the result to the leaves
and applies the chain rule once at each node. `Scalar` and `Tensor` both fit the small
protocol `Variable`, and nothing here knows which of them it is walking.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ContextDecorator
from typing import Any, Protocol

from .errors import GradientError

__all__ = [
    "Context",
    "Variable",
    "backpropagate",
    "central_difference",
    "grad_mode",
    "no_grad",
    "recorded_contexts",
    "recorded_history",
    "topological_sort",
    "writes",
]


def central_difference(
    f: Callable[..., Any], *vals: Any, arg: int = 0, epsilon: float = 1e-6
) -> Any:
    r"""Approximate the derivative of `f` with respect to one of its arguments.

    (f(.., x + e, ..) - f(.., x - e, ..)) / 2e, whose error shrinks with the square of e;
    see https://en.wikipedia.org/wiki/Finite_difference.

    Args:
        f: a function of n arguments.
        vals: the n arguments x_0 .. x_{n-1}.
        arg: the number i of the argument to differentiate by.
        epsilon: the small step.

    Returns:
        An approximation of f'_i(x_0, .., x_{n-1}).
    """
    above, below = list(vals), list(vals)
    above[arg] = above[arg] + epsilon
    below[arg] = below[arg] - epsilon
    return (f(*above) - f(*below)) / (2 * epsilon)


class Variable(Protocol):
    """What backpropagation asks of a value."""

    @property
    def unique_id(self) -> int:
        """Return a number that no other variable has."""

    def accumulate_derivative(self, x: Any) -> None:
        """Add `x` to the derivative kept by this leaf."""

    def is_leaf(self) -> bool:
        """Return whether this variable was made by the user, not by a function."""

    def is_constant(self) -> bool:
        """Return whether no derivative is wanted."""

    @property
    def parents(self) -> Iterable[Variable]:
        """Return the variables that went into the function that made this one."""

    def chain_rule(self, d_output: Any) -> Iterable[tuple[Variable, Any]]:
        """Return the pairs (parent, derivative by that parent), given the one by this."""


def topological_sort(variable: Variable) -> Sequence[Variable]:
    """Return the non-constant variables of the graph, each before all of its parents.

    A loop with a stack of its own, not recursion, so that depth is no limit. A variable
    is put in the list when all of its ancestors are, and the list is reversed at the end.

    Args:
        variable: the right-most variable, the result.
    """
    finished: list[Variable] = []
    visited: set[int] = set()
    stack = [(variable, False)]
    while stack:
        node, ancestors_done = stack.pop()
        if ancestors_done:
            finished.append(node)
        elif node.unique_id not in visited and not node.is_constant():
            visited.add(node.unique_id)
            stack.append((node, True))
            if not node.is_leaf():
                stack.extend((parent, False) for parent in node.parents)
    finished.reverse()
    return finished


def backpropagate(variable: Variable, deriv: Any) -> None:
    """Add to each leaf's derivative its share of `deriv`.

    Args:
        variable: the right-most variable, the result.
        deriv: the derivative of the final output by `variable`.
    """
    derivatives = {variable.unique_id: deriv}
    for node in topological_sort(variable):
        # All of this node's consumers came before it, so its derivative is complete.
        derivative = derivatives.pop(node.unique_id, None)
        if derivative is None:
            continue
        if node.is_leaf():
            node.accumulate_derivative(derivative)
            continue
        for parent, share in node.chain_rule(derivative):
            if parent.is_constant():
                continue
            known = derivatives.get(parent.unique_id)
            derivatives[parent.unique_id] = share if known is None else known + share


class _GradMode(threading.local):
    """Whether operations record themselves, for each thread by itself."""

    enabled = True


grad_mode = _GradMode()


class no_grad(ContextDecorator):  # noqa: N801, PyTorch's name
    """Within `with no_grad():`, or in a function so decorated, nothing is recorded."""

    def __init__(self) -> None:
        self._before: list[bool] = []

    def _recreate_cm(self) -> no_grad:
        # One for each call of a decorated function, which may be on another thread.
        return no_grad()

    def __enter__(self) -> None:
        self._before.append(grad_mode.enabled)
        grad_mode.enabled = False

    def __exit__(self, *_: object) -> None:
        grad_mode.enabled = self._before.pop()


class Writes:
    """Numbers the writes in place, of all tensors: 1, 2, 3, ..."""

    now = 0

    def next(self) -> int:
        """Return the number of a new write."""
        self.now += 1
        return self.now


writes = Writes()


class Context:
    """What a function keeps from its forward pass for its backward pass.

    Args:
        no_grad: if true, nothing is kept.
        saved_values: the values kept so far.
    """

    freed = False
    # For each input, whether its gradient is wanted; as in PyTorch. Known in the backward pass.
    needs_input_grad: tuple[bool, ...] = ()
    _saved_at = 0

    def __init__(self, no_grad: bool = False, saved_values: tuple[Any, ...] = ()) -> None:
        self.no_grad = no_grad
        self._saved_values = saved_values
        if saved_values:
            self._saved_at = writes.now

    def save_for_backward(self, *values: Any) -> None:
        """Keep `values`, unless no gradient will be asked for."""
        if not self.no_grad:
            self._saved_values = values
            self._saved_at = writes.now

    @property
    def saved_values(self) -> tuple[Any, ...]:
        """Return the values kept, always as a tuple.

        Raises:
            GradientError: if they were freed, or changed in place since.
        """
        self.check()
        return self._saved_values

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """Return `saved_values`, under PyTorch's name."""
        return self.saved_values

    def check(self) -> None:
        """Raise `GradientError` if the backward pass could not use what was kept."""
        if self.freed:
            raise GradientError(
                "backward: the values kept by the forward pass were freed by an earlier "
                "backward; compute the result again, or call the first backward with "
                "retain_graph=True"
            )
        for value in self._saved_values:
            if getattr(value, "_version", 0) > self._saved_at:
                raise GradientError(
                    f"backward: a tensor of shape {value.shape} was changed in place after the "
                    "forward pass had kept it for its gradient; change a copy of it instead"
                )

    def free(self) -> None:
        """Let go of the values kept."""
        self.freed = True
        self._saved_values = ()


def recorded_contexts(variable: Any) -> list[Context]:
    """Return the contexts of all functions that went into `variable`.

    Asked before a backward pass, so that a graph that cannot be walked to its end is
    refused before any derivative has changed; and freed after it.

    Args:
        variable: a `Scalar` or a `Tensor` with a history.

    Raises:
        GradientError: if one of them was freed, or holds a value changed in place.
    """
    contexts = []
    visited = {variable.unique_id}
    waiting = [variable]
    while waiting:
        history = waiting.pop().history
        if history is None or history.last_fn is None:
            continue
        if history.ctx is not None:
            history.ctx.check()
            contexts.append(history.ctx)
        for parent in history.inputs:
            identity = getattr(parent, "unique_id", None)
            if identity is not None and identity not in visited:
                visited.add(identity)
                waiting.append(parent)
    return contexts


def recorded_history(variable: Any) -> Any:
    """Return the history of a variable that a function made.

    Raises:
        GradientError: if the variable is a leaf or a constant.
    """
    history = variable.history
    if history is None or history.last_fn is None:
        raise GradientError(f"chain_rule: no function made {variable!r}: it has no parents")
    return history
