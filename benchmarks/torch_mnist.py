"""`project/run_mnist_multiclass.py`, written with PyTorch: what its epoch is compared with.

    python -m benchmarks.torch_mnist --help

The same images in the same batches, the same network, dropout, SGD, progress bar, evaluation and
confusion matrix, and the same line after each epoch. Batches are taken out of one array, which
is quicker than PyTorch's DataLoader. Nothing is drawn in Visdom: compare with `--visdom off`.
It imports nothing of minitorch, so that it does not pay for that import.
"""

from __future__ import annotations

import gzip
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch.nn import functional as F
from tqdm import tqdm

from .lenet_torch import CLASSES, Network

EVALUATION_BATCH = 500


def read(folder: Path, name: str, header: int) -> Any:
    """Return the bytes of an IDX file, plain or gzipped, after its header."""
    path = folder / name
    data = path.read_bytes() if path.exists() else (folder / f"{name}.gz").read_bytes()
    return np.frombuffer(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data, np.uint8)[
        header:
    ]


def load(folder: Path, half: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the images (N, 1, 28, 28), from 0 to 1, and the labels (N,)."""
    images = read(folder, f"{half}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)
    labels = read(folder, f"{half}-labels-idx1-ubyte", 8).astype(np.int64)
    return torch.from_numpy(np.divide(images, 255, dtype="float32")), torch.from_numpy(labels)


def train_epoch(
    model: Network,
    optim: torch.optim.Optimizer,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    order: torch.Tensor,
    batch_size: int,
    title: str,
) -> tuple[float, float]:
    """Train on all images once; return mean loss and accuracy in %."""
    model.train()
    total, right, done = 0.0, 0, 0
    with tqdm(
        total=len(order), unit="img", unit_scale=True, disable=None, leave=False, desc=title
    ) as bar:
        for chosen in order.split(batch_size):
            wanted = labels[chosen]
            optim.zero_grad()
            output = model(inputs[chosen])
            loss = F.cross_entropy(output, wanted)
            loss.backward()
            optim.step()
            total += loss.item() * len(chosen)
            right += int((output.argmax(1) == wanted).sum())
            done += len(chosen)
            bar.set_postfix(
                loss=f"{total / done:.4f}", accuracy=f"{100 * right / done:.2f} %", refresh=False
            )
            bar.update(len(chosen))
    return total / done, 100 * right / done


def evaluate(model: Network, inputs: torch.Tensor) -> torch.Tensor:
    """Return the log-probabilities (N, 10) of images (N, 1, 28, 28)."""
    model.eval()
    with torch.no_grad():
        parts = [F.log_softmax(model(part), 1) for part in inputs.split(EVALUATION_BATCH)]
    return torch.cat(parts)


def test(model: Network, inputs: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """Return mean loss and accuracy in % on test images, after all that the board would show."""
    output = evaluate(model, inputs)
    predictions = output.argmax(1)
    torch.bincount(labels * CLASSES + predictions, minlength=CLASSES**2)
    torch.nonzero(predictions != labels)
    evaluate(model, inputs[:8])
    return F.nll_loss(output, labels).item(), 100 * (predictions == labels).double().mean().item()


def main(
    data: Annotated[Path, typer.Option(help="Folder of the MNIST files.")],
    epochs: Annotated[int, typer.Option(min=1, help="How often to go through the images.")] = 5,
    batch_size: Annotated[int, typer.Option(min=1, help="Images in a step.")] = 16,
    lr: Annotated[float, typer.Option(help="Learning rate.")] = 0.05,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same run.")] = 0,
) -> None:
    """Train a LeNet to read handwritten digits, in PyTorch."""
    torch.manual_seed(seed)
    model = Network()
    optim = torch.optim.SGD(model.parameters(), lr)
    inputs, labels = load(data, "train")
    test_inputs, test_labels = load(data, "t10k")
    accuracy = 0.0
    for epoch in range(epochs):
        started = time.perf_counter()
        order = torch.from_numpy(np.random.default_rng((seed, epoch)).permutation(len(inputs)))
        title = f"epoch {epoch + 1}"
        loss, correct = train_epoch(model, optim, inputs, labels, order, batch_size, title)
        seconds = time.perf_counter() - started
        test_loss, accuracy = test(model, test_inputs, test_labels)
        print(
            f"epoch {epoch + 1}/{epochs}  loss {loss:.4f}  accuracy {correct:.2f} %  "
            f"test loss {test_loss:.4f}  test accuracy {accuracy:.2f} %  "
            f"{len(inputs) / seconds:.0f} images/s",
            flush=True,
        )
    print(f"test accuracy {accuracy:.2f} %")


if __name__ == "__main__":
    typer.run(main)
