"""What keeps student code from the rest of the machine.

Where the grader runs as root, each run is that of another user, who owns nothing else. Where
Linux gives namespaces (`unshare`), all files but the run's own can only be read, the solution is
not to be seen, there is no network, and no process outlives the run.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Walls", "as_user", "private_folder"]

# Makes all but one folder read-only, hides others, and gives up the rights to undo that. The
# arguments are the folder that `home` is in, the hidden ones, "--", and the command.
_WALLS = """
set -e
mine=$1
shift
mount -t proc proc /proc
mount -t tmpfs -o size=64m,mode=1777 tmpfs /dev/shm
mount --bind "$mine/home" "$mine/home"
while read -r _ target _; do
    case $target in
        "$mine/home"|/proc|/dev/shm) ;;
        *) mount -o remount,bind,ro "$target" 2>/dev/null || true ;;
    esac
done < /proc/self/mounts
while [ "$1" != -- ]; do
    mount -t tmpfs -o ro tmpfs "$1"
    shift
done
shift
cd "$mine/tree"
setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""
_UNSHARE = (
    "unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--net",
    "--ipc",
)  # fmt: skip


class Walls:
    """What there is on this machine to keep student code in.

    Args:
        solution: the top of the solution, which student code is not to see.
    """

    def __init__(self, solution: Path) -> None:
        self._solution = solution.resolve()

    @property
    def other_user(self) -> bool:
        """Whether student code runs as another user."""
        return _others_run_python()

    @functools.cached_property
    def walled(self) -> bool:
        """Whether student code sees a file system, processes and network of its own."""
        user = _any_user() if self.other_user else None
        with private_folder(user) as folder:
            sees = f'test ! -e "{self._solution}/minitorch/course" && test ! -w "{sys.prefix}"'
            return _works(self._inside(folder, ["sh", "-c", sees]), user)

    def warnings(self) -> list[str]:
        """Return what student code could do here that it should not, for people to read."""
        if self.walled:
            return []
        if not self.other_user:
            return [
                "student code runs with your rights: it could delete your files, and read the "
                "solution. Grade in a container, and there as root, or where `unshare` works"
            ]
        if _others_may_read(self._solution):
            return [f"student code could read the solution: chmod go-rwx {self._solution}"]
        return []

    def _inside(self, folder: Path, command: Sequence[str]) -> list[str]:
        hidden = [self._solution]
        if Path(sys.prefix).resolve().is_relative_to(self._solution):  # keep the interpreter
            hidden = [
                place
                for place in self._solution.iterdir()
                if place.is_dir() and not Path(sys.prefix).resolve().is_relative_to(place.resolve())
            ]
        return [*_UNSHARE, "sh", "-c", _WALLS, "walls", str(folder), *map(str, hidden), "--",
                *command]  # fmt: skip

    def command(self, folder: Path, command: Sequence[str]) -> list[str]:
        """Return a command as it is to be started.

        Args:
            folder: a private folder, in which `tree` becomes the current folder.
            command: what runs there.
        """
        return self._inside(folder, command) if self.walled else list(command)

    def user(self) -> int | None:
        """Return the id of a user for one run; None for the one who runs the grader."""
        return _any_user() if self.other_user else None


def as_user(user: int | None) -> dict[str, Any]:
    """Return what `subprocess` is told to run a command as a user."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


@contextlib.contextmanager
def private_folder(user: int | None) -> Iterator[Path]:
    """Make a folder for one run: `tree`, to be read, and `home`, to be written too."""
    with tempfile.TemporaryDirectory(prefix="minitorch-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        folder.chmod(0o711)
        (folder / "tree").mkdir(mode=0o755)
        (folder / "home" / "cache").mkdir(parents=True)
        if user is not None:
            os.chown(folder / "home", user, user)
        yield folder


@functools.cache
def _others_run_python() -> bool:
    """Return whether another user can be given what the tests need."""
    command = [sys.executable, "-P", "-s", "-c", "import numba, pytest, hypothesis"]
    return os.geteuid() == 0 and _works(command, _any_user())


def _any_user() -> int:
    """Return the id of a user who owns nothing."""
    return random.SystemRandom().randrange(100_000, 2_000_000_000)


def _works(command: Sequence[str], user: int | None) -> bool:
    """Return whether a command can be run."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, cwd="/", timeout=60,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": "/"}, **as_user(user),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _others_may_read(folder: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))
