"""Pictures: the filters as a grid."""

from __future__ import annotations

from minitorch.viz import visualize_grid

__all__ = ["visualize_grid"]
