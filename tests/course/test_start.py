"""`minitorch start`: what a starter is, and what it refuses."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import minitorch.course.start as cutting
from minitorch.course import cut, is_blank, load_tasks
from minitorch.course.checkout import find_root, is_solution
from minitorch.course.start import StartError, start

TOP = Path(__file__).parents[2]
TASKS = load_tasks()


def git(folder: Path, *command: str) -> str:
    done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a starter for Tasks 1.3 to 2.2."""
    folder = tmp_path_factory.mktemp("made") / "starter"
    tasks = start(folder, "1.3", "2.2")
    assert [task.id for task in tasks] == ["1.3", "1.4", "1.5", "2.1", "2.2"]
    return folder


def test_earlier_tasks_are_solved_and_later_ones_empty(starter: Path) -> None:
    ids = [task.id for task in TASKS]
    for task in TASKS:
        for blank in task.blanks:
            if (starter / blank.file).exists():
                source = (starter / blank.file).read_text(encoding="utf-8")
                later = ids.index(task.id) >= ids.index("1.3")
                assert is_blank(source, blank.name) == later, blank
    assert not (starter / "minitorch" / "nn.py").exists()


def test_files_that_students_fill_differ_in_the_emptied_bodies_only(starter: Path) -> None:
    for file in {file for task in TASKS for file in task.files if (starter / file).exists()}:
        source = (TOP / file).read_text(encoding="utf-8")
        for task in TASKS[[task.id for task in TASKS].index("1.3") :]:
            for blank in task.blanks:
                if blank.file == file:
                    source = cut(source, blank.name, task.message(blank))
        assert (starter / file).read_bytes() == source.encode(), file
    tests = "tests/test_scalar.py"
    assert (starter / tests).read_bytes() == (TOP / tests).read_bytes()


def test_what_is_for_reference_is_left_out(starter: Path) -> None:
    for name in ("minitorch/tuned_ops.py", "minitorch/kernels", "project/assignments", "benchmarks",
                 "tests/course", "tests/kernels", "minitorch/course/start.py"):  # fmt: skip
        assert (TOP / name).exists()
        assert not (starter / name).exists(), name
    assert is_solution(TOP)
    assert not is_solution(starter)
    assert find_root(starter / "tests") == starter


def test_it_is_a_repository_with_one_commit_of_everything(starter: Path) -> None:
    assert git(starter, "rev-list", "--count", "--all").strip() == "1"
    assert git(starter, "status", "--porcelain", "--ignored") == ""
    assert git(starter, "branch", "--show-current").strip() == "main"
    assert "data/sample/README.md" in git(starter, "ls-files").splitlines()


def test_its_readme_has_a_row_for_each_task_and_no_other(starter: Path) -> None:
    readme = (starter / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in readme.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row != "task"] == ["1.3", "1.4", "1.5", "2.1", "2.2"]
    assert "minitorch check 1.3 --hint" in readme
    assert "@" not in readme


def test_its_workflow_grades_each_task(starter: Path) -> None:
    workflow = (starter / ".github" / "workflows" / "classroom.yml").read_text(encoding="utf-8")
    commands = [
        line.split("minitorch check ")[1] for line in workflow.splitlines() if "command:" in line
    ]
    points = [line.split(":")[1].strip() for line in workflow.splitlines() if "max-score" in line]
    assert commands == ["1.3", "1.4", "1.5", "2.1", "2.2"]
    assert points == [str(task.points) for task in TASKS if task.id in commands]
    assert "runners: task1_3,task1_4,task1_5,task2_1,task2_2\n" in workflow
    assert 'TASK1_3_RESULTS: "${{ steps.task1_3.outputs.result }}"' in workflow
    assert "# @" not in workflow


def test_the_author_is_neutral_where_git_knows_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    # As in a hook of git, which names its own repository.
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.chdir(tmp_path)
    start(tmp_path / "starter", "0.1", "0.1")
    monkeypatch.delenv("GIT_DIR")
    assert git(tmp_path / "starter", "log", "--format=%an %ae").strip().startswith("minitorch ")


def test_an_empty_folder_will_do_and_a_full_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    start(tmp_path / "empty", "0.1", "0.1")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "work.txt").write_text("mine")
    with pytest.raises(StartError, match="full is there already"):
        start(tmp_path / "full")
    with pytest.raises(StartError, match="there is no folder"):
        start(tmp_path / "none" / "starter")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "full"]


def test_nothing_half_made_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(folder: Path) -> None:
        assert (folder / "minitorch" / "operators.py").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(cutting, "_commit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "starter")
    assert list(tmp_path.iterdir()) == []


def test_a_range_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"Task 1\.1 comes before Task 2\.1"):
        start(tmp_path / "starter", "2.1", "1.1")
    with pytest.raises(LookupError, match=r"no task '7\.1'"):
        start(tmp_path / "starter", "7.1")


def test_a_starter_cuts_no_starters(starter: Path, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="not a checkout of the solution"):
        start(tmp_path / "starter", solution=starter)


def test_a_solution_with_a_hole_is_refused(tmp_path: Path) -> None:
    names = ("minitorch", "tests", "project", "data/sample")
    for name in names:
        shutil.copytree(TOP / name, tmp_path / "solution" / name)
    file = tmp_path / "solution" / "minitorch" / "operators.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(cut(text, "neg", "Task 0.1: minitorch/operators.py, neg"), encoding="utf-8")
    with pytest.raises(StartError, match=r"to do: Task 0\.1: minitorch/operators\.py, neg"):
        start(tmp_path / "starter", solution=tmp_path / "solution")
