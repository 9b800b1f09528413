"""Simulated device memory: the host reaches it by copying only, and copies are counted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minitorch import cudasim
from minitorch.errors import BackendError


def test_copies_there_and_back() -> None:
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    device = cudasim.to_device(a)
    a[:] = 0
    back = device.copy_to_host()
    np.testing.assert_array_equal(back, np.arange(6).reshape(2, 3))
    back[:] = 7
    assert device.copy_to_host()[0, 0] == 0
    assert (device.dtype, device.size, device.shape) == (np.float32, 6, (2, 3))
    assert (device.ndim, device.itemsize, device.nbytes, len(device)) == (2, 4, 24, 2)


def test_a_slice_is_over_the_same_memory() -> None:
    device = cudasim.to_device(np.zeros(6))
    middle = device[1:5][1:3]
    assert middle.shape == (2,)
    middle.copy_to_device(np.array([1.0, 2.0]))
    assert device.copy_to_host().tolist() == [0, 0, 1, 2, 0, 0]
    assert middle.copy_to_host().tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"\(3,\) does not fit a device array of shape \(2,\)"):
        middle.copy_to_device(np.zeros(3))


def test_empty_memory_holds_nothing_sensible() -> None:
    assert np.isnan(cudasim.empty(3, np.float64).copy_to_host()).all()
    assert cudasim.empty((2, 2), np.int32).copy_to_host()[0, 0] == np.iinfo(np.int32).min


@pytest.mark.parametrize(
    "use",
    [
        lambda a: np.asarray(a),
        lambda a: np.ones(3) + a,
        lambda a: list(a),
        lambda a: float(a),
        lambda a: int(a),
        lambda a: bool(a),
        lambda a: a[0],
        lambda a: a[::2],
        lambda a: a.__setitem__(0, 1.0),
        lambda a: 1.0 in a,
        lambda a: range(a),
    ],
)
def test_the_host_cannot_use_it(use: Callable[[Any], Any]) -> None:
    with pytest.raises(BackendError, match=r"on the simulated device: .* copy_to_host\(\)"):
        use(cudasim.to_device(np.ones(3)))


def test_a_deep_copy_is_other_memory() -> None:
    device = cudasim.to_device(np.zeros(2))
    other = copy.deepcopy(device)
    other.copy_to_device(np.ones(2))
    assert device.copy_to_host().tolist() == [0, 0]


def test_copies_are_counted() -> None:
    before = cudasim.transfers.to_device
    with cudasim.counting_transfers() as all_of_them:
        device = cudasim.to_device(np.zeros(4, np.float32))
        with cudasim.counting_transfers() as some:
            device[0:2].copy_to_host()
            cudasim.empty(100, np.float64)
        device.copy_to_device(np.zeros(4, np.float32))
    assert (all_of_them.to_device, all_of_them.bytes_to_device) == (2, 32)
    assert (all_of_them.to_host, all_of_them.bytes_to_host) == (1, 8)
    assert (some.to_device, some.to_host) == (0, 1)
    assert cudasim.transfers.to_device == before + 2
    assert "to_device=2 (32 bytes)" in repr(all_of_them)
