"""Wrong implementations of tasks, kept as data: which function, and what stands in it instead.

A file `task_4_1.toml` holds those of Task 4.1, each a table::

    [[mutant]]
    name = "the first input channel only"                   # what is wrong, in a few words
    function = "minitorch/fast_conv.py:_tensor_conv1d"
    old = "range(in_channels)"                              # stands once in the function
    new = "range(1)"

or, in place of `old` and `new`, a whole `body`. Where a student writes tests, `by` names the one
of them that must find the fault: "tests/test_nn.py:test_max".
"""

from __future__ import annotations

import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .curriculum import Blank
from .cutter import cut, definition, fill

__all__ = ["Mutant", "load_mutants", "mutated"]

_HERE = "what the mutant's body replaces"


@dataclass(frozen=True)
class Mutant:
    """A wrong implementation of one function.

    Args:
        task: the id of the task whose tests must fail on it.
        name: what is wrong.
        blank: the function.
        old, new: what stands once in the function, and what stands there instead.
        body: the whole body instead, without indentation; then `old` and `new` are empty.
        by: the test that a student writes which must fail; None if any test of the task will do.
    """

    task: str
    name: str
    blank: Blank
    old: str = ""
    new: str = ""
    body: str = ""
    by: Blank | None = None


def load_mutants(folder: Path) -> tuple[Mutant, ...]:
    """Return the mutants of all the files `task_*.toml` of a folder."""
    return tuple(
        Mutant(
            task=file.stem.removeprefix("task_").replace("_", "."),
            name=row["name"],
            blank=Blank(*row["function"].split(":")),
            old=row.get("old", ""),
            new=row.get("new", ""),
            body=row.get("body", ""),
            by=Blank(*row["by"].split(":")) if "by" in row else None,
        )
        for file in sorted(folder.glob("task_*.toml"))
        for row in tomllib.loads(file.read_text(encoding="utf-8"))["mutant"]
    )


def mutated(source: str, mutant: Mutant) -> str:
    """Return the text of a file with one function as the mutant has it.

    Raises:
        LookupError: if the file has no such function, or the function does not hold `old` once.
    """
    name = mutant.blank.name
    if mutant.body:
        emptied = definition(cut(source, name, _HERE), name)
        lines = emptied.splitlines(keepends=True)
        indent = lines[-1][: len(lines[-1]) - len(lines[-1].lstrip())]
        body = textwrap.indent(mutant.body.strip("\n"), indent) + "\n"
        return fill(source, name, "".join(lines[:-1]) + body)
    written = definition(source, name)
    found = written.count(mutant.old)
    if not mutant.old or found != 1:
        raise LookupError(
            f"mutant of Task {mutant.task}, {mutant.name!r}: {mutant.blank.file}, {name} holds "
            f"{mutant.old!r} {found} times, not once"
        )
    return fill(source, name, written.replace(mutant.old, mutant.new))
