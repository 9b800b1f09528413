"""A package's `__init__` and the table of the course, trimmed to what a starter has."""

from __future__ import annotations

import tomllib

import pytest

from minitorch.course.curriculum import TABLE, load_modules
from minitorch.course.trimming import trimmed_package, trimmed_table

PACKAGE = '''"""A package."""

from . import (
    first,
    second,
    third,
)
from .second import (
    B,
    b,
)
from .third import C, c
from . import second as again, first as same

D = C

__all__ = [
    "B",
    "C",
    "again",
    "b",
    "c",
    "first",
    "same",
    "second",
    "third",
]
'''

TRIMMED = '''"""A package."""

from . import (
    first,
    third,
)
from .third import C, c
from . import first as same

D = C

__all__ = [
    "C",
    "c",
    "first",
    "same",
    "third",
]
'''


def test_imports_of_what_is_missing_go_and_their_names() -> None:
    assert trimmed_package(PACKAGE, lambda name: name == "second") == TRIMMED


def test_a_package_that_lacks_nothing_stays_as_it_is() -> None:
    assert trimmed_package(PACKAGE, lambda name: False) == PACKAGE


@pytest.mark.parametrize(
    ("missing", "imports", "names"),
    [("a", "b", '["b"]'), ("b", "a", '["a"]'), ("ab", None, "[]")],
)
def test_a_list_on_one_line(missing: str, imports: str | None, names: str) -> None:
    source = 'from . import a, b\n\n__all__ = ["a", "b"]\n'
    first = f"from . import {imports}\n" if imports else ""
    assert trimmed_package(source, lambda name: name in missing) == f"{first}\n__all__ = {names}\n"


@pytest.mark.parametrize("module", [module.id for module in load_modules()])
def test_a_table_up_to_a_module_has_its_tasks_as_they_were(module: str) -> None:
    text = TABLE.read_text(encoding="utf-8")
    whole, trimmed = tomllib.loads(text), tomllib.loads(trimmed_table(text, module))
    assert trimmed["task"] == [
        row for row in whole["task"] if int(row["id"].split(".")[0]) <= int(module)
    ]
    assert trimmed["module"] == [row for row in whole["module"] if int(row["id"]) <= int(module)]
    assert "room" not in trimmed
