"""What came out and what was expected: where two values first differ."""

from __future__ import annotations

import re
import sys
from typing import Any

from .drawing import draw_difference, number

__all__ = ["Difference", "difference", "shown"]

Difference = tuple[list[str], tuple[int, ...] | None]

_LONGEST = 300

# How numpy shows a number: np.float64(2.0), which is 2.0 to a student.
_NUMBER = re.compile(r"\bnp\.\w+\(([-\w.+]+)\)")

# So many numbers of a list are shown as they are, not drawn.
_WIDEST_LINE = 9


def shown(value: Any) -> str:
    """Return a value as text of a bearable length."""
    # What pytest.approx gives, and numpy's numbers, are plainer as `str` has them.
    try:
        plain = hasattr(value, "expected") or getattr(value, "ndim", None) == 0
        text = str(value) if plain else repr(value)
    except Exception as error:
        # How a student's class shows itself may be unfinished.
        return f"a {type(value).__name__}, which cannot be shown: {type(error).__name__}"
    text = _NUMBER.sub(r"\1", text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _as_array(value: Any) -> Any:
    """Return the numbers as a numpy array; None if it is no list or array of numbers."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, list | tuple | numpy.ndarray):
        return None
    try:
        array = numpy.asarray(value)
    except ValueError:  # a ragged list
        return None
    return array if array.dtype.kind in "biuf" else None


def difference(got: Any, expected: Any) -> Difference:
    """Return what differs, in lines, and the index of the first element that does.

    Args:
        got: what came out.
        expected: what should have. Lists and arrays are compared element by element.
    """
    ours, theirs = _as_array(got), _as_array(expected)
    if ours is None or theirs is None or not ours.size or not ours.ndim:
        return [f"came out   {shown(got)}", f"expected   {shown(expected)}"], None
    if ours.shape != theirs.shape:
        if ours.ndim == theirs.ndim == 1:
            return [f"came out   {shown(got)}", f"expected   {shown(expected)}"], None
        return [f"came out with shape {ours.shape}, expected {theirs.shape}"], None
    return _of_arrays(got, expected, ours, theirs)


def _of_arrays(got: Any, expected: Any, ours: Any, theirs: Any) -> Difference:
    numpy: Any = sys.modules["numpy"]
    wrong = ours != theirs
    if ours.dtype.kind == "f" or theirs.dtype.kind == "f":
        single = "float32" in (str(ours.dtype), str(theirs.dtype))
        tolerance = 1e-4 if single else 1e-10
        far = ~numpy.isclose(ours, theirs, rtol=tolerance, atol=tolerance, equal_nan=True)
        wrong = far if far.any() else wrong & ~(numpy.isnan(ours) & numpy.isnan(theirs))
    if not wrong.any():
        return [f"came out   {shown(ours)}", f"expected   {shown(theirs)}"], None
    at = tuple(int(i) for i in numpy.argwhere(wrong)[0])
    count = int(wrong.sum())
    place = list(at) if len(at) > 1 else at[0]
    lines = [
        f"first wrong at index {place}: came out {number(ours[at])}, expected {number(theirs[at])}",
        f"{count} of {ours.size} numbers {'is' if count == 1 else 'are'} wrong",
    ]
    if len(at) == 1 and ours.size <= _WIDEST_LINE and not isinstance(got, numpy.ndarray):
        lines[1:] = [f"came out   {shown(got)}", f"expected   {shown(expected)}"]
    elif ours.size > 1:
        lines += ["", *draw_difference(ours, theirs, wrong, at).splitlines()]
    return lines, at
