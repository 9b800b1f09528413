"""Random programs of tensor operations, on every backend: values against numpy, gradients
against PyTorch (without it, those of the simple backend).

A program is a list of steps over numbered tensors, of which the first are random and each step
appends one. Steps stay away from corners and ties (of ReLU, largest elements, comparisons), where
rounding would decide, and from large numbers. A failure prints the program.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernel_cases import HOST_BACKENDS
from sequence_kits import Numpy, Own, Torch

from minitorch import jit, tuned_ops

Array = Any
Draw = Callable[..., Any]

NIGHTLY = settings().max_examples >= 1000

# Sizes of tensors, and the largest number in them.
MOST_ELEMENTS, MOST_DIMS, LARGEST = 600, 5, 30.0

# How far from a corner or a tie.
APART = 0.01


class Step(NamedTuple):
    """One operation: its name, the numbers of its operands, and what else it takes."""

    name: str
    operands: tuple[int, ...]
    more: tuple[Any, ...] = ()


class Program:
    """Random tensors (`leaves`, the shape of each) and steps; `values` is what numpy computes."""

    def __init__(self) -> None:
        self.leaves: dict[int, tuple[int, ...]] = {}
        self.steps: dict[int, Step] = {}
        self.values: list[Array] = []

    def leaf(self, shape: tuple[int, ...]) -> int:
        """Append random numbers, and return the number of the tensor."""
        self.leaves[len(self.values)] = shape
        rng = np.random.default_rng([len(self.values), *shape])
        self.values.append(rng.uniform(-1.5, 1.5, shape))
        return len(self.values) - 1

    def step(self, name: str, *operands: int, more: tuple[Any, ...] = ()) -> None:
        """Append an operation, unless its result would be too large."""
        out = getattr(Numpy, name)(*[self.values[i] for i in operands], *more)
        if out.size <= MOST_ELEMENTS and out.ndim <= MOST_DIMS and abs(out).max() <= LARGEST:
            self.steps[len(self.values)] = Step(name, operands, more)
            self.values.append(out)

    def results(self) -> list[int]:
        """Return the numbers of the tensors that no step takes."""
        taken = {i for step in self.steps.values() for i in step.operands}
        return [i for i in self.steps if i not in taken]

    def __repr__(self) -> str:
        lines = []
        for i, value in enumerate(self.values):
            made: Any = self.steps.get(i) or "random"
            if isinstance(made, Step):
                operands = [*(f"t{o}" for o in made.operands), *map(repr, made.more)]
                made = f"{made.name}({', '.join(operands)})"
            lines.append(f"    t{i} = {made}  # {value.shape}")
        return "\n" + "\n".join(lines)


def run(program: Program, kit: Any, backend: str = "") -> tuple[dict[int, Array], list[Array]]:
    """Return the values of a program's steps, and the gradients by its random tensors."""
    tensors: dict[int, Any] = {}
    for i, value in enumerate(program.values):
        step = program.steps.get(i)
        if step is None:
            tensors[i] = kit.leaf(value, backend)
        else:
            tensors[i] = getattr(kit, step.name)(*[tensors[o] for o in step.operands], *step.more)
    results = [tensors[i] for i in program.results()]
    kit.backward([(out, np.cos(np.arange(math.prod(out.shape)))) for out in results])
    values = {i: kit.numbers(tensors[i]) for i in program.steps}
    return values, [kit.gradient(tensors[i]) for i in program.leaves]


def shape_strategy() -> Any:
    """Return shapes, of which images are many."""
    side = st.integers(1, 5)
    images = st.tuples(st.integers(1, 2), st.integers(1, 3), st.sampled_from([2, 4, 5, 6]),
                       st.sampled_from([3, 4, 6, 8]))  # fmt: skip
    return st.one_of(images, images, st.lists(side, max_size=3).map(tuple), st.tuples(side, side))


def apart(values: Array, dim: int = -1) -> bool:
    """Return whether the largest numbers along a dimension are so for certain."""
    if values.shape[dim] < 2:
        return True
    largest = np.sort(values, dim)
    gaps = np.take(largest, -1, dim) - np.take(largest, -2, dim)
    return bool(gaps.min() >= APART)


def partner(draw: Draw, program: Program, shape: tuple[int, ...]) -> int:
    """Return a tensor whose shape broadcasts with `shape`: an earlier one, or a new leaf."""
    fitting = [
        i for i, value in enumerate(program.values)
        if all(a == b or 1 in (a, b) for a, b in zip(value.shape[::-1], shape[::-1], strict=False))
    ]  # fmt: skip
    if draw(st.booleans()):
        return int(draw(st.sampled_from(fitting)))
    kept = [n if draw(st.booleans()) else 1 for n in shape]
    return program.leaf(tuple(kept[draw(st.integers(0, len(kept))) :]))


def drawn_slices(draw: Draw, shape: tuple[int, ...]) -> tuple[int | slice, ...]:
    """Return a key of slices and indices that leaves a dimension, and an element."""
    key: list[int | slice] = []
    for dim, n in enumerate(shape):
        if dim and draw(st.integers(0, 3)) == 0:
            key.append(draw(st.integers(-n, n - 1)))
        else:
            start = draw(st.integers(0, n - 1))
            stop = draw(st.integers(start + 1, n))
            step = draw(st.integers(1, 3))
            backwards = draw(st.integers(0, 5)) == 0
            key.append(slice(stop - 1, start - 1 if start else None, -step) if backwards
                       else slice(start, stop, step))  # fmt: skip
    return tuple(key)


def drawn_view(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return another shape of as many elements."""
    size = math.prod(shape)
    forms: list[tuple[int, ...]] = [(size,), (1, *shape), (*shape, 1)]
    forms += [(*shape[:i], shape[i] * shape[i + 1], *shape[i + 2 :]) for i in range(len(shape) - 1)]
    forms += [(*shape[:i], 2, n // 2, *shape[i + 1 :]) for i, n in enumerate(shape) if n % 2 == 0]
    if size % 24 == 0:
        forms.append((1, size // 24, 4, 6))
    return tuple(draw(st.sampled_from(forms)))


def drawn_padding(draw: Draw, kernel: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    side = st.integers(0, 3)
    return tuple((draw(side), draw(side)) for _ in kernel)


def possible(x: Array) -> list[str]:
    """Return the steps that `x` may go through."""
    names = []
    if x.ndim == 4:
        names += 3 * ["conv2d", "convolution", "avgpool2d", "maxpool2d"]
    if x.ndim == 3:
        names += 3 * ["conv1d", "convolution"]
    if x.ndim == 2:
        names += ["nll_loss", "cross_entropy"]
    if x.ndim:
        names += 2 * ["matmul", "matmul_left", "linear", "slices", "permute", "sum"]
        names += 2 * ["softmax", "logsoftmax", "mean"]
        names += ["max"] * any(apart(x, dim) for dim in range(x.ndim))
    names += 2 * ["expand", "view", "add", "sub", "mul", "div"]
    if x.min() >= 0.1:
        names += ["log"]
    if x.max() <= 3:
        names += ["exp"]
    if abs(x).min() >= APART:
        names += ["relu"]
    if abs(x).min() >= 0.2:
        names += ["inv"]
    names += ["less", "equal", "sum_all", "contiguous", "detach", "sigmoid", "tanh"]
    names += ["affine", "neg"]
    return names


def append_step(draw: Draw, program: Program) -> None:
    """Append a drawn step, where it gives numbers that will do."""
    i = len(program.values) - 1 - int(draw(st.integers(0, len(program.values) - 1)))
    x = program.values[i]
    name = draw(st.sampled_from(possible(x)))
    shape, dims = x.shape, range(x.ndim)

    def dim() -> int:
        return int(draw(st.integers(-x.ndim, x.ndim - 1)))

    if name in ("add", "sub", "mul", "div", "less", "equal"):
        other = partner(draw, program, shape)
        y = program.values[other]
        if name == "div" and abs(y).min() < 0.2:
            name = "sub"
        if name in ("less", "equal") and abs(x - y).min() < APART:
            name = "mul"
        program.step(name, *draw(st.permutations([i, other])) if name != "div" else (i, other))
    elif name in ("matmul", "matmul_left"):
        columns = draw(st.integers(1, 5))
        batch = tuple(n if draw(st.booleans()) else 1 for n in shape[:-2])[
            draw(st.integers(0, 2)) :
        ]
        length = shape[-1] if name == "matmul" or x.ndim == 1 else shape[-2]
        sides = (length, columns) if name == "matmul" else (columns, length)
        turned = draw(st.booleans())
        other = program.leaf((*batch, *(sides[::-1] if turned else sides)))
        program.step(name, i, other, more=(turned,))
    elif name == "linear":
        out = draw(st.integers(1, 5))
        weight, bias = program.leaf((out, shape[-1])), program.leaf((out,))
        linear = Numpy.linear(x, program.values[weight], program.values[bias], False)
        relu = abs(linear).min() >= APART and draw(st.booleans())
        program.step(name, i, weight, bias, more=(relu,))
    elif name in ("conv1d", "conv2d", "convolution"):
        image = shape[2:]
        kernel = tuple(draw(st.integers(1, min(n, 4))) for n in image)
        weight = program.leaf((draw(st.integers(1, 5)), shape[1], *kernel))
        if name != "convolution":
            program.step(name, i, weight)
            return
        bias = program.leaf(program.values[weight].shape[:1])
        padding = drawn_padding(draw, kernel)
        out = Numpy.convolution(x, program.values[weight], program.values[bias], padding, False)
        relu = abs(out).min() >= APART and draw(st.booleans())
        program.step(name, i, weight, bias, more=(padding, relu))
    elif name in ("avgpool2d", "maxpool2d"):
        sides = tuple(draw(st.sampled_from([k for k in (1, 2, 3, 4, 5, 8) if n % k == 0]))
                      for n in shape[2:])  # fmt: skip
        lines = Numpy.tiles(x, sides).reshape(*shape[:2], -1, math.prod(sides))
        if name == "avgpool2d" or apart(lines):
            program.step(name, i, more=(sides,))
    elif name == "max":
        program.step(name, i, more=(draw(st.sampled_from([d for d in dims if apart(x, d)])),))
    elif name in ("sum", "mean"):
        program.step(name, i, more=(dim(), draw(st.booleans())))
    elif name in ("softmax", "logsoftmax"):
        program.step(name, i, more=(dim(),))
    elif name in ("nll_loss", "cross_entropy"):
        labels = tuple(draw(st.integers(0, shape[1] - 1)) for _ in range(shape[0]))
        program.step(name, i, more=(labels,))
    elif name == "permute":
        program.step(name, i, more=(tuple(draw(st.permutations(dims))),))
    elif name == "slices":
        program.step(name, i, more=(drawn_slices(draw, shape),))
    elif name == "view":
        program.step(name, i, more=(drawn_view(draw, shape),))
    elif name == "expand":
        more = draw(st.lists(st.integers(1, 3), max_size=1))
        target = (*more, *[draw(st.integers(1, 4)) if n == 1 else n for n in shape])
        program.step(name, i, more=(target,))
    else:
        program.step(name, i)


@st.composite
def programs(draw: Draw) -> Program:
    """Return a program of up to 14 steps."""
    program = Program()
    for _ in range(draw(st.integers(1, 2))):
        program.leaf(draw(shape_strategy()))
    for _ in range(draw(st.integers(2, 14))):
        append_step(draw, program)
    return program


@settings(max_examples=2000 if NIGHTLY else 100, suppress_health_check=[HealthCheck.too_slow])
@given(programs(), st.booleans())
def test_programs_agree_on_every_backend(program: Program, parallel: bool) -> None:
    oracle = Torch if Torch.is_there else Own
    values, gradients = run(program, oracle, "simple")
    for i, value in values.items():
        np.testing.assert_allclose(value, program.values[i], rtol=1e-9, atol=1e-10)
    # Parallel builds take long to compile.
    least = 1 if parallel and NIGHTLY else jit.PARALLEL_FROM
    for backend in HOST_BACKENDS:
        with (
            mock.patch.object(jit, "PARALLEL_FROM", least),
            mock.patch.object(tuned_ops, "PARALLEL_FROM", least),
        ):
            own, own_gradients = run(program, Own, backend)
        for i, value in own.items():
            expected = program.values[i]
            assert value.shape == expected.shape, f"t{i} on {backend}"
            np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-10,
                                       err_msg=f"t{i} on {backend}")  # fmt: skip
        for leaf, mine, right in zip(program.leaves, own_gradients, gradients, strict=True):
            scale = max(1.0, abs(right).max())
            np.testing.assert_allclose(mine, right, rtol=0, atol=1e-9 * scale,
                                       err_msg=f"gradient by t{leaf} on {backend}")  # fmt: skip


def test_gradients_come_from_pytorch() -> None:
    if not Torch.is_there:
        pytest.skip("PyTorch is not installed: gradients were compared with the simple backend's")
    program = Program()
    program.step("mul", program.leaf((2,)), 0)
    _, (gradient,) = run(program, Torch)
    np.testing.assert_allclose(gradient, 2 * program.values[0] * np.cos([0, 1]))
