"""Module 0: a tree of modules that hold parameters, as `torch.nn.Module` is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from .module_hooks import ModuleHooks
from .module_state import ModuleState, checked_buffer
from .module_tree import ModuleTree
from .parameter import Parameter

__all__ = ["Module", "Parameter"]


class Module(ModuleTree, ModuleState, ModuleHooks):
    """A node of a tree: it holds parameters and further modules, and a training mode.

    How it is printed and its tree is walked is in `module_tree.py`, its state in
    `module_state.py`, how it is called in `module_hooks.py`.

    Assigning a `Parameter` or a `Module` to an attribute adds it to the tree::

        class Linear(Module):
            def __init__(self, weight, bias):
                super().__init__()
                self.weight = Parameter(weight)
                self.bias = Parameter(bias)
    """

    _modules: dict[str, Module]
    _parameters: dict[str, Parameter]
    _buffers: dict[str, Any]
    _not_saved: set[str]  # the names of buffers that are in no `state_dict`
    training: bool

    def __init__(self) -> None:
        self._modules = {}
        self._parameters = {}
        self._buffers = {}
        self._not_saved = set()
        self.training = True

    @property
    def mode(self) -> str:
        """Return "train" or "eval"."""
        return "train" if self.training else "eval"

    def modules(self) -> Sequence[Module]:
        """Return the direct children."""
        return list(self.__dict__.get("_modules", {}).values())

    def train(self, mode: bool = True) -> Self:
        """Set this module and all its descendants to training mode, and return this module.

        Args:
            mode: if false, set them to evaluation mode instead.
        """
        self.training = mode
        for module in self.modules():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Set this module and all its descendants to evaluation mode; return this module."""
        self.training = False
        for module in self.modules():
            module.eval()
        return self

    def named_parameters(self) -> Sequence[tuple[str, Parameter]]:
        """Return the pairs (name, parameter) of this module and all its descendants.

        The name of a descendant's parameter is its path, such as "layer1.weight".
        """
        named = list(self._parameters.items())
        for prefix, module in self._modules.items():
            named += [(f"{prefix}.{name}", value) for name, value in module.named_parameters()]
        return named

    def parameters(self) -> Sequence[Parameter]:
        """Return the parameters of this module and all its descendants, each once."""
        return list(dict.fromkeys(parameter for _, parameter in self.named_parameters()))

    def add_parameter(self, k: str, v: Any) -> Parameter:
        """Add the value `v` as a parameter named `k`, and return the parameter.

        Raises:
            ValueError: if `k` is not a name without dots.
        """
        if not isinstance(k, str) or "." in k:
            raise ValueError(f"add_parameter: {k!r} must be a name without dots")
        parameter = Parameter(v.value if isinstance(v, Parameter) else v, k)
        setattr(self, k, parameter)
        return parameter

    def __setattr__(self, key: str, value: Any) -> None:
        tree = {"_parameters": Parameter, "_modules": Module}
        for table, kind in tree.items():
            if isinstance(value, kind):
                if table not in self.__dict__:
                    raise AttributeError(
                        f"{type(self).__name__}.{key}: call super().__init__() first, "
                        f"before assigning a {kind.__name__}"
                    )
                self._forget(key, but=table)
                self.__dict__[table][key] = value
                return
        if value is not None and key in self.__dict__.get("_parameters", {}):
            raise TypeError(
                f"{type(self).__name__}.{key} is a parameter: give it a value by "
                f".{key}.update(...), or assign a Parameter or None"
            )
        if key in self.__dict__.get("_buffers", {}):
            self._buffers[key] = checked_buffer(type(self).__name__, key, value)
            return
        self._forget(key)
        super().__setattr__(key, value)

    def _forget(self, key: str, but: str | None = None) -> None:
        """Drop what was assigned to `key` before, so that one name means one thing.

        Args:
            key: the name.
            but: a table in which it keeps its place, since it stays there.
        """
        for table in ("_parameters", "_modules", "_buffers"):
            if table != but:
                self.__dict__.get(table, {}).pop(key, None)
        self.__dict__.pop(key, None)

    def __getattr__(self, key: str) -> Any:
        # Called only where the ordinary look-up found nothing.
        for table in ("_parameters", "_modules", "_buffers"):
            found = self.__dict__.get(table, {})
            if key in found:
                return found[key]
        raise AttributeError(f"{type(self).__name__} has no attribute {key!r}")

    def __delattr__(self, key: str) -> None:
        getattr(self, key)
        self._forget(key)
