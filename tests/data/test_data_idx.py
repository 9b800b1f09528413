from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from minitorch.data import read_idx
from minitorch.errors import DataError

VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
IMAGES = struct.pack(">4I", 2051, 2, 3, 4) + VALUES.tobytes()
LABELS = struct.pack(">2I", 2049, 3) + bytes([7, 0, 9])


@pytest.mark.parametrize("packed", [False, True])
def test_values_and_shape(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(IMAGES) if packed else IMAGES)
    images = read_idx(path, 3)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, VALUES)
    images[0, 0, 0] = 1  # the caller owns the array


def test_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_bytes(LABELS)
    assert read_idx(path, 1).tolist() == [7, 0, 9]


PACKED = gzip.compress(IMAGES, mtime=0)


@pytest.mark.parametrize(
    ("content", "expected", "found"),
    [
        pytest.param(b"", "3 dimension", "nothing", id="empty"),
        pytest.param(LABELS, "00 00 08 03", "00 00 08 01", id="labels for images"),
        pytest.param(b"\0\0\x0d\x03" + IMAGES[4:], "unsigned bytes", "00 00 0d 03", id="floats"),
        pytest.param(b"<htm" + IMAGES[4:], "00 00 08 03", "3c 68 74 6d", id="not IDX"),
        pytest.param(IMAGES[:10], "16 bytes", "10 bytes", id="header cut short"),
        pytest.param(IMAGES[:-1], "24 bytes", "23", id="values cut short"),
        pytest.param(IMAGES + b"\0", "24 bytes", "25", id="too long"),
        pytest.param(PACKED[:-9], "whole gzip", "ended", id="gzip cut short"),
        pytest.param(PACKED[:-8] + bytes(8), "whole gzip", "CRC", id="gzip sum"),
        pytest.param(PACKED[:10] + b"\xff" * 20, "whole gzip", "Error", id="gzip damaged"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: bytes, expected: str, found: str) -> None:
    path = tmp_path / "some-file"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"some-file: .*{expected}.*found.*{found}"):
        read_idx(path, 3)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(str(tmp_path / "gone")) + ": .*no file"):
        read_idx(tmp_path / "gone", 1)
