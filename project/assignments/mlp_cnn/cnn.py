"""Task 5: a small convolutional network, by autograd.

The network is x -> convolution 5x5 -> bias -> ReLU -> max pooling 2x2 -> flatten -> fully
connected -> bias -> softmax.
"""

# ruff: noqa: N801  (the tutorial's names)

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import minitorch
from minitorch import Tensor
from minitorch.layers import functional as F

__all__ = ["CNN_Minitorch_Autograd"]

Array = npt.NDArray[Any]


class CNN_Minitorch_Autograd:
    """One convolution, one pooling, one fully connected layer.

    Args:
        rng: draws the parameters from a normal distribution of mean 0 and deviation 0.01, in
            the order of `params`: w1 (D_hid, D_in, 5, 5), b1 (D_hid,), w2 (D_in_fc, D_out)
            and b2 (D_out,).
        D_in: how many channels an image has.
        D_hid: how many channels the convolution makes of them.
        D_in_fc: how many numbers of an image reach the last layer.
        D_out: how many classes there are.
        dtype: what is computed in: float64, as in numpy, or float32.
    """

    def __init__(
        self,
        rng: np.random.RandomState,
        D_in: int = 1,
        D_hid: int = 10,
        D_in_fc: int = 1440,
        D_out: int = 10,
        dtype: npt.DTypeLike = "float64",
    ) -> None:
        self.dtype = dtype
        ### BEGIN SOLUTION
        w1_init = rng.normal(loc=0.0, scale=0.01, size=(D_hid, D_in, 5, 5))
        b1_init = rng.normal(loc=0.0, scale=0.01, size=(D_hid,))
        w2_init = rng.normal(loc=0.0, scale=0.01, size=(D_in_fc, D_out))
        b2_init = rng.normal(loc=0.0, scale=0.01, size=(D_out,))
        self.params = [
            minitorch.tensor(init, dtype=dtype, requires_grad=True)
            for init in (w1_init, b1_init, w2_init, b2_init)
        ]
        ### END SOLUTION

    def forward_pass(self, batch_imgs: Array) -> Tensor:
        """Return the probabilities of the classes, (N, D_out), of N images (N, D_in, H, W).

        `shapes` keeps the shape of each step, by its name here.
        """
        [w1, b1, w2, b2] = self.params
        x = minitorch.tensor(batch_imgs, dtype=self.dtype)
        ### BEGIN SOLUTION
        h1 = F.conv2d(input=x, weight=w1, bias=None, stride=1, padding=0, dilation=1)
        h1_bias = h1 + b1.reshape([1, b1.shape[0], 1, 1])  # one number for a whole channel
        h1_relu = h1_bias.clamp(min=0)
        h1_pool = F.max_pool2d(
            h1_relu, kernel_size=[2, 2], stride=[2, 2], padding=0, ceil_mode=True
        )
        h1_relu_flat = h1_pool.reshape([h1_pool.shape[0], -1])
        h2 = h1_relu_flat.mm(w2)
        logits = h2 + b2.reshape([1, b2.shape[0]])
        ### END SOLUTION
        steps = {
            "x": x,
            "h1": h1,
            "h1_relu": h1_relu,
            "h1_pool": h1_pool,
            "h1_relu_flat": h1_relu_flat,
            "logits": logits,
        }
        self.shapes = {name: step.shape for name, step in steps.items()}
        exp_logits = minitorch.exp(logits)
        y_pred: Tensor = exp_logits / minitorch.sum(exp_logits, dim=1, keepdim=True)
        return y_pred

    def backward_pass(self, loss: Tensor, y_real: Array) -> list[Tensor]:
        """Return the gradients of `loss`, one for each parameter; `y_real` is not needed."""
        loss.backward()
        return [param.grad for param in self.params]
