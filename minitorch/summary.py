"""A table of a model's layers: what shape comes out of each, how many parameters it has."""

from __future__ import annotations

import math
from typing import Any

from .autodiff import no_grad
from .creation import zeros
from .function import is_tensor
from .module import Module
from .shapes import whole_shape

__all__ = ["summary"]


def summary(model: Module, input_shape: tuple[int, ...]) -> None:
    """Print a table of a model's layers, in the order in which a forward pass calls them.

    It has a line for each call of a module that has no children, or parameters of its own: its
    name and type, its output's shape with -1 for the batch, and how many numbers its parameters
    have that no line above has counted. Below stand the totals.

    The forward pass is one of zeros in evaluation mode, and leaves the model as it was.

    Args:
        model: takes one tensor.
        input_shape: of that tensor, without the batch, such as (3, 32, 32).
    """
    shape = whole_shape(input_shape, "summary")
    rows = [("Layer (type)", "Output shape", "Parameters"), *_rows(model, shape)]
    wide = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{name:<{wide[0]}}  {out:<{wide[1]}}  {n:>{wide[2]}}" for name, out, n in rows]
    sizes = {id(p): (_size(p), bool(p.requires_grad)) for p in model.parameters()}
    total = sum(size for size, _ in sizes.values())
    trained = sum(size for size, wanted in sizes.values() if wanted)
    width = len(lines[0])
    print("\n".join([lines[0], "=" * width, *lines[1:], "=" * width]))
    print(f"Total parameters: {total:,}")
    print(f"Trainable parameters: {trained:,}")
    print(f"Non-trainable parameters: {total - trained:,}")


def _rows(model: Module, shape: tuple[int, ...]) -> list[tuple[str, str, str]]:
    """Return the lines of the table, found by hooks in a forward pass."""
    rows: list[tuple[str, str, str]] = []
    counted: set[int] = set()
    names = {id(module): name for name, module in model.named_modules()}

    def note(module: Module, args: Any, out: Any) -> None:
        own = [p for p in module._parameters.values() if id(p) not in counted]
        counted.update(id(p) for p in own)
        name, kind = names[id(module)], type(module).__name__
        title = f"{name} ({kind})" if name else kind
        rows.append((title, _shown(out), f"{sum(map(_size, own)):,}"))

    modules = [module for _, module in model.named_modules()]
    modes = [module.training for module in modules]
    handles = [
        module.register_forward_hook(note)
        for module in modules
        if module._parameters or not module._modules
    ]
    first: Any = next(iter(model.parameters()), zeros(1))
    try:
        for module in modules:
            module.training = False
        with no_grad():
            # Two images, since a statistic of a batch wants more than one.
            model(zeros((2, *shape), dtype=first.dtype, backend=first.backend))
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
    return rows


def _size(parameter: Any) -> int:
    return math.prod(parameter.shape)


def _shown(out: Any) -> str:
    """Return the shape of an output with -1 for the batch, or those of several."""
    if isinstance(out, tuple | list):
        return ", ".join(map(_shown, out))
    if not is_tensor(out):
        return type(out).__name__
    return str([-1, *out.shape[1:]] if out.shape else [])
