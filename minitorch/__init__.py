"""minitorch: tensors, autodiff, kernels and layers, small enough to be built by hand."""

from __future__ import annotations

from . import fast_conv, fast_ops, nn, operators, simple_conv, tensor_data, tensor_ops, testing
from .autodiff import (
    Context,
    Variable,
    backpropagate,
    central_difference,
    no_grad,
    topological_sort,
)
from .backends import (
    TensorBackend,
    TensorOps,
    get_backend,
    make_tensor_backend,
    register_backend,
    register_kernel,
    set_default_backend,
)
from .creation import (
    from_dlpack,
    from_numpy,
    ones,
    rand,
    randn,
    tensor,
    tensor_fromlist,
    zeros,
)
from .datasets import Graph, datasets
from .dtypes import get_default_dtype, set_default_dtype
from .errors import (
    BackendError,
    CheckpointError,
    DataError,
    DTypeError,
    GradientError,
    IndexingError,
    ShapeError,
)
from .fast_conv import Conv1dFun, Conv2dFun, conv1d, conv2d, tensor_conv1d, tensor_conv2d
from .fast_ops import FastOps
from .function import Function, History
from .functional import (
    add,
    eq,
    exp,
    inv,
    is_close,
    log,
    lt,
    mul,
    neg,
    prod,
    relu,
    sigmoid,
    sum,
    tanh,
)
from .lazy_cuda import leave_lazy_cuda
from .module import Module, Parameter
from .nn import Max, argmax, avgpool2d, dropout, logsoftmax, max, maxpool2d, softmax, tile
from .optim import SGD, Optimizer
from .rng import manual_seed
from .scalar import Scalar, ScalarHistory, derivative_check
from .scalar_functions import ScalarFunction
from .tensor import Tensor
from .tensor_data import (
    MAX_DIMS,
    Index,
    OutIndex,
    Shape,
    Storage,
    Strides,
    TensorData,
    UserIndex,
    UserShape,
    UserStrides,
    broadcast_index,
    count,
    index_to_position,
    shape_broadcast,
    strides_from_shape,
    to_index,
)
from .tensor_ops import SimpleBackend, SimpleOps
from .testing import MathTest, MathTestVariable, grad_check
from .tuned_ops import TunedOps

TensorFunctions = SimpleBackend  # its name in older course material

leave_lazy_cuda()

__all__ = [
    "MAX_DIMS",
    "SGD",
    "BackendError",
    "CheckpointError",
    "Context",
    "Conv1dFun",
    "Conv2dFun",
    "DTypeError",
    "DataError",
    "FastOps",
    "Function",
    "GradientError",
    "Graph",
    "History",
    "Index",
    "IndexingError",
    "MathTest",
    "MathTestVariable",
    "Max",
    "Module",
    "Optimizer",
    "OutIndex",
    "Parameter",
    "Scalar",
    "ScalarFunction",
    "ScalarHistory",
    "Shape",
    "ShapeError",
    "SimpleBackend",
    "SimpleOps",
    "Storage",
    "Strides",
    "Tensor",
    "TensorBackend",
    "TensorData",
    "TensorFunctions",
    "TensorOps",
    "TunedOps",
    "UserIndex",
    "UserShape",
    "UserStrides",
    "Variable",
    "add",
    "argmax",
    "avgpool2d",
    "backpropagate",
    "broadcast_index",
    "central_difference",
    "conv1d",
    "conv2d",
    "count",
    "datasets",
    "derivative_check",
    "dropout",
    "eq",
    "exp",
    "fast_conv",
    "fast_ops",
    "from_dlpack",
    "from_numpy",
    "get_backend",
    "get_default_dtype",
    "grad_check",
    "index_to_position",
    "inv",
    "is_close",
    "log",
    "logsoftmax",
    "lt",
    "make_tensor_backend",
    "manual_seed",
    "max",
    "maxpool2d",
    "mul",
    "neg",
    "nn",
    "no_grad",
    "ones",
    "operators",
    "prod",
    "rand",
    "randn",
    "register_backend",
    "register_kernel",
    "relu",
    "set_default_backend",
    "set_default_dtype",
    "shape_broadcast",
    "sigmoid",
    "simple_conv",
    "softmax",
    "strides_from_shape",
    "sum",
    "tanh",
    "tensor",
    "tensor_conv1d",
    "tensor_conv2d",
    "tensor_data",
    "tensor_fromlist",
    "tensor_ops",
    "testing",
    "tile",
    "to_index",
    "topological_sort",
    "zeros",
]
