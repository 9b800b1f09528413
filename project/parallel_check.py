"""Show what Numba made parallel in each kernel of Modules 3 and 4.

    python project/parallel_check.py --level 3 matrix_multiply

In a good kernel the outermost loop is parallel, allocations are hoisted out of inner loops,
and nothing in an inner loop is shared between iterations of the outer one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

import minitorch
from minitorch import fast_conv, fast_ops, operators
from minitorch.jit import Kernel


def _map() -> Kernel:
    kernel = fast_ops.tensor_map(operators.id)
    out, a = minitorch.zeros(10), minitorch.zeros(10)
    kernel(*out.tuple(), *a.tuple())
    return kernel


def _zip() -> Kernel:
    kernel = fast_ops.tensor_zip(operators.eq)
    out, a, b = minitorch.zeros(10), minitorch.zeros(10), minitorch.zeros(10)
    kernel(*out.tuple(), *a.tuple(), *b.tuple())
    return kernel


def _reduce() -> Kernel:
    kernel = fast_ops.tensor_reduce(operators.add)
    out, a = minitorch.zeros(1), minitorch.zeros(10)
    kernel(*out.tuple(), *a.tuple(), 0)
    return kernel


def _matrix_multiply() -> Kernel:
    kernel = fast_ops.tensor_matrix_multiply
    out, a, b = minitorch.zeros(1, 10, 10), minitorch.zeros(1, 10, 20), minitorch.zeros(1, 20, 10)
    kernel(*out.tuple(), *a.tuple(), *b.tuple())
    return kernel


def _conv1d() -> Kernel:
    kernel = fast_conv.tensor_conv1d
    out, a, w = minitorch.zeros(1, 1, 10), minitorch.zeros(1, 1, 10), minitorch.zeros(1, 1, 3)
    kernel(*out.tuple(), out.size, *a.tuple(), *w.tuple(), False)
    return kernel


def _conv2d() -> Kernel:
    kernel = fast_conv.tensor_conv2d
    out, a = minitorch.zeros(1, 1, 8, 8), minitorch.zeros(1, 1, 8, 8)
    w = minitorch.zeros(1, 1, 3, 3)
    kernel(*out.tuple(), out.size, *a.tuple(), *w.tuple(), False)
    return kernel


KERNELS: dict[str, Callable[[], Kernel]] = {
    "map": _map,
    "zip": _zip,
    "reduce": _reduce,
    "matrix_multiply": _matrix_multiply,
    "conv1d": _conv1d,
    "conv2d": _conv2d,
}


def main(
    kernels: Annotated[list[str] | None, typer.Argument(help=", ".join(KERNELS))] = None,
    level: Annotated[int, typer.Option(min=1, max=4, help="How much to print.")] = 3,
) -> None:
    """Show what Numba made parallel in each kernel."""
    chosen = kernels or list(KERNELS)
    unknown = sorted(set(chosen) - set(KERNELS))
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: the kernels are {', '.join(KERNELS)}")
    for name in chosen:
        print(name.upper())
        KERNELS[name]().parallel_diagnostics(level=level)


if __name__ == "__main__":
    typer.run(main)
