"""Assignment 3, parts 2 to 5: training, the moons, the networks, experiments and their files."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import minitorch
from minitorch.data import DataLoader, Subset
from minitorch.errors import DataError
from minitorch.training import FitResult
from project.assignments.modular_nn import answers, experiments, layers, optimizers, sweeps
from project.assignments.modular_nn.cifar import load_cifar10
from project.assignments.modular_nn.classifier import BinaryClassifier, select_roc_thresh
from project.assignments.modular_nn.mlp import MLP
from project.assignments.modular_nn.moons import Split, make_moons, moon_loaders, moon_splits
from project.assignments.modular_nn.training import ClassifierTrainer, LayerTrainer

CHECKOUT = Path(__file__).parents[2]
SMALL = {"bs_train": 8, "batches": 2, "epochs": 1, "hidden_dims": [5], "seed": 1, "pool_every": 1}


@pytest.fixture(autouse=True)
def _float32() -> Iterator[None]:
    before = minitorch.get_default_dtype()
    minitorch.set_default_dtype("float32")
    yield
    minitorch.set_default_dtype(before)


# Part 2.


def test_an_mlp_of_layers_learns_twenty_images_by_heart() -> None:
    train, _ = load_cifar10()
    hp = answers.part2_overfit_hp()
    minitorch.manual_seed(42)
    model = layers.MLP(3 * 32 * 32, 10, [128] * 3, wstd=hp["wstd"])
    optimizer = optimizers.VanillaSGD(model.params(), learn_rate=hp["lr"], reg=hp["reg"])
    trainer = LayerTrainer(model, layers.CrossEntropyLoss(), optimizer)
    batches = DataLoader(train, 10, shuffle=False)
    accuracies = [
        trainer.train_epoch(batches, max_batches=2, verbose=False).accuracy for _ in range(20)
    ]
    assert max(accuracies) >= 98


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "make"), [("momentum", optimizers.MomentumSGD), ("rmsprop", optimizers.RMSProp)]
)
def test_an_mlp_of_layers_comes_above_35_percent_on_photographs(
    name: str, make: type[optimizers.Optimizer]
) -> None:
    train, test = load_cifar10()
    if train.generated:
        pytest.skip("the photographs of CIFAR-10 are not in MINITORCH_DATA")
    minitorch.manual_seed(42)
    hp = answers.part2_optim_hp()
    model = layers.MLP(3 * 32 * 32, 10, [128] * 5, wstd=hp["wstd"])
    optimizer = make(model.params(), learn_rate=hp[f"lr_{name}"], reg=hp["reg"])
    result = LayerTrainer(model, layers.CrossEntropyLoss(), optimizer).fit(
        DataLoader(train, 50), DataLoader(test, 25), 10, max_batches=100, verbose=False
    )
    assert max(result.test_acc) > 35


def test_layer_trainer_drops_only_while_training() -> None:
    train, _ = load_cifar10()
    model = layers.MLP(3 * 32 * 32, 10, [4], dropout=0.5)
    optimizer = optimizers.MomentumSGD(model.params(), learn_rate=0.0)
    trainer = LayerTrainer(model, layers.CrossEntropyLoss(), optimizer)
    batches = DataLoader(Subset(train, range(20)), 10)
    first, second = (trainer.test_epoch(batches, verbose=False) for _ in range(2))
    assert first == second
    assert trainer.train_epoch(batches, verbose=False).losses != first.losses
    result = trainer.fit(batches, batches, num_epochs=2, verbose=False)
    assert (result.num_epochs, len(result.test_acc)) == (2, 2)
    assert result.test_loss[-1] == pytest.approx(np.mean(first.losses))


# Part 3.


def test_moons_are_scikit_learns() -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    np.random.seed(42)
    ours = make_moons(101, noise=0.2)
    np.random.seed(42)
    theirs = datasets.make_moons(n_samples=101, noise=0.2)
    np.testing.assert_array_equal(ours.x, theirs[0])
    np.testing.assert_array_equal(ours.y, theirs[1])


def test_moons_have_the_sizes_of_the_document() -> None:
    splits = moon_splits()
    assert [len(split.y) for split in splits] == [5333, 2667, 2000]
    # Without noise each class lies on its half circle.
    x, y = make_moons(100, noise=0.0)
    outer, inner = x[y == 0], 1 - x[y == 1] - [0, 0.5]
    for circle in (outer, inner):
        np.testing.assert_allclose(np.hypot(*circle.T), 1.0)
        assert circle[:, 1].min() > -1e-12


@pytest.fixture(scope="module")
def moon_model() -> tuple[BinaryClassifier, FitResult, tuple[Split, Split, Split]]:
    """The perceptron of part 3, trained on the moons."""
    before = minitorch.get_default_dtype()
    minitorch.set_default_dtype("float32")
    minitorch.manual_seed(42)
    splits = moon_splits()
    arch, optim = answers.part3_arch_hp(), answers.part3_optim_hp()
    model = BinaryClassifier(
        MLP(
            2,
            [*[arch["hidden_dims"]] * arch["n_layers"], 2],
            [*[arch["activation"]] * arch["n_layers"], arch["out_activation"]],
        )
    )
    loss_fn = optim.pop("loss_fn")
    optimizer = minitorch.SGD(model.parameters(), **optim)
    train, valid, _ = moon_loaders(splits)
    trainer = ClassifierTrainer(model, loss_fn, optimizer)
    minitorch.set_default_dtype(before)
    return model, trainer.fit(train, valid, num_epochs=8, verbose=False), splits


def test_the_moons_are_told_apart(
    moon_model: tuple[BinaryClassifier, FitResult, tuple[Split, Split, Split]],
) -> None:
    model, fit_result, splits = moon_model
    assert fit_result.train_acc[-1] >= 85.0
    assert fit_result.test_acc[-1] >= 75.0
    valid = splits[1]
    threshold = select_roc_thresh(model, minitorch.tensor(valid.x.astype(np.float32)), valid.y)
    assert model.threshold == 0.5

    def distance(threshold: float) -> float:
        taken = model.predict_proba(valid.x).numpy()[:, 1] >= threshold
        return np.hypot(taken[valid.y == 0].mean(), 1 - taken[valid.y == 1].mean())

    best = min(distance(t) for t in np.linspace(0, 1, 101))
    assert distance(threshold) <= best + 1e-9
    assert distance(threshold) < distance(0.5)


def test_roc_and_boundary_are_drawn(
    moon_model: tuple[BinaryClassifier, FitResult, tuple[Split, Split, Split]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    model, _, (_, valid, _) = moon_model
    threshold = select_roc_thresh(model, valid.x, valid.y, plot=True)
    (ax,) = plt.gcf().axes
    assert ax.texts[0].get_text() == f"threshold {threshold:.2f}"
    (point,) = ax.collections[0].get_offsets()
    taken = model.predict_proba(valid.x).numpy()[:, 1] >= threshold
    rates = taken[valid.y == 0].mean(), taken[valid.y == 1].mean()
    np.testing.assert_allclose(point, rates)
    plt.close("all")


def test_mlp_experiment_uses_the_threshold_that_it_gives() -> None:
    minitorch.manual_seed(0)
    train, valid, test = moon_loaders(moon_splits(n_samples=1500))
    model, threshold, valid_acc, test_acc = experiments.mlp_experiment(2, 8, train, valid, test, 10)
    assert model.threshold == threshold
    assert len(model.parameters()) == 6
    x, y = test.dataset.tensors
    assert test_acc == pytest.approx(100 * (model.classify(x) == y).mean())
    assert min(valid_acc, test_acc) >= 75


@pytest.mark.slow
def test_the_grid_of_depths_and_widths_meets_the_document() -> None:
    minitorch.manual_seed(42)
    loaders = moon_loaders(moon_splits())
    accuracies = [
        experiments.mlp_experiment(depth, width, *loaders, n_epochs=10)[3]
        for width in (2, 8, 32, 128)
        for depth in (1, 2, 4)
    ]
    assert min(accuracies) >= 75.0
    assert np.quantile(accuracies, 0.75) >= 85.0


# Part 4.


def test_a_cnn_learns_fifty_images_by_heart() -> None:
    train, _ = load_cifar10()
    minitorch.manual_seed(42)
    network = experiments.CNN(
        (3, 32, 32),
        10,
        channels=[32],
        pool_every=1,
        hidden_dims=[100],
        conv_params={"kernel_size": 3, "stride": 1, "padding": 1},
        pooling_params={"kernel_size": 2},
    )
    hp = answers.part4_optim_hp()
    model = experiments.ArgMaxClassifier(network)
    trainer = ClassifierTrainer(model, hp.pop("loss_fn"), minitorch.SGD(model.parameters(), **hp))
    batches = DataLoader(train, 2, shuffle=False)
    best = 0.0
    for _ in range(25):
        best = max(best, trainer.train_epoch(batches, max_batches=25, verbose=False).accuracy)
        if best >= 90:
            break
    assert best >= 90


# Part 5.


def test_an_experiment_is_saved_and_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = experiments.cnn_experiment(
        "test_run",
        out_dir=str(tmp_path),
        filters_per_layer=[4, 8],
        layers_per_block=1,
        model_type="ycn",
        dropout=0.3,
        **SMALL,
    )
    assert path == tmp_path / "test_run_L1_K4-8.json"
    assert f"*** Output file {path} written" in capsys.readouterr().out
    cfg, fit_res = experiments.load_experiment(path)
    assert list(cfg) == list(inspect.signature(experiments.cnn_experiment).parameters)
    assert (cfg["bs_test"], cfg["kw"], fit_res.num_epochs) == (2, {"dropout": 0.3}, 1)
    cfg["run_name"] = "again"
    again = experiments.load_experiment(experiments.cnn_experiment(**cfg))
    assert again == (cfg, fit_res)


def test_the_command_line_of_the_document(tmp_path: Path) -> None:
    command = "-m project.assignments.modular_nn.experiments run-exp -n test"
    command += " -K 4 8 -L 2 -P 2 -H 10 --batches 1 --epochs 1 --bs-train 4 --seed 3"
    done = subprocess.run(
        [sys.executable, *command.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "NUMBA_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    cfg, _ = experiments.load_experiment(tmp_path / "results" / "test_L2_K4-8.json")
    shown = {"pool_every": 2, "hidden_dims": [10], "model_type": "cnn", "lr": 1e-3, "seed": 3}
    assert {name: cfg[name] for name in shown} == shown


def test_errors_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    vanishing = "run-exp -n test -K 4 -L 8 -P 1 -H 10"
    assert experiments.main(vanishing.split()) == 1
    assert "leaves nothing of images" in capsys.readouterr().err
    assert experiments.main(["run-sweep", "-e", "3.1"]) == 1
    assert "no experiment '3.1'; there are 1.1" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="model_type is 'vgg'"):
        experiments.cnn_experiment("test", model_type="vgg")


@pytest.mark.parametrize("content", [None, b"", b'{"config": {}, "resu', b"[1]", b'{"config": {}}'])
def test_a_file_that_is_no_experiment(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "exp.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"exp\.json"):
        experiments.load_experiment(path)


def test_experiments_are_plotted_in_the_order_of_their_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fit_res = FitResult(2, [1.0, 0.5], [10.0, 20.0], [1.0, 0.9], [10.0, 15.0])
    for depth in (16, 2, 8):
        cfg = {"run_name": "exp1_1", "filters_per_layer": [32], "layers_per_block": depth, "lr": 1}
        experiments.save_experiment("exp1_1", str(tmp_path), cfg, fit_res, "pictures")
    capsys.readouterr()
    experiments.plot_exp_results("exp1_1_L*_K32*.json", tmp_path)
    figure = plt.gcf()
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["L2_K32", "L8_K32", "L16_K32"]
    assert figure.get_suptitle() == "pictures"
    common = {"run_name": "exp1_1", "filters_per_layer": [32], "lr": 1}
    assert capsys.readouterr().out == f"common config:  {common}\n"
    plt.close("all")
    experiments.plot_exp_results("exp2*.json", tmp_path)
    assert capsys.readouterr().err == "No results found for pattern exp2*.json.\n"


def test_sweeps_have_the_configurations_of_the_document() -> None:
    names = {
        experiment: [
            experiments.result_name(config["run_name"], config)
            for config in sweeps.sweep_configs(experiment)
        ]
        for experiment in sweeps.EXPERIMENTS
    }
    assert {experiment: len(runs) for experiment, runs in names.items()} == {
        "1.1": 8, "1.2": 12, "1.3": 4, "1.4": 6, "2": 4,
    }  # fmt: skip
    assert names["1.1"][0] == "exp1_1_L2_K32.json"
    assert names["1.3"][0] == "exp1_3_L1_K64-128-256.json"
    assert names["2"] == [f"exp2_L{depth}_K32-64-128.json" for depth in (3, 6, 9, 12)]


@pytest.mark.parametrize("experiment", sweeps.EXPERIMENTS)
def test_every_network_of_the_sweeps_can_be_made(experiment: str) -> None:
    for config in sweeps.sweep_configs(experiment, shrink=32):
        filters = config["filters_per_layer"]
        network = experiments.MODEL_TYPES[config["model_type"]](
            (3, 32, 32),
            10,
            [k for k in filters for _ in range(config["layers_per_block"])],
            config["pool_every"],
            config["hidden_dims"],
        )
        assert network(minitorch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_a_sweep_survives_the_failure_of_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {"out_dir": str(tmp_path), "filters_per_layer": [4], **SMALL}
    configs = [{"run_name": "a", "layers_per_block": depth, **config} for depth in (1, 9, 2)]
    outcomes = sweeps.run_all(configs, processes=2)
    assert [outcome.name for outcome in outcomes] == ["a_L1_K4", "a_L9_K4", "a_L2_K4"]
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert "ShapeError" in outcomes[1].error
    assert (tmp_path / "a_L9_K4.log").read_text().rstrip().endswith("pool less often")
    assert "a_L9_K4: FAILED" in capsys.readouterr().out
    for outcome in (outcomes[0], outcomes[2]):
        assert experiments.load_experiment(outcome.path)[1].num_epochs == 1
    with pytest.raises(ValueError, match="would write one file"):
        sweeps.run_all([configs[0]] * 2)
    with pytest.raises(ValueError, match="processes is 0"):
        sweeps.run_all(configs, processes=0)


def _killed(*arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_run_that_is_killed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "_child", _killed)
    config = {"run_name": "a", "out_dir": str(tmp_path), "filters_per_layer": [4]}
    (outcome,) = sweeps.run_all([{**config, "layers_per_block": 1, **SMALL}])
    assert outcome == ("a_L1_K4", None, "the process ended with exit code -9")


def test_every_question_is_answered() -> None:
    questions = {1: 2, 2: 3, 3: 4, 4: 1, 5: 5}
    names = [f"part{part}_q{q}" for part, last in questions.items() for q in range(1, last + 1)]
    for name in [*names, "mlp_cnn_q1", "mlp_cnn_q2", "mlp_cnn_q3", "conv_solver_report"]:
        assert len(getattr(answers, name).split()) > 40, name
