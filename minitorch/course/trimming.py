"""Files of the solution that name others, trimmed to what a starter has."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

__all__ = ["trimmed_package", "trimmed_table"]


def trimmed_table(text: str, module: str) -> str:
    """Return the course's table without later modules, their tasks, and the rooms.

    Args:
        text: the text of `curriculum.toml`.
        module: the id of the last module that stays.
    """
    kept = []
    for entry in re.split(r"^(?=\[\[)", text, flags=re.MULTILINE):
        kind = re.match(r"\[\[(\w+)\]\]", entry)
        of_module = re.search(r'^id = "(\d+)', entry, re.MULTILINE)
        if kind is None or (of_module is not None and int(of_module[1]) <= int(module)):
            kept.append(entry)
    return "".join(kept).rstrip("\n") + "\n"


def _without(lines: list[str], nodes: Sequence[ast.alias | ast.expr], names: set[str]) -> None:
    """Take the elements of a list of imports or strings that are called `names` out of its lines.

    Elements of a list over several lines must stand on lines of their own.
    """
    for position, node in reversed(list(enumerate(nodes))):
        name = node.name if isinstance(node, ast.alias) else ast.literal_eval(node)
        if name not in names:
            continue
        assert node.end_col_offset is not None
        line = lines[node.lineno - 1]
        before, after = line[: node.col_offset], line[node.end_col_offset :]
        if not before.strip() and not after.strip(" ,\n"):
            lines[node.lineno - 1] = ""
        elif position + 1 < len(nodes):
            lines[node.lineno - 1] = before + after.removeprefix(",").removeprefix(" ")
        else:
            lines[node.lineno - 1] = before.removesuffix(" ").removesuffix(",") + after


def trimmed_package(source: str, is_missing: Callable[[str], bool]) -> str:
    """Return an `__init__.py` without imports from modules that are missing.

    The names that they would bind are taken out of `__all__` too.

    Args:
        source: the text of the file. Its imports from its own package are relative.
        is_missing: tells of a module, such as "tuned_ops", whether the package lacks it.
    """
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    gone: set[str] = set()
    for node in tree.body:
        if not isinstance(node, ast.ImportFrom) or node.level != 1:
            continue
        dropped = {
            alias.name
            for alias in node.names
            if is_missing((node.module or alias.name).split(".")[0])
        }
        gone |= {alias.asname or alias.name for alias in node.names if alias.name in dropped}
        if len(dropped) == len(node.names):
            assert node.end_lineno is not None
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
        else:
            _without(lines, node.names, dropped)
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List):
            (target,) = node.targets
            if isinstance(target, ast.Name) and target.id == "__all__":
                _without(lines, node.value.elts, gone)
    return "".join(lines)
