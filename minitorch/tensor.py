"""Module 2: `Tensor`, an array of numbers that records how it was computed.

Here is how it is made and what one computes with; the rest is by subject: how it reads as an
array in `tensor_array.py`, how it is differentiated in `tensor_history.py`, seen in other shapes
in `tensor_shape.py`, folded in `tensor_reduce.py`, changed in place in `tensor_inplace.py`,
copied in `tensor_copy.py`.
"""

from __future__ import annotations

import itertools
import math
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from .backends import TensorBackend, get_backend
from .dtypes import as_floats
from .errors import DTypeError, GradientError, ShapeError, describe_shapes
from .function import History
from .more_functions import Div, Slice, Sub, Tanh
from .powers import LE, Abs, Clamp, Pow, Sqrt
from .selection import Take, array_key, gather
from .shapes import whole_shape
from .tensor_array import ArrayMethods
from .tensor_copy import CopyMethods
from .tensor_data import TensorData, contiguous_strides, shape_broadcast
from .tensor_functions import EQ, LT, Add, Exp, IsClose, Log, MatMul, Mul, Neg, ReLU, Sigmoid
from .tensor_history import HistoryMethods
from .tensor_inplace import InPlaceMethods
from .tensor_reduce import ReduceMethods
from .tensor_shape import ShapeMethods

__all__ = ["Tensor"]

_ids = itertools.count(1)


class Tensor(
    ArrayMethods, HistoryMethods, ShapeMethods, ReduceMethods, InPlaceMethods, CopyMethods
):
    """An array of float32 or float64 numbers on a backend, with a history.

    Arithmetic broadcasts as in numpy; Python numbers take the tensor's dtype. Tensors are
    made with `minitorch.tensor`, `zeros`, `rand` and their like.

    Args:
        v: storage, shape and strides; copied if the backend keeps storages on a device.
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
        self.history = back
        self.backend = backend if backend is not None else get_backend()
        stays = not self.backend.cuda or not isinstance(v._storage, np.ndarray)
        self._tensor = v if stays else v.stored(self.backend.ops.store)
        self.grad = None
        self.own_storage = False
        self.unique_id = next(_ids)
        self._name = name

    # Making tensors like this one.

    def _new(self, data: TensorData) -> Tensor:
        """Return a constant on this tensor's backend."""
        return _made(data, None, self.backend)

    def _from_array(self, array: npt.NDArray[Any]) -> Tensor:
        """Return a constant on this tensor's backend with a float array's numbers.

        On the host it shares a contiguous array's memory.
        """
        return _made(self.backend.ops.held(array), None, self.backend)

    def _recorded(self, history: History) -> Tensor:
        """Return this tensor with a history."""
        return _made(self._tensor, history, self.backend)

    def _coerced(self, other: Any) -> Tensor:
        """Return a number, an array or a tensor as a tensor; numbers take this dtype."""
        if isinstance(other, Tensor):
            return other
        if isinstance(other, float | int | Real):
            if self.backend.cuda:
                return self.new_full((), float(other))
            storage = np.empty(1, self._tensor._storage.dtype)
            storage[0] = other
            return _made(TensorData.fresh(storage, (), (), 1), None, self.backend)
        if isinstance(other, np.ndarray):
            return self._from_array(np.array(as_floats(other)))
        held = getattr(other, "value", None)
        if isinstance(held, Tensor):  # a Parameter's
            return held
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
        storage = self.backend.ops.empty(size, dtype or self._tensor._storage.dtype)
        return self._new(TensorData.fresh(storage, shape, contiguous_strides(shape), size))

    def new_full(self, shape: tuple[int, ...], value: float) -> Tensor:
        """Return a tensor of this dtype on this backend, filled with `value`."""
        size = math.prod(shape)
        storage = self.backend.ops.full(size, value, self.dtype)
        return self._new(TensorData.fresh(storage, shape, contiguous_strides(shape), size))

    def zeros(self, shape: tuple[int, ...] | None = None) -> Tensor:
        """Return zeros of `shape`, by default this one's, of this dtype on this backend."""
        sizes = self.shape if shape is None else whole_shape(shape, "zeros")
        return self.new_full(sizes, 0.0)

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

    def _type_(self, backend: TensorBackend) -> None:
        """Put this tensor on another backend; from or to a device, its numbers are copied."""
        if backend.cuda != self.backend.cuda:
            self._tensor = backend.ops.held(self._tensor.to_numpy())
        self.backend = backend

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

    def matmul(self, b: Any) -> Tensor:
        """Return the matrix product, `self @ b`."""
        return _matmul(self, self._coerced(b))

    def mm(self, b: Any) -> Tensor:
        """Return the product of two matrices.

        Raises:
            ShapeError: if either is not a matrix, or they do not fit.
        """
        other = self._coerced(b)
        if len(self.shape) != 2 or len(other.shape) != 2:
            operands = [("left", self.shape), ("right", other.shape)]
            raise ShapeError(describe_shapes("mm", operands) + "\nboth must be matrices")
        return MatMul.apply(self, other)

    def __pow__(self, b: Any) -> Tensor:
        if isinstance(b, float | int):
            if b == 2:
                return Mul.apply(self, self)
            if b == 0.5:
                return Sqrt.apply(self)
        return Pow.apply(self, self._coerced(b))

    pow = __pow__

    def __rpow__(self, b: Any) -> Tensor:
        return Pow.apply(self._coerced(b), self)

    def __neg__(self) -> Tensor:
        return Neg.apply(self)

    def __lt__(self, b: Any) -> Tensor:
        return LT.apply(self, b if type(b) is Tensor else self._coerced(b))

    def __gt__(self, b: Any) -> Tensor:
        return LT.apply(self._coerced(b), self)

    def __le__(self, b: Any) -> Tensor:
        return LE.apply(self, self._coerced(b))

    def __ge__(self, b: Any) -> Tensor:
        return LE.apply(self._coerced(b), self)

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

    def allclose(
        self, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> bool:
        """Return whether |self - other| <= atol + rtol |other| everywhere, after broadcasting."""
        given = self._coerced(other)
        try:
            shape_broadcast(self.shape, given.shape)
        except ShapeError as error:
            operands = [("tensor", self.shape), ("other", given.shape)]
            raise ShapeError(f"{describe_shapes('allclose', operands)}\n{error}") from None
        return np.allclose(self.to_numpy(), given.to_numpy(), rtol, atol, equal_nan)

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

    def sqrt(self) -> Tensor:
        """Return the square root of each element: NaN below 0."""
        return Sqrt.apply(self)

    def abs(self) -> Tensor:
        """Return the absolute value of each element."""
        return Abs.apply(self)

    __abs__ = abs

    def clamp(self, min: float | None = None, max: float | None = None) -> Tensor:
        """Return each element, but `min` where it is less, and `max` where it is more.

        Raises:
            ValueError: if neither is given.
            DTypeError: if they are not numbers.
        """
        if min is None and max is None:
            raise ValueError("clamp: min or max must be given")
        if not all(bound is None or isinstance(bound, Real) for bound in (min, max)):
            raise DTypeError(f"clamp: min and max are numbers, not {min!r} and {max!r}")
        return Clamp.apply(self, min, max)

    clip = clamp
    gather = gather

    # Parts.

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
        arrays = array_key(key)
        return Slice.apply(self, key) if arrays is None else Take.apply(self, arrays)


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
