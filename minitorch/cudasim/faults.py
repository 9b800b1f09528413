"""What a kernel can do wrong, told so that one can mend it."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "BarrierFault",
    "BoundsFault",
    "CudaFault",
    "LaunchFault",
    "RaceFault",
    "UninitialisedFault",
]


class CudaFault(RuntimeError):  # noqa: N818
    """A mistake in a kernel or in its launch, most of which a GPU would not tell.

    Args:
        kernel: the name of the kernel.
        what: what happened, in one line.
        details: who did it and where, a line each.
        advice: one line on how to mend it.
        array: the name of the array, if one is concerned.
        places: where in the source, as `file:line`.

    Attributes:
        kernel, array, places: as given.
        times: how often the same happened at the same places (where faults are collected).
    """

    def __init__(
        self,
        kernel: str,
        what: str,
        details: Sequence[str] = (),
        advice: str = "",
        *,
        array: str = "",
        places: Sequence[str] = (),
    ) -> None:
        lines = [f"{kernel}: {what}", *[f"  {detail}" for detail in details]]
        if advice:
            lines.append(f"help: {advice}")
        super().__init__("\n".join(lines))
        self.kernel = kernel
        self.array = array
        self.places = tuple(places)
        self.times = 1


class RaceFault(CudaFault):
    """Two threads touch one cell, one of them writing, and nothing says which comes first."""


class BoundsFault(CudaFault):
    """An index outside of an array, or the wrong number of indices."""


class BarrierFault(CudaFault):
    """A barrier that some threads wait at and others never reach."""


class UninitialisedFault(CudaFault):
    """A read of memory that nobody has written."""


class LaunchFault(CudaFault):
    """A launch, or a request of the kernel, that a GPU or this simulator does not take."""
