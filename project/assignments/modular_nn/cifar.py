"""CIFAR-10 where it is at hand, else pictures that stand in for it."""

from __future__ import annotations

from minitorch.data import CIFAR10
from minitorch.errors import DataError

__all__ = ["load_cifar10"]


def load_cifar10() -> tuple[CIFAR10, CIFAR10]:
    """Return the training and the test set; nothing is downloaded.

    Where the files are not in the folder of `MINITORCH_DATA`, both are a generated look-alike;
    their attribute `source` says so. `CIFAR10(download=True)` fetches the real ones.
    """
    try:
        return CIFAR10(train=True), CIFAR10(train=False)
    except DataError:
        return CIFAR10(train=True, generated=True), CIFAR10(train=False, generated=True)
