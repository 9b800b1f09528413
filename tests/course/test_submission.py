"""Reading submissions that are not what they should be; results that were not told by pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minitorch.course.grading.processes import is_running
from minitorch.course.grading.ran import Outcome, Ran
from minitorch.course.grading.submission import SubmissionError, read_file, top_of, unusual

FILE = "minitorch/a.py"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "in" / "minitorch").mkdir(parents=True)
    (tmp_path / "solution.py").write_text("answer = 42\n", encoding="utf-8")
    return tmp_path / "in"


def test_the_top_may_be_one_folder_down(top: Path) -> None:
    assert top_of(top) == top
    assert top_of(top.parent) == top
    (top.parent / "link").symlink_to(top / "minitorch")
    with pytest.raises(SubmissionError, match="no folder minitorch"):
        top_of(top / "minitorch")
    with pytest.raises(SubmissionError, match="there is no folder"):
        top_of(top / "none")


def test_a_plain_file_is_read_whatever_its_line_ends(top: Path) -> None:
    (top / FILE).write_bytes(b"\xef\xbb\xbfx = 1\r\ny = 2\r\n")
    assert read_file(top, FILE) == "x = 1\ny = 2\n"


def test_links_are_not_followed(top: Path) -> None:
    (top / FILE).symlink_to(top.parent / "solution.py")
    with pytest.raises(SubmissionError, match=r"minitorch/a\.py is a link"):
        read_file(top, FILE)
    (top / "project").symlink_to(top.parent)
    with pytest.raises(SubmissionError, match="project is a link"):
        read_file(top, "project/solution.py")


def test_what_is_no_file_is_not_waited_for(top: Path) -> None:
    os.mkfifo(top / FILE)
    with pytest.raises(SubmissionError, match="not a plain file"):
        read_file(top, FILE)
    with pytest.raises(SubmissionError, match="missing"):
        read_file(top, "minitorch/b.py")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x = '\xe9'", "not in UTF-8"),
        (b"x = 1\ny = = 2\n", r"line 2: invalid syntax\n    y = = 2"),
        (b"x = 1\0", "null bytes"),
        (b"x = " + b"-" * 100_000 + b"1", "Python"),
        (b"#" * 600_000, "longer than 500000 bytes"),
    ],
    ids=["latin", "syntax", "null", "deep", "long"],
)
def test_a_file_that_cannot_be_read_says_why(top: Path, content: bytes, words: str) -> None:
    (top / FILE).write_bytes(content)
    with pytest.raises(SubmissionError, match=words):
        read_file(top, FILE)


def test_what_no_task_needs_is_noted() -> None:
    given = "import os\n\nclass A:\n    def __eq__(self, x): ...\n"
    assert unusual("import os\nimport math\nx = math.pi\n", [given]) == []
    written = (
        "from ctypes import cdll\nx = (lambda: 0).__globals__\ny = open('z')\nimport gc as g\n"
    )
    assert unusual(written, [given]) == ["__globals__", "ctypes", "gc", "open"]
    assert unusual("class B:\n    def __eq__(self, x): return True\n", []) == ["__eq__"]


def line(word: str, **event: object) -> bytes:
    return f"{word} {json.dumps(event)}".encode()


def test_only_lines_with_the_word_are_results() -> None:
    ran = Ran()
    end = {"kind": "end", "test": "a", "passed": True, "skipped": False, "words": ""}
    assert not ran.take(line("guess", **end), "word")
    assert not ran.take(b"", "word")
    assert ran.outcomes == {}
    assert ran.take(line("word", kind="start", test="a"), "word")
    assert ran.running == "a"
    assert ran.take(line("word", **end), "word")
    assert (ran.outcomes, ran.running, ran.changed) == ({"a": Outcome(True)}, None, "")


@pytest.mark.parametrize("second", [b"word {", b"word {}", line("word", kind="end", test="b",
                         passed=True, skipped=False, words="")])  # fmt: skip
def test_results_that_do_not_fit_are_noticed(second: bytes) -> None:
    ran = Ran()
    ran.take(line("word", kind="start", test="a"), "word")
    ran.take(second, "word")
    assert ran.changed == "the list of results"


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="this Python cannot look without waiting")
def test_a_child_that_has_ended_keeps_its_id_until_it_is_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert is_running(child)
        assert child.stdin is not None
        child.stdin.close()
        late = time.monotonic() + 60
        while is_running(child) and time.monotonic() < late:
            time.sleep(0.01)
        assert not is_running(child)
        os.kill(child.pid, 0)  # which raises where there is no such process
        assert child.returncode is None
