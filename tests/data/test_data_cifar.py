"""CIFAR-10 and CIFAR-2: reading and fetching archives made here, and the look-alike."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minitorch.data import (
    CIFAR2,
    CIFAR10,
    DataLoader,
    FetchError,
    Subset,
    cifar,
    cifar_files,
    pictures,
)
from minitorch.data.cifar_files import ARCHIVE, FOLDER, TEST, TRAIN, fetch_cifar10, read_batch
from minitorch.data.lookalike import lookalike
from minitorch.errors import DataError

# Read before the tests' own fixture clears it.
FULL = os.environ.get("MINITORCH_DATA")

NewMirror = Callable[[], Any]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mirrors, no remembered failures, nothing said before, and small look-alikes."""
    monkeypatch.setenv("MINITORCH_CIFAR_MIRRORS", "")
    monkeypatch.setattr(pictures, "_failures", {})
    monkeypatch.setattr(pictures, "_said", set())
    monkeypatch.setattr(cifar, "LOOKALIKE_SIZES", {True: 60, False: 20})


def pixels(name: str, count: int) -> Any:
    rng = np.random.default_rng(len(name) + ord(name[-1]))
    return rng.integers(0, 256, (count, 3072), np.uint8)


def python2_pickle(data: Any, labels: list[int]) -> bytes:
    """Return what Python 2 and an old numpy wrote: texts of bytes, numpy.core, protocol 2."""
    flat = data.tobytes()
    shape = b"M" + struct.pack("<H", data.shape[0]) + b"M" + struct.pack("<H", data.shape[1])
    state = b"K\x03U\x01|NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00"
    dtype = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(" + state + b"tb"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
        b"(K\x01(" + shape + b"t" + dtype + b"\x89T" + struct.pack("<i", len(flat)) + flat + b"tb"
    )
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return (
        b"\x80\x02}(U\x0bbatch_labelU\x04testU\x04data" + array + b"U\x06labels" + numbers + b"u."
    )


def batch(name: str, labels: list[int]) -> bytes:
    return python2_pickle(pixels(name, len(labels)), labels)


BATCHES = {name: batch(name, [n, n + 1, 0, 2]) for n, name in enumerate(TRAIN)} | {
    name: batch(name, [2, 9, 0]) for name in TEST
}


def packed(batches: dict[str, bytes]) -> bytes:
    """Return an archive of batches, as the published one is made."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, data in batches.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


PACKED = packed({"batches.meta": b"names", **BATCHES})


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar_files, "SHA256", hashlib.sha256(PACKED).hexdigest())


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir()
    for name, content in BATCHES.items():
        (tmp_path / FOLDER / name).write_bytes(content)
    return tmp_path


def test_arrays_items_and_classes(unpacked: Path) -> None:
    data = CIFAR10(unpacked)
    assert (data.images.shape, data.images.dtype) == ((20, 3, 32, 32), np.uint8)
    assert data.labels.dtype == np.int64
    assert data.labels[:8].tolist() == [0, 1, 0, 2, 1, 2, 0, 2]
    np.testing.assert_array_equal(data.images[4].reshape(-1), pixels(TRAIN[1], 4)[0])
    picture, label = data[4]
    assert (picture.shape, picture.dtype, label) == ((3, 32, 32), np.float32, 1)
    np.testing.assert_allclose(picture.numpy() * 255, data.images[4], atol=1e-4)
    assert data.classes[2] == "bird"
    assert not data.generated
    assert data.source == f"CIFAR-10, 20 training images from {unpacked / FOLDER}"
    assert repr(data) == f"<{data.source}>"
    assert data.inputs("float64").shape == (20, 3, 32, 32)
    # The folder of the batches itself will do.
    assert len(CIFAR10(unpacked / FOLDER, train=False)) == 3


def test_two_classes(unpacked: Path) -> None:
    data = CIFAR2(unpacked)
    whole = CIFAR10(unpacked)
    kept = np.isin(whole.labels, [0, 2])
    np.testing.assert_array_equal(data.images, whole.images[kept])
    np.testing.assert_array_equal(data.labels, whole.labels[kept] // 2)
    assert data.classes == ("airplane", "bird")
    assert data.source.startswith("CIFAR-2, 13 training images")


def test_batches_and_transforms(unpacked: Path) -> None:
    plain = CIFAR10(unpacked)
    turned = CIFAR10(unpacked, transform=lambda picture: picture[:, ::-1] - 0.5)
    for data, change in ((plain, lambda x: x), (turned, lambda x: x[:, :, ::-1] - 0.5)):
        images, labels = next(iter(DataLoader(Subset(data, [3, 1]), 2)))
        assert (images.dtype, images.shape) == (np.float32, (2, 3, 32, 32))
        np.testing.assert_array_equal(images.numpy(), change(plain.inputs()[[3, 1]]))
        np.testing.assert_array_equal(labels, plain.labels[[3, 1]])
        np.testing.assert_array_equal(np.asarray(data[3][0]), images.numpy()[0])


def test_the_full_set() -> None:
    if not FULL or cifar_files.find_batches(Path(FULL), TRAIN + TEST) is None:
        pytest.skip("MINITORCH_DATA names no full set")
    assert np.bincount(CIFAR10(FULL).labels).tolist() == [5000] * 10
    assert np.bincount(CIFAR2(FULL, train=False).labels).tolist() == [1000] * 2


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_pickles_of_python_3_are_read_too(tmp_path: Path, protocol: int) -> None:
    data = pixels("x", 2)
    content = pickle.dumps({"data": data, "labels": [3, 4]}, protocol)
    (tmp_path / "batch").write_bytes(content)
    images, labels = read_batch(tmp_path / "batch")
    np.testing.assert_array_equal(images.reshape(2, -1), data)
    assert labels.tolist() == [3, 4]


class Spiteful:
    def __reduce__(self) -> Any:
        return os.mkdir, ("must-not-be",)


def test_nothing_in_a_pickle_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for content in (Spiteful(), {"data": pixels("x", 1), "labels": [Spiteful()]}):
        Path("batch").write_bytes(pickle.dumps(content, 2))
        with pytest.raises(DataError, match=r"batch: .* it refers to (posix|nt)\.mkdir"):
            read_batch("batch")
    assert not Path("must-not-be").exists()


GOOD = batch("x", [1, 2])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD[:-10], "batch: expected a batch"),
        (GOOD[:20], "batch: expected a batch"),
        (b"", "batch: expected a batch"),
        (b"<html>sign in first</html>", "batch: expected a batch"),
        (pickle.dumps([1]), "expected a dict"),
        (pickle.dumps({"data": np.ones((1, 3072)), "labels": [1]}, 2), "of bytes"),
        (python2_pickle(pixels("x", 2), [1]), r"shape \(2, 3072\)"),
        (python2_pickle(pixels("x", 2)[:, :300], [1, 2]), r"shape \(2, 300\)"),
        (batch("x", [1, 10]), "labels from 0 to 9; found 10"),
        (pickle.dumps({"data": pixels("x", 1), "labels": ["a"]}, 2), "found a"),
    ],
)
def test_damaged_batches(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "batch").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_batch(tmp_path / "batch")
    with pytest.raises(DataError, match="found no file"):
        read_batch(tmp_path / "other")


def test_no_files_names_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        CIFAR10(tmp_path)
    for words in (str(tmp_path), "download=True", "MINITORCH_DATA", "generated=True"):
        assert words in str(caught.value)


@pytest.mark.usefixtures("published")
class TestFetching:
    def mirror(self, new_mirror: NewMirror, content: bytes = PACKED) -> Any:
        mirror = new_mirror()
        mirror.files = {ARCHIVE: content}
        return mirror

    def test_download(
        self, tmp_path: Path, new_mirror: NewMirror, monkeypatch: pytest.MonkeyPatch, capfd: Any
    ) -> None:
        mirror = self.mirror(new_mirror)
        monkeypatch.setenv("MINITORCH_CIFAR_MIRRORS", f"{new_mirror().url} {mirror.url}")
        data = CIFAR10(tmp_path / "data", download=True)
        assert (len(data), data.generated) == (20, False)
        assert "generated" not in capfd.readouterr().err
        assert sorted(p.name for p in (tmp_path / "data").iterdir()) == [FOLDER, ARCHIVE]
        assert sorted(p.name for p in (tmp_path / "data" / FOLDER).iterdir()) == sorted(BATCHES)
        CIFAR2(tmp_path / "data", train=False, download=True)
        assert len(mirror.requests) == 1

    def test_an_archive_that_is_there_needs_no_network(self, tmp_path: Path) -> None:
        (tmp_path / ARCHIVE).write_bytes(PACKED)
        fetch_cifar10(tmp_path, [])
        assert len(CIFAR10(tmp_path)) == 20

    def test_a_broken_download_is_resumed(self, tmp_path: Path, new_mirror: NewMirror) -> None:
        mirror = self.mirror(new_mirror)
        mirror.cut = 1000
        with pytest.raises(FetchError, match="connection lost after 1,000"):
            fetch_cifar10(tmp_path, [mirror.url])
        assert not (tmp_path / ARCHIVE).exists()
        mirror.cut = None
        fetch_cifar10(tmp_path, [mirror.url])
        assert mirror.requests[-1] == (ARCHIVE, "bytes=1000-")
        assert len(CIFAR10(tmp_path)) == 20

    def test_a_part_of_something_else_is_thrown_away(
        self, tmp_path: Path, new_mirror: NewMirror
    ) -> None:
        (tmp_path / f"{ARCHIVE}.part").write_bytes(b"something else")
        fetch_cifar10(tmp_path, [self.mirror(new_mirror).url])
        assert len(CIFAR10(tmp_path)) == 20

    def test_a_wrong_archive_is_never_used(self, tmp_path: Path, new_mirror: NewMirror) -> None:
        (tmp_path / ARCHIVE).write_bytes(b"before")
        wrong = self.mirror(new_mirror, packed(dict.fromkeys(BATCHES, b"other")))
        with pytest.raises(FetchError, match=r"expected SHA-256 [0-9a-f]{64}, found another"):
            fetch_cifar10(tmp_path, [wrong.url])
        assert (tmp_path / ARCHIVE).read_bytes() == b"before"
        assert [*tmp_path.glob("cifar*")] == [tmp_path / ARCHIVE]

    def test_an_archive_that_lacks_a_batch(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        short = packed({name: BATCHES[name] for name in TRAIN})
        monkeypatch.setattr(cifar_files, "SHA256", hashlib.sha256(short).hexdigest())
        (tmp_path / ARCHIVE).write_bytes(short)
        with pytest.raises(FetchError, match="has no test_batch"):
            fetch_cifar10(tmp_path, [])

    def test_members_are_written_nowhere_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content = packed({f"../../../{name}": data for name, data in BATCHES.items()})
        monkeypatch.setattr(cifar_files, "SHA256", hashlib.sha256(content).hexdigest())
        folder = tmp_path / "outer" / "a" / "b"
        folder.mkdir(parents=True)
        (folder / ARCHIVE).write_bytes(content)
        fetch_cifar10(folder, [])
        assert [*(tmp_path / "outer").iterdir()] == [tmp_path / "outer" / "a"]
        assert len(CIFAR10(folder)) == 20


def test_the_look_alike_stands_in_and_says_so(tmp_path: Path, capfd: Any) -> None:
    data = CIFAR10(tmp_path, download=True)
    assert data.generated
    assert "generated look-alike" in data.source
    assert "generated look-alike" in repr(data)
    out, err = capfd.readouterr()
    assert out == ""
    assert err == (
        "CIFAR-10 could not be downloaded (there is no address to fetch it from)\n"
        "CIFAR-10: using a generated look-alike; its pictures show nothing real\n"
    )
    test = CIFAR10(tmp_path, train=False, download=True)
    assert capfd.readouterr().err == ""
    assert (len(data), len(test)) == (60, 20)


def test_the_look_alike_has_the_form_of_the_real_set(unpacked: Path) -> None:
    real, stand_in = CIFAR2(unpacked), CIFAR2(generated=True)
    assert stand_in.generated
    assert "CIFAR-2" in stand_in.source
    for name in ("images", "labels"):
        ours, theirs = getattr(stand_in, name), getattr(real, name)
        assert (ours.dtype, ours.shape[1:]) == (theirs.dtype, theirs.shape[1:])
    assert np.bincount(stand_in.labels).tolist() == [6, 6]
    assert stand_in.classes == real.classes


def test_the_look_alike_is_always_the_same() -> None:
    images, labels = lookalike(10, 30, 1)
    again, same = lookalike(10, 30, 1)
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(labels, same)
    assert len({image.tobytes() for image in images}) == 30
    assert not np.array_equal(lookalike(10, 30, 0)[0], images)


def test_the_look_alike_can_be_learnt() -> None:
    def coarse(pictures: Any) -> Any:
        means = pictures.reshape(-1, 3, 8, 4, 8, 4).mean((3, 5)) / 255 - 0.5
        return np.c_[means.reshape(len(pictures), -1), np.ones(len(pictures))]

    images, labels = lookalike(10, 2000, 1)
    test, expected = lookalike(10, 500, 0)
    x = coarse(images)
    weights = np.linalg.solve(x.T @ x + 0.1 * np.eye(x.shape[1]), x.T @ np.eye(10)[labels])
    # Nothing but a linear model on the picture made small: chance would be right in 10 %.
    assert ((coarse(test) @ weights).argmax(1) == expected).mean() > 0.25
