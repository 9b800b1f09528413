"""From a training run to Visdom's page, without training ever waiting for it.

A call on a board copies its arrays into a bounded queue and returns. One daemon thread turns
what is queued into Visdom's messages, in the log that Visdom itself writes when offline, and
sends that log on to the server, line by line, when the server is there. So the log always has
everything, and a server that was away is given all of it again when it is back.
"""

from __future__ import annotations

import atexit
import importlib.util
import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy.typing as npt

from minitorch.viz import visdom_server
from minitorch.viz.grids import Normalise
from minitorch.viz.visdom_worker import Worker

__all__ = ["Board", "open_board"]

CLOSE_SECONDS = 5.0

Say = Callable[[str], None]


class Board:
    """Where a run draws. This one draws nothing; `open_board` gives the one that is asked for."""

    @property
    def address(self) -> str | None:
        """The page of this run, for a browser; None where there is no server (yet)."""
        return None

    def line(
        self,
        title: str,
        x: float,
        values: Mapping[str, float],
        xlabel: str = "epoch",
        ylabel: str = "",
    ) -> None:
        """Append one point at `x` to each of the named lines of a plot.

        The first call for a title names the axes. A value that is not finite leaves a gap.
        Some thousand points a line is what Visdom's server keeps up with; beyond that draw
        every few batches.
        """

    def images(
        self,
        title: str,
        images: npt.NDArray[Any],
        columns: int | None = None,
        scale: int | None = None,
        normalise: Normalise = "each",
        labels: Sequence[str] | None = None,
    ) -> None:
        """Show images as one grid, in place of those shown before under this title.

        `images` is (N, H, W), or (N, C, H, W) for a row of C pictures for each of N. For the
        rest see `image_grid`; by default the grid is scaled to about 480 pixels. `labels`,
        one for each picture, are written below them.
        """

    def heatmap(
        self,
        title: str,
        matrix: npt.NDArray[Any],
        rows: Sequence[str],
        columns: Sequence[str],
        xlabel: str = "",
        ylabel: str = "",
    ) -> None:
        """Show a (rows, columns) matrix in colours, its first row at the top."""

    def text(self, title: str, html: str, height: int = 120) -> None:
        """Show text, written in HTML, `height` pixels high, in place of what stood there."""

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Draw and send what waits, within `timeout` seconds, and save the page.

        Never raises; what could not be sent in time is in the log. A second call does nothing.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _print(line: str) -> None:
    print(line, flush=True)


def open_board(
    where: str,
    env: str,
    log: str | Path,
    say: Say = _print,
) -> Board:
    """Return the board of a run; the run goes on undisturbed whatever becomes of Visdom.

    Args:
        where: `"auto"` for a local server, which is started if none runs (about two seconds)
            and goes on after the run; the address of a server, `http://...`; or `"off"`.
        env: the name of the run's environment on the page; what is not a letter, a digit,
            `-` or `_` becomes `-`, as it names a file too.
        log: file for the log, which `Visdom().replay_log` plays back. Its folder is made; a
            log that stands there is replaced.
        say: takes each line that a person should read.

    Raises:
        ValueError: `where` is none of the three, or `env` has no letter or digit.

    """
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", env)[:100]
    if not re.search(r"[A-Za-z0-9]", name):
        raise ValueError(f"the name of a Visdom environment has letters or digits, {env!r} none")
    if where == "off":
        return Board()
    url = urllib.parse.urlsplit(where)
    if where != "auto" and (url.scheme not in ("http", "https") or not url.hostname):
        raise ValueError(f"visdom is 'auto', 'off' or an address http://..., not {where!r}")
    if importlib.util.find_spec("visdom") is None:
        say(f"Visdom: {visdom_server.NOT_INSTALLED}; training goes on without a page or a log")
        return Board()
    try:
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        Path(log).write_bytes(b"")
    except OSError as error:
        say(f"Visdom: no log can be kept ({error}); training goes on without a page")
        return Board()
    return VisdomBoard(where.rstrip("/"), name, Path(log), say)


class VisdomBoard(Board):
    """A board on a Visdom server; `open_board` makes it and says what the arguments are."""

    def __init__(self, where: str, env: str, log: Path, say: Say) -> None:
        auto = where == "auto"
        address = None if auto else where
        if auto:
            try:
                server = visdom_server.start_server(visdom_server.FIRST_PORT)
            except OSError as error:
                say(f"Visdom: {error}; training goes on, the log is kept in {log}")
            else:
                address = server.address
                stop = f"it goes on after this run; stop it with: {visdom_server.STOP_COMMAND}"
                say(f"Visdom: {address}/env/{env} ({stop})")
                if server.page == "fetching":
                    say("Visdom: the page's files are on their way; reload it if it is blank")
        self._worker = Worker(env, log, address, auto, say)
        atexit.register(self.close)

    @property
    def address(self) -> str | None:
        return self._worker.address

    def line(
        self,
        title: str,
        x: float,
        values: Mapping[str, float],
        xlabel: str = "epoch",
        ylabel: str = "",
    ) -> None:
        if not values:
            raise ValueError(f"no line is named for {title!r}")
        point = {name: float(value) for name, value in values.items()}
        self._worker.put(False, lambda to: to.line(title, float(x), point, xlabel, ylabel))

    def images(
        self,
        title: str,
        images: npt.NDArray[Any],
        columns: int | None = None,
        scale: int | None = None,
        normalise: Normalise = "each",
        labels: Sequence[str] | None = None,
    ) -> None:
        if images.ndim not in (3, 4) or 0 in images.shape:
            raise ValueError(f"images are (N, H, W) or (N, C, H, W), not {images.shape}")
        if images.ndim == 4:
            columns = images.shape[1] if columns is None and images.shape[1] > 1 else columns
            images = images.reshape(-1, *images.shape[2:])
        names = None if labels is None else list(labels)
        if names is not None and len(names) != len(images):
            raise ValueError(f"{len(names)} labels for {len(images)} pictures")
        kept = images.copy()
        self._worker.put(True, lambda to: to.images(title, kept, columns, scale, normalise, names))

    def heatmap(
        self,
        title: str,
        matrix: npt.NDArray[Any],
        rows: Sequence[str],
        columns: Sequence[str],
        xlabel: str = "",
        ylabel: str = "",
    ) -> None:
        if matrix.shape != (len(rows), len(columns)):
            raise ValueError(
                f"{len(rows)} rows and {len(columns)} columns name a matrix of {matrix.shape}"
            )
        kept, names = matrix.copy(), (list(rows), list(columns))
        self._worker.put(True, lambda to: to.heatmap(title, kept, *names, xlabel, ylabel))

    def text(self, title: str, html: str, height: int = 120) -> None:
        self._worker.put(False, lambda to: to.text(title, html, height))

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        self._worker.close(timeout)
        atexit.unregister(self.close)
