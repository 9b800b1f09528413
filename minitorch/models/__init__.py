"""Ready-made networks: what several assignments and scripts build out of layers."""

from __future__ import annotations

from .classifier import ArgMaxClassifier, BinaryClassifier, Classifier
from .cnn import CNN, YourCNN
from .lenet import LeNet
from .mlp import MLP
from .residual import ResidualBlock, ResidualBottleneckBlock, ResNet

__all__ = [
    "CNN",
    "MLP",
    "ArgMaxClassifier",
    "BinaryClassifier",
    "Classifier",
    "LeNet",
    "ResNet",
    "ResidualBlock",
    "ResidualBottleneckBlock",
    "YourCNN",
]
