"""What a sandboxed run of tests tells, and what may come of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Outcome", "Ran"]


@dataclass(frozen=True)
class Outcome:
    """What a test gave: whether it passed or was skipped, else why it failed."""

    passed: bool
    skipped: bool = False
    words: str = ""


@dataclass
class Ran:
    """What a run of tests gave.

    Args:
        outcomes: those of the tests that ended, by their ids.
        tests: the ids of the tests that were collected; None if the run ended before that.
        code: hashes of the functions that judge, by name.
        running: the test that was running when the process ended; None if there was none.
        ended: how the process ended, for people to read; "" if it was done.
        changed: what student code exchanged of the tests or their tools; "" if nothing.
        words: why a file of tests, or what it imports, does not import.
        done: whether it ran to its end.
        longest: seconds that the longest test, or the imports before the first, took.
        seconds: how long it all took.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    tests: list[str] | None = None
    code: dict[str, str] = field(default_factory=dict)
    running: str | None = None
    ended: str = ""
    changed: str = ""
    words: str = ""
    done: bool = False
    longest: float = 0.0
    seconds: float = 0.0

    def take(self, line: bytes, word: str) -> bool:
        """Add what a line tells, and return whether it is one of the grader's own lines.

        What lacks the word that only the grader's side knows was written by student code.
        """
        start, _, event = line.partition(b" ")
        if start != word.encode():
            return False
        try:
            self._add(json.loads(event))
        except (ValueError, KeyError, TypeError):
            self.changed = "the list of results"
        return True

    def _add(self, event: dict[str, Any]) -> None:
        match event["kind"]:
            case "collected":
                self.tests, self.code = event["tests"], event["code"]
            case "import":
                self.words = self.words or event["words"]
            case "start":
                self.running = event["test"]
            case "changed":
                self.changed = event["name"]
            case "end":
                test = event["test"]
                if test in self.outcomes or test != self.running:
                    self.changed = "the list of results"
                self.outcomes[test] = Outcome(event["passed"], event["skipped"], event["words"])
                self.running = None
            case "done":
                self.done = True
