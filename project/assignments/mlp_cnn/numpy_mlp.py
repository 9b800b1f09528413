"""Task 2: the network in numpy, each gradient written out.

The network is x -> fully connected -> ReLU -> fully connected -> softmax. A bias is the last
row of a weight matrix: the input of each layer gets a column of ones.
"""

# ruff: noqa: N801, N806  (the tutorial's names)

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MLP_Numpy", "cross_entropy_numpy", "grad_descent_update_numpy"]

Array = npt.NDArray[Any]


class MLP_Numpy:
    """A perceptron with one hidden layer, in float64.

    Args:
        rng: draws the parameters, w1 of shape (D_in + 1, D_hid) first, then w2 of shape
            (D_hid + 1, D_out), from a normal distribution of mean 0 and deviation 0.01.
        D_in: how long the vector of an image is.
        D_hid: how many units are hidden.
        D_out: how many classes there are.
    """

    def __init__(
        self, rng: np.random.RandomState, D_in: int = 28 * 28, D_hid: int = 1000, D_out: int = 10
    ) -> None:
        ### BEGIN SOLUTION
        w1 = rng.normal(loc=0.0, scale=0.01, size=(D_in + 1, D_hid))
        w2 = rng.normal(loc=0.0, scale=0.01, size=(D_hid + 1, D_out))
        self.params = [w1, w2]
        ### END SOLUTION

    def forward_pass(self, batch_imgs: Array) -> Array:
        """Return the probabilities of the classes, (N, D_out), of N images (N, D_in)."""
        [w1, w2] = self.params
        unary_feature_for_bias = np.ones(shape=(batch_imgs.shape[0], 1))
        x = np.concatenate((batch_imgs, unary_feature_for_bias), axis=1)
        ### BEGIN SOLUTION
        h1 = x.dot(w1)
        h1_relu = np.maximum(h1, 0)
        h1_ext = np.concatenate((h1_relu, unary_feature_for_bias), axis=1)
        logits = h1_ext.dot(w2)
        ### END SOLUTION
        exp_logits = np.exp(logits)
        y_pred: Array = exp_logits / np.sum(exp_logits, axis=1, keepdims=True)
        self._activations = [x, h1, h1_ext, y_pred]  # the backward pass needs them
        return y_pred

    def backward_pass(self, loss: Any, y_real: Array) -> list[Array]:
        """Return the gradients of the mean cross-entropy, for the last forward pass.

        Args:
            loss: not needed: the gradients have a closed form.
            y_real: the right classes, one-hot: (N, D_out).

        Returns:
            Two arrays, of the shapes of w1 and w2.
        """
        [x, h1, h1_ext, y_pred] = self._activations
        w2 = self.params[1]
        N = y_pred.shape[0]
        # Of softmax and cross-entropy together: what the one divides by, the other multiplies
        # with, and the difference of the probabilities is left.
        grad_logits = (y_pred - y_real) / N
        ### BEGIN SOLUTION
        grad_w2 = h1_ext.transpose().dot(grad_logits)
        grad_h1_ext = grad_logits.dot(w2.transpose())
        grad_h1_relu = grad_h1_ext[:, :-1]  # the column of ones depends on nothing
        grad_h1 = grad_h1_relu.copy()
        grad_h1[h1 < 0] = 0
        grad_w1 = x.transpose().dot(grad_h1)
        ### END SOLUTION
        return [grad_w1, grad_w2]


def cross_entropy_numpy(y_pred: Array, y_real: Array, eps: float = 1e-7) -> Any:
    """Return the mean cross-entropy.

    Args:
        y_pred: the probabilities of the classes, (N, D_out).
        y_real: the right classes, one-hot: (N, D_out).
        eps: keeps the logarithm of 0 away.
    """
    ### BEGIN SOLUTION
    x_entr_per_sample = -np.sum(y_real * np.log(y_pred + eps), axis=1)
    ### END SOLUTION
    return np.mean(x_entr_per_sample, axis=0)


def grad_descent_update_numpy(
    params: list[Array], grads: list[Array], learning_rate: float
) -> None:
    """Take a step down the gradients: each entry of `params` is replaced."""
    assert len(params) == len(grads), "there is one gradient for each parameter"
    for i in range(len(params)):
        ### BEGIN SOLUTION
        params[i] = params[i] - learning_rate * grads[i]
        ### END SOLUTION
