"""Running the tests of one task and saying what is wrong: `minitorch check`.

Student code runs in a child process only. The child is pytest with the plugin, which writes each
result into a file as it comes; so the first failure is told at once, and a crash, an endless loop
or a `sys.exit` is told as well.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .curriculum import Task, find_task, load_tasks
from .hints import told_hints
from .progress import next_task, states
from .source import blanks_left, test_files
from .steps import is_own

__all__ = ["LIMIT", "check"]

Say = Callable[[str], None]

# Seconds that one test may take: far more than the slowest needs, kernels compiled anew included.
LIMIT = 120.0


@dataclass
class _Results:
    """What has been told of a task's tests.

    Args:
        count: how many tests there are.
        passed, skipped: how many of them.
        failed: the names of those that failed.
        todo: the messages of unfinished functions that tests met.
        running: the test that began last and has not ended.
        since: when it began.
        ended: whether the run came to its end.
        told: whether a fault was explained already.
        headed: the name of the test whose failure was announced and not explained yet.
        stuck: what the file says when a test took too long.
    """

    count: int = 0
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    todo: list[str] = field(default_factory=list)
    running: str | None = None
    since: float = 0.0
    ended: bool = False
    told: bool = False
    headed: str | None = None
    stuck: list[str] = field(default_factory=list)


def check(
    root: Path,
    id: str | None,
    say: Say,
    *,
    hint: bool = False,
    long: bool = False,
    everything: bool = False,
    limit: float = LIMIT,
    so_far: Say = lambda text: None,
) -> bool:
    """Run the tests of a task, say what is wrong, and return whether all pass.

    Args:
        root: the checkout.
        id: the task's id; by default, the task to work on next.
        say: takes what to print, some lines at a time.
        hint: whether to end with the next hint.
        long: whether to show tracebacks below the plain words.
        everything: whether to explain every failure, not the first only.
        limit: seconds that one test may take.
        so_far: takes how many tests pass until now, again and again.

    Raises:
        LookupError: if there is no such task.
    """
    tasks = load_tasks(root / "minitorch" / "course" / "curriculum.toml")
    task = find_task(id, tasks) if id else next_task(states(root, tasks))
    if task is None:
        say("All tasks are done.")
        return True
    say(f"Task {task.id}, {task.title}")
    good = _check(
        root, tasks, task, say, so_far, long=long, everything=everything, limit=limit
    )  # fmt: skip
    if good:
        after = next_task(states(root, tasks))
        told = f" Next: Task {after.id}, {after.title}" if after else ""
        say(f"Task {task.id} is done.{told}")
    elif hint:
        say("\n" + told_hints(root, task))
    elif task.hints:
        say(f"\nA hint: minitorch check {task.id} --hint")
    return good


def _check(
    root: Path, tasks: tuple[Task, ...], task: Task, say: Say, so_far: Say, *,
    long: bool, everything: bool, limit: float,
) -> bool:  # fmt: skip
    left = blanks_left(root, task)
    if len(left) == len(task.blanks):
        say("\n".join(_todo_lines(task.message(blank) for blank in left)))
        _say_what_is_needed(root, tasks, task, say)
        return False
    files = test_files(root, task)
    if not files:
        say(f"there is no test of Task {task.id}: no file in tests/ has its marker {task.marker}")
        return False
    results = _Results()
    with tempfile.TemporaryDirectory() as folder:
        report, printed = Path(folder) / "report", Path(folder) / "printed"
        report.touch()
        with printed.open("w", encoding="utf-8") as output:
            child = subprocess.Popen(
                _command(root, task, files, report, limit, long),
                cwd=root,
                env=_environment(root),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                for event in _events(report, child, results):
                    _hear(event, results, say, long=long, everything=everything)
                    so_far(_so_far(results))
            finally:
                if child.poll() is None:
                    child.kill()
                child.wait()
        _say_the_end(root, task, results, child.returncode, printed, say)
    todo = [task.message(blank) for blank in left] + sorted(set(results.todo))
    if todo:
        say("\n".join(_todo_lines(todo)))
    if results.failed or results.todo:
        _say_what_is_needed(root, tasks, task, say)
    # A test of 2.4 may pass with an unfinished function that no test of it meets.
    good = child.returncode == 0 and results.ended and not results.failed and not left
    return good and results.passed > 0


def _command(
    root: Path, task: Task, files: list[Path], report: Path, limit: float, long: bool
) -> list[str]:
    return [
        sys.executable, "-m", "pytest", "-p", "minitorch_course.plugin", "-p", "no:cacheprovider",
        "--minitorch-report", str(report), "--minitorch-limit", str(limit),
        *(["--long"] if long else []), "-m", f"{task.marker} and not slow",
        *[str(path.relative_to(root)) for path in files],
    ]  # fmt: skip


def _environment(root: Path) -> dict[str, str]:
    """Return the child's environment: the checkout's own code first, no other plugins."""
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONIOENCODING": "utf-8",
    }


def _events(
    report: Path, child: subprocess.Popen[bytes], results: _Results
) -> Iterator[dict[str, Any]]:
    """Yield what the child writes into its report, as it comes, until the child has ended."""
    rest = ""
    with report.open(encoding="utf-8", errors="replace") as file:
        while True:
            over = child.poll() is not None
            rest += file.read()
            *lines, rest = rest.split("\n")
            for line in lines:
                if line.startswith("{"):
                    yield json.loads(line)
                elif line:
                    results.stuck.append(line)
            if over:
                return
            yield {"kind": "nothing"}
            time.sleep(0.05)


def _hear(
    event: dict[str, Any], results: _Results, say: Say, *, long: bool, everything: bool
) -> None:
    """Take in one event; explain the first failure at once."""
    if event["kind"] == "start":
        results.running, results.since = event["test"], time.monotonic()
    elif event["kind"] == "collected":
        results.count = event["count"]
    elif event["kind"] == "import":
        if not results.told:
            say(event["words"])
        results.told = True
        results.failed.append("import")
    elif event["kind"] == "end":
        results.ended, results.running = True, None
    elif event["kind"] == "failing":
        # Said at once; to find the smallest example may take a while.
        if everything or not results.told:
            results.headed = _name(event["test"])
            say(f"\nwrong: {results.headed}\n")
    elif event["kind"] == "test":
        name = _name(event["test"])
        if event["outcome"] == "passed":
            results.passed += 1
        elif event["outcome"] == "skipped":
            results.skipped += 1
        elif event["todo"]:
            results.todo.append(event["todo"])
        else:
            results.failed.append(name)
            if everything or not results.told:
                if results.headed != name:
                    say(f"\nwrong: {name}\n")
                results.headed = None
                text = event["words"] or ""
                say("\n".join(f"    {line}".rstrip() for line in text.splitlines()) + "\n")
                if long:
                    say(event["trace"] or "")
            results.told = True


def _todo_lines(messages: Iterable[str]) -> list[str]:
    """Return what is to do, by tasks and files, from messages of unfinished functions."""
    places: dict[str, list[str]] = {}
    for message in dict.fromkeys(messages):
        place, name = message.rsplit(", ", 1)
        places.setdefault(place.replace(": ", ", ", 1), []).append(name)
    return [
        line
        for place, names in places.items()
        for line in textwrap.wrap(f"to do: {place}, {', '.join(names)}", 96,
                                  subsequent_indent=" " * 7, break_long_words=False)
    ]  # fmt: skip


def _so_far(results: _Results) -> str:
    """Return how many tests pass until now, and which one has been running for long."""
    if not results.count:
        return ""
    text = f"{results.passed} of {results.count} tests pass so far"
    seconds = int(time.monotonic() - results.since)
    if results.running and seconds >= 5:
        text += f"; {seconds} s in {_name(results.running).split('[')[0]}"
    return text


def _name(test: str) -> str:
    """Return the name of a test, without its file."""
    return test.split("::", 1)[-1]


def _say_the_end(
    root: Path, task: Task, results: _Results, status: int, printed: Path, say: Say
) -> None:
    """Say how many tests pass, or why the run did not come to its end."""
    if results.stuck and results.running:
        places = "\n".join(f"    {place}" for place in _places(results.stuck, root))
        say(
            f"{results.running.split('::', 1)[-1]} takes too long. It was at\n{places}\n"
            "Is there a loop without an end? If it is only slow (a kernel is compiled when it\n"
            "first runs), give it more time with --limit SECONDS."
        )
        return
    if not results.ended:
        if results.running:
            say(_death(_name(results.running), status))
            results.failed.append(results.running)
        elif not results.told:
            lines = printed.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
            say("the tests did not run:\n" + "\n".join(f"    {line}" for line in lines))
        return
    total = results.passed + len(results.failed) + len(results.todo)
    if total == 0 and not results.skipped:
        say(f"no test of Task {task.id} ran")
        return
    skipped = f", {results.skipped} skipped" if results.skipped else ""
    say(f"{results.passed} of {total} tests pass{skipped}")
    others = results.failed[1:]
    if others and "import" not in results.failed:
        named = ", ".join(dict.fromkeys(name.split("[")[0] for name in others))
        say(
            f"wrong as well: {named}" if len(named) < 300 else f"wrong as well: {len(others)} tests"
        )


def _places(dump: list[str], root: Path) -> list[str]:
    """Return the places in the checkout that a dump of the stack names, the innermost first."""
    found = re.findall(r'File "([^"]+)", line (\d+) in (\S+)', "\n".join(dump))
    places = [
        f"{Path(file).relative_to(root).as_posix()}, line {line}, in {function}"
        for file, line, function in found
        if is_own(Path(file), root)
    ]
    if not places:
        return ["a compiled kernel, or the library"]
    # What calls a kernel is no place to look for the loop.
    kernel = ["a compiled kernel, called at"] if places[0].startswith("minitorch/jit.py") else []
    places = [place for place in places if not place.startswith("minitorch/jit.py")]
    return [*kernel, *places][:4]


def _death(test: str, status: int) -> str:
    """Say how Python itself came to an end during a test."""
    if status < 0:
        name = signal.Signals(-status).name
        if name in ("SIGSEGV", "SIGBUS", "SIGABRT"):
            return (
                f"Python crashed ({name}) during {test}: a kernel wrote or read outside of its "
                "arrays, most likely. NUMBA_BOUNDSCHECK=1 before the command says where."
            )
        return f"Python was ended by {name} during {test}; is the memory full?"
    return f"Python ended during {test}, with status {status}: does your code call exit?"


def _say_what_is_needed(root: Path, tasks: tuple[Task, ...], task: Task, say: Say) -> None:
    """Name the tasks that come before this one and are not done."""
    found = [s for s in states(root, tasks) if s.task.id in task.needs]
    for state in found:
        if state.word in ("to do", "wrong") or state.word.startswith("waits"):
            say(f"Task {task.id} needs Task {state.task.id}, {state.task.title}: {state.word}")
