"""A student's functions, taken out of their file and put into another text of it.

What the functions use and the other text lacks goes with them: imports, constants, functions and
methods of the student's own, as far as one leads to the next. All else of the student's file
stays behind, and where both texts define a name, the other text's definition counts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from ..cutter import Definition, definition, fill, find

__all__ = ["graft", "missing"]


def _body(tree: ast.Module, scope: Sequence[str]) -> list[ast.stmt] | None:
    """Return the statements of a function or class by its qualified name; None if it is not there.

    The empty name is the file's.
    """
    found = find(tree, ".".join(scope)) if scope else tree
    return found.body if found else None


def missing(written: str, names: Iterable[str]) -> list[str]:
    """Return which functions a text lacks.

    Args:
        written: the text of a Python file.
        names: qualified names.

    Raises:
        SyntaxError: if the text is not Python.
    """
    tree = ast.parse(written)
    return [name for name in names if find(tree, name) is None]


def _bound(node: ast.stmt) -> set[str]:
    """Return the names that a statement binds."""
    if isinstance(node, Definition):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    targets: list[ast.AST] = [node]
    if isinstance(node, ast.Assign):
        targets = list(node.targets)
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    names = set()
    for part in (part for target in targets for part in ast.walk(target)):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        elif isinstance(part, Definition | ast.Import | ast.ImportFrom):
            names |= _bound(part)
    return names


def _used(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names and attributes that code speaks of."""
    parts = [part for node in nodes for part in ast.walk(node)]
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return names | {part.attr for part in parts if isinstance(part, ast.Attribute)}


def _new(written: list[ast.stmt], given: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements of a scope that bind names which the given scope lacks."""
    known = {name for node in given for name in _bound(node)}
    found: list[ast.stmt] = []
    for node in written:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:  # each by itself, so that each comes along by itself
                single = type(node)(**{**dict(ast.iter_fields(node)), "names": [alias]})
                if not _bound(single) & known:
                    found.append(ast.copy_location(single, node))
        elif _bound(node) and not _bound(node) & known:
            found.append(node)
    return found


def _text(source: str, node: ast.stmt, indent: int) -> str:
    """Return the lines of a statement, indented by so many spaces."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return " " * indent + ast.unparse(node) + "\n"
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    lines = source.split("\n")[first - 1 : node.end_lineno]
    if indent != node.col_offset:
        there = " " * node.col_offset
        lines = [" " * indent + line.removeprefix(there) if line else "" for line in lines]
    return "\n".join(lines) + "\n"


def _place(node: ast.stmt, written: list[ast.stmt], given: list[ast.stmt]) -> int:
    """Return after which line of the given text a statement goes, so that the order is kept."""
    last = {name: other for other in given for name in _bound(other)}
    line = 0
    for other in written:
        if (other.lineno, other.col_offset) >= (node.lineno, node.col_offset):
            break
        line = max([line, *(last[n].end_lineno or 0 for n in _bound(other) & last.keys())])
    if line:
        return line
    # Before all that is given, but for a docstring.
    first = given[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return first.end_lineno or 0
    decorators: list[ast.expr] = getattr(first, "decorator_list", [])
    return min([first.lineno, *(decorator.lineno for decorator in decorators)]) - 1


def graft(given: str, written: str, names: Sequence[str]) -> str:
    """Return a text with functions as they are written in another, and what they need from there.

    Functions that the other text lacks stay as they are given. A star import does not come along,
    for what it would bind is not known.

    Args:
        given: the text that is changed.
        written: the text that the functions come from.
        names: their qualified names, such as "tensor_map._map".

    Raises:
        LookupError: if the given text lacks one of the functions.
        SyntaxError: if one of the texts is not Python.
    """
    lost = set(missing(written, names))
    names = [name for name in names if name not in lost]
    tree, base = ast.parse(written), ast.parse(given)
    paths = [tuple(name.split(".")) for name in names]
    scopes = sorted({path[:depth] for path in paths for depth in range(len(path))})
    bodies = {scope: (_body(tree, scope) or [], _body(base, scope) or []) for scope in scopes}
    wanted = _used(
        node for path in paths for node in bodies[path[:-1]][0]
        if isinstance(node, Definition) and node.name == path[-1]
    )  # fmt: skip
    waiting = [(scope, node) for scope in scopes for node in _new(*bodies[scope])]
    chosen: list[tuple[tuple[str, ...], ast.stmt]] = []
    while found := [(scope, node) for scope, node in waiting if _bound(node) & wanted]:
        waiting = [entry for entry in waiting if entry not in found]
        chosen += found
        wanted |= _used(node for _, node in found)
    inserted: dict[int, list[tuple[int, str]]] = {}
    for scope, node in chosen:
        place = _place(node, *bodies[scope])
        text = _text(written, node, bodies[scope][1][0].col_offset)
        inserted.setdefault(place, []).append((node.lineno, text))
    lines = given.split("\n")
    for place in sorted(inserted, reverse=True):
        texts = [text for _, text in sorted(inserted[place], key=lambda entry: entry[0])]
        lines[place:place] = "".join(texts).removesuffix("\n").split("\n")
    result = "\n".join(lines)
    for name in names:
        result = fill(result, name, definition(written, name))
    return result
