from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from visdom_helpers import CHROMIUM, Said

from minitorch.viz import open_board
from minitorch.viz.visdom_assets import missing_page_files

TITLES = ("Loss", "Accuracy", "Images of a batch", "Confusion matrix", "About this run")


@pytest.mark.usefixtures("visdom_installed")
def test_a_browser_shows_the_windows(tmp_path: Path, said: Said) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium: neither `chromium` nor `google-chrome` is on the PATH")
    import visdom

    missing = missing_page_files(Path(visdom.__file__).parent / "static", visdom.__version__)
    if missing:
        pytest.skip(
            f"{len(missing)} files of Visdom's page are not there (`python -m minitorch.viz "
            f"start` fetches them), the first of them {missing[0]}"
        )

    with open_board("auto", "browser", tmp_path / "log", said) as board:
        board.text("About this run", "<b>LeNet</b>, read in a browser")
        for epoch in (1, 2, 3):
            board.line("Loss", epoch, {"train": 1 / epoch, "test": 2 / epoch}, ylabel="loss")
            board.line("Accuracy", epoch, {"test": 90 + epoch}, ylabel="accuracy (%)")
        board.images("Images of a batch", np.random.default_rng(0).random((9, 8, 8)))
        board.heatmap("Confusion matrix", np.eye(2) * 1234, ["0", "1"], ["0", "1"])

    assert board.address is not None
    profile = tmp_path / "profile"
    profile.mkdir()
    quiet = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        # Nothing but this machine is to be reached, even by a page that asks for more.
        "--no-proxy-server",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ]
    done = subprocess.run(
        [
            CHROMIUM,
            *quiet,
            "--virtual-time-budget=8000",
            "--dump-dom",
            f"--user-data-dir={profile}",
            board.address,
        ],
        # Chromium's own start script needs the programs that these tests hide.
        env=os.environ | {"PATH": os.defpath, "HOME": str(profile)},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    for title in TITLES:
        assert title in done.stdout, f"{title!r} is not on the page"
    assert "read in a browser" in done.stdout
    assert "accuracy (%)" in done.stdout  # drawn by Plotly, as its axes are
    assert done.stdout.count(">1234</text>") == 2  # the numbers in the matrix's cells
    assert "data:image/png;base64," in done.stdout
