"""Task 1.5: train a network of Scalars, one number at a time.

    python project/run_scalar.py --dataset Xor

`Linear` and `Network` are the student's to write.
"""

from __future__ import annotations

import numpy as np
import plane
import typer

import minitorch
from minitorch import Scalar
from minitorch.rng import generator


def random_scalar() -> Scalar:
    """Return a Scalar of a random number from -1 to 1."""
    return Scalar(float(generator().uniform(-1.0, 1.0)))


class Linear(minitorch.Module):
    """A linear layer: a list of in_size Scalars to one of out_size."""

    def __init__(self, in_size: int, out_size: int) -> None:
        super().__init__()
        self.weights = [
            [self.add_parameter(f"weight_{i}_{j}", random_scalar()) for j in range(out_size)]
            for i in range(in_size)
        ]
        self.bias = [self.add_parameter(f"bias_{j}", random_scalar()) for j in range(out_size)]

    def forward(self, inputs: list[Scalar]) -> list[Scalar]:
        """Return for each output the bias and the weighted sum of the inputs."""
        outputs = [bias.value for bias in self.bias]
        for x, weights in zip(inputs, self.weights, strict=True):
            outputs = [y + x * w.value for y, w in zip(outputs, weights, strict=True)]
        return outputs


class Network(minitorch.Module):
    """Two hidden layers with ReLU, and one output with a sigmoid."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.layer1 = Linear(2, hidden)
        self.layer2 = Linear(hidden, hidden)
        self.layer3 = Linear(hidden, 1)

    def forward(self, x: tuple[Scalar, Scalar]) -> Scalar:
        """Return the probability that the point x is of class 1."""
        h = [y.relu() for y in self.layer1(list(x))]
        h = [y.relu() for y in self.layer2(h)]
        return self.layer3(h)[0].sigmoid()


class ScalarTrain:
    """Trains a `Network`.

    Args:
        hidden: units in each hidden layer.
        lr: the learning rate.
    """

    def __init__(self, hidden: int, lr: float) -> None:
        self.model = Network(hidden)
        self.optim = minitorch.SGD(self.model.parameters(), lr)

    def run_one(self, x: tuple[float, float]) -> Scalar:
        """Return the probability that the point x is of class 1."""
        return self.model((Scalar(x[0], None), Scalar(x[1], None)))

    def run_many(self, points: plane.Array) -> plane.Array:
        """Return the probabilities (N,) for points (N, 2)."""
        with minitorch.no_grad():
            return np.array([self.run_one(point).data for point in points.tolist()])

    def epoch(self, data: minitorch.Graph) -> tuple[float, plane.Array]:
        """Go through the points in small batches; return mean loss and probabilities (N,)."""
        total, probabilities = 0.0, []
        points = list(zip(data.X, data.y, strict=True))
        for start in range(0, data.N, plane.BATCH):
            batch = points[start : start + plane.BATCH]
            self.optim.zero_grad()
            for point, label in batch:
                p = self.run_one(point)
                loss = -(p if label == 1 else 1.0 - p).log() / len(batch)
                loss.backward()
                total += loss.data * len(batch)
                probabilities.append(p.data)
            self.optim.step()
        return total / data.N, np.array(probabilities)


def main(
    dataset: plane.DatasetOption = plane.DatasetName.Simple,
    points: plane.PointsOption = 50,
    hidden: plane.HiddenOption = 8,
    lr: plane.RateOption = 0.1,
    epochs: plane.EpochsOption = 400,
    seed: plane.SeedOption = 0,
    plot: plane.PlotOption = None,
) -> None:
    """Train a network of Scalars to separate two classes of points."""
    minitorch.manual_seed(seed)
    data = minitorch.datasets[dataset.value](points)
    trainer = ScalarTrain(hidden, lr)
    plane.train(lambda: trainer.epoch(data), data, epochs)
    plane.finish("run_scalar", dataset.value, trainer.run_many, data, plot)


if __name__ == "__main__":
    typer.run(main)
