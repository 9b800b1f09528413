"""Part 1: are a layer's own gradients those of automatic differentiation?"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import minitorch
from minitorch import Tensor

from .layers import (
    MLP,
    CrossEntropyLoss,
    Dropout,
    Layer,
    LeakyReLU,
    Linear,
    Sequential,
    Sigmoid,
    TanH,
)

__all__ = ["compare_layer_to_torch"]

Array = npt.NDArray[Any]


def compare_layer_to_torch(layer: Layer, x: Tensor, y: Any = None, seed: int = 42) -> list[float]:
    """Compare the gradients of a layer with those of automatic differentiation.

    PyTorch computes the same from the same numbers where it is installed; where it is not, or
    knows no such layer, minitorch's own autograd differentiates the layer's `forward`. What
    was compared with is printed, and the largest difference of each gradient.

    Args:
        layer: the layer; its gradients are set to zero first.
        x: the input.
        y: the labels, for a layer with a loss.
        seed: from which the gradient by the output is drawn.

    Returns:
        The largest absolute differences: by the input, then by each parameter.
    """
    params = layer.params()
    for _, dp in params:
        dp.zero_()
    leaves = [x.detach(), *(p for p, _ in params)]
    try:
        for leaf in leaves:
            leaf.requires_grad_(True)
        out = layer(leaves[0], y=y)
        dout = np.random.default_rng(seed).standard_normal(out.shape)
        upstream = minitorch.tensor(dout, dtype=out.dtype, backend=out.backend)
        with minitorch.no_grad():
            dx = layer.backward(upstream)
        with_torch = importlib.util.find_spec("torch") is not None and _torch_knows(layer)
        if with_torch:
            expected = _torch_gradients(layer, [leaf.numpy() for leaf in leaves], y, dout)
        else:
            out.backward(upstream)
            expected = [leaf.grad.numpy() for leaf in leaves]
    finally:
        for leaf in leaves:
            leaf.requires_grad_(False)
            leaf.grad = None

    print(f"Comparing gradients with {'PyTorch' if with_torch else 'minitorch autograd'}...")
    diffs = []
    for number, (ours, theirs) in enumerate(
        zip([dx, *(dp for _, dp in params)], expected, strict=True)
    ):
        diff = float(np.abs(ours.numpy() - theirs).max(initial=0.0))
        print(f"{f'param#{number:02d}' if number else 'input   '} diff={diff:.3f}")
        diffs.append(diff)
    return diffs


def _torch_knows(layer: Layer) -> bool:
    """Return whether `_in_torch` can compute a layer, and all layers in it."""
    if isinstance(layer, Sequential | MLP):
        inner = layer.sequence if isinstance(layer, MLP) else layer
        return all(_torch_knows(each) for each in inner.layers)
    return isinstance(layer, LeakyReLU | Sigmoid | TanH | Linear | Dropout | CrossEntropyLoss)


def _torch_gradients(layer: Layer, leaves: list[Array], y: Any, dout: Array) -> list[Array]:
    """Return PyTorch's gradients by the input and the parameters."""
    import torch

    x, *params = [torch.tensor(leaf, requires_grad=True) for leaf in leaves]
    out = _in_torch(layer, x, y, iter(params))
    out.backward(torch.as_tensor(dout, dtype=out.dtype))
    return [leaf.grad.numpy() for leaf in [x, *params]]


def _in_torch(layer: Layer, x: Any, y: Any, params: Iterator[Any]) -> Any:
    """Return what PyTorch makes of x where `layer` stands; what was dropped is dropped again."""
    import torch

    match layer:
        case Sequential() | MLP():
            inner = layer.sequence if isinstance(layer, MLP) else layer
            for each in inner.layers:
                x = _in_torch(each, x, y, params)
            return x
        case LeakyReLU():
            return torch.nn.functional.leaky_relu(x, layer.alpha)
        case Sigmoid():
            return torch.sigmoid(x)
        case TanH():
            return torch.tanh(x)
        case Linear():
            return torch.nn.functional.linear(x, next(params), next(params))
        case Dropout():
            return x * torch.tensor(layer.grad_cache["mask"].numpy())
        case _:
            return torch.nn.functional.cross_entropy(x, torch.as_tensor(np.asarray(y)))
