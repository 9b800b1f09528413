"""The MNIST digits: reading their files, fetching them, and the data set itself."""

from minitorch.data.fetch import FetchError, fetch_mnist
from minitorch.data.idx import read_idx
from minitorch.data.mnist import MNIST

__all__ = ["MNIST", "FetchError", "fetch_mnist", "read_idx"]
