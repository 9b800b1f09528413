"""Losses with their options: values by numpy, gradients by differences, what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from kernel_cases import close, numbers, tensor

import minitorch
from minitorch import layers
from minitorch.errors import DTypeError, IndexingError, ShapeError
from minitorch.layers.functional import loss as losses
from minitorch.layers.functional import mean_loss

LABELS = np.array([2, 0, -100, 3, 1, 3])
WEIGHTS = np.array([0.5, 2.0, 1.0, 3.0])
REDUCTIONS = ("mean", "sum", "none")


def log_softmax(a: Any) -> Any:
    return a - np.log(np.exp(a).sum(1, keepdims=True))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_labels_with_options(backend: str, name: str, weight: Any, reduction: str) -> None:
    a = numbers(6, 4)
    logs = log_softmax(a) if name == "cross_entropy" else a
    of_class = np.ones(4) if weight is None else weight
    own = np.array([0.0 if y == -100 else of_class[y] for y in LABELS])
    each = np.array([-w * row[y if w else 0] for w, row, y in zip(own, logs, LABELS, strict=True)])
    expected = {"none": each, "sum": each.sum(), "mean": each.sum() / own.sum()}[reduction]
    function = getattr(losses, name)
    out = function(tensor(a, backend=backend), LABELS, weight, reduction=reduction)
    close(out, np.asarray(expected))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "call",
    [
        lambda a, r: losses.nll_loss(a, LABELS, WEIGHTS, reduction=r),
        lambda a, r: losses.cross_entropy(a, LABELS % 4, ignore_index=3, reduction=r),
        lambda a, r: losses.cross_entropy(a, abs(numbers(6, 4)), WEIGHTS, reduction=r),
        lambda a, r: losses.mse_loss(a, numbers(6, 4, seed=1), reduction=r),
        lambda a, r: losses.binary_cross_entropy_with_logits(
            a, numbers(6, 4) > 0, pos_weight=WEIGHTS, reduction=r
        ),
    ],
    ids=["nll", "ignored", "probabilities", "mse", "binary"],
)
def test_gradients(backend: str, call: Callable[..., Any], reduction: str) -> None:
    a = minitorch.tensor(numbers(6, 4) / 3, requires_grad=True)
    factors = minitorch.tensor(numbers(6, 4, seed=2))

    def loss(t: Any) -> Any:
        out = call(t, reduction)
        return out * factors[:, 0] if out.dims == 1 else out * factors if out.dims else out

    loss(a).sum().backward()
    step = 1e-6
    for place in np.ndindex(6, 4):
        shifted = np.zeros((6, 4))
        shifted[place] = step
        up, down = (
            loss(minitorch.tensor(a.to_numpy() + s * shifted)).sum().item() for s in (1, -1)
        )
        assert a.grad.to_numpy()[place] == pytest.approx((up - down) / (2 * step), abs=1e-6)


def test_rows_that_do_not_count_may_hold_anything(backend: str) -> None:
    a = tensor(np.array([[1.0, 2.0], [np.nan, -np.inf]]), backend=backend).requires_grad_(True)
    out = losses.nll_loss(a, [1, -100])
    assert out.item() == -2.0
    out.backward()
    np.testing.assert_array_equal(a.grad.to_numpy(), [[0.0, -1.0], [0.0, 0.0]])
    assert np.isnan(losses.nll_loss(a, [-100, -100]).item())
    assert losses.nll_loss(a, [-100, -100], reduction="sum").item() == 0.0


def test_the_plain_loss_alone_is_the_fused_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    plain = mean_loss.cross_entropy
    monkeypatch.setattr(
        mean_loss, "cross_entropy", lambda *given: seen.append(given) or plain(*given)
    )
    a = tensor(numbers(3, 4), backend="fast")
    layers.CrossEntropyLoss()(a, [0, 3, 1])
    assert len(seen) == 1
    for loss in (
        layers.CrossEntropyLoss(reduction="sum"), layers.CrossEntropyLoss(WEIGHTS),
        layers.CrossEntropyLoss(ignore_index=3),
    ):  # fmt: skip
        loss(a, [0, 3, 1])
    assert len(seen) == 1
    layers.CrossEntropyLoss(ignore_index=3)(a, [0, 2, 1])
    assert len(seen) == 2


def test_probabilities_may_want_gradients(backend: str) -> None:
    a = tensor(numbers(2, 3), backend=backend)
    target = minitorch.tensor(np.full((2, 3), 1 / 3), requires_grad=True)
    losses.cross_entropy(a, target, reduction="sum").backward()
    np.testing.assert_allclose(target.grad.to_numpy(), -log_softmax(a.to_numpy()))


def test_large_scores_lose_no_digits(backend: str) -> None:
    scores = np.array([-800.0, -40.0, 40.0, 800.0])
    a = tensor(scores, backend=backend).requires_grad_(True)
    for target, expected in ((0, [np.exp(-40.0), 40.0]), (1, [40.0, np.exp(-40.0)])):
        out = losses.binary_cross_entropy_with_logits(a, [target] * 4, reduction="none").to_numpy()
        np.testing.assert_allclose(out[1:3], expected, rtol=1e-12)
        assert np.isfinite(out).all()
    a.grad = None
    losses.binary_cross_entropy_with_logits(a, [0] * 4, reduction="sum").backward()
    assert a.grad[1] == pytest.approx(np.exp(-40.0), rel=1e-12)
    assert np.isfinite(a.grad.to_numpy()).all()


def test_targets_in_arrays_keep_the_dtype_of_the_input(backend: str) -> None:
    a = tensor(numbers(3, 2, dtype="float32"), backend=backend)
    for target in (np.ones((3, 2), int), np.ones((3, 2)), [[1, 0], [0, 1], [1, 1]]):
        assert losses.mse_loss(a, target).dtype == "float32"
        assert losses.binary_cross_entropy_with_logits(a, target).dtype == "float32"
    for labels in ([0, 1, 1], np.full((3, 2), 0.5)):
        assert losses.cross_entropy(a, labels, [1.0, 2.0]).dtype == "float32"


def test_weights_are_buffers() -> None:
    loss = layers.CrossEntropyLoss(minitorch.tensor([1.0, 2.0]))
    assert list(loss.state_dict()) == ["weight"]
    assert list(layers.BCEWithLogitsLoss(pos_weight=[3.0]).state_dict()) == ["pos_weight"]
    assert list(layers.NLLLoss().state_dict()) == []


def zeros(*shape: int) -> Any:
    return minitorch.zeros(shape)


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "reduction": (lambda: layers.MSELoss(reduction="max"), ValueError, "MSELoss: reduction is 'm"),
    "reduction of a call": (
        lambda: losses.nll_loss(zeros(2, 3), [0, 1], reduction=None), ValueError, "is None",  # type: ignore[arg-type]
    ),
    "ignored word": (
        lambda: layers.NLLLoss(ignore_index="x")(zeros(2, 3), [0, 1]), ValueError, "is 'x'",  # type: ignore[arg-type]
    ),
    "weights": (
        lambda: losses.cross_entropy(zeros(2, 3), [0, 1], [1.0, 2.0]), ShapeError,
        r"the weight must be \(3,\), one for each class",
    ),
    "weights of words": (
        lambda: losses.cross_entropy(zeros(2, 3), [0, 1], list("abc")), DTypeError, "the weight",
    ),
    "label": (
        lambda: losses.cross_entropy(zeros(3, 3), [-100, 3, 0]), IndexingError,
        "label 3 at position 1 of 3",
    ),
    "squares": (lambda: losses.mse_loss(zeros(3, 1), zeros(3)), ShapeError, "must be equal"),
    "ragged": (lambda: losses.mse_loss(zeros(2), [[0.0], [1.0, 2.0]]), ShapeError, "lengths"),
    "words": (lambda: losses.mse_loss(zeros(1), ["a"]), DTypeError, "the target must be real num"),
    "binary": (
        lambda: losses.binary_cross_entropy_with_logits(zeros(3, 1), zeros(3)), ShapeError,
        "must be equal",
    ),
    "positive": (
        lambda: losses.binary_cross_entropy_with_logits(
            zeros(3, 2), zeros(3, 2), pos_weight=zeros(3)
        ),
        ShapeError, "pos_weight must broadcast",
    ),
    "probabilities": (
        lambda: losses.cross_entropy(zeros(3, 2), zeros(3, 3)), DTypeError, "must be integers",
    ),
    "an array": (lambda: losses.mse_loss(np.zeros(2), zeros(2)), DTypeError, "must be a tensor"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit(case: str) -> None:
    call, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        call()
