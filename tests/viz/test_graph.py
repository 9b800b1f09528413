"""The drawing of the computation graph: what is in it, what is marked, what stays as it was."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import layers
from minitorch.viz import draw_graph
from minitorch.viz.graph_svg import Box, svg_of

SVG = "{http://www.w3.org/2000/svg}"


def leaf(values: Any, name: str) -> minitorch.Tensor:
    made = minitorch.tensor(values).requires_grad_(True)
    made.name = name
    return made


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_functions_leaves_and_constants_are_drawn() -> None:
    w = leaf([1.0, 2.0], "w")
    drawing = draw_graph((w * 3.0).exp().sum())
    found = texts(drawing._repr_svg_())
    for title in ("w", "3", "Mul", "Exp", "Sum", "(2,)"):
        assert title in found
    assert drawing.missing == drawing.nonfinite == drawing.culprits == []


def test_names_are_those_of_the_model_and_what_is_not_reached_is_marked() -> None:
    class Net(minitorch.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = layers.Linear(2, 3)
            self.idle = layers.Linear(2, 3)

        def forward(self, x: Any) -> Any:
            return self.used(x)

    net = Net()
    drawing = draw_graph(net(minitorch.ones((4, 2))).sum(), net)
    assert drawing.missing == ["idle.weight", "idle.bias"]
    found = texts(drawing.svg)
    assert found.count("not in the graph") == 2
    assert "used.weight" in found


class Forgetful(minitorch.Function):
    """A product that has forgotten the gradient of its second factor."""

    @staticmethod
    def forward(ctx: Any, a: Any, b: Any) -> Any:
        ctx.save_for_backward(b)
        return a * b

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * ctx.saved_values[0], None


def test_a_gradient_that_went_missing_is_marked() -> None:
    a, b = leaf([1.0], "a"), leaf([2.0], "b")
    drawing = draw_graph(Forgetful.apply(a, b).sum())
    assert drawing.missing == ["b"]
    assert "no gradient" in texts(drawing.svg)


def test_the_function_in_which_a_gradient_turns_nan_is_marked() -> None:
    class Root(minitorch.Function):
        @staticmethod
        def forward(ctx: Any, a: Any) -> Any:
            ctx.save_for_backward(a)
            return minitorch.tensor(np.sqrt(a.numpy()))

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (a,) = ctx.saved_values
            with np.errstate(divide="ignore"):
                return minitorch.tensor(grad.numpy() / (2 * np.sqrt(a.numpy())))

    w, v = leaf([0.0, 1.0], "w"), leaf([1.0, 1.0], "v")
    drawing = draw_graph((Root.apply(w * 2.0) * v).sum())
    assert drawing.culprits == ["Root"]
    assert drawing.nonfinite == ["w"]
    assert "gradient turns NaN or infinite here" in texts(drawing.svg)


@pytest.mark.parametrize("nan_first", [True, False])
def test_gradients_of_several_ways_are_summed(nan_first: bool) -> None:
    w, bad = leaf([1.0, 2.0], "w"), minitorch.tensor([np.nan, 1.0])
    middle = w * 2.0
    ways = [middle * bad, middle * 3.0]
    first, second = ways if nan_first else reversed(ways)
    assert draw_graph((first + second).sum()).nonfinite == ["w"]


def test_a_value_that_turns_infinite_is_marked_where_it_does() -> None:
    found = texts(draw_graph(leaf([0.0], "w").log().exp().log().sum()).svg)
    place = found.index("value NaN or infinite")
    assert found[place - 2] == "Log"


def test_the_drawing_leaves_gradients_and_the_graph_as_they_were() -> None:
    w = leaf([1.0, 2.0], "w")
    loss = (w * w).sum()
    draw_graph(loss)
    assert w.grad is None
    loss.backward()
    np.testing.assert_array_equal(w.grad.numpy(), [2.0, 4.0])


def test_after_backward_the_leaves_gradients_are_looked_at() -> None:
    w, v = leaf([1.0], "w"), leaf([2.0], "v")
    loss = (w * v).sum()
    loss.backward()
    assert repr(draw_graph(loss)) == "GraphDrawing(missing=[], nonfinite=[], culprits=[])"
    w.grad = None
    v.grad = minitorch.tensor([np.nan])
    drawing = draw_graph(loss)
    assert (drawing.missing, drawing.nonfinite) == (["w"], ["v"])


def test_a_tensor_without_history_is_refused() -> None:
    with pytest.raises(minitorch.GradientError, match="draw_graph: the tensor of shape"):
        draw_graph(minitorch.ones((2,)))


def test_a_long_graph_is_drawn_and_a_name_may_have_any_letters(tmp_path: Path) -> None:
    value = leaf([1.0], "<w> & 'co'")
    total = value
    for _ in range(1500):
        total = total + 1.0
    draw_graph(total).save(tmp_path / "g.svg")
    assert "<w> & 'co'" in texts((tmp_path / "g.svg").read_text())


def test_boxes_do_not_overlap_and_edges_go_down() -> None:
    chance = np.random.default_rng(0)
    boxes = []
    for key in range(60):
        count = min(key, int(chance.integers(0, 3)))
        parents = tuple(int(p) for p in chance.choice(key, count, replace=False)) if count else ()
        boxes.append(Box(key, f"box {key}", "(2, 3)", "", "function", "plain", parents))
    root = ElementTree.fromstring(svg_of(boxes))
    drawn = []
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("rx"):
            sides = [float(rect.get(name) or 0) for name in ("x", "y", "width", "height")]
            drawn.append(sides)
    assert len(drawn) == 60
    for number, (x, y, w, h) in enumerate(drawn):
        assert x >= 0
        assert x + w <= float(root.get("width") or 0)
        for other_x, other_y, other_w, other_h in drawn[:number]:
            apart_x = x >= other_x + other_w or other_x >= x + w
            apart_y = y >= other_y + other_h or other_y >= y + h
            assert apart_x or apart_y
    for path in root.iter(f"{SVG}path"):
        heights = [
            float(pair.split(",")[1]) for pair in re.findall(r"[\d.-]+,[\d.-]+", path.get("d"))
        ]
        if path.get("marker-end"):
            assert heights == sorted(heights)
