"""What the scripts on the 2-D data sets share: options, progress, the final picture."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from simulated import say_if_simulated
from tqdm import trange

import minitorch
from minitorch.datasets import Graph, datasets
from minitorch.viz.plots import save_decision_boundary

Array = npt.NDArray[Any]
DatasetName = enum.Enum("DatasetName", {name: name for name in datasets}, type=str)

PICTURES = (".png", ".pdf", ".svg")


def checked_plot(path: Path | None) -> Path | None:
    """Refuse a file that no picture can be written to, before the training and not after."""
    if path is not None and path.suffix.lower() not in PICTURES:
        raise typer.BadParameter(f"{path} must end in {', '.join(PICTURES)}")
    return path


# The options of the scripts, with their help.
DatasetOption = Annotated[DatasetName, typer.Option(case_sensitive=False, help="The data set.")]
PointsOption = Annotated[int, typer.Option(min=2, help="Number of points.")]
HiddenOption = Annotated[int, typer.Option(min=1, help="Units in each hidden layer.")]
RateOption = Annotated[float, typer.Option("--lr", help="Learning rate.")]
EpochsOption = Annotated[int, typer.Option(min=1, help="How often to go through the points.")]
SeedOption = Annotated[
    int, typer.Option(min=0, max=2**32 - 1, help="The same seed gives the same run.")
]
PlotOption = Annotated[
    Path | None,
    typer.Option(help="File of the picture of the boundary.", callback=checked_plot),
]

LINES = 10  # lines of progress in a run
BATCH = 10  # points in a step
SIMULATED_SECONDS = 0.3  # for a point in training, on the simulator of CUDA

# What a script's training gives: the loss and the probabilities (N,) of class 1 in an epoch.
Epoch = Callable[[], tuple[float, Array]]
Predict = Callable[[Array], Array]


def accuracy_of(probabilities: Array, data: Graph) -> float:
    """Return the percentage of points on the right side."""
    return 100.0 * float(((probabilities > 0.5) == np.array(data.y)).mean())


def train(epoch: Epoch, data: Graph, epochs: int) -> None:
    """Run `epoch` again and again, printing a line now and then."""
    say_if_simulated(epochs, data.N, SIMULATED_SECONDS)
    every = max(1, epochs // LINES)
    with trange(epochs, disable=None, leave=False, unit="epoch") as bar:
        for number in bar:
            loss, probabilities = epoch()
            if (number + 1) % every == 0:
                accuracy = accuracy_of(probabilities, data)
                bar.write(
                    f"epoch {number + 1}/{epochs}  loss {loss:.4f}  accuracy {accuracy:.2f} %"
                )


def finish(script: str, name: str, predict: Predict, data: Graph, plot: Path | None) -> None:
    """Draw the decision boundary, and print the final accuracy."""
    points = np.array(data.X)
    accuracy = accuracy_of(predict(points), data)
    path = plot or Path("runs") / f"{script}-{name.lower()}.png"
    save_decision_boundary(
        predict, points, np.array(data.y), path, f"{script}, {name}: {accuracy:.1f} %"
    )
    print(f"decision boundary drawn in {path}")
    print(f"accuracy {accuracy:.2f} %")


class TensorTrain:
    """Trains a network of tensors, (batch, 2) -> (batch, 1).

    Args:
        model: the network.
        lr: the learning rate.
        backend: what runs the operations.
    """

    def __init__(self, model: minitorch.Module, lr: float, backend: str) -> None:
        self.model = model
        self.optim = minitorch.SGD(model.parameters(), lr)
        self.backend = backend

    def run_many(self, points: Array) -> Array:
        """Return the probabilities (N,) for points (N, 2)."""
        with minitorch.no_grad():
            output: Array = self.model(minitorch.tensor(points, backend=self.backend)).to_numpy()
        return output[:, 0]

    def epoch(self, data: Graph) -> tuple[float, Array]:
        """Go through the points in small batches; return mean loss and probabilities (N,)."""
        total, probabilities = 0.0, []
        for start in range(0, data.N, BATCH):
            x = minitorch.tensor(data.X[start : start + BATCH], backend=self.backend)
            y = minitorch.tensor(data.y[start : start + BATCH], backend=self.backend)
            self.optim.zero_grad()
            p = self.model(x).view(y.size)
            right = p * y + (1.0 - p) * (1.0 - y)
            # A probability may round to 0, whose logarithm is -infinity.
            loss = -(right + 1e-6).log().mean()
            loss.backward()
            self.optim.step()
            total += loss.item() * y.size
            probabilities.append(p.to_numpy())
        return total / data.N, np.concatenate(probabilities)
