"""Ctrl-C, taken note of and obeyed between two batches."""

from __future__ import annotations

import signal
import threading

import pytest

from minitorch.training import Interruption


def test_the_first_ctrl_c_is_noted_and_the_second_interrupts() -> None:
    with Interruption() as asked:
        assert not asked
        signal.raise_signal(signal.SIGINT)
        assert asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_afterwards_ctrl_c_does_what_it_did_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interruption():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_of_the_main_thread_nothing_changes() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work() -> None:
        with Interruption() as asked:
            seen.append((bool(asked), signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, True)]
