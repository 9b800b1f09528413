"""Each test has a folder and a range of ports of its own, and no way out of this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from visdom_helpers import Said, free_port

from minitorch.viz import visdom_server


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    empty = tmp_path / "no-programs"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))  # so no npm
    monkeypatch.setenv("MINITORCH_VISDOM_MIRRORS", "")
    monkeypatch.setenv("MINITORCH_VISDOM_DIR", str(tmp_path / "visdom"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(visdom_server, "FIRST_PORT", free_port())
    children: list[subprocess.Popen[bytes]] = []
    monkeypatch.setattr(visdom_server, "_children", children)
    yield
    for child in children:
        child.kill()
        child.wait()


@pytest.fixture
def visdom_installed() -> None:
    pytest.importorskip("visdom", reason="visdom is not installed")


@pytest.fixture
def said() -> Said:
    return Said()
