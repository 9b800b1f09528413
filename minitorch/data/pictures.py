"""What data sets of labelled pictures share: their arrays, and these as network input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minitorch.creation import from_numpy
from minitorch.data.dataset import Dataset, Indices, default_collate

__all__ = ["PictureDataset", "Transform"]

Transform = Callable[[NDArray[np.float32]], Any]


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
