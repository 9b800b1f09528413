"""Task 2.5: train a network of tensors.

    python project/run_tensor.py --dataset Xor

`Linear` and `Network` are the student's to write.
"""

from __future__ import annotations

import plane
import typer

import minitorch
from minitorch import Tensor

BACKEND = "simple"


def RParam(*shape: int) -> minitorch.Parameter:
    """Return a parameter of random numbers from -1 to 1."""
    return minitorch.Parameter(minitorch.rand(shape, backend=BACKEND) * 2.0 - 1.0)


class Linear(minitorch.Module):
    """A linear layer: (batch, in_size) -> (batch, out_size)."""

    def __init__(self, in_size: int, out_size: int) -> None:
        super().__init__()
        self.weights = RParam(in_size, out_size)
        self.bias = RParam(out_size)

    def forward(self, x: Tensor) -> Tensor:
        """Return x times the weights, summed over in_size, plus the bias.

        There is no matrix product yet: broadcast to (batch, in_size, out_size), and sum.
        """
        batch, in_size = x.shape
        products = x.view(batch, in_size, 1) * self.weights.value
        return products.sum(1).view(batch, self.bias.shape[0]) + self.bias.value


class Network(minitorch.Module):
    """Two hidden layers with ReLU, and one output with a sigmoid: (batch, 2) -> (batch, 1)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.layer1 = Linear(2, hidden)
        self.layer2 = Linear(hidden, hidden)
        self.layer3 = Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the probabilities that the points x are of class 1."""
        h = self.layer1(x).relu()
        h = self.layer2(h).relu()
        return self.layer3(h).sigmoid()


def main(
    dataset: plane.DatasetOption = plane.DatasetName.Simple,
    points: plane.PointsOption = 50,
    hidden: plane.HiddenOption = 8,
    lr: plane.RateOption = 0.1,
    epochs: plane.EpochsOption = 400,
    seed: plane.SeedOption = 0,
    plot: plane.PlotOption = None,
) -> None:
    """Train a network of tensors to separate two classes of points."""
    minitorch.manual_seed(seed)
    data = minitorch.datasets[dataset.value](points)
    trainer = plane.TensorTrain(Network(hidden), lr, BACKEND)
    plane.train(lambda: trainer.epoch(data), data, epochs)
    plane.finish("run_tensor", dataset.value, trainer.run_many, data, plot)


if __name__ == "__main__":
    typer.run(main)
