"""Numba's names of types in plain words."""

from __future__ import annotations

import re

__all__ = ["in_words", "split_types"]


def split_types(arguments: str) -> list[str]:
    """Return the parts of "int64, Tuple(int64, float64)", split at the outer commas."""
    parts, depth, start = [], 0, 0
    for position, letter in enumerate(arguments):
        if letter in "([{<":
            depth += 1
        elif letter in ")]}" or (letter == ">" and arguments[position - 1] != "-"):
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(arguments[start:position].strip())
            start = position + 1
    last = arguments[start:].strip()
    return [*parts, last] if last else parts


def in_words(name: str) -> str:
    """Return a type of Numba in words, such as "an array of float64 with 1 dimension"."""
    name = name.strip()
    literal = re.fullmatch(r"Literal\[(\w+)\]\((.*)\)", name, re.DOTALL)
    if literal:
        kinds = {"int": "the integer", "str": "the text", "bool": "the truth value"}
        quoted = repr(literal[2]) if literal[1] == "str" else literal[2]
        return f"{kinds.get(literal[1], 'the constant')} {quoted}"
    array = re.fullmatch(r"array\((\w+), (\d)d, .*\)", name)
    if array:
        dimensions = f"{array[2]} dimension" + ("" if array[2] == "1" else "s")
        return f"an array of {array[1]} with {dimensions}"
    if name.startswith(("int", "uint")):
        return f"an integer ({name})"
    if name.startswith("float"):
        return f"a number ({name})"
    same = re.fullmatch(r"UniTuple\((.+) x (\d+)\)", name)
    if same:
        return f"a tuple of {same[2]} {same[1]}"
    mixed = re.fullmatch(r"Tuple\((.*)\)", name)
    if mixed:
        parts = ", ".join(in_words(part) for part in split_types(mixed[1]))
        return f"a tuple of {parts}" if parts else "an empty tuple"
    held = re.match(r"(?:reflected )?list\((.+?)\)(?:<iv=.*>)?$", name)
    if held:
        return f"a list of {held[1]}"
    if re.match(r"(LiteralStrKey\[Dict\]|DictType|Dict)\b", name):
        return "a dict"
    known = {"none": "None", "unicode_type": "text", "bool": "a truth value"}
    function = re.match(r"(?:Function|type\(CPUDispatcher)\(<[\w ]*?function ([\w.<>]+)", name)
    if function:
        return f"the function {function[1]}"
    return known.get(name, name)
