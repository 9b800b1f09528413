"""The IDX file format that MNIST is kept in.

A file starts with four bytes: two zeros, the type of its values (8 is unsigned byte) and
the number of dimensions. The size of each dimension follows as a big-endian 32-bit
integer, then the values in row-major order.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minitorch.errors import DataError

__all__ = ["read_idx"]

UNSIGNED_BYTE = 8
GZIP_START = b"\x1f\x8b"


def read_idx(path: str | Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the unsigned bytes of an IDX file, plain or gzipped, in their shape.

    `dimensions` is how many the file must have: 3 for images (N, rows, columns), 1 for
    labels (N,). Raises `DataError`, which names the file, if it is missing, cut short,
    damaged, or not an IDX file of that many dimensions.
    """
    data = _read(Path(path))
    expected = struct.pack(">HBB", 0, UNSIGNED_BYTE, dimensions)
    if data[:4] != expected:
        raise DataError(
            f"{path}: expected an IDX file of unsigned bytes with {dimensions} dimension(s), "
            f"which starts with {expected.hex(' ')}; found {data[:4].hex(' ') or 'nothing'}"
        )
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise DataError(f"{path}: expected a header of {start} bytes; found {len(data)} bytes")
    shape = struct.unpack_from(f">{dimensions}I", data, 4)
    count = math.prod(shape)
    if len(data) - start != count:
        raise DataError(
            f"{path}: expected {count:,} bytes of values for the shape {shape} in its header; "
            f"found {len(data) - start:,}"
        )
    # A copy, because an array over `bytes` cannot be written to.
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy()


def _read(path: Path) -> bytes:
    """Return what the file holds, unpacked if it is gzipped, whatever its name says."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: expected an IDX file; found no file") from None
    if not data.startswith(GZIP_START):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: expected a whole gzip file; found {error}") from error
