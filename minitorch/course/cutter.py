"""Emptying a function of the solution: what a student finds."""

from __future__ import annotations

import ast

__all__ = ["cut", "is_blank"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _find(source: str, name: str) -> ast.FunctionDef:
    """Return the definition with a qualified name, inner functions included.

    Raises:
        LookupError: if the source has no function of that name.
    """
    scope: ast.AST = ast.parse(source)
    for part in name.split("."):
        found = [
            node
            for node in ast.iter_child_nodes(scope)
            if isinstance(node, Definition) and node.name == part
        ]
        if not found:
            raise LookupError(f"there is no function {name}")
        scope = found[-1]
    if not isinstance(scope, ast.FunctionDef):
        raise LookupError(f"{name} is not a function")
    return scope


def _has_docstring(function: ast.FunctionDef) -> bool:
    first = function.body[0]
    return isinstance(first, ast.Expr) and (
        isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )


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
    function = _find(source, name)
    body = function.body[1:] if _has_docstring(function) else function.body
    lines = source.splitlines(keepends=True)
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
    return "".join(lines)


def is_blank(source: str, name: str) -> bool:
    """Return whether a function of `source` still waits to be written."""
    statement = _find(source, name).body[-1]
    return isinstance(statement, ast.Raise) and "NotImplementedError" in ast.dump(statement)
