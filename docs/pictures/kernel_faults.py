"""Kernels that Numba cannot compile, and what `minitorch check` says of each."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

import numba
import numpy as np
from minitorch_course.numba_words import explain_numba

__all__ = ["faults_table"]

# The bodies of kernels of an array `out` and a number `n`.
_BODIES = (
    "out[n / 2] = 1.0",
    "out[0] = hlaf(n)",
    "place = 0 if n > 3 else out",
    "out[0] = None",
    "index = []; out[0] = len(index)",
    "out[0] = np.einsum('i,i->', out, out)",
    "out.append(1.0)",
)


def faults_table() -> str:
    """Compile each kernel, and return a Markdown table of what went wrong."""
    rows = ["| in the kernel | lines of Numba | what you read |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for number, body in enumerate(_BODIES):
            path = Path(folder).resolve() / f"kernel_{number}.py"
            path.write_text(f"import numpy as np\n\n\ndef kernel(out, n):\n    {body}\n")
            lines, words = _fault(path)
            shown = body.replace("; ", "`<br>`")
            rows.append(f"| `{shown}` | {lines} | {words} |")
    return "\n".join(rows) + "\n"


def _fault(path: Path) -> tuple[int, str]:
    """Return of how many lines Numba's message is, and what it says in plain words."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        numba.njit(module.kernel)(np.zeros(4), 4)
    except Exception as error:
        return len(str(error).splitlines()), explain_numba(error, path.parent).what
    raise RuntimeError(f"Numba can compile this: {path.read_text()}")
