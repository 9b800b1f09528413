from __future__ import annotations

import numpy as np
import pytest

from minitorch.viz import image_grid


def numbered(count: int) -> np.ndarray:
    """Images of 2 x 3 whose every pixel is the image's number."""
    return np.repeat(np.arange(count, dtype=np.uint8), 6).reshape(count, 2, 3)


def test_images_stand_in_rows_with_white_between_and_around_them() -> None:
    grid = image_grid(numbered(5), columns=3, normalise=None)
    assert grid.dtype == np.uint8
    assert grid.shape == (2 * 3 + 1, 3 * 4 + 1)
    expected = np.full(grid.shape, 255)
    for number in range(5):
        top, left = 1 + 3 * (number // 3), 1 + 4 * (number % 3)
        expected[top : top + 2, left : left + 3] = number
    np.testing.assert_array_equal(grid, expected)


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (4, 2), (6, 3), (64, 8)])
def test_by_default_a_grid_is_about_square(count: int, columns: int) -> None:
    assert image_grid(numbered(count), padding=0).shape[1] == 3 * columns


def test_more_columns_than_images_leave_no_empty_columns() -> None:
    assert image_grid(numbered(2), columns=8, padding=0).shape == (2, 6)


def test_scale_repeats_pixels() -> None:
    small = image_grid(numbered(3), normalise=None)
    large = image_grid(numbered(3), normalise=None, scale=3)
    assert large.shape == (3 * small.shape[0], 3 * small.shape[1])
    for row in range(3):
        for column in range(3):
            np.testing.assert_array_equal(large[row::3, column::3], small)


def test_each_image_is_stretched_from_its_least_to_its_greatest_value() -> None:
    images = np.array([[[-4.0, 0.0, 4.0]], [[10.0, 11.0, 14.0]]])
    grid = image_grid(images, columns=1, padding=0)
    np.testing.assert_array_equal(grid, [[0, 128, 255], [0, 64, 255]])


def test_all_images_are_stretched_together() -> None:
    images = np.array([[[-1.0, 0.0]], [[1.0, 4.0]]])
    grid = image_grid(images, columns=1, padding=0, normalise="all")
    np.testing.assert_array_equal(grid, [[0, 51], [102, 255]])


def test_without_normalising_values_are_taken_as_they_are() -> None:
    floats = np.array([[[-0.5, 0.0, 0.2, 1.0, 1.5]]])
    assert image_grid(floats, padding=0, normalise=None).tolist() == [[0, 0, 51, 255, 255]]
    integers = np.array([[[0, 51, 300]]])
    assert image_grid(integers, padding=0, normalise=None).tolist() == [[0, 51, 255]]


@pytest.mark.parametrize("normalise", ["each", "all", None])
def test_numbers_that_are_not_finite_are_black_and_spoil_no_others(normalise: str | None) -> None:
    images = np.array([[[0.0, np.nan, 1.0]], [[np.inf, -np.inf, np.nan]]])
    grid = image_grid(images, columns=1, padding=0, normalise=normalise)  # type: ignore[arg-type]
    np.testing.assert_array_equal(grid, [[0, 0, 255], [0, 0, 0]])


def test_a_constant_image_is_black() -> None:
    with np.errstate(all="raise"):
        assert not image_grid(np.full((1, 4, 4), 7.0), padding=0).any()


@pytest.mark.parametrize("normalise", ["each", "all", None])
def test_the_images_are_not_changed(normalise: str | None) -> None:
    images = np.array([[[1.0, np.nan]]])
    image_grid(images, normalise=normalise)  # type: ignore[arg-type]
    np.testing.assert_array_equal(images, [[[1.0, np.nan]]])


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((4, 4), {}, r"\(N, H, W\).*\(4, 4\)"),
        ((0, 4, 4), {}, r"\(0, 4, 4\)"),
        ((1, 4, 4), {"columns": 0}, "columns"),
        ((1, 4, 4), {"scale": 0}, "scale"),
        ((1, 4, 4), {"padding": -1}, "padding"),
        ((1, 4, 4), {"normalise": "some"}, "normalise"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    shape: tuple[int, ...], options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        image_grid(np.zeros(shape), **options)  # type: ignore[arg-type]
