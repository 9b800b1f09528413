"""What a module is as a node of a tree: its descendants by name, its printed form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from .module import Module

__all__ = ["ModuleTree"]


class ModuleTree:
    """The methods of `Module` that walk its tree, under PyTorch's names."""

    if TYPE_CHECKING:
        _modules: dict[str, Module]

    def add_module(self, name: str, module: Module) -> None:
        """Make `module` the child named `name`, which need not be a word, as "0" is none.

        Raises:
            ValueError: if the name is not one without dots, or something else has it.
        """
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(f"add_module: {name!r} must be a name without dots")
        if hasattr(self, name) and name not in self._modules:
            raise ValueError(f"add_module: {type(self).__name__} has {name!r} already")
        setattr(self, name, module)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Give the pairs (name, module) of the direct children."""
        yield from self._modules.items()

    def children(self) -> Iterator[Module]:
        """Give the direct children."""
        yield from self._modules.values()

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Give the pairs (name, module) of this module and all its descendants.

        The name of a descendant is its path, such as "layer1.conv"; this module's is `prefix`.
        A module that stands at several places is given once.
        """
        seen: set[int] = set()
        for path, module in self._paths(prefix):
            if id(module) not in seen:
                seen.add(id(module))
                yield path, module

    def _paths(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Give the pairs (name, module) with a module at each of its places."""
        yield prefix, self
        for name, module in self._modules.items():
            yield from module._paths(f"{prefix}.{name}" if prefix else name)

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on all descendants and then on this module, which is returned."""
        for module in self.children():
            module.apply(fn)
        fn(self)  # type: ignore[arg-type]
        return self

    def extra_repr(self) -> str:
        """Return what is printed between the parentheses; a kind of module may define it."""
        return ""

    def _printed_children(self) -> list[tuple[str, str]]:
        """Return the pairs (name, printed form) of the children."""
        return [(name, repr(module)) for name, module in self._modules.items()]

    def __repr__(self) -> str:
        name, extra = type(self).__name__, self.extra_repr()
        children = self._printed_children()
        if not children and "\n" not in extra:
            return f"{name}({extra})"
        lines = extra.split("\n") if extra else []
        for key, printed in children:
            lines += f"({key}): {printed}".split("\n")
        return "\n".join([f"{name}(", *(f"  {line}" for line in lines), ")"])
