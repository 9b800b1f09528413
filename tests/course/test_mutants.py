"""Every wrong implementation kept in `mutants/` turns its task's marker red."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from copies import TASKS, TOP
from mutant_runs import MUTANTS, MutantRuns, names_fault, words_of
from pytest_forks import Forks

from minitorch.course import Blank
from minitorch.course.mutants import Mutant, mutated

SOURCE = '''
def outer(fn):
    """Return a kernel."""

    @decorated
    def inner(a):
        """Return a + 1."""
        # A comment.
        b = a + 1
        return b

    return inner
'''
INNER = Blank("file.py", "outer.inner")


def test_one_place_of_a_function_is_changed() -> None:
    changed = mutated(SOURCE, Mutant("3.1", "", INNER, old="b = a + 1", new="b = a - 1"))
    assert changed == SOURCE.replace("b = a + 1", "b = a - 1")


def test_a_body_is_replaced_and_the_docstring_stays() -> None:
    changed = mutated(SOURCE, Mutant("3.1", "", INNER, body="if a:\n    return 2\nreturn 3\n"))
    body = SOURCE[SOURCE.index("        # A comment") : SOURCE.index("\n    return inner")]
    written = "        if a:\n            return 2\n        return 3\n"
    assert changed == SOURCE.replace(body, written)


@pytest.mark.parametrize("old", ["", "c = a", "return"])
def test_what_stands_not_once_in_the_function_is_refused(old: str) -> None:
    source = SOURCE.replace("return b", "return b if b else None or (lambda: [])  # return")
    with pytest.raises(LookupError, match=r"mutant of Task 3\.1, 'none': file\.py, outer\.inner"):
        mutated(source, Mutant("3.1", "none", INNER, old=old, new="pass"))


def test_a_report_names_a_fault_by_a_word_of_the_function_and_a_value() -> None:
    mutant = Mutant("0.4", "", Blank("module.py", "Module.named_parameters"))
    assert words_of(mutant.blank) == {"named", "parameters", "named_parameters"}
    assert names_fault("test_parameters_are_there\ncame out 3, expected 4", mutant)
    assert not names_fault("test_parameters_are_there\nthis should hold: a == b", mutant)
    assert not names_fault("test_all_is_there\ncame out 3, expected 4", mutant)
    place = "tests/parameters.py::test_all\ncame out 3\ntests/parameters.py, line 3, in test_all"
    assert not names_fault(place, mutant)


def test_an_operator_is_named_by_its_name_and_by_its_sign() -> None:
    mutant = Mutant("1.2", "", Blank("scalar.py", "Scalar.__gt__"))
    assert words_of(mutant.blank) == {"gt"}
    assert words_of(Blank("run.py", "Network.__init__")) == {"network"}
    assert names_fault("test_gt_is_one_where_x_is_larger\ncame out 0.0, expected 1.0", mutant)
    assert names_fault("test_all\nx > y came out 0.0, expected 1.0", mutant)
    assert not names_fault("test_all\nx + y came out 0.0, expected 1.0", mutant)


def test_every_task_has_at_least_five_mutants_with_names_of_their_own() -> None:
    count = Counter(mutant.task for mutant in MUTANTS)
    assert set(count) == {task.id for task in TASKS}
    assert min(count.values()) >= 5
    assert len({(mutant.task, mutant.name) for mutant in MUTANTS}) == len(MUTANTS)


def test_mutants_are_of_functions_of_their_task_or_for_its_students_own_tests() -> None:
    blanks = {task.id: task.blanks for task in TASKS}
    for mutant in MUTANTS:
        assert (mutant.by or mutant.blank) in blanks[mutant.task], mutant
    for task in TASKS:
        for blank in task.blanks:
            if blank.file.startswith("tests/"):
                assert sum(mutant.by == blank for mutant in MUTANTS) >= 2, blank


def test_every_mutant_can_be_made_and_is_python() -> None:
    for mutant in MUTANTS:
        source = (TOP / mutant.blank.file).read_text(encoding="utf-8")
        changed = mutated(source, mutant)
        assert changed != source, mutant
        compile(changed, mutant.blank.file, "exec")


@pytest.mark.slow
def test_a_run_that_ends_never_or_with_a_crash_is_told_from_one_that_fails(tmp_path: Path) -> None:
    tests = {
        "passes": "pass",
        "fails": "assert False",
        "never": "while True: pass",
        "crashes": "import os; os.abort()",
    }
    forks = Forks(tmp_path, dict(os.environ))
    ended = {}
    for name, body in tests.items():
        (tmp_path / f"test_{name}.py").write_text(f"def test_it():\n    {body}\n")
        ended[name] = forks.run(["-q", f"test_{name}.py"], timeout=5.0)
    forks.close()
    assert ended == {"passes": 0, "fails": 1, "never": "late", "crashes": -signal.SIGABRT}
    assert "test_crashes.py" in forks.printed.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_process_of_forks_that_is_no_more_says_so(tmp_path: Path) -> None:
    test = "import os\n\n\ndef test_it():\n    os.kill(os.getppid(), 9)\n"
    (tmp_path / "test_kills.py").write_text(test)
    forks = Forks(tmp_path, dict(os.environ))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="ended, with status -9"):
            forks.run(["-q", "test_kills.py"], timeout=60.0)
    forks.close()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MutantRuns]:
    made = MutantRuns(tmp_path_factory.mktemp("mutants"))
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.task}: {m.name}")
def test_a_mutant_is_caught(runs: MutantRuns, mutant: Mutant) -> None:
    # Threads meet by chance, on a busy machine seldom.
    races = "threads share" in mutant.name or "in parallel" in mutant.name
    for _ in range(3 if races else 1):
        verdict = runs.run(mutant)
        if verdict.caught:
            break
    assert verdict.caught, f"Task {mutant.task}, {mutant.name}: it survives\n{verdict.report}"
