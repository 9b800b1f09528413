"""Plots: what is drawn of which numbers, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

import minitorch
from minitorch import viz
from minitorch.models import BinaryClassifier
from minitorch.training import FitResult

RESULT = FitResult(3, [3.0, 2.0, 1.0], [10.0, 20.0, 30.0], [4.0, 3.0, 2.0], [5.0, 15.0, 25.0])


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


def drawn(ax: Any) -> list[list[float]]:
    return [list(line.get_ydata()) for line in ax.get_lines()]


def test_importing_viz_and_training_imports_neither_matplotlib_nor_tqdm() -> None:
    code = (
        "import sys, minitorch.viz, minitorch.training, minitorch.models\n"
        "print([name for name in ('matplotlib', 'tqdm', 'visdom') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_plot_fit_draws_four_curves_and_further_runs_into_the_same_figure() -> None:
    fig, axes = viz.plot_fit(RESULT, legend="a")
    assert axes.shape == (2, 2)
    again, axes = viz.plot_fit(RESULT._replace(train_loss=[9.0] * 3), fig, True, "b")
    assert again is fig
    assert drawn(axes[0, 0]) == [RESULT.train_loss, [9.0] * 3]
    assert [drawn(ax)[0] for ax in axes.flat] == [
        RESULT.train_loss,
        RESULT.train_acc,
        RESULT.test_loss,
        RESULT.test_acc,
    ]
    assert axes[0, 0].get_yscale() == axes[1, 0].get_yscale() == "log"
    assert axes[0, 1].get_yscale() == "linear"
    assert [text.get_text() for text in axes[1, 1].get_legend().get_texts()] == ["a", "b"]
    assert list(axes[0, 0].get_lines()[0].get_xdata()) == [1, 2, 3]


def test_plot_fit_with_training_and_test_in_one() -> None:
    fig, axes = viz.plot_fit(RESULT, train_test_overlay=True)
    assert axes.shape == (1, 2)
    assert drawn(axes[0, 1]) == [RESULT.train_acc, RESULT.test_acc]
    with pytest.raises(ValueError, match="has 2 axes, not 4"):
        viz.plot_fit(RESULT, fig)


def test_plot_train_progress() -> None:
    _, axes = viz.plot_train_progress([3, 2, 1], [10, 20, 30], [5, 15, 25], 10, total_iters=40)
    assert drawn(axes[0]) == [[3, 2, 1]]
    assert drawn(axes[1]) == [[10, 20, 30], [5, 15, 25]]
    assert list(axes[0].get_lines()[0].get_xdata()) == [0, 10, 20]
    assert axes[0].get_xlim() == (0, 40)
    assert axes[1].get_ylim() == (0, 100)
    with pytest.raises(ValueError, match="3 losses, 2 training"):
        viz.plot_train_progress([3, 2, 1], [10, 20], [5, 15, 25], 10)


def shown() -> Any:
    return plt.gcf().axes[0].get_images()[0].get_array()


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_a_grid_of_images_has_each_in_its_place(channels: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).random((5, 2, 3, *channels))
    viz.plot_grid_of_images(images, n_imgs_per_row=2)
    grid = np.asarray(shown())
    grey = channels != (3,)
    assert grid.shape == ((6, 6) if grey else (6, 6, 3))
    for number, image in enumerate(images):
        row, column = divmod(number, 2)
        part = grid[2 * row : 2 * row + 2, 3 * column : 3 * column + 3]
        np.testing.assert_array_equal(part, image.reshape(part.shape))
    assert not grid[4:, 3:].any()
    assert len(plt.gcf().axes) == (2 if grey else 1)


def test_plot_image_takes_limits_and_axes() -> None:
    _, axes = plt.subplots(1, 2)
    viz.plot_image(np.ones((2, 2)), vminmax=(0, 4), ax=axes[1])
    assert not axes[0].get_images()
    assert axes[1].get_images()[0].get_clim() == (0, 4)
    for wrong in (np.ones(3), np.ones((2, 2, 4))):
        with pytest.raises(minitorch.ShapeError, match="plot_image: the shape is"):
            viz.plot_image(wrong)
    with pytest.raises(minitorch.ShapeError, match="plot_grid_of_images: the shape is"):
        viz.plot_grid_of_images(np.ones((2, 2)))
    with pytest.raises(ValueError, match="0 images"):
        viz.plot_grid_of_images(np.ones((0, 2, 2)))


def test_visualize_grid_stretches_each_image() -> None:
    images = np.random.default_rng(0).normal(size=(5, 2, 4, 3))
    images[3] = 7.0
    grid = viz.visualize_grid(images)
    assert grid.shape == (3 * 2 + 2, 3 * 4 + 2, 3)
    for number, image in enumerate(images):
        row, column = divmod(number, 3)
        part = grid[3 * row : 3 * row + 2, 5 * column : 5 * column + 4]
        if number == 3:
            assert not part.any()
        else:
            expected = 255 * (image - image.min()) / (image.max() - image.min())
            np.testing.assert_allclose(part, expected)
    assert not grid[2].any()
    assert not grid[:, 4].any()
    assert viz.visualize_grid(images, padding=0).shape == (6, 12, 3)
    with pytest.raises(minitorch.ShapeError, match="visualize_grid: the shape is"):
        viz.visualize_grid(np.ones((2, 2, 2)))


class FirstFeature(minitorch.Module):
    """Scores (batch, 2) that are greater for class 1 where the first feature is positive."""

    def forward(self, x: Any) -> Any:
        values = x.numpy()
        return minitorch.tensor(np.stack([-values[:, 0], values[:, 0]], axis=1))


POINTS = np.array([[-1.0, 0.0], [-0.5, 2.0], [0.7, 1.0], [1.0, 0.5]])
LABELS = np.array([0, 1, 1, 1])


@pytest.mark.parametrize("as_tensor", [False, True])
def test_the_decision_boundary_lies_where_the_classifier_has_it(as_tensor: bool) -> None:
    classifier = BinaryClassifier(FirstFeature())
    x = minitorch.tensor(POINTS) if as_tensor else POINTS
    fig, ax = viz.plot_decision_boundary_2d(classifier, x, LABELS, dx=0.25)
    assert ax.figure is fig
    filled = [path for path in ax.collections[0].get_paths() if len(path.vertices)]
    assert len(filled) == 2
    np.testing.assert_allclose(filled[0].vertices[:, 0].max(), 0.0, atol=0.25)
    np.testing.assert_allclose(filled[1].vertices[:, 0].min(), 0.0, atol=0.25)
    np.testing.assert_array_equal(ax.collections[1].get_offsets(), POINTS[:1])
    np.testing.assert_array_equal(ax.collections[2].get_offsets(), POINTS[1:])


def test_the_confusion_is_shown_as_shares_of_all() -> None:
    fig, (left, right) = plt.subplots(1, 2)
    back, ax = viz.plot_confusion(BinaryClassifier(FirstFeature()), POINTS, LABELS, ax=right)
    assert back is fig
    assert ax is right
    assert not left.get_images()
    np.testing.assert_allclose(ax.get_images()[0].get_array(), [[0.25, 0.0], [0.25, 0.5]])
    assert [text.get_text() for text in ax.texts] == ["0.25", "0", "0.25", "0.5"]


def test_samples_that_cannot_be_drawn_are_refused() -> None:
    classifier = BinaryClassifier(FirstFeature())
    with pytest.raises(minitorch.ShapeError, match="a label for each sample"):
        viz.plot_confusion(classifier, POINTS, LABELS[:2])
    with pytest.raises(minitorch.ShapeError, match=r"x has shape \(4, 1\)"):
        viz.plot_decision_boundary_2d(classifier, POINTS[:, :1], LABELS)
    with pytest.raises(ValueError, match="dx is 0"):
        viz.plot_decision_boundary_2d(classifier, POINTS, LABELS, dx=0)
