"""Faults of CUDA kernels in plain words, with the lines of the kernel."""

from __future__ import annotations

import linecache
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import cuda

from minitorch.course.cuda_words import explain_fault, is_cuda_fault
from minitorch.cudasim import launch

HELPER = """
def read(cells, i):
    return cells[i]
"""


@pytest.fixture
def told(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that runs a kernel in two blocks of four threads, and explains its fault.

    The kernel stands in `minitorch/cuda_ops.py` from its third line on.
    """

    def run(body: str) -> str:
        names: dict[str, Any] = {"__name__": "student", "cuda": cuda, "np": np}
        kernel = f"# The student's.\ndef _map(out):\n{textwrap.indent(body, '    ')}\n"
        for file, text in (("tensor_data.py", HELPER), ("cuda_ops.py", kernel)):
            path = tmp_path / "minitorch" / file
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            linecache.checkcache(str(path))
            exec(compile(text, str(path), "exec"), names)
        with pytest.raises(Exception) as raised:  # noqa: PT011
            launch(names["_map"], 2, 4, (np.zeros(5),))
        assert is_cuda_fault(raised.value), raised.value
        return "\n".join(explain_fault(raised.value, ["minitorch/cuda_ops.py"], tmp_path))

    return run


def test_a_race_names_both_threads_and_their_lines(told: Any) -> None:
    text = told(
        "s = cuda.shared.array(4, np.float64)\n"
        "s[cuda.threadIdx.x] = 1.0\n"
        "out[cuda.grid(1) % 5] = s[3 - cuda.threadIdx.x]"
    )
    assert "race on shared array s" in text
    assert "minitorch/cuda_ops.py, line 4:\n    s[cuda.threadIdx.x] = 1.0\n" in text
    assert "minitorch/cuda_ops.py, line 5:\n    out[cuda.grid(1) % 5] = s[3 -" in text
    assert "no element of its own" not in text


def test_two_blocks_at_one_line_are_asked_for_threads_without_an_element(told: Any) -> None:
    text = told("out[min(cuda.grid(1), 4)] = 1.0")
    assert "race on global array out" in text
    assert "does a thread write that has no element of its own" in text
    assert text.count("line 3:\n    out[min(cuda.grid(1), 4)] = 1.0") == 1


def test_an_index_out_of_bounds_names_the_thread(told: Any) -> None:
    text = told("out[cuda.grid(1)] = 1.0")
    assert "out[5] is out of bounds" in text
    assert "thread 1 of block 1 writes it at minitorch/cuda_ops.py, line 3" in text


def test_a_fault_in_a_helper_names_the_line_that_called_it(told: Any) -> None:
    text = told("i = cuda.grid(1)\nif i < 5:\n    out[i] = read(out, i + 5)")
    assert "minitorch/tensor_data.py, line 3:\n    return cells[i]\n" in text
    assert "called from minitorch/cuda_ops.py, line 5:\n    out[i] = read(out, i + 5)" in text


def test_a_barrier_that_some_miss_is_told_in_lines_of_a_bearable_length(told: Any) -> None:
    text = told("if cuda.threadIdx.x < 2:\n    cuda.syncthreads()")
    assert "not all threads of block 0 reach the same barrier" in text
    assert "minitorch/cuda_ops.py, line 4:\n    cuda.syncthreads()" in text
    assert max(map(len, text.splitlines())) <= 92
