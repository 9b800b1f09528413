"""What the tests of layers share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kernel_cases import BACKENDS

import minitorch


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each backend in turn, as the default, on which layers are made."""
    before = minitorch.get_backend()
    minitorch.set_default_backend(request.param)
    yield request.param
    minitorch.set_default_backend(before)


@pytest.fixture(params=["float64", "float32"])
def dtype(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each dtype in turn, as the default, in which layers are made."""
    before = minitorch.get_default_dtype()
    minitorch.set_default_dtype(request.param)
    yield request.param
    minitorch.set_default_dtype(before)
