"""Task 3.5: train a network of tensors on a fast backend.

    python project/run_fast_tensor.py --dataset Xor --backend fast

`Linear` and `Network` are the student's to write.
"""

from __future__ import annotations

from typing import Annotated

import plane
import typer

import minitorch
from minitorch import Tensor


def RParam(*shape: int) -> minitorch.Parameter:
    """Return a parameter of random numbers from -1 to 1, on the default backend."""
    return minitorch.Parameter(minitorch.rand(shape) * 2.0 - 1.0)


class Linear(minitorch.Module):
    """A linear layer: (batch, in_size) -> (batch, out_size)."""

    def __init__(self, in_size: int, out_size: int) -> None:
        super().__init__()
        self.weights = RParam(in_size, out_size)
        self.bias = RParam(out_size)

    def forward(self, x: Tensor) -> Tensor:
        """Return x @ weights + bias."""
        return x @ self.weights.value + self.bias.value


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
    backend: Annotated[str, typer.Option(help="What runs the operations.")] = "fast",
    hidden: plane.HiddenOption = 32,
    lr: plane.RateOption = 0.05,
    epochs: plane.EpochsOption = 400,
    seed: plane.SeedOption = 0,
    plot: plane.PlotOption = None,
) -> None:
    """Train a network of tensors to separate two classes of points."""
    try:
        minitorch.set_default_backend(backend)
    except minitorch.BackendError as error:
        raise typer.BadParameter(str(error)) from None
    minitorch.manual_seed(seed)
    data = minitorch.datasets[dataset.value](points)
    trainer = plane.TensorTrain(Network(hidden), lr, backend)
    plane.train(lambda: trainer.epoch(data), data, epochs)
    plane.finish("run_fast_tensor", dataset.value, trainer.run_many, data, plot)


if __name__ == "__main__":
    typer.run(main)
