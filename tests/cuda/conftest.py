"""What the tests of CUDA share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from minitorch import cuda_target


@pytest.fixture
def gpu() -> Iterator[None]:
    """Take device memory on a GPU; skip the test where there is none."""
    if not cuda_target.gpu_is_there():
        pytest.skip("needs a GPU")
    with cuda_target.using("gpu"):
        yield
