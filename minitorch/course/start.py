"""Cutting a starter from the solution: `minitorch start DIR [--from TASK] [--to TASK]`."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from .checkout import is_solution
from .curriculum import Task, find_task, load_modules, load_rooms, load_tasks
from .cutter import cut, is_blank
from .rooms import starter_files
from .trimming import trimmed_package, trimmed_table

__all__ = ["StartError", "start"]

TEMPLATES = Path(__file__).with_name("starter")

# Who makes the first commit, where git knows no one.
AUTHOR = ("minitorch", "minitorch@example.invalid")

# With these in the environment, as in a hook of git, git works on another repository.
_REPOSITORY = {
    "GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX", "GIT_WORK_TREE",
}  # fmt: skip


class StartError(Exception):
    """A starter that cannot be made, with the reason."""


def start(
    folder: Path, first: str | None = None, last: str | None = None, solution: Path | None = None
) -> tuple[Task, ...]:
    """Make a starter: the course's repository as a student gets it.

    Functions of the tasks from `first` on are emptied, those of earlier tasks are solved. Files of
    modules after that of `last` are left out, but for those that others import, and so is what is
    for reference only. The starter is a git repository with one commit. It is made
    beside `folder` and renamed, so that there is a whole one or none.

    Args:
        folder: where to put it; new, or empty.
        first: the id of the first task that is the student's; by default the first of all.
        last: the id of the last; by default the last of all.
        solution: the top of the solution; by default, where this file is.

    Returns:
        The tasks from `first` to `last`.

    Raises:
        LookupError: if there is no such task.
        StartError: if the folder is not empty, or no starter can be made there.
    """
    root = solution or Path(__file__).parents[2]
    if not is_solution(root) or not (root / "tests").is_dir():
        raise StartError(f"{root} is not a checkout of the solution, from which starters are cut")
    tasks = load_tasks(root / "minitorch" / "course" / "curriculum.toml")
    begin = tasks.index(find_task(first, tasks)) if first else 0
    end = tasks.index(find_task(last, tasks)) if last else len(tasks) - 1
    if end < begin:
        raise StartError(f"Task {tasks[end].id} comes before Task {tasks[begin].id}")
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StartError(f"{folder} is there already; a starter goes into a new or empty folder")
    if not folder.parent.is_dir():
        raise StartError(f"there is no folder {folder.parent}")
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        building.chmod(0o755)
        _fill_folder(building, root, tasks, begin, end)
        _commit(building)
        if folder.exists():
            folder.rmdir()
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return tasks[begin : end + 1]


def _fill_folder(folder: Path, root: Path, tasks: tuple[Task, ...], begin: int, end: int) -> None:
    """Write the files of a starter from task number `begin` to task number `end`."""
    table = root / "minitorch" / "course" / "curriculum.toml"
    module = tasks[end].module
    files = starter_files(root, load_rooms(table), module)
    for file in files:
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / file, target)  # with its mode
        content = (root / file).read_bytes()
        if file.endswith(".py"):
            content = _python_file(content.decode(), file, files, root, tasks, begin).encode()
        elif file == "minitorch/course/curriculum.toml":
            content = trimmed_table(content.decode(), module).encode()
        target.write_bytes(content)
    mine = tasks[begin : end + 1]
    titles = {m.id: m.title for m in load_modules(table)}
    readme = (TEMPLATES / "README.md").read_text(encoding="utf-8")
    readme = readme.replace("@FIRST@", mine[0].id).replace("@TASKS@", _task_table(mine, titles))
    (folder / "README.md").write_text(readme, encoding="utf-8")
    workflow = folder / ".github" / "workflows" / "classroom.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(_workflow(mine), encoding="utf-8")


def _python_file(
    source: str, file: str, files: Sequence[str], root: Path, tasks: tuple[Task, ...], begin: int
) -> str:
    """Return a Python file of the solution as a starter has it.

    Raises:
        StartError: if a function that is to be emptied was not solved.
    """
    for task in tasks:
        for blank in task.blanks:
            if blank.file != file:
                continue
            if is_blank(source, blank.name):
                raise StartError(f"the solution is not whole: to do: {task.message(blank)}")
            if tasks.index(task) >= begin:
                source = cut(source, blank.name, task.message(blank))
    if not file.endswith("/__init__.py"):
        return source
    package = PurePosixPath(file).parent

    def is_missing(name: str) -> bool:
        forms = (f"{package / name}.py", f"{package / name}/__init__.py")
        return not any(form in files for form in forms) and any(
            (root / form).is_file() for form in forms
        )

    return trimmed_package(source, is_missing)


def _task_table(tasks: Sequence[Task], titles: dict[str, str]) -> str:
    """Return the tasks as Markdown tables, one for each module."""
    parts = []
    for module in dict.fromkeys(task.module for task in tasks):
        rows = [f"### Module {module}: {titles[module]}", ""]
        rows += ["| task | what | in | after | points | |", "|---|---|---|---|---|---|"]
        for task in tasks:
            if task.module == module:
                places = ", ".join(f"[`{file}`]({file})" for file in task.files)
                needs = ", ".join(task.needs) or "-"
                rows.append(
                    f"| {task.id} | {task.title} | {places} | {needs} | {task.points} "
                    f"| `minitorch check {task.id}` |"
                )
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


def _workflow(tasks: Sequence[Task]) -> str:
    """Return the workflow of GitHub Classroom: a step for each task, and the report of all."""
    template = (TEMPLATES / "classroom.yml").read_text(encoding="utf-8")
    head, step, report, result, end = template.split("# @EACH@\n")

    def for_each(part: str) -> str:
        return "".join(
            part.replace("@ID@", task.id)
            .replace("@MARKER@", task.marker)
            .replace("@RESULT@", f"{task.marker.upper()}_RESULTS")
            .replace("@TITLE@", task.title)
            .replace("@POINTS@", str(task.points))
            for task in tasks
        )

    end = end.replace("@RUNNERS@", ",".join(task.marker for task in tasks))
    return head + for_each(step) + report + for_each(result) + end


def _commit(folder: Path) -> None:
    """Make a folder a git repository with one commit of all that is in it."""
    environment = {key: value for key, value in os.environ.items() if key not in _REPOSITORY}
    name, address = AUTHOR
    for role in ("AUTHOR", "COMMITTER"):
        environment.setdefault(f"GIT_{role}_NAME", _git_setting("user.name", environment) or name)
        environment.setdefault(
            f"GIT_{role}_EMAIL", _git_setting("user.email", environment) or address
        )
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["-c", "core.autocrlf=false", "add", "--force", "--all"],
        ["-c", "commit.gpgsign=false", "commit", "--quiet", "--no-verify", "-m", "The starter"],
    ):
        done = subprocess.run(
            ["git", *command], cwd=folder, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise StartError(f"git {' '.join(command)}: {done.stderr.strip()}")


def _git_setting(key: str, environment: dict[str, str]) -> str:
    """Return what git is configured with; "" if with nothing.

    Raises:
        StartError: if there is no git.
    """
    try:
        done = subprocess.run(
            ["git", "config", "--get", key], env=environment, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise StartError("a starter is a git repository, and there is no git here") from None
    return done.stdout.strip()
