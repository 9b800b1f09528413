"""Modules as trees: descendants by name, `apply`, the printed form."""

from __future__ import annotations

import pytest

from minitorch import Module, Parameter


class Leaf(Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = Parameter(1.0)

    def extra_repr(self) -> str:
        return "size=1"


class Branch(Module):
    def __init__(self) -> None:
        super().__init__()
        self.b = Leaf()
        self.c = Leaf()


class Root(Module):
    def __init__(self) -> None:
        super().__init__()
        self.left = Branch()
        self.right = self.left.c  # one module at two places


def test_children() -> None:
    root = Root()
    assert list(root.children()) == [root.left, root.right] == list(root.modules())
    assert list(root.named_children()) == [("left", root.left), ("right", root.right)]


def test_every_module_is_named_once() -> None:
    root = Root()
    named = list(root.named_modules())
    assert [name for name, _ in named] == ["", "left", "left.b", "left.c"]
    assert named[3][1] is root.right
    prefixed = [name for name, _ in root.named_modules("net")]
    assert prefixed == ["net", "net.left", "net.left.b", "net.left.c"]


def test_a_parameter_at_two_places_is_given_once() -> None:
    root = Root()
    assert root.parameters() == [root.left.b.weight, root.left.c.weight]
    assert len(root.named_parameters()) == 3


def test_apply_comes_to_the_children_first() -> None:
    root, seen = Root(), []
    assert root.left.apply(seen.append) is root.left
    assert seen == [root.left.b, root.left.c, root.left]


def test_train_and_eval_return_the_module() -> None:
    root = Root()
    assert root.eval() is root
    assert root.train() is root
    assert root.train(False) is root
    assert not any(module.training for _, module in root.named_modules())


def test_a_child_whose_name_is_no_word() -> None:
    root = Root()
    leaf = Leaf()
    root.add_module("0", leaf)
    assert root.named_parameters()[-1] == ("0.weight", leaf.weight)
    root.add_module("left", leaf)
    assert next(root.named_children()) == ("left", leaf)
    for name in ("forward", "training", "a.b", "", 3):
        with pytest.raises(ValueError, match="add_module"):
            root.add_module(name, leaf)  # type: ignore[arg-type]


def test_a_new_value_takes_the_place_of_the_old() -> None:
    branch = Branch()
    branch.b = Leaf()
    assert [name for name, _ in branch.named_children()] == ["b", "c"]


def test_printed_form() -> None:
    assert repr(Leaf()) == "Leaf(size=1)"
    leaf = "Leaf(size=1)"
    assert repr(Root()) == (
        f"Root(\n  (left): Branch(\n    (b): {leaf}\n    (c): {leaf}\n  )\n  (right): {leaf}\n)"
    )

    class Both(Branch):
        def extra_repr(self) -> str:
            return "one\ntwo"

    assert repr(Both()) == f"Both(\n  one\n  two\n  (b): {leaf}\n  (c): {leaf}\n)"
