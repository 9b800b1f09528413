"""Keeping what was learnt: a file that is either whole or not there.

The format is safetensors (https://github.com/huggingface/safetensors): arrays by name, which
PyTorch reads too, and a little text beside them. Nothing in it is run when it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CheckpointError
from ..module import Module
from ..rng import generator, set_generator_state
from ..tensor import Tensor
from ..tensor_data import TensorData

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]


@dataclass(frozen=True)
class Checkpoint:
    """What a file held.

    Args:
        arrays: the parameters by their dotted names.
        progress: where the training stood, as the script that saved it had put it.
        random_state: the state of the generator.
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    progress: Mapping[str, Any]
    random_state: dict[str, Any]

    def restore(self, model: Module) -> None:
        """Put the parameters in `model`, and the generator in its state.

        Raises:
            CheckpointError: if names or shapes are not the model's; nothing is changed then.
        """
        parameters = dict(model.named_parameters())
        missing = sorted(set(parameters) - set(self.arrays))
        extra = sorted(set(self.arrays) - set(parameters))
        if missing or extra:
            raise CheckpointError(
                f"the checkpoint is of another model: it lacks {missing or 'nothing'}, and has "
                f"{extra or 'nothing'} that the model has not"
            )
        for name, parameter in parameters.items():
            if parameter.shape != self.arrays[name].shape:
                raise CheckpointError(
                    f"the checkpoint is of another model: {name} has shape "
                    f"{self.arrays[name].shape} there and {parameter.shape} in the model"
                )
        try:
            set_generator_state(self.random_state)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"the checkpoint's random state is not one: {error}") from None
        for name, parameter in parameters.items():
            value = parameter.value
            array = self.arrays[name].astype(value.dtype)
            parameter.update(Tensor(TensorData.from_array(array), backend=value.backend))


def _sum_of(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return a SHA-256 sum of the arrays, by which damage is found out."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def save_checkpoint(path: str | Path, model: Module, progress: Mapping[str, Any]) -> None:
    """Write the parameters of `model`, `progress` and the state of the generator.

    The file is written beside `path` and then put in its place in one step, so that whatever
    happens `path` holds the old checkpoint or the new one, whole.

    Args:
        path: the file.
        model: a module whose parameters are tensors.
        progress: what JSON can hold.

    Raises:
        OSError: if the file cannot be written.
    """
    from safetensors.numpy import save

    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        name: np.ascontiguousarray(parameter.numpy())
        for name, parameter in model.named_parameters()
    }
    state = generator().bit_generator.state
    notes = {
        "progress": json.dumps(dict(progress)),
        "random_state": json.dumps(state),
        "sha256": _sum_of(arrays),
    }
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(save(arrays, notes))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


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
    except SafetensorError as error:
        raise CheckpointError(f"{source}: not a whole safetensors file: {error}") from None
    except (KeyError, json.JSONDecodeError):
        raise CheckpointError(f"{source}: not a checkpoint of a training run") from None
    if not isinstance(progress, dict) or not isinstance(state, dict):
        raise CheckpointError(f"{source}: not a checkpoint of a training run")
    if _sum_of(arrays) != expected:
        raise CheckpointError(f"{source}: damaged: its arrays do not have the sum they had")
    return Checkpoint(arrays, progress, state)
