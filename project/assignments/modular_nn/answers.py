"""The hyperparameters of parts 2 to 4, and the answers to the questions of all parts.

The answers are kept in `answers.md`, under their names here; `mlp_cnn_q1` to `q3` answer the
questions of the MLP and CNN notebook, `conv_solver_report` tells of the best network of the other.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from minitorch.layers import CrossEntropyLoss

__all__ = [
    "conv_solver_report",
    "display_answer",
    "mlp_cnn_q1",
    "mlp_cnn_q2",
    "mlp_cnn_q3",
    "part1_q1",
    "part1_q2",
    "part2_dropout_hp",
    "part2_optim_hp",
    "part2_overfit_hp",
    "part2_q1",
    "part2_q2",
    "part2_q3",
    "part3_arch_hp",
    "part3_optim_hp",
    "part3_q1",
    "part3_q2",
    "part3_q3",
    "part3_q4",
    "part4_optim_hp",
    "part4_q1",
    "part5_q1",
    "part5_q2",
    "part5_q3",
    "part5_q4",
    "part5_q5",
]


def part2_overfit_hp() -> dict[str, float]:
    """Return the hyperparameters with which an MLP learns 20 images by heart."""
    ### BEGIN SOLUTION
    return {"wstd": 0.2, "lr": 0.005, "reg": 0.0}
    ### END SOLUTION


def part2_optim_hp() -> dict[str, float]:
    """Return those with which the three optimisers are compared."""
    ### BEGIN SOLUTION
    return {
        "wstd": 0.1,
        "lr_vanilla": 0.01,
        "lr_momentum": 0.003,
        "lr_rmsprop": 2e-4,
        "reg": 1e-3,
    }
    ### END SOLUTION


def part2_dropout_hp() -> dict[str, float]:
    """Return those with which an MLP without dropout overfits."""
    ### BEGIN SOLUTION
    return {"wstd": 0.05, "lr": 0.002}
    ### END SOLUTION


def part3_arch_hp() -> dict[str, Any]:
    """Return the architecture of the perceptron for the moons."""
    ### BEGIN SOLUTION
    return {"n_layers": 2, "hidden_dims": 32, "activation": "relu", "out_activation": "none"}
    ### END SOLUTION


def part3_optim_hp() -> dict[str, Any]:
    """Return its loss, and the arguments of `SGD`."""
    ### BEGIN SOLUTION
    return {"loss_fn": CrossEntropyLoss(), "lr": 0.02, "weight_decay": 1e-3, "momentum": 0.9}
    ### END SOLUTION


def part4_optim_hp() -> dict[str, Any]:
    """Return the loss with which a CNN learns 50 images by heart, and the arguments of `SGD`."""
    ### BEGIN SOLUTION
    return {"loss_fn": CrossEntropyLoss(), "lr": 0.01, "weight_decay": 0.0, "momentum": 0.9}
    ### END SOLUTION


def display_answer(text: str) -> None:
    """Show an answer in a notebook, with its formulas."""
    from IPython.display import Markdown, display

    display(Markdown(text))


def _answers() -> dict[str, str]:
    """Return what stands under each heading `## name` of the file."""
    text = (Path(__file__).parent / "answers.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


_texts = _answers()

part1_q1 = _texts["part1_q1"]
part1_q2 = _texts["part1_q2"]
part2_q1 = _texts["part2_q1"]
part2_q2 = _texts["part2_q2"]
part2_q3 = _texts["part2_q3"]
part3_q1 = _texts["part3_q1"]
part3_q2 = _texts["part3_q2"]
part3_q3 = _texts["part3_q3"]
part3_q4 = _texts["part3_q4"]
part4_q1 = _texts["part4_q1"]
part5_q1 = _texts["part5_q1"]
part5_q2 = _texts["part5_q2"]
part5_q3 = _texts["part5_q3"]
part5_q4 = _texts["part5_q4"]
part5_q5 = _texts["part5_q5"]
mlp_cnn_q1 = _texts["mlp_cnn_q1"]
mlp_cnn_q2 = _texts["mlp_cnn_q2"]
mlp_cnn_q3 = _texts["mlp_cnn_q3"]
conv_solver_report = _texts["conv_solver_report"]
