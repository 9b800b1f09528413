"""States in files: whole, or refused."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import CheckpointError, DTypeError, Parameter, layers
from minitorch.atomic import write_whole
from minitorch.serialization import load, save

pytest.importorskip("safetensors", reason="states are kept in safetensors files")


def network() -> Any:
    return layers.Sequential(layers.Conv2d(1, 2, 3), layers.BatchNorm2d(2), layers.Linear(4, 3))


def test_a_network_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "net.safetensors"
    ours, other = network(), network()
    ours[1].num_batches_tracked += 5
    save(ours.state_dict(), path)
    state = load(path)
    assert other.load_state_dict(state) == ([], [])
    for name, value in other.state_dict().items():
        np.testing.assert_array_equal(value, ours.state_dict()[name])
        assert type(state[name]) is type(value)
    assert os.listdir(path.parent) == ["net.safetensors"]


def test_shapes_dtypes_and_layouts(tmp_path: Path) -> None:
    grid = minitorch.tensor(np.arange(6.0).reshape(2, 3))
    state = {
        "permuted": grid.permute(1, 0),
        "number": minitorch.tensor(3.0, dtype="float32"),
        "empty": minitorch.zeros(0, 2),
        "part": grid[:, 1:],
        "parameter": Parameter(minitorch.ones(2)),
        "integers": np.array([[1, -2]], np.int64)[:, ::-1],
        "count": np.array(7, np.int64),
        "flags": np.array([True, False]),
    }
    path = tmp_path / "state.safetensors"
    save(state, str(path))
    read = load(path)
    assert read.keys() == state.keys()
    for name, value in state.items():
        expected = np.asarray(value)
        got = np.asarray(read[name])
        assert got.dtype == expected.dtype
        assert got.shape == expected.shape
        np.testing.assert_array_equal(got, expected)
    with minitorch.no_grad():
        read["part"][0, 0] = 9.0  # which is the reader's own
    assert isinstance(read["count"], np.ndarray)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save(network().state_dict(), path)
    whole = path.read_bytes()
    for size in (0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=r"net\.safetensors is not a whole safetensors"):
            load(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(CheckpointError, match="not a whole"):
        load(path)


def test_what_is_no_file_of_a_state(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no file"):
        load(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="there is no file"):
        load(tmp_path)
    (tmp_path / "text").write_text("a text that is long enough to be a header of something")
    with pytest.raises(CheckpointError, match="not a whole"):
        load(tmp_path / "text")


@pytest.mark.parametrize(
    "state", [[1.0], {"a": "text"}, {"a": object()}, {3: np.zeros(1)}, {"a": {"b": np.zeros(1)}},
              {"a": np.zeros(1, np.longdouble)}, {"__metadata__": np.zeros(1)}],
    ids=["list", "text", "object", "number", "nested", "long", "reserved"],
)  # fmt: skip
def test_what_is_no_state(tmp_path: Path, state: Any) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"before")
    with pytest.raises(DTypeError, match="save: "):
        save(state, path)
    assert path.read_bytes() == b"before"


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state"
    save({"a": np.zeros(3)}, path)

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        save({"a": np.ones(3)}, path)
    assert load(path)["a"].numpy().tolist() == [0.0] * 3
    assert os.listdir(tmp_path) == ["state"]


def test_a_file_may_be_read_by_whom_others_may(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")
    write_whole(tmp_path / "own", b"content")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("own", "other")]
    assert modes[0] == modes[1]


def test_without_safetensors_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("safetensors")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install minitorch\[safetensors\]"):
        save({"a": np.zeros(3)}, tmp_path / "state")
