"""The loop around a model: batches, epochs, the whole run."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from ..errors import CheckpointError
from ..module import Module
from ..rng import set_generator_state
from .callbacks import Callback
from .checkpoint import load_checkpoint, save_checkpoint
from .nonfinite import NonFiniteLossError
from .results import BatchResult, EpochResult, FitResult

__all__ = ["Trainer"]

SUFFIX = ".safetensors"


@dataclass
class _Progress:
    """Where a run stands after an epoch.

    Args:
        train_loss, train_acc, test_loss, test_acc: one number for each epoch so far.
        best_acc: the best accuracy on the test set.
        best_loss: the least loss on the test set.
        stale: for how many epochs it has not become less.
        loaders: the states of the loaders' generators, None for one that has none.
    """

    train_loss: list[float] = field(default_factory=list)
    train_acc: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_acc: list[float] = field(default_factory=list)
    best_acc: float = -math.inf
    best_loss: float = math.inf
    stale: int = 0
    loaders: list[Any] = field(default_factory=list)

    @classmethod
    def read(cls, saved: Any) -> _Progress:
        """Return what a checkpoint holds.

        Raises:
            CheckpointError: if it is not the progress of a `Trainer`.
        """
        lists = [f.name for f in fields(cls)][:4]
        if set(saved) != {f.name for f in fields(cls)} or not all(
            isinstance(saved[name], list) and len(saved[name]) == len(saved["test_acc"])
            for name in lists
        ):
            raise CheckpointError(f"not the progress of a Trainer: it has {sorted(saved)}")
        return cls(**saved)

    @property
    def result(self) -> FitResult:
        """Return the epochs so far, in lists of their own."""
        lists = self.train_loss, self.train_acc, self.test_loss, self.test_acc
        return FitResult(len(self.train_loss), *map(list, lists))

    def add(self, train: EpochResult, test: EpochResult) -> bool:
        """Take note of an epoch; return whether the test accuracy is the best so far."""
        self.train_loss.append(float(np.mean(train.losses)))
        self.train_acc.append(train.accuracy)
        self.test_loss.append(float(np.mean(test.losses)))
        self.test_acc.append(test.accuracy)
        if self.test_loss[-1] < self.best_loss:
            self.best_loss, self.stale = self.test_loss[-1], 0
        else:
            self.stale += 1
        improved = test.accuracy > self.best_acc
        self.best_acc = max(self.best_acc, test.accuracy)
        return improved


class Trainer(ABC):
    """Trains a model: `fit` over epochs, `train_epoch` and `test_epoch` over batches.

    A subclass says what is done with one batch, in `train_batch` and `test_batch`. What it
    keeps in the attribute `optimizer`, if anything, goes into the checkpoints.

    Args:
        model: the model.
        device: the backend to put it on, by name; None leaves it where it is.
    """

    optimizer: Any = None

    def __init__(self, model: Any, device: str | None = None) -> None:
        self.model = model
        self.device = device
        if device is not None:
            model.to(device)
        self._progress = _Progress()
        # The state of the global generator in a loaded checkpoint, until a `fit` goes on from it.
        self._resumes: dict[str, Any] | None = None
        self._fitting = False
        self._loaders: tuple[Any, ...] = ()

    def fit(
        self,
        dl_train: Iterable[Any],
        dl_test: Iterable[Any],
        num_epochs: int,
        checkpoints: str | None = None,
        early_stopping: int | None = None,
        print_every: int = 1,
        *,
        callbacks: Sequence[Callback] = (),
        verbose: bool = True,
        **kw: Any,
    ) -> FitResult:
        """Train for several epochs, each followed by a test.

        After `load_checkpoint` it goes on with the epoch after the one that was saved, to the
        numbers that the run would have given without a break.

        Args:
            dl_train, dl_test: the batches of an epoch; they are gone through anew in each.
            num_epochs: how many epochs, those before a loaded checkpoint included.
            checkpoints: a file name without its extension. `NAME.safetensors` is written when
                the test accuracy is better than ever, `NAME.last.safetensors` after each epoch.
            early_stopping: end when the test loss has not become less for so many epochs.
            print_every: print a line each so many epochs, and for the last; 0 prints nothing.
            callbacks: look on, see `Callback`.
            verbose: show bars and lines; else nothing is printed.
            kw: for `train_epoch` and `test_epoch`, such as `max_batches`.

        Returns:
            Mean losses and accuracies in %, one for each epoch.

        Raises:
            ValueError: if a number is out of range, or a loader gives nothing.
            CheckpointError: if a loader's generator is of another kind than that of the loaded
                checkpoint.
            NonFiniteLossError: if a loss is infinite or NaN; it names the first layer that gave
                such numbers, and has the epochs before it in `result`.
        """
        least = {"num_epochs": (num_epochs, 0), "print_every": (print_every, 0)}
        least["early_stopping"] = (1 if early_stopping is None else early_stopping, 1)
        for name, (value, smallest) in least.items():
            _check_count("fit", name, value, smallest)
        self._loaders = (dl_train, dl_test)
        if self._resumes is None:
            self._progress = _Progress()
        else:
            self._restore_loaders()
            # What was made since the checkpoint was loaded may have drawn from the generator.
            set_generator_state(self._resumes)
        self._resumes = None
        progress = self._progress
        self._fitting = True
        try:
            for callback in callbacks:
                callback.on_fit_start(self)
            while len(progress.train_loss) < num_epochs:
                if early_stopping is not None and progress.stale >= early_stopping:
                    break
                epoch = len(progress.train_loss) + 1
                shown = verbose and print_every > 0
                shown = shown and (epoch % print_every == 0 or epoch == num_epochs)
                train = self.train_epoch(dl_train, verbose=shown, **kw)
                test = self.test_epoch(dl_test, verbose=shown, **kw)
                improved = progress.add(train, test)
                if shown:
                    lines = f"{_line('train', train)}  {_line('test', test)}"
                    print(f"epoch {epoch}/{num_epochs}  {lines}")
                if checkpoints is not None:
                    self.save_checkpoint(f"{checkpoints}.last")
                    if improved:
                        self.save_checkpoint(checkpoints)
                for callback in callbacks:
                    callback.on_epoch_end(self, progress.result)
            if verbose and print_every and len(progress.train_loss) < num_epochs:
                print(
                    f"stopped after epoch {len(progress.train_loss)}: the test loss has not "
                    f"become less for {progress.stale} epochs"
                )
        except NonFiniteLossError as error:
            error.result = progress.result
            raise
        finally:
            self._fitting = False
            for callback in callbacks:
                callback.on_fit_end(self, progress.result)
        return progress.result

    def train_epoch(
        self, dl_train: Iterable[Any], verbose: bool = True, max_batches: int | None = None
    ) -> EpochResult:
        """Train once over a set of batches, in training mode.

        Args:
            dl_train: the batches.
            verbose: show a bar on a terminal, and print a line at the end.
            max_batches: stop after so many.

        Raises:
            ValueError: if there is no batch, or `max_batches` is less than 1.
            NonFiniteLossError: if a loss is infinite or NaN.
        """
        self.model.train(True)
        return self._epoch("train", dl_train, self.train_batch, verbose, max_batches)

    def test_epoch(
        self, dl_test: Iterable[Any], verbose: bool = True, max_batches: int | None = None
    ) -> EpochResult:
        """Test once over a set of batches, in evaluation mode; the rest as in `train_epoch`."""
        self.model.train(False)
        return self._epoch("test", dl_test, self.test_batch, verbose, max_batches)

    @abstractmethod
    def train_batch(self, batch: Any) -> BatchResult:
        """Compute the loss of a batch and its gradients, and take a step."""

    @abstractmethod
    def test_batch(self, batch: Any) -> BatchResult:
        """Compute the loss of a batch."""

    def _epoch(
        self,
        name: str,
        batches: Iterable[Any],
        step: Callable[[Any], BatchResult],
        verbose: bool,
        max_batches: int | None,
    ) -> EpochResult:
        from tqdm import tqdm

        if max_batches is not None:
            _check_count(f"{name}_epoch", "max_batches", max_batches, 1)
        total = len(batches) if isinstance(batches, Sized) else None
        if max_batches is not None:
            total = max_batches if total is None else min(total, max_batches)
        losses: list[float] = []
        correct = samples = 0
        # disable=None: no bar where the output is no terminal.
        with tqdm(total=total, desc=name, leave=False, disable=None if verbose else True) as bar:
            for batch in batches:
                result = step(batch)
                if not math.isfinite(result.loss):
                    raise NonFiniteLossError(f"{name}_batch gave a loss of {result.loss}")
                losses.append(result.loss)
                correct += result.num_correct
                samples += _samples(batch)
                bar.update()
                bar.set_postfix(loss=f"{result.loss:.3f}", refresh=False)
                if len(losses) == max_batches:
                    break
        if not samples:
            what = "batches without samples" if losses else "no batch"
            raise ValueError(f"{name}_epoch: the loader gave {what}")
        epoch = EpochResult(losses, 100.0 * correct / samples)
        if verbose and not self._fitting:
            print(_line(name, epoch))
        return epoch

    def save_checkpoint(self, checkpoint_filename: str) -> None:
        """Save model, optimiser, random state and progress, whole or not at all.

        Args:
            checkpoint_filename: the file; `.safetensors` is added unless it ends so.

        Raises:
            TypeError: if the model is not a `Module`.
            OSError: if the file cannot be written; an older one stays as it is then.
        """
        if self._resumes is None:  # else they are still those of the loaded checkpoint
            self._progress.loaders = [_generator_state(loader) for loader in self._loaders]
        save_checkpoint(
            _named(checkpoint_filename), self._module(), asdict(self._progress), self.optimizer
        )

    def load_checkpoint(self, checkpoint_filename: str) -> FitResult:
        """Go back to what `save_checkpoint` saved; the next `fit` goes on from there.

        Returns:
            The epochs until then.

        Raises:
            CheckpointError: if the file is missing, damaged, or of another model or
                optimiser; nothing is changed then.
        """
        found = load_checkpoint(_named(checkpoint_filename))
        progress = _Progress.read(found.progress)
        found.restore(self._module(), self.optimizer)
        self._progress, self._resumes = progress, found.random_state
        return progress.result

    def _module(self) -> Module:
        if not isinstance(self.model, Module):
            raise TypeError(f"a checkpoint holds a Module, not a {type(self.model).__name__}")
        return self.model

    def _restore_loaders(self) -> None:
        for loader, state in zip(self._loaders, self._progress.loaders, strict=False):
            own = getattr(loader, "generator", None)
            if state is not None and isinstance(own, np.random.Generator):
                try:
                    own.bit_generator.state = state
                except (KeyError, TypeError, ValueError) as error:
                    raise CheckpointError(
                        f"fit: the checkpoint's loader has another kind of generator: {error}"
                    ) from None


def _named(name: str) -> str:
    return name if name.endswith(SUFFIX) else name + SUFFIX


def _line(name: str, result: EpochResult) -> str:
    return f"{name}: loss {np.mean(result.losses):.3f}, accuracy {result.accuracy:.1f} %"


def _check_count(operation: str, name: str, value: Any, least: int) -> None:
    """Raise `ValueError`, naming operation and argument, unless it is whole and large enough."""
    if not hasattr(value, "__index__") or value < least:
        raise ValueError(
            f"{operation}: {name} is {value!r}; it must be an integer, {least} or more"
        )


def _samples(batch: Any) -> int:
    """Return how many samples a batch has: the inputs' first size."""
    return len(batch[0] if isinstance(batch, tuple | list) else batch)


def _generator_state(loader: Any) -> Any:
    """Return the state of a loader's own generator; None if it has none."""
    own = getattr(loader, "generator", None)
    return _plain(own.bit_generator.state) if isinstance(own, np.random.Generator) else None


def _plain(value: Any) -> Any:
    """Return a generator's state with lists for its arrays, as JSON can hold it."""
    if isinstance(value, dict):
        return {key: _plain(held) for key, held in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
