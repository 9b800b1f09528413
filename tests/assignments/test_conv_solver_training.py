"""The assignment's network, update rules, Solver, data and notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import minitorch
from minitorch.errors import DataError
from project.assignments import conv_solver
from project.assignments.conv_solver import (
    Solver,
    ThreeLayerConvNet,
    eval_numerical_gradient,
    get_CIFAR2_data,
    sample_pictures,
)
from project.assignments.conv_solver.optim import UPDATE_RULES

FOLDER = Path(conv_solver.__file__).parent

Array = npt.NDArray[Any]


def normal(seed: int, *shapes: tuple[int, ...]) -> list[Array]:
    chance = np.random.RandomState(seed)
    return [chance.standard_normal(shape) for shape in shapes]


def small_network(**options: Any) -> ThreeLayerConvNet:
    sizes = {"input_dim": (3, 8, 8), "num_filters": 3, "filter_size": 3, "hidden_dim": 7}
    return ThreeLayerConvNet(**{**sizes, **options})


def test_the_first_loss_is_that_of_guessing_and_grows_with_regularisation() -> None:
    minitorch.manual_seed(231)
    model = ThreeLayerConvNet()
    (x,) = normal(0, (10, 3, 32, 32))
    y = np.arange(10)
    loss, _ = model.loss(x, y)
    assert loss == pytest.approx(np.log(10), abs=1e-3)
    model.reg = 0.5
    more = 0.25 * sum(float(np.sum(model.params[f"W{i}"] ** 2)) for i in (1, 2, 3))
    assert model.loss(x, y)[0] == pytest.approx(loss + more)
    assert model.loss(x).shape == (10, 10)


@pytest.mark.parametrize("options", [{}, {"reg": 0.5}, {"dropout": 0.5}])
def test_the_network_has_its_gradients(options: dict[str, float]) -> None:
    minitorch.manual_seed(231)
    model = small_network(dtype=np.float64, weight_scale=0.1, **options)
    (x,) = normal(231, (2, 3, 8, 8))
    y = np.array([3, 7])

    def loss() -> tuple[float, dict[str, Array]]:
        minitorch.manual_seed(1)  # the same outputs are dropped each time
        return model.loss(x, y)

    _, grads = loss()
    assert grads.keys() == model.params.keys()
    for name, value in model.params.items():
        numerical = eval_numerical_gradient(lambda _: loss()[0], value, False, 1e-6)
        np.testing.assert_allclose(grads[name], numerical, atol=1e-8, rtol=1e-6, err_msg=name)


def test_dropout_of_the_network_is_off_in_a_test() -> None:
    minitorch.manual_seed(0)
    model = small_network(dropout=0.9, weight_scale=0.1)
    (x,) = normal(0, (4, 3, 8, 8))
    y = np.zeros(4, np.int64)
    np.testing.assert_array_equal(model.loss(x), model.loss(x))
    assert len({model.loss(x, y)[0] for _ in range(5)}) > 1


def test_a_loss_that_is_not_finite_names_the_first_layer() -> None:
    model = small_network()
    x, y = np.ones((2, 3, 8, 8)), np.array([0, 1])
    model.params["W2"][0, 0] = np.nan
    with pytest.raises(FloatingPointError, match="the hidden layer"):
        model.loss(x, y)
    model.params["b1"][1] = np.nan
    with pytest.raises(FloatingPointError, match="the conv layer"):
        model.loss(x, y)


@pytest.mark.parametrize(
    ("rule", "config"),
    [
        ("sgd", {}),
        ("sgd_momentum", {"momentum": 0.8}),
        ("rmsprop", {"decay_rate": 0.9}),
        ("adam", {}),
    ],
)
def test_update_rules_follow_minitorch_optimisers(rule: str, config: dict[str, float]) -> None:
    w, target = normal(0, (3, 2), (3, 2))
    p = minitorch.Parameter(minitorch.tensor(w, requires_grad=True))
    theirs = {
        "sgd": lambda: minitorch.SGD([p], lr=0.01),
        "sgd_momentum": lambda: minitorch.SGD([p], lr=0.01, momentum=0.8),
        "rmsprop": lambda: minitorch.optim.RMSprop([p], lr=0.01, alpha=0.9),
        "adam": lambda: minitorch.optim.Adam([p], lr=0.01),
    }[rule]()
    settings = {"learning_rate": 0.01, **config}
    before = dict(settings)
    for _ in range(10):
        gradient = w**3 - target
        theirs.zero_grad()
        value = p.value
        (value * value * value * value / 4 - value * minitorch.tensor(target)).sum().backward()
        theirs.step()
        w, settings = UPDATE_RULES[rule](w, gradient, settings)
        np.testing.assert_allclose(w, p.numpy(), rtol=1e-10)
    assert before == {"learning_rate": 0.01, **config}


def striped_images(count: int, seed: int = 0) -> dict[str, Array]:
    """Return noisy images of two classes, lying and standing stripes, twice."""
    chance = np.random.RandomState(seed)
    y = np.arange(count) % 2
    stripes = np.tile([1.0, 1.0, -1.0, -1.0], 2)
    lying = np.broadcast_to(stripes[:, None], (8, 8))
    x = np.where(y[:, None, None, None] == 0, lying, lying.T)
    x = np.broadcast_to(x, (count, 3, 8, 8)) + chance.standard_normal((count, 3, 8, 8))
    return {"X_train": x, "y_train": y, "X_val": x[: count // 2], "y_val": y[: count // 2]}


@pytest.mark.parametrize(
    ("rule", "rate"), [("sgd", 0.1), ("sgd_momentum", 0.05), ("rmsprop", 1e-3), ("adam", 1e-2)]
)
def test_the_solver_overfits_a_few_images(rule: str, rate: float) -> None:
    minitorch.manual_seed(0)
    model = small_network(num_classes=2, weight_scale=0.1)
    solver = Solver(
        model, striped_images(40), update_rule=rule, optim_config={"learning_rate": rate},
        num_epochs=20, batch_size=10, verbose=False,
    )  # fmt: skip
    solver.train()
    assert len(solver.loss_history) == 20 * 4
    assert len(solver.train_acc_history) == len(solver.val_acc_history) == 21
    assert solver.train_acc_history[-1] == 1.0
    assert solver.loss_history[-1] < 0.1 < solver.loss_history[0]
    assert solver.best_val_acc == max(solver.val_acc_history)
    assert solver.epoch == 20
    for name, best in solver.best_params.items():
        np.testing.assert_array_equal(model.params[name], best)
        assert model.params[name].dtype == np.float32


def test_the_solver_prints_and_decays_the_learning_rate(
    capsys: pytest.CaptureFixture[str],
) -> None:
    minitorch.manual_seed(0)
    solver = Solver(
        small_network(), striped_images(20), lr_decay=0.5, num_epochs=2, batch_size=10,
        optim_config={"learning_rate": np.float64(0.1)}, print_every=2,
    )  # fmt: skip
    solver.train()
    printed = capsys.readouterr().out.splitlines()
    assert [text.split(")")[0] for text in printed] == [
        "(Epoch 0 / 2", "(Iteration 1 / 4", "(Epoch 1 / 2", "(Iteration 3 / 4", "(Epoch 2 / 2",
    ]  # fmt: skip
    assert {config["learning_rate"] for config in solver.optim_configs.values()} == {0.025}
    assert solver.model.params["W1"].dtype == np.float32


class Threshold:
    """A model that calls everything class 1 once its only number has grown to 2."""

    def __init__(self) -> None:
        self.params = {"w": np.zeros(1)}

    def loss(self, X: Array, y: Array | None = None) -> Any:
        if y is None:
            return np.tile(np.eye(2)[int(self.params["w"][0] >= 2)], (len(X), 1))
        return 1.0, {"w": -np.ones(1)}


def test_the_model_ends_with_the_parameters_that_were_best() -> None:
    data = {"X_train": np.zeros((4, 1)), "y_train": np.zeros(4, np.int64)}
    data |= {"X_val": data["X_train"], "y_val": data["y_train"]}
    model = Threshold()
    solver = Solver(
        model, data, optim_config={"learning_rate": 1.0}, batch_size=4, num_epochs=3, verbose=False
    )
    solver.train()
    assert solver.val_acc_history == [1, 1, 0, 0]
    assert (solver.best_val_acc, model.params["w"].tolist()) == (1, [0])
    model.params["w"] += 5
    assert solver.best_params["w"].tolist() == [0]


def test_the_same_seed_trains_to_the_same_numbers() -> None:
    losses = []
    for _ in range(2):
        minitorch.manual_seed(4)
        solver = Solver(
            small_network(dropout=0.5), striped_images(20), num_epochs=2, batch_size=5,
            verbose=False,
        )  # fmt: skip
        solver.train()
        losses.append(solver.loss_history)
    assert losses[0] == losses[1]


def test_a_run_that_diverges_stops_and_keeps_what_it_has() -> None:
    minitorch.manual_seed(0)
    solver = Solver(
        small_network(weight_scale=0.1), striped_images(20), verbose=False,
        optim_config={"learning_rate": 1e12}, batch_size=10,
    )  # fmt: skip
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="first: the"):
        solver.train()
    assert solver.loss_history
    assert np.isfinite(solver.best_params["W1"]).all()


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"update_rule": "newton"}, "update_rule"),
        ({}, {"batch_size": 0}, "batch_size"),
        ({}, {"optim_config": {"learning_rate": float("nan")}}, "learning_rate"),
        ({}, {"lr_decay": -1.0}, "lr_decay"),
        ({"y_train": np.zeros(3, np.int64)}, {}, "labels"),
        ({"X_val": np.zeros((0, 3, 8, 8)), "y_val": np.zeros(0, np.int64)}, {}, "no examples"),
    ],
)
def test_the_solver_refuses_bad_arguments(
    change: dict[str, Array], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Solver(small_network(), {**striped_images(20), **change}, **options)
    with pytest.raises(ValueError, match="no X_train, y_train"):
        Solver(small_network(), {})


def test_cifar2_is_cut_in_three_and_centred(tmp_path: Path) -> None:
    data = get_CIFAR2_data(30, 20, 10, root=tmp_path)  # an empty folder: the look-alike
    assert data.generated
    assert "generated" in data.source
    for part, size in (("train", 30), ("val", 20), ("test", 10)):
        assert data[f"X_{part}"].shape == (size, 3, 32, 32)
        assert data[f"X_{part}"].dtype == np.float32
        assert data[f"y_{part}"].shape == (size,)
        assert set(data[f"y_{part}"]) <= {0, 1}
    np.testing.assert_allclose(data["X_train"].mean(axis=0), 0, atol=1e-3)
    raw = get_CIFAR2_data(30, 20, 10, subtract_mean=False, root=tmp_path)
    assert raw["X_test"].min() >= 0
    assert 100 < raw["X_test"].max() <= 255
    np.testing.assert_allclose(data["X_test"] + data.mean_image, raw["X_test"], atol=1e-3)
    small = data.first(5)
    assert (len(small["X_train"]), len(small["y_train"]), len(small["X_val"])) == (5, 5, 20)
    assert small.source == data.source
    with pytest.raises(ValueError, match="wanted"):
        get_CIFAR2_data(9_999, 2, 1, root=tmp_path)
    with pytest.raises(ValueError, match="1 or more"):
        get_CIFAR2_data(0, 2, 1, root=tmp_path)
    everything = get_CIFAR2_data(root=tmp_path)
    assert [len(everything[f"y_{part}"]) for part in ("train", "val", "test")] == [1800, 200, 500]
    assert "1,800 + 200 + 500 images" in everything.source


def test_damaged_files_of_cifar_are_not_replaced_by_generated_pictures(tmp_path: Path) -> None:
    (tmp_path / "test_batch").write_bytes(b"damaged")
    with pytest.raises(DataError):
        get_CIFAR2_data(root=tmp_path)


def test_the_sample_pictures_are_square_and_coloured() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    for picture in sample_pictures(50).values():
        assert (picture.shape, picture.dtype) == ((50, 50, 3), np.uint8)
        assert (picture[..., 0] != picture[..., 2]).any()


@pytest.mark.slow
def test_the_notebook_runs_on_a_small_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.setenv("MINITORCH_SMALL", "1")
    notebook = nbformat.read(FOLDER / "conv_solver.ipynb", as_version=4)
    resources = {"metadata": {"path": str(FOLDER)}}
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources=resources
    ).execute()
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    printed = "".join(output.get("text", "") for output in outputs)
    assert "difference: " in printed
    assert "test accuracy" in printed
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 6
