"""What runs the operations on tensors: the shape of a backend, and the list of them.

A backend is one class with `map`, `zip`, `reduce` and `matrix_multiply`, and with what
`storage_ops.py` says of its memory. A `TensorBackend` applies these to the scalar functions and so
gives the operations that tensors call; kernels of other forms, such as convolution, are registered
for it by name from the files above.
Nothing above this file knows which backend runs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numba
import numpy as np

from . import elementwise, operators
from .devices import devices, refuse_mixed
from .errors import BackendError, ShapeError
from .jit import reachable, unfinished
from .shapes import checked_dim
from .storage_ops import StorageOps
from .tensor_data import TensorData, shape_broadcast

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "TensorBackend",
    "TensorOps",
    "as_matrices",
    "get_backend",
    "host_backend",
    "make_tensor_backend",
    "matrix_multiply_output",
    "register_backend",
    "register_kernel",
    "set_default_backend",
]


class TensorOps(StorageOps):
    """The operations of a backend.

    A backend gives four things: `tensor_map`, `tensor_zip` and `tensor_reduce`, which turn a
    function of numbers into one of storages, and `matrix_multiply`. The methods here prepare
    the outputs, so that no kernel is reached with shapes that do not fit.
    """

    # Whether the kernels exist only as machine code, not as Python functions.
    compiled_only: ClassVar[bool] = False
    tensor_map: ClassVar[Callable[..., Callable[..., None]]]
    tensor_zip: ClassVar[Callable[..., Callable[..., None]]]
    tensor_reduce: ClassVar[Callable[..., Callable[..., None]]]

    @classmethod
    def map(cls, fn: Callable[[float], float]) -> Callable[..., Tensor]:
        """Return `apply(a, out=None)`, which is `fn` of each element.

        With `out`, `a` is broadcast to its shape and `out` is filled::

            for i:
                for j:
                    out[i, j] = fn(a[i, 0])        a of shape (n, 1)
        """
        f = cls.tensor_map(fn)

        def apply(a: Tensor, out: Tensor | None = None) -> Tensor:
            if devices.in_use:
                refuse_mixed(f"map of {fn.__name__}", (a, out), cls.cuda)
            if out is None:
                out = a.new_empty(a.shape)
            else:
                if shape_broadcast(a.shape, out.shape) != out.shape:
                    raise ShapeError(f"map: shape {a.shape} does not broadcast to {out.shape}")
                out.refuse_in_place()
            if out._tensor.size:
                f(*out.tuple(), *a.tuple())
            out._tensor.note_write()
            return out

        return apply

    @classmethod
    def cmap(cls, fn: Callable[[float], float]) -> Callable[[Tensor, Tensor], Tensor]:
        """Return `apply(a, out)`, which fills `out` with `fn` of `a`, broadcast to it."""
        return cls.map(fn)

    @classmethod
    def zip(cls, fn: Callable[[float, float], float]) -> Callable[[Tensor, Tensor], Tensor]:
        """Return `apply(a, b)`, which is `fn` of each pair of elements, after broadcasting::

        for i:
            for j:
                out[i, j] = fn(a[i, 0], b[0, j])   a of shape (n, 1), b of shape (1, m)
        """
        f = cls.tensor_zip(fn)

        def apply(a: Tensor, b: Tensor) -> Tensor:
            if devices.in_use:
                refuse_mixed(f"zip of {fn.__name__}", (a, b), cls.cuda)
            shape = a.shape if a.shape == b.shape else shape_broadcast(a.shape, b.shape)
            dtype = a.dtype if a.dtype is b.dtype else np.result_type(a.dtype, b.dtype)
            out = a.new_empty(shape, dtype)
            if out._tensor.size:
                f(*out.tuple(), *a.tuple(), *b.tuple())
            return out

        return apply

    @classmethod
    def reduce(
        cls, fn: Callable[[float, float], float], start: float = 0.0
    ) -> Callable[[Tensor, int], Tensor]:
        """Return `apply(a, dim)`, which folds dimension `dim` with `fn` to size one::

        for j:
            out[0, j] = start                      dim = 0
            for i:
                out[0, j] = fn(out[0, j], a[i, j])
        """
        f = cls.tensor_reduce(fn)

        def apply(a: Tensor, dim: int) -> Tensor:
            if devices.in_use:
                refuse_mixed(f"reduce by {fn.__name__}", (a,), cls.cuda)
            dim = checked_dim(dim, a.shape, "reduce")
            out = a.new_full((*a.shape[:dim], 1, *a.shape[dim + 1 :]), start)
            if out._tensor.size:
                f(*out.tuple(), *a.tuple(), dim)
            return out

        return apply

    @staticmethod
    def matrix_multiply(a: Tensor, b: Tensor) -> Tensor:
        """Return the matrix products over the last two dimensions, the others broadcast."""
        raise NotImplementedError


def matrix_multiply_output(a: Tensor, b: Tensor) -> Tensor:
    """Return an empty tensor for the matrix product of two.

    Args:
        a: (..., n, k)
        b: (..., k, m)

    Returns:
        (..., n, m), the dimensions before the last two broadcast.

    Raises:
        ShapeError: if the operands do not fit.
    """
    problem = None
    if len(a.shape) < 2 or len(b.shape) < 2:
        problem = "both operands must have two dimensions or more"
    elif a.shape[-1] != b.shape[-2]:
        problem = (
            f"the last dimension of the left ({a.shape[-1]}) must equal the one before the "
            f"last of the right ({b.shape[-2]})"
        )
    if problem:
        raise ShapeError(f"matrix product of {a.shape} and {b.shape}: {problem}")
    shape = (*shape_broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
    return a.new_empty(shape, np.result_type(a.dtype, b.dtype))


def as_matrices(a: Tensor, batch: tuple[int, ...]) -> TensorData:
    """Return a tensor as product kernels take it: (the size of `batch` or 1, rows, columns)."""
    data = a._tensor
    if data.dims == 2:
        return data.sharing((1, *data.shape), (0, *data.strides), data.size)
    if len(batch) == 1:
        return data
    whole = a.detach().expand(*batch, *data.shape[-2:]).contiguous()._tensor
    return whole.view((math.prod(batch), *data.shape[-2:]))


# A kernel's name and the task that writes it, for the message when it is not there.
KERNEL_TASKS = {"conv1d": "Task 4.1", "conv2d": "Task 4.2"}

_kernels: dict[type[TensorOps], dict[str, Callable[..., Any]]] = {}
_backends: dict[str, type[TensorOps]] = {}
_built: dict[str, TensorBackend] = {}
_default: TensorBackend | None = None

# From the fastest to the slowest; the GPU is used where it is asked for.
_PREFERENCE = ("tuned", "fast", "simple")


class TensorBackend:
    """The operations of tensors on one backend.

    Args:
        ops: the class that writes map, zip, reduce and matrix_multiply.
    """

    def __init__(self, ops: type[TensorOps]) -> None:
        self.ops = ops
        self.cuda = ops.cuda
        if ops.cuda:
            devices.in_use = True

        self.neg_map = ops.map(operators.neg)
        self.sigmoid_map = ops.map(operators.sigmoid)
        self.relu_map = ops.map(operators.relu)
        self.log_map = ops.map(elementwise.ln)
        self.exp_map = ops.map(operators.exp)
        self.tanh_map = ops.map(elementwise.tanh)
        self.id_map = ops.map(operators.id)
        self.id_cmap = ops.cmap(operators.id)
        self.inv_map = ops.map(operators.inv)
        self.abs_map = ops.map(elementwise.absolute)
        self.sqrt_map = ops.map(elementwise.sqrt)
        self.softplus_map = ops.map(elementwise.softplus)

        self.add_zip = ops.zip(operators.add)
        self.sub_zip = ops.zip(elementwise.sub)
        self.mul_zip = ops.zip(operators.mul)
        self.div_zip = ops.zip(elementwise.div)
        self.lt_zip = ops.zip(operators.lt)
        self.eq_zip = ops.zip(operators.eq)
        self.le_zip = ops.zip(elementwise.le)
        self.is_close_zip = ops.zip(operators.is_close)
        self.pow_zip = ops.zip(elementwise.power)
        self.leaky_zip = ops.zip(elementwise.leaky)
        self.relu_back_zip = ops.zip(operators.relu_back)
        self.log_back_zip = ops.zip(elementwise.ln_back)
        self.inv_back_zip = ops.zip(operators.inv_back)
        self.sigmoid_back_zip = ops.zip(elementwise.sigmoid_back)
        self.tanh_back_zip = ops.zip(elementwise.tanh_back)
        self.abs_back_zip = ops.zip(elementwise.absolute_back)
        self.sqrt_back_zip = ops.zip(elementwise.sqrt_back)
        self.length_back_zip = ops.zip(elementwise.length_back)
        self.pow_by_base_zip = ops.zip(elementwise.power_by_base)
        self.pow_by_exponent_zip = ops.zip(elementwise.power_by_exponent)
        self.leaky_slope_zip = ops.zip(elementwise.leaky_slope)
        self.max_zip = ops.zip(operators.max)
        self.min_zip = ops.zip(elementwise.smaller)
        self.same_zip = ops.zip(elementwise.same)
        self.masked_zip = ops.zip(elementwise.masked)
        self.chosen_zip = ops.zip(elementwise.chosen)

        self.add_reduce = ops.reduce(operators.add, 0.0)
        self.mul_reduce = ops.reduce(operators.mul, 1.0)
        self.max_reduce = ops.reduce(operators.max, float("-inf"))
        self.matrix_multiply = ops.matrix_multiply

    def kernel(self, name: str) -> Callable[..., Any]:
        """Return the kernel that was registered for this backend under `name`.

        Raises:
            BackendError: if there is none.
        """
        for ops in self.ops.__mro__:
            if name in _kernels.get(ops, {}):
                return _kernels[ops][name]
        task = f" ({KERNEL_TASKS[name]})" if name in KERNEL_TASKS else ""
        raise BackendError(f"{name}{task}: backend {self} has no such kernel")

    def __repr__(self) -> str:
        return f"TensorBackend({self.ops.__name__})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _backend_on, (self.ops,)


def _backend_on(ops: type[TensorOps]) -> TensorBackend:
    """Return the backend on `ops` for a copied or unpickled tensor."""
    known = [name for name, registered in _backends.items() if registered is ops]
    return get_backend(known[0]) if known else TensorBackend(ops)


def make_tensor_backend(ops: type[TensorOps], is_cuda: bool = False) -> TensorBackend:
    """Return `TensorBackend(ops)`; its name in older course material."""
    return TensorBackend(ops)


def register_kernel(ops: type[TensorOps], name: str, kernel: Callable[..., Any]) -> None:
    """Let backends on `ops` run `kernel` for the operation `name`."""
    _kernels.setdefault(ops, {})[name] = kernel


def register_backend(name: str, ops: type[TensorOps]) -> None:
    """Make the backend on `ops` known by `name`."""
    _backends[name] = ops


def _solved(ops: type[TensorOps]) -> bool:
    """Return whether every function behind the backend is written."""
    return not any(
        unfinished(function)
        for part in ("tensor_map", "tensor_zip", "tensor_reduce", "matrix_multiply")
        for function in reachable(getattr(ops, part))
    )


def _can_run(ops: type[TensorOps]) -> bool:
    return not (ops.compiled_only and numba.config.DISABLE_JIT)  # type: ignore[attr-defined]


def _fastest() -> str:
    """Return the name of the fastest backend in the host's memory whose tasks are all solved."""
    usable = (n for n in _PREFERENCE if n in _backends and _can_run(_backends[n]))
    return next((n for n in usable if _solved(_backends[n])), "simple")


def get_backend(name: str | TensorBackend | None = None) -> TensorBackend:
    """Return a backend by name; without one, the default.

    Without a choice by `set_default_backend` or the environment variable
    `MINITORCH_BACKEND`, the default is the fastest backend whose tasks are all solved.

    Raises:
        BackendError: if there is no backend of that name.
    """
    global _default
    if isinstance(name, TensorBackend):
        return name
    if name is None:
        if _default is None:
            chosen = os.environ.get("MINITORCH_BACKEND") or _fastest()
            _default = get_backend(chosen)
        return _default
    if name not in _backends:
        raise BackendError(f"backend {name!r} is not one of {', '.join(sorted(_backends))}")
    if not _can_run(_backends[name]):
        raise BackendError(
            f"backend {name!r} needs the compiler, which NUMBA_DISABLE_JIT turns off; use 'fast'"
        )
    if name not in _built:
        _built[name] = TensorBackend(_backends[name])
    return _built[name]


def host_backend() -> TensorBackend:
    """Return the backend of tensors that come from a device: the default, if that is none."""
    default = get_backend()
    return get_backend(_fastest()) if default.cuda else default


def set_default_backend(name: str | TensorBackend) -> None:
    """Make `name` the backend of tensors made without naming one.

    Raises:
        BackendError: if there is no backend of that name.
    """
    global _default
    _default = get_backend(name)
