"""Training: the loop around a model, its results, checkpoints, metrics, clean interruption.

Nothing here imports tqdm or safetensors before it is used.
"""

from .callbacks import Callback, CSVCallback, VisdomCallback
from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .classifier_trainer import ClassifierTrainer
from .interruption import Interruption
from .metrics import ROCCurve, accuracy, confusion_matrix, roc_curve, select_threshold
from .nonfinite import NonFiniteLossError
from .results import BatchResult, EpochResult, FitResult
from .trainer import Trainer

__all__ = [
    "BatchResult",
    "CSVCallback",
    "Callback",
    "Checkpoint",
    "ClassifierTrainer",
    "EpochResult",
    "FitResult",
    "Interruption",
    "NonFiniteLossError",
    "ROCCurve",
    "Trainer",
    "VisdomCallback",
    "accuracy",
    "confusion_matrix",
    "load_checkpoint",
    "roc_curve",
    "save_checkpoint",
    "select_threshold",
]
