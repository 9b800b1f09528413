"""Assignment 3, part 4: networks print as in the document, and give its figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import layers as nn
from project.assignments.modular_nn.classifier import ArgMaxClassifier
from project.assignments.modular_nn.cnn import CNN, ResidualBlock, ResNet, YourCNN

# The networks of the document, and what each gave for an image of ones, with weights that
# PyTorch had drawn from the seed 42.
NETWORKS: list[tuple[dict[str, Any], list[float]]] = [
    (
        {
            "out_classes": 10, "channels": [32] * 4, "pool_every": 2, "hidden_dims": [100] * 2,
            "conv_params": {"kernel_size": 3, "stride": 1, "padding": 1},
            "activation_type": "relu", "activation_params": {},
            "pooling_type": "max", "pooling_params": {"kernel_size": 2},
        },
        [0.0745, -0.1058, 0.0928, 0.0476, 0.0057, 0.0051, 0.0938, -0.0582, 0.0573, 0.0583],
    ),
    (
        {
            "out_classes": 10, "channels": [32] * 4, "pool_every": 2, "hidden_dims": [100] * 2,
            "conv_params": {"kernel_size": 5, "stride": 2, "padding": 3},
            "activation_type": "lrelu", "activation_params": {"negative_slope": 0.05},
            "pooling_type": "avg", "pooling_params": {"kernel_size": 3},
        },
        [0.0724, -0.0030, 0.0637, -0.0073, 0.0932, -0.0662, -0.0656, 0.0076, 0.0193, 0.0241],
    ),
    (
        {
            "out_classes": 3, "channels": [16] * 5, "pool_every": 3, "hidden_dims": [100],
            "conv_params": {"kernel_size": 2, "stride": 2, "padding": 2},
            "activation_type": "lrelu", "activation_params": {"negative_slope": 0.1},
            "pooling_type": "max", "pooling_params": {"kernel_size": 2},
        },
        [-0.0004, -0.0094, 0.0817],
    ),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _float32() -> Iterator[None]:
    before = minitorch.get_default_dtype()
    minitorch.set_default_dtype("float32")
    yield
    minitorch.set_default_dtype(before)


def _leaves(module: minitorch.Module) -> list[minitorch.Module]:
    """Return the layers of a network in the order in which they were made."""
    children = list(module.modules())
    return [leaf for child in children for leaf in _leaves(child)] if children else [module]


def _weights_of_torch(model: minitorch.Module, seed: int) -> None:
    """Give a model the weights that the same layers of PyTorch draw from `seed`."""
    import torch

    torch.manual_seed(seed)
    for layer in _leaves(model):
        if isinstance(layer, nn.Conv2d):
            kernel = layer.weight.shape[2:]
            twin = torch.nn.Conv2d(layer.weight.shape[1], layer.weight.shape[0], kernel)
        elif isinstance(layer, nn.Linear):
            twin = torch.nn.Linear(layer.in_features, layer.out_features)
        else:
            continue
        layer.load_state_dict(twin.state_dict())


@pytest.mark.parametrize("case", NETWORKS)
def test_networks_with_weights_of_pytorch_give_the_figures_of_the_document(
    case: tuple[dict[str, Any], list[float]],
) -> None:
    pytest.importorskip("torch", reason="PyTorch, which draws the weights, is not installed")
    params, expected = case
    model = CNN(in_size=(3, 100, 100), **params)
    _weights_of_torch(model, seed=42)
    with minitorch.no_grad():
        out = model(minitorch.ones(1, 3, 100, 100)).numpy()
    np.testing.assert_allclose(out, [expected], atol=6e-5)


def test_an_argmax_classifier_of_a_network() -> None:
    model = ArgMaxClassifier(model=CNN(in_size=(3, 100, 100), **NETWORKS[1][0]))
    image = minitorch.randint(0, 256, size=(1, 3, 100, 100), dtype="float32")
    proba = model.predict_proba(image).detach().numpy()
    assert proba.shape == (1, 10)
    assert proba.sum() == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_array_equal(model.classify(image), [proba.argmax()])


def test_a_residual_block_prints_as_in_the_document() -> None:
    block = ResidualBlock(
        in_channels=3, channels=[6, 4] * 2, kernel_sizes=[3, 5] * 2, batchnorm=True, dropout=0.2
    )
    assert (
        str(block)
        == """\
ResidualBlock(
  (main_path): Sequential(
    (0): Conv2d(3, 6, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    (1): Dropout2d(p=0.2, inplace=False)
    (2): BatchNorm2d(6, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)
    (3): ReLU()
    (4): Conv2d(6, 4, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
    (5): Dropout2d(p=0.2, inplace=False)
    (6): BatchNorm2d(4, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)
    (7): ReLU()
    (8): Conv2d(4, 6, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    (9): Dropout2d(p=0.2, inplace=False)
    (10): BatchNorm2d(6, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)
    (11): ReLU()
    (12): Conv2d(6, 4, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
  )
  (shortcut_path): Sequential(
    (0): Conv2d(3, 4, kernel_size=(1, 1), stride=(1, 1), bias=False)
  )
)"""
    )
    assert block(minitorch.ones(1, 3, 32, 32)).shape == (1, 4, 32, 32)


@pytest.mark.parametrize(
    ("params", "features", "blocks"),
    [
        (
            {
                "out_classes": 10, "channels": [32, 64] * 3, "pool_every": 4,
                "hidden_dims": [100] * 2, "activation_type": "lrelu",
                "activation_params": {"negative_slope": 0.01}, "pooling_type": "avg",
                "pooling_params": {"kernel_size": 2}, "batchnorm": True, "dropout": 0.1,
                "bottleneck": False,
            },
            160_000,
            ["ResidualBlock", "AvgPool2d", "ResidualBlock"],
        ),
        (
            {
                "out_classes": 5, "channels": [64, 16, 64] * 4, "pool_every": 3,
                "hidden_dims": [64], "activation_type": "tanh", "pooling_type": "max",
                "pooling_params": {"kernel_size": 2}, "batchnorm": True, "dropout": 0.1,
                "bottleneck": True,
            },
            2304,
            ["ResidualBlock", "MaxPool2d", *["ResidualBottleneckBlock", "MaxPool2d"] * 3],
        ),
    ],
)  # fmt: skip
def test_residual_networks_have_the_structure_of_the_document(
    params: dict[str, Any], features: int, blocks: list[str]
) -> None:
    net = ResNet(in_size=(3, 100, 100), **params)
    assert [type(block).__name__ for block in net.feature_extractor.modules()] == blocks
    assert net.mlp.in_dim == features


def test_your_cnn_normalises_and_drops() -> None:
    net = YourCNN((3, 100, 100), 10, channels=[32] * 4, pool_every=2, hidden_dims=[100] * 2)
    names = [type(layer).__name__ for layer in net.feature_extractor.modules()]
    convolution = ["Conv2d", "BatchNorm2d", "ReLU", "Dropout"]
    assert names == [*convolution * 2, "MaxPool2d"] * 2
    assert net.mlp.in_dim == 20_000
