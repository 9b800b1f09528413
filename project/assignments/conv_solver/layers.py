"""The layers: each a forward and a backward function on numpy arrays.

`*_forward` gives its output and a cache; `*_backward` takes the gradient of the loss by that
output, and the cache, and gives the gradient by each input. The matrix products, where nearly
all the time goes, run on minitorch's kernels.

The convolution is one matrix product: the windows of the input become the columns of a matrix
("im2col"), each filter a row of another. For one image and a filter of 2 x 2::

    a b c                  a b d e       columns, one for each window,
    d e f    windows  ->   b c e f       times the filter's row
    g h i                  d e g h       w00 w01 w10 w11
                           e f h i
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

import minitorch
from minitorch.errors import ShapeError, describe_shapes
from minitorch.rng import generator

__all__ = [
    "affine_backward",
    "affine_forward",
    "conv_backward",
    "conv_forward",
    "dropout_backward",
    "dropout_forward",
    "max_pool_backward",
    "max_pool_forward",
    "relu_backward",
    "relu_forward",
    "softmax_loss",
]

Array = npt.NDArray[Any]
Cache = tuple[Any, ...]


def affine_forward(x: Array, w: Array, b: Array) -> tuple[Array, Cache]:
    """Return x w + b, each example of `x` laid out as one row.

    Args:
        x: (N, d_1, ..., d_k).
        w: (D, M), where D is the product of d_1 to d_k.
        b: (M,).

    Returns:
        The output (N, M), and the cache (x, w, b).

    Raises:
        ShapeError: if the sizes do not fit.
    """
    if x.ndim < 1 or w.ndim != 2 or x[:1].size not in (w.shape[0], 0) or b.shape != w.shape[1:]:
        raise _misfit("affine_forward", x, w, b, "x is (N, ...) of D numbers, w (D, M), b (M,)")
    return _product(x.reshape(len(x), w.shape[0]), w) + b, (x, w, b)


def affine_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Return the gradients (dx, dw, db) of an affine layer, given `dout` (N, M).

    With y = x w + b they are dy w^T, x^T dy and the sum of dy over the examples.

    Raises:
        ShapeError: if `dout` is not of the output's shape.
    """
    x, w, _ = cache
    _check_gradient("affine_backward", dout, (len(x), w.shape[1]))
    rows = x.reshape(len(x), w.shape[0])
    return _product(dout, w.T).reshape(x.shape), _product(rows.T, dout), dout.sum(axis=0)


def relu_forward(x: Array) -> tuple[Array, Cache]:
    """Return x where it is positive and 0 elsewhere, and the cache (x,)."""
    return np.maximum(x, 0), (x,)


def relu_backward(dout: Array, cache: Cache) -> Array:
    """Return the gradient of `relu_forward`: `dout` where x was positive, 0 elsewhere.

    Raises:
        ShapeError: if `dout` is not of the output's shape.
    """
    (x,) = cache
    _check_gradient("relu_backward", dout, x.shape)
    dx: Array = dout * (x > 0)
    return dx


def conv_forward(
    x: Array, w: Array, b: Array, conv_param: Mapping[str, int]
) -> tuple[Array, Cache]:
    """Slide F filters over each image, by one matrix product.

    Args:
        x: images (N, C, H, W).
        w: filters (F, C, HH, WW).
        b: one number for each filter, (F,).
        conv_param: `"stride"`, the pixels from one window to the next, and `"pad"`, how many
            zeros each row and column gains, both sides together: 2 is a border of 1 pixel.

    Returns:
        The output (N, F, H', W') with H' = 1 + (H + pad - HH) // stride, W' likewise, and the
        cache that `conv_backward` takes.

    Raises:
        ShapeError: if the sizes do not fit, or no window does.
        ValueError: if the stride is below 1, or `pad` is negative or odd.
    """
    ### BEGIN SOLUTION
    stride, border = _stride_and_border(conv_param)
    if x.ndim != 4 or w.ndim != 4 or x.shape[1] != w.shape[1] or b.shape != w.shape[:1]:
        raise _misfit("conv_forward", x, w, b, "x is (N, C, H, W), w (F, C, HH, WW), b (F,)")
    padded = np.pad(x, ((0, 0), (0, 0), (border, border), (border, border)))
    windows = _windows("conv_forward", padded, w.shape[2], w.shape[3], stride)
    count, _, rows, columns = windows.shape[:4]
    # (N, C, H', W', HH, WW) -> (C HH WW, N H' W'): a column for each window.
    matrix = windows.transpose(1, 4, 5, 0, 2, 3).reshape(w[0].size, count * rows * columns)
    product = _product(w.reshape(len(w), w[0].size), matrix) + b[:, None]
    out = product.reshape(len(w), count, rows, columns).transpose(1, 0, 2, 3)
    return np.ascontiguousarray(out), (x.shape, out.shape, w, matrix, stride, border)
    ### END SOLUTION


def conv_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Return the gradients (dx, dw, db) of a convolution.

    With Y = W X the product of the filters' rows and the windows' columns: dW = dY X^T and
    dX = W^T dY. A pixel lies in several windows, so it gets the sum over their columns.

    Args:
        dout: (N, F, H', W').
        cache: from `conv_forward`.

    Raises:
        ShapeError: if `dout` is not of the output's shape.
    """
    ### BEGIN SOLUTION
    shape, out_shape, w, matrix, stride, border = cache
    _check_gradient("conv_backward", dout, out_shape)
    filters, channels, height, width = w.shape
    count, _, rows, columns = out_shape
    dproduct = dout.transpose(1, 0, 2, 3).reshape(filters, count * rows * columns)
    dw = _product(dproduct, matrix.T).reshape(w.shape)
    dmatrix = _product(w.reshape(filters, w[0].size).T, dproduct)
    taps = dmatrix.reshape(channels, height, width, count, rows, columns)
    dpadded = np.zeros(
        (count, channels, shape[2] + 2 * border, shape[3] + 2 * border), dmatrix.dtype
    )
    for i in range(height):
        for j in range(width):
            # Pixel (i, j) of all windows at once; no two windows have the same one there.
            under = _every(dpadded, i, j, stride, rows, columns)
            under += taps[:, i, j].transpose(1, 0, 2, 3)
    dx = dpadded[:, :, border : border + shape[2], border : border + shape[3]]
    return np.ascontiguousarray(dx), dw, dout.sum(axis=(0, 2, 3))
    ### END SOLUTION


def max_pool_forward(x: Array, pool_param: Mapping[str, int]) -> tuple[Array, Cache]:
    """Return the largest element of each window.

    Args:
        x: images (N, C, H, W).
        pool_param: `"pool_height"` and `"pool_width"` of a window, and `"stride"`, the pixels
            from one window to the next; windows may overlap.

    Returns:
        The output (N, C, H', W') with H' = 1 + (H - pool_height) // stride, W' likewise, and
        the cache that `max_pool_backward` takes.

    Raises:
        ShapeError: if `x` has not four dimensions, or no window fits.
        ValueError: if a size or the stride is below 1.
    """
    ### BEGIN SOLUTION
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    if min(height, width, stride) < 1:
        raise ValueError(f"max_pool_forward: sizes and stride are 1 or more, not {pool_param}")
    if x.ndim != 4:
        raise ShapeError(f"max_pool_forward: x is (N, C, H, W), not {x.shape}")
    windows = _windows("max_pool_forward", x, height, width, stride)
    flat = windows.reshape(*windows.shape[:4], height * width)
    largest = flat.argmax(axis=-1)[..., None]
    out = np.take_along_axis(flat, largest, axis=-1)[..., 0]
    return out, (x.shape, largest[..., 0], height, width, stride)
    ### END SOLUTION


def max_pool_backward(dout: Array, cache: Cache) -> Array:
    """Return the gradient of the pooling: each window's goes to its first largest element.

    Args:
        dout: (N, C, H', W').
        cache: from `max_pool_forward`.

    Raises:
        ShapeError: if `dout` is not of the output's shape.
    """
    ### BEGIN SOLUTION
    shape, largest, height, width, stride = cache
    _check_gradient("max_pool_backward", dout, largest.shape)
    dx = np.zeros(shape, dout.dtype)
    for place in range(height * width):
        i, j = divmod(place, width)
        under = _every(dx, i, j, stride, *largest.shape[2:])
        under += dout * (largest == place)
    return dx
    ### END SOLUTION


def dropout_forward(x: Array, dropout_param: Mapping[str, Any]) -> tuple[Array, Cache]:
    """Set elements to zero at random while training; pass them through in a test.

    The rest is multiplied by 1 / (1 - p) in training, so that the mean stays what it was and
    a test needs no scaling ("inverted" dropout; the dropout of Srivastava et al., JMLR 2014).

    Args:
        x: of any shape.
        dropout_param: `"mode"`, `"train"` or `"test"`; `"p"`, the probability of a zero; and,
            if the same elements are to be chosen each time, a `"seed"`.

    Returns:
        The output, of x's shape and dtype, and the cache that `dropout_backward` takes.

    Raises:
        ValueError: if `mode` is neither, or `p` is not from 0 up to but without 1.
    """
    ### BEGIN SOLUTION
    mode, p = dropout_param["mode"], dropout_param["p"]
    if mode not in ("train", "test"):
        raise ValueError(f"dropout_forward: mode is 'train' or 'test', not {mode!r}")
    if not 0 <= p < 1:
        raise ValueError(f"dropout_forward: p is at least 0 and below 1, not {p}")
    if mode == "test":
        return x, (None,)
    seed = dropout_param.get("seed")
    chance = generator() if seed is None else np.random.default_rng(seed)
    dtype = np.result_type(x, np.float32)  # float64 for integers
    mask = ((chance.random(x.shape) >= p) / (1 - p)).astype(dtype)
    return x * mask, (mask,)
    ### END SOLUTION


def dropout_backward(dout: Array, cache: Cache) -> Array:
    """Return the gradient of `dropout_forward`: `dout`, zeroed and scaled as x was.

    Raises:
        ShapeError: if `dout` is not of the output's shape.
    """
    ### BEGIN SOLUTION
    (mask,) = cache
    if mask is None:
        return dout
    _check_gradient("dropout_backward", dout, mask.shape)
    dx: Array = dout * mask
    return dx
    ### END SOLUTION


def softmax_loss(x: Array, y: npt.NDArray[np.integer[Any]]) -> tuple[float, Array]:
    """Return the mean cross-entropy of softmax(x), and its gradient by `x`.

    With p = softmax(x) the loss of one example is -log p_y; its gradient is p, less 1 at y.

    Args:
        x: scores (N, classes).
        y: the right class of each example, (N,), from 0 to classes - 1.

    Raises:
        ShapeError: if the sizes do not fit, or there is no example.
        ValueError: if a label is out of range.
    """
    if x.ndim != 2 or not len(x) or y.shape != (len(x),):
        raise ShapeError(f"softmax_loss: x is (N, classes) and y (N,), not {x.shape}, {y.shape}")
    if y.min() < 0 or y.max() >= x.shape[1]:
        raise ValueError(
            f"softmax_loss: labels from {y.min()} to {y.max()}, but there are {x.shape[1]} classes"
        )
    # The largest score is made 0: no exponential overflows, and softmax does not change.
    shifted = x - x.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    each = np.arange(len(x))
    dx = np.exp(log_p)
    dx[each, y] -= 1
    return float(-log_p[each, y].mean()), dx / len(x)


def _product(left: Array, right: Array) -> Array:
    """Return the matrix product, on minitorch's default backend."""
    out: Array = (_tensor(left) @ _tensor(right)).numpy()
    return out


def _tensor(array: Array) -> minitorch.Tensor:
    """Return the array as a tensor, without a copy where it can be."""
    shareable = array.dtype.kind == "f" and array.flags.writeable
    return minitorch.from_numpy(array) if shareable else minitorch.tensor(array)


def _windows(name: str, x: Array, height: int, width: int, stride: int) -> Array:
    """Return all windows of the images, a view (N, C, H', W', height, width)."""
    if x.shape[2] < height or x.shape[3] < width:
        raise ShapeError(
            f"{name}: a window of ({height}, {width}) does not fit in images of {x.shape[2:]}, "
            "padding included"
        )
    every = np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(2, 3))
    view: Array = every[:, :, ::stride, ::stride]
    return view


def _every(x: Array, i: int, j: int, stride: int, rows: int, columns: int) -> Array:
    """Return the pixels (i, j) of all windows, a view (N, C, rows, columns)."""
    down = slice(i, i + stride * (rows - 1) + 1, stride)
    across = slice(j, j + stride * (columns - 1) + 1, stride)
    return x[:, :, down, across]


def _stride_and_border(conv_param: Mapping[str, int]) -> tuple[int, int]:
    """Return the stride, and the zeros on each side of the images."""
    stride, pad = conv_param["stride"], conv_param["pad"]
    if stride < 1:
        raise ValueError(f"conv_forward: the stride is 1 or more, not {stride}")
    if pad < 0 or pad % 2:
        raise ValueError(
            f"conv_forward: pad counts the zeros of both sides together: even, not {pad}"
        )
    return stride, pad // 2


def _misfit(name: str, x: Array, w: Array, b: Array, wanted: str) -> ShapeError:
    operands = describe_shapes(name, [("x", x.shape), ("w", w.shape), ("b", b.shape)])
    return ShapeError(f"{operands}\n{wanted}")


def _check_gradient(name: str, dout: Array, shape: tuple[int, ...]) -> None:
    if dout.shape != tuple(shape):
        raise ShapeError(f"{name}: dout is {dout.shape}; the output was {tuple(shape)}")
