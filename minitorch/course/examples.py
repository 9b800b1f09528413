"""What Hypothesis does after a failure, as far as the course has a say in it.

Hypothesis runs a test again and again to make the example that fails smaller. After an unfinished
function that only takes time: the test ends at once. After a wrong one it is worth its time, so
somebody is told before that the test fails.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from .words import unfinished_message

__all__ = ["Unfinished", "end_at_unfinished", "without_explanations"]

_SEEN = "_minitorch_failing"


class Unfinished(BaseException):
    """A test met an unfinished function, whose exception is the cause of this one.

    It is no `Exception`, so Hypothesis lets it pass and tries no other examples.
    """


def end_at_unfinished(test: Any, failing: Callable[[], object]) -> None:
    """Make a test of Hypothesis end at the first unfinished function that it meets.

    Args:
        test: a test function; one without `@given` stays as it is.
        failing: called at the first example that fails for another reason.
    """
    handle: Any = getattr(test, "hypothesis", None)
    held = getattr(handle, "inner_test", None)
    if held is None:
        return
    # A test with parameters comes once for each of them, and has one function.
    inner = getattr(held, _SEEN, held)
    told = False

    @functools.wraps(inner)
    def run(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        nonlocal told
        try:
            return inner(*args, **kwargs)
        except Exception as error:
            if unfinished_message(error):
                if told:  # then the fault that was found counts, and not this example
                    sys.modules["hypothesis"].reject()
                raise Unfinished from error
            # Its own exceptions say that an example does not count.
            if not told and not type(error).__module__.startswith("hypothesis"):
                told = True
                failing()
            raise

    # What Hypothesis's plugin has noted for these parameters.
    vars(run).update(vars(held))
    setattr(run, _SEEN, inner)
    handle.inner_test = run


def without_explanations() -> None:
    """Leave out, from now on, that Hypothesis asks which parts of an example do not matter.

    This takes as long as all the rest. It holds for the tests that are collected afterwards.
    """
    hypothesis: Any = sys.modules.get("hypothesis")
    if hypothesis is not None:
        settings = hypothesis.settings
        phases = [p for p in settings.default.phases if p is not hypothesis.Phase.explain]
        settings.register_profile("minitorch-check", settings.default, phases=phases)
        settings.load_profile("minitorch-check")
