"""No statement of a solution is left in a starter.

Statements are compared as syntax trees, so that neither spaces nor comments hide one; of a loop or
a question, the line that opens it. Where a statement that a student is to write stands in a file
that they are given, it must be in `ALLOWED`, with the reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from minitorch.course import Task, load_tasks
from minitorch.course.start import start

TOP = Path(__file__).parents[2]
TASKS = load_tasks()

# Statements that say nothing of how a task is solved: what ends a function or a turn of a loop,
# and the call that each `__init__` of a module begins with.
TRIVIAL = """
continue
return
return NotImplemented
return self
super().__init__()
"""

ALLOWED = {
    "keeping values for the backward pass is shown by the functions that are given": """
        ctx.save_for_backward(a)
        ctx.save_for_backward(a, b)
        ctx.save_for_backward(a.shape)
        ctx.save_for_backward(out)
        (a,) = ctx.saved_values
        (out,) = ctx.saved_values
        (shape,) = ctx.saved_values
        a, b = ctx.saved_values
        need_a, need_b = ctx.needs_input_grad
        """,
    "the gradient of a step is shown by IsClose and LE": """
        zeros = grad.zeros(grad.shape)
        return zeros, zeros
        """,
    "a Tensor's methods are named like a Scalar's, of which `__mul__` is given": """
        return Neg.apply(self)
        return Sigmoid.apply(self)
        return ReLU.apply(self)
        return Log.apply(self)
        return Exp.apply(self)
        history = recorded_history(self)
        """,
    "functions of numbers, for which the operator is the only way": """
        return -x
        return 1.0 / x
        return x + y
        return x * y
        """,
    "a loop or a question says little without what it is about": """
        for dim in range(len(shape)):
        for column in range(width):
        if a.dims != 1:
        if dim is None:
        if node.is_leaf():
        """,
    "each kernel on a GPU begins with the number of its thread": """
        i = cuda.grid(1)
        """,
    "taking a pair apart": """
        kernel_height, kernel_width = kernel
        """,
    "tests that are given show how those that a student writes may look": """
        for dim in range(a.ndim):
        a, kernel = case
        close(minitorch.maxpool2d(tensor(a), kernel), tiles(a, kernel).max((4, 5)))
        out = minitorch.dropout(x, rate)
        out.sum().backward()
        x = tensor(a).requires_grad_(True)
        """,
}


def normal(node: ast.stmt) -> str:
    """Return a statement in one way of writing it; of one with others inside, its first line."""
    text = ast.unparse(node)
    return text.splitlines()[0] if hasattr(node, "body") else text


def statements(source: str) -> Iterator[tuple[str, int]]:
    """Yield the statements of a text, each with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            yield normal(node), node.lineno


def body(file: Path, name: str) -> list[ast.stmt]:
    """Return the statements of a function but for its docstring."""
    scope: ast.AST = ast.parse(file.read_text(encoding="utf-8"))
    for part in name.split("."):
        (scope,) = [n for n in ast.iter_child_nodes(scope) if getattr(n, "name", None) == part]
    assert isinstance(scope, ast.FunctionDef)
    return scope.body[1:] if ast.get_docstring(scope) is not None else scope.body


def solutions(tasks: Iterable[Task]) -> set[str]:
    """Return all statements of the solutions of tasks."""
    return {
        statement
        for task in tasks
        for blank in task.blanks
        for part in body(TOP / blank.file, blank.name)
        for statement, _ in statements(ast.unparse(part))
    }


def as_written(lines: str) -> set[str]:
    """Return the statements of a list, a line for each, as `normal` writes them."""
    found = set()
    for line in filter(None, map(str.strip, lines.splitlines())):
        (node,) = ast.parse(line + " pass" if line.endswith(":") else line).body
        found.add(normal(node))
    return found


def returns_a_name(statement: str) -> bool:
    return re.fullmatch(r"return [a-z_]+", statement) is not None


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a starter with no task done."""
    folder = tmp_path_factory.mktemp("starter") / "all"
    start(folder)
    return folder


def given(folder: Path) -> list[tuple[str, str]]:
    """Return the statements of a starter, each with the place where it stands."""
    return [
        (statement, f"{path.relative_to(folder)}:{line}")
        for path in sorted(folder.rglob("*.py"))
        for statement, line in statements(path.read_text(encoding="utf-8"))
    ]


def test_no_statement_of_a_solution_is_left(emptied: Path) -> None:
    wanted = solutions(TASKS)
    assert len(wanted) > 200
    wanted -= as_written(TRIVIAL + "".join(ALLOWED.values()))
    leaks = [
        f"{place}: {statement}"
        for statement, place in given(emptied)
        if statement in wanted and not returns_a_name(statement)
    ]
    assert leaks == []


def test_nothing_is_allowed_that_need_not_be(emptied: Path) -> None:
    needed = solutions(TASKS) & {statement for statement, _ in given(emptied)}
    assert as_written(TRIVIAL + "".join(ALLOWED.values())) <= needed
