"""The table of tasks is true: its functions are there, its markers fail where they should."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from copies import Copy

from minitorch.course import Task, is_blank, load_tasks
from minitorch.course.curriculum import find_task, load_modules
from minitorch.course.table import task_table

TOP = Path(__file__).parents[2]
TASKS = load_tasks()


def test_tasks_are_in_order_and_need_only_earlier_ones() -> None:
    ids = [task.id for task in TASKS]
    assert len(ids) == len(set(ids))
    for position, task in enumerate(TASKS):
        assert set(task.needs) <= set(ids[:position]), task.id


def test_every_function_of_every_task_is_there_and_solved() -> None:
    for task in TASKS:
        assert task.blanks, task.id
        for blank in task.blanks:
            source = (TOP / blank.file).read_text(encoding="utf-8")
            assert not is_blank(source, blank.name), task.message(blank)


def test_no_function_belongs_to_two_tasks() -> None:
    blanks = [blank for task in TASKS for blank in task.blanks]
    assert len(blanks) == len(set(blanks))


def test_the_points_of_a_module_add_up_to_100() -> None:
    points: Counter[str] = Counter()
    for task in TASKS:
        assert task.points > 0
        points[task.module] += task.points
    assert points == {module.id: 100 for module in load_modules()}


def test_every_task_has_a_question_a_pointer_and_a_sketch() -> None:
    for task in TASKS:
        question, pointer, sketch = task.hints
        assert "?" in question, task.id
        assert max(map(len, task.hints)) < 500, task.id
        assert "\n" not in question + pointer + sketch, task.id
        # A sketch is words, not lines of code.
        assert not any(mark in sketch for mark in (" = ", "+=", "def ")), task.id


@pytest.mark.parametrize("written", ["4.4b", "task4_4b", "Task 4.4b", "4_4B"])
def test_a_task_is_found_by_its_id_in_any_of_its_forms(written: str) -> None:
    assert find_task(written, TASKS).id == "4.4b"


def test_a_task_that_is_not_there_is_said() -> None:
    with pytest.raises(LookupError, match=r"no task '9\.9'; there are 0\.1, 0\.2"):
        find_task("9.9", TASKS)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("copy"))


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_emptying_a_task_turns_its_marker_red_with_its_message(copy: Copy, task: Task) -> None:
    copy.empty([task])
    done = copy.run(task.marker)
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(task.message(blank) in done.stdout for blank in task.blanks), done.stdout


def test_the_readme_shows_the_table_of_tasks() -> None:
    assert task_table(TASKS) in (TOP / "README.md").read_text(encoding="utf-8")
