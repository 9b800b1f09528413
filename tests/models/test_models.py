"""Models: shapes, gradients, classifiers' labels, sizes that vanish."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import layers, models
from minitorch.errors import IndexingError
from minitorch.models.sizes import output_size

MAKERS: dict[str, Any] = {
    "LeNet": lambda: models.LeNet((1, 12, 12), 3),
    "CNN": lambda: models.CNN((1, 12, 12), 3, [2, 3, 2], 2, [5]),
    "YourCNN": lambda: models.YourCNN((1, 12, 12), 3, [2, 3], 2, [5]),
    "ResNet": lambda: models.ResNet(
        (1, 12, 12), 3, [2, 3, 2] * 2, 3, [5], batchnorm=True, dropout=0.1, bottleneck=True
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_scores_and_gradients_of_all_parameters(name: str) -> None:
    minitorch.manual_seed(1)
    model = MAKERS[name]()
    images = minitorch.tensor(np.random.default_rng(0).random((4, 1, 12, 12)))
    scores = model(images)
    assert scores.shape == (4, 3)
    layers.CrossEntropyLoss()(scores, np.array([0, 1, 2, 0])).backward()
    for path, parameter in model.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.shape == parameter.shape
        assert np.isfinite(parameter.grad.numpy()).all(), path


@pytest.mark.parametrize("name", MAKERS)
def test_images_of_another_size_are_refused(name: str) -> None:
    with pytest.raises(minitorch.ShapeError, match=r"shape \(4, 1, 12, 11\), not \(batch, 1, 12"):
        MAKERS[name]()(minitorch.zeros((4, 1, 12, 11)))


@pytest.mark.parametrize("name", MAKERS)
def test_a_batch_of_none(name: str) -> None:
    model = MAKERS[name]()
    model.eval()
    assert model(minitorch.zeros((0, 1, 12, 12))).shape == (0, 3)


def test_a_residual_block_adds_its_input() -> None:
    block = models.ResidualBlock(2, [3, 2], [3, 3])
    for parameter in block.parameters():
        parameter.update(parameter.value.zeros())
    x = minitorch.tensor(np.random.default_rng(0).normal(size=(1, 2, 4, 4)))
    np.testing.assert_array_equal(block(x).numpy(), np.maximum(x.numpy(), 0))


def test_your_cnn_without_its_regularisation_is_a_cnn() -> None:
    arguments = (1, 12, 12), 3, [2, 3], 2, [5]
    plain = models.YourCNN(*arguments, batchnorm=False, dropout=0.0)
    assert repr(plain) == "Your" + repr(models.CNN(*arguments))


WINDOWS = {
    "convolution": lambda: layers.Conv2d(2, 3, (3, 2), stride=(2, 1), padding=(1, 2), dilation=2),
    "same": lambda: layers.Conv2d(2, 3, 4, padding="same"),
    "valid": lambda: layers.Conv2d(2, 3, 4, padding="valid"),
    "pooling": lambda: layers.MaxPool2d(3, stride=2, padding=1),
    "ceil": lambda: layers.MaxPool2d(3, stride=2, ceil_mode=True),
    "ceil that would start in the padding": lambda: layers.AvgPool2d(
        2, stride=3, padding=1, ceil_mode=True
    ),
}


@pytest.mark.parametrize("kind", WINDOWS)
@pytest.mark.parametrize("size", [(8, 9), (7, 12), (10, 10)])
def test_the_size_known_before_is_the_size_that_comes_out(kind: str, size: tuple[int, int]) -> None:
    layer = WINDOWS[kind]()
    assert (
        output_size("layer", layer, (2, *size)) == layer(minitorch.zeros((1, 2, *size))).shape[1:]
    )


def test_sizes_that_vanish_name_the_layer() -> None:
    with pytest.raises(
        minitorch.ShapeError,
        match=r"CNN\.feature_extractor\.8: MaxPool2d\(.*\) leaves nothing of .* size \(2, 1, 1\)",
    ):
        models.CNN((1, 4, 4), 3, [2, 2, 2], 1, [])
    with pytest.raises(minitorch.ShapeError, match=r"ResNet\.feature_extractor\.5: MaxPool2d"):
        models.ResNet((1, 4, 4), 3, [2, 2, 2], 1, [])
    with pytest.raises(minitorch.ShapeError, match=r"LeNet\.features\.3: Conv2d"):
        models.LeNet((1, 8, 8))


def bad(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_arguments_that_do_not_fit_are_refused() -> None:
    bad(lambda: models.MLP(2, [3, 4], ["relu"]), "2 dims and 1 nonlins")
    bad(lambda: models.MLP(2, [3], ["gelu"]), "no activation 'gelu'.*relu, lrelu")
    bad(lambda: models.CNN((1, 8), 3, [2], 1, []), r"in_size is \(1, 8\)")
    bad(lambda: models.LeNet((1, 28)), r"LeNet: in_size is \(1, 28\)")
    bad(lambda: models.CNN((1, 8, 8), 3, [2], 0, []), "pool_every 0")
    bad(lambda: models.CNN((1, 8, 8), 3, [], 1, []), r"channels is \[\]")
    bad(lambda: models.CNN((1, 8, 8), 3, [2], 1, [], pooling_type="min"), "pooling_type is 'min'")
    bad(lambda: models.ResidualBlock(1, [2], [2]), "only odd ones")
    bad(lambda: models.ResidualBlock(1, [2, 3], [3]), "2 channels and 1 kernel_sizes")
    bad(
        lambda: models.ResNet((1, 8, 8), 3, [2], 1, [], conv_params={"kernel_size": 5}),
        "ResNet: conv_params is {'kernel_size': 5}; a ResNet takes none",
    )
    bad(lambda: models.ResidualBottleneckBlock(1, [], []), "no inner convolution")
    bad(lambda: models.BinaryClassifier(layers.Linear(2, 2), threshold=1.5), "threshold is 1.5")
    bad(lambda: models.BinaryClassifier(layers.Linear(2, 2), positive_class=2), "is 2")
    bad(
        lambda: models.BinaryClassifier(layers.Linear(2, 3)).classify(minitorch.zeros((4, 2))),
        r"scores have shape \(4, 3\)",
    )


@pytest.mark.parametrize("kind", [models.ArgMaxClassifier, models.BinaryClassifier])
def test_probabilities_and_labels(kind: Any) -> None:
    classifier = kind(models.MLP(3, [4, 2], ["relu", "none"]))
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    scores = classifier(x)
    proba = classifier.predict_proba(x)
    np.testing.assert_allclose(proba.numpy().sum(axis=1), 1.0, rtol=1e-6)
    assert scores.requires_grad
    labels = classifier.classify(x)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, scores.numpy().argmax(axis=1))
    np.testing.assert_array_equal(classifier.classify_scores(scores), labels)
    np.testing.assert_array_equal(classifier.classify(minitorch.tensor(x)), labels)


def test_the_highest_score_decides_where_the_probabilities_are_rounded_to_one() -> None:
    classifier = models.ArgMaxClassifier(layers.Identity())
    scores = minitorch.tensor([[0.0, 1e-20], [1e-20, 0.0]])
    assert classifier.predict_proba(scores).numpy().tolist() == [[0.5, 0.5]] * 2
    for labels in (classifier.classify(scores), classifier.classify_scores(scores)):
        assert labels.tolist() == [1, 0]
    with pytest.raises(IndexingError, match="classify_scores"):
        classifier.classify_scores(minitorch.zeros((3,)))


def test_the_threshold_decides_and_belongs_to_the_positive_class() -> None:
    class Scores(minitorch.Module):
        def forward(self, x: Any) -> Any:
            return x

    # The probabilities of class 1 are 0.5, 0.9, 0.1.
    x = minitorch.tensor([[0.0, 0.0], [0.0, np.log(9.0)], [np.log(9.0), 0.0]])
    classifier = models.BinaryClassifier(Scores())
    np.testing.assert_array_equal(classifier.classify(x), [1, 1, 0])
    classifier.threshold = 0.95
    np.testing.assert_array_equal(classifier.classify(x), [0, 0, 0])
    zero = models.BinaryClassifier(Scores(), positive_class=0, threshold=0.95)
    np.testing.assert_array_equal(zero.classify(x), [1, 1, 1])
