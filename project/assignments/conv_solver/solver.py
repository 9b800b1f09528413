"""Training: batches, update rules, the histories of loss and accuracy, the best parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from minitorch.errors import ShapeError
from minitorch.rng import generator

from .layers import Array
from .optim import UPDATE_RULES

__all__ = ["Solver"]


class Model(Protocol):
    """What a Solver can train: parameters, and a `loss` as `ThreeLayerConvNet` has it."""

    params: dict[str, Array]

    def loss(self, X: Array, y: npt.NDArray[np.integer[Any]] | None = None) -> Any:
        """Return scores, or with labels the loss and a dictionary of gradients."""


class Solver:
    """Trains a model, and keeps the parameters that were best on the validation data.

    Args:
        model: has `params` and `loss(X, y)`; its parameters are replaced as it learns.
        data: arrays `X_train`, `y_train`, `X_val`, `y_val`; others are left alone.
        update_rule: `"sgd"`, `"sgd_momentum"`, `"rmsprop"` or `"adam"`.
        optim_config: what the update rule takes, such as `learning_rate`.
        lr_decay: the learning rate is multiplied by this after each epoch.
        batch_size: examples drawn for a step, with replacement.
        num_epochs: how often `train` goes through as many examples as there are.
        num_train_samples: the training accuracy is measured on so many, drawn at random.
        print_every: print the loss of every so many iterations.
        verbose: print at all.

    Attributes: `loss_history` has each step's loss; `train_acc_history` and `val_acc_history`
    the accuracies before the first step and after each epoch; `best_val_acc` and `best_params`
    the best validation accuracy and its parameters; `epoch` the epochs so far.

    Raises:
        ValueError: if an argument is out of range, an array is missing, or there are no
            examples.
        ShapeError: if images and labels differ in number.
    """

    def __init__(
        self,
        model: Model,
        data: Mapping[str, Array],
        *,
        update_rule: str = "sgd",
        optim_config: Mapping[str, Any] | None = None,
        lr_decay: float = 1.0,
        batch_size: int = 100,
        num_epochs: int = 10,
        num_train_samples: int = 1000,
        print_every: int = 10,
        verbose: bool = True,
    ) -> None:
        if update_rule not in UPDATE_RULES:
            raise ValueError(f"Solver: update_rule is one of {list(UPDATE_RULES)}")
        sizes = {"batch_size": batch_size, "num_train_samples": num_train_samples}
        for name, size in {**sizes, "print_every": print_every, "num_epochs": num_epochs}.items():
            if size < 1:
                raise ValueError(f"Solver: {name} is 1 or more, not {size}")
        # Python's own floats: a float64 of numpy's would widen float32 parameters.
        config = {name: float(value) for name, value in (optim_config or {}).items()}
        for name, value in {**config, "lr_decay": lr_decay}.items():
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"Solver: {name} is a finite number, 0 or more, not {value}")
        self._check_data(data)

        self.model = model
        self.X_train, self.y_train = data["X_train"], data["y_train"]
        self.X_val, self.y_val = data["X_val"], data["y_val"]
        self.update_rule = update_rule
        self.optim_configs = {name: dict(config) for name in model.params}
        self.lr_decay = lr_decay
        self.batch_size = batch_size
        self.num_epochs = num_epochs
        self.num_train_samples = num_train_samples
        self.print_every = print_every
        self.verbose = verbose
        self.epoch = 0
        self.best_val_acc = -1.0
        self.best_params: dict[str, Array] = {}
        self.loss_history: list[float] = []
        self.train_acc_history: list[float] = []
        self.val_acc_history: list[float] = []

    @staticmethod
    def _check_data(data: Mapping[str, Array]) -> None:
        for part in ("train", "val"):
            missing = [name for name in (f"X_{part}", f"y_{part}") if name not in data]
            if missing:
                raise ValueError(f"Solver: data has no {', '.join(missing)}")
            images, labels = len(data[f"X_{part}"]), len(data[f"y_{part}"])
            if images != labels:
                raise ShapeError(f"Solver: {images} images in X_{part}, {labels} labels")
            if not images:
                raise ValueError(f"Solver: X_{part} has no examples")

    def train(self) -> None:
        """Train for `num_epochs`; afterwards the model has the best parameters met.

        Raises:
            FloatingPointError: if a loss is not finite. The parameters are then those before
                that step, and what was best until then is still in `best_params`.
        """
        per_epoch = max(1, len(self.X_train) // self.batch_size)
        steps = per_epoch * self.num_epochs
        if not self.best_params:
            self._record()
        for step in range(1, steps + 1):
            self._step()
            if self.verbose and (step - 1) % self.print_every == 0:
                print(f"(Iteration {step} / {steps}) loss: {self.loss_history[-1]:f}")
            if step % per_epoch == 0:
                self.epoch += 1
                for config in self.optim_configs.values():
                    config["learning_rate"] *= self.lr_decay
                self._record()
        self.model.params.update({name: p.copy() for name, p in self.best_params.items()})

    def check_accuracy(
        self,
        X: Array,
        y: npt.NDArray[np.integer[Any]],
        num_samples: int | None = None,
        batch_size: int = 100,
    ) -> float:
        """Return the share of images that the model gets right.

        Args:
            X: images (N, ...).
            y: labels (N,).
            num_samples: take so many at random, if there are more.
            batch_size: images at a time, which only limits the memory.
        """
        chosen = np.arange(len(X))
        if num_samples is not None and num_samples < len(X):
            chosen = generator().choice(len(X), num_samples, replace=False)
        right = 0
        for start in range(0, len(chosen), batch_size):
            part = chosen[start : start + batch_size]
            right += int(np.sum(self.model.loss(X[part]).argmax(axis=1) == y[part]))
        return right / len(chosen)

    def _step(self) -> None:
        """Draw a batch and update every parameter once."""
        chosen = generator().integers(len(self.X_train), size=self.batch_size)
        loss, grads = self.model.loss(self.X_train[chosen], self.y_train[chosen])
        if not np.isfinite(loss):
            raise FloatingPointError(f"Solver: step {len(self.loss_history) + 1}, loss {loss}")
        self.loss_history.append(loss)
        update = UPDATE_RULES[self.update_rule]
        for name, value in self.model.params.items():
            new, self.optim_configs[name] = update(value, grads[name], self.optim_configs[name])
            self.model.params[name] = new

    def _record(self) -> None:
        """Measure both accuracies, and keep the parameters if they are the best so far."""
        train = self.check_accuracy(self.X_train, self.y_train, self.num_train_samples)
        val = self.check_accuracy(self.X_val, self.y_val)
        self.train_acc_history.append(train)
        self.val_acc_history.append(val)
        if self.verbose:
            print(
                f"(Epoch {self.epoch} / {self.num_epochs}) train acc: {train:f}; val_acc: {val:f}"
            )
        if val > self.best_val_acc:
            self.best_val_acc = val
            self.best_params = dict(self.model.params)  # a step replaces them, never changes them
