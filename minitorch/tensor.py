"""Module 2: `Tensor`, an array of numbers that records how it was computed.

How it reads as an array is in `tensor_array.py`, how it is differentiated in
`tensor_history.py`; here is what one computes with.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from .autodiff import grad_mode
from .backends import TensorBackend, get_backend
from .dtypes import as_floats
from .errors import DTypeError, GradientError
from .function import History
from .more_functions import Div, Expand, Slice, Sub, Tanh
from .reductions import arg_extreme, extreme
from .shapes import checked_dim, checked_order, checked_view, whole_shape
from .tensor_array import ArrayMethods
from .tensor_data import TensorData, contiguous_strides
from .tensor_functions import (
    EQ,
    LT,
    Add,
    All,
    Copy,
    Exp,
    IsClose,
    Log,
    MatMul,
    Mul,
    Neg,
    Permute,
    ReLU,
    Sigmoid,
    Sum,
    View,
)
from .tensor_history import HistoryMethods, summed_to
from .views import write

__all__ = ["Tensor"]

_ids = itertools.count(1)


class Tensor(ArrayMethods, HistoryMethods):
    """An array of float32 or float64 numbers on a backend, with a history.

    Arithmetic broadcasts as in numpy; Python numbers take the tensor's dtype. Tensors are
    made with `minitorch.tensor`, `zeros`, `rand` and their like.

    Args:
        v: storage, shape and strides.
        back: the history; None makes a constant, of which no gradient is wanted.
        name: a name for printing.
        backend: what runs the operations; by default `get_backend()`.
    """

    __slots__ = ("_name", "_tensor", "backend", "unique_id")
    __array_priority__ = 100.0  # numpy arrays leave `array + tensor` to the tensor

    def __init__(
        self,
        v: TensorData,
        back: History | None = None,
        name: str | None = None,
        backend: TensorBackend | None = None,
    ) -> None:
        self._tensor = v
        self.history = back
        self.backend = backend if backend is not None else get_backend()
        self.grad = None
        self.own_storage = False
        self.unique_id = next(_ids)
        self._name = name

    # Making tensors like this one.

    def _new(self, data: TensorData) -> Tensor:
        """Return a constant on this tensor's backend."""
        return _made(data, None, self.backend)

    def _recorded(self, history: History) -> Tensor:
        """Return this tensor with a history."""
        return _made(self._tensor, history, self.backend)

    def _coerced(self, other: Any) -> Tensor:
        """Return a number, an array or a tensor as a tensor; numbers take this dtype."""
        if isinstance(other, Tensor):
            return other
        if isinstance(other, float | int | Real):
            storage = np.empty(1, self._tensor._storage.dtype)
            storage[0] = other
            return _made(TensorData.fresh(storage, (), (), 1), None, self.backend)
        if isinstance(other, np.ndarray):
            return self._new(TensorData.from_array(np.array(as_floats(other))))
        raise DTypeError(f"a tensor cannot be combined with a {type(other).__name__}: {other!r}")

    _ensure_tensor = _coerced  # its name in course code

    @staticmethod
    def make(
        storage: Any, shape: Any, strides: Any = None, backend: TensorBackend | None = None
    ) -> Tensor:
        """Return `Tensor(TensorData(storage, shape, strides), backend=backend)`."""
        return Tensor(TensorData(storage, shape, strides), backend=backend)

    def new_empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike | None = None) -> Tensor:
        """Return a tensor on this backend with nothing in particular in it."""
        size = math.prod(shape)
        storage = np.empty(size, dtype or self._tensor._storage.dtype)
        return self._new(TensorData.fresh(storage, shape, contiguous_strides(shape), size))

    def new_full(self, shape: tuple[int, ...], value: float) -> Tensor:
        """Return a tensor of this dtype on this backend, filled with `value`."""
        return self._new(TensorData.from_array(np.full(shape, value, self.dtype)))

    def zeros(self, shape: tuple[int, ...] | None = None) -> Tensor:
        """Return zeros of `shape`, by default this one's, of this dtype on this backend."""
        sizes = self.shape if shape is None else whole_shape(shape, "zeros")
        return self._new(TensorData.from_array(np.zeros(sizes, self.dtype)))

    def detach(self) -> Tensor:
        """Return a constant that shares this tensor's storage."""
        return self._new(self._tensor)

    def __reduce__(self) -> Any:
        # For copy.deepcopy and pickle: a copy is another variable, with an id of its own.
        made_by = self.history.last_fn if self.history is not None else None
        if made_by is not None:
            raise GradientError(
                f"copy: the tensor of shape {self.shape} was made by {made_by.__name__}; only "
                "leaves can be copied, so detach() it"
            )
        state = self.to_numpy(), self.backend, self.history is not None, self._name, self.grad
        return _rebuilt, state

    @property
    def data(self) -> Tensor:
        """Return a constant that shares this tensor's storage, as `detach` does."""
        return self.detach()

    def _type_(self, backend: TensorBackend) -> None:
        """Put this tensor on another backend."""
        self.backend = backend
        if backend.cuda:
            self._tensor.to_cuda_()

    @property
    def name(self) -> str:
        """Return the name, by default the number of the tensor."""
        return self._name or str(self.unique_id)

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    @property
    def f(self) -> TensorBackend:
        """Return the backend, under its name in older course material."""
        return self.backend

    def __hash__(self) -> int:
        return self.unique_id

    # Arithmetic.

    def __add__(self, b: Any) -> Tensor:
        return Add.apply(self, b if type(b) is Tensor else self._coerced(b))

    __radd__ = __add__

    def __sub__(self, b: Any) -> Tensor:
        return Sub.apply(self, b if type(b) is Tensor else self._coerced(b))

    def __rsub__(self, b: Any) -> Tensor:
        return Sub.apply(self._coerced(b), self)

    def __mul__(self, b: Any) -> Tensor:
        return Mul.apply(self, b if type(b) is Tensor else self._coerced(b))

    __rmul__ = __mul__

    def __truediv__(self, b: Any) -> Tensor:
        return Div.apply(self, b if type(b) is Tensor else self._coerced(b))

    def __rtruediv__(self, b: Any) -> Tensor:
        return Div.apply(self._coerced(b), self)

    def __matmul__(self, b: Any) -> Tensor:
        return _matmul(self, self._coerced(b))

    def __rmatmul__(self, b: Any) -> Tensor:
        return _matmul(self._coerced(b), self)

    def __neg__(self) -> Tensor:
        return Neg.apply(self)

    def __lt__(self, b: Any) -> Tensor:
        return LT.apply(self, b if type(b) is Tensor else self._coerced(b))

    def __gt__(self, b: Any) -> Tensor:
        return LT.apply(self._coerced(b), self)

    def __eq__(self, b: Any) -> Tensor:  # type: ignore[override]
        if b is None or isinstance(b, str):
            return NotImplemented
        return EQ.apply(self, b if type(b) is Tensor else self._coerced(b))

    def __ne__(self, b: Any) -> Tensor:  # type: ignore[override]
        if b is None or isinstance(b, str):
            return NotImplemented
        return 1.0 - EQ.apply(self, self._coerced(b))

    def is_close(self, b: Any) -> Tensor:
        """Return 1 where the elements differ by less than 0.01, else 0."""
        return IsClose.apply(self, self._coerced(b))

    def sigmoid(self) -> Tensor:
        """Return 1 / (1 + exp(-x)) of each element."""
        return Sigmoid.apply(self)

    def tanh(self) -> Tensor:
        """Return the hyperbolic tangent of each element."""
        return Tanh.apply(self)

    def relu(self) -> Tensor:
        """Return each element where positive, else 0."""
        return ReLU.apply(self)

    def log(self) -> Tensor:
        """Return the natural logarithm of each element: -infinity at 0, NaN below."""
        return Log.apply(self)

    def exp(self) -> Tensor:
        """Return e to the power of each element."""
        return Exp.apply(self)

    # Reductions.

    def sum(self, dim: Any = None, keepdim: bool = True) -> Tensor:
        """Return the sum over a dimension, several, or all.

        Args:
            dim: one dimension or a tuple of them; None for all, which gives shape (1,).
            keepdim: keep the dimensions summed over, with size 1.
        """
        if dim is None:
            return Sum.apply(self, None)
        if keepdim and type(dim) is int:
            return Sum.apply(self, checked_dim(dim, self.shape, "sum"))
        dims = dim if isinstance(dim, tuple | list) else (dim,)
        places = sorted({checked_dim(d, self.shape, "sum") for d in dims}, reverse=True)
        out = self
        for place in places:
            out = Sum.apply(out, place)
        if keepdim or not places:
            return out
        return out.contiguous().view(*[n for d, n in enumerate(self.shape) if d not in places])

    def mean(self, dim: Any = None, keepdim: bool = True) -> Tensor:
        """Return the mean over a dimension, several, or all; arguments as for `sum`."""
        total = self.sum(dim, keepdim)
        return total / (self.size / total.size if total.size else math.nan)

    def all(self, dim: int | None = None) -> Tensor:
        """Return 1 where all elements along `dim`, or all there are, differ from 0."""
        if dim is None:
            return All.apply(self.contiguous().view(self.size), 0)
        return All.apply(self, checked_dim(dim, self.shape, "all"))

    def max(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """Return the largest element, or with `dim` the pair (values, indices) along it.

        The gradient goes to the elements that were largest: shared evenly by all that tie
        for the largest of all, or with `dim` to the first along it, as in PyTorch.
        """
        return extreme(self, dim, keepdim, largest=True)

    def min(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """Return the smallest element, or with `dim` the pair (values, indices) along it."""
        return extreme(self, dim, keepdim, largest=False)

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """Return the index of the largest element, a Python int counted in reading order.

        With `dim`, return an int64 numpy array of the indices along it. A tie goes to the
        first; NaN counts as largest.
        """
        return arg_extreme(self, dim, keepdim, largest=True)

    # Shape.

    def permute(self, *order: Any) -> Tensor:
        """Return the tensor with its dimensions in another order, sharing the storage.

        Raises:
            ShapeError: if `order` does not name each dimension once.
        """
        given = order[0] if len(order) == 1 and isinstance(order[0], Iterable) else order
        return Permute.apply(self, checked_order(tuple(given), self.shape))

    def view(self, *shape: Any) -> Tensor:
        """Return the same elements in another shape, sharing the storage.

        One size may be -1: it is worked out from the others.

        Raises:
            ShapeError: if the sizes differ, or the tensor is not contiguous.
        """
        first = shape[0] if len(shape) == 1 else 0
        sizes = tuple(first) if type(first) is not int and isinstance(first, Iterable) else shape
        return View.apply(self, checked_view(sizes, self.shape))

    def contiguous(self) -> Tensor:
        """Return this tensor if it is contiguous in memory, else a copy that is."""
        return self if self._tensor.is_contiguous() else Copy.apply(self)

    def expand(self, *shape: Any) -> Tensor:
        """Return the tensor repeated to `shape` without a copy; -1 keeps a size.

        Given one tensor instead, as course code gives the gradient of a broadcast result,
        return that tensor summed down to this one's shape.
        """
        if len(shape) == 1 and isinstance(shape[0], Tensor):
            return summed_to(shape[0], self.shape, self.dtype)
        given = tuple(shape[0] if len(shape) == 1 and isinstance(shape[0], Iterable) else shape)
        if -1 in given:
            missing = len(given) - self.dims
            given = tuple(
                [
                    self.shape[i - missing] if n == -1 and i >= missing else n
                    for i, n in enumerate(given)
                ]
            )
        return Expand.apply(self, whole_shape(given, "expand"))

    def refuse_in_place(self) -> None:
        """Refuse a write in place that the recorded graph would miss.

        Raises:
            GradientError: if this tensor's operations are recorded.
        """
        if self.history is not None and grad_mode.enabled:
            raise GradientError(
                "a tensor whose operations are recorded may not be written in place; write "
                "into a copy (detach), or within minitorch.no_grad()"
            )

    def __getitem__(self, key: Any) -> Any:
        if type(key) is slice:
            return Slice.apply(self, key)
        numbers = key if isinstance(key, tuple) else (key,)
        if len(numbers) == self.dims and all(
            isinstance(i, int | np.integer) and not isinstance(i, bool) for i in numbers
        ):
            sizes = zip(numbers, self.shape, strict=True)
            wrapped = [i + n if -n <= i < 0 else i for i, n in sizes]
            return self._tensor.get(wrapped)
        return Slice.apply(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        if getattr(value, "history", None) is not None and grad_mode.enabled:
            raise GradientError(
                "what is written in place is not recorded: write value.detach(), or compute "
                "the whole tensor by operations"
            )
        self.refuse_in_place()
        write(self._tensor, key, value.numpy() if isinstance(value, Tensor) else value)


def _made(data: TensorData, history: History | None, backend: TensorBackend) -> Tensor:
    """Return `Tensor(data, history, None, backend)`, in a third of the time."""
    out = Tensor.__new__(Tensor)
    out._tensor = data
    out.history = history
    out.backend = backend
    out.grad = None
    out.own_storage = False
    out.unique_id = next(_ids)
    out._name = None
    return out


def _rebuilt(
    array: npt.NDArray[Any],
    backend: TensorBackend,
    requires_grad: bool,
    name: str | None,
    grad: Tensor | None,
) -> Tensor:
    """Return the copy that `Tensor.__reduce__` describes."""
    # The dtype as numpy's own object: an unpickled one is equal to it, but another.
    own = np.empty(array.shape, array.dtype.type)
    own[...] = array
    out = Tensor(TensorData.from_array(own), None, name, backend)
    out.requires_grad_(requires_grad)
    out.grad = grad
    return out


def _matmul(a: Tensor, b: Tensor) -> Tensor:
    """Return the matrix product; a vector stands for one row, or on the right one column."""
    left = a.contiguous().view(1, -1) if a.dims == 1 else a
    right = b.contiguous().view(-1, 1) if b.dims == 1 else b
    out = MatMul.apply(left, right)
    shape = list(out.shape)
    if b.dims == 1:
        del shape[-1]
    if a.dims == 1:
        del shape[-2 if b.dims != 1 else -1]
    return out if len(shape) == out.dims else out.view(*shape)
