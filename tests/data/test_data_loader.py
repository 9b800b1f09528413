"""Data sets, their parts, and the batches that a loader makes of them."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitorch
from minitorch.data import (
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
)
from minitorch.errors import ShapeError

# How the batches are made: when asked for, or ahead.
AHEAD = [0, 1, 3]


def threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "minitorch-prefetch"]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    if threads():
        gc.collect()  # a traceback may have held on to the loop
    assert threads() == []


class Squares(Dataset):
    """Items (float array, int), one by one only."""

    def __init__(self, size: int = 10, fails_at: int = -1) -> None:
        self.size = size
        self.fails_at = fails_at
        self.asked: list[int] = []

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Any, int]:
        self.asked.append(index)
        if index == self.fails_at:
            raise OSError(f"no picture {index}")
        return np.full((2, 2), index, np.float32), index**2


def table(size: int = 10) -> TensorDataset:
    rows = np.arange(size * 3, dtype=np.float32).reshape(size, 3)
    return TensorDataset(minitorch.tensor(rows), np.arange(size) ** 2)


@given(
    size=st.integers(1, 30),
    batch=st.integers(1, 12),
    shuffle=st.booleans(),
    ahead=st.sampled_from(AHEAD),
    whole=st.booleans(),
    drop=st.booleans(),
)
def test_each_item_comes_once(
    size: int, batch: int, shuffle: bool, ahead: int, whole: bool, drop: bool
) -> None:
    data: Any = table(size) if whole else Squares(size)
    drop = drop and batch <= size
    loader = DataLoader(data, batch, shuffle, drop_last=drop, prefetch=ahead)
    batches = list(loader)
    sizes = [len(labels) for _, labels in batches]
    full, rest = divmod(size, batch)
    assert sizes == [batch] * full + [rest] * (rest > 0 and not drop)
    assert len(loader) == len(batches)
    labels = np.concatenate([labels for _, labels in batches])
    for inputs, kept in batches:
        assert isinstance(inputs, minitorch.Tensor)
        assert (inputs.dtype, kept.dtype) == (np.float32, np.int64)
        first = inputs.numpy().reshape(len(kept), -1)[:, 0]
        np.testing.assert_array_equal((first / (3 if whole else 1)) ** 2, kept)
    expected = [n**2 for n in range(size)]
    if drop and shuffle:
        assert set(labels.tolist()) <= set(expected)
    else:
        assert (sorted(labels) if shuffle else labels.tolist()) == expected[: sum(sizes)]


@pytest.mark.parametrize("ahead", AHEAD)
def test_orders_follow_the_seed(ahead: int) -> None:
    def orders(loader: DataLoader) -> list[list[int]]:
        return [[int(n) for _, labels in loader for n in labels] for _ in range(3)]

    def made() -> DataLoader:
        return DataLoader(Squares(20), 4, shuffle=True, prefetch=ahead)

    minitorch.manual_seed(5)
    first, second = orders(made()), orders(made())
    assert len({tuple(order) for order in first + second}) == 6
    minitorch.manual_seed(5)
    loader = made()
    minitorch.rand(100)  # what else is drawn meanwhile changes no order
    assert orders(loader) == first
    own = [
        orders(DataLoader(Squares(20), 4, shuffle=True, generator=np.random.default_rng(1)))
        for _ in range(2)
    ]
    assert own[0] == own[1]


def test_a_loader_without_shuffling_draws_nothing() -> None:
    minitorch.manual_seed(5)
    expected = minitorch.rand(3).numpy()
    minitorch.manual_seed(5)
    list(DataLoader(Squares(), 4))
    np.testing.assert_array_equal(minitorch.rand(3).numpy(), expected)


def test_a_saved_generator_goes_on_with_the_same_orders() -> None:
    loader = DataLoader(Squares(20), 20, shuffle=True)
    next(iter(loader))
    assert loader.generator is not None
    state = loader.generator.bit_generator.state
    expected = next(iter(loader))[1].tolist()
    again = DataLoader(Squares(20), 20, shuffle=True)
    assert again.generator is not None
    again.generator.bit_generator.state = state
    assert next(iter(again))[1].tolist() == expected


@pytest.mark.parametrize("ahead", [1, 3])
def test_a_loop_left_early_ends_the_thread(ahead: int) -> None:
    loader = DataLoader(Squares(1000), 1, prefetch=ahead)
    for number, _ in enumerate(loader):
        assert len(threads()) == 1
        if number == 3:
            break
    gc.collect()
    assert threads() == []
    assert len(loader.dataset.asked) <= 3 + 1 + ahead + 2


def test_a_loop_that_raises_ends_the_thread() -> None:
    def loop() -> None:
        for _ in DataLoader(Squares(1000), 1, num_workers=4):
            raise KeyError("in the loop")

    with pytest.raises(KeyError):
        loop()
    gc.collect()
    assert threads() == []


@pytest.mark.parametrize("ahead", AHEAD)
def test_an_error_arrives_in_the_loop_with_its_traceback(ahead: int) -> None:
    seen = []

    def loop() -> None:
        for _, labels in DataLoader(Squares(fails_at=5), 2, prefetch=ahead):
            seen.append(labels.tolist())

    with pytest.raises(OSError, match="no picture 5") as caught:
        loop()
    assert seen == [[0, 1], [4, 9]]
    assert "raise OSError" in "".join(traceback.format_exception(caught.value))
    assert "__getitem__" in [frame.name for frame in caught.traceback]


def test_an_interpreter_ends_with_a_loop_not_at_its_end() -> None:
    code = (
        "import numpy as np\nfrom minitorch.data import DataLoader, TensorDataset\n"
        "batches = iter(DataLoader(TensorDataset(np.ones(9)), 1, prefetch=1))\n"
        "print(next(batches)[0].item())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1.0\n", "")


def test_batches_are_made_on_another_thread() -> None:
    names = []

    def collate(samples: list[Any]) -> int:
        names.append(threading.current_thread().name)
        return len(samples)

    assert list(DataLoader(Squares(5), 2, collate_fn=collate)) == [2, 2, 1]
    assert list(DataLoader(Squares(5), 2, collate_fn=collate, prefetch=2)) == [2, 2, 1]
    assert names == ["MainThread"] * 3 + ["minitorch-prefetch"] * 3


def test_what_two_loops_over_one_loader_give() -> None:
    loader = DataLoader(table(4), 2, prefetch=1)
    pairs = [(a[1].tolist(), b[1].tolist()) for a in loader for b in loader]
    assert pairs == [(a, b) for a in ([0, 1], [4, 9]) for b in ([0, 1], [4, 9])]


def test_items_of_tensors_and_arrays() -> None:
    data = table()
    row, label = data[2]
    assert row.numpy().tolist() == [6.0, 7.0, 8.0]
    assert label == 4
    assert len(data) == 10
    assert data.tensors[0].shape == (10, 3)


def test_batches_keep_dtype_and_backend() -> None:
    tensor = minitorch.tensor([[1.0], [2.0]], backend="simple")
    data = TensorDataset(tensor, np.array([True, False]), np.array([1, 2], np.uint8))
    batch, flags, bytes_ = next(iter(DataLoader(data, 2)))
    assert batch.backend is tensor.backend
    assert (batch.dtype, flags.dtype, bytes_.dtype) == (np.float64, np.int64, np.int64)
    batch.numpy()[:] = 7.0  # a copy
    assert tensor.numpy().tolist() == [[1.0], [2.0]]


def test_a_class_that_overrides_only_items_is_asked_for_items() -> None:
    class Negated(TensorDataset):
        def __getitem__(self, index: Any) -> tuple[Any, ...]:
            row, label = super().__getitem__(index)
            return -row, label

    first, _ = next(iter(DataLoader(Negated(*table().tensors), 2)))
    assert first.numpy().tolist() == [[0, -1, -2], [-3, -4, -5]]


def test_collating() -> None:
    samples = [{"a": (1.0, "x"), "b": [minitorch.tensor([1.0, n]), True]} for n in (2.0, 3.0)]
    batch = default_collate(samples)
    numbers, texts = batch["a"]
    tensor, flags = batch["b"]
    assert numbers.numpy().tolist() == [1.0, 1.0]
    assert numbers.dtype == minitorch.get_default_dtype()
    assert texts == ["x", "x"]
    assert tensor.numpy().tolist() == [[1.0, 2.0], [1.0, 3.0]]
    assert flags.tolist() == [1, 1]
    for samples, error in (
        ([np.ones(2), np.ones(3)], ShapeError),
        ([(1, 2), (1,)], ShapeError),
        ([None, None], TypeError),
    ):
        with pytest.raises(error, match="collate"):
            default_collate(samples)


def test_a_subset_takes_items_and_batches_from_its_place() -> None:
    whole = table()
    part = Subset(Subset(whole, [9, 7, 5, 3, 1]), [0, -1, 2])
    assert len(part) == 3
    assert [label for _, label in part] == [81, 1, 25]
    inputs, labels = next(iter(DataLoader(part, 3)))
    assert labels.tolist() == [81, 1, 25]
    assert inputs.numpy()[:, 0].tolist() == [27.0, 3.0, 15.0]
    assert [labels.tolist() for _, labels in DataLoader(Subset(Squares(), [3, 2]), 2)] == [[9, 4]]
    for bad in ([10], [0, -11]):
        with pytest.raises(IndexError, match=r"item -?1[01] of a data set of 10"):
            Subset(whole, bad)


@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_stop_iteration_of_the_data_set_is_not_the_end(prefetch: int) -> None:
    class Stopping(Squares):
        def __getitem__(self, index: int) -> Any:
            if index == 5:
                raise StopIteration
            return super().__getitem__(index)

    with pytest.raises(RuntimeError, match="StopIteration"):
        list(DataLoader(Stopping(), 2, prefetch=prefetch))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(0, 9))
def test_a_split_holds_each_item_once(lengths: list[int], seed: int) -> None:
    data = Squares(sum(lengths))
    parts = random_split(data, lengths, np.random.default_rng(seed))
    assert [len(part) for part in parts] == lengths
    assert sorted(n for part in parts for n in part.indices) == list(range(sum(lengths)))
    again = random_split(data, lengths, np.random.default_rng(seed))
    assert [part.indices for part in again] == [part.indices for part in parts]


def test_a_split_by_shares() -> None:
    assert [len(part) for part in random_split(Squares(10), [0.5, 0.25, 0.25])] == [6, 2, 2]
    for lengths in ([4, 5], [0.5, 0.4], [-1, 11], [2.5, 7.5]):
        with pytest.raises(ValueError, match="of a data set of 10 items"):
            random_split(Squares(10), lengths)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: DataLoader(Squares(0)), ValueError, "empty"),
        (lambda: DataLoader(Squares(3), 4, drop_last=True), ValueError, "3 items do not fill"),
        (lambda: DataLoader(Squares(), 0), ValueError, "batch_size is 0"),
        (lambda: DataLoader(Squares(), -1), ValueError, "batch_size is -1"),
        (lambda: DataLoader(Squares(), 2.5), ValueError, "batch_size is 2.5"),  # type: ignore[arg-type]
        (lambda: DataLoader(Squares(), None), ValueError, "batch_size is None"),  # type: ignore[arg-type]
        (lambda: DataLoader(Squares(), num_workers=-1), ValueError, "num_workers"),
        (lambda: DataLoader(Squares(), prefetch=-1), ValueError, "prefetch"),
        (lambda: DataLoader(Squares(), generator=3), TypeError, "Generator.* not a int"),  # type: ignore[arg-type]
        (lambda: DataLoader(Squares(), generator=np.random.RandomState(0)), TypeError, "RandomSt"),  # type: ignore[arg-type]
        (lambda: Subset(Squares(), [1.5]), TypeError, "integers, not float64"),  # type: ignore[list-item]
        (lambda: Subset(Squares(), [True, False]), TypeError, "integers, not bool"),
        (lambda: DataLoader(iter([1])), TypeError, "no numbered items"),
        (lambda: DataLoader(Dataset()), TypeError, "Dataset defines no __len__"),
        (lambda: Dataset()[0], NotImplementedError, "Dataset defines no __getitem__"),
        (lambda: TensorDataset(), ShapeError, "TensorDataset"),
        (lambda: TensorDataset(np.ones(3), np.ones(4)), ShapeError, r"\(3,\), \(4,\)"),
        (lambda: TensorDataset(np.ones(())), ShapeError, "number of rows"),
        (lambda: TensorDataset([1, 2]), TypeError, "not a list"),  # type: ignore[arg-type]
    ],
)
def test_what_does_not_fit_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()
