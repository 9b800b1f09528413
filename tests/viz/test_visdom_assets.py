from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minitorch.viz import visdom_assets
from minitorch.viz.visdom_assets import AssetError, fetch_page_files, missing_page_files

SCRIPT, STYLE = b"let one = 1;", b"body { color: red }"


@pytest.fixture(autouse=True)
def two_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of two small files in place of the real one's."""
    page = {
        "one@1.0.0": [("dist/one.js", "js/one.js", hashlib.sha256(SCRIPT).hexdigest())],
        "two@2.0.0": [("two.css", "css/two.css", hashlib.sha256(STYLE).hexdigest())],
    }
    monkeypatch.setattr(visdom_assets, "PAGE_FILES", page)


@pytest.fixture
def static(tmp_path: Path) -> Path:
    (tmp_path / "static").mkdir()
    return tmp_path / "static"


Mirror = Callable[[dict[str, bytes]], list[str]]


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A function that serves files at a loopback address; returns the paths asked for."""
    with contextlib.ExitStack() as stack:

        def serve(files: dict[str, bytes]) -> list[str]:
            asked: list[str] = []

            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    asked.append(self.path)
                    found = self.path in files
                    self.send_response(200 if found else 404)
                    self.end_headers()
                    self.wfile.write(files.get(self.path, b""))

                def log_message(self, format: str, *args: object) -> None:
                    pass

            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.shutdown)
            monkeypatch.setenv("MINITORCH_VISDOM_MIRRORS", f"http://127.0.0.1:{server.server_port}")
            return asked

        yield serve


def install_npm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an npm on the PATH that packs the two files."""
    if os.name == "nt":
        pytest.skip("the stand-in for npm is a shell script")
    folder.mkdir()
    (folder / "npm").write_text(
        f"""#!/bin/sh
cd "$4"; shift 4; echo "$@" > {folder}/asked
for spec; do
    mkdir -p package/dist
    printf '{SCRIPT.decode()}' > package/dist/one.js
    printf '{STYLE.decode()}' > package/two.css
    tar -czf "$spec.tgz" package; echo "$spec.tgz"
done
""",
        encoding="ascii",
    )
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_the_files_come_from_the_mirror(static: Path, mirror: Mirror) -> None:
    mirror({"/one@1.0.0/dist/one.js": SCRIPT, "/two@2.0.0/two.css": STYLE})
    assert missing_page_files(static) == ["js/one.js", "css/two.css"]
    fetch_page_files(static)
    assert (static / "js/one.js").read_bytes() == SCRIPT
    assert (static / "css/two.css").read_bytes() == STYLE
    assert missing_page_files(static) == []
    # Visdom's own command finds that nothing is left to download.
    assert (static / "version.built").read_text() == visdom_assets.VISDOM_VERSION


def test_only_missing_files_are_fetched(static: Path, mirror: Mirror) -> None:
    asked = mirror({"/two@2.0.0/two.css": STYLE})
    (static / "js").mkdir()
    (static / "js/one.js").write_bytes(b"the user's own")
    fetch_page_files(static)
    fetch_page_files(static)
    assert asked == ["/two@2.0.0/two.css"]
    assert (static / "js/one.js").read_bytes() == b"the user's own"


def test_a_file_with_another_sum_is_not_kept(static: Path, mirror: Mirror) -> None:
    mirror({"/one@1.0.0/dist/one.js": SCRIPT, "/two@2.0.0/two.css": b"<html>login</html>"})
    with pytest.raises(AssetError, match=r"two\.css is damaged.*SHA-256.*npm: not installed"):
        fetch_page_files(static)
    assert missing_page_files(static) == ["css/two.css"]
    assert sorted(path.name for path in static.rglob("*") if path.is_file()) == ["one.js"]


def test_npm_gives_what_the_mirror_does_not(
    static: Path, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror({"/one@1.0.0/dist/one.js": SCRIPT})
    install_npm(tmp_path / "npm", monkeypatch)
    fetch_page_files(static)
    assert (static / "css/two.css").read_bytes() == STYLE
    assert (tmp_path / "npm/asked").read_text().split() == ["two@2.0.0"]


def test_npm_alone_gives_everything(
    static: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_npm(tmp_path / "npm", monkeypatch)
    fetch_page_files(static)
    assert missing_page_files(static) == []


def test_the_error_of_npm_is_one_line(
    static: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_npm(tmp_path / "npm", monkeypatch)
    (tmp_path / "npm/npm").write_text("#!/bin/sh\necho first >&2; echo no network >&2; exit 1\n")
    with pytest.raises(AssetError, match=r"^npm: no network$"):
        fetch_page_files(static)


def test_a_mirror_that_never_answers_is_left(static: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visdom_assets, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("MINITORCH_VISDOM_MIRRORS", address)
        start = time.monotonic()
        with pytest.raises(AssetError, match=f"{address}/?: timed out"):
            fetch_page_files(static)
    assert time.monotonic() - start < 2


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    # A file where the folder should be: unlike permissions, this stops root as well.
    (tmp_path / "static").write_bytes(b"")
    with pytest.raises(AssetError, match="static cannot be written to"):
        fetch_page_files(tmp_path / "static")


def test_another_version_of_visdom_is_left_to_itself(static: Path) -> None:
    with pytest.raises(AssetError, match=r"not 0\.9\.9: run the command `visdom` once"):
        fetch_page_files(static, "0.9.9")
    (static / "version.built").write_text("0.9.9")
    fetch_page_files(static, "0.9.9")


def test_the_real_table_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    files = [file for package in visdom_assets.PAGE_FILES.values() for file in package]
    assert len(files) == len({target for _, target, _ in files}) == 29
    for source, target, sha256 in files:
        assert not source.startswith("/")
        assert target.split("/")[0] in ("js", "css", "fonts")
        assert len(bytes.fromhex(sha256)) == 32
