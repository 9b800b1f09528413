"""The commands. Nothing here imports minitorch when it starts: a student's file may not import."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .check import LIMIT
from .check import check as run_check
from .checkout import find_root
from .curriculum import load_tasks
from .doctor import examine
from .import_words import explain_import
from .progress import next_task, states
from .watch import watch as run_watch
from .words import unfinished_message

__all__ = ["app"]

app = typer.Typer(
    help="minitorch: tensors, autodiff and kernels, and the course in which one builds them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_INSTRUCTORS = "For instructors"

TaskId = Annotated[str | None, typer.Argument(help="Such as 4.1; by default the next task.")]


def _root() -> Path:
    """Return the checkout that one is in, or end with a message."""
    root = find_root()
    if root is None:
        sys.exit("minitorch: there is no minitorch checkout here or above; cd into yours")
    return root


# What deletes, on a terminal, the line that one is on.
_CLEAR = "\r\x1b[K"


# What stands on that line.
_passing = ""


def _say(text: str) -> None:
    _say_for_now("")
    print(text, flush=True)


def _say_for_now(text: str) -> None:
    """Say on a terminal what the next words replace; elsewhere nothing."""
    global _passing
    if text != _passing and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f"{_CLEAR}{text[:width]}", end="", flush=True)
        _passing = text


@app.command()
def tasks() -> None:
    """Show the tasks: what is done, what comes next, what each needs."""
    root = _root()
    found = states(root, load_tasks(root / "minitorch" / "course" / "curriculum.toml"))
    after = next_task(found)
    # Close together, so that 80 columns do.
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("task", "", "state", "passed", "failed", "needs"):
        right = title in ("passed", "failed")
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    colours = {"done": "green", "wrong": "red", "to do": "yellow"}
    for state in found:
        task, record = state.task, state.record
        is_next = after is not None and task.id == after.id
        table.add_row(
            task.id,
            task.title,
            f"[{colours.get(state.word, 'default')}]{state.word}[/]{', next' if is_next else ''}",
            str(record.passed) if record else "",
            str(record.failed) if record else "",
            ", ".join(task.needs),
            style="bold" if is_next else None,
        )
    Console().print(table)
    done = sum(state.word == "done" for state in found)
    told = f" Next: minitorch check {after.id}" if after else ""
    _say(f"\n{done} of {len(found)} tasks are done.{told}")


@app.command()
def check(
    task: TaskId = None,
    hint: Annotated[bool, typer.Option(help="End with the next hint.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Explain every failure.")] = False,
    long: Annotated[bool, typer.Option(help="Add the tracebacks.")] = False,
    limit: Annotated[float, typer.Option(help="Seconds that one test may take.")] = LIMIT,
) -> None:
    """Run the tests of a task, and say in plain words what is wrong."""
    try:
        good = run_check(
            _root(), task, _say,
            hint=hint, everything=every, long=long, limit=limit, so_far=_say_for_now,
        )  # fmt: skip
    except LookupError as error:
        sys.exit(f"minitorch: {error.args[0]}")
    except KeyboardInterrupt:
        _say("")
        sys.exit(130)
    sys.exit(0 if good else 1)


@app.command()
def watch(task: TaskId = None) -> None:
    """Check a task again whenever a file is saved, until Ctrl-C."""
    root = _root()

    def again(changed: list[Path]) -> None:
        if changed:
            names = ", ".join(path.relative_to(root).as_posix() for path in changed[:3])
            _say(f"\n--- saved: {names}")
        run_check(root, task, _say, so_far=_say_for_now)

    try:
        run_watch(root, again)
    except LookupError as error:
        sys.exit(f"minitorch: {error.args[0]}")
    except KeyboardInterrupt:
        _say("")
        sys.exit(0)


@app.command()
def doctor() -> None:
    """Look for what is missing on this machine, and say how to mend it."""
    bad = False
    for finding in examine(find_root()):
        bad = bad or finding.state == "bad"
        _say(f"{finding.state:8} {finding.name}: {finding.what}")
        if finding.mend:
            _say(f"{'':8} {finding.mend}")
    sys.exit(1 if bad else 0)


@app.command()
def warmup() -> None:
    """Compile the kernels of the default backend and keep them, so that nothing waits later."""
    from tqdm import tqdm

    started = time.perf_counter()
    try:
        package = importlib.import_module("minitorch")
        steps = list(importlib.import_module("minitorch.warmup").warmup_steps())
    except Exception as error:
        sys.exit(f"minitorch: {explain_import(error, find_root() or Path.cwd())}")
    todo = []
    for name, step in (bar := tqdm(steps, unit="step", leave=False, disable=None)):
        bar.set_description(name)
        try:
            step()
        except NotImplementedError as error:
            message = unfinished_message(error)
            if message is None:
                raise
            todo.append(message)
    seconds = time.perf_counter() - started
    _say(f"kernels of {package.get_backend()} are ready, after {seconds:.1f} s")
    for message in dict.fromkeys(todo):
        _say(f"but for what is to do: {message}")


def _is_here(module: str) -> bool:
    """Return whether a module of the instructors' is there; a starter has none of them."""
    return importlib.util.find_spec(f"{__package__}.{module}") is not None


def _of_instructors(module: str) -> Any:
    """Return a module of the instructors', or end with a message."""
    if not _is_here(module):
        sys.exit(f"minitorch: `{module}` is for instructors and runs from the checkout of the "
                 "solution; this is a starter")  # fmt: skip
    return importlib.import_module(f"{__package__}.{module}")


@app.command(hidden=not _is_here("start"), rich_help_panel=_INSTRUCTORS)
def start(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    first: Annotated[str | None, typer.Option("--from", help="The first task to do.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last task to do.")] = None,
) -> None:
    """Cut a starter from the solution."""
    module = _of_instructors("start")
    try:
        tasks = module.start(folder, first, last)
    except (LookupError, module.StartError) as error:
        sys.exit(f"minitorch: {error.args[0]}")
    _say(f"{folder} is a starter for Tasks {tasks[0].id} to {tasks[-1].id}")


@app.command(hidden=not _is_here("reveal"), rich_help_panel=_INSTRUCTORS)
def reveal(
    task: Annotated[str, typer.Argument(help="Such as 4.1.")],
    folder: Annotated[Path, typer.Argument(help="The top of the student's checkout.")],
) -> None:
    """Put the solution of a task into a student's checkout, and keep the student's version."""
    module = _of_instructors("reveal")
    try:
        changed = module.reveal(task, folder)
    except (LookupError, module.RevealError) as error:
        sys.exit(f"minitorch: {error.args[0]}")
    for path, kept in changed:
        _say(f"{path}" + (f"; the student's version is {kept.name}" if kept else " was missing"))
    if not changed:
        _say("nothing to change: the solution is there already")


@app.command(hidden=not _is_here("grade"), rich_help_panel=_INSTRUCTORS)
def grade(
    folder: Annotated[Path, typer.Argument(help="What the student handed in.")],
    json: Annotated[Path | None, typer.Option(help="Write Gradescope's results.json here.")] = None,
    only: Annotated[list[str] | None, typer.Option("--task", help="Grade this task only.")] = None,
) -> None:
    """Grade a submission: points for each task, and for each of its properties."""
    module, forms = _of_instructors("grade"), _of_instructors("gradescope")
    try:
        grades = module.grade(folder, only or (), say=_say)
    except (LookupError, module.GradeError) as error:
        sys.exit(f"minitorch: {error.args[0]}")
    if json is not None:
        forms.write_results(grades, json)
    Console().print(forms.grades_table(grades))
