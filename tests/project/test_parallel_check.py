"""The script that shows what Numba made parallel."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., str]


def test_parallel_check_tells_what_numba_made_parallel(run: Run) -> None:
    printed = run("parallel_check", "--level", "1", "map")
    assert "MAP" in printed
    assert "Parallel loop listing" in printed or "loop #" in printed.lower()
    assert "the kernels are" in run("parallel_check", "abacus", status=2)
