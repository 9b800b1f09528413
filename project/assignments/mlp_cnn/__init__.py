"""One network three times, in numpy, in minitorch by hand and with autograd, then a CNN.

After the tutorial "Neural Networks & CNNs" of Imperial College London. `mlp_cnn.ipynb` is the
way through it; what it imports is here, under the tutorial's names (minitorch for Torch). The
solutions stand between `### BEGIN SOLUTION` and `### END SOLUTION`.
"""

from __future__ import annotations

from .cnn import CNN_Minitorch_Autograd
from .data import get_mnist, make_lbls_onehot, normalize_int_whole_database
from .minitorch_mlp import (
    MLP_Minitorch,
    MLP_Minitorch_Autograd,
    cross_entropy_minitorch,
    grad_descent_update_autograd,
    grad_descent_update_minitorch,
)
from .numpy_mlp import MLP_Numpy, cross_entropy_numpy, grad_descent_update_numpy
from .training import get_first_batch, get_random_batch, gradient_descent, predict

__all__ = [
    "CNN_Minitorch_Autograd",
    "MLP_Minitorch",
    "MLP_Minitorch_Autograd",
    "MLP_Numpy",
    "cross_entropy_minitorch",
    "cross_entropy_numpy",
    "get_first_batch",
    "get_mnist",
    "get_random_batch",
    "grad_descent_update_autograd",
    "grad_descent_update_minitorch",
    "grad_descent_update_numpy",
    "gradient_descent",
    "make_lbls_onehot",
    "normalize_int_whole_database",
    "predict",
]
