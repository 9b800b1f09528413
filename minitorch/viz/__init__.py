"""Pictures of a training run: a live page in Visdom, and grids of images.

Nothing here imports visdom or matplotlib before it is used.
"""

from __future__ import annotations

from minitorch.viz.grids import image_grid
from minitorch.viz.visdom_bridge import Board, open_board

__all__ = ["Board", "image_grid", "open_board"]
