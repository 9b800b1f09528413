"""Convolution in plain Python, to be read beside `fast_conv`: for `SimpleOps`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from .backends import register_kernel
from .tensor_data import index_to_position, to_index
from .tensor_ops import SimpleOps


def _convolution(spatial: int) -> Callable[..., None]:
    """Return the convolution over `spatial` dimensions, with the arguments of `tensor_conv1d`."""

    def convolve(
        out: Any, out_shape: Any, out_strides: Any, out_size: int,
        input: Any, input_shape: Any, input_strides: Any,
        weight: Any, weight_shape: Any, weight_strides: Any,
        reverse: bool,
    ) -> None:  # fmt: skip
        direction = -1 if reverse else 1
        index = np.zeros(spatial + 2, np.int64)
        for ordinal in range(out_size):
            to_index(ordinal, out_shape, index)
            batch, out_channel, place = index[0], index[1], index[2:]
            total = out.dtype.type(0)
            for tap in itertools.product(*[range(k) for k in weight_shape[2:]]):
                seen = place + direction * np.array(tap)
                if np.any(seen < 0) or np.any(seen >= input_shape[2:]):
                    continue
                for channel in range(input_shape[1]):
                    at = index_to_position([batch, channel, *seen], input_strides)  # type: ignore[arg-type]
                    by = index_to_position([out_channel, channel, *tap], weight_strides)  # type: ignore[arg-type]
                    total += input[at] * weight[by]
            out[index_to_position(index, out_strides)] = total

    return convolve


register_kernel(SimpleOps, "conv1d", _convolution(1))
register_kernel(SimpleOps, "conv2d", _convolution(2))
