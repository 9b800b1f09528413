"""The pytest plugin: failures in plain words, unfinished tasks in a line, progress at the end.

It comes with the package and does nothing outside of a minitorch checkout. Only tests that are
marked with a task are explained; all others are reported as usual. What the plugin tells the
command line goes line by line, as JSON, into the file that `--minitorch-report` names.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from .checkout import find_root
from .curriculum import Task, load_tasks
from .examples import end_at_unfinished, without_explanations
from .import_words import explain_import
from .progress import Record, progress_table, states, write
from .source import test_files
from .words import Compared, Failure, explain, unfinished_message

__all__ = [
    "pytest_addoption",
    "pytest_configure",
    "pytest_load_initial_conftests",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options."""
    group = parser.getgroup("minitorch")
    group.addoption("--long", action="store_true",
                    help="minitorch: show whole tracebacks below the plain words")  # fmt: skip
    group.addoption("--minitorch-report", metavar="FILE", help="minitorch: also write what happens "
                    "into a file, a line of JSON for each test")  # fmt: skip
    group.addoption("--minitorch-limit", metavar="SECONDS", type=float, help="minitorch: end the "
                    "run when a test takes longer")  # fmt: skip


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Say in plain words why `conftest.py`, and with it the package, does not import."""
    root = find_root(early_config.invocation_params.dir)
    if root is not None:
        # So that their asserts, too, tell what they compared.
        helpers = [path.stem for path in (root / "tests").glob("*.py")]
        pytest.register_assert_rewrite(*[n for n in helpers if not n.startswith("test_")])
    try:
        return (yield)
    except Exception as error:
        cause = getattr(error, "cause", None)
        if root is None or not isinstance(cause, BaseException):
            raise
        words = explain_import(cause, root)
        report = getattr(early_config.known_args_namespace, "minitorch_report", None)
        if report:
            with Path(report).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"kind": "import", "words": words}) + "\n")
        raise pytest.UsageError(words) from None


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch the tests, in a minitorch checkout."""
    root = find_root(config.rootpath)
    if root is not None:
        tasks = load_tasks(root / "minitorch" / "course" / "curriculum.toml")
        config.pluginmanager.register(_Watcher(config, root, tasks), "minitorch-watcher")


@contextlib.contextmanager
def _quiet(item: pytest.Item) -> Iterator[None]:
    """Let a test say nothing of its failure to pytest."""
    vars(item)["repr_failure"] = lambda *_, **__: ""
    try:
        yield
    finally:
        vars(item).pop("repr_failure", None)


class _Watcher:
    """What explains the failures of one run and adds up the results of each task.

    A report of pytest carries what is known of it in two attributes, which also come back from
    the processes of pytest-xdist: `minitorch_task`, the id of the test's task, and
    `minitorch_todo`, the message of the unfinished function that it met.
    """

    def __init__(self, config: pytest.Config, root: Path, tasks: tuple[Task, ...]) -> None:
        self.config = config
        self.root = root
        self.tasks = tasks
        self.by_marker = {task.marker: task for task in tasks}
        self.long = bool(config.getoption("long"))
        self.compared: Compared | None = None
        self.collected: dict[str, set[str]] = {}
        self.outcomes: dict[str, dict[str, str]] = {}
        self.todo: dict[str, set[str]] = {}
        self.waiting: Counter[str] = Counter()
        self.explained_imports: set[str] = set()
        path = config.getoption("minitorch_report")
        # Open to the end of the process: a test that ends it leaves its trace.
        self.report: IO[str] | None = (
            Path(path).open("a", encoding="utf-8") if path else None  # noqa: SIM115
        )
        self.limit: float | None = config.getoption("minitorch_limit")
        if self.report is not None:
            without_explanations()

    def _tell(self, **event: Any) -> None:
        """Write an event into the report file."""
        if self.report is not None:
            self.report.write(json.dumps(event) + "\n")
            self.report.flush()

    def _task_of(self, item: pytest.Item) -> Task | None:
        found = (self.by_marker.get(mark.name) for mark in item.iter_markers())
        return next((task for task in found if task is not None), None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note which tests each task has, before any are left out."""
        for item in items:
            task = self._task_of(item)
            if task is not None and not item.get_closest_marker("slow"):
                self.collected.setdefault(task.id, set()).add(item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Explain a test file that does not import."""
        report = yield
        call = getattr(report, "call", None)
        error = call.excinfo.value if call is not None and call.excinfo else None
        if report.failed and error is not None:
            cause = error.__cause__ or error.__context__ or error
            words = explain_import(cause, self.root)
            if not self.long:
                seen = words in self.explained_imports
                report.longrepr = "(as above)" if seen else words
            self.explained_imports.add(words)
            self._tell(kind="import", words=words)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Let a test of Hypothesis end at an unfinished function; tell when it begins to fail."""
        if self._task_of(item) is not None:
            nodeid = item.nodeid
            end_at_unfinished(
                getattr(item, "obj", None), lambda: self._tell(kind="failing", test=nodeid)
            )

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell how many tests there are."""
        self._tell(kind="collected", count=len(session.items))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell which test begins, and watch its time."""
        self._tell(kind="start", test=nodeid)
        if self.limit and self.report is not None:
            faulthandler.dump_traceback_later(self.limit, exit=True, file=self.report)

    def pytest_runtest_logfinish(self) -> None:
        """Stop watching the time."""
        if self.limit and self.report is not None:
            faulthandler.cancel_dump_traceback_later()

    @pytest.hookimpl(wrapper=True)
    def pytest_assertrepr_compare(
        self, op: str, left: object, right: object
    ) -> Generator[None, list[list[str] | None], list[list[str] | None]]:
        """Remember the values of a comparison that failed."""
        explanations = yield
        first = next((lines[0] for lines in explanations if lines), "")
        self.compared = Compared(op, left, right, first)
        return explanations

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put plain words in the place of a task's traceback."""
        task = self._task_of(item)
        todo = unfinished_message(call.excinfo.value) if call.excinfo is not None else None
        if call.excinfo is None or (task is None and todo is None):
            report = yield
        else:
            # What nobody will read is not made: it takes longer than most tests.
            with _quiet(item):
                report = yield
        self._explain(item, call, report, task, todo)
        return report

    def _explain(
        self,
        item: pytest.Item,
        call: pytest.CallInfo[None],
        report: Any,
        task: Task | None,
        todo: str | None,
    ) -> None:
        """Note on a report what is known of the task, and explain the failure."""
        report.minitorch_task = task.id if task else None
        report.minitorch_todo = None
        if call.when == "setup":
            self.compared = None
        if not report.failed or call.excinfo is None:
            return
        report.minitorch_todo = todo
        if todo:
            report.longrepr = f"to do: {todo}"
        if task is None or todo:
            return
        failure = Failure(
            error=call.excinfo.value,
            root=self.root,
            name=getattr(item, "originalname", item.name),
            task=task,
            parameters=item.callspec.params if hasattr(item, "callspec") else {},
            compared=self.compared,
        )
        try:
            words = explain(failure)
        except Exception as error:
            # What a student's objects do when they are looked at is not known.
            full = str(item.repr_failure(call.excinfo))
            words = f"{full}\n(not put into plain words: {type(error).__name__}: {error})"
        report.longrepr = report.minitorch_words = words
        if self.long:
            report.minitorch_trace = str(item.repr_failure(call.excinfo))
            report.longrepr = f"{words}\n\n{report.minitorch_trace}"

    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """Show a test that met an unfinished function as "to do"."""
        if report.failed and getattr(report, "minitorch_todo", None):
            return "to do", "t", "TO DO"
        return None

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Add up the results, where all the processes of a run come together."""
        task = getattr(report, "minitorch_task", None)
        if report.when != "call" and report.passed:
            return
        todo = getattr(report, "minitorch_todo", None)
        outcome = "todo" if report.failed and todo else report.outcome
        if report.failed and todo:
            self.todo.setdefault(todo.split(":")[0], set()).add(todo)
            self.waiting[todo.split(":")[0]] += 1
        if task is not None:
            before = self.outcomes.setdefault(task, {})
            if before.get(report.nodeid) not in ("failed", "todo"):
                before[report.nodeid] = outcome
        self._tell(
            kind="test",
            test=report.nodeid,
            task=task,
            outcome=outcome,
            todo=todo,
            words=getattr(report, "minitorch_words", None),
            trace=getattr(report, "minitorch_trace", None),
        )

    def _results(self) -> dict[str, Record]:
        """Return the results of the tasks of which all tests ran."""
        if any("::" in arg for arg in self.config.args):
            return {}
        files = {nodeid.split("::")[0] for tests in self.collected.values() for nodeid in tests}
        complete = {}
        for task in self.tasks:
            ran = self.outcomes.get(task.id, {})
            wanted = {
                path.relative_to(self.config.rootpath).as_posix()
                for path in test_files(self.root, task)
            }
            if not ran or not wanted <= files or not self.collected.get(task.id, set()) <= set(ran):
                continue
            counts = Counter(ran.values())
            complete[task.id] = Record(
                passed=counts["passed"],
                failed=counts["failed"] + counts["todo"],
                todo=counts["todo"] > 0,
            )
        return complete

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over which tests a process of pytest-xdist found; each finds all."""
        output = getattr(node, "workeroutput", {})  # a process that crashed leaves none
        for task, tests in output.get("minitorch_collected", {}).items():
            self.collected.setdefault(task, set()).update(tests)

    def pytest_sessionfinish(self) -> None:
        """Keep what the tasks' tests gave."""
        if hasattr(self.config, "workeroutput"):
            collected = {task: sorted(tests) for task, tests in self.collected.items()}
            self.config.workeroutput["minitorch_collected"] = collected
            return
        write(self.root, self.tasks, self._results())
        if self.report is not None:
            self._tell(kind="end")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """End with what is to do, and the table of progress."""
        if self.report is not None or not (self.outcomes or self.todo):
            return
        terminalreporter.section("minitorch")
        for line in self._todo_lines():
            terminalreporter.write_line(line)
        if self.todo:
            terminalreporter.write_line("")
        terminalreporter.write_line(progress_table(states(self.root, self.tasks)))

    def _todo_lines(self) -> list[str]:
        lines = []
        for task, messages in self.todo.items():
            places: dict[str, list[str]] = {}
            for message in sorted(messages):
                file, name = message.split(": ", 1)[1].split(", ", 1)
                places.setdefault(file, []).append(name)
            count = self.waiting[task]
            named = "; ".join(f"{file}, {_some(names)}" for file, names in places.items())
            lines.append(f"to do: {task}, {named} ({count} test{'' if count == 1 else 's'})")
        return lines


def _some(names: list[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    if len(names) <= 4:
        return ", ".join(names)
    return f"{', '.join(names[:3])} and {len(names) - 3} more"


if sys.flags.optimize:  # asserts are gone, and with them every check
    raise RuntimeError("minitorch: run the tests without python -O")
