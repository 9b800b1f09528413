"""Runs tests inside the grader's sandbox, and tells the grader what they gave.

This file is run as a script, with a job as a line of JSON on standard input. Students' code runs
in the same process, so it keeps what it needs in local variables, speaks through a pipe and with
a word that only the grader knows, and looks after each test whether the tests and the tools that
judge are still what they were before the first line of student code ran.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import os
import re
import resource
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import hypothesis
import numpy.testing  # noqa: F401  # loaded before any student code
import pytest

# What judges a test. Functions and classes that stand in these are not exchanged while tests run,
# but for those that the tools themselves exchange.
_TOOLS = re.compile(
    r"(_pytest|pytest|pluggy|hypothesis|unittest|builtins|math|numpy\.testing)(\.|$)"
    r"|numpy$|numpy\._core\.(numeric|fromnumeric)$"
)
_CHANGING = {"_pytest.assertion.util._reprcompare", "_pytest.assertion.util._assertion_pass"}

# Modules of the checkout that tests judge by, beside those in its folder of tests.
_HELPERS = ("minitorch.testing",)


def _limit(limits: dict[str, int]) -> None:
    """Lower what this process and those that it starts may use."""
    for name, value in limits.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


def _inner(value: Any) -> Any:
    """Return the test that Hypothesis wraps in a function."""
    if not isinstance(value, FunctionType):
        return value
    return getattr(getattr(value, "hypothesis", None), "inner_test", value)


def _code(value: Any) -> Any:
    inner = _inner(value)
    return inner.__code__ if isinstance(inner, FunctionType) else None


def _defaults(value: Any) -> Any:
    return value.__defaults__ if isinstance(value, FunctionType) else None


@dataclass(frozen=True, slots=True)
class _Slot:
    """A name in a module or class, and what it stands for."""

    where: str
    space: Mapping[str, Any]
    name: str
    value: Any
    code: Any
    defaults: Any

    def is_changed(self) -> bool:
        """Return whether it stands for something else by now."""
        return (
            self.space.get(self.name) is not self.value
            or _code(self.value) is not self.code
            or _defaults(self.value) is not self.defaults
        )


def _slots(modules: Iterable[ModuleType], every: bool) -> list[_Slot]:
    """Return the names in modules, and in the classes that they define.

    Args:
        modules: the modules.
        every: whether to give all names, or those of functions and classes only.
    """
    slots = []
    for module in modules:
        spaces: list[tuple[str, Mapping[str, Any]]] = [(module.__name__, vars(module))]
        for name, value in vars(module).items():
            if isinstance(value, type) and value.__module__ == module.__name__:
                spaces.append((f"{module.__name__}.{name}", vars(value)))
        for where, space in spaces:
            for name, value in list(space.items()):
                if f"{where}.{name}" in _CHANGING or name == "__builtins__":
                    continue
                if every or callable(value) or isinstance(value, property | classmethod):
                    slot = _Slot(where, space, name, value, _code(value), _defaults(value))
                    slots.append(slot)
    return slots


def _changed(slots: Iterable[_Slot]) -> str | None:
    """Return a name that does not stand any more for what it did; None if all do."""
    return next((f"{slot.where}.{slot.name}" for slot in slots if slot.is_changed()), None)


def _hash(code: CodeType) -> str:
    """Return a hash of what a function does, wherever its file is."""
    parts = [code.co_code.hex(), repr(code.co_names), repr(code.co_varnames)]
    parts += [_hash(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts
              if not isinstance(c, frozenset)]  # fmt: skip
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _code_of(modules: Iterable[ModuleType]) -> dict[str, str]:
    """Return the hashes of the functions and methods that modules define."""
    found = {}
    for module in modules:
        waiting = list(vars(module).values())
        while waiting:
            value = waiting.pop()
            if isinstance(value, staticmethod | classmethod):
                value = value.__func__
            if isinstance(value, type) and value.__module__ == module.__name__:
                waiting += vars(value).values()
            value = inspect.unwrap(_inner(value)) if isinstance(value, FunctionType) else None
            if value is not None and value.__module__ == module.__name__:
                found[f"{module.__name__}.{value.__qualname__}"] = _hash(value.__code__)
    return found


class _Watch:
    """The pytest plugin that tells the grader of each test.

    Args:
        job: what to run.
        tell: sends an event.
    """

    def __init__(self, job: dict[str, Any], tell: Callable[..., None]) -> None:
        self.folder = Path(job["tree"]) / "tests"
        self.wanted = set(job["tests"])
        self.skip = set(job["skip"])
        self.tell = tell
        tools = [module for name, module in sys.modules.items() if _TOOLS.match(name)]
        self.slots = _slots(tools, every=False)
        self.phases: dict[str, list[Any]] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the tests that are asked for; note what they are."""
        items[:] = [
            item
            for item in items
            if (not self.wanted or item.nodeid.split("[")[0] in self.wanted)
            and item.nodeid not in self.skip
        ]
        judges = []
        for name, module in list(sys.modules.items()):
            if not isinstance(module, ModuleType):
                continue
            # Asked in the usual way, a lazy module would be loaded.
            file = ModuleType.__getattribute__(module, "__dict__").get("__file__")
            if name in _HELPERS or (file and Path(file).is_relative_to(self.folder)):
                judges.append(module)
        self.slots += _slots(judges, every=True)
        tests = [item.nodeid for item in items]
        self.tell(kind="collected", tests=tests, code=_code_of(judges))

    def pytest_collectreport(self, report: Any) -> None:
        """Tell of a test file that does not import."""
        if report.failed:
            self.tell(kind="import", words=_words(report))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell which test begins."""
        self.tell(kind="start", test=nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Tell what a test gave, when it is over."""
        phases = self.phases.setdefault(report.nodeid, [])
        phases.append(report)
        if report.when != "teardown":
            return
        changed = _changed(self.slots)
        if changed:
            self.tell(kind="changed", name=changed)
        self.tell(
            kind="end",
            test=report.nodeid,
            passed=[phase.outcome for phase in phases] == ["passed"] * 3,
            skipped=any(phase.outcome == "skipped" for phase in phases),
            words=next((_words(phase) for phase in phases if phase.outcome != "passed"), ""),
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Tell that there is nothing more to come."""
        self.tell(kind="done")


def _words(report: Any) -> str:
    """Return why a test failed: in the words of the course's plugin, if it has some."""
    todo = getattr(report, "minitorch_todo", None)
    words = f"to do: {todo}" if todo else getattr(report, "minitorch_words", None)
    return str(words or getattr(report, "longreprtext", ""))[-3000:]


def _forget_installed() -> None:
    """Keep a minitorch that is installed for editing from serving what the checkout lacks.

    It is found by a finder that knows all its modules, those of the solution too.
    """
    sys.meta_path[:] = [
        finder
        for finder in sys.meta_path
        if not getattr(finder, "__module__", "").startswith("__editable__")
    ]


def main() -> None:
    """Read the job, run its tests, tell what they gave."""
    _forget_installed()
    job = json.loads(sys.stdin.buffer.readline())
    pipe, word, owner = job["pipe"], job["word"], os.getpid()
    os.set_inheritable(pipe, False)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _limit(job["limits"])
    # Bound here, where student code does not exchange them.
    write, getpid, dumps = os.write, os.getpid, json.dumps

    def tell(**event: Any) -> None:
        if getpid() != owner:  # a copy that a fork made
            return
        line = f"{word} {dumps(event)}\n".encode()
        while line:
            line = line[write(pipe, line) :]

    # The same numbers for everyone, and nothing kept. For people to read, a small example that
    # fails is looked for.
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile(
        "grade", derandomize=True, database=None, deadline=None, max_examples=40,
        phases=[*phases, hypothesis.Phase.shrink] if job["words"] else phases,
    )  # fmt: skip
    # It would exchange what Hypothesis runs, as one does who cheats.
    plugin: Any = importlib.import_module("minitorch_course.plugin")
    plugin.end_at_unfinished = lambda *_: None
    arguments = ["-q", "-p", "no:cacheprovider", "-p", "minitorch_course.plugin"]
    arguments += ["-p", "no:legacypath"]  # which exchanges parts of pytest itself
    if job["marker"]:
        arguments += ["-m", f"{job['marker']} and not slow"]
    pytest.main([*arguments, *job["files"]], [_Watch(job, tell)])


if __name__ == "__main__":
    main()
