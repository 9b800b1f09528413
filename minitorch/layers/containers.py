"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Self

from ..errors import IndexingError
from ..module import Module

__all__ = ["ModuleList", "Sequential"]


class _ModuleSequence(Module):
    """Modules in an order, as the children "0", "1" and so on."""

    def append(self, module: Module) -> Self:
        """Add a module at the end, and return this.

        Raises:
            TypeError: if it is no module.
        """
        return self.extend([module])

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end, and return this.

        Raises:
            TypeError: if one is no module; none is added then.
        """
        given = list(modules)
        for place, module in enumerate(given, len(self)):
            if not isinstance(module, Module):
                raise TypeError(f"{type(self).__name__}: {module!r}, at {place}, is not a Module")
        for module in given:
            # A slice keeps the names of its modules, so the next number may be taken.
            number = len(self)
            while str(number) in self._modules:
                number += 1
            self.add_module(str(number), module)
        return self

    def __len__(self) -> int:
        return len(self._modules)

    def __bool__(self) -> bool:
        return True  # a module, though it may be an empty one

    def __iter__(self) -> Iterator[Module]:
        return iter(list(self._modules.values()))

    def _named(self, index: int) -> str:
        """Return the name of the module at `index`, counted from the end if negative."""
        if not -len(self) <= index < len(self):
            raise IndexingError(
                f"{type(self).__name__}: index {index} is out of range: it has {len(self)} modules"
            )
        return list(self._modules)[index]

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._sliced(index)
        return self._modules[self._named(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        name = self._named(index)
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: {module!r}, at {index}, is not a Module")
        self._modules[name] = module

    def _sliced(self, part: slice) -> Module:
        """Return the modules of a slice."""
        raise NotImplementedError


class Sequential(_ModuleSequence):
    """Modules one after another: the output of each is the input of the next.

    `chain[0]` is the first of them, `chain[1:]` a chain of the others under the same names.

    Args:
        modules: the modules, which become the children "0", "1" and so on; or one dictionary
            of them by their names.

    Raises:
        TypeError: if one is no module.
        ValueError: if a name is none, or an attribute of every chain.
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                if not isinstance(module, Module):
                    raise TypeError(f"Sequential: {module!r}, named {name!r}, is not a Module")
                self.add_module(name, module)
        else:
            self.extend(modules)  # type: ignore[arg-type]

    def _sliced(self, part: slice) -> Sequential:
        return Sequential(dict(list(self._modules.items())[part]))

    def forward(self, input: Any) -> Any:
        """Return the output of the last module."""
        for module in self._modules.values():
            input = module(input)
        return input


class ModuleList(_ModuleSequence):
    """A list of modules, whose parameters are found with those of the module that holds it.

    Args:
        modules: the modules, which become the children "0", "1" and so on.

    Raises:
        TypeError: if one is no module.
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def _sliced(self, part: slice) -> ModuleList:
        return ModuleList(list(self)[part])

    def _printed_children(self) -> list[tuple[str, str]]:
        """Return the children with those that print alike, one after another, as one."""
        lines = []
        for printed, alike in groupby(super()._printed_children(), lambda child: child[1]):
            names = [name for name, _ in alike]
            if len(names) == 1:
                lines.append((names[0], printed))
            else:
                lines.append((f"{names[0]}-{names[-1]}", f"{len(names)} x {printed}"))
        return lines
