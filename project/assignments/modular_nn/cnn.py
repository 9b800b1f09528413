"""Part 4: convolutional and residual networks; the library has them."""

from __future__ import annotations

from minitorch.models import CNN, ResidualBlock, ResidualBottleneckBlock, ResNet, YourCNN

__all__ = ["CNN", "ResNet", "ResidualBlock", "ResidualBottleneckBlock", "YourCNN"]
