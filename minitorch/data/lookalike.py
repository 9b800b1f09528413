"""Pictures that stand in for real ones: nothing to be seen, but something to be learnt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["lookalike"]

SIZE = 32
PLAY = 16  # by how many pixels a pattern may be shifted
WAVES = 4
HIGHEST = 3.0  # frequency of a wave, in one picture
STRONG, WEAK = (20, 50), (0, 35)  # of 255: how strong its own pattern is, and the other
NOISE = 15
CHUNK = 500  # pictures made at once, to save memory


def lookalike(classes: int, count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return generated pictures (count, 3, 32, 32) and their labels (count,).

    Each class has a smooth coloured pattern. A picture shows a random cut of that of its class,
    more or less strong, with less of another class's mixed in, on a grey of its own, with noise.
    All classes are there equally often, in a random order; the patterns are always the same.

    Args:
        classes: how many there are.
        count: how many pictures.
        seed: of the pictures: another gives other pictures of the same classes.
    """
    patterns = _patterns(classes)
    rng = np.random.default_rng([seed, classes, count])
    labels = rng.permutation(np.arange(count, dtype=np.int64) % classes)
    images = np.empty((count, 3, SIZE, SIZE), np.uint8)
    for start in range(0, count, CHUNK):
        shown = labels[start : start + CHUNK]
        other = (shown + rng.integers(1, max(classes, 2), len(shown))) % classes
        strengths = [rng.uniform(*limits, (len(shown), 1, 1, 1)) for limits in (STRONG, WEAK)]
        picture = rng.standard_normal((len(shown), 3, SIZE, SIZE), np.float32) * NOISE
        picture += rng.uniform(96, 160, (len(shown), 1, 1, 1)).astype(np.float32)
        for which, strength in zip((shown, other), strengths, strict=True):
            picture += strength.astype(np.float32) * _cuts(patterns, which, rng)
        images[start : start + CHUNK] = np.clip(picture, 0, 255)
    return images, labels


def _patterns(classes: int) -> NDArray[np.float32]:
    """Return a pattern for each class, (classes, 3, height, width), of mean 0 and spread 1."""
    rng = np.random.default_rng(20090408)
    side = np.arange(SIZE + PLAY) / SIZE
    frequency = rng.uniform(0.4, HIGHEST, (classes, WAVES, 2)) * rng.choice(
        [-1, 1], (classes, WAVES, 2)
    )
    phase = rng.uniform(0, 1, (classes, WAVES, 1, 1))
    across = frequency[..., 0, None, None] * side + frequency[..., 1, None, None] * side[:, None]
    waves = np.cos(2 * np.pi * (across + phase))
    colours = rng.standard_normal((classes, 3, WAVES))
    patterns = np.einsum("kcw,kwij->kcij", colours, waves)
    patterns -= patterns.mean((1, 2, 3), keepdims=True)
    patterns /= patterns.std((1, 2, 3), keepdims=True)
    return np.asarray(patterns, np.float32)


def _cuts(
    patterns: NDArray[np.float32], which: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return a random cut of each of the patterns `which`: (len(which), 3, 32, 32)."""
    windows = np.lib.stride_tricks.sliding_window_view(patterns, (SIZE, SIZE), (2, 3))
    rows, columns = rng.integers(0, PLAY + 1, (2, len(which)))
    cuts: NDArray[np.float32] = windows[which, :, rows, columns]
    return cuts
