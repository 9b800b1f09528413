"""Module 0: a tree of modules that hold parameters, as `torch.nn.Module` is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Module", "Parameter"]


class Module:
    """A node of a tree: it holds parameters and further modules, and a training mode.

    Assigning a `Parameter` or a `Module` to an attribute adds it to the tree::

        class Linear(Module):
            def __init__(self, weight, bias):
                super().__init__()
                self.weight = Parameter(weight)
                self.bias = Parameter(bias)
    """

    _modules: dict[str, Module]
    _parameters: dict[str, Parameter]
    training: bool

    def __init__(self) -> None:
        self._modules = {}
        self._parameters = {}
        self.training = True

    @property
    def mode(self) -> str:
        """Return "train" or "eval"."""
        return "train" if self.training else "eval"

    def modules(self) -> Sequence[Module]:
        """Return the direct children."""
        return list(self.__dict__.get("_modules", {}).values())

    def train(self) -> None:
        """Set this module and all its descendants to training mode."""
        self.training = True
        for module in self.modules():
            module.train()

    def eval(self) -> None:
        """Set this module and all its descendants to evaluation mode."""
        self.training = False
        for module in self.modules():
            module.eval()

    def named_parameters(self) -> Sequence[tuple[str, Parameter]]:
        """Return the pairs (name, parameter) of this module and all its descendants.

        The name of a descendant's parameter is its path, such as "layer1.weight".
        """
        named = list(self._parameters.items())
        for prefix, module in self._modules.items():
            named += [(f"{prefix}.{name}", value) for name, value in module.named_parameters()]
        return named

    def parameters(self) -> Sequence[Parameter]:
        """Return the parameters of this module and all its descendants."""
        return [parameter for _, parameter in self.named_parameters()]

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
                self._forget(key)
                self.__dict__[table][key] = value
                return
        if value is not None and key in self.__dict__.get("_parameters", {}):
            raise TypeError(
                f"{type(self).__name__}.{key} is a parameter: give it a value by "
                f".{key}.update(...), or assign a Parameter or None"
            )
        self._forget(key)
        super().__setattr__(key, value)

    def _forget(self, key: str) -> None:
        """Drop what was assigned to `key` before, so that one name means one thing."""
        for table in ("_parameters", "_modules"):
            self.__dict__.get(table, {}).pop(key, None)
        self.__dict__.pop(key, None)

    def __getattr__(self, key: str) -> Any:
        # Called only where the ordinary look-up found nothing.
        for table in ("_parameters", "_modules"):
            found = self.__dict__.get(table, {})
            if key in found:
                return found[key]
        raise AttributeError(f"{type(self).__name__} has no attribute {key!r}")

    def __delattr__(self, key: str) -> None:
        getattr(self, key)
        self._forget(key)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return `forward` of the arguments."""
        return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the module's output; each kind of module defines its own."""
        raise TypeError(f"{type(self).__name__} defines no forward method")

    def __repr__(self) -> str:
        lines = []
        for key, module in self._modules.items():
            first, *rest = repr(module).split("\n")
            lines += [f"  ({key}): {first}", *(f"  {line}" for line in rest)]
        name = type(self).__name__
        return "\n".join([f"{name}(", *lines, ")"]) if lines else f"{name}()"


class Parameter:
    """A value, usually a `Scalar` or a `Tensor`, that training may change.

    Args:
        x: the value; where it can require gradients, it is made to.
        name: a name for printing.
    """

    def __init__(self, x: Any, name: str | None = None) -> None:
        self.name = name
        self.update(x)

    def update(self, x: Any) -> None:
        """Replace the value by `x`."""
        history = getattr(x, "history", None)
        if history is not None and history.last_fn is not None:
            # A value that was computed becomes a leaf of its own.
            x = x.detach()
        self.value = x
        if hasattr(x, "requires_grad_"):
            x.requires_grad_(True)
            if self.name:
                x.name = self.name

    @property
    def grad(self) -> Any:
        """Return the gradient of the value; None before the first `backward`."""
        return self.value.grad

    @property
    def data(self) -> Any:
        """Return the value's data."""
        return self.value.data

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the value's shape."""
        shape: tuple[int, ...] = self.value.shape
        return shape

    @property
    def dtype(self) -> Any:
        """Return the value's dtype."""
        return self.value.dtype

    def numpy(self) -> Any:
        """Return the value as a numpy array that shares its storage."""
        return self.value.numpy()

    def __repr__(self) -> str:
        return f"Parameter containing:\n{self.value!r}"

    def __str__(self) -> str:
        return str(self.value)
