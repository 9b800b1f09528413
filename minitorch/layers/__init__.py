"""Layers: modules with PyTorch's names, arguments, defaults and initial distributions.

What they compute is in `functional.py`, each a composition of tensor operations in whose
place a backend may run one fused kernel.
"""

from __future__ import annotations

from . import functional
from .activation import ReLU
from .containers import Sequential
from .conv import Conv1d, Conv2d
from .dropout import Dropout
from .flatten import Flatten
from .linear import Linear
from .loss import CrossEntropyLoss, NLLLoss
from .pooling import AvgPool2d, MaxPool2d

__all__ = [
    "AvgPool2d",
    "Conv1d",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "Linear",
    "MaxPool2d",
    "NLLLoss",
    "ReLU",
    "Sequential",
    "functional",
]
