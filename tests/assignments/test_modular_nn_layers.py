"""Assignment 3, parts 1 and 2: layers with gradients by hand, and the optimisers."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest

import minitorch
from minitorch import Tensor
from minitorch.errors import DTypeError, GradientError, IndexingError, ShapeError
from project.assignments.modular_nn import layers, optimizers
from project.assignments.modular_nn.grad_compare import compare_layer_to_torch

BATCH, FEATURES, CLASSES = 7, 12, 5


def _labels() -> np.ndarray:
    return np.arange(BATCH) % CLASSES


def _deep() -> layers.Sequential:
    return layers.Sequential(
        layers.Linear(FEATURES, 10),
        layers.LeakyReLU(alpha=0.01),
        layers.Linear(10, 20),
        layers.ReLU(),
        layers.Linear(20, 1),
        layers.Sigmoid(),
    )


CASES = {
    "leaky": lambda: (layers.LeakyReLU(alpha=0.1), minitorch.randn(BATCH, FEATURES), None),
    "relu": lambda: (layers.ReLU(), minitorch.randn(BATCH, FEATURES), None),
    "sigmoid": lambda: (layers.Sigmoid(), minitorch.randn(BATCH, 3, 4), None),
    "tanh": lambda: (layers.TanH(), minitorch.randn(BATCH, 3, 4), None),
    "linear": lambda: (layers.Linear(FEATURES, 20), minitorch.randn(BATCH, FEATURES), None),
    "loss": lambda: (layers.CrossEntropyLoss(), minitorch.randn(BATCH, CLASSES), _labels()),
    "dropout": lambda: (layers.Dropout(0.4), minitorch.randn(BATCH, FEATURES), None),
    "sequence": lambda: (_deep(), minitorch.randn(BATCH, FEATURES), None),
    "mlp": lambda: (
        layers.Sequential(
            layers.MLP(FEATURES, CLASSES, [10, 6, 10], "sigmoid", dropout=0.3),
            layers.CrossEntropyLoss(),
        ),
        minitorch.randn(BATCH, FEATURES),
        _labels(),
    ),
}


@pytest.fixture(params=["torch", "minitorch"])
def oracle(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Compare with PyTorch, and as where there is no PyTorch."""
    if request.param == "torch":
        pytest.importorskip("torch", reason="PyTorch, one of the two oracles, is not installed")
    else:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    return request.param


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_automatic_differentiation(
    name: str, training: bool, oracle: str, capsys: pytest.CaptureFixture[str]
) -> None:
    minitorch.manual_seed(42)
    layer, x, y = CASES[name]()
    layer.train(training)
    diffs = compare_layer_to_torch(layer, x, y)
    assert len(diffs) == 1 + len(layer.params())
    assert max(diffs) < 1e-12
    first, second, *_ = capsys.readouterr().out.splitlines()
    name = "PyTorch" if oracle == "torch" else "minitorch autograd"
    assert first == f"Comparing gradients with {name}..."
    assert second == "input    diff=0.000"
    # Nothing of the layer is left changed, and a second pass adds nothing wrong to the first.
    assert not any(p.requires_grad for p, _ in layer.params())
    layer(x, y=y)
    assert max(compare_layer_to_torch(layer, x, y)) < 1e-12


def test_a_wrong_gradient_is_seen(oracle: str) -> None:
    class Wrong(layers.TanH):
        def backward(self, dout: Tensor) -> Tensor:
            return super().backward(dout) * 1.01

    assert max(compare_layer_to_torch(Wrong(), minitorch.randn(BATCH, FEATURES))) > 1e-3


def test_a_layer_that_pytorch_lacks_is_compared_with_minitorch(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Square(layers.Layer):
        def forward(self, x: Tensor, **kw: object) -> Tensor:
            self.grad_cache["x"] = x.detach()
            return x * x

        def backward(self, dout: Tensor) -> Tensor:
            return 2.0 * dout * self.grad_cache["x"]

    assert max(compare_layer_to_torch(Square(), minitorch.randn(BATCH, FEATURES))) < 1e-12
    assert "minitorch autograd" in capsys.readouterr().out


def test_gradients_of_parameters_add_up() -> None:
    layer = layers.Linear(FEATURES, 3)
    x = minitorch.randn(BATCH, FEATURES)
    dout = minitorch.randn(BATCH, 3)
    for _ in range(2):
        layer(x)
        layer.backward(dout)
    np.testing.assert_allclose(layer.dw.numpy(), 2 * dout.numpy().T @ x.numpy())
    np.testing.assert_allclose(layer.db.numpy(), 2 * dout.numpy().sum(axis=0))
    assert layer.params()[0][1] is layer.dw


def test_cross_entropy_of_large_scores() -> None:
    scores = minitorch.tensor([[1e4, 0.0], [0.0, -1e4]])
    loss = layers.CrossEntropyLoss()
    assert loss(scores, [1, 0]).shape == ()
    assert float(loss(scores, [1, 0]).item()) == pytest.approx(5e3)
    np.testing.assert_array_equal(loss.backward().numpy(), [[0.5, -0.5], [0.0, 0.0]])


def test_dropout_keeps_the_mean_and_does_nothing_in_evaluation() -> None:
    minitorch.manual_seed(0)
    layer, x = layers.Dropout(0.4), minitorch.ones(100, 100)
    out = layer(x).numpy()
    assert set(np.unique(out)) == {0.0, 1 / 0.6}
    assert (out == 0).mean() == pytest.approx(0.4, abs=0.02)
    layer.train(False)
    np.testing.assert_array_equal(layer(x).numpy(), x.numpy())


def test_mlp_prints_as_in_the_document() -> None:
    assert str(layers.MLP(200, 10, hidden_features=[100, 50, 100])) == (
        "MLP, Sequential\n\t[0] Linear(200, 100)\n\t[1] ReLU\n\t[2] Linear(100, 50)\n\t[3] ReLU\n"
        "\t[4] Linear(50, 100)\n\t[5] ReLU\n\t[6] Linear(100, 10)\n"
    )
    dropping = layers.MLP(3072, 10, [50] * 3, dropout=0.6)
    assert str(dropping) == (
        "MLP, Sequential\n\t[0] Linear(3072, 50)\n\t[1] ReLU\n\t[2] Dropout(p=0.6)\n"
        "\t[3] Linear(50, 50)\n\t[4] ReLU\n\t[5] Dropout(p=0.6)\n\t[6] Linear(50, 50)\n"
        "\t[7] ReLU\n\t[8] Dropout(p=0.6)\n\t[9] Linear(50, 10)\n"
    )
    assert len(dropping.sequence) == 10
    assert [str(layer) for layer in dropping.sequence[1:3]] == ["ReLU", "Dropout(p=0.6)"]
    dropping.train(False)
    assert not dropping.sequence[2].training_mode


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_mlp_has_an_activation_after_each_hidden_layer(activation: str) -> None:
    mlp = layers.MLP(10, 10, hidden_features=[100, 50, 100], activation=activation, wstd=0.3)
    assert len(mlp.sequence) == 7
    names = [str(layer).lower() for layer in mlp.sequence]
    assert names[1::2] == [activation] * 3
    assert all(name.startswith("linear") for name in names[::2])
    assert np.std(mlp.sequence[2].w.numpy()) == pytest.approx(0.3, rel=0.1)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="alpha is 1; it must be from 0"):
        layers.LeakyReLU(alpha=1)
    with pytest.raises(ValueError, match="p is 1"):
        layers.Dropout(1)
    with pytest.raises(ValueError, match="no activation 'selu'; there are relu"):
        layers.MLP(2, 2, [3], activation="selu")
    with pytest.raises(ShapeError, match=r"Linear\(3, 2\): the input has shape \(4, 5\)"):
        layers.Linear(3, 2)(minitorch.zeros(4, 5))
    with pytest.raises(GradientError, match=r"TanH\.backward: there was no forward"):
        layers.TanH().backward(minitorch.zeros(2))
    relu = layers.ReLU()
    relu(minitorch.zeros(2, 3))
    with pytest.raises(ShapeError, match=r"gradient has shape \(3, 2\), the output \(2, 3\)"):
        relu.backward(minitorch.zeros(3, 2))
    loss, scores = layers.CrossEntropyLoss(), minitorch.zeros(2, 3)
    with pytest.raises(IndexingError, match="labels from 0 to 3"):
        loss(scores, [0, 3])
    with pytest.raises(DTypeError, match="must be integers"):
        loss(scores, [0.0, 1.0])
    with pytest.raises(ShapeError, match=r"\(2, 3\) and labels \(3,\)"):
        loss(scores, [0, 1, 2])
    with pytest.raises(GradientError, match=r"CrossEntropyLoss\.backward"):
        loss.backward()


# The optimisers: a trajectory of several steps against the formulas in numpy.


def _vanilla(p: np.ndarray, dp: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return p - 0.5 * dp, state


def _momentum(p: np.ndarray, dp: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    state = 0.8 * state - 0.5 * dp
    return p + state, state


def _rmsprop(p: np.ndarray, dp: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    state = 0.9 * state + (1 - 0.9) * dp**2
    return p - 0.5 / np.sqrt(state + 1e-3) * dp, state


OPTIMIZERS = {
    "vanilla": (optimizers.VanillaSGD, {}, _vanilla),
    "momentum": (optimizers.MomentumSGD, {"momentum": 0.8}, _momentum),
    "rmsprop": (optimizers.RMSProp, {"decay": 0.9, "eps": 1e-3}, _rmsprop),
}


@pytest.mark.parametrize("holder", ["pair", "tensor", "parameter"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_follow_their_formula(name: str, holder: str) -> None:
    make, options, formula = OPTIMIZERS[name]
    rng = np.random.default_rng(1)
    expected = rng.standard_normal((5, 4))
    p = minitorch.tensor(expected, requires_grad=holder != "pair")
    grad = minitorch.zeros(5, 4)
    held = {"pair": (p, grad), "tensor": p, "parameter": minitorch.Parameter(p)}[holder]
    untouched = minitorch.tensor([1.0], requires_grad=True)  # which has no gradient
    optimizer = make([held, untouched], learn_rate=0.5, reg=0.1, **options)
    state = np.zeros((5, 4))
    for _ in range(5):
        dp = rng.standard_normal((5, 4))
        optimizer.zero_grad()
        if holder == "pair":
            grad += minitorch.tensor(dp)
        else:
            (p * minitorch.tensor(dp)).sum().backward()
        optimizer.step()
        expected, state = formula(expected, dp + 0.1 * expected, state)
        np.testing.assert_allclose(p.numpy(), expected, rtol=1e-12)
    assert untouched.numpy()[0] == 1.0


def test_layers_learn_a_line_in_place() -> None:
    minitorch.manual_seed(3)
    layer = layers.Linear(2, 1)
    weight = layer.w
    optimizer = optimizers.MomentumSGD(layer.params(), learn_rate=0.02)
    x = minitorch.randn(50, 2)
    for _ in range(200):
        optimizer.zero_grad()
        error = layer(x) - (x[:, :1] * 3.0 + 1.0)
        layer.backward(error * (2.0 / 50))
        optimizer.step()
    assert layer.w is weight
    np.testing.assert_allclose(weight.numpy(), [[3.0, 0.0]], atol=1e-3)
    np.testing.assert_allclose(layer.b.numpy(), [1.0], atol=1e-3)


def test_optimizers_refuse_bad_input() -> None:
    p = minitorch.zeros(2)
    for rate in (math.nan, math.inf, -1.0):
        with pytest.raises(ValueError, match="VanillaSGD: learn_rate is"):
            optimizers.VanillaSGD([(p, p)], learn_rate=rate)
    with pytest.raises(ValueError, match="reg is nan"):
        optimizers.RMSProp([(p, p)], reg=math.nan)
    with pytest.raises(ValueError, match=r"momentum is 1; .* below 1"):
        optimizers.MomentumSGD([(p, p)], momentum=1)
    with pytest.raises(ValueError, match="decay is 1"):
        optimizers.RMSProp([(p, p)], decay=1)
    good = minitorch.ones(2)
    step = optimizers.VanillaSGD([(good, minitorch.ones(2)), (p, minitorch.zeros(3))])
    with pytest.raises(ShapeError, match=r"shape \(2,\) has a gradient of shape \(3,\)"):
        step.step()
    np.testing.assert_array_equal(good.numpy(), [1.0, 1.0])
