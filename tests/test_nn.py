"""Tasks 4.3 and 4.4: pooling, max, softmax, dropout, as compositions on the fast backend.

Five tests of Task 4.4 are the student's own: `test_max`, `test_softmax`, `test_logsoftmax`,
`test_maxpool2d` and `test_dropout`. Keep test values away from ties where a gradient is
compared with a central difference: where two elements are largest, max has no derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_cases import LAYOUTS, close, numbers, tensor, tiles

import minitorch

# An image shape (batch, channel, height, width) and a kernel that divides it.
POOLS = [
    ((1, 1, 4, 4), (2, 2)),
    ((2, 3, 4, 6), (2, 3)),
    ((2, 3, 6, 4), (3, 2)),
    ((3, 1, 6, 6), (1, 3)),
    ((3, 2, 6, 6), (6, 1)),
    ((1, 2, 3, 5), (3, 5)),
    ((2, 1, 2, 3), (1, 1)),
    ((16, 5, 12, 40), (3, 8)),
]
pools = pytest.mark.parametrize(("shape", "kernel"), POOLS, ids=str)
small_pools = pytest.mark.parametrize(("shape", "kernel"), POOLS[:7], ids=str)


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """Arrays of 1 to 3 dimensions, whose numbers all differ."""
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    return numbers(*shape, seed=draw(st.integers(0, 99)))


@st.composite
def pooled(draw: st.DrawFn) -> tuple[Any, tuple[int, int]]:
    """An array of images and a kernel that divides them."""
    batch, channel, rows, columns, height, width = (draw(st.integers(1, 3)) for _ in range(6))
    shape = (batch, channel, rows * height, columns * width)
    return numbers(*shape, seed=draw(st.integers(0, 99))), (height, width)


def softmax_of(a: Any, dim: int) -> Any:
    exponentials = np.exp(a - a.max(dim, keepdims=True))
    return exponentials / exponentials.sum(dim, keepdims=True)


@pytest.mark.task4_3
@pools
def test_tile_gives_each_tile_one_line(shape: Any, kernel: Any) -> None:
    a = numbers(*shape)
    got, height, width = minitorch.tile(tensor(a), kernel)
    assert (height, width) == (shape[2] // kernel[0], shape[3] // kernel[1])
    assert type(height) is type(width) is int
    expected = tiles(a, kernel).reshape(*shape[:2], height, width, kernel[0] * kernel[1])
    # In what order a tile's numbers stand is not laid down.
    assert got.shape == expected.shape
    close(np.sort(got.numpy(), -1), np.sort(expected, -1))


@pytest.mark.task4_3
@pools
def test_avgpool2d_is_the_mean_of_each_tile(shape: Any, kernel: Any) -> None:
    a = numbers(*shape)
    close(minitorch.avgpool2d(tensor(a), kernel), tiles(a, kernel).mean((4, 5)))


@pytest.mark.task4_3
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pooling_of_any_layout(layout: str) -> None:
    a = numbers(2, 3, 4, 6)
    close(minitorch.avgpool2d(tensor(a, layout), (2, 3)), tiles(a, (2, 3)).mean((4, 5)))
    got = minitorch.tile(tensor(a, layout), (2, 3))[0].numpy()
    close(np.sort(got, -1), np.sort(tiles(a, (2, 3)).reshape(2, 3, 2, 2, 6), -1))


@pytest.mark.task4_3
def test_avgpool2d_written_out() -> None:
    image = tensor(np.arange(12.0).reshape(1, 1, 2, 6))
    assert minitorch.avgpool2d(image, (2, 3)).numpy().tolist() == [[[[4, 7]]]]
    expected = [[[[0.5, 2.5, 4.5], [6.5, 8.5, 10.5]]]]
    assert minitorch.avgpool2d(image, (1, 2)).numpy().tolist() == expected


@pytest.mark.task4_3
@small_pools
def test_gradients_of_tile_and_avgpool2d(shape: Any, kernel: Any) -> None:
    x = tensor(numbers(*shape))
    minitorch.grad_check(lambda t: minitorch.tile(t, kernel)[0].sum(4), x)
    minitorch.grad_check(lambda t: minitorch.avgpool2d(t, kernel), x)


@pytest.mark.task4_3
def test_avgpool2d_float32() -> None:
    a = numbers(2, 3, 4, 6, dtype=np.float32)
    close(minitorch.avgpool2d(tensor(a), (2, 2)), tiles(a, (2, 2)).mean((4, 5)))


@pytest.mark.task4_3
@given(pooled())
def test_avgpool2d_of_any_size(case: Any) -> None:
    a, kernel = case
    close(minitorch.avgpool2d(tensor(a), kernel), tiles(a, kernel).mean((4, 5)))


@pytest.mark.task4_4
@given(arrays())
def test_max(a: Any) -> None:
    """Check `max` along each dimension of a tensor.

    Each result is an element of its line and less than none of it; its gradient goes to
    that element and to no other.
    """
    for dim in range(a.ndim):
        largest = minitorch.max(tensor(a), dim).numpy()
        assert np.all(largest >= a)
        assert np.all((largest == a).sum(dim) == 1)
        minitorch.grad_check(lambda t, dim=dim: minitorch.max(t, dim), tensor(a))


@pytest.mark.task4_4
@given(arrays())
def test_softmax(a: Any) -> None:
    """Check `softmax` along each dimension of a tensor.

    Along the dimension the results are positive, sum to 1, and stand in the ratio of the
    exponentials; adding one number to all changes nothing; the gradient fits.
    """
    for dim in range(a.ndim):
        got = minitorch.softmax(tensor(a), dim).numpy()
        assert np.all(got > 0)
        close(got.sum(dim), np.ones_like(a.sum(dim)))
        close(got / got.max(dim, keepdims=True), np.exp(a - a.max(dim, keepdims=True)))
        close(minitorch.softmax(tensor(a + 1000.0), dim), got)
        minitorch.grad_check(lambda t, dim=dim: minitorch.softmax(t, dim), tensor(a))


@pytest.mark.task4_4
@given(arrays())
def test_logsoftmax(a: Any) -> None:
    """Check `logsoftmax` along each dimension of a tensor.

    Its exponential is the softmax; numbers that differ by 1000 stay finite, where the
    softmax is 0 and its logarithm is not; the gradient fits.
    """
    for dim in range(a.ndim):
        got = minitorch.logsoftmax(tensor(a), dim)
        close(got.exp(), minitorch.softmax(tensor(a), dim).numpy())
        assert np.all(np.isfinite(minitorch.logsoftmax(tensor(a * 1000.0), dim).numpy()))
        minitorch.grad_check(lambda t, dim=dim: minitorch.logsoftmax(t, dim), tensor(a))


@pytest.mark.task4_4
@given(pooled())
def test_maxpool2d(case: Any) -> None:
    """Check `maxpool2d` of images by a kernel that divides them.

    Each result is the largest element of its tile, as plain loops find it; the gradient
    goes there and nowhere else.
    """
    a, kernel = case
    close(minitorch.maxpool2d(tensor(a), kernel), tiles(a, kernel).max((4, 5)))
    minitorch.grad_check(lambda t: minitorch.maxpool2d(t, kernel), tensor(a))


@pytest.mark.task4_4
@given(arrays(), st.floats(0.0, 0.9))
def test_dropout(a: Any, rate: float) -> None:
    """Check `dropout` of a tensor at any rate.

    Each element is 0 or divided by 1 - rate, and so is the gradient; nothing changes at rate
    0 or where it is told to ignore; all is 0 at rate 1.
    """
    x = tensor(a).requires_grad_(True)
    out = minitorch.dropout(x, rate)
    got = out.numpy()
    assert np.all((got == 0) | np.isclose(got, a / (1.0 - rate)))
    out.sum().backward()
    close(x.grad, np.where(got == 0, 0.0, 1.0 / (1.0 - rate)))
    close(minitorch.dropout(x, 0.0), a)
    close(minitorch.dropout(x, rate, ignore=True), a)
    assert np.all(minitorch.dropout(x, 1.0).numpy() == 0)


@pytest.mark.task4_4
@pytest.mark.parametrize("shape", [(6,), (3, 4), (2, 5, 3), (40, 30, 31)])
def test_along_each_dimension_as_numpy(shape: tuple[int, ...]) -> None:
    a = numbers(*shape) / 40
    for dim in range(-len(shape), len(shape)):
        close(minitorch.max(tensor(a), dim), a.max(dim, keepdims=True))
        close(minitorch.softmax(tensor(a), dim), softmax_of(a, dim))
        close(minitorch.logsoftmax(tensor(a), dim), np.log(softmax_of(a, dim)))


@pytest.mark.task4_4
def test_gradients_along_each_dimension() -> None:
    x = tensor(numbers(2, 3, 4))
    for function in (minitorch.max, minitorch.softmax, minitorch.logsoftmax):
        for dim in (0, 1, 2, -1):
            minitorch.grad_check(lambda t, f=function, d=dim: f(t, d), x)


@pytest.mark.task4_4
def test_max_of_negative_and_infinite_numbers() -> None:
    rows = [[-5.0, -2, -3], [-1e300, -2e300, -3e300], [-np.inf] * 3, [1, np.inf, -np.inf]]
    close(
        minitorch.max(tensor(np.array(rows)), 1), np.array([[-2.0], [-1e300], [-np.inf], [np.inf]])
    )
    assert np.isnan(minitorch.max(tensor(np.array([1.0, np.nan, 2.0])), 0).item())


def check_shared(gradient: Any, upstream: Any, largest: Any) -> None:
    """Check that tied elements share the gradient: evenly, or one of them has it all."""
    assert np.all(gradient >= 0)
    assert np.all(gradient[~largest] == 0)
    close(gradient.sum(-1), upstream)


@pytest.mark.task4_4
def test_tied_elements_share_the_gradient_of_max() -> None:
    a = np.array([[2.0, 5, 5, 1], [3, 3, 3, 3], [0, 0, -1, 0], [1, 2, 3, 4]])
    upstream = np.array([1.0, 2, 3, 4])
    largest = a == a.max(1, keepdims=True)

    x = tensor(a).requires_grad_(True)
    minitorch.max(x, 1).backward(upstream.reshape(4, 1))
    check_shared(x.grad.numpy(), upstream, largest)

    turned = tensor(a.T).requires_grad_(True)
    minitorch.max(turned, 0).backward(upstream.reshape(1, 4))
    check_shared(turned.grad.numpy().T, upstream, largest)

    images = tensor(a.reshape(1, 4, 2, 2)).requires_grad_(True)
    minitorch.maxpool2d(images, (2, 2)).backward(upstream.reshape(1, 4, 1, 1))
    check_shared(images.grad.numpy().reshape(4, 4), upstream, largest)


@pytest.mark.task4_4
def test_softmax_of_large_and_distant_numbers() -> None:
    a = np.array([[1000.0, 1000, 0], [-1000, -1001, -1000], [700, 710, 720], [-1e4, 0, 1e4]])
    close(minitorch.softmax(tensor(a), 1), softmax_of(a, 1))
    expected = a - a.max(1, keepdims=True)
    expected = expected - np.log(np.exp(expected).sum(1, keepdims=True))
    close(minitorch.logsoftmax(tensor(a), 1), expected)
    close(minitorch.logsoftmax(tensor(np.array([0.0, -1000, -2000])), 0),
          np.array([0.0, -1000, -2000]))  # fmt: skip


@pytest.mark.task4_4
def test_gradient_of_logsoftmax_at_distant_numbers() -> None:
    x = tensor(np.array([[0.0, -1000, 1000]])).requires_grad_(True)
    minitorch.logsoftmax(x, 1).backward(np.array([[1.0, 0, 0]]))
    close(x.grad, np.array([[1.0, 0, -1]]))


@pytest.mark.task4_4
def test_softmax_and_max_float32() -> None:
    a = numbers(3, 4, dtype=np.float32)
    close(minitorch.max(tensor(a), 1), a.max(1, keepdims=True))
    close(minitorch.softmax(tensor(a), 1), softmax_of(a, 1))
    close(minitorch.logsoftmax(tensor(a), 1), np.log(softmax_of(a, 1)))
    assert minitorch.dropout(tensor(a), 0.5).dtype == np.float32


@pytest.mark.task4_4
@pools
def test_maxpool2d_is_the_largest_of_each_tile(shape: Any, kernel: Any) -> None:
    for a in (numbers(*shape), -(numbers(*shape) ** 2) - 1.0):
        close(minitorch.maxpool2d(tensor(a), kernel), tiles(a, kernel).max((4, 5)))


@pytest.mark.task4_4
@small_pools
def test_gradients_of_maxpool2d(shape: Any, kernel: Any) -> None:
    minitorch.grad_check(lambda t: minitorch.maxpool2d(t, kernel), tensor(numbers(*shape)))


@pytest.mark.task4_4
@pytest.mark.parametrize("layout", LAYOUTS)
def test_maxpool2d_of_any_layout(layout: str) -> None:
    a = numbers(2, 3, 4, 6)
    close(minitorch.maxpool2d(tensor(a, layout), (2, 3)), tiles(a, (2, 3)).max((4, 5)))


@pytest.mark.task4_4
def test_maxpool2d_passes_nan_on() -> None:
    a = np.array([[[[np.nan, 1.0], [5.0, 2.0]]]])
    got = minitorch.maxpool2d(tensor(a), (1, 2)).numpy()
    np.testing.assert_array_equal(got, [[[[np.nan], [5.0]]]])


@pytest.mark.task4_4
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_drops_at_its_rate_and_keeps_the_mean(rate: float) -> None:
    minitorch.manual_seed(1)
    ones = minitorch.ones((100, 100), backend="fast")
    got = minitorch.dropout(ones, rate).numpy()
    # 5 standard deviations of a binomial distribution of 10,000 draws.
    allowed = 5 * (rate * (1 - rate) / got.size) ** 0.5
    assert abs((got == 0).mean() - rate) < allowed
    assert abs(got.mean() - 1) < allowed / (1 - rate)
    np.testing.assert_allclose(got[got != 0], 1 / (1 - rate))
    # Each element is drawn by itself: no row or column is like another.
    assert len({row.tobytes() for row in got}) == len({row.tobytes() for row in got.T}) == 100


@pytest.mark.task4_4
def test_dropout_draws_anew_and_repeats_after_a_seed() -> None:
    x = tensor(numbers(10, 10))
    minitorch.manual_seed(3)
    first, second = (minitorch.dropout(x, 0.5).numpy() for _ in range(2))
    minitorch.manual_seed(3)
    close(minitorch.dropout(x, 0.5), first)
    assert not np.array_equal(first, second)


@pytest.mark.task4_4
@pytest.mark.parametrize("rate", [0.0, 0.4, 1.0])
def test_gradient_of_dropout_goes_through_what_was_kept(rate: float) -> None:
    a = numbers(20, 5) + 0.05
    x = tensor(a).requires_grad_(True)
    out = minitorch.dropout(x, rate)
    upstream = numbers(20, 5, seed=1)
    out.backward(upstream)
    close(x.grad, upstream * (out.numpy() / a))


@pytest.mark.task4_4
def test_ignored_dropout_passes_values_and_gradient() -> None:
    x = tensor(numbers(6, 5)).requires_grad_(True)
    out = minitorch.dropout(x, 0.9, ignore=True)
    close(out, numbers(6, 5))
    out.sum().backward()
    close(x.grad, np.ones((6, 5)))


def test_argmax_is_one_hot_at_the_first_of_the_largest() -> None:
    a = np.array([[1.0, 4, 4], [7, 2, 3]])
    assert minitorch.argmax(tensor(a), 1).numpy().tolist() == [[0, 1, 0], [1, 0, 0]]
    assert minitorch.argmax(tensor(a), 0).numpy().tolist() == [[0, 1, 1], [1, 0, 0]]
