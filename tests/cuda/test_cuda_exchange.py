"""Sharing memory with other libraries, by the CUDA array interface and by DLPack.

Without a GPU, the host's memory takes the place of a GPU's: both protocols hand over a pointer, and
it matters not to them what it points to. What only a GPU shows needs the fixture `gpu`.
"""

from __future__ import annotations

import gc
import math
import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minitorch import cuda_exchange, cuda_target
from minitorch.cuda_exchange import array_interface, dlpack_capsule, dlpack_device, from_device
from minitorch.errors import BackendError, DTypeError, ShapeError
from minitorch.tensor_data import TensorData

# Shapes and strides over 24 numbers.
CONTIGUOUS = [((24,), (1,)), ((4, 6), (6, 1)), ((1, 24), (99, 1)), ((), ()), ((0, 3), (3, 1))]
STRIDED = [((6, 4), (1, 6)), ((4, 3), (6, 2)), ((2, 5), (0, 1)), ((3, 2), (1, 1))]
layouts = pytest.mark.parametrize(("shape", "strides"), CONTIGUOUS + STRIDED)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


class Shown:
    """An array of the host that shows itself as one of a GPU."""

    def __init__(self, array: np.ndarray[Any, Any], **changes: Any) -> None:
        self.array = array
        self.dtype = array.dtype
        own = array.__array_interface__
        given = {name: own[name] for name in ("shape", "strides", "typestr", "data")}
        self.__cuda_array_interface__ = {**given, "version": 3, "stream": None, **changes}

    def copy_to_host(self) -> np.ndarray[Any, Any]:
        return self.array


class Readable:
    """The memory of a CUDA array interface, to be read by numpy."""

    def __init__(self, interface: dict[str, Any], owner: Any) -> None:
        self.__array_interface__ = {**interface, "version": 3}
        self.owner = owner


class PretendedCuda:
    """What stands for numba.cuda and for `StridedMemoryView`, over the host's memory."""

    def __init__(self) -> None:
        self.waited: list[Any] = []

    def current_context(self) -> Any:
        return SimpleNamespace(device=SimpleNamespace(id=0))

    def default_stream(self) -> Any:
        return self.external_stream("default")

    def external_stream(self, stream: Any) -> Any:
        return SimpleNamespace(synchronize=lambda: self.waited.append(stream))

    def device_array(self, size: int, dtype: Any) -> Any:
        return Shown(np.empty(size, dtype))

    def from_cuda_array_interface(self, desc: Any, owner: Any = None, stream_ptr: int = 0) -> Any:
        assert desc.keys() == {"shape", "strides", "typestr", "data", "version"}
        return Shown(np.asarray(Readable(desc, owner)))


def released(watched: weakref.ref[Any]) -> bool:
    gc.collect()
    return watched() is None


def data_over(storage: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> TensorData:
    data = TensorData.__new__(TensorData)
    data._fill(storage, shape, strides, math.prod(shape), [0])
    return data


def strided(array: np.ndarray[Any, Any], shape: Any, strides: Any) -> np.ndarray[Any, Any]:
    return np.lib.stride_tricks.as_strided(array, shape, [s * array.itemsize for s in strides])


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> PretendedCuda:
    pretended = PretendedCuda()
    monkeypatch.setattr(cuda_exchange, "numba_cuda", lambda: pretended)
    monkeypatch.setattr(cuda_exchange, "placed", lambda: "gpu")
    return pretended


@pytest.fixture
def host_views(pretended: PretendedCuda, monkeypatch: pytest.MonkeyPatch) -> PretendedCuda:
    """Let `StridedMemoryView` be made over the host's memory; all else of it is as it is."""
    utils = pytest.importorskip("cuda.core.utils", reason="the package cuda-core makes capsules")

    def from_interface(source: Any, stream_ptr: int) -> Any:
        assert stream_ptr == -1
        array = np.asarray(Readable(source.__cuda_array_interface__, source))
        return utils.StridedMemoryView.from_dlpack(array, stream_ptr=-1)

    def from_dlpack(source: Any, stream_ptr: int) -> Any:
        assert stream_ptr == 1
        return utils.StridedMemoryView.from_dlpack(source, stream_ptr=-1)

    views = SimpleNamespace(from_cuda_array_interface=from_interface, from_dlpack=from_dlpack)
    monkeypatch.setattr(cuda_exchange, "_strided_memory_view", lambda: views)
    return pretended


class Exporter:
    """A tensor as another library sees it, by DLPack alone; the device may be a pretended one."""

    def __init__(self, data: TensorData, device: tuple[int, int] | None = None) -> None:
        self.data, self.device = data, device

    def __dlpack__(self, **options: Any) -> Any:
        return dlpack_capsule(self.data, **options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device or dlpack_device(self.data)


def by_dlpack(array: Any) -> Any:
    """Return an array of the host as one that has DLPack alone, and says it is on a GPU."""
    return SimpleNamespace(
        __dlpack__=lambda stream, **options: array.__dlpack__(**options),
        __dlpack_device__=lambda: (2, 0),
    )


# Out, by the CUDA array interface.


@dtypes
@layouts
def test_the_interface_tells_where_the_elements_lie(shape: Any, strides: Any, dtype: Any) -> None:
    memory = np.arange(24, dtype=dtype)
    interface = array_interface(data_over(Shown(memory), shape, strides))
    assert interface["version"] == 3
    assert interface["stream"] == 1
    assert interface["data"][1] is False
    assert (interface["strides"] is None) == ((shape, strides) in CONTIGUOUS)
    if math.prod(shape):
        read = np.asarray(Readable(interface, memory))
        np.testing.assert_array_equal(read, strided(memory, shape, strides))
        assert read.dtype == dtype
        assert np.shares_memory(read, memory)
    else:
        assert interface["data"][0] == 0


def test_a_tensor_of_the_host_has_no_interface() -> None:
    with pytest.raises(AttributeError, match=r"shape \(3,\).*numpy\(\) reads it"):
        array_interface(TensorData([1.0, 2.0, 3.0], (3,)))


def test_simulated_memory_is_not_exchanged() -> None:
    with cuda_target.using("simulator"):
        storage = cuda_target.to_device(np.arange(3.0))
    data = data_over(storage, (3,), (1,))
    with pytest.raises(AttributeError, match="DeviceArray"):
        array_interface(data)
    with pytest.raises(BackendError, match=r"__dlpack__: .*\(3,\).*simulator"):
        dlpack_capsule(data)
    with pytest.raises(BackendError, match=r"__dlpack_device__: .*simulator"):
        dlpack_device(data)


def test_nothing_comes_in_while_kernels_run_on_the_simulator() -> None:
    with (
        cuda_target.using("simulator"),
        pytest.raises(BackendError, match=r"from_device: the Shown cannot be shared.*simulator"),
    ):
        from_device(Shown(np.arange(3.0)))


# Out, by DLPack.


@dtypes
@layouts
def test_a_capsule_carries_values_and_strides(
    shape: Any, strides: Any, dtype: Any, host_views: PretendedCuda
) -> None:
    memory = np.arange(24, dtype=dtype)
    read = np.from_dlpack(Exporter(data_over(Shown(memory), shape, strides)))
    np.testing.assert_array_equal(read, strided(memory, shape, strides))
    assert read.dtype == dtype
    assert np.shares_memory(read, memory) == bool(math.prod(shape))


@pytest.mark.parametrize("max_version", [None, (1, 0)])
def test_a_capsule_keeps_the_storage_just_as_long(
    host_views: PretendedCuda, max_version: Any
) -> None:
    storage = Shown(np.arange(6.0))
    watched = weakref.ref(storage)
    capsule = dlpack_capsule(data_over(storage, (2, 3), (3, 1)), max_version=max_version)
    assert ("versioned" in repr(capsule)) == (max_version is not None)
    del storage
    assert not released(watched)
    del capsule
    assert released(watched)


@pytest.mark.parametrize("stream", [None, -1, 0, 1, 2, 94_000_000])
def test_a_reader_on_another_stream_finds_our_launches_done(
    host_views: PretendedCuda, stream: int | None
) -> None:
    data = data_over(Shown(np.arange(6.0)), (6,), (1,))
    dlpack_capsule(data, stream=stream)
    assert host_views.waited == (["default"] if stream in (2, 94_000_000) else [])


def test_what_a_capsule_cannot_be_is_refused(host_views: PretendedCuda) -> None:
    data = data_over(Shown(np.arange(6.0)), (6,), (1,))
    with pytest.raises(BufferError, match=r"shape \(6,\) is shared, never copied"):
        dlpack_capsule(data, copy=True)
    here = dlpack_device(data)
    with pytest.raises(BufferError, match=r"shape \(6,\) lies on device .* not on \(2, 7\)"):
        dlpack_capsule(data, dl_device=(2, 7))
    assert "dltensor" in repr(dlpack_capsule(data, copy=False, dl_device=here))


# In.


def check_shared(got: Any, memory: np.ndarray[Any, Any], shape: Any, strides: Any) -> None:
    """Check what `from_device` returned for `shape` and `strides` over `memory`."""
    storage, got_shape, got_strides = got
    assert got_shape == shape
    flat = storage.copy_to_host()
    assert flat.dtype == memory.dtype
    expected = strided(memory, shape, strides)
    np.testing.assert_array_equal(strided(flat, shape, got_strides), expected)
    # The storage ends with the last element, which the memory's counting gives away.
    assert flat.size == (expected.max() - memory[0] + 1 if expected.size else 0)


@dtypes
@layouts
def test_an_array_with_an_interface_is_shared(
    shape: Any, strides: Any, dtype: Any, pretended: PretendedCuda
) -> None:
    memory = np.arange(24, dtype=dtype)
    got = from_device(Shown(strided(memory, shape, strides)))
    check_shared(got, memory, shape, strides)
    assert np.shares_memory(got[0].array, memory) == bool(math.prod(shape))


def test_a_storage_keeps_what_it_came_from(host_views: PretendedCuda) -> None:
    for show in (lambda shown: shown, lambda shown: Exporter(data_over(shown, (6,), (1,)), (2, 0))):
        source = Shown(np.arange(6.0))
        watched = weakref.ref(source)
        storage, _, _ = from_device(show(source))
        del source
        assert not released(watched)
        del storage
        assert released(watched)


@pytest.mark.parametrize("stream", [None, 1, 2, 94_000_000])
def test_what_another_stream_writes_is_waited_for(
    pretended: PretendedCuda, stream: int | None
) -> None:
    from_device(Shown(np.arange(6.0), stream=stream))
    assert pretended.waited == ([stream] if stream in (2, 94_000_000) else [])


@layouts
def test_an_array_with_dlpack_alone_is_shared(
    shape: Any, strides: Any, host_views: PretendedCuda
) -> None:
    memory = np.arange(24, dtype=np.float32)
    source = Exporter(data_over(Shown(memory), shape, strides), device=(2, 0))
    check_shared(from_device(source), memory, shape, strides)


def test_an_old_interface_gives_way_to_dlpack(host_views: PretendedCuda) -> None:
    source: Any = Exporter(data_over(Shown(np.arange(6.0)), (6,), (1,)), device=(13, 0))
    source.__cuda_array_interface__ = {"version": 2, "data": "not to be read"}
    assert from_device(source)[1:] == ((6,), (1,))


def test_an_old_interface_serves_where_there_is_no_dlpack(pretended: PretendedCuda) -> None:
    check_shared(from_device(Shown(np.arange(6.0), version=2)), np.arange(6.0), (6,), (1,))


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ([1.0], DTypeError, "not a list"),
        (Shown(np.arange(6)), DTypeError, "float32 and float64"),
        (Shown(np.arange(6, dtype=np.float16)), DTypeError, "float32 and float64"),
        (Shown(np.arange(6, dtype=">f4")), DTypeError, "float32 and float64"),
        (Shown(np.arange(6.0)[::-1]), ShapeError, r"strides \(-1,\) of shape \(6,\) are negative"),
        (Shown(np.zeros(6, "f8,f4")["f0"]), ShapeError, r"strides of \(12,\) bytes"),
        (Shown(np.arange(6.0), data=(64, True)), ValueError, "read-only"),
        (Shown(np.arange(6.0), mask=np.ones(6)), ValueError, "masked"),
    ],
)
def test_what_cannot_be_shared_is_refused(
    pretended: PretendedCuda, source: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        from_device(source)


@pytest.mark.parametrize("device", [(1, 0), (2, 1)])
def test_an_array_on_another_device_is_refused(
    pretended: PretendedCuda, device: tuple[int, int]
) -> None:
    source: Any = Exporter(data_over(None, (6,), (1,)), device)
    with pytest.raises(BackendError, match=rf"device \({device[0]}, {device[1]}\), not on the"):
        from_device(source)


@pytest.mark.parametrize(
    ("array", "error"),
    [
        (np.arange(6), DTypeError),
        (np.arange(6, dtype=np.float16), DTypeError),
        (np.arange(6.0)[::-1], ShapeError),
        (np.broadcast_to(1.0, 6), ValueError),
    ],
)
def test_what_dlpack_brings_is_checked_as_well(
    host_views: PretendedCuda, array: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"float32|negative|read-only"):
        from_device(by_dlpack(array))


def test_a_dtype_that_numpy_lacks_is_refused(host_views: PretendedCuda) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch has bfloat16")
    with pytest.raises(DTypeError, match="float32"):
        from_device(by_dlpack(torch.zeros(3, dtype=torch.bfloat16)))


# On a GPU.


@pytest.fixture
def torch_cuda(gpu: Any) -> Any:
    torch = pytest.importorskip("torch", reason="PyTorch is who to exchange with")
    if not torch.cuda.is_available():
        pytest.skip("needs a PyTorch that finds the GPU")
    return torch


def on_gpu(shape: Any, strides: Any, dtype: Any = np.float32) -> TensorData:
    with cuda_target.using("gpu"):
        return data_over(cuda_target.to_device(np.arange(24, dtype=dtype)), shape, strides)


def shown(data: TensorData) -> Any:
    """Return a tensor as another library sees it, by the CUDA array interface alone."""
    return SimpleNamespace(__cuda_array_interface__=array_interface(data))


@pytest.mark.cuda
@pytest.mark.parametrize("out", [shown, Exporter])
@dtypes
@layouts
def test_what_goes_out_comes_back(gpu: Any, shape: Any, strides: Any, dtype: Any, out: Any) -> None:
    data = on_gpu(shape, strides, dtype)
    assert dlpack_device(data)[0] == 2
    got = from_device(out(data))
    memory = np.arange(100, 124, dtype=dtype)
    data._storage.copy_to_device(memory)
    check_shared(got, memory, shape, strides)


@pytest.mark.cuda
@pytest.mark.parametrize(
    "keeping",
    [
        lambda data: from_device(data._storage),
        lambda data: from_device(Exporter(data)),
        lambda data: dlpack_capsule(data, stream=2),
        lambda data: dlpack_capsule(data, max_version=(1, 0)),
    ],
)
def test_gpu_memory_is_kept_just_as_long(gpu: Any, keeping: Any) -> None:
    data = on_gpu((24,), (1,))
    watched = weakref.ref(data._storage)
    kept = keeping(data)
    del data
    assert not released(watched)
    del kept
    assert released(watched)


@pytest.mark.cuda
@dtypes
@layouts
def test_pytorch_shares_our_memory(torch_cuda: Any, shape: Any, strides: Any, dtype: Any) -> None:
    data = on_gpu(shape, strides, dtype)
    theirs = [torch_cuda.from_dlpack(Exporter(data))]
    if data.size:
        theirs.append(torch_cuda.as_tensor(shown(data), device="cuda"))
    memory = np.arange(100, 124, dtype=dtype)
    data._storage.copy_to_device(memory)
    for tensor in theirs:
        np.testing.assert_array_equal(tensor.cpu().numpy(), strided(memory, shape, strides))


@pytest.mark.cuda
@dtypes
@layouts
def test_we_share_memory_of_pytorch(torch_cuda: Any, shape: Any, strides: Any, dtype: Any) -> None:
    memory = np.arange(24, dtype=dtype)
    theirs = torch_cuda.from_numpy(memory).cuda()
    got = from_device(theirs.as_strided(shape, strides))
    theirs += 100
    del theirs
    check_shared(got, memory + 100, shape, strides)


@pytest.mark.cuda
def test_what_pytorch_writes_on_another_stream_is_waited_for(torch_cuda: Any) -> None:
    theirs = torch_cuda.zeros(1 << 26, device="cuda")
    torch_cuda.cuda.synchronize()
    with torch_cuda.cuda.stream(torch_cuda.cuda.Stream()):
        for _ in range(200):
            theirs += 1
        storage, _, _ = from_device(theirs)
    assert (storage.copy_to_host() == 200).all()


@pytest.mark.cuda
def test_a_tensor_of_pytorch_with_gradients_is_refused(torch_cuda: Any) -> None:
    theirs = torch_cuda.ones(3, device="cuda", requires_grad=True)
    with pytest.raises((RuntimeError, BufferError), match="detach"):
        from_device(theirs)


@pytest.mark.cuda
def test_memory_is_shared_with_cupy(gpu: Any) -> None:
    cupy = pytest.importorskip("cupy", reason="CuPy is who to exchange with")
    memory = np.arange(24, dtype=np.float32)
    theirs = cupy.asarray(memory).reshape(4, 6)[:, ::2]
    check_shared(from_device(theirs), memory, (4, 3), (6, 2))
    data = on_gpu((6, 4), (1, 6))
    for back in (cupy.asarray(shown(data)), cupy.from_dlpack(Exporter(data))):
        np.testing.assert_array_equal(back.get(), memory.reshape(4, 6).T)
