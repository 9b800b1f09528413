"""What data sets of labelled pictures share: their arrays, these as network input, a download."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minitorch.creation import from_numpy
from minitorch.data.dataset import Dataset, Indices, default_collate

__all__ = ["PictureDataset", "Transform", "fetch_once", "say_once"]

Transform = Callable[[NDArray[np.float32]], Any]

RETRY_SECONDS = 60.0

# When and why a download of which data into which folder last failed.
_failures: dict[tuple[str, Path], tuple[float, str]] = {}

# What was said already, and of which folder.
_said: set[tuple[str, Path | None]] = set()


def fetch_once(title: str, folder: Path, fetch: Callable[[Path], Any]) -> str:
    """Fetch data into `folder`; return what went wrong, or nothing.

    Where it went wrong a moment ago it is not tried again, so that loading the test set after
    the training set does not wait for the network once more.
    """
    failed_at, problem = _failures.get((title, folder), (0.0, ""))
    if problem and time.monotonic() - failed_at < RETRY_SECONDS:
        return problem
    try:
        fetch(folder)
    except OSError as error:
        problem = f"{title} could not be downloaded ({error})"
        _failures[title, folder] = (time.monotonic(), problem)
        return problem
    return ""


def say_once(line: str, folder: Path | None = None) -> None:
    """Print a line on stderr, the first time, so that it is not said for each half of the data.

    Args:
        line: what is said.
        folder: what it is said of, if it may be said of another one again.
    """
    if (line, folder) not in _said:
        _said.add((line, folder))
        print(line, file=sys.stderr)


class PictureDataset(Dataset):
    """Pictures of one size, and a label for each.

    An item is a picture and its label, an int. The picture is a float32 tensor of shape
    `picture_shape`, from 0 to 1, or what `transform` makes of it as a numpy array. A
    `DataLoader` takes whole batches at once where there is no transform.

    Attributes:
        images: uint8, one picture after another, from 0 to 255.
        labels: int64, one for each picture.
        transform: what is made of a picture, or None.
        generated: whether the pictures show nothing real.
        source: where the data came from, in words, for the titles of plots.
    """

    picture_shape: ClassVar[tuple[int, int, int]]

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    transform: Transform | None = None
    generated: bool = False
    source: str

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        if self.transform is None:
            picture = self._plain(index)
        else:
            picture = self.transform(self._scaled(self.images[index], "float32"))
        return picture, int(self.labels[index])

    def _plain(self, index: int) -> Any:
        """Return a picture to which no transform is applied."""
        return from_numpy(self._scaled(self.images[index], "float32"))

    def get_batch(self, indices: Indices) -> list[Any]:
        """Return [pictures, labels] at `indices`: a tensor (N, channels, height, width), int64."""
        if self.transform is not None:
            return list(default_collate([self[int(index)] for index in indices]))
        pictures = self._scaled(self.images[indices], "float32", len(indices))
        return [from_numpy(pictures), self.labels[indices]]

    def inputs(self, dtype: DTypeLike = "float32") -> NDArray[Any]:
        """Return all pictures as network input: (N, channels, height, width), from 0 to 1."""
        return self._scaled(self.images, dtype, len(self))

    def _scaled(self, pictures: NDArray[np.uint8], dtype: DTypeLike, *count: int) -> NDArray[Any]:
        shaped = pictures.reshape(*count, *self.picture_shape)
        scaled: NDArray[Any] = np.divide(shaped, 255, dtype=dtype)
        return scaled

    def __repr__(self) -> str:
        return f"<{self.source}>"
