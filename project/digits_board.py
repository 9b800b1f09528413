"""What `run_mnist_multiclass.py` shows in Visdom."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch.viz import Board

__all__ = ["DigitsBoard"]

MISREAD = 25


class DigitsBoard:
    """Draws the training of a LeNet on a board.

    Args:
        board: the page, or one that draws nothing.
    """

    SHOWN = 8  # images whose hidden states are shown

    def __init__(self, board: Board) -> None:
        self.board = board

    def batch(self, epoch: float, loss: float, accuracy: float) -> None:
        """Add a point of the curves of single batches; `epoch` counts parts of epochs too."""
        self.board.line("loss", epoch, {"batch": loss}, ylabel="loss")
        self.board.line("accuracy", epoch, {"batch": accuracy}, ylabel="accuracy (%)")

    def epoch(self, epoch: int, loss: dict[str, float], accuracy: dict[str, float]) -> None:
        """Add the points of an epoch: means over the training and the test images."""
        self.board.line("loss", epoch, loss, ylabel="loss")
        self.board.line("accuracy", epoch, accuracy, ylabel="accuracy (%)")

    def confusion(self, matrix: Any) -> None:
        """Show how often each digit was taken for which: matrix (10, 10)."""
        digits = [str(digit) for digit in range(len(matrix))]
        self.board.heatmap(
            "confusion matrix", matrix, digits, digits, xlabel="read as", ylabel="digit"
        )

    def misread(self, images: Any, labels: Any, predictions: Any) -> None:
        """Show some images (N, 28, 28) that were read wrongly, with what was read."""
        wrong = np.flatnonzero(predictions != labels)[:MISREAD]
        if len(wrong):
            notes = [f"{labels[i]} as {predictions[i]}" for i in wrong]
            self.board.images("read wrongly", images[wrong], labels=notes)

    def network(self, model: Any, inputs: Any) -> None:
        """Show images (N, 1, 28, 28), what `model` made of them last, and its filters."""
        self.board.images("images", inputs[:, 0])
        self.board.images("hidden states after convolution 1", model.mid.to_numpy())
        self.board.images("hidden states after convolution 2", model.out.to_numpy())
        first, second = model.conv1.weights.to_numpy(), model.conv2.weights.to_numpy()
        self.board.images("filters of convolution 1", first[:, 0])
        self.board.images("filters of convolution 2", second)
