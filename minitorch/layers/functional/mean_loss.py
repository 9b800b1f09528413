"""The plain losses of a classification, a mean with no class weighted: backends may fuse them.

`loss.py` has checked what they are given.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...fusion import fusable
from ...more_functions import Pick
from ...nn import logsoftmax
from ...tensor import Tensor

__all__ = ["Labels", "cross_entropy", "nll_loss"]

Labels = npt.NDArray[np.int64]


@fusable()
def nll_loss(input: Tensor, labels: Labels) -> Tensor:
    """Return the mean of -input at the labels: the negative log-likelihood.

    Args:
        input: (batch, classes), the logarithms of the classes' probabilities.
        labels: (batch,), integers from 0 to classes - 1.

    Returns:
        (), NaN for an empty batch.
    """
    likelihoods = Pick.apply(input, labels.reshape(-1, 1), 1)
    return -likelihoods.mean().view(())


@fusable()
def cross_entropy(input: Tensor, labels: Labels) -> Tensor:
    """Return the mean of -log softmax(input) at the labels.

    Args:
        input: (batch, classes), scores of the classes, from minus to plus infinity.
        labels: (batch,), integers from 0 to classes - 1.

    Returns:
        (), NaN for an empty batch.
    """
    return nll_loss(logsoftmax(input, 1), labels)
