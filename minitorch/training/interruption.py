"""Ctrl-C at a moment of the program's own choosing."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interruption"]


class Interruption:
    """Within `with Interruption() as asked:`, a first Ctrl-C only makes `asked` true.

    The loop looks at it between two batches, where everything can be saved. A second Ctrl-C
    interrupts as usual. Outside of the main thread, where Python allows no handlers, nothing
    changes.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None

    def __bool__(self) -> bool:
        return self._asked

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
