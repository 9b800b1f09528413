"""The digits as numpy arrays, and what is done to them before a network sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minitorch.data import MNIST

__all__ = ["get_mnist", "make_lbls_onehot", "normalize_int_whole_database"]

Array = npt.NDArray[Any]


def get_mnist(data_dir: str | Path | None, train: bool) -> tuple[Array, Array]:
    """Return images and labels of MNIST.

    Args:
        data_dir: where the files are, or are put if they are not there; None for the folder
            that minitorch uses. Where they cannot be fetched, the sample serves that ships.
        train: the training set, or else the test set.

    Returns:
        The images, uint8 of shape (S, 28, 28), and the labels, int16 of shape (S,).
    """
    digits = MNIST(data_dir, train=train, download=True)
    return digits.images, digits.labels.astype(np.int16)


def make_lbls_onehot(lbls: Array, num_classes: int) -> Array:
    """Return a row for each label, 1 at the label's place and 0 elsewhere: (N, num_classes).

    Args:
        lbls: integers from 0 to num_classes - 1, of shape (N,).
        num_classes: how long a row is.

    Raises:
        ValueError: if a label is none of the classes, or the labels are not a line of integers.
    """
    if lbls.ndim != 1 or not np.issubdtype(lbls.dtype, np.integer):
        raise ValueError(
            f"make_lbls_onehot: labels are integers of shape (N,), not {lbls.dtype} of {lbls.shape}"
        )
    # A negative label would be counted from the end of the row.
    if lbls.size and not 0 <= lbls.min() <= lbls.max() < num_classes:
        raise ValueError(
            f"make_lbls_onehot: labels go from 0 to {num_classes - 1}, these from {lbls.min()} "
            f"to {lbls.max()}"
        )
    lbls_onehot = np.zeros(shape=(lbls.shape[0], num_classes))
    lbls_onehot[np.arange(lbls_onehot.shape[0]), lbls] = 1
    return lbls_onehot


def normalize_int_whole_database(data: Array) -> Array:
    """Return the intensities moved and scaled to mean 0 and standard deviation 1.

    Args:
        data: images of shape (S, H, W), or (S, H, W, C), where each channel C has a mean and a
            deviation of its own.

    Returns:
        float64, of the shape of `data`.

    Raises:
        ValueError: if there is nothing, or nothing that varies.
    """
    if data.ndim not in (3, 4) or not data.size:
        raise ValueError(
            f"normalize_int_whole_database: images are (S, H, W) or (S, H, W, C), some of them; "
            f"not {data.shape}"
        )
    mu = np.mean(data, axis=(0, 1, 2), keepdims=True)
    std = np.std(data, axis=(0, 1, 2), keepdims=True)
    if not np.all(std > 0):
        raise ValueError("normalize_int_whole_database: all intensities of a channel are the same")
    normalized: Array = (data - mu) / std
    return normalized
