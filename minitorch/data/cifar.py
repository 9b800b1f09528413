"""The data sets CIFAR-10 and CIFAR-2, of small pictures in colour."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from minitorch.data.cifar_files import ARCHIVE, TEST, TRAIN, fetch_cifar10, find_batches, read_batch
from minitorch.data.lookalike import lookalike
from minitorch.data.mnist import default_folder
from minitorch.data.pictures import PictureDataset, Transform, fetch_once, say_once
from minitorch.errors import DataError

__all__ = ["CIFAR2", "CIFAR10"]

NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
LOOKALIKE_SIZES = {True: 10_000, False: 2_500}


class CIFAR10(PictureDataset):
    """Photographs of ten kinds of things, 32 by 32: 50,000 to train on or 10,000 to test on.

    `root` is the folder of the archive, or of the batches unpacked from it. Without it the
    folder is the one in the environment variable `MINITORCH_DATA`, or else `data/`; see `MNIST`.

    With `download=True` the archive is fetched into the folder if it is not there, checked and
    unpacked. If that fails, one line on stderr says why, and a look-alike stands in: generated
    pictures of the same shape and dtype, fewer (10,000 and 2,500), that a small network can
    learn to tell apart but that show nothing. `generated=True` asks for it.

    An item is a float32 tensor of shape (3, 32, 32), from 0 to 1, and its label. With
    `transform` it is what that makes of the picture as a numpy array.

    Raises `DataError` if the files are not there and were not to be fetched, or are damaged.

    Attributes:
        images: uint8, shape (N, 3, 32, 32).
        labels: int64, shape (N,), the places in `classes`.
        classes: the names of the classes.
        generated: whether this is the look-alike.
        source: where the data came from, in words, for the titles of plots.

    """

    picture_shape = (3, 32, 32)
    title: ClassVar[str] = "CIFAR-10"
    classes: ClassVar[tuple[str, ...]] = NAMES

    def __init__(
        self,
        root: str | Path | None = None,
        train: bool = True,
        download: bool = False,
        transform: Transform | None = None,
        *,
        generated: bool = False,
    ) -> None:
        folder = default_folder() if root is None else Path(root).expanduser()
        names = TRAIN if train else TEST
        self.generated = generated
        if not generated and find_batches(folder, names) is None:
            self.generated = self._missing(folder, download)
        half = "training" if train else "test"
        if self.generated:
            images, labels = lookalike(len(NAMES), LOOKALIKE_SIZES[train], seed=int(train))
            say_once(f"{self.title}: using a generated look-alike; its pictures show nothing real")
        else:
            place = find_batches(folder, names) or folder
            batches = [read_batch(place / name) for name in names]
            images, labels = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
        if self.classes != NAMES:
            # The classes that this data set has, numbered from 0.
            numbers = np.full(len(NAMES), -1)
            numbers[[NAMES.index(name) for name in self.classes]] = range(len(self.classes))
            labels = numbers[labels]
            chosen = labels >= 0
            images, labels = images[chosen], labels[chosen]
        self.images, self.labels = images, labels
        self.transform = transform
        count = f"{len(self):,} {half} images"
        self.source = (
            f"generated look-alike of {self.title}, {count} that show nothing real"
            if self.generated
            else f"{self.title}, {count} from {place}"
        )

    def _missing(self, folder: Path, download: bool) -> bool:
        """Fetch the files; return whether that failed and the look-alike must stand in.

        Raises:
            DataError: if they were not to be fetched.
        """
        if not download:
            raise DataError(
                f"{folder}: expected the batches of CIFAR-10; found none. Use download=True, "
                f"which also unpacks {ARCHIVE} if that is there, set MINITORCH_DATA to the "
                "folder that holds them, or use generated=True for a look-alike."
            )
        problem = fetch_once("CIFAR-10", folder, fetch_cifar10)
        if problem:
            say_once(problem)
        return bool(problem)


class CIFAR2(CIFAR10):
    """The airplanes and birds of CIFAR-10, labelled 0 and 1: 10,000 and 2,000 pictures.

    The look-alike has 2,000 and 500. Arguments as for `CIFAR10`.
    """

    title = "CIFAR-2"
    classes = ("airplane", "bird")
