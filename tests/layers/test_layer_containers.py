"""`Sequential` and `ModuleList`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

import minitorch
from minitorch import layers
from minitorch.errors import IndexingError


def four() -> list[Any]:
    return [layers.Linear(2, 2), layers.Tanh(), layers.Linear(2, 2), layers.ReLU()]


@pytest.fixture(params=[lambda m: layers.Sequential(*m), layers.ModuleList], ids=["chain", "list"])
def make(request: pytest.FixtureRequest) -> Callable[[list[Any]], Any]:
    return request.param


def test_like_a_list(make: Callable[[list[Any]], Any]) -> None:
    modules = four()
    held = make(modules)
    assert len(held) == 4
    assert list(held) == modules
    assert held[0] is modules[0]
    assert held[-1] is modules[3]
    assert list(held[1:3]) == modules[1:3]
    assert list(held[::-2]) == modules[::-2]
    assert type(held[:1]) is type(held)
    assert held.append(extra := layers.Sigmoid()) is held
    assert held.extend([layers.Tanh(), layers.Tanh()]) is held
    assert [name for name, _ in held.named_children()] == list("0123456")
    assert held[4] is extra
    held[1] = other = layers.Sigmoid()
    assert list(held.children())[1] is other
    assert make([])
    assert len(make([])) == 0


def test_what_is_no_module_or_not_there(make: Callable[[list[Any]], Any]) -> None:
    held = make(four())
    for index in (4, -5):
        with pytest.raises(IndexingError, match=f"index {index} is out of range: it has 4 modules"):
            held[index]
    with pytest.raises(TypeError, match="at 5, is not a Module"):
        held.extend([layers.ReLU(), max])
    with pytest.raises(TypeError, match="at 0, is not a Module"):
        held[0] = 3.0
    assert len(held) == 4


def test_parts_share_their_modules(make: Callable[[list[Any]], Any]) -> None:
    held = make(four())
    assert held[2:].parameters() == held.parameters()[2:]


def test_a_chain_of_named_modules() -> None:
    conv, act = layers.Linear(2, 3), layers.ReLU()
    chain = layers.Sequential(OrderedDict(first=conv, act=act))
    assert chain.first is conv
    assert list(chain.named_children()) == [("first", conv), ("act", act)]
    assert list(dict(chain[1:].named_children())) == ["act"]
    assert chain(minitorch.zeros(5, 2)).shape == (5, 3)
    with pytest.raises(TypeError, match="named 'second', is not a Module"):
        layers.Sequential({"second": 3})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="'forward'"):
        layers.Sequential({"forward": act})


def test_a_part_of_a_chain_keeps_its_names_and_grows() -> None:
    part = layers.Sequential(*four())[1:3]
    assert list(dict(part.named_children())) == ["1", "2"]
    part.append(layers.ReLU())
    assert list(dict(part.named_children())) == ["1", "2", "3"]
    assert list(dict(layers.ModuleList(four())[1:3].named_children())) == ["0", "1"]


def test_a_list_computes_nothing_itself() -> None:
    with pytest.raises(TypeError, match="ModuleList defines no forward"):
        layers.ModuleList(four())(minitorch.zeros(1, 2))


def test_identity_takes_any_arguments() -> None:
    a = minitorch.zeros(2)
    assert layers.Identity(54, unused=True)(a) is a
