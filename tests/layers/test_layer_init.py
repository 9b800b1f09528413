"""Initialisers fill in place, from the generator that `manual_seed` seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch.errors import DTypeError, ShapeError
from minitorch.layers import init

FILLS: dict[str, Callable[[Any], Any]] = {
    "uniform": init.uniform_,
    "normal": init.normal_,
    "constant": lambda t: init.constant_(t, 3.0),
    "zeros": init.zeros_,
    "ones": init.ones_,
    "xavier uniform": init.xavier_uniform_,
    "xavier normal": init.xavier_normal_,
    "kaiming uniform": init.kaiming_uniform_,
    "kaiming normal": init.kaiming_normal_,
}


@pytest.mark.parametrize("name", FILLS)
def test_filled_in_place(name: str, dtype: str) -> None:
    minitorch.manual_seed(3)
    parameter = minitorch.Parameter(minitorch.full((4, 5), -9.0))
    value, storage = parameter.value, parameter.to_numpy()
    version = value._version
    assert FILLS[name](parameter) is parameter
    assert parameter.value is value
    assert value.is_leaf()
    assert value._version > version
    assert (storage != -9.0).all()
    assert storage.dtype == dtype
    # A part of a tensor is filled alone, and one seed gives the same numbers.
    minitorch.manual_seed(3)
    whole = minitorch.full((4, 10), -9.0)
    FILLS[name](whole[:, ::2])
    np.testing.assert_array_equal(whole.to_numpy()[:, ::2], storage)
    assert (whole.to_numpy()[:, 1::2] == -9.0).all()


# The weight, (fan_in, fan_out), and for each initialiser its standard deviation.
SHAPES = [((200, 50), (50, 200)), ((30, 20, 3, 5), (300, 450))]


@pytest.mark.parametrize(("shape", "fans"), SHAPES)
@pytest.mark.parametrize("kind", ["uniform_", "normal_"])
def test_standard_deviations(shape: tuple[int, ...], fans: tuple[int, int], kind: str) -> None:
    minitorch.manual_seed(0)
    xavier, kaiming = getattr(init, f"xavier_{kind}"), getattr(init, f"kaiming_{kind}")
    fan_in, fan_out = fans
    cases = [
        (xavier, {}, (2 / (fan_in + fan_out)) ** 0.5),
        (xavier, {"gain": 3.0}, 3 * (2 / (fan_in + fan_out)) ** 0.5),
        (kaiming, {}, (2 / fan_in) ** 0.5),
        (kaiming, {"a": 5**0.5}, (1 / 3 / fan_in) ** 0.5),
        (kaiming, {"mode": "fan_out", "nonlinearity": "relu"}, (2 / fan_out) ** 0.5),
        (kaiming, {"nonlinearity": "tanh"}, 5 / 3 / fan_in**0.5),
    ]
    for fill, options, std in cases:
        values = fill(minitorch.zeros(shape), **options).to_numpy()
        assert values.std() == pytest.approx(std, rel=0.03)
        assert abs(values.mean()) < 0.05 * std
        if kind == "uniform_":
            assert abs(values).max() <= 3**0.5 * std
            assert abs(values).max() > 0.99 * 3**0.5 * std
        else:
            assert abs(values).max() > 3 * std


def test_nothing_to_fill() -> None:
    for name in FILLS:
        assert FILLS[name](minitorch.zeros(3, 0)).shape == (3, 0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: init.kaiming_uniform_(minitorch.zeros(3)), ShapeError, "kaiming_uniform_: a we"),
        (lambda t: init.xavier_normal_(minitorch.zeros(())), ShapeError, "xavier_normal_"),
        (lambda t: init.kaiming_normal_(t, mode="both"), ValueError, "mode is 'both'"),
        (lambda t: init.kaiming_normal_(t, nonlinearity="gelu"), ValueError, "no gain for 'gelu'"),
        (lambda t: init.kaiming_normal_(t, a=float("nan")), ValueError, "nan"),
        (lambda t: init.uniform_(t, 1.0, 0.0), ValueError, "uniform_: from 1.0 to 0.0"),
        (lambda t: init.normal_(t, 0.0, -1.0), ValueError, "normal_: mean 0.0, std -1.0"),
        (lambda t: init.normal_(t, float("nan")), ValueError, "normal_: mean nan"),
        (lambda t: init.xavier_uniform_(t, float("inf")), ValueError, "inf"),
        (lambda t: init.zeros_(t.numpy()), DTypeError, "constant_: fills a tensor or a parameter"),
    ],
)  # fmt: skip
def test_what_is_refused(call: Any, error: type[Exception], message: str) -> None:
    t = minitorch.ones(2, 2)
    with pytest.raises(error, match=message):
        call(t)
    assert (t.to_numpy() == 1.0).all()
