"""A picture of what an operation passes on its way down."""

from __future__ import annotations

from .canvas import Canvas

__all__ = ["call_picture"]

_LEVELS = (
    ("x * y", "Tensor", "tensor.py"),
    ("Mul.apply(x, y)", "Function", "tensor_functions.py"),
    ("backend.mul_zip(x, y)", "TensorBackend", "backends.py"),
    ("_zip(out, shapes, strides, ...)", "kernel", "tensor_ops.py, fast_ops.py, cuda_ops.py"),
)


def call_picture() -> str:
    """Return the calls of a product of tensors, from the operator down to the kernel."""
    canvas = Canvas("A product of two tensors, from the operator to the kernel.")
    left, width, height, gap = 120, 260, 34, 26
    for row, (call, name, files) in enumerate(_LEVELS):
        top = row * (height + gap)
        canvas.text(left - 12, top + height / 2, name, "end", "a")
        canvas.box(left, top, width, height, call)
        canvas.text(left + width + 12, top + height / 2, files, "start", "small")
        if row:
            canvas.arrow(left + width / 2, top - gap, left + width / 2, top)
    return canvas.html()
