"""From a failed test to plain words: what came out, what was expected, where, and why."""

from __future__ import annotations

import linecache
import re
import textwrap
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cuda_words import explain_fault, is_cuda_fault
from .curriculum import Task
from .differences import difference, shown
from .import_words import explain_syntax
from .numba_words import explain_numba, is_numba_error
from .scene import layouts, picture
from .steps import Step, label, own_steps, steps_of

__all__ = ["Compared", "Failure", "explain", "unfinished_message"]

_MESSAGE = re.compile(r"Task (\S+): ([^,\s]+), ([\w.]+)")


# What these give, one sees from what they take.
_BORING = ("array", "list", "tuple")

_NAMELESS = re.compile(r" object at 0x\w+>")

_NAN = """(nan fills the output before the kernel runs, and all memory beside the operands:
this was never written, or was read from a wrong place)"""


@dataclass(frozen=True)
class Compared:
    """The comparison that an `assert` found false, as pytest reports it."""

    operator: str
    left: Any
    right: Any
    explained: str


@dataclass(frozen=True)
class Failure:
    """A failed test.

    Args:
        error: what it raised.
        root: the checkout.
        name: the name of the test function.
        task: whose test it is.
        parameters: those of a parametrised test.
        compared: the last comparison that was false.
    """

    error: BaseException
    root: Path
    name: str
    task: Task
    parameters: Mapping[str, Any]
    compared: Compared | None


def unfinished_message(error: BaseException) -> str | None:
    """Return the message of the unfinished function that made a test fail; or None.

    The exception may come from a script that the test ran: then its text holds the message.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        text = str(current)
        if not isinstance(current, NotImplementedError):
            found = re.search(r"NotImplementedError: (Task [^\n]+)", text)
            text = found[1] if found else ""
        match = _MESSAGE.match(" ".join(text.split()))
        if match:
            return match[0]
        if isinstance(current, BaseExceptionGroup):
            return next(filter(None, map(unfinished_message, current.exceptions)), None)
        current = current.__cause__ or current.__context__
    return None


def explain(failure: Failure) -> str:
    """Return what is wrong, in lines of plain text."""
    error = failure.error
    lines = []
    if isinstance(error, BaseExceptionGroup):
        # Hypothesis found several; the last was tried last, so `compared` belongs to it.
        lines.append(f"{len(error.exceptions)} different faults were found; here is one of them.")
        error = error.exceptions[-1]
    lines += _example(error, failure.parameters, _of_tests(failure, error))
    if is_cuda_fault(error):
        lines += ["", *explain_fault(error, failure.task.files, failure.root)]
    elif isinstance(error, SyntaxError):
        lines += explain_syntax(error, failure.root)
    elif is_numba_error(error):
        lines += _of_numba(error, failure.root)
    elif _is_assertion(error, failure):
        lines += _of_assertion(error, failure)
    else:
        lines += _raised(error, failure.root)
    return "\n".join(lines).strip("\n")


def _example(
    error: BaseException, parameters: Mapping[str, Any], steps: Sequence[Step]
) -> list[str]:
    """Return what the test ran on: its parameters, and the smallest example of Hypothesis."""
    lines = []
    if parameters:
        # A function often stands beside its name.
        names = [v for v in parameters.values() if isinstance(v, str)]
        named = [
            f"{name} = {getattr(v, '__name__', shown(v))}"
            for name, v in parameters.items()
            if getattr(v, "__name__", None) not in names
        ]
        lines.append(f"with {', '.join(named)}")
    notes = "\n".join(getattr(error, "__notes__", []))
    # Its newer and older releases head the example differently.
    head = r"(?:Failing test case|Falsifying example): \w+"
    found = re.search(head + r"\(\n?(.*?)\n?\)(?:\n|$)", notes, re.DOTALL)
    if found:
        arguments = [line.strip() for line in found[1].splitlines() if line.strip()]
        arguments = [
            a
            for a in arguments
            if not re.match(r"#|\w+=data\(\.\.\.\)", a) and a.split("=")[0] not in parameters
        ]
        lines.append("smallest example that fails:")
        told = [re.sub(r"^(.*?)=(.*?),?(  #.*)?$", _argument, a) for a in arguments]
        for name, value in re.findall(r"^Draw \d+(?: \((.+?)\))?: (.+)$", notes, re.MULTILINE):
            told.append(f"{name or 'drawn'} = {value}")
        if any(_NAMELESS.search(line) for line in told):
            # What has no text of its own is shown as the test holds it.
            told = [line for line in told if not _NAMELESS.search(line)] + layouts(steps)
        lines += [f"    {line}" for line in told]
    return lines


def _argument(found: re.Match[str]) -> str:
    return f"{found[1]} = {found[2]}{found[3] or ''}"


def _is_assertion(error: BaseException, failure: Failure) -> bool:
    """Return whether a test's own check failed, not an `assert` in the student's code."""
    if "OutcomeException" in [kind.__name__ for kind in type(error).__mro__]:  # pytest's own
        return True
    if not isinstance(error, AssertionError):
        return False
    own = own_steps(error, failure.root)
    student = {failure.root / file for file in failure.task.files if file.startswith("minitorch/")}
    return not own or own[-1].file not in student


def _code(step: Step, root: Path, caret: bool = False) -> list[str]:
    """Return a step's place, and its code beneath."""
    place = f"{label(step.file, root)}, line {step.line}, in {step.function}:"
    return [place, *textwrap.indent(step.text(caret), "    ").splitlines()]


def _of_tests(failure: Failure, error: BaseException) -> list[Step]:
    """Return the steps in the folder of tests, from the test function on."""
    steps = [s for s in own_steps(error, failure.root)
             if s.file.is_relative_to(failure.root / "tests")]  # fmt: skip
    starts = [i for i, step in enumerate(steps) if step.function == failure.name]
    return steps[starts[-1] :] if starts else steps


def _of_assertion(error: BaseException, failure: Failure) -> list[str]:
    steps = _of_tests(failure, error)
    lines = []
    text = str(error)
    said = text.split("\nassert ")[0]
    script = _of_a_script(text, failure.root)
    at = None
    arrays = _compared_arrays(error)
    compared = failure.compared
    if script:
        lines += script
    elif arrays:
        found, at = difference(*arrays)
        lines += found
    elif compared is not None and compared.explained in text:
        if not text.startswith("assert "):
            lines += said.splitlines()[:6]
        found, at = _of_comparison(compared)
        lines += found
    elif "DID NOT RAISE" in text:
        kind = re.search(r"DID NOT RAISE (?:<class ')?(?:\w+\.)*(\w+)", text)
        lines.append(f"{kind[1] if kind else 'an error'} should be raised here, and none was")
    elif not text.startswith("assert "):
        lines += said.splitlines()[:12]
    else:
        lines.append("this should hold, and does not")
    lines += _calls(text)
    nan = any(step.file.name == "kernel_cases.py" for step in steps)
    if nan and arrays and re.search(r"came out nan", lines[0] if lines else ""):
        lines.insert(1, _NAN)
    if steps:
        lines += ["", "the test, " + _code(steps[0], failure.root)[0]]
        lines += _code(steps[0], failure.root)[1:]
        if steps[-1] is not steps[0] and not arrays and not script:
            lines += _code(steps[-1], failure.root)
    drawn = picture(failure.task, steps, at)
    return [*lines, "", *drawn.splitlines()] if drawn else lines


def _of_comparison(compared: Compared) -> tuple[list[str], tuple[int, ...] | None]:
    left, right = compared.left, compared.right
    if compared.operator != "==":
        return [f"this should hold: {shown(left)} {compared.operator} {shown(right)}"], None
    lines, at = difference(left, right)
    if left is None:
        lines.append("None is what a function gives that ends without `return`")
    return lines, at


def _calls(text: str) -> list[str]:
    """Return the calls that pytest lists below a failed assertion, with what they gave."""
    called = r"(?:<(?:function|class) '?([\w.<>]+)[^>]*>|(\w+))"
    found = re.findall(rf"where (.+?) = {called}\((.*)\)$", text, re.MULTILINE)
    text = "\n".join(
        f"{(function or name).split('.')[-1]}({values}) gave {out}"
        for out, function, name, values in found
        if (function or name).split(".")[-1] not in _BORING
    )
    lines = re.sub(r"np\.\w+\(([-\w.+]+)\)", r"\1", text).splitlines()
    return [line for line in lines if len(line) < 200][:3]


def _compared_arrays(error: BaseException) -> tuple[Any, Any] | None:
    """Return what numpy's `assert_allclose` or `assert_array_equal` compared; or None."""
    for step in steps_of(error):
        if "numpy" in step.file.parts and {"actual", "desired"} <= set(step.locals):
            return step.locals["actual"], step.locals["desired"]
    return None


def _of_a_script(text: str, root: Path) -> list[str]:
    """Return what a script said that a test ran and that ended with a traceback."""
    if "Traceback (most recent call last)" not in text:
        return []
    errors = re.findall(r"^(\w*(?:Error|Exception|Fault|Interrupt|Exit)\b.*)$", text, re.M)
    places = [
        (Path(file), line)
        for file, line in re.findall(r'(?:File "|\s)(/[^"\n]+?\.py)(?:", line |:)(\d+)', text)
        if Path(file).is_relative_to(root)
    ]
    lines = [f"the script ended with {errors[-1]}" if errors else "the script ended with an error"]
    if places:
        lines.append(f"at {label(places[-1][0], root)}, line {places[-1][1]}")
    return lines


def _of_numba(error: BaseException, root: Path) -> list[str]:
    fault = explain_numba(error, root)
    lines = [fault.what]
    for number, (file, line) in enumerate(fault.places[:3]):
        lines.append(f"{'called from ' if number else ''}{label(file, root)}, line {line}:")
        lines.append("    " + linecache.getline(str(file), line).strip())
    return lines


def _raised(error: BaseException, root: Path) -> list[str]:
    """Explain an exception that the code under test raised."""
    # From the whole exception, with its traceback, Python 3.12 can suggest a name.
    told = next(traceback.TracebackException.from_exception(error).format_exception_only()).strip()
    told = re.sub(r"^(?:[a-z_]\w*\.)+", "", told)
    lines = told.splitlines()[:8]
    steps = own_steps(error, root)
    inside = [step for step in steps if not step.file.is_relative_to(root / "tests")]
    if isinstance(error, RecursionError):
        lines = ["RecursionError: a function calls itself without end"]
        inside = inside[-2:-1]
    if "NoneType" in told:
        lines.append("something is None here: a function that ends without `return` gives None")
    for step in _distinct(inside)[-3:]:
        lines += _code(step, root, caret=True)
    tests = [step for step in steps if step.file.is_relative_to(root / "tests")]
    if tests and not inside:
        lines += _code(tests[-1], root, caret=True)
    return lines


def _distinct(steps: Sequence[Step]) -> list[Step]:
    """Return the steps without those that repeat the one before."""
    kept: list[Step] = []
    for step in steps:
        if not kept or (kept[-1].file, kept[-1].line) != (step.file, step.line):
            kept.append(step)
    return kept
