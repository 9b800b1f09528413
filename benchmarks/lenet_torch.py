"""LeNet in PyTorch, as one writes it there; imports nothing of minitorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["Network", "training_step"]

CLASSES = 10


class Network(nn.Module):
    """A LeNet: (batch, 1, 28, 28) -> (batch, 10), scores of the classes.

    Its convolutions pad on all sides, the cheap way in PyTorch (`padding="same"`). The course's
    are anchored top left; the work is the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding="same")
        self.conv2 = nn.Conv2d(4, 8, 3, padding="same")
        self.linear1 = nn.Linear(8 * 7 * 7, 64)
        self.linear2 = nn.Linear(64, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores of the classes."""
        hidden = F.relu(self.conv2(F.relu(self.conv1(x))))
        pooled = F.avg_pool2d(hidden, 4).flatten(1)
        hidden = F.dropout(F.relu(self.linear1(pooled)), 0.25, self.training)
        scores: torch.Tensor = self.linear2(hidden)
        return scores


def training_step(
    images: npt.NDArray[Any],
    labels: npt.NDArray[np.int64],
    lr: float,
    counted: bool = False,
    compiled: bool = False,
    device: str = "cpu",
) -> Callable[[], Any]:
    """Return a training step on one batch.

    Args:
        images: (batch, 1, 28, 28)
        labels: (batch,)
        lr: the learning rate.
        counted: whether the step also counts the images read rightly.
        compiled: whether forward and backward go through torch.compile.
        device: where it runs.
    """
    inputs, wanted = (torch.from_numpy(given).to(device) for given in (images, labels))
    model = Network().to(device, inputs.dtype)
    optim = torch.optim.SGD(model.parameters(), lr)
    network = torch.compile(model) if compiled else model

    def step() -> Any:
        optim.zero_grad()
        output = network(inputs)
        loss = F.cross_entropy(output, wanted)
        loss.backward()
        optim.step()
        if counted:
            return loss.item(), int((output.argmax(1) == wanted).sum())
        return loss.item()

    return step
