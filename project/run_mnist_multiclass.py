"""Task 4.5: a LeNet learns to read handwritten digits.

    python project/run_mnist_multiclass.py --help

`Conv2d` and `Network` are the student's to write; the rest loads the images, trains, and
shows what is learnt in Visdom.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from digits_board import DigitsBoard
from simulated import say_if_simulated
from tqdm import tqdm

import minitorch
from minitorch import Tensor
from minitorch.data import MNIST
from minitorch.errors import BackendError, CheckpointError, DTypeError
from minitorch.training import (
    Interruption,
    confusion_matrix,
    load_checkpoint,
    save_checkpoint,
)
from minitorch.viz import open_board

CLASSES = 10
EVALUATION_BATCH = 500
POINTS = 30  # of the curves, in an epoch
SIMULATED_SECONDS = 70.0  # for an image in training, on the simulator of CUDA


def RParam(*shape: int, fan_in: int) -> minitorch.Parameter:
    """Return a parameter of random numbers, uniform within 1 / sqrt(fan_in) of zero.

    Args:
        shape: the parameter's shape.
        fan_in: how many inputs each output of the layer sums over.
    """
    bound = 1.0 / np.sqrt(fan_in)
    return minitorch.Parameter((minitorch.rand(shape) * 2.0 - 1.0) * float(bound))


class Linear(minitorch.Module):
    """A linear layer: (batch, in_size) -> (batch, out_size)."""

    def __init__(self, in_size: int, out_size: int) -> None:
        super().__init__()
        self.weights = RParam(in_size, out_size, fan_in=in_size)
        self.bias = RParam(out_size, fan_in=in_size)

    def forward(self, x: Tensor) -> Tensor:
        """Return x @ weights + bias."""
        return x @ self.weights.value + self.bias.value


class Conv2d(minitorch.Module):
    """A convolution with a bias for each output channel.

    (batch, in_channels, height, width) -> (batch, out_channels, height, width)
    """

    def __init__(self, in_channels: int, out_channels: int, kh: int, kw: int) -> None:
        super().__init__()
        fan_in = in_channels * kh * kw
        self.weights = RParam(out_channels, in_channels, kh, kw, fan_in=fan_in)
        self.bias = RParam(out_channels, 1, 1, fan_in=fan_in)

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution of input and weights, plus the bias."""
        return minitorch.conv2d(input, self.weights.value) + self.bias.value


class Network(minitorch.Module):
    """A LeNet: (batch, 1, 28, 28) -> (batch, 10), the logarithms of the probabilities.

    1. a convolution to 4 channels with a 3x3 kernel and ReLU; its output is kept in `mid`
    2. a convolution to 8 channels with a 3x3 kernel and ReLU; its output is kept in `out`
    3. average pooling with a 4x4 kernel, and the result as one row for each image
    4. a linear layer to 64, ReLU, and dropout of 25 % while training
    5. a linear layer to 10 classes, and the log-softmax over them
    """

    def __init__(self) -> None:
        super().__init__()
        # For the pictures of the hidden states.
        self.mid: Tensor | None = None
        self.out: Tensor | None = None
        self.conv1 = Conv2d(1, 4, 3, 3)
        self.conv2 = Conv2d(4, 8, 3, 3)
        self.linear1 = Linear(8 * 7 * 7, 64)
        self.linear2 = Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return the log-probabilities of the classes."""
        mid = self.conv1(x).relu()
        out = self.conv2(mid).relu()
        self.mid, self.out = mid.detach(), out.detach()
        pooled = minitorch.avgpool2d(out, (4, 4)).view(x.shape[0], 8 * 7 * 7)
        hidden = self.linear1(pooled).relu()
        hidden = minitorch.dropout(hidden, 0.25, ignore=not self.training)
        return minitorch.logsoftmax(self.linear2(hidden), 1)


@dataclass
class Progress:
    """Where the training stands; a checkpoint holds it.

    Args:
        seed, samples, batch_size: what decides which images come when.
        epoch: the epochs finished.
        batch: the batches finished in the one under way.
        loss, correct: sums over these batches.
    """

    seed: int
    samples: int
    batch_size: int
    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    correct: int = 0

    @classmethod
    def read(cls, saved: Mapping[str, Any]) -> Progress:
        """Return what a checkpoint holds.

        Raises:
            CheckpointError: if it is not the progress of this script.
        """
        kinds = {field.name: int for field in fields(cls)} | {"loss": float}
        fits = set(saved) == set(kinds) and all(
            isinstance(saved[name], kind) and (kind is float or saved[name] >= 0)
            for name, kind in kinds.items()
        )
        if not fits or saved["batch"] * saved["batch_size"] >= saved["samples"]:
            raise CheckpointError(f"not the progress of this script: {dict(saved)}")
        return cls(**saved)

    def finish_epoch(self) -> tuple[float, float]:
        """Go on to the next epoch; return mean loss and accuracy in % over the last one."""
        means = self.loss / self.samples, 100 * self.correct / self.samples
        self.epoch += 1
        self.batch, self.loss, self.correct = 0, 0.0, 0
        return means


Save = Callable[..., None]


class ImageTrain:
    """Trains a `Network`.

    Args:
        model: the network.
        lr: the learning rate.
        board: where it shows.
    """

    def __init__(self, model: Network, lr: float, board: DigitsBoard) -> None:
        self.model = model
        self.optim = minitorch.SGD(model.parameters(), lr)
        self.board = board

    def train_batch(self, inputs: Any, labels: Any) -> tuple[float, int]:
        """Take one step; return the mean loss and the number of images read rightly."""
        self.optim.zero_grad()
        output = self.model(minitorch.from_numpy(inputs))
        wanted = minitorch.tensor(np.eye(CLASSES)[labels], dtype=output.dtype)
        loss = -(output * wanted).sum() / len(labels)
        loss.backward()
        self.optim.step()
        return loss.item(), int((output.argmax(1) == labels).sum())

    def train_epoch(
        self, data: MNIST, inputs: Any, progress: Progress, asked: Interruption
    ) -> bool:
        """Train on all images once, from where `progress` stands; return whether it got through.

        The order of the images depends on the seed and the epoch alone, so that a run that was
        interrupted can go on.
        """
        order = np.random.default_rng((progress.seed, progress.epoch)).permutation(len(inputs))
        starts = range(0, len(order), progress.batch_size)
        done = progress.batch * progress.batch_size
        every = max(1, len(starts) // POINTS)
        self.model.train()
        with tqdm(
            total=len(order), initial=done, unit="img", unit_scale=True, disable=None, leave=False,
            desc=f"epoch {progress.epoch + 1}",
        ) as bar:  # fmt: skip
            for start in starts[progress.batch :]:
                if asked:
                    return False
                chosen = order[start : start + progress.batch_size]
                loss, correct = self.train_batch(inputs[chosen], data.labels[chosen])
                progress.batch += 1
                progress.loss += loss * len(chosen)
                progress.correct += correct
                done += len(chosen)
                bar.set_postfix(
                    loss=f"{progress.loss / done:.4f}",
                    accuracy=f"{100 * progress.correct / done:.2f} %",
                    refresh=False,
                )
                bar.update(len(chosen))
                if progress.batch % every == 0:
                    at = progress.epoch + done / len(order)
                    self.board.batch(at, loss, 100 * correct / len(chosen))
        return True

    def evaluate(self, inputs: Any) -> Any:
        """Return the log-probabilities (N, 10) of images (N, 1, 28, 28)."""
        self.model.eval()
        with minitorch.no_grad():
            parts = [
                self.model(
                    minitorch.from_numpy(inputs[start : start + EVALUATION_BATCH])
                ).to_numpy()
                for start in range(0, len(inputs), EVALUATION_BATCH)
            ]
        return np.concatenate(parts)

    def test(self, data: MNIST, inputs: Any) -> tuple[float, float]:
        """Return mean loss and accuracy in % on test images, and show what was read."""
        output = self.evaluate(inputs)
        predictions = output.argmax(1)
        self.board.confusion(confusion_matrix(data.labels, predictions, CLASSES))
        self.board.misread(data.images, data.labels, predictions)
        shown = inputs[: self.board.SHOWN]
        self.evaluate(shown)
        self.board.network(self.model, shown)
        loss = -float(output[np.arange(len(output)), data.labels].mean())
        return loss, 100.0 * float((predictions == data.labels).mean())

    def train(
        self, train: MNIST, test: MNIST, progress: Progress, epochs: int, save: Save, dtype: str
    ) -> float:
        """Train up to `epochs`, saving after each; return the accuracy in % on the test images."""
        inputs = train.inputs(dtype)[: progress.samples]
        test_inputs = test.inputs(dtype)
        accuracy = None
        with Interruption() as asked:
            while progress.epoch < epochs and not asked:
                started = time.perf_counter()
                if not self.train_epoch(train, inputs, progress, asked):
                    accuracy = None
                    break
                seconds = time.perf_counter() - started
                loss, correct = progress.finish_epoch()
                save(progress)
                test_loss, accuracy = self.test(test, test_inputs)
                self.board.epoch(
                    progress.epoch,
                    {"training": loss, "test": test_loss},
                    {"training": correct, "test": accuracy},
                )
                print(
                    f"epoch {progress.epoch}/{epochs}  loss {loss:.4f}  accuracy {correct:.2f} %  "
                    f"test loss {test_loss:.4f}  test accuracy {accuracy:.2f} %  "
                    f"{len(inputs) / seconds:.0f} images/s",
                    flush=True,
                )
            if progress.epoch < epochs:
                print(f"interrupted in epoch {progress.epoch + 1}, batch {progress.batch}")
                save(progress, interrupted=True)
        return self.test(test, test_inputs)[1] if accuracy is None else accuracy


def main(
    epochs: Annotated[int, typer.Option(min=0, help="How often to go through the images.")] = 5,
    samples: Annotated[int | None, typer.Option(min=1, help="Train on the first N images.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images in a step.")] = 16,
    lr: Annotated[float, typer.Option(help="Learning rate.")] = 0.05,
    backend: Annotated[str | None, typer.Option(help="What runs the operations.")] = None,
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="The same seed gives the same run.")
    ] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder of the MNIST files.")] = None,
    visdom: Annotated[str, typer.Option(help="auto, off, or a server's URL.")] = "auto",
    checkpoint: Annotated[Path | None, typer.Option(help="Save here after each epoch.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on from this checkpoint.")] = None,
) -> None:
    """Train a LeNet to read handwritten digits."""
    run = time.strftime("lenet-%Y%m%d-%H%M%S")
    folder = Path("runs") / run
    try:
        minitorch.set_default_dtype(dtype)
        if backend is not None:
            minitorch.set_default_backend(backend)
        minitorch.manual_seed(seed)
        model = Network()
        train_data = MNIST(data, train=True, download=True)
        test_data = MNIST(data, train=False, download=True)
        progress = Progress(seed, min(samples or len(train_data), len(train_data)), batch_size)
        if resume is not None:
            found = load_checkpoint(resume)
            before = Progress.read(found.progress)
            for name in ("seed", "samples", "batch_size"):
                if getattr(before, name) != getattr(progress, name):
                    raise CheckpointError(
                        f"{resume}: saved with {name} {getattr(before, name)}, not "
                        f"{getattr(progress, name)}"
                    )
            found.restore(model)
            progress = before
        minitorch.SGD(model.parameters(), lr)  # refuses a rate that is none
        if checkpoint is not None:
            if checkpoint.is_dir():
                raise CheckpointError(f"{checkpoint} is a folder")
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
    except (BackendError, DTypeError, OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None

    def save(state: Progress, interrupted: bool = False) -> None:
        path = checkpoint
        if path is None and interrupted:
            path = folder / "interrupted.safetensors"
        if path is not None:
            save_checkpoint(path, model, asdict(state))
            if interrupted:
                print(f"saved to {path}; go on with --resume {path}")

    print(f"{train_data.source}; backend {minitorch.get_backend()}, {dtype}")
    say_if_simulated(epochs, progress.samples, SIMULATED_SECONDS)
    with open_board(visdom, env=run, log=folder / "visdom.log", say=tqdm.write) as board:
        trainer = ImageTrain(model, lr, DigitsBoard(board))
        accuracy = trainer.train(train_data, test_data, progress, epochs, save, dtype)
    print(f"test accuracy {accuracy:.2f} %")


if __name__ == "__main__":
    typer.run(main)
