"""Keeping what was learnt: a file that is either whole or not there.

The format is safetensors (https://github.com/huggingface/safetensors): arrays by name, which
PyTorch reads too, and a little text beside them. Nothing in it is run when it is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..atomic import write_whole
from ..errors import CheckpointError
from ..function import is_tensor
from ..module import Module
from ..rng import generator, set_generator_state

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]

Arrays = Mapping[str, npt.NDArray[Any]]

# Names of the optimiser's arrays begin so; no parameter's name has a slash.
OPTIMIZER = "optimizer/"


@dataclass(frozen=True)
class Checkpoint:
    """What a file held.

    Args:
        arrays: the parameters and buffers by their dotted names.
        progress: where the training stood, as the script that saved it had put it.
        random_state: the state of the generator.
        optimizer_state: the optimiser's `state_dict`; None if none was saved.
    """

    arrays: Arrays
    progress: Mapping[str, Any]
    random_state: dict[str, Any]
    optimizer_state: Any = None

    def restore(self, model: Module, optimizer: Any = None) -> None:
        """Put the numbers in `model` and `optimizer`, and the generator in its state.

        Raises:
            CheckpointError: if names or shapes are not the model's, or the optimiser's state is
                missing or does not fit; nothing is changed then.
        """
        if optimizer is not None and self.optimizer_state is None:
            raise CheckpointError("the checkpoint was saved without an optimiser's state")
        before = {name: _copied(value) for name, value in model.state_dict().items()}
        chance = dict(generator().bit_generator.state)
        model.load_state_dict(self.arrays)
        try:
            set_generator_state(self.random_state)
            if optimizer is not None:
                optimizer.load_state_dict(self.optimizer_state)
        except (KeyError, TypeError, ValueError) as error:
            model.load_state_dict(before)
            set_generator_state(chance)
            raise CheckpointError(
                f"the checkpoint's optimiser or random state does not fit: {error}"
            ) from None


def _copied(value: Any) -> npt.NDArray[Any]:
    """Return a tensor or an array as an array of its own, in the order in which bytes are saved."""
    return np.array(value.to_numpy() if is_tensor(value) else value, order="C")


def _sum_of(arrays: Arrays) -> str:
    """Return a SHA-256 sum of the arrays, by which damage is found out."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def _packed(value: Any, name: str, arrays: dict[str, npt.NDArray[Any]]) -> Any:
    """Return a tree of dicts, lists and arrays as what JSON can hold.

    Arrays go to `arrays` and leave their name. A dict becomes a list of pairs, since its keys
    may be numbers.
    """
    if is_tensor(value) or isinstance(value, np.ndarray):
        arrays[name] = _copied(value)
        return {"array": name}
    if isinstance(value, Mapping):
        return {"dict": [[k, _packed(v, f"{name}/{k}", arrays)] for k, v in value.items()]}
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_packed(v, f"{name}/{i}", arrays) for i, v in enumerate(value)]}
    return value.item() if isinstance(value, np.generic) else value


def _unpacked(packed: Any, arrays: Arrays) -> Any:
    """Return the tree of which `_packed` made `packed`; KeyError where an array is missing."""
    if not isinstance(packed, dict):
        return packed
    ((kind, held),) = packed.items()
    if kind == "array":
        return arrays[held]
    if kind == "dict":
        return {key: _unpacked(value, arrays) for key, value in held}
    values = [_unpacked(value, arrays) for value in held]
    return tuple(values) if kind == "tuple" else values


def save_checkpoint(
    path: str | Path, model: Module, progress: Mapping[str, Any], optimizer: Any = None
) -> None:
    """Write the state of `model` and `optimizer`, `progress` and the state of the generator.

    The file is written beside `path` and then put in its place in one step, so that whatever
    happens `path` holds the old checkpoint or the new one, whole.

    Args:
        path: the file.
        model: a module whose parameters are tensors.
        progress: what JSON can hold.
        optimizer: what has a `state_dict` of plain Python and arrays; None for none.

    Raises:
        OSError: if the file cannot be written.
    """
    from safetensors.numpy import save

    arrays = {name: _copied(value) for name, value in model.state_dict().items()}
    notes = {
        "progress": json.dumps(dict(progress)),
        "random_state": json.dumps(generator().bit_generator.state),
    }
    if optimizer is not None:
        notes["optimizer"] = json.dumps(_packed(optimizer.state_dict(), OPTIMIZER + "0", arrays))
    notes["sha256"] = _sum_of(arrays)
    write_whole(path, save(arrays, notes))


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Raises:
        CheckpointError: if the file is missing, cut short, damaged, or of another kind.
    """
    from safetensors import SafetensorError, safe_open

    source = Path(path)
    if not source.is_file():
        raise CheckpointError(f"{source}: there is no such checkpoint")
    try:
        with safe_open(source, framework="numpy") as file:
            notes = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        progress, state = json.loads(notes["progress"]), json.loads(notes["random_state"])
        expected = notes["sha256"]
        packed = json.loads(notes.get("optimizer", "null"))
    except SafetensorError as error:
        raise CheckpointError(f"{source}: not a whole safetensors file: {error}") from None
    except (KeyError, json.JSONDecodeError):
        raise CheckpointError(f"{source}: not a checkpoint of a training run") from None
    if not isinstance(progress, dict) or not isinstance(state, dict):
        raise CheckpointError(f"{source}: not a checkpoint of a training run")
    if _sum_of(arrays) != expected:
        raise CheckpointError(f"{source}: damaged: its arrays do not have the sum they had")
    try:
        optimizer_state = _unpacked(packed, arrays)
    except (KeyError, TypeError, ValueError):
        raise CheckpointError(f"{source}: the state of its optimiser is not one") from None
    own = {name: a for name, a in arrays.items() if not name.startswith(OPTIMIZER)}
    return Checkpoint(own, progress, state, optimizer_state)
