"""What a module holds: buffers beside its parameters, and both together as its state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from .autodiff import no_grad
from .errors import CheckpointError, DTypeError
from .function import is_tensor
from .parameter import forget_grad
from .views import check_writable

if TYPE_CHECKING:
    from .parameter import Parameter

__all__ = ["IncompatibleKeys", "ModuleState", "checked_buffer"]


class IncompatibleKeys(NamedTuple):
    """The names that only the module has, and those that only the state has."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def checked_buffer(owner: str, name: str, value: Any) -> Any:
    """Return what is to be a buffer.

    Raises:
        DTypeError: if it is neither a tensor, nor a numpy array, nor None.
    """
    if value is None or is_tensor(value) or isinstance(value, np.ndarray):
        return value
    raise DTypeError(
        f"{owner}.{name} is a buffer: it holds a tensor, a numpy array (of integers, say) or "
        f"None, not a {type(value).__name__}"
    )


class ModuleState:
    """The methods of `Module` for its buffers and its whole state, under PyTorch's names."""

    if TYPE_CHECKING:
        _parameters: dict[str, Parameter]
        _buffers: dict[str, Any]
        _not_saved: set[str]

        def _paths(self, prefix: str = "") -> Iterator[tuple[str, Any]]: ...
        def parameters(self) -> Sequence[Parameter]:
            """See `Module`."""

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Add a buffer: a part of the state that is no parameter, such as a running mean.

        Args:
            name: the attribute that it becomes.
            tensor: a tensor, a numpy array where it holds integers, or None for none yet.
            persistent: let it be in `state_dict`.

        Raises:
            ValueError: if the name is not one without dots, or something else has it.
            DTypeError: if the value is none of these.
            AttributeError: if `super().__init__()` was not called.
        """
        owner = type(self).__name__
        if "_buffers" not in self.__dict__:
            raise AttributeError(f"{owner}.{name}: call super().__init__() before register_buffer")
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(f"register_buffer: {name!r} must be a name without dots")
        if hasattr(self, name) and name not in self._buffers:
            raise ValueError(f"register_buffer: {owner} has {name!r} already")
        self._buffers[name] = checked_buffer(owner, name, tensor)
        (self._not_saved.discard if persistent else self._not_saved.add)(name)

    def named_buffers(self) -> Iterator[tuple[str, Any]]:
        """Give the pairs (name, buffer) of this module and all its descendants, once each."""
        seen: set[int] = set()
        for path, module in self._paths():
            for name, buffer in module._buffers.items():
                if buffer is not None and id(buffer) not in seen:
                    seen.add(id(buffer))
                    yield _joined(path, name), buffer

    def buffers(self) -> Iterator[Any]:
        """Give the buffers of this module and all its descendants."""
        for _, buffer in self.named_buffers():
            yield buffer

    def state_dict(self) -> dict[str, Any]:
        """Return the parameters and the persistent buffers of this module and its descendants.

        Returns:
            By their dotted names, constants that share the parameters' storage: what trains the
            module changes them too, so copy those to be kept. A buffer of integers is the numpy
            array itself.

        Raises:
            DTypeError: if a parameter holds no tensor.
        """
        state = {}
        for path, module in self._paths():
            for name, parameter in module._parameters.items():
                if not is_tensor(parameter.value):
                    raise DTypeError(
                        f"state_dict: {_joined(path, name)} holds a "
                        f"{type(parameter.value).__name__}; only tensors can be saved"
                    )
                state[_joined(path, name)] = parameter.value.detach()
            for name, buffer in module._buffers.items():
                if buffer is not None and name not in module._not_saved:
                    held = buffer.detach() if is_tensor(buffer) else buffer
                    state[_joined(path, name)] = held
        return state

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True
    ) -> IncompatibleKeys:
        """Copy a state into the parameters and buffers, which keep their dtypes.

        Args:
            state_dict: what `state_dict` gives, or PyTorch's gives: tensors of either library, or
                numpy arrays.
            strict: let the state have all of the names, and no others.

        Returns:
            The names that are missing in the state, and those that it has too many.

        Raises:
            CheckpointError: if names, shapes or dtypes do not fit. The message lists all that
                do not, and nothing has changed.
        """
        own = self.state_dict()
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        problems = [f"missing: {name}" for name in missing] if strict else []
        problems += [f"unexpected: {name}" for name in unexpected] if strict else []
        arrays = {}
        for name, target in own.items():
            if name not in state_dict:
                continue
            try:
                arrays[name] = _fitting(state_dict[name], target)
            except (RuntimeError, TypeError, ValueError) as error:
                problems.append(f"{name}: {error}")
        if problems:
            lines = "\n  ".join(problems)
            raise CheckpointError(
                f"load_state_dict of {type(self).__name__}: the state is of another module\n"
                f"  {lines}"
            )
        for name, array in arrays.items():
            own[name][...] = array
        return IncompatibleKeys(missing, unexpected)

    def to(self, target: Any) -> Self:
        """Put the parameters and buffers in a dtype or on a backend; see `Tensor.to`.

        The parameters stay the same objects, so that an optimiser keeps them. Arrays of integers
        stay as they are.

        Returns:
            This module.

        Raises:
            DTypeError, BackendError: if there is no such dtype or backend; nothing has changed.
        """
        with no_grad():
            parameters = [(held, _moved(held.value, target)) for held in self.parameters()]
            buffers = [
                (module, name, _moved(buffer, target))
                for _, module in self._paths()
                for name, buffer in module._buffers.items()
            ]
        for parameter, value in parameters:
            wanted = bool(parameter.requires_grad)
            parameter.update(value)
            parameter.requires_grad_(wanted)
        for module, name, buffer in buffers:
            module._buffers[name] = buffer
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or with `set_to_none=False` set those there are to zeros."""
        for parameter in self.parameters():
            forget_grad(parameter, set_to_none)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let the gradients of all parameters be wanted, or not; return this module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _fitting(given: Any, target: Any) -> npt.NDArray[Any]:
    """Return what is given for `target` as an array that can be copied into it.

    Raises:
        TypeError, ValueError, RuntimeError: if it is none.
    """
    if is_tensor(target):
        check_writable(target._tensor)
    if is_tensor(given):
        array = given.to_numpy()
    else:
        array = np.asarray(given.detach() if hasattr(given, "detach") else given)
    if array.shape != target.shape:
        raise ValueError(f"of shape {array.shape} in the state, {target.shape} in the module")
    kind = "biuf" if target.dtype.kind == "f" else "biu"
    if array.dtype.kind not in kind:
        raise TypeError(f"of dtype {array.dtype} in the state, {target.dtype} in the module")
    return array


def _moved(value: Any, target: Any) -> Any:
    """Return a tensor and its gradient in a dtype or on a backend; other values as they are."""
    if not is_tensor(value):
        return value
    moved = value.to(target)
    if moved is not value and value.grad is not None:
        moved.grad = value.grad.to(target)
    return moved
