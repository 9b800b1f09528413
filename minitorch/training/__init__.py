"""What training scripts share: checkpoints, clean interruption, metrics."""

from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .interruption import Interruption
from .metrics import confusion_matrix

__all__ = [
    "Checkpoint",
    "Interruption",
    "confusion_matrix",
    "load_checkpoint",
    "save_checkpoint",
]
