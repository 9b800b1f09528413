"""LeNet in minitorch, in two ways; imports nothing of PyTorch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import minitorch

__all__ = ["course_step", "layers_step"]

PROJECT = Path(__file__).resolve().parents[1] / "project"


def layers_step(
    images: npt.NDArray[Any], labels: npt.NDArray[np.int64], lr: float
) -> Callable[[], Any]:
    """Return a training step on one batch of a network of `minitorch.layers`.

    Args:
        images: (batch, 1, 28, 28)
        labels: (batch,)
        lr: the learning rate.
    """
    import minitorch.layers as layers

    class Network(minitorch.Module):
        """A LeNet: (batch, 1, 28, 28) -> (batch, 10), scores of the classes."""

        def __init__(self) -> None:
            super().__init__()
            self.conv1 = layers.Conv2d(1, 4, 3, padding="same", activation="relu")
            self.conv2 = layers.Conv2d(4, 8, 3, padding="same", activation="relu")
            self.pool = layers.AvgPool2d(4)
            self.flatten = layers.Flatten()
            self.linear1 = layers.Linear(8 * 7 * 7, 64, activation="relu")
            self.dropout = layers.Dropout(0.25)
            self.linear2 = layers.Linear(64, 10)

        def forward(self, x: minitorch.Tensor) -> minitorch.Tensor:
            """Return the scores of the classes."""
            pooled = self.flatten(self.pool(self.conv2(self.conv1(x))))
            scores: minitorch.Tensor = self.linear2(self.dropout(self.linear1(pooled)))
            return scores

    model = Network()
    criterion = layers.CrossEntropyLoss()
    optim = minitorch.SGD(model.parameters(), lr)
    inputs = minitorch.from_numpy(images)

    def step() -> float:
        optim.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optim.step()
        return float(loss.item())

    return step


def course_step(
    images: npt.NDArray[Any], labels: npt.NDArray[np.int64], lr: float
) -> Callable[[], Any]:
    """Return a training step on one batch by the code of Task 4.5; arguments as above."""
    if str(PROJECT) not in sys.path:
        sys.path.insert(0, str(PROJECT))
    from run_mnist_multiclass import ImageTrain, Network

    trainer = ImageTrain(Network(), lr, None)
    return lambda: trainer.train_batch(images, labels)
