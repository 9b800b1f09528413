"""Convolutional networks layer by layer, and a Solver that trains them.

The way goes as in a course of the National University of Singapore (2017), after Stanford's
CS231n: the files here have the names of its `code_base`.
"""

from .classifiers import ThreeLayerConvNet
from .csv_files import INPUT_SHAPES, read_array, write_array, write_inputs, write_outputs
from .data_utils import ImageData, get_CIFAR2_data, sample_pictures
from .gradient_check import eval_numerical_gradient, eval_numerical_gradient_array, rel_error
from .layer_utils import (
    affine_relu_backward,
    affine_relu_forward,
    conv_relu_backward,
    conv_relu_forward,
    conv_relu_pool_backward,
    conv_relu_pool_forward,
)
from .layers import (
    affine_backward,
    affine_forward,
    conv_backward,
    conv_forward,
    dropout_backward,
    dropout_forward,
    max_pool_backward,
    max_pool_forward,
    relu_backward,
    relu_forward,
    softmax_loss,
)
from .optim import adam, rmsprop, sgd, sgd_momentum
from .solver import Solver
from .vis_utils import visualize_grid

__all__ = [
    "INPUT_SHAPES",
    "ImageData",
    "Solver",
    "ThreeLayerConvNet",
    "adam",
    "affine_backward",
    "affine_forward",
    "affine_relu_backward",
    "affine_relu_forward",
    "conv_backward",
    "conv_forward",
    "conv_relu_backward",
    "conv_relu_forward",
    "conv_relu_pool_backward",
    "conv_relu_pool_forward",
    "dropout_backward",
    "dropout_forward",
    "eval_numerical_gradient",
    "eval_numerical_gradient_array",
    "get_CIFAR2_data",
    "max_pool_backward",
    "max_pool_forward",
    "read_array",
    "rel_error",
    "relu_backward",
    "relu_forward",
    "rmsprop",
    "sample_pictures",
    "sgd",
    "sgd_momentum",
    "softmax_loss",
    "visualize_grid",
    "write_array",
    "write_inputs",
    "write_outputs",
]
