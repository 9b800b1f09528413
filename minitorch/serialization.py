"""Saving a state, such as `state_dict` gives, and reading it again.

The format is safetensors (https://github.com/huggingface/safetensors): arrays by name, which
PyTorch's `safetensors.torch` writes and reads too. Nothing in it is run when it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .atomic import write_whole
from .creation import from_numpy
from .errors import CheckpointError, DTypeError
from .function import is_tensor
from .parameter import value_of

__all__ = ["load", "save"]

# What safetensors itself keeps under this name is text.
_RESERVED = "__metadata__"


def save(obj: Mapping[str, Any], path: str | Path) -> None:
    """Write a state into a file, which holds all of it or what it held before.

    Args:
        obj: tensors, parameters or numpy arrays by name.
        path: the file; its folder is made if it is not there.

    Raises:
        DTypeError: if it is no dictionary of these.
        ImportError: if safetensors is not installed.
        OSError: if the file cannot be written.
    """
    if not isinstance(obj, Mapping):
        raise DTypeError(
            f"save: takes a dictionary, such as model.state_dict(), not a {type(obj).__name__}"
        )
    arrays = {}
    for name, value in obj.items():
        held = value_of(value)
        array = np.asarray(held.to_numpy() if is_tensor(held) else held, order="C")
        if not isinstance(name, str) or name == _RESERVED:
            raise DTypeError(f"save: {name!r} cannot be the name of an array in a state")
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise DTypeError(
                f"save: {name!r} holds a {type(value).__name__} ({array.dtype}); a state has "
                "tensors and arrays of numbers"
            )
        arrays[name] = array
    write_whole(path, _safetensors().numpy.save(arrays))


def load(path: str | Path) -> dict[str, Any]:
    """Return what `save`, or safetensors of another library, wrote into a file.

    Returns:
        By name, a tensor for each array of float32 or float64, else the numpy array.

    Raises:
        CheckpointError: if the file is missing, cut short, of another kind, or of a dtype that
            numpy has not, such as bfloat16.
        ImportError: if safetensors is not installed.
    """
    safetensors = _safetensors()
    source = Path(path)
    try:
        arrays = safetensors.numpy.load(source.read_bytes())
    except (FileNotFoundError, IsADirectoryError):
        raise CheckpointError(f"load: there is no file {source}") from None
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"load: {source} is not a whole safetensors file: {error}") from None
    except KeyError as error:
        raise CheckpointError(f"load: {source} holds {error}, which numpy has not") from None
    floats = (np.float32, np.float64)
    return {
        name: from_numpy(array) if array.dtype in floats else array
        for name, array in arrays.items()
    }


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            "states are kept in safetensors files: pip install minitorch[safetensors]"
        ) from None
    return safetensors
