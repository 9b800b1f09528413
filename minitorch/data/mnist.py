"""The MNIST data set as arrays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minitorch.data.fetch import SAMPLE_NOTE, fetch_mnist, find_file, find_sample
from minitorch.data.idx import read_idx
from minitorch.data.pictures import PictureDataset, Transform, fetch_once, say_once
from minitorch.errors import DataError

__all__ = ["MNIST"]


class MNIST(PictureDataset):
    """Handwritten digits, 28 by 28: 60,000 to train on or 10,000 to test on.

    `root` is the folder of the files, plain or gzipped. Without it the folder is the one in
    the environment variable `MINITORCH_DATA`, or else `data/` in the checkout that holds this
    package or, outside a checkout, in the current directory.

    With `download=True`, files that are not there, or are only the sample's, are fetched into
    the folder. If that fails, one line on stderr says why, and the sample that ships is used.
    Nothing is fetched where the folder is the sample that ships.

    An item is a picture as it is stored, uint8 of shape (28, 28), and its digit. With
    `transform` it is what that makes of the picture as network input, a float32 array of shape
    (1, 28, 28) from 0 to 1. A `DataLoader` gives network input in either case.

    Raises `DataError` if the files are not there and nothing can stand in for them, or if
    they are damaged or do not belong together.

    Attributes:
        images: uint8, shape (N, 28, 28), 0 for the background to 255 for ink.
        labels: int64, shape (N,), the digits 0 to 9.
        is_sample: whether this is the sample of 6,000 + 1,000 images, known by its size.
        source: where the data came from, in words.

    """

    picture_shape = (1, 28, 28)

    def __init__(
        self,
        root: str | Path | None = None,
        train: bool = True,
        download: bool = False,
        transform: Transform | None = None,
    ) -> None:
        folder = default_folder() if root is None else Path(root).expanduser()
        if folder.exists() and not folder.is_dir():
            raise DataError(f"{folder}: expected the folder of the MNIST files; found a file")
        sample = find_sample(folder)
        loaded = _load(folder, train)
        problem = ""
        if (
            download
            and (loaded is None or loaded.is_sample)
            and (sample is None or sample.resolve() != folder.resolve())
        ):
            problem = fetch_once("MNIST", folder, fetch_mnist)
            loaded = _load(folder, train)
            if loaded is None and sample is not None:
                loaded = _load(sample, train)
        if loaded is None:
            small = (
                f"a small sample is in {sample}" if sample else "this installation has no sample"
            )
            raise DataError(
                f"{folder}: expected the MNIST files {' and '.join(_names(train))}, plain or "
                f"gzipped; found no such pair. {problem or 'Nothing was downloaded'}. Use "
                f"download=True, run `mnist_get_data.sh {folder}`, or set MINITORCH_DATA to "
                f"the folder that holds them; {small}."
            )
        if problem and loaded.is_sample:
            say_once(f"{problem}; using {SAMPLE_NOTE}", folder)
        self.images = loaded.images
        self.labels = loaded.labels
        self.transform = transform
        self.is_sample: bool = loaded.is_sample
        kind = "sample of MNIST" if loaded.is_sample else "MNIST"
        half = "training" if train else "test"
        self.source = f"{kind}, {len(self):,} {half} images from {loaded.folder}"

    def _plain(self, index: int) -> Any:
        return self.images[index]


class _Loaded(NamedTuple):
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    folder: Path
    is_sample: bool


def default_folder() -> Path:
    """Return the folder that is used where the caller names none."""
    setting = os.environ.get("MINITORCH_DATA")
    if setting:
        return Path(setting).expanduser()
    checkout = Path(__file__).resolve().parents[2]
    base = checkout if (checkout / "mnist_get_data.sh").is_file() else Path.cwd()
    return base / "data"


def _names(train: bool) -> tuple[str, str]:
    half = "train" if train else "t10k"
    return f"{half}-images-idx3-ubyte", f"{half}-labels-idx1-ubyte"


def _load(folder: Path, train: bool) -> _Loaded | None:
    """Return one half of the data, or None if either file of it is missing."""
    images_path, labels_path = (find_file(folder, name) for name in _names(train))
    if images_path is None or labels_path is None:
        return None
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if images.shape[1:] != (28, 28):
        raise DataError(f"{images_path}: expected images of 28 by 28; found {images.shape[1:]}")
    if len(images) != len(labels):
        raise DataError(
            f"{labels_path}: expected {len(images):,} labels, one for each image of "
            f"{images_path.name}; found {len(labels):,}"
        )
    if np.any(labels > 9):
        raise DataError(f"{labels_path}: expected labels from 0 to 9; found {labels.max()}")
    is_sample = len(labels) == (6_000 if train else 1_000)
    return _Loaded(images, labels.astype(np.int64), folder, is_sample)
