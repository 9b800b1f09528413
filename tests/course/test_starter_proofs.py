"""What a starter is said to be, it is: at every cut, with every task."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from starter_runs import Outcome, Starter, environment, said

from minitorch.course import Task, cut, load_tasks
from minitorch.course.curriculum import load_modules
from minitorch.course.reveal import reveal
from minitorch.course.start import start

TOP = Path(__file__).parents[2]
TASKS = load_tasks()
MODULES = [module.id for module in load_modules()]

# Whole trainings, which take minutes on the backend that a starter has.
LONG = ("--ignore=tests/project/test_mnist_script.py",)

# Imports minitorch in each of the folders that it is given, in processes forked from one that has
# imported numba; prints those in which it failed.
IMPORTER = """
import os, sys, numba
for folder in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        sys.path.insert(0, folder)
        import minitorch
        os._exit(0 if minitorch.__file__.startswith(folder) else 1)
    if os.waitpid(child, 0)[1]:
        print(folder)
"""


@pytest.fixture(scope="module")
def cuts(tmp_path_factory: pytest.TempPathFactory) -> dict[Task, Path]:
    """Return for each task the starter in which it is the first to do, up to the last of all."""
    folder = tmp_path_factory.mktemp("cuts")
    for task in TASKS:
        start(folder / task.id, task.id)
    return {task: folder / task.id for task in TASKS}


@pytest.mark.slow
def test_a_starter_imports_at_every_cut(
    cuts: dict[Task, Path], tmp_path: Path, cache: Path
) -> None:
    folders = list(cuts.values())
    for module in MODULES:
        folders.append(tmp_path / module)
        start(folders[-1], None, [task.id for task in TASKS if task.module == module][-1])
    command = [sys.executable, "-c", IMPORTER, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(tmp_path, cache))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", done.stdout + done.stderr


@pytest.mark.slow
def test_cuts_differ_in_nothing_but_the_functions_of_the_tasks_between(
    cuts: dict[Task, Path],
) -> None:
    """What `test_leaks.py` finds of the first cut is so true of all, but for what was solved."""
    for task, following in itertools.pairwise(TASKS):
        found = texts(cuts[following])
        for blank in task.blanks:
            source = found[blank.file].decode()
            found[blank.file] = cut(source, blank.name, task.message(blank)).encode()
        assert found == texts(cuts[task]), task.id


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where all the runs keep compiled kernels: they are found by what is in them."""
    return tmp_path_factory.mktemp("cache")


def check(outcomes: list[Outcome], done: Task | None, waiting: Task | None) -> None:
    """See that the tests of one task pass, and that those of another wait for it, and only that."""
    if done is not None:
        of_done = [o for o in outcomes if done.marker in o.tasks and not o.skipped]
        assert of_done, done.id
        assert [(o.test, o.error) for o in of_done if o.error] == []
    if waiting is not None:
        messages = [waiting.message(blank) for blank in waiting.blanks]
        failed = [o for o in outcomes if waiting.marker in o.tasks and o.error]
        assert failed, f"no test of Task {waiting.id} fails before it is done"
        for outcome in failed:
            assert any(message in said(outcome) for message in messages), outcome


def texts(folder: Path) -> dict[str, bytes]:
    """Return the contents of the Python files and the table of a checkout."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in {".py", ".toml"}
    }


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_tasks_done_in_order_turn_their_own_markers_green(
    module: str, tmp_path: Path, cache: Path
) -> None:
    tasks = [task for task in TASKS if task.module == module]
    last = tasks[-1].id
    folder = tmp_path / "starter"
    start(folder, tasks[0].id, last)
    with Starter(folder, cache) as starter:
        check(starter.run(tasks[0].marker), None, tasks[0])
        for task, following in itertools.pairwise(tasks):
            reveal(task.id, folder)
            # What is there now is what a starter from the following task on has.
            start(tmp_path / task.id, following.id, last)
            assert texts(folder) == texts(tmp_path / task.id)
            check(starter.run(f"{task.marker} or {following.marker}"), task, following)
        reveal(last, folder)
        check(starter.run(tasks[-1].marker), tasks[-1], None)
        # With all tasks done, tests that belong to none pass too.
        marked = " or ".join(task.marker for task in TASKS if int(task.module) <= int(module))
        outcomes = starter.run(f"not ({marked})", *LONG)
    assert [(o.test, o.error) for o in outcomes if o.error] == []
    for file, text in solved_up_to(tasks[-1]).items():
        assert (folder / file).read_bytes() == text.encode(), file


def solved_up_to(last: Task) -> dict[str, str]:
    """Return the files that students write in, with later tasks' functions emptied."""
    position = TASKS.index(last) + 1
    files = {file for task in TASKS[:position] for file in task.files}
    solved = {file: (TOP / file).read_bytes().decode() for file in files}
    for task in TASKS[position:]:
        for blank in task.blanks:
            if blank.file in files:
                solved[blank.file] = cut(solved[blank.file], blank.name, task.message(blank))
    return solved
