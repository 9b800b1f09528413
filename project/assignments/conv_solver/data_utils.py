"""The images: CIFAR2 cut into training, validation and test data, and two sample pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minitorch.data import CIFAR2
from minitorch.data.cifar_files import TEST, TRAIN, find_batches
from minitorch.data.mnist import default_folder

from .layers import Array

__all__ = ["ImageData", "get_CIFAR2_data", "sample_pictures"]


class ImageData(dict[str, Array]):
    """Arrays by name, as the Solver takes them.

    Attributes:
        source: where the images came from, in words; stands on every picture and output.
        generated: whether they are a generated look-alike, not photographs.
        mean_image: what was subtracted from each image, (3, 32, 32); zeros for nothing.
    """

    def __init__(
        self, arrays: dict[str, Array], source: str, generated: bool, mean_image: Array
    ) -> None:
        super().__init__(arrays)
        self.source = source
        self.generated = generated
        self.mean_image = mean_image

    def first(self, num_train: int) -> ImageData:
        """Return the same data with only the first images to train on."""
        arrays = {name: a[:num_train] if "train" in name else a for name, a in self.items()}
        return ImageData(arrays, self.source, self.generated, self.mean_image)


def get_CIFAR2_data(
    num_training: int | None = None,
    num_validation: int | None = None,
    num_test: int | None = None,
    subtract_mean: bool = True,
    root: str | Path | None = None,
) -> ImageData:
    """Return airplanes (0) and birds (1), or the generated look-alike where there is no CIFAR-10.

    Args:
        num_training: the first images of the training half; by default all but the validation's.
        num_validation: the images after those; by default a tenth of the half: 1,000 of CIFAR2.
        num_test: the first images of the test half; by default all.
        subtract_mean: take the mean training image from all images.
        root: the folder of CIFAR-10; by default as `minitorch.data.CIFAR2` finds it.

    Returns:
        X_train, X_val, X_test: float32 arrays (N, 3, 32, 32), of values from 0 to 255 before
        the mean is subtracted; y_train, y_val, y_test: int64 arrays (N,).

    Raises:
        ValueError: if a number is below 1, or there are not so many images.
        DataError: if files of CIFAR-10 are there, but damaged or not all of them.
    """
    train, test = _halves(root)
    if num_validation is None:
        num_validation = len(train) // 10
    if num_training is None:
        num_training = len(train) - num_validation
    if num_test is None:
        num_test = len(test)
    if min(num_training, num_validation, num_test) < 1:
        raise ValueError("get_CIFAR2_data: all numbers are 1 or more")
    last = num_training + num_validation
    for wanted, half in ((last, train), (num_test, test)):
        if wanted > len(half):
            raise ValueError(f"get_CIFAR2_data: {wanted} images wanted of {len(half)}")
    parts = {
        "train": (train, slice(0, num_training)),
        "val": (train, slice(num_training, last)),
        "test": (test, slice(0, num_test)),
    }
    arrays: dict[str, Array] = {}
    for name, (half, part) in parts.items():
        arrays[f"X_{name}"] = half.images[part].astype(np.float32)
        arrays[f"y_{name}"] = half.labels[part]
    mean_image = np.zeros(train.picture_shape, np.float32)
    if subtract_mean:
        mean_image = arrays["X_train"].mean(axis=0)
        for name in parts:
            arrays[f"X_{name}"] -= mean_image
    counts = f"{num_training:,} + {num_validation:,} + {num_test:,} images"
    kind = "generated look-alike of CIFAR-2, nothing real" if train.generated else "CIFAR-2"
    return ImageData(arrays, f"{kind}, {counts}", train.generated, mean_image)


def _halves(root: str | Path | None) -> tuple[CIFAR2, CIFAR2]:
    """Return both halves of CIFAR2, or both of the look-alike if there is no file of CIFAR-10."""
    folder = default_folder() if root is None else Path(root).expanduser()
    generated = not (find_batches(folder, TRAIN) or find_batches(folder, TEST))
    return (
        CIFAR2(folder, train=True, generated=generated),
        CIFAR2(folder, train=False, generated=generated),
    )


def sample_pictures(size: int = 200) -> dict[str, Array]:
    """Return two pictures that ship with matplotlib, cut square: a photograph and a drawing.

    Args:
        size: height and width that they are scaled to.

    Returns:
        By name, uint8 arrays (size, size, 3).
    """
    from matplotlib import get_data_path
    from PIL import Image

    files = {"portrait": "grace_hopper.jpg", "present": "Minduka_Present_Blue_Pack.png"}
    pictures: dict[str, Array] = {}
    for name, file in files.items():
        with Image.open(Path(get_data_path()) / "sample_data" / file) as opened:
            picture = opened.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        flat = Image.alpha_composite(white, picture).convert("RGB")
        side = min(flat.size)
        pictures[name] = np.asarray(flat.crop((0, 0, side, side)).resize((size, size)))
    return pictures
