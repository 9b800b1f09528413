"""Tensors as arrays: making them, dtypes, shapes, reductions, printing, interchange."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import tensors

import minitorch
from minitorch import DTypeError, IndexingError, ShapeError, Tensor

VALUES = np.arange(6.0).reshape(2, 3)


def simple(values: Any, **options: Any) -> Tensor:
    return minitorch.tensor(values, backend="simple", **options)


# Making tensors.


def test_tensor_copies_nested_lists_numbers_and_arrays() -> None:
    assert simple([[1, 2], [3, 4]]).numpy().tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert simple(3).shape == ()
    array = VALUES.copy()
    made = simple(array)
    array[0, 0] = 100.0
    assert made[0, 0] == 0.0
    assert simple([1.0, 2.0, 3.0, 4.0], shape=(2, 2)).shape == (2, 2)


def test_a_tensor_made_from_a_tensor_keeps_its_backend_not_its_history() -> None:
    first = simple([1.0, 2.0], requires_grad=True)
    second = minitorch.tensor(first)
    assert second.backend is first.backend
    assert second.is_constant()
    second[0] = 5.0
    assert first[0] == 1.0


def test_from_numpy_shares_memory() -> None:
    array = VALUES.copy()
    shared = minitorch.from_numpy(array.T)
    assert shared.shape == (3, 2)
    array[1, 0] = 100.0
    assert shared[0, 1] == 100.0
    shared[2, 1] = 7.0
    assert array[1, 2] == 7.0


def test_from_numpy_refuses_what_it_cannot_share() -> None:
    with pytest.raises(DTypeError, match="float32 and float64"):
        minitorch.from_numpy(np.arange(3))
    with pytest.raises(DTypeError, match="not a list"):
        minitorch.from_numpy([1.0])
    fixed = VALUES.copy()
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        minitorch.from_numpy(fixed)


def test_shapes_are_given_as_a_tuple_or_as_numbers() -> None:
    for make in (minitorch.zeros, minitorch.ones, minitorch.rand, minitorch.randn):
        for made in (make((2, 3)), make(2, 3), make([2, 3]), make(np.array([2, 3]))):
            assert made.shape == (2, 3)
            assert all(type(size) is int for size in made.shape)
        assert make(()).shape == ()
        assert make((0, 2)).size == 0
    assert minitorch.zeros(2).numpy().tolist() == [0.0, 0.0]
    assert minitorch.ones(2, requires_grad=True).requires_grad


@pytest.mark.parametrize("shape", [(-1,), (2, -3), (1.5,), "ab"])
def test_impossible_shapes_are_refused(shape: Any) -> None:
    with pytest.raises(ShapeError):
        minitorch.zeros(shape)


def test_ragged_lists_and_non_numbers_are_refused() -> None:
    with pytest.raises(ShapeError, match="rows of different lengths"):
        simple([[1.0, 2.0], [3.0]])
    for values in ("abc", ["a"], [None], [1j], {"a": 1}):
        with pytest.raises(DTypeError, match="real numbers"):
            simple(values)
    with pytest.raises(ShapeError, match="do not fit"):
        simple([1.0, 2.0], shape=(3,))


def test_one_seed_repeats_all_chance() -> None:
    def draws() -> list[float]:
        minitorch.manual_seed(3)
        return [
            *minitorch.rand(4).numpy(),
            *minitorch.randn(4).numpy(),
            *minitorch.dropout(minitorch.ones(8), 0.5).numpy(),
            *np.random.random(2),
            *minitorch.datasets["Xor"](2).X[1],
        ]

    assert draws() == draws()
    assert minitorch.rand(4).numpy().tolist() != minitorch.rand(4).numpy().tolist()


def test_random_numbers_have_their_distributions() -> None:
    minitorch.manual_seed(0)
    uniform, normal = minitorch.rand(10_000).numpy(), minitorch.randn(10_000).numpy()
    assert 0.0 <= uniform.min() < 0.01 < 0.99 < uniform.max() < 1.0
    assert abs(uniform.mean() - 0.5) < 0.02
    assert abs(normal.mean()) < 0.05
    assert abs(normal.std() - 1.0) < 0.05


# dtypes.


@pytest.fixture
def float32_by_default() -> Iterator[None]:
    minitorch.set_default_dtype("float32")
    yield
    minitorch.set_default_dtype("float64")


def test_float_arrays_keep_their_dtype_and_others_take_the_default() -> None:
    for dtype in (np.float32, np.float64):
        assert simple(np.ones(2, dtype)).dtype == dtype
        assert simple([1.0, 2.0], dtype=dtype).dtype == dtype
        assert minitorch.rand(2, dtype=dtype).dtype == dtype
    for values in ([1.0], [1], 2, np.arange(3), np.ones(2, bool), [True]):
        assert simple(values).dtype == np.float64


@pytest.mark.usefixtures("float32_by_default")
def test_the_default_dtype_can_be_changed() -> None:
    assert minitorch.get_default_dtype() == np.float32
    assert simple([1.0]).dtype == np.float32
    assert simple(np.arange(3)).dtype == np.float32
    assert minitorch.zeros(2).dtype == minitorch.randn(2).dtype == np.float32
    assert simple(np.ones(2)).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.int64, "float16", bool, "nonsense", complex])
def test_other_dtypes_are_refused(dtype: Any) -> None:
    with pytest.raises(DTypeError, match="float32 and float64"):
        simple([1.0], dtype=dtype)
    with pytest.raises(DTypeError, match="float32 and float64"):
        minitorch.set_default_dtype(dtype)


def test_numbers_never_promote_and_tensors_do() -> None:
    narrow, wide = simple([1.0, 2.0], dtype="float32"), simple([1.0, 2.0])
    for result in (narrow * 0.1, 0.1 + narrow, 1 - narrow, narrow / 3, narrow < 2,
                   np.float64(2.0) * narrow, narrow.sum(), narrow.mean(), narrow.exp(),
                   narrow.max(), -narrow, narrow[0:1], narrow.permute(0)):  # fmt: skip
        assert result.dtype == np.float32
    assert (narrow + wide).dtype == (wide @ narrow).dtype == np.float64


def test_gradients_have_the_dtype_of_their_leaf() -> None:
    narrow = simple([1.0, 2.0], dtype="float32", requires_grad=True)
    wide = simple([3.0, 4.0], requires_grad=True)
    (narrow * wide).sum().backward()
    assert narrow.grad.dtype == np.float32
    assert wide.grad.dtype == np.float64


# Shapes.


def test_view_works_one_size_out() -> None:
    a = simple(VALUES)
    assert a.view(-1).shape == (6,)
    assert a.view(3, -1).shape == a.view((3, -1)).shape == (3, 2)
    assert a.view(6, 1, -1).shape == (6, 1, 1)
    assert np.shares_memory(a.view(-1).numpy(), a.numpy())


@pytest.mark.parametrize("shape", [(4,), (4, -1), (-1, -1), (7, -1), ()])
def test_a_view_of_another_size_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="view"):
        simple(VALUES).view(*shape)


def test_a_view_of_what_is_not_contiguous_says_what_to_call() -> None:
    turned = simple(VALUES).permute(1, 0)
    with pytest.raises(ShapeError, match=r"call \.contiguous\(\)"):
        turned.view(6)
    assert turned.contiguous().view(6).numpy().tolist() == [0, 3, 1, 4, 2, 5]
    flat = simple(VALUES)
    assert flat.contiguous() is flat


def test_permute_takes_negative_dimensions_and_refuses_others() -> None:
    a = simple(np.zeros((2, 3, 4)))
    assert a.permute(-1, 0, 1).shape == a.permute((2, 0, 1)).shape == (4, 2, 3)
    for order in [(0, 1), (0, 1, 1), (0, 1, 3), (0, 1, 2, 3)]:
        with pytest.raises(IndexingError, match="permute"):
            a.permute(*order)


def test_expand_repeats_without_a_copy() -> None:
    a = simple([[1.0], [2.0]])
    wide = a.expand(3, 2, 4)
    np.testing.assert_array_equal(wide.numpy(), np.broadcast_to(a.numpy(), (3, 2, 4)))
    assert a.expand(-1, 4).shape == (2, 4)
    assert np.shares_memory(wide.numpy(), a.numpy())
    with pytest.raises(ShapeError, match="does not broadcast"):
        a.expand(3, 4)


def test_expand_of_a_tensor_sums_it_down_as_course_code_asks() -> None:
    a = simple(np.zeros((2, 1)))
    summed = a.expand(simple(np.ones((4, 2, 3))))
    assert summed.numpy().tolist() == [[12.0], [12.0]]


# Reductions.


@given(st.data())
def test_sums_and_means_over_several_dimensions(data: st.DataObject) -> None:
    a = data.draw(tensors())
    dims = tuple(data.draw(st.lists(st.integers(0, a.dims - 1), unique=True, min_size=1)))
    signed = tuple(dim - a.dims if data.draw(st.booleans()) else dim for dim in dims)
    for keep in (True, False):
        expected = a.numpy().sum(dims, keepdims=keep)
        np.testing.assert_allclose(a.sum(signed, keepdim=keep).numpy(), expected, atol=1e-9)
        expected = a.numpy().mean(dims, keepdims=keep)
        np.testing.assert_allclose(a.mean(signed, keepdim=keep).numpy(), expected, atol=1e-9)


def test_full_reductions_have_shape_one() -> None:
    a = simple(VALUES)
    assert a.sum().shape == a.mean().shape == a.all().shape == (1,)
    assert a.sum().item() == 15.0
    assert a.mean().item() == 2.5
    assert a.sum(()).shape == (2, 3)


@pytest.mark.parametrize("name", ["sum", "mean", "all", "max", "min", "argmax"])
def test_a_reduction_over_no_dimension_is_refused(name: str) -> None:
    for dim in (2, -3, 1.0):
        with pytest.raises(IndexingError, match="dimension"):
            getattr(simple(VALUES), name)(dim)


@given(tensors(st.integers(-3, 3).map(float)))
def test_max_min_and_argmax_are_as_in_pytorch(a: Tensor) -> None:
    x = a.numpy()
    assert a.max().shape == a.min().shape == ()
    assert a.max().item() == x.max()
    assert a.min().item() == x.min()
    assert a.argmax() == int(x.argmax())
    for dim in range(-a.dims, a.dims):
        for keep in (False, True):
            values, places = a.max(dim, keepdim=keep)
            np.testing.assert_array_equal(values.numpy(), x.max(dim, keepdims=keep))
            np.testing.assert_array_equal(places, x.argmax(dim, keepdims=keep))
            np.testing.assert_array_equal(a.argmax(dim, keepdim=keep), places)
            np.testing.assert_array_equal(
                a.min(dim, keep).values.numpy(), x.min(dim, keepdims=keep)
            )
            np.testing.assert_array_equal(a.min(dim, keep).indices, x.argmin(dim, keepdims=keep))
    assert a.argmax(0).dtype == np.int64


# Without dimensions; with sizes of zero.


def test_a_tensor_without_dimensions_computes() -> None:
    a = simple(3.0, requires_grad=True)
    result = a * a + simple([1.0, 2.0]) * a
    assert result.shape == (2,)
    result.sum().backward()
    assert a.grad.shape == ()
    assert a.grad.item() == 2 * 6.0 + 3.0
    assert a.sum().item() == a.mean().item() == a[()] == 3.0
    assert a.permute().shape == ()
    with pytest.raises(TypeError, match="without dimensions"):
        len(a)


def test_zero_sizes_are_as_in_numpy() -> None:
    a = simple(np.zeros((3, 0, 2)), requires_grad=True)
    assert (a * 2.0 + a).shape == (3, 0, 2)
    assert a.sum().item() == 0.0
    assert math.isnan(a.mean().item())
    assert a.all().item() == 1.0
    assert a.sum(1).numpy().tolist() == np.zeros((3, 1, 2)).tolist()
    assert a.permute(1, 0, 2).contiguous().view(0).shape == (0,)
    (a * 2.0).sum().backward()
    assert a.grad.shape == (3, 0, 2)
    with pytest.raises(ShapeError, match="no elements"):
        a.max()
    assert repr(simple(np.zeros((0, 2)))) == "tensor([], shape=(0, 2))"


# As a sequence, a number, a text.


def test_len_and_iteration_go_over_the_first_dimension() -> None:
    a = simple(VALUES)
    assert len(a) == 2
    assert [row.numpy().tolist() for row in a] == VALUES.tolist()
    assert list(a[0]) == [0.0, 1.0, 2.0]
    assert all(isinstance(x, float) for x in a[0])


def test_a_tensor_of_one_element_is_a_number() -> None:
    a = simple([[2.5]])
    assert a.item() == float(a) == 2.5
    assert int(a) == 2
    assert bool(a)
    assert not simple(0.0)
    assert isinstance(a.item(), float)
    assert simple(VALUES)[1:, 1:2].item() == 4.0
    for convert in (Tensor.item, float, int, bool):
        with pytest.raises(ShapeError, match="6 elements, not one"):
            convert(simple(VALUES))


def test_repr_is_like_numpys_and_names_the_function() -> None:
    a = simple([[1.0, 2.0], [3.0, 4.0]])
    assert repr(a) == "tensor([[1., 2.],\n        [3., 4.]])"
    assert str(a) == "[[1., 2.],\n [3., 4.]]"
    assert repr(simple([1.0], dtype="float32")) == "tensor([1.], dtype=float32)"
    b = simple([1.0], requires_grad=True)
    assert repr(b) == "tensor([1.], requires_grad=True)"
    assert repr(b * 2.0) == "tensor([2.], grad_fn=<Mul>)"
    assert len(repr(minitorch.zeros(10_000))) < 200


def test_tensors_hash_by_identity_and_have_names() -> None:
    a, b = simple([1.0]), simple([1.0])
    assert len({a, b, a}) == 2
    assert a.name != b.name
    a.name = "weight"
    assert a.name == "weight"


# Interchange.


@given(tensors())
def test_numpy_reads_a_tensor(a: Tensor) -> None:
    assert np.shares_memory(a.numpy(), a._tensor._storage)
    np.testing.assert_array_equal(np.asarray(a), a.numpy())
    np.testing.assert_array_equal(a.to_numpy(), a.numpy())
    assert a.to_numpy().flags.c_contiguous
    assert np.array(a, dtype=np.float32).dtype == np.float32
    copied = np.array(a)
    copied += 1.0
    assert not np.array_equal(copied, a.numpy())


def test_arrays_and_tensors_combine_from_either_side() -> None:
    a = simple([1.0, 2.0], requires_grad=True)
    array = np.array([10.0, 20.0])
    for result in (a * array, array * a):
        assert isinstance(result, Tensor)
        assert result.numpy().tolist() == [10.0, 40.0]
    assert (array - a).numpy().tolist() == [9.0, 18.0]
    assert (array / a).numpy().tolist() == [10.0, 10.0]
    assert (array < a).numpy().tolist() == [0.0, 0.0]
    assert (np.eye(2) @ a).numpy().tolist() == (a @ np.eye(2)).numpy().tolist() == [1.0, 2.0]
    assert (a @ a).shape == ()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dlpack_with_numpy_shares_memory(dtype: Any) -> None:
    array = VALUES.astype(dtype)
    inward = minitorch.from_dlpack(array)
    inward[0, 0] = 50.0
    assert array[0, 0] == 50.0
    outward = np.from_dlpack(inward.permute(1, 0))
    assert outward.dtype == dtype
    np.testing.assert_array_equal(outward, array.T)
    assert np.shares_memory(outward, array)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dlpack_with_torch_shares_memory(dtype: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here; pip install torch")
    theirs = torch.arange(6, dtype=getattr(torch, dtype)).reshape(2, 3).T
    ours = minitorch.from_dlpack(theirs)
    assert ours.shape == (3, 2)
    assert ours.dtype == dtype
    ours[2, 1] = 50.0
    assert theirs[2, 1].item() == 50.0
    back = torch.from_dlpack(ours[1:])
    back[0, 0] = 7.0
    assert ours[1, 0] == 7.0
    assert torch.equal(back, theirs[1:])
