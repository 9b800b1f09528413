"""What looks on while a model is trained."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from ..atomic import write_whole
from .results import FitResult

if TYPE_CHECKING:
    from ..viz import Board
    from .trainer import Trainer

__all__ = ["CSVCallback", "Callback", "VisdomCallback"]


class Callback:
    """Is called by `Trainer.fit`; each method may be left as it is."""

    def on_fit_start(self, trainer: Trainer) -> None:
        """Look on before the first epoch."""

    def on_epoch_end(self, trainer: Trainer, result: FitResult) -> None:
        """Look on after an epoch; `result` has all epochs so far."""

    def on_fit_end(self, trainer: Trainer, result: FitResult) -> None:
        """Look on at the end, also where an error or Ctrl-C ended it."""


class CSVCallback(Callback):
    """Writes losses and accuracies to a table, one row for each epoch.

    The file is replaced as a whole after each epoch, so that it also fits a resumed run.

    Args:
        path: the file; its folder is made.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def on_epoch_end(self, trainer: Trainer, result: FitResult) -> None:
        """Write the table."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["epoch", *FitResult._fields[1:]])
        for epoch, row in enumerate(zip(*result[1:], strict=True), 1):
            table.writerow([epoch, *row])
        write_whole(self.path, text.getvalue().encode())


class VisdomCallback(Callback):
    """Draws losses and accuracies on a page of Visdom, epoch after epoch.

    Args:
        board: where to draw: `minitorch.viz.open_board(...)`. The run goes on undisturbed
            whatever becomes of the server. The board stays open.
        prefix: stands before the titles of the plots, to tell several runs apart.
    """

    def __init__(self, board: Board, prefix: str = "") -> None:
        self.board = board
        self.prefix = prefix

    def on_epoch_end(self, trainer: Trainer, result: FitResult) -> None:
        """Append a point to each line."""
        losses = {"train": result.train_loss[-1], "test": result.test_loss[-1]}
        accuracies = {"train": result.train_acc[-1], "test": result.test_acc[-1]}
        self.board.line(f"{self.prefix}loss", result.num_epochs, losses, ylabel="loss")
        self.board.line(f"{self.prefix}accuracy", result.num_epochs, accuracies, ylabel="%")
