from __future__ import annotations

import base64
import dataclasses
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from visdom_helpers import Said, free_port, kill, points, wait_for, windows

from minitorch.viz import __main__ as command_line
from minitorch.viz import image_grid, open_board, visdom_server, visdom_worker
from minitorch.viz.visdom_bridge import Board
from minitorch.viz.visdom_server import find_server, start_server
from minitorch.viz.visdom_windows import Windows

REPOSITORY = Path(__file__).resolve().parents[2]
needs_visdom = pytest.mark.usefixtures("visdom_installed")
EPOCHS = 6
EXPECTED_LOSS = {
    "train": [(epoch, 1 / epoch) for epoch in range(1, EPOCHS + 1)],
    "test": [(epoch, 2 / epoch) for epoch in range(1, EPOCHS + 1)],
}
TITLES = {"Run", "Loss", "Batch", "Confusion matrix"}


def train(board: Board, at: dict[int, Callable[[], None]] | None = None) -> None:
    """Draw as a training run does; `at` has what happens before an epoch."""
    board.text("Run", "<b>LeNet</b>")
    for epoch in range(1, EPOCHS + 1):
        (at or {}).get(epoch, lambda: None)()
        board.line("Loss", epoch, {"train": 1 / epoch, "test": 2 / epoch}, ylabel="loss")
        board.images("Batch", np.full((4, 8, 8), epoch, dtype=np.float32))
    board.heatmap("Confusion matrix", np.eye(3) * 9, list("abc"), list("abc"), "read as", "digit")


def decoded(window: dict[str, Any]) -> np.ndarray:
    """Return a picture's pixels, (H, W, 3)."""
    from PIL import Image  # comes with visdom

    data = base64.b64decode(window["content"]["src"].split(",", 1)[1])
    return np.asarray(Image.open(BytesIO(data)))


@needs_visdom
def test_a_run_is_on_the_page(tmp_path: Path, said: Said) -> None:
    with open_board("auto", "lenet 2026/11", tmp_path / "runs" / "lenet.log", said) as board:
        assert board.address is not None
        train(board)
    server = find_server()
    assert server is not None
    assert board.address == f"{server.address}/env/lenet-2026-11"
    assert len(said) == 1
    assert board.address in said[0]
    assert visdom_server.STOP_COMMAND in said[0]

    shown = windows(server.address, "lenet-2026-11")
    assert shown.keys() == TITLES
    assert all(window["title"] == title for title, window in shown.items())
    loss = shown["Loss"]
    assert points(loss) == EXPECTED_LOSS
    assert loss["content"]["layout"]["xaxis"]["title"] == "epoch"
    assert loss["content"]["layout"]["yaxis"]["title"] == "loss"
    assert loss["content"]["layout"]["showlegend"] is True
    matrix = shown["Confusion matrix"]["content"]
    assert matrix["data"][0]["z"] == (np.eye(3) * 9).tolist()
    assert matrix["data"][0]["x"] == matrix["data"][0]["y"] == ["a", "b", "c"]
    assert matrix["layout"]["yaxis"]["autorange"] == "reversed"
    assert [note["text"] for note in matrix["layout"]["annotations"]] == ["9", "9", "9"]
    assert shown["Run"]["content"] == "<b>LeNet</b>"

    saved = visdom_server.server_folder() / "envs" / "lenet-2026-11.json"
    assert json.loads(saved.read_bytes())["jsons"].keys() == TITLES


@needs_visdom
def test_pictures_are_grids_of_pixels(tmp_path: Path, said: Said) -> None:
    rng = np.random.default_rng(1)
    digits, filters = rng.random((5, 9, 9)), rng.normal(size=(4, 3, 5, 5))
    with open_board("auto", "pictures", tmp_path / "log", said) as board:
        board.images("digits", digits, columns=3, scale=2, normalise="all")
        board.images("filters", filters, scale=1)
        board.images("labelled", digits, columns=5, scale=4, labels=list("abcde"))
        board.images("by itself", digits)
        digits[:] = 0  # as training goes on with the same array
    server = find_server()
    assert server is not None
    shown = windows(server.address, "pictures")
    digits = np.random.default_rng(1).random((5, 9, 9))
    for channel in range(3):
        np.testing.assert_array_equal(
            decoded(shown["digits"])[..., channel],
            image_grid(digits, columns=3, scale=2, normalise="all"),
        )
    # One row for each filter, its input channels side by side.
    np.testing.assert_array_equal(
        decoded(shown["filters"])[..., 0], image_grid(filters.reshape(12, 5, 5), columns=3)
    )
    labelled = decoded(shown["labelled"])[..., 0]
    for number in range(5):
        left = 3 + number * 39
        np.testing.assert_array_equal(
            labelled[3:39, left : left + 36],
            image_grid(digits[number : number + 1], padding=0, scale=4),
        )
        below = labelled[39:55, left : left + 36]
        assert below.min() < 100  # ink
        assert below.max() == 255
    assert max(decoded(shown["by itself"]).shape) > 300
    assert shown["digits"]["width"] == image_grid(digits, columns=3, scale=2).shape[1]


@needs_visdom
def test_numbers_that_are_not_finite_leave_gaps(tmp_path: Path, said: Said) -> None:
    """JSON has no words for them, and the page of a run that diverges should still open."""
    with open_board("auto", "gaps", tmp_path / "log", said) as board:
        for x, value in enumerate([float("nan"), 1.0, float("inf"), 2.0]):
            board.line("Loss", x, {"train": value})
        board.heatmap("M", np.array([[np.inf, 1.5], [np.nan, 0]]), ["a", "b"], ["c", "d"])
    server = find_server()
    assert server is not None
    shown = windows(server.address, "gaps")
    assert points(shown["Loss"]) == {"train": [(0, None), (1, 1.0), (2, None), (3, 2.0)]}
    assert shown["M"]["content"]["data"][0]["z"] == [[None, 1.5], [None, 0]]
    assert "Infinity" not in (tmp_path / "log").read_text()
    assert "NaN" not in (tmp_path / "log").read_text()


@needs_visdom
def test_a_later_line_joins_a_plot(tmp_path: Path, said: Said) -> None:
    with open_board("auto", "later", tmp_path / "log", said) as board:
        board.line("Loss", 1, {"train": 3.0})
        board.line("Loss", 2, {"train": 2.0, "test": 2.5})
        board.line("Loss", 3, {"test": 1.5})
    server = find_server()
    assert server is not None
    expected = {"train": [(1, 3.0), (2, 2.0)], "test": [(2, 2.5), (3, 1.5)]}
    assert points(windows(server.address, "later")["Loss"]) == expected


@needs_visdom
def test_a_second_run_uses_the_first_ones_server(tmp_path: Path, said: Said) -> None:
    for env in ("first", "second"):
        with open_board("auto", env, tmp_path / f"{env}.log", said) as board:
            board.text("Run", env)
    assert len(visdom_server._children) == 1
    server = find_server()
    assert server is not None
    for env in ("first", "second"):
        assert windows(server.address, env)["Run"]["content"] == env


@needs_visdom
def test_a_given_address_is_used(tmp_path: Path, said: Said) -> None:
    server = start_server(visdom_server.FIRST_PORT)
    with open_board(server.address + "/", "given", tmp_path / "log", said) as board:
        assert board.address == f"{server.address}/env/given"
        train(board)
    assert said == [f"Visdom: {server.address}/env/given"]
    assert windows(server.address, "given").keys() == TITLES


@needs_visdom
@pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated")  # in Visdom's client
def test_training_goes_on_when_the_server_dies(
    tmp_path: Path, said: Said, capfd: pytest.CaptureFixture[str]
) -> None:
    import visdom

    log = tmp_path / "log"
    with open_board("auto", "dies", log, said) as board:
        server = find_server()
        assert server is not None

        def die() -> None:
            # Only once part of the run is there.
            wait_for(lambda: windows(server.address, "dies").keys() >= {"Loss", "Batch"})
            kill(server)

        train(board, {3: die, 5: lambda: wait_for(lambda: len(said) == 2)})
    assert len(said) == 2
    assert said[1] == (
        f"Visdom: no server answers at {server.address}; training goes on, the log is kept in {log}"
    )
    assert "Traceback" not in "".join(capfd.readouterr())

    # Visdom itself plays the log into a new server.
    new = start_server(visdom_server.FIRST_PORT)
    client = visdom.Visdom(
        server="http://127.0.0.1", port=new.port, use_incoming_socket=False, raise_exceptions=True
    )
    client.replay_log(str(log))
    shown = json.loads(client.get_window_data(None, env="dies"))
    assert shown.keys() == TITLES
    assert points(shown["Loss"]) == EXPECTED_LOSS
    assert shown["Loss"]["content"]["layout"]["yaxis"]["title"] == "loss"


@needs_visdom
def test_a_server_that_comes_back_gets_everything(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visdom_worker, "LOOK_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(visdom_server, "START_SECONDS", 10)
    with open_board("auto", "back", tmp_path / "log", said) as board:
        server = find_server()
        assert server is not None

        def die() -> None:
            wait_for(lambda: windows(server.address, "back").keys() >= {"Loss", "Batch"})
            kill(server)

        def wait_until_told() -> None:
            wait_for(lambda: len(said) == 2)

        def come_back() -> None:
            # On another port: the board follows the note of the server.
            visdom_server.start_server(server.port + 1)
            wait_for(lambda: len(said) == 3)

        train(board, {3: die, 4: wait_until_told, 5: come_back})
    new = find_server()
    assert new is not None
    assert new.port == server.port + 1
    assert said[2].endswith(f"{new.address}/env/back")
    assert board.address == f"{new.address}/env/back"
    shown = windows(new.address, "back")
    assert shown.keys() == TITLES
    assert points(shown["Loss"]) == EXPECTED_LOSS
    assert len(said) == 3


def rests(board: Board) -> bool:
    """Return whether all was drawn and sent, so that the board's thread waits for more."""
    return bool(board._worker._wake._waiters)  # type: ignore[attr-defined]


@needs_visdom
def test_a_server_that_was_replaced_between_two_drawings_gets_everything(
    tmp_path: Path, said: Said
) -> None:
    """The board finds no server gone, only one that does not know its windows."""
    with open_board("auto", "replaced", tmp_path / "log", said) as board:
        server = find_server()
        assert server is not None

        def replace() -> None:
            wait_for(lambda: rests(board))
            assert windows(server.address, "replaced").keys() >= {"Loss", "Batch"}
            kill(server)
            assert start_server(server.port).port == server.port

        train(board, {3: replace})
    shown = windows(server.address, "replaced")
    assert shown.keys() == TITLES
    assert points(shown["Loss"]) == EXPECTED_LOSS
    assert len(said) == 1


@needs_visdom
def test_a_page_that_stays_blank_costs_one_line(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = iter(["fetching", "fetching"])

    def find() -> visdom_server.Server | None:
        server = find_server()
        page = next(pages, "npm: not installed")
        return None if server is None else dataclasses.replace(server, page=page)

    start_server(visdom_server.FIRST_PORT)
    monkeypatch.setattr(visdom_server, "find_server", find)
    monkeypatch.setattr(visdom_worker, "LOOK_AGAIN_SECONDS", 0.05)
    with open_board("auto", "blank", tmp_path / "log", said) as board:
        train(board, {4: lambda: wait_for(lambda: len(said.on_page) == 2)})
    assert said.on_page == [
        "Visdom: the page's files are on their way; reload it if it is blank",
        f"Visdom: the page stays blank (npm: not installed); the log is kept in {tmp_path / 'log'}",
    ]


@needs_visdom
def test_after_a_lost_answer_nothing_is_drawn_twice(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server took the message; only played from the start does a plot have it once."""
    monkeypatch.setattr(visdom_worker, "LOOK_AGAIN_SECONDS", 0.1)
    taken: list[tuple[str, Any]] = []

    class Visdom(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path in ("/events", "/update"):
                taken.append((self.path, body["data"][0]["x"]))
                if len(taken) == 3:
                    return  # and no answer
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'["lost"]')

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Visdom) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        with open_board(address, "lost", tmp_path / "log", said) as board:
            for x in range(4):
                board.line("Loss", x, {"train": 1.0})
            wait_for(lambda: len(taken) == 7)
        server.shutdown()
    run = [("/events", [0]), ("/update", [1]), ("/update", [2]), ("/update", [3])]
    assert taken == run[:3] + run
    assert [line.split(";")[0] for line in said[1:]] == [
        f"Visdom: no server answers at {address}",
        f"Visdom: a server answers and gets all from the log: {address}/env/lost",
    ]


@needs_visdom
def test_a_server_that_is_never_there_costs_one_line(
    tmp_path: Path, said: Said, capfd: pytest.CaptureFixture[str]
) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with open_board(address, "never", tmp_path / "log", said) as board:
        train(board)
    assert said == [
        f"Visdom: no server answers at {address}; training goes on, "
        f"the log is kept in {tmp_path / 'log'}"
    ]
    assert "Traceback" not in "".join(capfd.readouterr())
    # The log has it all, and the command plays it back.
    server = start_server(visdom_server.FIRST_PORT)
    command_line.main(["replay", str(tmp_path / "log")])
    shown = windows(server.address, "never")
    assert shown.keys() == TITLES
    assert points(shown["Loss"]) == EXPECTED_LOSS
    assert (visdom_server.server_folder() / "envs" / "never.json").is_file()


@needs_visdom
def test_a_server_that_cannot_start_costs_one_line(tmp_path: Path, said: Said) -> None:
    visdom_server.server_folder().write_bytes(b"a file in the folder's place")
    with open_board("auto", "run", tmp_path / "log", said) as board:
        assert board.address is None
        train(board)
    assert len(said) == 1
    assert "training goes on" in said[0]
    assert len((tmp_path / "log").read_text().splitlines()) == 2 + EPOCHS + 2 * EPOCHS - 1


def test_without_visdom_a_run_says_so_once(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "visdom", None)
    with open_board("auto", "run", tmp_path / "log", said) as board:
        train(board)
    assert len(said) == 1
    assert said[0].startswith("Visdom: visdom is not installed (pip install")
    assert not (tmp_path / "log").exists()


def test_off_neither_imports_visdom_nor_keeps_a_log(tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np\n"
        "from minitorch.viz import open_board\n"
        f"with open_board('off', 'run', {str(tmp_path / 'runs' / 'log')!r}) as board:\n"
        "    board.line('Loss', 1, {'train': 1.0})\n"
        "    board.images('Batch', np.zeros((1, 2, 2)))\n"
        "    board.heatmap('M', np.zeros((1, 1)), ['a'], ['b'])\n"
        "    board.text('T', 't')\n"
        "    assert board.address is None\n"
        "print([name for name in ('visdom', 'tornado', 'requests', 'PIL', 'matplotlib')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert not (tmp_path / "runs").exists()


class Recorder:
    """Drawings that note their turn; the first waits until it is let go."""

    def __init__(self) -> None:
        self.drawn: list[str] = []
        self.started, self.go = threading.Event(), threading.Event()

    def draw(self, name: str) -> Callable[[Windows], None]:
        return lambda _: self.drawn.append(name)

    def first(self, _: Windows) -> None:
        self.started.set()
        self.go.wait(10)


@needs_visdom
@pytest.mark.parametrize(
    ("calls", "drawn"),
    [
        ("p1 n1 p2 n2", "p1 n1 p2 n2"),
        ("p1 n1 p2 n2 n3", "n1 p2 n2 n3"),  # the oldest picture gives way to a number
        ("p1 n1 p2 n2 p3 n3 n4", "n1 n2 n3 n4"),
        ("n1 n2 n3 n4 p1", "n1 n2 n3 n4"),  # no number gives way to a picture
        ("n1 n2 n3 n4 n5", "n2 n3 n4 n5"),
    ],
)
def test_a_full_queue_leaves_out_pictures_before_numbers(
    calls: str, drawn: str, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visdom_worker, "QUEUE_LIMIT", 4)
    (tmp_path / "log").write_bytes(b"")
    worker = visdom_worker.Worker("env", tmp_path / "log", None, True, said)
    recorder = Recorder()
    worker.put(False, recorder.first)
    assert recorder.started.wait(20)
    for name in calls.split():
        worker.put(name.startswith("p"), recorder.draw(name))
    recorder.go.set()
    worker.close(10)
    assert recorder.drawn == drawn.split()
    left_out = len(calls.split()) - len(recorder.drawn)
    assert said == (
        [f"Visdom: {left_out} drawings were left out: they came too fast"] * (left_out > 0)
    )


@needs_visdom
def test_close_takes_no_longer_than_it_may(tmp_path: Path, said: Said) -> None:
    (tmp_path / "log").write_bytes(b"")
    worker = visdom_worker.Worker("env", tmp_path / "log", None, False, said)
    recorder = Recorder()
    worker.put(False, recorder.first)
    assert recorder.started.wait(20)
    thread = threading.Thread(target=worker.close, args=(0.1,))
    thread.start()
    thread.join(2)
    assert not thread.is_alive()
    recorder.go.set()
    assert said == [f"Visdom: not all was sent within 0.1 s; the log has it: {tmp_path / 'log'}"]


@needs_visdom
def test_a_drawing_that_fails_is_told_once_and_ends_nothing(tmp_path: Path, said: Said) -> None:
    def fail(_: Windows) -> None:
        raise OSError("No space left on device")

    (tmp_path / "log").write_bytes(b"")
    worker = visdom_worker.Worker("env", tmp_path / "log", None, True, said)
    recorder = Recorder()
    worker.put(False, fail)
    worker.put(False, fail)
    worker.put(False, recorder.draw("after"))
    worker.close(20)
    assert recorder.drawn == ["after"]
    assert said == ["Visdom: a drawing was left out (OSError: No space left on device)"]


@needs_visdom
def test_a_closed_board_draws_no_more(tmp_path: Path, said: Said) -> None:
    board = open_board("auto", "closed", tmp_path / "log", said)
    board.text("Run", "before")
    board.close()
    board.text("Run", "after")
    board.close()
    server = find_server()
    assert server is not None
    assert windows(server.address, "closed")["Run"]["content"] == "before"


@needs_visdom
def test_a_board_that_drew_nothing_leaves_an_earlier_page_of_its_name(
    tmp_path: Path, said: Said
) -> None:
    with open_board("auto", "same", tmp_path / "log", said) as board:
        board.text("Run", "earlier")
    server = find_server()
    assert server is not None
    kill(server)
    with open_board("auto", "same", tmp_path / "log", said):
        pass
    server = find_server()
    assert server is not None
    assert windows(server.address, "same")["Run"]["content"] == "earlier"


@needs_visdom
def test_what_cannot_be_drawn_is_refused_where_it_is_asked_for(tmp_path: Path, said: Said) -> None:
    with open_board("auto", "refused", tmp_path / "log", said) as board:
        with pytest.raises(ValueError, match=r"images are .* not \(2, 2\)"):
            board.images("Batch", np.zeros((2, 2)))
        with pytest.raises(ValueError, match="1 labels for 2 pictures"):
            board.images("Batch", np.zeros((2, 2, 2)), labels=["one"])
        with pytest.raises(ValueError, match="1 rows and 2 columns"):
            board.heatmap("M", np.zeros((2, 2)), ["a"], ["b", "c"])
        with pytest.raises(ValueError, match="no line"):
            board.line("Loss", 1, {})


@pytest.mark.parametrize("where", ["on", "localhost:8097", "ftp://here", "http://"])
def test_an_address_that_is_none_is_refused(where: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"not '{where}'"):
        open_board(where, "run", tmp_path / "log")


@pytest.mark.parametrize("env", ["", "///", "--"])
def test_a_name_without_letters_is_refused(env: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="letters or digits"):
        open_board("off", env, tmp_path / "log")


@needs_visdom
def test_a_log_that_cannot_be_written_costs_one_line(tmp_path: Path, said: Said) -> None:
    (tmp_path / "runs").write_bytes(b"")
    with open_board("auto", "run", tmp_path / "runs" / "log", said) as board:
        train(board)
    assert len(said) == 1
    assert said[0].startswith("Visdom: no log can be kept")
