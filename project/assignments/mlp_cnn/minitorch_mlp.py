"""Tasks 3 and 4: the same network of tensors, its gradients by hand and by autograd."""

# ruff: noqa: N801, N806  (the tutorial's names)

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import minitorch
from minitorch import Tensor

__all__ = [
    "MLP_Minitorch",
    "MLP_Minitorch_Autograd",
    "cross_entropy_minitorch",
    "grad_descent_update_autograd",
    "grad_descent_update_minitorch",
]

Array = npt.NDArray[Any]


class MLP_Minitorch:
    """`MLP_Numpy` in tensors, its gradients written out.

    Args:
        rng: draws the parameters, as for `MLP_Numpy`.
        D_in: how long the vector of an image is.
        D_hid: how many units are hidden.
        D_out: how many classes there are.
        dtype: what is computed in: float64, as in numpy, or float32.
    """

    def __init__(
        self,
        rng: np.random.RandomState,
        D_in: int = 28 * 28,
        D_hid: int = 1000,
        D_out: int = 10,
        dtype: npt.DTypeLike = "float64",
    ) -> None:
        self.dtype = dtype
        ### BEGIN SOLUTION
        w1_init = rng.normal(loc=0.0, scale=0.01, size=(D_in + 1, D_hid))
        w2_init = rng.normal(loc=0.0, scale=0.01, size=(D_hid + 1, D_out))
        w1 = minitorch.tensor(w1_init, dtype=dtype)
        w2 = minitorch.tensor(w2_init, dtype=dtype)
        self.params = [w1, w2]
        ### END SOLUTION

    def forward_pass(self, batch_imgs: Array) -> Tensor:
        """Return the probabilities of the classes, (N, D_out), of N images (N, D_in)."""
        [w1, w2] = self.params
        batch_imgs_t = minitorch.tensor(batch_imgs, dtype=self.dtype)
        unary_feature_for_bias = minitorch.ones(size=(batch_imgs.shape[0], 1), dtype=self.dtype)
        x = minitorch.cat((batch_imgs_t, unary_feature_for_bias), dim=1)
        ### BEGIN SOLUTION
        h1 = x.mm(w1)
        h1_relu = h1.clamp(min=0)
        h1_ext = minitorch.cat((h1_relu, unary_feature_for_bias), dim=1)
        logits = h1_ext.mm(w2)
        ### END SOLUTION
        exp_logits = minitorch.exp(logits)
        y_pred: Tensor = exp_logits / minitorch.sum(exp_logits, dim=1, keepdim=True)
        self._activations = [x, h1, h1_ext, y_pred]  # the backward pass needs them
        return y_pred

    def backward_pass(self, loss: Any, y_real: Array) -> list[Tensor]:
        """Return the gradients of the mean cross-entropy, for the last forward pass.

        Args:
            loss: not needed: the gradients have a closed form.
            y_real: the right classes, one-hot: (N, D_out).

        Returns:
            Two tensors, of the shapes of w1 and w2.
        """
        [x, h1, h1_ext, y_pred] = self._activations
        w2 = self.params[1]
        N = y_pred.shape[0]
        grad_logits = (y_pred - minitorch.tensor(y_real, dtype=self.dtype)) / N
        ### BEGIN SOLUTION
        grad_w2 = h1_ext.t().mm(grad_logits)
        grad_h1_ext = grad_logits.mm(w2.t())
        grad_h1_relu = grad_h1_ext[:, :-1]
        grad_h1 = grad_h1_relu.clone()
        grad_h1[h1 < 0] = 0
        grad_w1 = x.t().mm(grad_h1)
        ### END SOLUTION
        return [grad_w1, grad_w2]


def cross_entropy_minitorch(y_pred: Tensor | Array, y_real: Array, eps: float = 1e-7) -> Tensor:
    """Return the mean cross-entropy, a tensor without dimensions.

    Args:
        y_pred: the probabilities of the classes, (N, D_out).
        y_real: the right classes, one-hot: (N, D_out).
        eps: keeps the logarithm of 0 away.
    """
    y_pred = y_pred if isinstance(y_pred, Tensor) else minitorch.tensor(y_pred)
    y_real_t = minitorch.tensor(y_real, dtype=y_pred.dtype)
    ### BEGIN SOLUTION
    # As in numpy, a dimension that is summed over goes: minitorch keeps it unless told so.
    x_entr_per_sample = -minitorch.sum(y_real_t * minitorch.log(y_pred + eps), dim=1, keepdim=False)
    ### END SOLUTION
    loss: Tensor = minitorch.mean(x_entr_per_sample, dim=0, keepdim=False)
    return loss


def grad_descent_update_minitorch(
    params: list[Tensor], grads: list[Tensor], learning_rate: float
) -> None:
    """Take a step down the gradients; the tensors stay, their numbers change."""
    assert len(params) == len(grads), "there is one gradient for each parameter"
    for i in range(len(params)):
        ### BEGIN SOLUTION
        params[i].data = params[i].data - learning_rate * grads[i].data
        ### END SOLUTION


class MLP_Minitorch_Autograd(MLP_Minitorch):
    """`MLP_Minitorch` without the backward pass: minitorch keeps track of what to differentiate.

    Args: those of `MLP_Minitorch`.
    """

    def __init__(self, rng: np.random.RandomState, *args: Any, **kwargs: Any) -> None:
        super().__init__(rng, *args, **kwargs)
        ### BEGIN SOLUTION
        for param in self.params:
            param.requires_grad_(True)  # from here on, what is computed from it is recorded
        ### END SOLUTION

    def backward_pass(self, loss: Tensor, y_real: Array) -> list[Tensor]:
        """Return the gradients of `loss`, one for each parameter; `y_real` is not needed."""
        ### BEGIN SOLUTION
        loss.backward()
        return [param.grad for param in self.params]
        ### END SOLUTION


def grad_descent_update_autograd(
    params: list[Tensor], grads: list[Tensor], learning_rate: float
) -> None:
    """Take a step down the gradients, and set these to 0: the next backward adds to them."""
    assert len(params) == len(grads), "there is one gradient for each parameter"
    for i in range(len(params)):
        ### BEGIN SOLUTION
        params[i].data -= learning_rate * grads[i].data
        grads[i].zero_()
        ### END SOLUTION
