"""Checkpoints: whole or not there, and never of another model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import minitorch
from minitorch.training import load_checkpoint, save_checkpoint


class Model(minitorch.Module):
    def __init__(self, size: int = 3) -> None:
        super().__init__()
        self.weights = minitorch.Parameter(minitorch.rand(2, size))
        self.bias = minitorch.Parameter(minitorch.rand(size, dtype="float32"))


def test_a_checkpoint_gives_back_parameters_progress_and_chance(tmp_path: Path) -> None:
    minitorch.manual_seed(7)
    model = Model()
    save_checkpoint(tmp_path / "a" / "m.safetensors", model, {"epoch": 3, "loss": 0.1})
    drawn = minitorch.rand(4).numpy()
    other = Model()
    found = load_checkpoint(tmp_path / "a" / "m.safetensors")
    found.restore(other)
    assert found.progress == {"epoch": 3, "loss": 0.1}
    for (_, expected), (_, restored) in zip(
        model.named_parameters(), other.named_parameters(), strict=True
    ):
        np.testing.assert_array_equal(restored.numpy(), expected.numpy())
        assert restored.dtype == expected.dtype
        assert restored.value.requires_grad
    np.testing.assert_array_equal(minitorch.rand(4).numpy(), drawn)


def test_a_failed_save_leaves_the_old_checkpoint_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.safetensors"
    save_checkpoint(path, Model(), {"epoch": 1})
    before = path.read_bytes()

    def no_space(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(path, Model(), {"epoch": 2})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_checkpoint_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_checkpoint(path, Model(), {})
    whole = path.read_bytes()
    for length in (0, 4, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(minitorch.CheckpointError, match=r"m\.safetensors: not a whole"):
            load_checkpoint(path)


def test_a_missing_checkpoint_and_a_file_of_another_kind_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    with pytest.raises(minitorch.CheckpointError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "none")
    save_file({"weights": np.zeros(3)}, tmp_path / "weights.safetensors")
    with pytest.raises(minitorch.CheckpointError, match="not a checkpoint of a training run"):
        load_checkpoint(tmp_path / "weights.safetensors")


def test_a_checkpoint_of_another_model_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_checkpoint(path, Model(3), {})
    other = Model(4)
    before = other.bias.numpy().copy()
    with pytest.raises(minitorch.CheckpointError, match="of another module"):
        load_checkpoint(path).restore(other)
    np.testing.assert_array_equal(other.bias.numpy(), before)
    other.extra = minitorch.Parameter(minitorch.rand(1))
    with pytest.raises(minitorch.CheckpointError, match="missing: extra"):
        load_checkpoint(path).restore(other)
