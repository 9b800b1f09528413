"""Functions in the text of a Python file: emptied, as a student finds them, and filled again.

A file is parsed, never run, and only the lines of the one function change.
"""

from __future__ import annotations

import ast
import functools

__all__ = ["Definition", "cut", "definition", "fill", "find", "is_blank", "is_unwritten"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@functools.lru_cache(maxsize=8)
def _parsed(source: str) -> ast.Module:
    """Return the syntax tree of a text, which is often asked for more than one function."""
    return ast.parse(source)


def find(tree: ast.AST, name: str) -> Definition | None:
    """Return the definition with a qualified name, inner ones included; None if there is none."""
    scope = tree
    for part in name.split("."):
        found = [
            node
            for node in ast.iter_child_nodes(scope)
            if isinstance(node, Definition) and node.name == part
        ]
        if not found:
            return None
        scope = found[-1]
    return scope if isinstance(scope, Definition) else None


def is_unwritten(function: Definition) -> bool:
    """Return whether a function ends as `cut` leaves it."""
    last = function.body[-1]
    return isinstance(last, ast.Raise) and "NotImplementedError" in ast.dump(last)


def _function(source: str, name: str) -> ast.FunctionDef:
    """Return the function with a qualified name.

    Raises:
        LookupError: if the source has no function of that name.
        SyntaxError: if the source is not Python.
    """
    found = find(_parsed(source), name)
    if not isinstance(found, ast.FunctionDef):
        raise LookupError(f"{name} is not a function" if found else f"there is no function {name}")
    return found


def _has_docstring(function: ast.FunctionDef) -> bool:
    first = function.body[0]
    return isinstance(first, ast.Expr) and (
        isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )


def _lines(source: str) -> list[str]:
    """Return the lines as the parser counts them, each with its end."""
    return [line + "\n" for line in source.split("\n")]


def _joined(lines: list[str]) -> str:
    return "".join(lines)[:-1]


def _extent(function: ast.FunctionDef) -> slice:
    """Return which lines a definition takes, its decorators included."""
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    assert function.end_lineno is not None
    return slice(first - 1, function.end_lineno)


def cut(source: str, name: str, message: str) -> str:
    """Return `source` with the body of one function replaced by its task's message.

    Signature, decorators and docstring stay.

    Args:
        source: the text of a Python file.
        name: the function's qualified name, such as "tensor_map._map".
        message: such as "Task 3.1: minitorch/fast_ops.py, tensor_map._map".

    Raises:
        LookupError: if the source has no function of that name.
    """
    function = _function(source, name)
    body = function.body[1:] if _has_docstring(function) else function.body
    lines = _lines(source)
    indent = " " * function.body[0].col_offset
    stub = f'{indent}raise NotImplementedError("{message}")\n'
    if body:
        # Comments between the docstring and the first statement belong to the body.
        start = function.body[0].end_lineno if _has_docstring(function) else body[0].lineno - 1
        assert start is not None
        lines[start : body[-1].end_lineno] = [stub]
    else:
        end = function.body[0].end_lineno
        assert end is not None
        lines[end:end] = [stub]
    return _joined(lines)


def definition(source: str, name: str) -> str:
    """Return the lines of one function, with its decorators, signature and docstring.

    Args:
        source: the text of a Python file.
        name: the function's qualified name.

    Raises:
        LookupError: if the source has no function of that name.
    """
    return "".join(_lines(source)[_extent(_function(source, name))])


def fill(source: str, name: str, written: str) -> str:
    """Return `source` with one function as it is written elsewhere.

    Args:
        source: the text of a Python file.
        name: the function's qualified name.
        written: what `definition` gave for the same name in another text.

    Raises:
        LookupError: if the source has no function of that name.
    """
    lines = _lines(source)
    extent = _extent(_function(source, name))
    # The student may have indented the scopes around it otherwise.
    here, there = (text[: len(text) - len(text.lstrip())] for text in (lines[extent][0], written))
    if here != there:
        written = _joined(
            [here + line.removeprefix(there) if line.strip() else line for line in _lines(written)]
        )
    lines[extent] = [written]
    return _joined(lines)


def is_blank(source: str, name: str) -> bool:
    """Return whether a function of `source` still waits to be written."""
    return is_unwritten(_function(source, name))
