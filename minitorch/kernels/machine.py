"""What the processor offers, and the sizes that follow from it, chosen here and nowhere else.

A vector register holds several numbers, and one instruction multiplies and adds them all::

    AVX-512   64 bytes   16 float32 or 8 float64     32 registers
    AVX2      32 bytes    8 float32 or 4 float64     16 registers
    NEON      16 bytes    4 float32 or 2 float64     32 registers

A product keeps a tile of its result in registers: `rows` x `vectors` accumulators. The tile
should fill the registers (a wide one does more arithmetic for each number that it loads), and
leave room for one row of vectors and one factor. A matrix whose height is no multiple of the
tile's wastes part of it, so there are three shapes to choose from (their heights are multiples
of four, for `packing.py`). See Goto and van de Geijn,
Anatomy of High-Performance Matrix Multiplication (ACM TOMS 34, 2008), for the reasoning.
"""

from __future__ import annotations

import functools
import os
import platform

import llvmlite.binding as llvm
import numpy as np

__all__ = [
    "COLUMN_BLOCK",
    "DEPTH_BLOCK",
    "DOT_TILE",
    "HEIGHTS",
    "IMAGE_BLOCK",
    "ROW_BLOCK",
    "TILES",
    "VECTORS",
    "VECTOR_BYTES",
    "best_tile",
]


def _vector_bytes() -> int:
    """Return the width of a vector register; `MINITORCH_VECTOR_BYTES` forces another."""
    forced = os.environ.get("MINITORCH_VECTOR_BYTES")
    if forced is not None:
        if forced not in ("16", "32", "64"):
            raise ValueError(f"MINITORCH_VECTOR_BYTES is {forced!r}; it may be 16, 32 or 64")
        return int(forced)
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") else 16


VECTOR_BYTES = _vector_bytes()

_MANY_REGISTERS = VECTOR_BYTES == 64 or platform.machine().lower() in ("arm64", "aarch64")

# (rows, vectors) of a tile: a square one first, then lower ones for results of few rows.
TILES: tuple[tuple[int, int], ...] = (
    ((12, 2), (8, 3), (4, 4)) if _MANY_REGISTERS else ((4, 3), (4, 2), (8, 1))
)

# The same as arrays, for kernels, which choose by number.
HEIGHTS = np.array([rows for rows, _ in TILES])
VECTORS = np.array([vectors for _, vectors in TILES])

# (rows, columns) of a tile of inner products.
DOT_TILE = (4, 4) if _MANY_REGISTERS else (2, 4)

# How much of the summed dimension is done at a time (a panel of it, one tile wide, then stays
# near the first-level cache), how many rows of the left operand are packed at a time (for the
# second level), and how many columns of the right one (for the third). The last two are
# multiples of every tile's height and width.
DEPTH_BLOCK = 512
ROW_BLOCK = 96
COLUMN_BLOCK = 1536

# What a convolution works on at a time, in bytes, so that it stays in the second-level cache.
IMAGE_BLOCK = 1 << 19


@functools.lru_cache(maxsize=1024)
def best_tile(rows: int, columns: int, itemsize: int) -> int:
    """Return which of `TILES` wastes least on a result of `rows` x `columns`."""
    lanes = VECTOR_BYTES // itemsize
    best, least = 0, -1
    for number, (height, vectors) in enumerate(TILES):
        width = vectors * lanes
        if width % 4:  # of two float64, some tiles are no fours, as packing.py copies them
            continue
        computed = -(-rows // height) * height * -(-columns // width) * width
        if least < 0 or computed < least:
            best, least = number, computed
    return best
