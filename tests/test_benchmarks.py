"""The logic of `python -m benchmarks`: what it makes of times, not the times."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TOP = Path(__file__).parents[1]
sys.path.insert(0, str(TOP))

from benchmarks import child, harness, processes, report  # noqa: E402
from benchmarks.harness import EAGER, NUMPY, OURS, Comparison, Effort, Quartiles  # noqa: E402

EFFORT = Effort(block=0.0, seconds=1.0, fewest=3, most=5)


def rounds_of(calls: dict[str, harness.Call], clock: list[float]) -> list[dict[str, float]]:
    """Return what five rounds at most give, the clock showing these times one by one."""
    times = iter(clock)
    rests = dict.fromkeys(calls, 0.0)
    return list(harness.rounds(calls, EFFORT, rests, random.Random(0), lambda: next(times)))


def test_quartiles() -> None:
    assert harness.quartiles([3.0]) == (3.0, 3.0, 3.0)
    assert harness.quartiles([5.0, 1.0, 4.0, 2.0, 3.0]) == (2.0, 3.0, 4.0)


def test_every_round_times_every_contestant_who_take_turns_to_begin() -> None:
    seen: list[str] = []
    calls = {name: (lambda name=name: seen.append(name)) for name in "ab"}
    taken = rounds_of(calls, [0.0] * 9)
    assert [set(times) for times in taken] == [{"a", "b"}] * EFFORT.most
    assert {next(iter(times)) for times in taken} == {"a", "b"}
    # One call to learn how long it takes, then in each round one untimed and one timed.
    assert seen.count("a") == seen.count("b") == 1 + 2 * EFFORT.most


@pytest.mark.parametrize(
    ("clock", "rounds"),
    [([0.0, 9.0, 9.0, 9.0], 3), ([0.0, 0.5, 9.0], 4), ([0.0, 0.5, 0.9, 9.0], 5)],
)
def test_rounds_end_when_the_time_is_up_but_not_before_the_fewest(
    clock: list[float], rounds: int
) -> None:
    assert len(rounds_of({"a": int, "b": int}, clock)) == rounds


def test_a_block_is_filled_with_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "_block", lambda call, calls: 0.001)
    assert harness._calls_in(int, 0.012) == 12
    assert harness._calls_in(int, 0.0001) == 1


def test_ratios_are_taken_round_by_round(monkeypatch: pytest.MonkeyPatch) -> None:
    # The machine slows down to a tenth, and the ratio stays.
    taken = [{OURS: 1.0, EAGER: 2.0}, {OURS: 10.0, EAGER: 20.0}, {EAGER: 2.0, OURS: 1.0}]
    monkeypatch.setattr(harness, "rounds", lambda *_: iter(taken))
    found = harness.compare({OURS: int, EAGER: int}, EFFORT, 1, random.Random(0))
    assert found.ratios == {EAGER: (0.5, 0.5, 0.5)}
    assert found.seconds == {OURS: 1.0, EAGER: 2.0}


def test_a_disturbed_measurement_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [harness.Measured({}, {}, disturbed) for disturbed in (0.5, 0.7, 0.0, 0.0)]
    monkeypatch.setattr(harness, "_compare_once", lambda *_: made.pop(0))
    effort = Effort(0.0, 1.0, 3, 5, again=1)
    assert harness.compare({}, effort, 1, random.Random(0)).disturbed == 0.5
    assert harness.compare({}, effort, 1, random.Random(0)).disturbed == 0.0
    assert len(made) == 1


@pytest.mark.parametrize(
    ("ours", "theirs", "dtype", "says"),
    [
        (np.ones(3), np.ones(3), "float32", ""),
        (np.ones(3), np.ones(3) + 1e-6, "float32", ""),
        (np.ones(3), np.ones(3) + 1e-6, "float64", "values differ by 1.0e-06"),
        (np.ones(3), np.ones(4), "float64", "shapes differ: (3,), not (4,)"),
        (np.ones(1), np.float64(1.0), "float64", ""),
        ((np.ones(2), np.ones(2)), (np.ones(2), np.zeros(2)), "float64", "values differ by 1.0e"),
        (np.array([1.0, np.nan]), np.ones(2), "float64", "values differ by nan"),
    ],
)
def test_disagreement(ours: object, theirs: object, dtype: str, says: str) -> None:
    found = harness.disagreement(ours, theirs, dtype)
    assert found.startswith(says)
    assert bool(found) == bool(says)


def comparison(middle: float, target: float | None, **changes: object) -> Comparison:
    """Return a comparison with this ratio to PyTorch."""
    ratios = {EAGER: Quartiles(middle - 0.1, middle, middle + 0.1), NUMPY: Quartiles(2, 2, 2)}
    told = {
        "row": "row", "name": "case", "dtype": "float32", "threads": 1,
        "seconds": {OURS: 1e-3, EAGER: 12.3e-6}, **changes,
    }  # fmt: skip
    return Comparison(target=target, ratios=ratios, **told)  # type: ignore[arg-type]


def test_whether_a_target_is_met() -> None:
    assert comparison(1.0, 1.0).met is True
    assert comparison(1.01, 1.0).met is False
    assert comparison(1.0, None).met is None
    assert Comparison("row", "case", 1.0, "float32", 1, problem="failed").met is None


def test_the_summary_names_the_worst_against_its_own_target() -> None:
    found = [comparison(1.4, 1.5, name="small"), comparison(1.3, 1.2, name="large", disturbed=1.0),
             comparison(9.0, None, name="free")]  # fmt: skip
    (line,) = report.summary(found)[2]
    assert line == [
        "row",
        "1",
        "1.2 / 1.5",
        "1.40",
        "1.30",
        "large, float32",
        "1 of 2, 1 disturbed",
    ]


def test_the_page_holds_every_line() -> None:
    found = [comparison(0.5, 1.0), comparison(1.5, 1.0), comparison(1.5, 1.0, disturbed=0.5),
             Comparison("row", "gone", 1.0, "float32", 2, problem="failed: a | b")]  # fmt: skip
    figures = [processes.Figure("start", "1 s", "at most 2 s", True)]
    page = report.markdown([("machine", "this one")], found, figures)
    assert "- machine: this one" in page
    assert "| start | 1 s | at most 2 s | yes |" in page
    told = "| row | case | float32 | 1 | 1.00 ms | 12.3 µs |"
    assert f"{told} 0.50 (0.40 to 0.60) | 1 | yes | - | 2.00 |" in page
    assert "| 1.50 (1.40 to 1.60) | 1 | **no** |" in page
    assert "| 1.50 (1.40 to 1.60) disturbed | 1 | **no** |" in page
    assert "| gone | float32 | 2 | - | - | failed: a \\| b | 1 |  | - | - |" in page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.0, "2.00 s"), (0.0123, "12.3 ms"), (123e-6, "123 µs"), (1.5e-7, "0.150 µs")],
)
def test_durations(seconds: float, text: str) -> None:
    assert report.duration(seconds) == text


def test_unwanted_imports_are_known_where_they_happen() -> None:
    program = (
        "import sys, numba.cuda.cudadrv; from benchmarks import child; "
        "print(*child.importing()['pulled'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["numba's", "CUDA", "target"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_memory_is_read_in_bytes() -> None:
    size = child._memory("VmRSS")
    assert 1 << 20 < size <= child._memory("VmHWM")


def test_every_row_of_the_issue_is_measured() -> None:
    pytest.importorskip("torch", reason="the benchmarks compare with PyTorch")
    from benchmarks.__main__ import all_cases

    targets: dict[str, set[float | None]] = {}
    for case in all_cases(compiling=False):
        targets.setdefault(case.row, set()).add(case.target)
    assert [targets[row] for row in targets] == [
        {0.6}, {0.75}, {0.6}, {1.1}, {1.0}, {0.7}, {1.2, 1.5}, {1.05}, {1.3}, {1.2}, {1.5},
    ]  # fmt: skip


@pytest.mark.slow
def test_the_command_measures_and_writes(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the benchmarks compare with PyTorch")
    output = tmp_path / "results.md"
    command = ["-m", "benchmarks", "--quick", "--threads", "1", "--row", "add a row$|up: import"]
    done = subprocess.run(
        [sys.executable, *command, "--output", str(output)],
        cwd=TOP, capture_output=True, text=True, env={**os.environ, "NUMBA_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    page = output.read_text(encoding="utf-8")
    assert "| add a row | float32 | 1 |" in page
    assert "import minitorch pulls in | none of these" in page
    assert str(TOP) not in page


@pytest.mark.slow
def test_a_pattern_that_matches_nothing_is_refused() -> None:
    pytest.importorskip("torch", reason="the benchmarks compare with PyTorch")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--row", "no such row"],
        cwd=TOP, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no row matches 'no such row'" in done.stderr
