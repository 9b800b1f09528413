"""Wrong kernels, and what the simulator says of each: the faults that a GPU hides.

Each is a solution of a task with one thing changed. The simulator must stop it with a message that
names the fault, on tensors of a few elements.
"""

from __future__ import annotations

import math
import types
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from cuda_cases import launched, on_device
from kernel_cases import laid_out, numbers

import minitorch
from minitorch import cuda_conv, cuda_ops, cuda_target, elementwise, operators
from minitorch.cudasim import BarrierFault, BoundsFault, CudaFault, RaceFault, UninitialisedFault


class Wrong(NamedTuple):
    """A wrong kernel.

    Args:
        name: what is wrong.
        module: where the solution is.
        old, new: what stands there, and what is put in its place.
        run: launches the kernel of the changed module.
        fault, says: what the simulator raises, and words of its message.
    """

    name: str
    module: types.ModuleType
    old: str
    new: str
    run: Any
    fault: type[CudaFault]
    says: str


def changed(wrong: Wrong) -> types.ModuleType:
    """Return a copy of the solution's module in which one thing is wrong."""
    path = Path(str(wrong.module.__file__))
    source = path.read_text(encoding="utf-8")
    assert wrong.old in source, f"{path.name} has no {wrong.old!r}"
    source = source.replace(wrong.old, wrong.new, 1)
    source = "\n".join(line for line in source.splitlines() if not line.startswith("register_"))
    copy = types.ModuleType(wrong.module.__name__)
    copy.__package__ = "minitorch"
    exec(compile(source, str(path), "exec"), copy.__dict__)
    return copy


def run_map(module: Any, threads: int = 8) -> None:
    a = numbers(3, 1)
    out = np.full((3, 4), np.nan)
    launched(module.tensor_map(operators.neg), -(-12 // threads), threads, out, a)


def run_zip(module: Any) -> None:
    a, b = numbers(3, 4), numbers(4, seed=1)
    launched(module.tensor_zip(elementwise.sub), 2, 8, np.full((3, 4), np.nan), a, b)


def run_sum(module: Any) -> None:
    module.sum_practice(minitorch.tensor(numbers(40), backend="cuda"))


def run_reduce(module: Any) -> None:
    out = np.full((3, 1), np.nan)
    kernel = module.tensor_reduce(operators.add)
    launched(kernel, 3, 32, out, laid_out("permuted", numbers(3, 40)), more=(1, 0.0))


def run_short_reduce(module: Any) -> None:
    out = np.full((3, 1), np.nan)
    launched(module.tensor_reduce(operators.add), 3, 32, out, numbers(3, 5), more=(1, 0.0))


def run_practice(module: Any) -> None:
    a, b = (minitorch.tensor(numbers(5, 5, seed=seed), backend="cuda") for seed in (0, 1))
    module.mm_practice(a, b)


def run_product(module: Any) -> None:
    out = np.full((1, 17, 18), np.nan)
    a, b = numbers(1, 17, 19), numbers(1, 19, 18, seed=1)
    launched(module.tensor_matrix_multiply, (2, 2, 1), (16, 16), out, a, b)


def run_short_product(module: Any) -> None:
    out = np.full((1, 17, 18), np.nan)
    a, b = numbers(1, 17, 5), numbers(1, 5, 18, seed=1)
    launched(module.tensor_matrix_multiply, (2, 2, 1), (16, 16), out, a, b)


def run_conv(module: Any) -> None:
    out = np.full((1, 2, 3, 4), np.nan)
    a, w = numbers(1, 2, 3, 4), numbers(2, 2, 2, 3, seed=1)
    launched(module.tensor_conv2d, 1, 32, out, a, w, more=(False,))


def run_fresh_conv(module: Any) -> None:
    out = cuda_target.empty(24, np.float64)
    a, w = on_device(numbers(1, 2, 3, 4)), on_device(numbers(2, 2, 2, 3))
    module.tensor_conv2d[1, 32](out, (1, 2, 3, 4), (24, 12, 4, 1), 24, *a, *w, False)


def run_average(module: Any) -> None:
    images, _, strides = on_device(numbers(1, 2, 2, 6))
    out, shape, steps = on_device(np.full((1, 2, 1, 2), np.nan))
    module.tensor_avgpool2d[1, 32](out, shape, steps, math.prod(shape), images, strides, 2, 3)


OPS, CONV = cuda_ops, cuda_conv
BARRIER = "    cuda.syncthreads()\n"

WRONG = {
    "3.3": [
        Wrong("map: no check of the bounds", OPS, "if i < out_size:", "if True:",
              run_map, RaceFault, "race on global array out"),
        Wrong("map: the bound is one too far", OPS, "if i < out_size:", "if i <= out_size:",
              run_map, RaceFault, "race on global array out"),
        Wrong("map: written by the strides of the input", OPS,
              "out[index_to_position(out_index, out_strides)] = fn(element)",
              "out[index_to_position(out_index, in_strides)] = fn(element)",
              run_map, RaceFault, "race on global array out"),
        Wrong("map: the index is not broadcast", OPS,
              "            broadcast_index(out_index, out_shape, in_shape, in_index)\n"
              "            element = in_storage[index_to_position(in_index, in_strides)]",
              "            element = in_storage[index_to_position(out_index, in_strides)"
              " + out_index[1]]",
              run_map, BoundsFault, "in_storage"),
        Wrong("map: an index that nobody filled", OPS,
              "            broadcast_index(out_index, out_shape, in_shape, in_index)\n"
              "            element", "            element",
              run_map, UninitialisedFault, "in_index"),
        Wrong("zip: b read by the index of the output", OPS,
              "b = b_storage[index_to_position(b_index, b_strides)]",
              "b = b_storage[index_to_position(out_index, out_strides)]",
              run_zip, BoundsFault, "b_storage"),
        Wrong("sum: no barrier after the loading", OPS,
              "    cache[thread] = a[i] if i < size else 0.0\n" + BARRIER,
              "    cache[thread] = a[i] if i < size else 0.0\n",
              run_sum, RaceFault, "race on shared array cache"),
        Wrong("sum: no barrier between the steps", OPS,
              "            cache[thread] += cache[thread + width]\n        cuda.syncthreads()\n",
              "            cache[thread] += cache[thread + width]\n",
              run_sum, RaceFault, "race on shared array cache"),
        Wrong("sum: a barrier for some threads only", OPS,
              "            cache[thread] += cache[thread + width]\n        cuda.syncthreads()\n",
              "            cache[thread] += cache[thread + width]\n"
              "            cuda.syncthreads()\n",
              run_sum, BarrierFault, "syncthreads"),
        Wrong("sum: no check of the bounds", OPS, "a[i] if i < size else 0.0", "a[i]",
              run_sum, BoundsFault, "a[40] is out of bounds"),
        Wrong("sum: all threads add to one element", OPS,
              "    cache[thread] = a[i] if i < size else 0.0\n",
              "    out[cuda.blockIdx.x] = 0.0\n    cache[thread] = a[i] if i < size else 0.0\n",
              run_sum, RaceFault, "race on global array out"),
        Wrong("sum: all threads write the result", OPS,
              "    if thread == 0:\n        out[cuda.blockIdx.x] = cache[0]",
              "    out[cuda.blockIdx.x] = cache[0]",
              run_sum, RaceFault, "race on global array out"),
        Wrong("reduce: threads without an element leave their place as it was", OPS,
              "        cache[thread] = result\n",
              "        if thread < a_shape[reduce_dim]:\n            cache[thread] = result\n",
              run_short_reduce, UninitialisedFault, "cache"),
        Wrong("reduce: the stride of another dimension", OPS,
              "step = a_strides[reduce_dim]", "step = a_strides[reduce_dim - 1] * 40",
              run_reduce, BoundsFault, "a_storage"),
        Wrong("reduce: a return before the barrier", OPS,
              "        cache[thread] = result\n        cuda.syncthreads()\n",
              "        cache[thread] = result\n        if thread >= a_shape[reduce_dim]:\n"
              "            return\n        cuda.syncthreads()\n",
              run_short_reduce, BarrierFault, "syncthreads"),
        Wrong("reduce: no barrier between the steps", OPS,
              "                cache[thread] = fn(cache[thread], cache[thread + width])\n"
              "            cuda.syncthreads()\n",
              "                cache[thread] = fn(cache[thread], cache[thread + width])\n",
              run_reduce, RaceFault, "race on shared array cache"),
        Wrong("reduce: the steps reach beyond the block", OPS,
              "        width = cuda.blockDim.x // 2\n        while width > 0:\n"
              "            if thread < width:",
              "        width = cuda.blockDim.x // 2\n        while width > 0:\n"
              "            if thread <= width:",
              run_reduce, CudaFault, "cache"),
    ],
    "3.4": [
        Wrong("practice: no barrier", OPS,
              "        b_tile[row, column] = b[row * size + column]\n" + BARRIER,
              "        b_tile[row, column] = b[row * size + column]\n",
              run_practice, CudaFault, "_tile"),
        Wrong("practice: no check of the bounds", OPS,
              "inside = row < size and column < size", "inside = row < size",
              run_practice, CudaFault, "a"),
        Wrong("practice: a barrier for some threads only", OPS,
              "        b_tile[row, column] = b[row * size + column]\n" + BARRIER,
              "        b_tile[row, column] = b[row * size + column]\n        cuda.syncthreads()\n",
              run_practice, BarrierFault, "syncthreads"),
        Wrong("product: no barrier after the loading", OPS,
              "        cuda.syncthreads()\n        for k in range(TILE):",
              "        for k in range(TILE):",
              run_product, RaceFault, "race on shared array"),
        Wrong("product: no barrier before the next loading", OPS,
              "        # Nobody overwrites a tile that somebody still reads.\n"
              "        cuda.syncthreads()\n", "",
              run_product, RaceFault, "race on shared array"),
        Wrong("product: a row of tiles that does not divide", OPS,
              "if row < rows and start + x < length:", "if row < rows:",
              run_product, BoundsFault, "a_storage"),
        Wrong("product: no check of the rows of the output", OPS,
              "    if row < rows and column < columns:\n        out[", "    if True:\n        out[",
              run_product, CudaFault, "out"),
        Wrong("product: what lies outside is not set to zero", OPS,
              "        a_tile[y, x] = 0.0\n", "",
              run_product, UninitialisedFault, "a_tile"),
        Wrong("product: a stride taken twice", OPS,
              "(start + y) * b_strides[1] + column * b_strides[2]",
              "(start + y) * b_strides[1] + column * b_strides[1]",
              run_product, BoundsFault, "b_storage"),
        Wrong("product: the threads of a row write one column", OPS,
              "column = cuda.blockIdx.y * TILE + x", "column = cuda.blockIdx.y * TILE",
              run_product, RaceFault, "race on global array out"),
        Wrong("product: a barrier for some threads only", OPS,
              "        # Nobody overwrites a tile that somebody still reads.\n",
              "        if row < rows:\n    ",
              run_short_product, BarrierFault, "syncthreads"),
        Wrong("product: the tile in one accumulator", OPS,
              "            total += a_tile[y, k] * b_tile[k, x]\n",
              "            total += a_tile[y, k] * b_tile[k, x]\n"
              "            a_tile[0, 0] = total\n",
              run_product, RaceFault, "race on shared array a_tile"),
    ],
    "4.4b": [
        Wrong("convolution: no check of the bounds", CONV,
              "    if i >= out_size:\n        return\n", "",
              run_conv, RaceFault, "race on global array out"),
        Wrong("convolution: taps beyond the image", CONV,
              "rows = min(weight_shape[2], y + 1 if reverse else height - y)",
              "rows = weight_shape[2]",
              run_conv, BoundsFault, "input"),
        Wrong("convolution: the stride of another dimension", CONV,
              "tap = channel * weight_strides[0] + c * weight_strides[1]",
              "tap = channel * weight_strides[0] + c * weight_strides[0]",
              run_conv, BoundsFault, "weight"),
        Wrong("convolution: added up in the output, which holds nothing yet", CONV,
              "    total = 0.0\n    for c in range(input_shape[1]):",
              "    total = out[index_to_position(index, out_strides)]\n"
              "    for c in range(input_shape[1]):",
              run_fresh_conv, UninitialisedFault, "out"),
        Wrong("convolution: all channels in one place", CONV,
              "    out[index_to_position(index, out_strides)] = total\n\n\ntensor_conv2d",
              "    out[y * out_strides[2] + x * out_strides[3]] = total\n\n\ntensor_conv2d",
              run_conv, RaceFault, "race on global array out"),
        Wrong("convolution: anchored on the other side", CONV,
              "direction = -1 if reverse else 1", "direction = 1 if reverse else -1",
              run_conv, BoundsFault, "input"),
        Wrong("average: height and width of a tile exchanged", CONV,
              "index[2] * kernel_height * input_strides[2] + index[3] * kernel_width",
              "index[2] * kernel_width * input_strides[2] + index[3] * kernel_height * 3",
              run_average, BoundsFault, "input"),
    ],
}  # fmt: skip


CASES = [pytest.param(wrong, id=f"{task} {wrong.name}") for task in WRONG for wrong in WRONG[task]]


@pytest.mark.parametrize("wrong", CASES)
def test_the_simulator_names_the_fault(wrong: Wrong) -> None:
    with cuda_target.using("simulator"):
        with pytest.raises(wrong.fault) as raised:
            wrong.run(changed(wrong))
        assert wrong.says in str(raised.value)
        assert "thread" in str(raised.value)


def test_the_solutions_have_no_fault_where_the_wrong_ones_do() -> None:
    with cuda_target.using("simulator"):
        for wrong in [wrong for task in WRONG for wrong in WRONG[task]]:
            wrong.run(wrong.module)


def test_there_are_five_or_more_for_each_task() -> None:
    assert {task: len(wrong) >= 5 for task, wrong in WRONG.items()} == dict.fromkeys(WRONG, True)
