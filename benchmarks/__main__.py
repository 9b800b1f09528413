"""Time minitorch against PyTorch eager, torch.compile and numpy.

    python -m benchmarks --help

Run it from the top of the checkout, on a machine that does nothing else. Needs the extras
`project` and `torch`.
"""

from __future__ import annotations

import importlib.util
import random
import re
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

MISSING = [name for name in ("torch", "typer") if importlib.util.find_spec(name) is None]
if MISSING:
    sys.exit(
        f"python -m benchmarks needs {' and '.join(MISSING)}: pip install -e '.[project,torch]'"
    )

import torch  # noqa: E402
import typer  # noqa: E402

import minitorch  # noqa: E402

from . import (  # noqa: E402
    gpu,
    report,
    rows_convolution,
    rows_elementwise,
    rows_gpu,
    rows_lenet,
    rows_matrix,
    rows_small,
)
from .harness import (  # noqa: E402
    DISTURBED,
    FULL,
    QUICK,
    Case,
    Comparison,
    Contest,
    Effort,
    compare,
    disagreement,
)
from .processes import EPOCH_ROW, Figure, Question, compare_epochs, questions  # noqa: E402
from .threads import compile_problem, machine, most_threads, set_threads  # noqa: E402

RESULTS = Path(__file__).with_name("RESULTS.md")
GPU_RESULTS = Path(__file__).with_name("RESULTS-CUDA.md")


def say(line: str) -> None:
    """Print progress, apart from the tables."""
    print(line, file=sys.stderr, flush=True)


def all_cases(compiling: bool) -> Iterator[Case]:
    """Yield the cases in the order of the issue's table."""
    yield from rows_lenet.cases(compiling)
    yield from rows_convolution.cases()
    yield from rows_matrix.cases()
    yield from rows_elementwise.cases()
    yield from rows_small.cases()


def measure(
    case: Case, dtype: str, threads: list[int], effort: Effort, chance: random.Random
) -> Iterator[Comparison]:
    """Yield the comparison of a case for each number of threads; a failure becomes its problem."""
    about = case.row, case.name, case.target, dtype
    contest: Contest | None = None
    for count in threads:
        set_threads(count)
        try:
            if contest is None:
                minitorch.set_default_dtype(dtype)
                torch.compiler.reset()
                contest = case.build(dtype)
            calls = contest.calls()
            results = {name: call() for name, call in calls.items()}  # compiles, too
            problem = ""
            if contest.checked:
                reference = contest.reference or contest.theirs
                problem = disagreement(results["minitorch"], reference(), dtype)
            del results
            found = compare(calls, effort, count if case.parallel else 1, chance)
            yield Comparison(*about, count, *found, problem)
        except Exception as error:
            text = str(error).strip().splitlines()
            problem = f"failed: {type(error).__name__}: {text[0] if text else 'no message'}"
            yield Comparison(*about, count, problem=problem)


def ask(question: Question) -> list[Figure]:
    """Return the answer; a failure becomes the value."""
    try:
        return question.answer()
    except Exception as error:
        return [Figure(question.name, f"failed: {error}")]


def epochs(backend: str, threads: int, pairs: int) -> list[Comparison]:
    """Return the comparison of whole epochs; a failure becomes its problem."""
    try:
        return compare_epochs(backend, threads, pairs)
    except Exception as error:
        problem = f"failed: {error}"
        return [Comparison(EPOCH_ROW, "1 epoch", 0.7, "float32", threads, problem=problem)]


def main(
    row: Annotated[
        str | None, typer.Option(help='Only what this pattern is found in, as in "row: case".')
    ] = None,
    backend: Annotated[str | None, typer.Option(help="minitorch's backend.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few rounds; no epochs, no cold cache.")
    ] = False,
    threads: Annotated[
        list[int] | None, typer.Option(min=1, help="Numbers of threads; by default 1 and all.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write here; by default, of a whole run, RESULTS.md, or RESULTS-CUDA.md of a GPU."
        ),
    ] = None,
) -> None:
    """Time minitorch against PyTorch eager, torch.compile and numpy."""
    started = time.perf_counter()
    try:
        if backend is not None:
            minitorch.set_default_backend(backend)
        pattern = re.compile(row or "", re.IGNORECASE)
    except (minitorch.BackendError, re.error) as error:
        raise typer.BadParameter(str(error)) from None
    counts = sorted(set(threads or (1, most_threads())))
    if counts[-1] > most_threads():
        raise typer.BadParameter(f"{counts[-1]} threads: there are {most_threads()} here")
    name = backend or known_name()
    on_gpu = minitorch.get_backend().cuda
    if on_gpu:
        if gpu.problem():
            raise typer.BadParameter(f"backend {name}: {gpu.problem()}")
        gpu.use_gpu()
        counts = [1]
    effort = QUICK if quick else FULL

    def wanted(title: str) -> bool:
        return pattern.search(title) is not None

    lenet = [case for case in rows_lenet.cases(False) if wanted(f"{case.row}: {case.name}")]
    problem = "no row that it is measured in was asked for"
    if lenet:
        problem = "not on a GPU" if on_gpu else compile_problem()
    cases = rows_gpu.cases() if on_gpu else all_cases(not problem)
    chosen = [case for case in cases if wanted(f"{case.row}: {case.name}")]
    asked = [] if on_gpu else [one for one in questions(name, quick) if wanted(one.name)]
    chance = random.Random(0)
    comparisons: list[Comparison] = []
    figures: list[Figure] = []
    try:
        for question in asked:
            if quick and question.slow:
                continue
            say(question.name)
            figures += ask(question)
        for number, case in enumerate(chosen):
            say(f"{number + 1} of {len(chosen)}  {case.row}: {case.name}")
            for dtype in case.dtypes:
                comparisons += measure(case, dtype, counts, effort, chance)
        if wanted(EPOCH_ROW) and not quick and not on_gpu:
            for count in counts:
                say(f"{EPOCH_ROW}, {count} threads")
                comparisons += epochs(name, count, 3)
    except KeyboardInterrupt:
        say("interrupted: what follows is what there is")
        output = None
    else:
        if output is None and row is None and not quick:
            output = GPU_RESULTS if on_gpu else RESULTS
    if not comparisons and not figures:
        raise typer.BadParameter(f"no row matches {row!r}")
    seconds = time.perf_counter() - started
    about = [
        *machine(),
        *(gpu.about() if on_gpu else []),
        ("minitorch", f"{version('minitorch')}, backend {name}"),
        ("torch.compile", f"not measured: {problem}" if problem else "measured on LeNet steps"),
        ("other processes", _elsewhere(comparisons)),
        ("date", time.strftime("%Y-%m-%d")),
        ("command", f"python -m benchmarks {' '.join(sys.argv[1:])}".strip()),
        ("took", f"{seconds / 60:.1f} minutes"),
    ]
    report.print_tables(about, comparisons, figures)
    if output is not None:
        report.write(output, report.markdown(about, comparisons, figures))
        say(f"written to {output}")
    broken = [one for one in comparisons if one.problem]
    broken_figures = [one for one in figures if one.value.startswith("failed")]
    if broken or broken_figures:
        say(f"{len(broken) + len(broken_figures)} could not be measured, or gave wrong values")
        raise typer.Exit(1)


def _elsewhere(comparisons: list[Comparison]) -> str:
    """Return in words how much other processes disturbed."""
    disturbed = sum(one.disturbed >= DISTURBED for one in comparisons)
    return (
        f"disturbed {disturbed} of {len(comparisons)} comparisons (used {DISTURBED:g} cores or "
        "more meanwhile)"
    )


def known_name() -> str:
    """Return the name of the default backend."""
    chosen = minitorch.get_backend()
    names = ("tuned", "fast", "simple", "cuda")
    return next(one for one in names if _is_backend(one, chosen))


def _is_backend(name: str, backend: minitorch.TensorBackend) -> bool:
    try:
        return minitorch.get_backend(name) is backend
    except minitorch.BackendError:
        return False


if __name__ == "__main__":
    typer.run(main)
