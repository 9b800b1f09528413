"""What Hypothesis does after a failure: nothing, if a function is unfinished; who is told when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from minitorch.course.examples import Unfinished, end_at_unfinished, without_explanations
from minitorch.course.words import unfinished_message

MESSAGE = "Task 0.1: minitorch/numbers.py, mul"


def a_test(body: Callable[[int], object], seen: list[int]) -> Any:
    """Return a test of Hypothesis that notes what it runs on, the same in every run."""

    @settings(derandomize=True, database=None)
    @given(st.integers(0, 1000))
    def test(x: int) -> None:
        seen.append(x)
        body(x)

    return test


def unfinished() -> None:
    raise NotImplementedError(MESSAGE)


def test_an_unfinished_function_ends_the_test_at_its_first_example() -> None:
    seen: list[int] = []
    test = a_test(lambda x: unfinished(), seen)
    end_at_unfinished(test, pytest.fail)
    with pytest.raises(Unfinished) as raised:
        test()
    assert len(seen) == 1
    assert unfinished_message(raised.value) == MESSAGE


def test_what_hypothesis_noted_for_the_parameters_at_hand_stays() -> None:
    test = a_test(lambda x: None, [])
    for parameter in range(3):
        # As its plugin for pytest does before each case.
        test.hypothesis.inner_test.noted = parameter
        end_at_unfinished(test, pytest.fail)
        assert test.hypothesis.inner_test.noted == parameter


def test_a_wrong_one_is_told_once_and_at_once_and_made_smaller() -> None:
    seen: list[int] = []
    told: list[int] = []

    def body(x: int) -> None:
        hypothesis.assume(x != 3)
        assert x < 7

    test = a_test(body, seen)
    end_at_unfinished(test, lambda: told.append(len(seen)))
    with pytest.raises(AssertionError):
        test()
    assert seen[-1] == 7
    assert len(told) == 1
    assert next(i for i, x in enumerate(seen, 1) if x >= 7) == told[0] < len(seen)


def test_a_fault_that_was_found_is_not_hidden_by_what_is_unfinished() -> None:
    seen: list[int] = []

    def body(x: int) -> None:
        assert x < 500
        if x > 400:
            unfinished()

    test = a_test(body, seen)
    end_at_unfinished(test, lambda: None)
    with pytest.raises(AssertionError):
        test()
    assert seen[-1] == 500


def test_a_test_with_parameters_is_told_anew_for_each_and_watched_once() -> None:
    told: list[str] = []
    seen: list[int] = []
    test = a_test(lambda x: 1 // 0, seen)
    original = test.hypothesis.inner_test
    for name in ("first", "second"):
        end_at_unfinished(test, lambda name=name: told.append(name))  # type: ignore[misc]
        with pytest.raises(ZeroDivisionError):
            test()
    assert told == ["first", "second"]
    assert test.hypothesis.inner_test.__wrapped__ is original


def test_a_plain_test_stays_as_it_is() -> None:
    def test() -> None: ...

    end_at_unfinished(test, pytest.fail)
    end_at_unfinished(None, pytest.fail)
    assert not hasattr(test, "hypothesis")


def test_explanations_are_left_out_and_all_else_is_kept() -> None:
    before = settings.default
    try:
        settings.register_profile("before", before, max_examples=3)
        settings.load_profile("before")
        without_explanations()
        assert Phase.explain not in settings.default.phases
        assert Phase.shrink in settings.default.phases
        assert settings.default.max_examples == 3
    finally:
        settings.register_profile("after", before)
        settings.load_profile("after")
