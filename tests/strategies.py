"""Hypothesis strategies that the tests share.

None of them runs a function that a student writes: shapes and strides are worked out here,
so that the tests of Task 2.1 can use them before there is any index arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

import minitorch
from minitorch import Tensor, TensorData

Shape = tuple[int, ...]

small_ints = st.integers(min_value=1, max_value=3)
small_floats = st.floats(min_value=-100, max_value=100, allow_nan=False, allow_subnormal=False)
medium_floats = st.floats(min_value=-3, max_value=3, allow_nan=False, allow_subnormal=False)
positive_floats = st.floats(min_value=0.5, max_value=5, allow_nan=False)


def apart_from(*points: float, by: float = 0.05) -> SearchStrategy[float]:
    """Return numbers from -3 to 3 that keep away from corners and ties at `points`."""
    return medium_floats.filter(lambda x: all(abs(x - point) >= by for point in points))


def shapes(min_dims: int = 1, max_dims: int = 4, max_side: int = 3) -> SearchStrategy[Shape]:
    """Return shapes; a size of one is often among them."""
    sides = st.integers(min_value=1, max_value=max_side)
    return st.lists(sides, min_size=min_dims, max_size=max_dims).map(tuple)


def strides_in_order(shape: Sequence[int], order: Sequence[int]) -> Shape:
    """Return the strides with which dimension `order[-1]` runs fastest, `order[0]` slowest."""
    strides = [0] * len(shape)
    step = 1
    for dim in reversed(order):
        strides[dim] = step
        step *= shape[dim]
    return tuple(strides)


@st.composite
def tensor_data(
    draw: DrawFn,
    elements: SearchStrategy[float] = small_floats,
    shape: Shape | SearchStrategy[Shape] | None = None,
    dtype: type[np.floating] = np.float64,
) -> TensorData:
    """Return a `TensorData` whose dimensions lie in memory in some order."""
    given = shapes() if shape is None else shape
    sizes = draw(given) if isinstance(given, SearchStrategy) else given
    number = math.prod(sizes)
    values = draw(st.lists(elements, min_size=number, max_size=number))
    order = draw(st.permutations(range(len(sizes))))
    return TensorData(np.array(values, dtype), sizes, strides_in_order(sizes, order))


@st.composite
def indices(draw: DrawFn, data: TensorData) -> Shape:
    """Return an index of an element of `data`."""
    return tuple(draw(st.integers(min_value=0, max_value=size - 1)) for size in data.shape)


def tensors(
    elements: SearchStrategy[float] = small_floats,
    shape: Shape | SearchStrategy[Shape] | None = None,
    backend: str = "simple",
    requires_grad: bool = False,
    dtype: type[np.floating] = np.float64,
) -> SearchStrategy[Tensor]:
    """Return tensors on a backend, their dimensions in memory in some order."""

    def made(data: TensorData) -> Tensor:
        out = Tensor(data, backend=minitorch.get_backend(backend))
        return out.requires_grad_(True) if requires_grad else out

    return tensor_data(elements, shape, dtype).map(made)


@st.composite
def broadcast_shapes(
    draw: DrawFn, count: int = 2, max_dims: int = 3, max_side: int = 3
) -> list[Shape]:
    """Return shapes that broadcast together: some sizes become 1, leading ones are dropped."""
    full = draw(shapes(max_dims=max_dims, max_side=max_side))
    narrowed = []
    for _ in range(count):
        missing = draw(st.integers(min_value=0, max_value=len(full)))
        ones = draw(st.lists(st.booleans(), min_size=len(full), max_size=len(full)))
        sizes = [1 if one else size for one, size in zip(ones, full, strict=True)]
        narrowed.append(tuple(sizes[missing:]))
    return narrowed


@st.composite
def broadcast_tensors(
    draw: DrawFn,
    elements: SearchStrategy[float] = small_floats,
    count: int = 2,
    max_dims: int = 3,
    backend: str = "simple",
) -> list[Tensor]:
    """Return tensors whose shapes broadcast together."""
    drawn = draw(broadcast_shapes(count=count, max_dims=max_dims))
    return [draw(tensors(elements, shape, backend)) for shape in drawn]
