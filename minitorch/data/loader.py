"""Batches of a data set, in order or shuffled, made ahead on a thread where asked for."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitorch.data.dataset import batch_of
from minitorch.rng import generator as default_generator

__all__ = ["DataLoader"]

Make = Callable[[NDArray[np.int64]], Any]


class DataLoader:
    """Goes through a data set in batches, as often as one iterates over it.

    With `shuffle` each time has an order of its own, drawn from a generator that nothing else
    draws from. Where none is given it starts from a number of minitorch's generator, so that
    `manual_seed` before the loader is made decides all orders.

    With `num_workers` or `prefetch`, batches are made ahead on one background thread, which runs
    the data set's `__getitem__` and `collate_fn`: these should use numpy only. (A thread is all
    there is, whatever the number of workers.) An error there is raised in the loop that takes
    the batches; when the loop is left, the thread ends.

    Args:
        dataset: what has `__len__` and `__getitem__`; see `Dataset`.
        batch_size: the items in a batch, 1 or more.
        shuffle: whether the items come in a random order.
        drop_last: leave out a last batch that is not full.
        generator: where the orders come from.
        num_workers: 0 to make each batch when it is asked for, else to make 2 ahead.
        collate_fn: makes a batch of a list of samples; by default `default_collate`, or the
            data set's `get_batch` where it has one.
        prefetch: how many batches are made ahead; 0 for none.

    Raises:
        TypeError: if the data set has no length or no items, or the generator is none of numpy's.
        ValueError: if it is empty, gives no full batch with `drop_last`, or a number is out of
            range.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        drop_last: bool = False,
        generator: np.random.Generator | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        prefetch: int | None = None,
    ) -> None:
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            raise TypeError(f"DataLoader: a {type(dataset).__name__} has no numbered items")
        for name, number, least in (
            ("batch_size", batch_size, 1),
            ("num_workers", num_workers, 0),
            ("prefetch", 0 if prefetch is None else prefetch, 0),
        ):
            if not isinstance(number, int | np.integer) or number < least:
                raise ValueError(
                    f"DataLoader: {name} is {number!r}; it must be a whole number of {least} or "
                    "more"
                )
        size = len(dataset)
        if not size:
            raise ValueError("DataLoader: the data set is empty")
        if drop_last and size < batch_size:
            raise ValueError(
                f"DataLoader: the {size} items do not fill one batch of {batch_size}, and "
                "drop_last leaves out what is not full"
            )
        if generator is not None and not isinstance(generator, np.random.Generator):
            raise TypeError(
                "DataLoader: generator must be a np.random.Generator, such as "
                f"np.random.default_rng(seed), not a {type(generator).__name__}"
            )
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.num_workers = int(num_workers)
        self.collate_fn = collate_fn
        self.prefetch = (2 if num_workers else 0) if prefetch is None else int(prefetch)
        if shuffle and generator is None:
            generator = np.random.default_rng(default_generator().integers(2**63))
        self.generator = generator

    def __len__(self) -> int:
        size = len(self.dataset)
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        size = len(self.dataset)
        order = np.arange(size)
        if self.shuffle and self.generator is not None:
            order = self.generator.permutation(size)
        starts = range(0, len(self) * self.batch_size, self.batch_size)
        parts = [order[start : start + self.batch_size] for start in starts]
        if self.prefetch:
            return _made_ahead(self._batch, parts, self.prefetch)
        # No `map`: it would take a data set's StopIteration for the end.
        return (self._batch(part) for part in parts)

    def _batch(self, indices: NDArray[np.int64]) -> Any:
        if self.collate_fn is None:
            return batch_of(self.dataset, indices)
        return self.collate_fn([self.dataset[int(index)] for index in indices])


class _End:
    """What the thread hands over last: nothing more, or the error that stopped it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def _made_ahead(make: Make, parts: Sequence[NDArray[np.int64]], ahead: int) -> Iterator[Any]:
    """Yield `make` of each part; a thread makes up to `ahead` of them before they are wanted."""
    ready: queue.Queue[Any] = queue.Queue(ahead)
    left = threading.Event()

    def work() -> None:
        end = _End()
        try:
            for part in parts:
                if left.is_set():
                    return
                ready.put(make(part))
        except BaseException as error:
            end = _End(error)
        if not left.is_set():
            ready.put(end)

    thread = threading.Thread(target=work, name="minitorch-prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(batch := ready.get(), _End):
            yield batch
        if batch.error is not None:
            raise batch.error
    finally:
        left.set()
        # The thread may wait for room; with some it puts one thing more at most, and ends.
        while not ready.empty():
            ready.get()
        # While the interpreter ends, a daemon thread may be stopped anywhere: none waits for it.
        if not sys.is_finalizing():
            thread.join()
