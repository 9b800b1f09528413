"""The files of the assignment: inputs made by a seed, outputs of the layers, to be handed in.

    python -m project.assignments.conv_solver

writes both folders. A file has one number a line, 16 significant digits, arrays flattened row by
row: enough to tell a float32 exactly, as the inputs are. They are not the course's own inputs,
which are not at hand, so the outputs are not what its marking scripts expect.
"""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np

from .layers import (
    Array,
    conv_backward,
    conv_forward,
    dropout_backward,
    dropout_forward,
    max_pool_backward,
    max_pool_forward,
)

__all__ = ["INPUT_SHAPES", "read_array", "write_array", "write_inputs", "write_outputs"]

INPUT_SHAPES: dict[str, tuple[int, ...]] = {
    "conv_forward_in_x": (2, 3, 6, 6),
    "conv_forward_in_w": (3, 3, 4, 4),
    "conv_forward_in_b": (3,),
    "conv_backward_in_x": (4, 3, 5, 5),
    "conv_backward_in_w": (2, 3, 3, 3),
    "conv_backward_in_b": (2,),
    "conv_backward_in_dout": (4, 2, 5, 5),
    "maxpool_forward_in_x": (3, 3, 8, 8),
    "maxpool_backward_in_x": (3, 2, 10, 10),
    "maxpool_backward_in_dout": (3, 2, 5, 5),
    "dropout_forward_in_x": (200,),
    "dropout_backward_in_x": (200,),
    "dropout_backward_in_dout": (200,),
}
POOL_PARAM = {"pool_height": 2, "pool_width": 2, "stride": 2}


def write_array(path: str | Path, array: Array) -> None:
    """Write the array's numbers, one a line, row by row, with 16 significant digits."""
    np.savetxt(path, np.ravel(array), fmt="%.15e")


def read_array(path: str | Path, shape: tuple[int, ...]) -> Array:
    """Return the float64 array in a file of `write_array`.

    Raises:
        ValueError: if the file has not as many numbers as `shape` wants, or something else.
    """
    numbers = np.loadtxt(path, ndmin=1)
    if numbers.size != prod(shape):
        raise ValueError(f"{path}: {numbers.size} numbers, shape {shape} has {prod(shape)}")
    return numbers.reshape(shape)


def write_inputs(folder: str | Path, seed: int = 231) -> None:
    """Write the input files, normal numbers; the same ones for the same seed.

    Args:
        folder: is made if it is not there.
        seed: from 0 to 2**32 - 1.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Numpy promises that this older generator's numbers never change.
    chance = np.random.RandomState(seed)
    for name, shape in INPUT_SHAPES.items():
        write_array(folder / f"{name}.csv", chance.standard_normal(shape).astype(np.float32))


def write_outputs(inputs: str | Path, outputs: str | Path, seed: int = 231) -> None:
    """Read the input files, and write what the layers make of them.

    Args:
        inputs: the folder of `write_inputs`.
        outputs: is made if it is not there.
        seed: of dropout's choices.
    """
    outputs = Path(outputs)
    outputs.mkdir(parents=True, exist_ok=True)
    arrays = {
        name: read_array(Path(inputs) / f"{name}.csv", shape)
        for name, shape in INPUT_SHAPES.items()
    }

    def given(layer: str, *names: str) -> list[Array]:
        return [arrays[f"{layer}_in_{name}"] for name in names]

    results: dict[str, Array] = {}
    x, w, b = given("conv_forward", "x", "w", "b")
    out, _ = conv_forward(x, w, b, {"stride": 2, "pad": 2})
    results["conv_forward_out"] = out

    x, w, b, dout = given("conv_backward", "x", "w", "b", "dout")
    _, cache = conv_forward(x, w, b, {"stride": 1, "pad": 2})
    for name, gradient in zip(("dx", "dw", "db"), conv_backward(dout, cache), strict=True):
        results[f"conv_backward_out_{name}"] = gradient

    (x,) = given("maxpool_forward", "x")
    results["maxpool_forward_out"], _ = max_pool_forward(x, POOL_PARAM)
    x, dout = given("maxpool_backward", "x", "dout")
    _, cache = max_pool_forward(x, POOL_PARAM)
    results["maxpool_backward_out"] = max_pool_backward(dout, cache)

    for mode in ("train", "test"):
        (x,) = given("dropout_forward", "x")
        out, _ = dropout_forward(x, {"mode": mode, "p": 0.3, "seed": seed})
        results[f"dropout_forward_out_{mode}"] = out
        x, dout = given("dropout_backward", "x", "dout")
        _, cache = dropout_forward(x, {"mode": mode, "p": 0.8, "seed": seed})
        results[f"dropout_backward_out_{mode}"] = dropout_backward(dout, cache)

    for name, result in results.items():
        write_array(outputs / f"{name}.csv", result)
