"""Numba's errors in the words of a student: the line, the variable, its types, the call.

A typing error of Numba is a page long. What the student needs of it stands in few places: the
innermost "Failed in nopython mode pipeline" block begins with the complaint, and the first
"at FILE (LINE)" after it says where.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from .numba_types import in_words, split_types

__all__ = ["KernelFault", "explain_numba", "is_numba_error"]

# An operation's name in Numba's message, and how one writes it.
_OPERATORS = {
    "add": "+", "iadd": "+=", "sub": "-", "isub": "-=", "mul": "*", "imul": "*=",
    "truediv": "/", "itruediv": "/=", "floordiv": "//", "ifloordiv": "//=", "mod": "%",
    "pow": "**", "matmul": "@", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==",
    "ne": "!=", "and_": "&", "or_": "|", "contains": "in",
}  # fmt: skip

_OPCODES = {
    "IMPORT_NAME": "an `import` inside of a kernel: import at the top of the file",
    "STORE_GLOBAL": "an assignment to a `global` variable: return the value, or write to `out`",
    "DELETE_GLOBAL": "`del` of a global variable",
    "YIELD_VALUE": "`yield`",
    "DELETE_NAME": "`del` of a name",
    # Python 3.13's; earlier ones are explained below.
    "FORMAT_WITH_SPEC": "formatting numbers in an f-string",
}


Place = tuple[Path, int]


_FLOAT_INDEX = (
    "an index must be an integer, and this is {}: `/` gives a float, `//` does not; an array of "
    "indices is made by np.empty(size, np.int64)"
)

# Bold and colours, which Numba puts in where it can.
_COLOURS = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True)
class KernelFault:
    """What a student did that Numba cannot compile.

    Args:
        what: sentences.
        places: the file and line (from 1) where that is, and the line that called it, if it was
            called, and so on; empty if nothing is known.
    """

    what: str
    places: tuple[Place, ...]


def _kernel(error: BaseException) -> CodeType | None:
    """Return the code of the kernel that was being compiled when the error came; or None."""
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code.co_name == "_compile_for_args" and "self" in frame.f_locals:
            code = getattr(getattr(frame.f_locals["self"], "py_func", None), "__code__", None)
            return code if isinstance(code, CodeType) else None
        trace = trace.tb_next
    return None


def is_numba_error(error: BaseException) -> bool:
    """Return whether Numba raised it while it compiled; Numba is not imported for this.

    Its parallel part raises ordinary exceptions too.
    """
    kinds = {kind.__module__ for kind in type(error).__mro__}
    return "numba.core.errors" in kinds or _kernel(error) is not None


def explain_numba(error: BaseException, root: Path) -> KernelFault:
    """Return what an error of Numba says, and the lines of the checkout that it is about."""
    text = _COLOURS.sub("", str(error))
    complaint = _innermost(text, root)
    places = _places(text, root)
    location = getattr(error, "loc", None)  # which some have, and no place in the text
    kernel = _kernel(error)
    if not places and location is not None and _is_own(Path(location.filename), root):
        places = [(Path(location.filename), location.line)]
    if not places and kernel is not None and _is_own(Path(kernel.co_filename), root):
        places = [(Path(kernel.co_filename), kernel.co_firstlineno)]
    for pattern, words in _RULES:
        found = re.search(pattern, complaint, re.DOTALL)
        if found:
            return KernelFault(words(found), tuple(places))
    reasons = re.findall(r"\w+Error: ([^\n]+)", text)
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    reason = (lines or reasons[-1:] or ["it gives no reason"])[0]
    return KernelFault(f"Numba cannot compile this: {reason}", tuple(places))


def _innermost(text: str, root: Path) -> str:
    """Return the innermost block of the message that is about a file in `root`."""
    blocks = re.split(r"Failed in \w+ mode pipeline \(step: [^)]*\)\n", text)
    # What is a complaint about Numba's own code belongs to the call that led there.
    own = []
    for block in blocks:
        first = _AT.search(block)
        if _places(block, root) and (first is None or _is_own(Path(first[1]), root)):
            own.append(block)
    return own[-1] if own else blocks[min(1, len(blocks) - 1)]


_AT = re.compile(r"\b(?:at|from) ([^\n()]+?\.py) \((\d+)\)")


def _is_own(path: Path, root: Path) -> bool:
    return "site-packages" not in path.parts and path.is_relative_to(root)


def _places(text: str, root: Path) -> list[Place]:
    """Return the places in `root` that a message names, each once, the innermost first."""
    found = [(Path(file), int(line)) for file, line in _AT.findall(text)]
    if not any(_is_own(file, root) for file, _ in found):
        # Some have no such phrase, only the listing.
        listed = re.findall(r'File "([^"\n]+)", line (\d+)', text)
        found = [(root / file, int(line)) for file, line in listed if (root / file).is_file()]
    return list(dict.fromkeys(place for place in found if _is_own(place[0], root)))


def _unify(found: re.Match[str]) -> str:
    first, second = in_words(found[1]), in_words(found[2])
    name = found[3].split(".")[0]
    if name.startswith("$"):
        return f"this is {first} in one case and {second} in another: a kernel needs one type"
    return (
        f"`{name}` is {first} in one place and {second} in another; in a kernel a variable keeps "
        "one type from its first line to its last"
    )


def _attribute(found: re.Match[str]) -> str:
    name, owner = found[1], found[2]
    module = re.match(r"Module\(<module '([\w.]+)'", owner)
    if module:
        return f"`{module[1]}.{name}` cannot be used in a kernel: Numba does not know it"
    return f"`.{name}` cannot be used in a kernel: {in_words(owner)} has no such attribute there"


def _signature(found: re.Match[str]) -> str:
    """Explain that a function, or an operation, does not take arguments of such types."""
    name, arguments = found[1], split_types(found[2])
    words = [in_words(argument) for argument in arguments]
    complaint = found.string[found.start() :]
    bound = re.search(r"to signature '(\([^']*\))' due to \"TypeError: ([^\"]+)\"", complaint)
    if name == "exception_match":
        return "a kernel knows only `except Exception`, no other kind of exception"
    if name == "getitem" and len(words) == 2:
        return _getitem(arguments, words)
    if name == "setitem" and len(words) == 3:
        return _setitem(arguments, words)
    if bound:
        return f"`{name}` takes {bound[1]}: {bound[2]}"
    if name in _OPERATORS and len(words) == 2:
        return f"`{_OPERATORS[name]}` cannot join {words[0]} and {words[1]} in a kernel"
    if name in ("neg", "pos", "not_") and words:
        return f"`{name}` cannot be applied to {words[0]} in a kernel"
    cause = re.findall(r"(?:Numba)?(?:Type|Typing|Unsupported)Error: ([^\n]+)", complaint)
    reason = f": {cause[-1].split('. ')[0]}" if cause and "pipeline" not in cause[-1] else ""
    return (
        f"`{name}` cannot be called with {', '.join(words) or 'no arguments'} in a kernel{reason}"
    )


def _getitem(arguments: list[str], words: list[str]) -> str:
    container, index = arguments
    if container == "none":
        return "what is indexed here is None"
    if container.startswith("Tuple("):
        return (
            "a tuple whose parts differ in type can be indexed in a kernel only by a number that "
            f"is written out, not by a variable: this one is {words[0]}"
        )
    if index.startswith("float"):
        return _FLOAT_INDEX.format(words[1])
    if index.startswith("list("):
        return f"an index may not be a list in a kernel; {words[0]} takes an integer or a tuple"
    if container.startswith("array(") and index.startswith(("Tuple(", "UniTuple(")):
        return f"{words[0]} cannot take an index of {_length(index)} numbers"
    return f"{words[0]} cannot be indexed by {words[1]} in a kernel"


def _length(index: str) -> int:
    """Return how many parts a tuple has whose type Numba writes so."""
    times = re.search(r"x (\d+)\)$", index)
    return int(times[1]) if times else len(split_types(index[index.index("(") + 1 : -1]))


def _setitem(arguments: list[str], words: list[str]) -> str:
    container, index, value = arguments
    if container.startswith(("Tuple(", "UniTuple(")):
        return "a tuple cannot be changed: nothing can be assigned to one of its elements"
    if value == "none":
        return (
            "what is assigned here is None: does the function that is called end without `return`?"
        )
    if index.startswith("float"):
        return _FLOAT_INDEX.format(words[1])
    dims = re.match(r"array\(\w+, (\d+)d", container)
    if dims and index.startswith(("Tuple(", "UniTuple(")) and _length(index) > int(dims[1]):
        return f"{words[0]} cannot take an index of {_length(index)} numbers"
    return f"{words[2]} cannot be put into an element of {words[0]}"


def _method(found: re.Match[str]) -> str:
    kind, name, owner = found[1], found[2], in_words(found[3])
    words = " and ".join(in_words(argument) for argument in split_types(found[4]))
    if (kind, name) == ("list", "append"):
        return f"{words} is appended to {owner}; in a kernel all elements of a list have one type"
    return f"`.{name}` of {owner} cannot be called with {words or 'no arguments'} in a kernel"


_RULES: list[tuple[str, Callable[[re.Match[str]], str]]] = [
    (r"NameError: name '(\w+)' is not defined", lambda m: f"the name `{m[1]}` is not defined"),
    (r"UnboundLocalError|[Vv]ariable '(\w+)' (?:is )?(?:referenced|used) before",
     lambda m: f"`{m[1] or 'a variable'}` is used before anything is assigned to it"),
    (r"Cannot unify (.+?) and (.+?) for '([^']+)', defined", _unify),
    (r"Cannot unify (.+?) and (.+?) for '([^']+)'", _unify),
    (r"unify (?:return type|.*return)", lambda m: (
        "the function returns values of different types; a compiled function returns one type, "
        "at each `return` and at its end")),
    (r"Use of unsupported NumPy function 'numpy\.([\w.]+)'", lambda m: (
        f"`np.{m[1]}` cannot be used in a kernel, or not in this way: write the loop")),
    (r"Unknown attribute '(\w+)' of type ([^\n]+)", _attribute),
    (r"Invalid use of BoundFunction\((\w+)\.(\w+) for ([^\n]+)\) with parameters \(([^\n]*)\)",
     _method),
    (r"Invalid use of (.+?) with parameters", lambda m: (
        f"what is called here is {in_words(m[1])} and no function")),
    (r"Undecided type", lambda m: "Numba cannot tell the type of what this line works out"),
    (r"Untyped global name '(\w+)':[^\n]*<class '([^']+)'>", lambda m: (
        f"`{m[1]}` cannot be used in a kernel: it is {_a_kind(m[2])} of Python's, and kernels know "
        "numbers, arrays, tuples and compiled functions")),
    (r"'wrong tuple length for [^']*', 'expected (\d+), got (\d+)'", lambda m: (
        f"the line takes {m[1]} values apart, and there are {m[2]}")),
    (r"\*args in function call should be a tuple, got ([^\n]+)", lambda m: (
        f"after `*` a kernel takes a tuple, not {in_words(m[1])}")),
    (r"(?:Type of variable|Cannot infer the type of variable) '([^'.]+)[^']*'", lambda m: (
        f"Numba cannot tell the type of `{m[1]}`: put a value of the right type into it first "
        "(an empty list or dictionary has no type)")),
    (r"list\(undefined\)|Cannot infer the type.*list", lambda m: (
        "Numba cannot tell what an empty list will hold: use np.empty(size, np.int64)")),
    (r"Only constant step size of 1 is supported for prange", lambda m: (
        "`prange` counts in steps of 1 only: multiply inside of the loop")),
    (r"Overwrite of parallel loop index", lambda m: (
        "the variable of a `prange` loop may not be assigned to inside of it")),
    (r"reduction variable '?(\w+)|(?i:invalid reduction)", lambda m: (
        f"`{m[1] or 'a variable'}` comes from outside of a `prange` loop, and there may only be "
        "added up (`+=`) or multiplied (`*=`) in it, one of the two and nothing else: use a "
        "variable of the loop's own")),
    (r"format spec in f-strings", lambda m: (
        "a kernel cannot format numbers in an f-string: leave out what stands after the colon, or "
        "print outside of the kernel")),
    (r"unsupported opcode \((\w+)\)", lambda m: (
        f"a kernel cannot do this: {_OPCODES.get(m[1], 'Python calls it ' + m[1])}")),
    (r"The '(\w+)[^']*' construct is not supported", lambda m: (
        f"a kernel cannot use `{m[1]}`")),
    (r"use of yield in a closure", lambda m: (
        "a kernel cannot run a generator, `... for x in ...` in parentheses: write the loop")),
    (r"No implementation of function Function\(<(?:built-in )?\w+ '?(\w+)[^\n]*\) found for "
     r"signature:\s*>>> \w+\(([^\n]*)\)", _signature),
]  # fmt: skip


def _a_kind(name: str) -> str:
    return "a class" if name == "type" else f"a `{name.split('.')[-1]}`"
