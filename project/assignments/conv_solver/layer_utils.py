"""Sandwich layers: a few layers that often come together, each pair of functions as one."""

from __future__ import annotations

from collections.abc import Mapping

from .layers import (
    Array,
    Cache,
    affine_backward,
    affine_forward,
    conv_backward,
    conv_forward,
    max_pool_backward,
    max_pool_forward,
    relu_backward,
    relu_forward,
)

__all__ = [
    "affine_relu_backward",
    "affine_relu_forward",
    "conv_relu_backward",
    "conv_relu_forward",
    "conv_relu_pool_backward",
    "conv_relu_pool_forward",
]


def affine_relu_forward(x: Array, w: Array, b: Array) -> tuple[Array, Cache]:
    """Return relu(x w + b), and the cache; arguments as for `affine_forward`."""
    middle, affine_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(middle)
    return out, (affine_cache, relu_cache)


def affine_relu_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Return the gradients (dx, dw, db) of `affine_relu_forward`."""
    affine_cache, relu_cache = cache
    return affine_backward(relu_backward(dout, relu_cache), affine_cache)


def conv_relu_forward(
    x: Array, w: Array, b: Array, conv_param: Mapping[str, int]
) -> tuple[Array, Cache]:
    """Return relu of the convolution, and the cache; arguments as for `conv_forward`."""
    middle, conv_cache = conv_forward(x, w, b, conv_param)
    out, relu_cache = relu_forward(middle)
    return out, (conv_cache, relu_cache)


def conv_relu_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Return the gradients (dx, dw, db) of `conv_relu_forward`."""
    conv_cache, relu_cache = cache
    return conv_backward(relu_backward(dout, relu_cache), conv_cache)


def conv_relu_pool_forward(
    x: Array,
    w: Array,
    b: Array,
    conv_param: Mapping[str, int],
    pool_param: Mapping[str, int],
) -> tuple[Array, Cache]:
    """Return the pooled relu of the convolution, and the cache.

    Arguments as for `conv_forward` and `max_pool_forward`.
    """
    middle, cache = conv_relu_forward(x, w, b, conv_param)
    out, pool_cache = max_pool_forward(middle, pool_param)
    return out, (cache, pool_cache)


def conv_relu_pool_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Return the gradients (dx, dw, db) of `conv_relu_pool_forward`."""
    conv_relu_cache, pool_cache = cache
    return conv_relu_backward(max_pool_backward(dout, pool_cache), conv_relu_cache)
