"""Fused forms: one kernel in the place of a composition, where a backend has one.

A composition of tensor operations is what one reads, what a student writes, and what every
backend runs. A backend may register a fused form of it, a function of the same name and
arguments that does the same in one pass over memory and records one node in the graph::

    relu(conv(x, w) + b)      conv -> add -> relu      three passes, three nodes
    fused convolution         ----------------->       one

The decorator `fusable` stands on the composition and puts the fused form in its place.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from .backends import TensorBackend, TensorOps

__all__ = ["fusable", "fused_form", "register_fused"]

P = ParamSpec("P")
T = TypeVar("T")

_fused: dict[type[TensorOps], dict[str, Callable[..., Any]]] = {}


def register_fused(ops: type[TensorOps], name: str, function: Callable[..., Any]) -> None:
    """Let backends on `ops` run `function` in the place of the composition `name`."""
    _fused.setdefault(ops, {})[name] = function


def fused_form(backend: TensorBackend, name: str) -> Callable[..., Any] | None:
    """Return what a backend registered in the place of a composition; None if nothing."""
    forms = _fused.get(backend.ops)
    return None if forms is None else forms.get(name)


def fusable(
    prepare: Callable[..., tuple[Any, ...] | None] | None = None,
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator for a composition whose first argument is a tensor.

    What it decorates calls `prepare` first, on its name and its arguments, and then the form
    that the tensor's backend registered, or the composition where there is none.

    Args:
        prepare: raises an error unless the arguments fit. What it returns, if not None, takes
            their place: all of them, by position, in the one form that both take.
    """

    def decorate(composition: Callable[P, T]) -> Callable[P, T]:
        name = composition.__name__

        @functools.wraps(composition)
        def call(*args: P.args, **options: P.kwargs) -> T:
            prepared = prepare(name, *args, **options) if prepare is not None else None
            if prepared is not None:
                chosen: Callable[..., T] = fused_form(prepared[0].backend, name) or composition
                return chosen(*prepared)
            tensor: Any = args[0] if args else next(iter(options.values()))
            chosen = fused_form(tensor.backend, name) or composition
            return chosen(*args, **options)

        return call

    return decorate
