"""The printed structure of the models, line by line as the homework shows it."""

from __future__ import annotations

import textwrap

from minitorch import layers, models

BATCHNORM = "eps=1e-05, momentum=0.1, affine=True, track_running_stats=True"
MAX_POOL = "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"


def same(model: object, expected: str) -> bool:
    assert repr(model) == textwrap.dedent(expected).strip()
    return True


def test_mlp() -> None:
    model = models.MLP(
        in_dim=2,
        dims=[8, 16, 32, 64],
        nonlins=["relu", "tanh", layers.LeakyReLU(0.314), "softmax"],
    )
    assert same(
        model,
        """
        MLP(
          (seq): Sequential(
            (0): Linear(in_features=2, out_features=8, bias=True)
            (1): ReLU()
            (2): Linear(in_features=8, out_features=16, bias=True)
            (3): Tanh()
            (4): Linear(in_features=16, out_features=32, bias=True)
            (5): LeakyReLU(negative_slope=0.314)
            (6): Linear(in_features=32, out_features=64, bias=True)
            (7): Softmax(dim=None)
          )
        )
        """,
    )


def test_binary_classifier() -> None:
    inner = models.MLP(in_dim=2, dims=[10, 2], nonlins=["relu", "none"])
    assert same(
        models.BinaryClassifier(model=inner, threshold=0.5),
        """
        BinaryClassifier(
          (model): MLP(
            (seq): Sequential(
              (0): Linear(in_features=2, out_features=10, bias=True)
              (1): ReLU()
              (2): Linear(in_features=10, out_features=2, bias=True)
              (3): Identity()
            )
          )
          (softmax): Softmax(dim=1)
        )
        """,
    )


def test_cnn_with_convolutions_left_over() -> None:
    model = models.CNN(
        in_size=(3, 100, 100),
        out_classes=3,
        channels=[16] * 5,
        pool_every=3,
        hidden_dims=[100],
        conv_params={"kernel_size": 2, "stride": 2, "padding": 2},
        activation_type="lrelu",
        activation_params={"negative_slope": 0.1},
        pooling_type="max",
        pooling_params={"kernel_size": 2},
    )
    assert same(
        model,
        f"""
        CNN(
          (feature_extractor): Sequential(
            (0): Conv2d(3, 16, kernel_size=(2, 2), stride=(2, 2), padding=(2, 2))
            (1): LeakyReLU(negative_slope=0.1)
            (2): Conv2d(16, 16, kernel_size=(2, 2), stride=(2, 2), padding=(2, 2))
            (3): LeakyReLU(negative_slope=0.1)
            (4): Conv2d(16, 16, kernel_size=(2, 2), stride=(2, 2), padding=(2, 2))
            (5): LeakyReLU(negative_slope=0.1)
            (6): {MAX_POOL}
            (7): Conv2d(16, 16, kernel_size=(2, 2), stride=(2, 2), padding=(2, 2))
            (8): LeakyReLU(negative_slope=0.1)
            (9): Conv2d(16, 16, kernel_size=(2, 2), stride=(2, 2), padding=(2, 2))
            (10): LeakyReLU(negative_slope=0.1)
          )
          (mlp): MLP(
            (seq): Sequential(
              (0): Linear(in_features=400, out_features=100, bias=True)
              (1): LeakyReLU(negative_slope=0.1)
              (2): Linear(in_features=100, out_features=3, bias=True)
              (3): Identity()
            )
          )
        )
        """,
    )


def test_cnn_with_average_pooling() -> None:
    model = models.CNN(
        in_size=(3, 100, 100),
        out_classes=10,
        channels=[32] * 4,
        pool_every=2,
        hidden_dims=[100] * 2,
        conv_params={"kernel_size": 5, "stride": 2, "padding": 3},
        activation_type="lrelu",
        activation_params={"negative_slope": 0.05},
        pooling_type="avg",
        pooling_params={"kernel_size": 3},
    )
    lines = repr(model).split("\n")
    assert lines[6] == "    (4): AvgPool2d(kernel_size=3, stride=3, padding=0)"
    assert lines[11] == "    (9): AvgPool2d(kernel_size=3, stride=3, padding=0)"
    assert lines[15] == "      (0): Linear(in_features=32, out_features=100, bias=True)"


def test_your_cnn() -> None:
    model = models.YourCNN((3, 100, 100), 10, channels=[32] * 2, pool_every=2, hidden_dims=[100])
    assert same(
        model,
        f"""
        YourCNN(
          (feature_extractor): Sequential(
            (0): Conv2d(3, 32, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
            (1): BatchNorm2d(32, {BATCHNORM})
            (2): ReLU()
            (3): Dropout(p=0.2, inplace=False)
            (4): Conv2d(32, 32, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
            (5): BatchNorm2d(32, {BATCHNORM})
            (6): ReLU()
            (7): Dropout(p=0.2, inplace=False)
            (8): {MAX_POOL}
          )
          (mlp): MLP(
            (seq): Sequential(
              (0): Linear(in_features=80000, out_features=100, bias=True)
              (1): ReLU()
              (2): Linear(in_features=100, out_features=10, bias=True)
              (3): Identity()
            )
          )
        )
        """,
    )


def test_residual_block() -> None:
    model = models.ResidualBlock(
        in_channels=3, channels=[6, 4], kernel_sizes=[3, 5], batchnorm=True, dropout=0.2
    )
    assert same(
        model,
        f"""
        ResidualBlock(
          (main_path): Sequential(
            (0): Conv2d(3, 6, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
            (1): Dropout2d(p=0.2, inplace=False)
            (2): BatchNorm2d(6, {BATCHNORM})
            (3): ReLU()
            (4): Conv2d(6, 4, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
          )
          (shortcut_path): Sequential(
            (0): Conv2d(3, 4, kernel_size=(1, 1), stride=(1, 1), bias=False)
          )
        )
        """,
    )


def test_residual_bottleneck_block() -> None:
    model = models.ResidualBottleneckBlock(
        in_out_channels=256,
        inner_channels=[64, 32, 64],
        inner_kernel_sizes=[3, 5, 3],
        batchnorm=False,
        dropout=0.1,
        activation_type="lrelu",
    )
    assert same(
        model,
        """
        ResidualBottleneckBlock(
          (main_path): Sequential(
            (0): Conv2d(256, 64, kernel_size=(1, 1), stride=(1, 1))
            (1): Dropout2d(p=0.1, inplace=False)
            (2): LeakyReLU(negative_slope=0.01)
            (3): Conv2d(64, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
            (4): Dropout2d(p=0.1, inplace=False)
            (5): LeakyReLU(negative_slope=0.01)
            (6): Conv2d(64, 32, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
            (7): Dropout2d(p=0.1, inplace=False)
            (8): LeakyReLU(negative_slope=0.01)
            (9): Conv2d(32, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
            (10): Dropout2d(p=0.1, inplace=False)
            (11): LeakyReLU(negative_slope=0.01)
            (12): Conv2d(64, 256, kernel_size=(1, 1), stride=(1, 1))
          )
          (shortcut_path): Sequential(
            (0): Identity()
          )
        )
        """,
    )


def test_resnet_with_bottlenecks() -> None:
    model = models.ResNet(
        in_size=(3, 100, 100),
        out_classes=5,
        channels=[64, 16, 64] * 2,
        pool_every=3,
        hidden_dims=[64],
        activation_type="tanh",
        pooling_type="max",
        pooling_params={"kernel_size": 2},
        batchnorm=True,
        dropout=0.1,
        bottleneck=True,
    )
    assert same(
        model,
        f"""
        ResNet(
          (feature_extractor): Sequential(
            (0): ResidualBlock(
              (main_path): Sequential(
                (0): Conv2d(3, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
                (1): Dropout2d(p=0.1, inplace=False)
                (2): BatchNorm2d(64, {BATCHNORM})
                (3): Tanh()
                (4): Conv2d(64, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
                (5): Dropout2d(p=0.1, inplace=False)
                (6): BatchNorm2d(16, {BATCHNORM})
                (7): Tanh()
                (8): Conv2d(16, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
              )
              (shortcut_path): Sequential(
                (0): Conv2d(3, 64, kernel_size=(1, 1), stride=(1, 1), bias=False)
              )
            )
            (1): {MAX_POOL}
            (2): ResidualBottleneckBlock(
              (main_path): Sequential(
                (0): Conv2d(64, 16, kernel_size=(1, 1), stride=(1, 1))
                (1): Dropout2d(p=0.1, inplace=False)
                (2): BatchNorm2d(16, {BATCHNORM})
                (3): Tanh()
                (4): Conv2d(16, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
                (5): Dropout2d(p=0.1, inplace=False)
                (6): BatchNorm2d(16, {BATCHNORM})
                (7): Tanh()
                (8): Conv2d(16, 64, kernel_size=(1, 1), stride=(1, 1))
              )
              (shortcut_path): Sequential(
                (0): Identity()
              )
            )
            (3): {MAX_POOL}
          )
          (mlp): MLP(
            (seq): Sequential(
              (0): Linear(in_features=40000, out_features=64, bias=True)
              (1): Tanh()
              (2): Linear(in_features=64, out_features=5, bias=True)
              (3): Identity()
            )
          )
        )
        """,
    )


def test_resnet_with_convolutions_left_over() -> None:
    model = models.ResNet(
        in_size=(3, 100, 100),
        out_classes=10,
        channels=[32, 64] * 3,
        pool_every=4,
        hidden_dims=[100] * 2,
        activation_type="lrelu",
        activation_params={"negative_slope": 0.01},
        pooling_type="avg",
        pooling_params={"kernel_size": 2},
        batchnorm=True,
        dropout=0.1,
        bottleneck=False,
    )
    children = [type(layer).__name__ for layer in model.feature_extractor]
    assert children == ["ResidualBlock", "AvgPool2d", "ResidualBlock"]
    assert repr(model.feature_extractor[2].shortcut_path[0]) == "Identity()"
    assert model.mlp.in_dim == 160_000
