"""The same operations three times, for random programs: in numpy, minitorch and PyTorch."""

from __future__ import annotations

from typing import Any

import kernel_cases
import numpy as np

import minitorch
from minitorch.layers import functional

try:
    # `torch` alone would find the folder of tests of that name where PyTorch is not installed.
    import torch.nn.functional as F
except ImportError:
    F = None
else:
    import torch

__all__ = ["Numpy", "Own", "Torch"]

Array = Any


class Common:
    """What all three write alike."""

    @staticmethod
    def neg(a: Any) -> Any:
        return -a

    @staticmethod
    def affine(a: Any) -> Any:
        return 1 - (2 * a + 0.5) / 4

    @staticmethod
    def inv(a: Any) -> Any:
        return 1.0 / a

    @staticmethod
    def add(a: Any, b: Any) -> Any:
        return a + b

    @staticmethod
    def sub(a: Any, b: Any) -> Any:
        return a - b

    @staticmethod
    def mul(a: Any, b: Any) -> Any:
        return a * b

    @staticmethod
    def div(a: Any, b: Any) -> Any:
        return a / b


class Numpy(Common):
    """Values in numpy, by the plainest formulas."""

    tanh, exp, log = np.tanh, np.exp, np.log
    contiguous = detach = staticmethod(np.copy)
    permute = staticmethod(np.transpose)
    view = staticmethod(np.reshape)
    expand = staticmethod(np.broadcast_to)

    @staticmethod
    def sigmoid(a: Array) -> Array:
        return (1 + np.tanh(a / 2)) / 2

    @staticmethod
    def relu(a: Array) -> Array:
        return np.maximum(a, 0)

    @staticmethod
    def less(a: Array, b: Array) -> Array:
        return (a < b).astype(np.float64)

    @staticmethod
    def equal(a: Array, b: Array) -> Array:
        return (a == b).astype(np.float64)

    @staticmethod
    def slices(a: Array, key: Any) -> Array:
        return a[key]

    @staticmethod
    def sum_all(a: Array) -> Array:
        return a.sum().reshape(1)

    @staticmethod
    def sum(a: Array, dim: int, keep: bool) -> Array:
        return np.asarray(a.sum(dim, keepdims=keep))

    @staticmethod
    def mean(a: Array, dim: int, keep: bool) -> Array:
        return np.asarray(a.mean(dim, keepdims=keep))

    @staticmethod
    def max(a: Array, dim: int) -> Array:
        return a.max(dim, keepdims=True)

    @staticmethod
    def softmax(a: Array, dim: int) -> Array:
        return np.exp(Numpy.logsoftmax(a, dim))

    @staticmethod
    def logsoftmax(a: Array, dim: int) -> Array:
        shifted = a - a.max(dim, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(dim, keepdims=True))

    @staticmethod
    def nll_loss(a: Array, labels: tuple[int, ...]) -> Array:
        return np.asarray(-a[np.arange(len(labels)), labels].mean())

    @staticmethod
    def cross_entropy(a: Array, labels: tuple[int, ...]) -> Array:
        return Numpy.nll_loss(Numpy.logsoftmax(a, 1), labels)

    @staticmethod
    def matmul(a: Array, b: Array, turned: bool) -> Array:
        return np.asarray(a @ (b.swapaxes(-1, -2) if turned else b))

    @staticmethod
    def matmul_left(a: Array, b: Array, turned: bool) -> Array:
        return np.asarray((b.swapaxes(-1, -2) if turned else b) @ a)

    @staticmethod
    def linear(a: Array, weight: Array, bias: Array, relu: bool) -> Array:
        out = a @ weight.T + bias
        return np.maximum(out, 0) if relu else out

    conv1d = conv2d = staticmethod(kernel_cases.convolution)

    @staticmethod
    def convolution(a: Array, weight: Array, bias: Array, padding: Any, relu: bool) -> Array:
        padded = np.pad(a, ((0, 0), (0, 0), *padding))
        sizes = [n - k + 1 for n, k in zip(padded.shape[2:], weight.shape[2:], strict=True)]
        out = kernel_cases.convolution(padded, weight, sizes=tuple(sizes))
        out += bias.reshape(-1, *[1] * len(sizes))
        return np.maximum(out, 0) if relu else out

    tiles = staticmethod(kernel_cases.tiles)

    @staticmethod
    def avgpool2d(a: Array, kernel: tuple[int, int]) -> Array:
        return kernel_cases.tiles(a, kernel).mean((4, 5))

    @staticmethod
    def maxpool2d(a: Array, kernel: tuple[int, int]) -> Array:
        return kernel_cases.tiles(a, kernel).max((4, 5))


class Tensors(Common):
    """What minitorch and PyTorch write alike."""

    @staticmethod
    def sigmoid(a: Any) -> Any:
        return a.sigmoid()

    @staticmethod
    def tanh(a: Any) -> Any:
        return a.tanh()

    @staticmethod
    def exp(a: Any) -> Any:
        return a.exp()

    @staticmethod
    def log(a: Any) -> Any:
        return a.log()

    @staticmethod
    def relu(a: Any) -> Any:
        return a.relu()

    @staticmethod
    def contiguous(a: Any) -> Any:
        return a.contiguous()

    @staticmethod
    def detach(a: Any) -> Any:
        return a.detach()

    @staticmethod
    def permute(a: Any, order: tuple[int, ...]) -> Any:
        return a.permute(*order)

    @staticmethod
    def view(a: Any, shape: tuple[int, ...]) -> Any:
        return a.contiguous().view(shape)

    @staticmethod
    def expand(a: Any, shape: tuple[int, ...]) -> Any:
        return a.expand(shape)

    @staticmethod
    def sum_all(a: Any) -> Any:
        return a.sum().view(1)

    @staticmethod
    def sum(a: Any, dim: int, keep: bool) -> Any:
        return a.sum(dim, keepdim=keep)

    @staticmethod
    def mean(a: Any, dim: int, keep: bool) -> Any:
        return a.mean(dim, keepdim=keep)

    @staticmethod
    def _turned(a: Any, turned: bool) -> Any:
        dims = len(a.shape)
        return a.permute(*range(dims - 2), dims - 1, dims - 2) if turned else a

    @staticmethod
    def matmul(a: Any, b: Any, turned: bool) -> Any:
        return a @ Tensors._turned(b, turned)

    @staticmethod
    def matmul_left(a: Any, b: Any, turned: bool) -> Any:
        return Tensors._turned(b, turned) @ a

    @staticmethod
    def gradient(leaf: Any) -> Array:
        return np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()


class Own(Tensors):
    """minitorch, on any backend."""

    max = staticmethod(minitorch.max)
    softmax, logsoftmax = staticmethod(minitorch.softmax), staticmethod(minitorch.logsoftmax)
    nll_loss = staticmethod(functional.nll_loss)
    cross_entropy = staticmethod(functional.cross_entropy)
    conv1d, conv2d = staticmethod(minitorch.conv1d), staticmethod(minitorch.conv2d)
    linear, convolution = staticmethod(functional.linear), staticmethod(functional.convolution)
    avgpool2d, maxpool2d = staticmethod(minitorch.avgpool2d), staticmethod(minitorch.maxpool2d)

    @staticmethod
    def leaf(values: Array, backend: str) -> Any:
        return minitorch.tensor(values, backend=backend, requires_grad=True)

    @staticmethod
    def slices(a: Any, key: Any) -> Any:
        return a[key]

    @staticmethod
    def less(a: Any, b: Any) -> Any:
        return a < b

    @staticmethod
    def equal(a: Any, b: Any) -> Any:
        return a == b

    @staticmethod
    def backward(results: list[tuple[Any, Array]]) -> None:
        """Let gradients flow from a weighted sum of the results."""
        losses = [
            (out * out._new(minitorch.tensor(w.reshape(out.shape))._tensor)).sum()
            for out, w in results
        ]
        losses = [loss for loss in losses if loss.requires_grad]
        if losses:
            total = losses[0]
            for loss in losses[1:]:
                total = total + loss
            total.backward()

    @staticmethod
    def numbers(a: Any) -> Array:
        return a.numpy()


class Torch(Tensors):
    """PyTorch, where it is installed."""

    is_there = F is not None

    @staticmethod
    def leaf(values: Array, _: str) -> Any:
        return torch.tensor(values, requires_grad=True)

    @staticmethod
    def slices(a: Any, key: Any) -> Any:
        # PyTorch has no negative steps.
        for dim, part in reversed(list(enumerate(key))):
            if isinstance(part, slice):
                a = a.index_select(dim, torch.tensor(range(a.shape[dim])[part]))
            else:
                a = a.select(dim, part)
        return a

    @staticmethod
    def less(a: Any, b: Any) -> Any:
        return (a < b).double()

    @staticmethod
    def equal(a: Any, b: Any) -> Any:
        return (a == b).double()

    @staticmethod
    def max(a: Any, dim: int) -> Any:
        return a.amax(dim, keepdim=True)

    @staticmethod
    def softmax(a: Any, dim: int) -> Any:
        return a.softmax(dim)

    @staticmethod
    def logsoftmax(a: Any, dim: int) -> Any:
        return a.log_softmax(dim)

    @staticmethod
    def nll_loss(a: Any, labels: tuple[int, ...]) -> Any:
        return F.nll_loss(a, torch.tensor(labels))

    @staticmethod
    def cross_entropy(a: Any, labels: tuple[int, ...]) -> Any:
        return F.cross_entropy(a, torch.tensor(labels))

    @staticmethod
    def linear(a: Any, weight: Any, bias: Any, relu: bool) -> Any:
        out = F.linear(a, weight, bias)
        return out.relu() if relu else out

    @staticmethod
    def conv1d(a: Any, weight: Any) -> Any:
        return Torch.convolution(a, weight, None, ((0, weight.shape[2] - 1),), False)

    @staticmethod
    def conv2d(a: Any, weight: Any) -> Any:
        return Torch.convolution(a, weight, None, [(0, k - 1) for k in weight.shape[2:]], False)

    @staticmethod
    def convolution(a: Any, weight: Any, bias: Any, padding: Any, relu: bool) -> Any:
        sides = [side for pair in reversed(padding) for side in pair]
        convolve = F.conv1d if a.dim() == 3 else F.conv2d
        out = convolve(F.pad(a, sides), weight, bias)
        return out.relu() if relu else out

    @staticmethod
    def avgpool2d(a: Any, kernel: tuple[int, int]) -> Any:
        return F.avg_pool2d(a, kernel)

    @staticmethod
    def maxpool2d(a: Any, kernel: tuple[int, int]) -> Any:
        return F.max_pool2d(a, kernel)

    @staticmethod
    def backward(results: list[tuple[Any, Array]]) -> None:
        """Let gradients flow from a weighted sum of the results."""
        losses = [
            (out * torch.tensor(w).reshape(out.shape)).sum()
            for out, w in results
            if out.requires_grad
        ]
        if losses:
            torch.stack(losses).sum().backward()

    @staticmethod
    def numbers(a: Any) -> Array:
        return a.detach().numpy()
