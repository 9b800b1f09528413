"""The files of CIFAR-10: fetching their archive, and reading the batches in it.

See https://www.cs.toronto.edu/~kriz/cifar.html. The archive holds pickles that Python 2 wrote.
A pickle can run anything when it is read, so these are read by an unpickler that knows numpy's
arrays and nothing else.
"""

from __future__ import annotations

import io
import os
import pickle
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitorch.data.fetch import FAILURES, FetchError, fetch_file, has_sum, write_file
from minitorch.errors import DataError

__all__ = ["ARCHIVE", "FOLDER", "TEST", "TRAIN", "fetch_cifar10", "find_batches", "read_batch"]

ARCHIVE = "cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
FOLDER = "cifar-10-batches-py"
TRAIN = tuple([f"data_batch_{number}" for number in range(1, 6)])
TEST = ("test_batch",)
PIXELS = 3 * 32 * 32


def fetch_cifar10(folder: str | Path, mirrors: Sequence[str] | None = None) -> None:
    """Put the batches of CIFAR-10 in `folder`/cifar-10-batches-py, unless they are there.

    They come from the archive in `folder`; if it is not there, or not right, it is fetched.
    `mirrors` are the addresses that its name is appended to; by default those in the environment
    variable `MINITORCH_CIFAR_MIRRORS`, separated by spaces, or else `MIRRORS`. Raises
    `FetchError` if none gives it, and `OSError` if the folder cannot be written.
    """
    folder = Path(folder)
    if find_batches(folder, TRAIN + TEST):
        return
    if mirrors is None:
        setting = os.environ.get("MINITORCH_CIFAR_MIRRORS")
        mirrors = MIRRORS if setting is None else setting.split()
    archive = folder / ARCHIVE
    if not has_sum(archive, SHA256):
        fetch_file(archive, [f"{mirror.rstrip('/')}/{ARCHIVE}" for mirror in mirrors], SHA256)
    _unpack(archive, folder / FOLDER)


def _unpack(archive: Path, folder: Path) -> None:
    """Put the batches in the archive in `folder`, each replaced only when it is whole."""
    missing = {*TRAIN, *TEST}
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                # By its last name alone, so that nothing is written elsewhere.
                name = Path(member.name).name
                source = tar.extractfile(member) if name in missing else None
                if source is not None:
                    write_file(source, folder / name)
                    missing.remove(name)
    except FAILURES as error:
        raise FetchError(f"{archive}: {error}") from error
    if missing:
        raise FetchError(f"{archive} has no {', '.join(sorted(missing))}")


def find_batches(folder: Path, names: Sequence[str]) -> Path | None:
    """Return `folder`/cifar-10-batches-py or `folder`, where all of `names` are; or None."""
    for place in (folder / FOLDER, folder):
        if all((place / name).is_file() for name in names):
            return place
    return None


def _text_as_bytes(text: str, encoding: str) -> bytes:
    """Return bytes that Python 3 wrote for Python 2 as a text."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"a text in {encoding}")
    return text.encode("latin1")


# What the pickle of a dict with an array of bytes refers to.
_KNOWN = {
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": np.dtype,
    "numpy.core.multiarray._reconstruct": np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
    "numpy._core.multiarray._reconstruct": np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
    "_codecs.encode": _text_as_bytes,
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle refers to, if it is on the list."""
        if f"{module}.{name}" not in _KNOWN:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}")
        return _KNOWN[f"{module}.{name}"]


def read_batch(path: str | Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the images (N, 3, 32, 32) and the labels (N,) of one file.

    Raises:
        DataError: naming the file, if it is missing, cut short, damaged or something else.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: expected a batch of CIFAR-10; found no file") from None
    try:
        # "latin1" gives each byte of Python 2's texts the character of its number.
        batch = _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:  # there is little that a damaged pickle does not raise
        raise DataError(f"{path}: expected a batch of CIFAR-10; found {error}") from error
    pixels, labels = (
        (batch.get("data"), batch.get("labels")) if isinstance(batch, dict) else (None, None)
    )
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or not labels:
        raise DataError(f'{path}: expected a dict with "data", of bytes, and "labels"')
    if pixels.shape != (len(labels), PIXELS):
        raise DataError(
            f"{path}: expected {PIXELS} bytes for each of {len(labels)} labels; found data of "
            f"shape {pixels.shape}"
        )
    if not all(isinstance(label, int) and 0 <= label <= 9 for label in labels):
        raise DataError(f"{path}: expected labels from 0 to 9; found {max(labels, key=repr)}")
    return pixels.reshape(-1, 3, 32, 32), np.array(labels, np.int64)
