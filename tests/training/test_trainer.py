"""The trainer: what it returns and prints, when it stops, going on from a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import layers, models
from minitorch.data import DataLoader
from minitorch.errors import CheckpointError
from minitorch.training import (
    BatchResult,
    Callback,
    ClassifierTrainer,
    CSVCallback,
    EpochResult,
    FitResult,
    NonFiniteLossError,
    Trainer,
    VisdomCallback,
)
from minitorch.viz import Board, open_board


class Loader:
    """Two blobs in batches, shuffled anew in each epoch by a generator of its own."""

    def __init__(self, samples: int = 40, batch: int = 16, seed: int = 0) -> None:
        chance = np.random.default_rng(seed)
        self.labels = np.arange(samples) % 2
        self.points = chance.normal(size=(samples, 2)) + 2.0 * self.labels[:, None]
        self.batch = batch
        self.generator = np.random.default_rng(seed + 1)

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch)

    def __iter__(self) -> Iterator[Any]:
        order = self.generator.permutation(len(self.labels))
        for start in range(0, len(order), self.batch):
            chosen = order[start : start + self.batch]
            yield minitorch.tensor(self.points[chosen]), self.labels[chosen]


def classifier_trainer(lr: float = 0.1, **options: Any) -> ClassifierTrainer:
    minitorch.manual_seed(3)
    network = layers.Sequential(
        layers.Linear(2, 8),
        layers.BatchNorm1d(8),
        layers.ReLU(),
        layers.Dropout(0.3),
        layers.Linear(8, 2),
    )
    model = models.ArgMaxClassifier(network)
    optimizer = minitorch.SGD(model.parameters(), lr=lr, momentum=0.9)
    return ClassifierTrainer(model, layers.CrossEntropyLoss(), optimizer, **options)


class Scripted(Trainer):
    """Gives the test losses and numbers of right answers that it is told; trains nothing."""

    def __init__(self, test_losses: list[float], right: list[int] | None = None) -> None:
        super().__init__(layers.Linear(1, 1))
        self.losses = iter(test_losses)
        self.right = iter(right or [0] * len(test_losses))

    def train_batch(self, batch: Any) -> BatchResult:
        return BatchResult(1.0, len(batch[0]))

    def test_batch(self, batch: Any) -> BatchResult:
        return BatchResult(next(self.losses), next(self.right))


ONE_BATCH = [(np.zeros(4), np.zeros(4))]


def test_fit_learns_and_returns_one_number_for_each_epoch() -> None:
    result = classifier_trainer().fit(Loader(), Loader(seed=5), 8, print_every=0)
    assert isinstance(result, FitResult)
    assert result.num_epochs == 8
    assert [len(values) for values in result[1:]] == [8] * 4
    assert result.train_loss[-1] < 0.7 * result.train_loss[0]
    assert result.test_acc[-1] >= 85.0


def test_an_epoch_counts_its_samples_also_in_a_short_last_batch() -> None:
    class Half(Scripted):
        def train_batch(self, batch: Any) -> BatchResult:
            return BatchResult(0.5, 1)

    epoch = Half([]).train_epoch(Loader(samples=40, batch=16), verbose=False)
    assert epoch == EpochResult([0.5, 0.5, 0.5], 100 * 3 / 40)
    epoch = Half([]).train_epoch(Loader(), verbose=False, max_batches=2)
    assert epoch == EpochResult([0.5, 0.5], 100 * 2 / 32)


def test_training_and_testing_set_the_mode_and_testing_changes_nothing() -> None:
    trainer = classifier_trainer()
    before = {name: np.array(value) for name, value in trainer.model.state_dict().items()}
    trainer.test_epoch(Loader(), verbose=False)
    assert not trainer.model.training
    for name, value in trainer.model.state_dict().items():
        np.testing.assert_array_equal(np.array(value), before[name])
    trainer.train_epoch(Loader(), verbose=False)
    assert trainer.model.training


def test_a_model_that_is_no_classifier_takes_the_highest_score() -> None:
    minitorch.manual_seed(0)
    model = layers.Linear(2, 2)
    optimizer = minitorch.SGD(model.parameters(), lr=0.5)
    trainer = ClassifierTrainer(model, layers.CrossEntropyLoss(), optimizer)
    points, labels = next(iter(Loader()))
    right = (model(points).numpy().argmax(axis=1) == labels).sum()
    assert trainer.test_batch((points, labels)).num_correct == right


def test_early_stopping_counts_epochs_without_a_lower_test_loss() -> None:
    losses = [5.0, 4.0, 4.0, 3.0, 3.5, 3.0, 3.2, 1.0]
    result = Scripted(losses).fit(ONE_BATCH, ONE_BATCH, 8, early_stopping=3, print_every=0)
    assert result.test_loss == losses[:7]


def test_a_checkpoint_is_kept_of_the_best_and_of_the_last_epoch(tmp_path: Path) -> None:
    trainer = Scripted([1.0] * 4, right=[1, 3, 2, 3])
    trainer.fit(ONE_BATCH, ONE_BATCH, 4, checkpoints=str(tmp_path / "run.0"), print_every=0)
    assert {path.name for path in tmp_path.iterdir()} == {
        "run.0.safetensors",
        "run.0.last.safetensors",
    }
    other = Scripted([1.0] * 4)
    assert other.load_checkpoint(str(tmp_path / "run.0")).test_acc == [25.0, 75.0]
    assert other.load_checkpoint(str(tmp_path / "run.0.last")).num_epochs == 4


OPTIMIZERS: dict[str, Any] = {
    "SGD": lambda p: minitorch.SGD(p, lr=0.05, momentum=0.9),
    "Adam": lambda p: minitorch.optim.Adam(p, lr=0.01),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_resumed_run_gives_the_same_numbers(kind: str, tmp_path: Path) -> None:
    def trainer() -> ClassifierTrainer:
        made = classifier_trainer()
        made.optimizer = OPTIMIZERS[kind](made.model.parameters())
        return made

    whole = trainer()
    expected = whole.fit(Loader(), Loader(seed=5), 6, print_every=0)
    name = str(tmp_path / "run")
    trainer().fit(Loader(), Loader(seed=5), 3, checkpoints=name, print_every=0)
    resumed = trainer()
    minitorch.manual_seed(99)
    resumed.load_checkpoint(name + ".last")
    assert resumed.fit(Loader(), Loader(seed=5), 6, print_every=0) == expected
    for key, value in resumed.model.state_dict().items():
        np.testing.assert_array_equal(np.array(value), np.array(whole.model.state_dict()[key]))


def test_a_checkpoint_saved_again_before_the_run_goes_on_resumes_the_same(tmp_path: Path) -> None:
    data = Loader()

    def shuffled() -> DataLoader:
        return DataLoader(list(zip(data.points, data.labels, strict=True)), 16, shuffle=True)

    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    whole = classifier_trainer()
    loader = shuffled()
    whole.fit(loader, Loader(), 2, print_every=0)
    whole.save_checkpoint(first)
    expected = whole.fit(loader, Loader(), 2, print_every=0)
    for name in (first, second):
        resumed = classifier_trainer()
        resumed.load_checkpoint(name)
        resumed.save_checkpoint(second)
        # This loader draws from the generator when it is made.
        result = resumed.fit(shuffled(), Loader(), 4, print_every=0)
        assert result.train_loss[2:] == expected.train_loss


@pytest.mark.parametrize("bits", [np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_a_resumed_run_goes_on_with_any_generator_of_numpy(bits: Any, tmp_path: Path) -> None:
    def fitted(epochs: int, before: str | None = None) -> FitResult:
        trainer, loader = classifier_trainer(), Loader()
        loader.generator = np.random.Generator(bits(7))
        if before is not None:
            trainer.load_checkpoint(before)
        return trainer.fit(loader, Loader(), epochs, str(tmp_path / "run"), print_every=0)

    whole = fitted(3)
    fitted(1)
    assert fitted(3, str(tmp_path / "run.last")) == whole
    trainer = classifier_trainer()
    trainer.load_checkpoint(str(tmp_path / "run.last"))
    with pytest.raises(CheckpointError, match="loader has another kind of generator"):
        trainer.fit(Loader(), Loader(), 4, print_every=0)


def test_a_second_fit_begins_anew() -> None:
    trainer = classifier_trainer()
    trainer.fit(Loader(), Loader(), 2, print_every=0)
    assert trainer.fit(Loader(), Loader(), 1, print_every=0).num_epochs == 1


def test_a_checkpoint_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    trainer = classifier_trainer()
    name = str(tmp_path / "run")
    trainer.fit(Loader(), Loader(), 1, checkpoints=name, print_every=0)
    other = classifier_trainer()
    other.optimizer = minitorch.SGD(list(other.model.parameters())[:1], lr=0.1)
    before = {key: np.array(value) for key, value in other.model.state_dict().items()}
    chance = minitorch.rng.generator().bit_generator.state
    with pytest.raises(minitorch.CheckpointError, match="optimiser or random state"):
        other.load_checkpoint(name)
    assert minitorch.rng.generator().bit_generator.state == chance
    for key, value in other.model.state_dict().items():
        np.testing.assert_array_equal(np.array(value), before[key])
    minitorch.training.save_checkpoint(tmp_path / "bare.safetensors", trainer.model, {"epoch": 1})
    with pytest.raises(minitorch.CheckpointError, match="not the progress of a Trainer"):
        trainer.load_checkpoint(str(tmp_path / "bare"))


class Lines(Board):
    def __init__(self) -> None:
        self.points: list[Any] = []

    def line(self, title: str, x: float, values: Any, xlabel: str = "", ylabel: str = "") -> None:
        self.points.append((title, x, dict(values)))


def test_callbacks_see_each_epoch_and_the_end(tmp_path: Path) -> None:
    seen: list[Any] = []

    class Watch(Callback):
        def on_fit_start(self, trainer: Trainer) -> None:
            seen.append("start")

        def on_epoch_end(self, trainer: Trainer, result: FitResult) -> None:
            seen.append(result.num_epochs)

        def on_fit_end(self, trainer: Trainer, result: FitResult) -> None:
            seen.append("end")

    board = Lines()
    table = CSVCallback(tmp_path / "logs" / "run.csv")
    trainer = Scripted([2.0, 1.0], right=[1, 2])
    trainer.fit(
        ONE_BATCH, ONE_BATCH, 2, print_every=0, callbacks=[Watch(), table, VisdomCallback(board)]
    )
    assert seen == ["start", 1, 2, "end"]
    assert (tmp_path / "logs" / "run.csv").read_text() == (
        "epoch,train_loss,train_acc,test_loss,test_acc\n"
        "1,1.0,100.0,2.0,25.0\n"
        "2,1.0,100.0,1.0,50.0\n"
    )
    assert board.points[2:] == [
        ("loss", 2, {"train": 1.0, "test": 1.0}),
        ("accuracy", 2, {"train": 100.0, "test": 50.0}),
    ]


def test_a_dead_visdom_server_does_not_end_the_run(tmp_path: Path) -> None:
    with open_board("http://127.0.0.1:9", "dead", tmp_path / "log", say=lambda line: None) as board:
        result = Scripted([2.0, 1.0]).fit(
            ONE_BATCH, ONE_BATCH, 2, print_every=0, callbacks=[VisdomCallback(board)]
        )
        board.close(timeout=0.1)
    assert result.num_epochs == 2


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Scripted([2.0] * 5).fit(ONE_BATCH, ONE_BATCH, 5, print_every=2)
    lines = capsys.readouterr().out.split("\n")
    assert lines == [
        f"epoch {epoch}/5  train: loss 1.000, accuracy 100.0 %  test: loss 2.000, accuracy 0.0 %"
        for epoch in (2, 4, 5)
    ] + [""]
    Scripted([2.0] * 5).fit(ONE_BATCH, ONE_BATCH, 5, early_stopping=1)
    assert "stopped after epoch 2: the test loss" in capsys.readouterr().out
    trainer = Scripted([2.0])
    trainer.train_epoch(ONE_BATCH)
    assert capsys.readouterr().out == "train: loss 1.000, accuracy 100.0 %\n"
    trainer.train_epoch(ONE_BATCH, verbose=False)
    Scripted([2.0]).fit(ONE_BATCH, ONE_BATCH, 1, verbose=False)
    Scripted([2.0]).fit(ONE_BATCH, ONE_BATCH, 1, print_every=0)
    assert capsys.readouterr() == ("", "")


class Ratio(minitorch.Module):
    """0 / 0 where the input is 0."""

    def forward(self, x: Any) -> Any:
        return x / x


def test_a_loss_that_is_no_number_names_the_layer_and_loses_nothing(tmp_path: Path) -> None:
    minitorch.manual_seed(0)
    model = layers.Sequential(
        layers.BatchNorm1d(2), layers.Dropout(0.5), layers.ReLU(), Ratio(), layers.Linear(2, 2)
    )
    state = {name: np.array(value) for name, value in model.state_dict().items()}
    trainer = ClassifierTrainer(
        model, layers.CrossEntropyLoss(), minitorch.SGD(model.parameters(), lr=0.1)
    )
    with pytest.raises(NonFiniteLossError, match=r"the loss is nan.*is 3 \(Ratio\)$") as caught:
        trainer.fit(Loader(), Loader(), 2, print_every=0)
    assert caught.value.layer == "3"
    assert caught.value.result == FitResult(0, [], [], [], [])
    for name, parameter in model.named_parameters():
        np.testing.assert_array_equal(parameter.numpy(), state[name])
    # The search went through the batch once more, which the running statistics do not show.
    assert model.state_dict()["0.num_batches_tracked"] == 1
    # And what looked at the layers is gone.
    assert np.isnan(model(minitorch.zeros((2, 2))).numpy()).any()


def test_parameters_that_are_no_numbers_are_named() -> None:
    trainer = classifier_trainer()
    result = trainer.fit(Loader(), Loader(), 1, print_every=0)
    linear = trainer.model.model[4]
    linear.bias.numpy()[0] = np.inf
    with pytest.raises(
        NonFiniteLossError, match=r"model\.4 \(Linear\), whose bias already has such numbers"
    ):
        trainer.test_epoch(Loader(), verbose=False)
    assert result.num_epochs == 1


def test_the_epochs_before_are_kept_when_the_loss_fails() -> None:
    trainer = Scripted([2.0, float("nan")])
    with pytest.raises(NonFiniteLossError, match="test_batch gave a loss of nan") as caught:
        trainer.fit(ONE_BATCH, ONE_BATCH, 3, print_every=0)
    assert caught.value.result is not None
    assert caught.value.result.test_loss == [2.0]


def test_a_batch_or_a_loss_function_that_is_to_blame_is_named() -> None:
    trainer = classifier_trainer()
    points, labels = next(iter(Loader()))
    bad = minitorch.tensor(np.where(points.numpy() > 1, np.nan, points.numpy()))
    with pytest.raises(NonFiniteLossError, match="the batch itself"):
        trainer.train_batch((bad, labels))

    class Broken(minitorch.Module):
        def forward(self, scores: Any, target: Any) -> Any:
            return scores.sum() * float("inf")

    trainer.loss_fn = Broken()
    with pytest.raises(NonFiniteLossError, match="but Broken did not"):
        trainer.train_batch((points, labels))


def test_numbers_out_of_range_and_loaders_of_nothing_are_refused() -> None:
    trainer = Scripted([1.0])
    for options, message in (
        ({"num_epochs": -1}, "num_epochs is -1"),
        ({"num_epochs": 1, "early_stopping": 0}, "early_stopping is 0"),
        ({"num_epochs": 1, "print_every": -1}, "print_every is -1"),
        ({"num_epochs": 1, "max_batches": 0}, "max_batches is 0"),
        ({"num_epochs": 1, "max_batches": 1.5}, "max_batches is 1.5"),
        ({"num_epochs": 1.5}, "num_epochs is 1.5"),
    ):
        with pytest.raises(ValueError, match=message):
            trainer.fit(ONE_BATCH, ONE_BATCH, **options)
    with pytest.raises(ValueError, match="train_epoch: the loader gave no batch"):
        trainer.fit([], ONE_BATCH, 1)
    with pytest.raises(ValueError, match="train_epoch: the loader gave batches without samples"):
        trainer.fit([(np.zeros(0), np.zeros(0))], ONE_BATCH, 1)


def test_a_device_moves_the_model_and_its_batches() -> None:
    trainer = classifier_trainer(device="simple")
    assert next(iter(trainer.model.parameters())).value.backend is minitorch.get_backend("simple")
    points, labels = next(iter(Loader()))
    assert np.isfinite(trainer.train_batch((points, labels)).loss)
