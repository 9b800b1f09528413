"""Task 0.5: separate two classes of points by numbers chosen by hand.

    python project/run_manual.py --dataset Diag

No training yet: `separator` gives the weights, and this script shows what they do. The model
is a row of lines and a weighted sum of how far a point lies beyond each::

    score(x) = bias + sum_k weight_k * relu(a_k x_1 + b_k x_2 + c_k)
    p(class 1) = sigmoid(score)
"""

from __future__ import annotations

import math

import numpy as np
import plane
import typer

import minitorch
from minitorch import operators

Line = tuple[float, float, float]


def separator(dataset: str) -> tuple[list[Line], list[float], float]:
    """Return the lines (a_k, b_k, c_k), their weights and the bias for a data set.

    Each line is zero on one side of a x_1 + b x_2 + c = 0 and grows on the other. "Simple"
    (x_1 < 0.5) and "Diag" (x_1 + x_2 < 0.5) need one line, "Split" (x_1 < 0.2 or
    x_1 > 0.8) two, "Xor" four, "Circle" many.

    Raises:
        ValueError: for a data set that no one has found lines for.
    """
    if dataset == "Simple":
        return [(-1.0, 0.0, 0.5)], [1000.0], -0.01
    if dataset == "Diag":
        return [(-1.0, -1.0, 0.5)], [1000.0], -0.01
    if dataset == "Split":
        return [(-1.0, 0.0, 0.2), (1.0, 0.0, -0.8)], [1000.0, 1000.0], -0.01
    if dataset == "Xor":
        # With u, v measured from the centre: u v < 0 exactly where |u - v| > |u + v|.
        apart = [(1.0, -1.0, 0.0), (-1.0, 1.0, 0.0)]
        along = [(1.0, 1.0, -1.0), (-1.0, -1.0, 1.0)]
        return apart + along, [1000.0, 1000.0, -1000.0, -1000.0], 0.0
    if dataset == "Circle":
        # The tangents of the circle of radius sqrt(0.1): outside is beyond one of them.
        angles = [2 * math.pi * k / 48 for k in range(48)]
        radius = math.sqrt(0.1)
        tangents = [
            (math.cos(t), math.sin(t), -0.5 * math.cos(t) - 0.5 * math.sin(t) - radius)
            for t in angles
        ]
        return tangents, [1000.0] * len(tangents), -0.01
    raise ValueError(f"{dataset}: no separator by hand is known")


class Network(minitorch.Module):
    """The lines and weights that `separator` gives, as parameters."""

    def __init__(self, dataset: str) -> None:
        super().__init__()
        lines, weights, bias = separator(dataset)
        for k, (line, weight) in enumerate(zip(lines, weights, strict=True)):
            self.add_parameter(f"line_{k}", line)
            self.add_parameter(f"weight_{k}", weight)
        self.bias = minitorch.Parameter(bias)
        self.lines = len(lines)

    def forward(self, x: tuple[float, float]) -> float:
        """Return the probability that the point x is of class 1."""
        values = {name: parameter.value for name, parameter in self.named_parameters()}
        score = values["bias"]
        for k in range(self.lines):
            a, b, c = values[f"line_{k}"]
            score += values[f"weight_{k}"] * operators.relu(a * x[0] + b * x[1] + c)
        return operators.sigmoid(score)


def main(
    dataset: plane.DatasetOption = plane.DatasetName.Simple,
    points: plane.PointsOption = 50,
    seed: plane.SeedOption = 0,
    plot: plane.PlotOption = None,
) -> None:
    """Separate two classes of points by numbers chosen by hand."""
    minitorch.manual_seed(seed)
    data = minitorch.datasets[dataset.value](points)
    try:
        network = Network(dataset.value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None

    def predict(inputs: plane.Array) -> plane.Array:
        return np.array([network(point) for point in inputs.tolist()])

    plane.finish("run_manual", dataset.value, predict, data, plot)


if __name__ == "__main__":
    typer.run(main)
