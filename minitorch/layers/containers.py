"""Modules made of modules."""

from __future__ import annotations

from typing import Any

from ..module import Module

__all__ = ["Sequential"]


class Sequential(Module):
    """Modules one after another: the output of each is the input of the next.

    Args:
        modules: the modules, which become the children "0", "1" and so on.

    Raises:
        TypeError: if one is no module.
    """

    def __init__(self, *modules: Module) -> None:
        super().__init__()
        for number, module in enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(f"Sequential: {module!r}, at {number}, is not a Module")
            setattr(self, str(number), module)

    def forward(self, input: Any) -> Any:
        """Return the output of the last module."""
        for module in self._modules.values():
            input = module(input)
        return input
