"""Pictures: of training, live in Visdom and with matplotlib; of images; of computation graphs.

Nothing here imports visdom or matplotlib before it is used.
"""

from __future__ import annotations

from minitorch.viz.classifiers import plot_confusion, plot_decision_boundary_2d
from minitorch.viz.curves import plot_fit, plot_train_progress
from minitorch.viz.graph import GraphDrawing, draw_graph
from minitorch.viz.grids import image_grid
from minitorch.viz.images import plot_grid_of_images, plot_image, visualize_grid
from minitorch.viz.visdom_bridge import Board, open_board

__all__ = [
    "Board",
    "GraphDrawing",
    "draw_graph",
    "image_grid",
    "open_board",
    "plot_confusion",
    "plot_decision_boundary_2d",
    "plot_fit",
    "plot_grid_of_images",
    "plot_image",
    "plot_train_progress",
    "visualize_grid",
]
