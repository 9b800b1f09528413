"""Module 0: trees of modules and their parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import small_floats

import minitorch
from minitorch import Module, Parameter, Scalar

task0_4 = pytest.mark.task0_4


class Leaf(Module):
    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.weight = Parameter(value)
        self.note = "not a parameter"


class Branch(Module):
    def __init__(self) -> None:
        super().__init__()
        self.p1 = Parameter(5.0)
        self.b = Leaf(1.0)
        self.c = Leaf(2.0)


class Root(Module):
    """Three levels: root, two branches of two leaves each."""

    def __init__(self) -> None:
        super().__init__()
        self.left = Branch()
        self.p0 = Parameter(9.0)
        self.right = Branch()

    def forward(self, x: float, *, twice: bool = False) -> float:
        return x * (2.0 if twice else 1.0)


NAMES = {
    "p0": 9.0,
    "left.p1": 5.0,
    "left.b.weight": 1.0,
    "left.c.weight": 2.0,
    "right.p1": 5.0,
    "right.b.weight": 1.0,
    "right.c.weight": 2.0,
}


def all_modules(module: Module) -> list[Module]:
    return [module, *(below for child in module.modules() for below in all_modules(child))]


@task0_4
def test_eval_reaches_every_descendant() -> None:
    root = Root()
    assert len(all_modules(root)) == 7
    assert all(module.training for module in all_modules(root))
    root.eval()
    assert not any(module.training for module in all_modules(root))


@task0_4
def test_train_reaches_every_descendant() -> None:
    root = Root()
    for module in all_modules(root):
        module.training = False
    root.train()
    assert all(module.training for module in all_modules(root))


@task0_4
def test_a_part_can_be_in_evaluation_alone() -> None:
    root = Root()
    root.left.eval()
    assert [m.mode for m in all_modules(root.left)] == ["eval"] * 3
    assert root.mode == root.right.mode == root.right.b.mode == "train"
    root.left.train()
    assert all(module.training for module in all_modules(root))


@task0_4
def test_named_parameters_are_dotted_paths() -> None:
    named = Root().named_parameters()
    assert {name: parameter.value for name, parameter in named} == NAMES
    assert len(named) == len(NAMES)


@task0_4
def test_named_parameters_belong_to_their_names() -> None:
    root = Root()
    named = dict(root.named_parameters())
    assert named["p0"] is root.p0
    assert named["left.b.weight"] is root.left.b.weight
    assert named["right.b.weight"] is root.right.b.weight


@task0_4
def test_parameters_are_each_there_once() -> None:
    root = Root()
    parameters = root.parameters()
    assert len(parameters) == len(NAMES)
    expected = {id(parameter) for _, parameter in root.named_parameters()}
    assert {id(parameter) for parameter in parameters} == expected
    assert all(isinstance(parameter, Parameter) for parameter in parameters)


@task0_4
@given(st.integers(min_value=1, max_value=5), small_floats)
def test_a_chain_of_modules_has_all_its_parameters(depth: int, value: float) -> None:
    module: Module = Leaf(value)
    for _ in range(depth):
        outer = Module()
        outer.inner = module
        outer.add_parameter("own", value)
        module = outer
    paths = ["inner." * level + "own" for level in range(depth)]
    named = dict(module.named_parameters())
    assert set(named) == {*paths, "inner." * depth + "weight"}
    assert all(parameter.value == value for parameter in module.parameters())


@task0_4
def test_a_module_without_parameters_has_none() -> None:
    assert list(Module().named_parameters()) == []
    assert list(Module().parameters()) == []


# The library: what is given.


def test_calling_a_module_runs_forward() -> None:
    assert Root()(3.0) == 3.0
    assert Root()(3.0, twice=True) == 6.0


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(TypeError, match="Leaf defines no forward"):
        Leaf()(1.0)


def test_an_unknown_attribute_names_the_module() -> None:
    with pytest.raises(AttributeError, match="Leaf has no attribute 'wieght'"):
        _ = Leaf().wieght
    assert not hasattr(Leaf(), "wieght")


def test_assigning_before_init_says_what_to_call() -> None:
    class Early(Module):
        def __init__(self) -> None:
            self.weight = Parameter(1.0)

    with pytest.raises(AttributeError, match=r"Early\.weight: call super\(\).__init__\(\) first"):
        Early()


def test_a_name_means_one_thing() -> None:
    leaf = Leaf()
    leaf.weight = Module()
    assert leaf.named_parameters() == []
    leaf.weight = 3
    assert list(leaf.modules()) == []
    assert leaf.weight == 3
    leaf.weight = Parameter(4.0)
    assert leaf.weight.value == 4.0
    del leaf.weight
    assert not hasattr(leaf, "weight")


def test_add_parameter_returns_the_named_parameter() -> None:
    module = Module()
    parameter = module.add_parameter("scale", Scalar(2.0))
    assert module.scale is parameter
    assert parameter.name == parameter.value.name == "scale"


def test_printing_shows_the_tree() -> None:
    assert str(Leaf()) == "Leaf()"
    assert str(Branch()) == "Branch(\n  (b): Leaf()\n  (c): Leaf()\n)"
    assert "  (left): Branch(\n    (b): Leaf()" in str(Root())


def test_a_parameter_wants_gradients() -> None:
    value = Scalar(1.0, None)
    assert value.is_constant()
    parameter = Parameter(value)
    assert value.is_leaf()
    fresh = minitorch.tensor([1.0], backend="simple")
    parameter.update(fresh)
    assert parameter.value is fresh
    assert fresh.requires_grad
