"""What all optimisers share: parameters in groups, what is kept of each, and checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .autodiff import no_grad
from .devices import refuse_mixed
from .errors import BackendError, CheckpointError, ShapeError, describe_shapes
from .parameter import Parameter, forget_grad, value_of
from .scalar import Scalar
from .tensor import Tensor
from .views import check_writable

__all__ = ["Formula", "Optimizer", "Step"]

Group = dict[str, Any]
State = dict[str, Any]

# Both take (value, gradient, state, group). A formula returns the new value, of a number or a
# tensor; a step writes it into the tensor. What they keep for the next step they put in `state`.
Formula = Callable[[Any, Any, State, Group], Any]
Step = Callable[[Tensor, Tensor, State, Group], None]

# Keys of a group that a saved one may have although the optimiser did not put them there.
_OF_SCHEDULES = {"initial_lr"}

_NOTHING: State = {}


class _Update(NamedTuple):
    """A parameter that a step changes, and by what."""

    parameter: Any
    value: Any
    grad: Any
    group: Group


class Optimizer:
    """Holds the parameters that `step` changes, as `torch.optim.Optimizer` does.

    Args:
        params: `Parameter`s, or tensors that are leaves, in a list or from an iterator; or
            dicts, one for each group, with its "params" and the options that differ::

                SGD([{"params": body}, {"params": head, "lr": 0.1}], lr=0.01)

        defaults: the options of a group that does not give them.

    Attributes:
        param_groups: the groups, dicts of "params" and the options; these may be changed.
        state: what is kept of each parameter between steps.

    Raises:
        TypeError: if a parameter is something else.
        ValueError: if there is no parameter, one comes twice or is no leaf, or an option is
            not finite or negative.
    """

    # The names of what a step may keep of a parameter.
    state_names: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        params: Iterable[Any],
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self.defaults = dict(defaults or {})
        self.state: dict[Any, State] = {}
        self.param_groups: list[Group] = []
        self.check_options(self.defaults)
        if isinstance(params, Tensor | Parameter | dict):
            raise TypeError(f"{self._name}: takes a list of parameters, not a {_kind(params)}")
        given = list(params)
        if not given:
            raise ValueError(f"{self._name}: there are no parameters; the list is empty")
        groups = given if isinstance(given[0], dict) else [{"params": given}]
        for group in groups:
            self.add_param_group(group)

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def parameters(self) -> list[Any]:
        """Return the parameters of all groups."""
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add a group: its "params" and the options in which it differs from the defaults.

        Raises:
            TypeError, ValueError: as for the class; nothing is added then.
        """
        if not isinstance(param_group, Mapping) or "params" not in param_group:
            raise TypeError(f'{self._name}: a group is a dict with the key "params"')
        params = param_group["params"]
        members = [params] if isinstance(params, Tensor | Parameter) else list(params)
        group = {"params": members, **self.defaults, **param_group}
        group["params"] = members
        self.check_options(group)
        seen = {id(part) for known in self.parameters for part in _identities(known)}
        for member in members:
            self._check_member(member)
            parts = {id(part) for part in _identities(member)}
            if parts & seen:
                raise ValueError(
                    f"{self._name}: the parameter of shape {_shape_of(member)} is there twice"
                )
            seen |= parts
        self.param_groups.append(group)

    def _check_member(self, member: Any) -> None:
        if not isinstance(member, Tensor | Parameter):
            raise TypeError(f"{self._name}: takes Parameters and tensors, not a {_kind(member)}")
        value = value_of(member)
        history = value.history if isinstance(value, Tensor) else None
        if history is not None and history.last_fn is not None:
            raise ValueError(
                f"{self._name}: the tensor of shape {value.shape} was computed by "
                f"{history.last_fn.__name__}; only leaves can be optimised"
            )

    def check_options(self, group: Mapping[str, Any]) -> None:
        """Refuse options that are not finite or negative; an optimiser adds checks of its own.

        Raises:
            ValueError: naming the option.
        """
        for name in self.defaults:
            several = name != "lr" and isinstance(group[name], tuple | list)
            for number in group[name] if several else (group[name],):
                if name != "lr" and not isinstance(number, Real):
                    continue
                if not (isinstance(number, Real) and math.isfinite(number) and float(number) >= 0):
                    title = "the learning rate lr" if name == "lr" else name
                    raise ValueError(
                        f"{self._name}: {title} is {number}; it must be finite and not negative"
                    )

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or with `set_to_none=False` set those there are to zeros."""
        for parameter in self.parameters:
            forget_grad(parameter, set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change each parameter by its gradient."""
        raise NotImplementedError(f"{self._name} defines no step")

    def _stepped(self, closure: Callable[[], Any] | None, formula: Formula, step: Step) -> Any:
        """Take a step: by `formula` for Scalars, by `step` in place for tensors.

        Args:
            closure: computes the gradients anew, and returns the loss, which is returned.
        """
        loss = None if closure is None else closure()
        with no_grad():
            for parameter, value, grad, group in list(self._updates()):
                state = self.state.get(parameter, {})
                if isinstance(value, Scalar):
                    parameter.update(Scalar(formula(value.data, grad, state, group)))
                else:
                    step(value, grad, state, group)
                if state:
                    self.state[parameter] = state
        return loss

    def _updates(self) -> Iterator[_Update]:
        """Yield the parameters that have a gradient, each checked.

        Raises:
            ValueError: if an option was changed to one that is refused.
            ShapeError: if a gradient, or what was kept, has not its parameter's shape, or
                elements of a parameter share their storage.
            BackendError: if one of them lies on another device.
        """
        for group in self.param_groups:
            self.check_options(group)
            for parameter in group["params"]:
                value = value_of(parameter)
                if isinstance(value, Scalar):
                    if value.derivative is not None:
                        yield _Update(parameter, value, value.derivative, group)
                elif getattr(value, "grad", None) is not None:
                    try:
                        check_writable(value._tensor)
                    except ShapeError as error:
                        raise ShapeError(f"{self._name}.step: {error}") from None
                    grad = value._coerced(value.grad)
                    refuse_mixed(f"{self._name}.step", (value, grad))
                    if grad.shape != value.shape:
                        self._refuse_shape(value, "gradient", grad)
                    for name, kept in self.state.get(parameter, _NOTHING).items():
                        if isinstance(kept, Tensor):
                            self._fit(value, name, kept)
                    yield _Update(parameter, value, grad, group)

    def _fit(self, value: Tensor, name: str, kept: Tensor) -> None:
        """Let what is kept have a parameter's dtype, which may have changed; check its shape."""
        if kept.shape != value.shape:
            self._refuse_shape(value, name, kept)
        if kept.backend.cuda != value.backend.cuda:
            raise BackendError(
                f"{self._name}.step: {name} of the parameter of shape {value.shape} is on "
                f"{kept.device}, the parameter on {value.device}: move a model before its "
                "optimiser takes a step, or let a new optimiser load this one's state_dict"
            )
        if kept.dtype is not value.dtype:
            kept._tensor = kept.to(value.dtype)._tensor

    def _refuse_shape(self, value: Tensor, name: str, tensor: Tensor) -> None:
        shapes = describe_shapes(
            f"{self._name}.step", [("parameter", value.shape), (name, tensor.shape)]
        )
        raise ShapeError(f"{shapes}\nthe shapes must be equal")

    # Saving and going on.

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs: numbers and numpy arrays, in PyTorch's form.

        "state" has what is kept of each parameter, by its number in the order of the groups;
        "param_groups" the options of each group, and in "params" the numbers of its parameters.
        """
        numbers = {id(parameter): n for n, parameter in enumerate(self.parameters)}
        state = {
            numbers[id(parameter)]: {name: _saved(kept) for name, kept in entries.items()}
            for parameter, entries in self.state.items()
        }
        groups = [
            {**group, "params": [numbers[id(member)] for member in group["params"]]}
            for group in self.param_groups
        ]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` of an optimiser with the same parameters gave.

        Raises:
            CheckpointError: if it does not fit the groups, the options or the shapes; nothing
                is changed then.
        """
        try:
            groups, state = self._read(state_dict)
        except CheckpointError:
            raise
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise self._misfit(f"{type(error).__name__}: {error}") from error
        self.param_groups, self.state = groups, state

    def _read(self, state_dict: Mapping[str, Any]) -> tuple[list[Group], dict[Any, State]]:
        """Return the groups and the state that a saved state holds."""
        if set(state_dict) != {"state", "param_groups"}:
            raise self._misfit(f"expected the keys state and param_groups; found {[*state_dict]}")
        saved_groups = state_dict["param_groups"]
        saved_sizes = [len(group["params"]) for group in saved_groups]
        sizes = [len(group["params"]) for group in self.param_groups]
        if saved_sizes != sizes:
            raise self._misfit(f"its groups have {saved_sizes} parameters; here they have {sizes}")
        groups = [
            self._read_group(group, saved)
            for group, saved in zip(self.param_groups, saved_groups, strict=True)
        ]
        of_number = {
            number: (parameter, group)
            for saved, group in zip(saved_groups, groups, strict=True)
            for number, parameter in zip(saved["params"], group["params"], strict=True)
        }
        state = {}
        for number, entries in state_dict["state"].items():
            if number not in of_number:
                raise self._misfit(f"it has a state for parameter {number}, which is in no group")
            parameter, group = of_number[number]
            state[parameter] = self._read_state(number, parameter, group, entries)
        return groups, state

    def _read_group(self, group: Group, saved: Mapping[str, Any]) -> Group:
        missing = sorted(self.defaults.keys() - saved.keys())
        extra = sorted(saved.keys() - group.keys() - _OF_SCHEDULES)
        if missing or extra:
            raise self._misfit(
                f"a group lacks {missing or 'nothing'}, and has {extra or 'nothing'} beyond "
                "the options here"
            )
        read = {**saved, "params": group["params"]}
        self.check_options(read)
        return read

    def kept_names(self, group: Mapping[str, Any]) -> set[str]:
        """Return the names of what a step with these options keeps of a parameter."""
        return set()

    def _read_state(
        self, number: int, parameter: Any, group: Group, entries: Mapping[str, Any]
    ) -> State:
        missing = sorted(self.kept_names(group) - entries.keys())
        extra = sorted(entries.keys() - set(self.state_names))
        if missing or extra:
            raise self._misfit(
                f"the state of parameter {number} lacks {missing or 'nothing'}, and has "
                f"{extra or 'nothing'} beyond {list(self.state_names)}"
            )
        value = value_of(parameter)
        state: State = {}
        for name, kept in entries.items():
            array = np.array(_saved(kept))
            if name == "step" or not isinstance(value, Tensor):
                if array.size != 1 or not np.isfinite(array.item()):
                    raise self._misfit(f"{name} of parameter {number} is {kept}")
                if name == "step" and (array.item() < 1 or array.item() % 1):
                    raise self._misfit(f"step of parameter {number} is {kept}; it counts from 1")
                state[name] = int(array.item()) if name == "step" else float(array.item())
            elif array.shape != value.shape:
                raise self._misfit(
                    f"{name} of parameter {number} has shape {array.shape}; the parameter has "
                    f"{value.shape}"
                )
            else:
                state[name] = value._from_array(array.astype(value.dtype))
        return state

    def _misfit(self, what: str) -> CheckpointError:
        return CheckpointError(f"{self._name}: the state does not fit: {what}")

    def __repr__(self) -> str:
        lines = []
        for number, group in enumerate(self.param_groups):
            options = sorted(group.keys() - {"params"})
            lines += [f"Parameter Group {number}", *(f"    {k}: {group[k]}" for k in options)]
        return "\n".join([f"{self._name} (", *lines, ")"])


def _identities(parameter: Any) -> list[Any]:
    """Return the objects by which a parameter is known again: it, and the tensor in it."""
    value = value_of(parameter)
    return [parameter, value] if isinstance(value, Tensor | Scalar) else [parameter]


def _kind(thing: Any) -> str:
    return type(thing).__name__


def _shape_of(parameter: Any) -> tuple[int, ...]:
    return getattr(value_of(parameter), "shape", ())


def _saved(kept: Any) -> Any:
    """Return what is kept as `state_dict` gives it: a number, or a copy as a numpy array."""
    return np.array(kept.to_numpy()) if isinstance(kept, Tensor) else kept
