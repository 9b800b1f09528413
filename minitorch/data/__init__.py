"""Data sets and their batches: MNIST, CIFAR-10, one's own arrays; fetching and reading files."""

from minitorch.data.cifar import CIFAR2, CIFAR10
from minitorch.data.cifar_files import fetch_cifar10
from minitorch.data.dataset import Dataset, Subset, TensorDataset, default_collate, random_split
from minitorch.data.fetch import FetchError, fetch_mnist
from minitorch.data.idx import read_idx
from minitorch.data.loader import DataLoader
from minitorch.data.mnist import MNIST

__all__ = [
    "CIFAR2",
    "CIFAR10",
    "MNIST",
    "DataLoader",
    "Dataset",
    "FetchError",
    "Subset",
    "TensorDataset",
    "default_collate",
    "fetch_cifar10",
    "fetch_mnist",
    "random_split",
    "read_idx",
]
