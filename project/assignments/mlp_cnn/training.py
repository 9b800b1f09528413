"""Task 1: gradient descent on random batches, for any of the networks here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from minitorch import Tensor, no_grad

__all__ = ["Network", "get_first_batch", "get_random_batch", "gradient_descent", "predict"]

Array = npt.NDArray[Any]
Batch = tuple[Array, Array]


class Network(Protocol):
    """What `gradient_descent` trains; arrays are numpy's or tensors, as the network likes."""

    params: list[Any]

    def forward_pass(self, batch_imgs: Array) -> Any:
        """Return the probabilities of the classes, (N, D_out), of N images."""

    def backward_pass(self, loss: Any, y_real: Array) -> list[Any]:
        """Return the gradients of the loss, one for each of `params`."""


def get_first_batch(
    train_imgs: Array, train_lbls: Array, batch_size: int, rng: np.random.RandomState
) -> Batch:
    """Return the same images each time, the first ones: descent before Task 1."""
    indices = range(0, batch_size)
    return train_imgs[indices], train_lbls[indices]


def get_random_batch(
    train_imgs: Array, train_lbls: Array, batch_size: int, rng: np.random.RandomState
) -> Batch:
    """Return images drawn at random, with their labels.

    An image may be drawn twice: each draw is from the whole set.

    Args:
        train_imgs: S images, (S, ...).
        train_lbls: S labels, or rows of labels.
        batch_size: how many are drawn.
        rng: what draws.
    """
    ### BEGIN SOLUTION
    indices = rng.randint(low=0, high=train_imgs.shape[0], size=batch_size, dtype="int32")
    ### END SOLUTION
    return train_imgs[indices], train_lbls[indices]


def predict(net: Network, imgs: Array, at_once: int = 2500) -> Array:
    """Return the classes that a network gives to images, (S,); nothing is recorded.

    The images go through a part at a time: the hidden maps of the whole test set would take
    a gigabyte.
    """
    with no_grad():
        parts = [net.forward_pass(imgs[i : i + at_once]) for i in range(0, len(imgs), at_once)]
    return np.concatenate([_to_numpy(part) for part in parts]).argmax(axis=1)


def gradient_descent(
    net: Network,
    loss_func: Callable[[Any, Array], Any],
    update_params_func: Callable[..., None],
    rng: np.random.RandomState,
    train_imgs: Array,
    train_lbls: Array,
    test_imgs: Array,
    test_lbls: Array,
    batch_size: int,
    learning_rate: float,
    total_iters: int,
    iters_per_test: int = -1,
    get_batch: Callable[..., Batch] = get_random_batch,
    plot: bool = True,
) -> dict[str, list[float]]:
    """Train a network; print and plot how it goes.

    Args:
        net: one of the networks; its `params` are changed.
        loss_func: `cross_entropy_numpy` or `cross_entropy_minitorch`.
        update_params_func: `grad_descent_update_numpy`, `..._minitorch` or `..._autograd`.
        rng: what draws the batches.
        train_imgs: (S_train, ...), in the form that the network takes.
        train_lbls: the labels of these, one-hot: (S_train, C).
        test_imgs: as `train_imgs`.
        test_lbls: as `train_lbls`.
        batch_size: how many images there are in a step.
        learning_rate: how far a step goes along the gradient.
        total_iters: how many steps.
        iters_per_test: after how many steps the test images are predicted, and a line printed;
            below 1 only after the last.
        get_batch: what chooses a batch: `get_random_batch` or `get_first_batch`.
        plot: end with a picture.

    Returns:
        What was measured at each test: "iter", "loss" and "acc_train" (of that step's batch,
        before its update), "acc_test" (of all test images, after it), in percent.

    Raises:
        ValueError: if labels are missing, a size is below 1, or a batch is larger than the set.
        FloatingPointError: if the loss is no longer a number.
    """
    _check_data(train_imgs, train_lbls, test_imgs, test_lbls)
    if not 1 <= batch_size <= len(train_imgs) or total_iters < 1:
        raise ValueError(
            f"gradient_descent: batch_size is {batch_size} and total_iters {total_iters}; a batch "
            f"has 1 to {len(train_imgs)} images, and there is a step at least"
        )
    if not 0 <= learning_rate < np.inf:
        raise ValueError(f"gradient_descent: the learning rate {learning_rate} is no finite size")
    history: dict[str, list[float]] = {"iter": [], "loss": [], "acc_train": [], "acc_test": []}
    for t in range(total_iters):
        train_imgs_batch, y_real = get_batch(train_imgs, train_lbls, batch_size, rng)
        y_pred = net.forward_pass(train_imgs_batch)
        loss = loss_func(y_pred, y_real)
        if not np.isfinite(loss.item()):
            raise FloatingPointError(
                f"gradient_descent: the loss of step {t} is {loss.item()}; the learning rate "
                f"{learning_rate} may be too large"
            )
        grads = net.backward_pass(loss, y_real)
        update_params_func(net.params, grads, learning_rate=learning_rate)

        if t == total_iters - 1 or (iters_per_test > 0 and t % iters_per_test == 0):
            acc_train = _accuracy(_to_numpy(y_pred).argmax(axis=1), y_real)
            acc_test = _accuracy(predict(net, test_imgs), test_lbls)
            for name, value in zip(history, (t, loss.item(), acc_train, acc_test), strict=True):
                history[name].append(value)
            print(
                f"[iter {t:4}]  training loss {loss.item():.2f}  training accuracy "
                f"{acc_train:6.2f} %  test accuracy {acc_test:6.2f} %"
            )
    if plot:
        from minitorch.viz import plot_train_progress

        plot_train_progress(
            history["loss"], history["acc_train"], history["acc_test"], max(iters_per_test, 1)
        )
    return history


def _check_data(train_imgs: Array, train_lbls: Array, test_imgs: Array, test_lbls: Array) -> None:
    for name, imgs, lbls in (
        ("training", train_imgs, train_lbls),
        ("test", test_imgs, test_lbls),
    ):
        if lbls.ndim != 2 or len(imgs) != len(lbls) or not len(imgs):
            raise ValueError(
                f"gradient_descent: {name} images {imgs.shape} need one-hot labels "
                f"({len(imgs)}, C), not {lbls.shape}; and there must be some"
            )


def _to_numpy(y_pred: Array | Tensor) -> Array:
    return y_pred.detach().numpy() if isinstance(y_pred, Tensor) else y_pred


def _accuracy(y_pred_lbls: Array, y_real: Array) -> float:
    """Return in percent how many predicted classes are those of the one-hot rows."""
    return float(np.mean(y_pred_lbls == y_real.argmax(axis=1)) * 100.0)
