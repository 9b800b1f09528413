"""How long a training step of LeNet takes, as a ratio to PyTorch eager.

    python benchmarks/lenet.py

The same network, data and optimiser in both, float32, one step of each in turn, so that a
machine whose speed drifts slows both; the ratio is taken pair by pair. Needs the extra
`torch`.
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numba
import numpy as np
import torch
import typer

import minitorch

sys.path.insert(0, str(Path(__file__).parents[1] / "project"))
from run_mnist_multiclass import CLASSES, ImageTrain, Network

Step = Callable[[], object]


def processor() -> str:
    """Return the name of the machine's processor."""
    about = Path("/proc/cpuinfo")
    if about.exists():
        for line in about.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def minitorch_step(images: np.ndarray, labels: np.ndarray, lr: float) -> Step:
    """Return one step of the script of Task 4.5."""
    trainer = ImageTrain(Network(), lr, None)
    return lambda: trainer.train_batch(images, labels)


def torch_step(images: np.ndarray, labels: np.ndarray, lr: float) -> Step:
    """Return the same step in PyTorch."""
    functional = torch.nn.functional
    layers = {
        "conv1": torch.nn.Conv2d(1, 4, 3),
        "conv2": torch.nn.Conv2d(4, 8, 3),
        "linear1": torch.nn.Linear(392, 64),
        "linear2": torch.nn.Linear(64, CLASSES),
    }
    model = torch.nn.ModuleDict(layers)
    optim = torch.optim.SGD(model.parameters(), lr)
    inputs, wanted = torch.from_numpy(images), torch.from_numpy(labels)

    def step() -> tuple[float, int]:
        optim.zero_grad()
        # The course anchors the kernel top left: zeros stand on the right and below.
        h = functional.relu(layers["conv1"](functional.pad(inputs, (0, 2, 0, 2))))
        h = functional.relu(layers["conv2"](functional.pad(h, (0, 2, 0, 2))))
        h = functional.relu(layers["linear1"](functional.avg_pool2d(h, 4).flatten(1)))
        output = functional.log_softmax(layers["linear2"](functional.dropout(h, 0.25)), 1)
        loss = functional.nll_loss(output, wanted)
        loss.backward()
        optim.step()
        return loss.item(), int((output.argmax(1) == wanted).sum())

    return step


def compare(ours: Step, theirs: Step, pairs: int) -> tuple[float, float, list[float]]:
    """Return the median seconds of each, and the ratios pair by pair."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(pairs + 5):
        for step, kept in zip((ours, theirs), times, strict=True):
            started = time.perf_counter()
            step()
            if number >= 5:  # the first few warm up
                kept.append(time.perf_counter() - started)
    ratios = [a / b for a, b in zip(*times, strict=True)]
    return statistics.median(times[0]), statistics.median(times[1]), ratios


def main(
    pairs: Annotated[int, typer.Option(min=1, help="Steps of each.")] = 100,
    backend: Annotated[str, typer.Option(help="minitorch's backend.")] = "fast",
) -> None:
    """Time a LeNet training step against PyTorch eager."""
    minitorch.set_default_backend(backend)
    minitorch.set_default_dtype("float32")
    rng = np.random.default_rng(0)
    cores = numba.config.NUMBA_NUM_THREADS
    print(
        f"{processor()}, {cores} cores, Python {platform.python_version()}, numba "
        f"{numba.__version__}, torch {torch.__version__}, backend {backend}, float32\n"
    )
    print("| batch | threads | minitorch, ms | PyTorch, ms | ratio | lower to upper quartile |")
    print("|---|---|---|---|---|---|")
    for batch in (16, 128):
        images = rng.random((batch, 1, 28, 28), dtype=np.float32)
        labels = rng.integers(0, CLASSES, batch)
        for threads in sorted({1, numba.config.NUMBA_NUM_THREADS}):
            numba.set_num_threads(threads)
            torch.set_num_threads(threads)
            steps = minitorch_step(images, labels, 0.05), torch_step(images, labels, 0.05)
            ours, theirs, ratios = compare(*steps, pairs)
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(
                f"| {batch} | {threads} | {1e3 * ours:.2f} | {1e3 * theirs:.2f} | {middle:.2f} | "
                f"{low:.2f} to {high:.2f} |"
            )


if __name__ == "__main__":
    typer.run(main)
