"""What the comparisons share: the default dtype of both libraries, and the backend of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kernel_cases import HOST_BACKENDS

import minitorch


@pytest.fixture(params=["float64", "float32"])
def dtype(request: pytest.FixtureRequest) -> Iterator[str]:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")
    before = minitorch.get_default_dtype(), torch.get_default_dtype()
    minitorch.set_default_dtype(request.param)
    torch.set_default_dtype(getattr(torch, request.param))
    yield request.param
    minitorch.set_default_dtype(before[0])
    torch.set_default_dtype(before[1])


@pytest.fixture(params=HOST_BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    before = minitorch.get_backend()
    minitorch.set_default_backend(request.param)
    yield request.param
    minitorch.set_default_backend(before)
