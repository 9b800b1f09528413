"""Compiling the kernels before they are needed.

A kernel is compiled when it first runs, and kept on disk. That takes half a minute for a first
training step, in the middle of whatever one is doing; this does it beforehand, by running the
operations once, on few numbers (for the serial builds) and on many (for the parallel ones).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from . import layers, nn
from .backends import TensorBackend, get_backend
from .creation import from_numpy
from .fast_conv import conv1d, conv2d
from .jit import PARALLEL_FROM
from .optim import SGD, Adam, RMSprop

__all__ = ["warmup_steps"]

Step = tuple[str, Callable[[], object]]


def _elementwise(backend: TensorBackend, name: str, dtype: str, rows: int) -> None:
    a = from_numpy(np.ones((rows, 16), dtype), backend)
    column = from_numpy(np.ones((rows, 1), dtype), backend)
    operation = getattr(backend, name)
    if name.endswith("_map"):
        operation(a)
        column.expand(rows, 16).contiguous()
    else:
        operation(a, a)
        operation(a, column)


def _reductions(backend: TensorBackend, dtype: str, rows: int) -> None:
    a = from_numpy(np.ones((rows, 16), dtype), backend)
    for dim in (0, 1):
        a.sum(dim)
        nn.max(a, dim)
        a.backend.mul_reduce(a, dim)


def _network(backend: TensorBackend, dtype: str, batch: int) -> None:
    """Run forward and backward what a LeNet is made of, in its layers and in the course's code."""
    images = from_numpy(np.ones((batch, 2, 8, 8), dtype), backend)
    labels = np.zeros(batch, np.int64)
    model = layers.Sequential(
        layers.Conv2d(2, 4, 3, padding="same", activation="relu"),
        layers.AvgPool2d(2),
        layers.MaxPool2d(2),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Linear(16, 10, activation="relu"),
    )
    model.to(dtype).to(backend)
    for loss in (layers.functional.cross_entropy, layers.functional.nll_loss):
        loss(model(images), labels).backward()
    for optim in SGD, partial(SGD, momentum=0.9), RMSprop, Adam:
        optim(model.parameters(), lr=0.1).step()
    weight = from_numpy(np.ones((4, 2, 3, 3), dtype), backend).requires_grad_()
    line = from_numpy(np.ones((batch, 2, 64), dtype), backend).requires_grad_()
    flat = conv2d(images.requires_grad_(), weight).view(batch, 256)
    (nn.softmax(flat, 1) + nn.logsoftmax(flat, 1) @ flat.permute(1, 0).contiguous() @ flat).sum(
        0
    ).sum(1).backward()
    conv1d(line, weight.detach()[:, :, 0]).sum().backward()


def _windows(backend: TensorBackend, dtype: str, batch: int) -> None:
    """Run forward and backward the layers of a ResNet that are in no LeNet."""
    functional = layers.functional
    images = from_numpy(np.ones((batch, 2, 8, 8), dtype), backend).requires_grad_()
    weight = from_numpy(np.ones((2, 2, 3, 3), dtype), backend).requires_grad_()
    mean, variance = (from_numpy(np.ones(2, dtype), backend) for _ in range(2))
    strided = functional.conv2d(images, weight, stride=2, padding=1)
    out = functional.batch_norm(strided, mean, variance, training=True)
    out = out + functional.batch_norm(strided, mean, variance)
    pooled = functional.max_pool2d(out, 2, 1) + functional.avg_pool2d(out, 2, 1)
    pooled.sum().backward()


def warmup_steps(dtypes: tuple[str, ...] = ("float32", "float64")) -> Iterator[Step]:
    """Yield pairs of what is compiled and the function that does it, on the default backend."""
    backend = get_backend()
    for dtype in dtypes:
        for build, rows, batch in (("serial", 2, 1), ("parallel", PARALLEL_FROM // 16, 256)):
            title = f"{dtype}, {build}"
            for name in [name for name in vars(backend) if name.endswith(("_map", "_zip"))]:
                yield f"{name}, {title}", partial(_elementwise, backend, name, dtype, rows)
            yield f"reductions, {title}", partial(_reductions, backend, dtype, rows)
            yield f"layers, {title}", partial(_network, backend, dtype, batch)
            # Half as high and wide after the strides, so four times as many are as much work.
            yield f"windows, {title}", partial(_windows, backend, dtype, 4 * batch)
