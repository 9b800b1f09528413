"""Building Numba kernels: serial and parallel, compiled once, cached on disk, never stale.

Numba's own on-disk cache keys a kernel by its own bytecode. A kernel here calls other
functions (the `fn` it maps, the index arithmetic of `tensor_data`), and after an edit of
one of those the old machine code would still be served. So a kernel's cache file is named
by a *salt*: a hash of the code, constants, defaults and global values of everything that
the kernel reaches. The same walk finds functions that a student has not written yet, and
raises their task's message before Numba could bury it in a typing error.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import itertools
import math
import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

__all__ = ["PARALLEL_FROM", "Kernel", "reachable", "salt_of", "unfinished"]

# Elements (or multiply-adds) from which a parallel launch, some 10 microseconds, pays off.
PARALLEL_FROM = 1 << 15

# Reordering and fused multiply-adds are allowed; NaN and infinities keep their meaning.
FASTMATH = {"reassoc", "contract", "nsz"}

# With MINITORCH_DETERMINISTIC=1 the amount of work alone chooses the build, so that results are
# the same to the last bit whatever the number of threads. Each build is in itself: work is cut by
# its size. Without it one thread runs the serial build, whose sums may round differently.
_DETERMINISTIC = os.environ.get("MINITORCH_DETERMINISTIC", "0") not in ("", "0")

# Numba reads its environment variables into this.
_config: Any = numba.config
_caching: Any = importlib.import_module("numba.core.caching")

# Numba names the machine code of a function by its qualified name and a number that counts up in
# each process. Of two functions of one name that two processes cached under one number, a third
# process that loads both would run one in the place of the other. So count from anywhere.
_bytecode: Any = importlib.import_module("numba.core.bytecode")
_bytecode.FunctionIdentity._unique_ids = itertools.count(int.from_bytes(os.urandom(6), "big"))

# Code in these packages is versioned by its release, not followed.
_FOREIGN = {"numba", "numpy", "llvmlite", *sys.stdlib_module_names}

# Numba's "workqueue" threading layer aborts the process when two Python threads launch
# parallel kernels at once; a launch uses every core anyway, so one at a time loses nothing.
_launching = threading.RLock()


def nested_code(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from nested_code(constant)


def unfinished(function: Any) -> str | None:
    """Return the message of the task that `function` still waits for; None if it is written.

    A function that a student has yet to write consists of
    `raise NotImplementedError("Task ...")`, in itself or in a function inside it.
    """
    for code in nested_code(plain(function).__code__):
        if "NotImplementedError" in code.co_names:
            for constant in code.co_consts:
                if isinstance(constant, str) and constant.startswith("Task "):
                    return constant
    return None


def plain(value: Any) -> Any:
    """Return the Python function behind a Numba dispatcher, an intrinsic, a cache, a `Kernel`."""
    for attribute in ("py_func", "_defn", "__wrapped__", "body"):
        if isinstance(value, FunctionType | ModuleType):
            break
        value = getattr(value, attribute, value)
    return value


def _is_followed(value: Any) -> bool:
    """Return whether `value` is a module whose functions are followed."""
    return isinstance(value, ModuleType) and value.__name__.split(".")[0] not in _FOREIGN


def _references(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what the function's code can refer to: (name, value), globals and closure."""
    closure = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, closure, strict=True):
        yield name, cell.cell_contents
    for default in function.__defaults__ or ():
        yield "default", default
    yield from (function.__kwdefaults__ or {}).items()
    for code in nested_code(function.__code__):
        modules = []
        for name in code.co_names:
            if name in function.__globals__:
                value = function.__globals__[name]
                yield name, value
                if _is_followed(value):
                    modules.append(value)
        for module in modules:  # which grows: a.b.c goes through two modules
            for name in code.co_names:
                if hasattr(module, name):
                    value = getattr(module, name)
                    yield f"{module.__name__}.{name}", value
                    if _is_followed(value) and value not in modules:
                        modules.append(value)


def reachable(function: Any) -> list[FunctionType]:
    """Return `function` and every Python function that it can call, in a stable order.

    Functions of Numba, numpy and the standard library are left out.
    """
    found: list[FunctionType] = []
    seen: set[int] = set()
    waiting = [plain(function)]
    while waiting:
        current = waiting.pop()
        if not isinstance(current, FunctionType) or id(current) in seen:
            continue
        if (current.__module__ or "").split(".")[0] in _FOREIGN:
            continue
        seen.add(id(current))
        found.append(current)
        for _, value in _references(current):
            if isinstance(value, type):  # whose methods the function may call
                waiting += [plain(method) for method in vars(value).values()]
            waiting.append(plain(value))
    return found


def _fingerprint(value: Any) -> str:
    """Return a text that changes with a constant's value and never with its address."""
    if isinstance(value, np.ndarray | np.generic):
        return f"{value.dtype}{value.shape}{value.tobytes().hex()}"
    if isinstance(value, tuple | frozenset):
        parts = [_fingerprint(part) for part in value]
        return f"({', '.join(sorted(parts) if isinstance(value, frozenset) else parts)})"
    if isinstance(value, bool | int | float | complex | str | bytes | None):
        return repr(value)
    value = plain(value)
    kind = type(value)
    return getattr(value, "__qualname__", f"{kind.__module__}.{kind.__qualname__}")


def salt_of(function: Any) -> str:
    """Return a hash of everything that decides what the compiled `function` does."""
    digest = hashlib.sha256()
    digest.update(repr((numba.__version__, sys.implementation.cache_tag)).encode())
    for reached in reachable(function):
        for code in nested_code(reached.__code__):
            constants = [_fingerprint(c) for c in code.co_consts if not isinstance(c, CodeType)]
            digest.update(code.co_code)
            digest.update(repr((constants, code.co_names, code.co_varnames)).encode())
        digest.update(repr(getattr(reached, "_minitorch_flags", None)).encode())
        references = [(name, _fingerprint(value)) for name, value in _references(reached)]
        digest.update(repr((reached.__qualname__, references)).encode())
    return digest.hexdigest()[:20]


class _CacheFile(_caching.IndexDataCacheFile):  # type: ignore[misc]
    """One file for each signature, named by a hash of it.

    Numba numbers the files and keeps an index of them: two processes that add one each at the
    same time can give both the same number. Without an index, the worst that can happen is
    that both write the same content under the same name.
    """

    def _name(self, key: Any) -> str:
        digest = hashlib.sha256(repr(key).encode()).hexdigest()
        return f"{Path(self._index_name).stem}.{digest[:16]}.nbc"

    def save(self, key: Any, data: Any) -> None:
        with contextlib.suppress(OSError):  # a full disk costs time, not the result
            self._save_data(self._name(key), data)

    def load(self, key: Any) -> Any:
        try:
            return self._load_data(self._name(key))
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            return None  # missing or damaged: compile it again


class _SaltedCache(_caching.FunctionCache):  # type: ignore[misc]
    """Numba's on-disk cache with the salt in each file's name, so that no entry is ever stale.

    Because nothing else names the file, a copy of the project in another folder shares
    `NUMBA_CACHE_DIR` with the original.
    """

    def __init__(self, function: FunctionType, salt: str) -> None:
        super().__init__(function)
        if _config.CACHE_DIR:
            self._cache_path = str(Path(_config.CACHE_DIR) / "minitorch")
            Path(self._cache_path).mkdir(parents=True, exist_ok=True)
        name = function.__qualname__.replace(".<locals>.", ".")
        self._cache_file = _CacheFile(
            cache_path=self._cache_path, filename_base=f"{name}-{salt}", source_stamp=salt
        )

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (sig, codegen.magic_tuple())


def _compile(body: FunctionType, parallel: bool) -> Any:
    """Return a Numba dispatcher for `body`; raise the task's message if something is unwritten."""
    functions = reachable(body)
    for function in functions:
        message = unfinished(function)
        if message is not None:
            raise NotImplementedError(message)
    for function in functions[1:]:
        if not hasattr(function, "_minitorch_jitable"):
            register_jitable(function)
            function._minitorch_jitable = True  # type: ignore[attr-defined]
    dispatcher: Any = numba.njit(parallel=parallel, fastmath=FASTMATH, error_model="numpy")(body)
    if not _config.DISABLE_JIT:
        flags = (parallel, sorted(FASTMATH), bool(_config.BOUNDSCHECK))
        salt = hashlib.sha256(f"{salt_of(body)}{flags}".encode()).hexdigest()[:20]
        # Where no folder can be written, kernels are compiled anew in each process.
        with contextlib.suppress(RuntimeError, OSError):
            dispatcher._cache = _SaltedCache(body, salt)
    return dispatcher


def _elements(out: Any, out_shape: Any, out_strides: Any, a: Any, a_shape: Any, *_: Any) -> int:
    """Return the number of elements of the output or of the first input, the larger of them."""
    return int(max(math.prod(out_shape), math.prod(a_shape)))


class Kernel:
    """A kernel in two builds: serial for little work, parallel for much.

    Each build is compiled at its first use (or read from the disk), not before: parallel
    code takes several times longer to compile, and most small programs never need it.

    Args:
        body: the kernel as a Python function over arrays. Its arguments begin with the output's
            storage, shape and strides, and go on with those of the first input. Loops over
            `numba.prange` run in parallel in the parallel build.
        work: gives from the arguments how much there is to do, in elements or
            multiply-adds; by default, the elements of the output or the first input.
    """

    __slots__ = ("_parallel", "_serial", "body", "work")

    def __init__(self, body: Callable[..., None], work: Callable[..., int] | None = None) -> None:
        self.body = body
        self.work = work or _elements
        self._serial: Any = None
        self._parallel: Any = None

    def __call__(self, *args: Any) -> None:
        """Run the kernel, in the build that its amount of work asks for."""
        self.launch(self.work(*args), *args)

    def launch(self, work: int, *args: Any) -> None:
        """Run the kernel; `work`, in elements or multiply-adds, decides which build."""
        if work < PARALLEL_FROM or (numba.get_num_threads() == 1 and not _DETERMINISTIC):
            if self._serial is None:
                self._serial = _compile(self.body, parallel=False)  # type: ignore[arg-type]
            self._serial(*args)
            return
        if self._parallel is None:
            self._parallel = _compile(self.body, parallel=True)  # type: ignore[arg-type]
        with _launching:
            try:
                self._parallel(*args)
            except SystemError as error:
                # What a parallel loop raises arrives wrapped, its message lost.
                raise (error.__cause__ or error) from None

    def parallel_diagnostics(self, signature: Any = None, level: int = 1) -> None:
        """Print what Numba made parallel, for the argument types that were used so far.

        Raises:
            RuntimeError: if the kernel was not called yet.
        """
        if _config.DISABLE_JIT:
            raise RuntimeError("nothing is compiled: unset NUMBA_DISABLE_JIT")
        used = [build for build in (self._parallel, self._serial) if build is not None]
        if not used:
            raise RuntimeError(f"{self.body.__qualname__}: call the kernel once, then ask")
        # Diagnostics are not kept in the on-disk cache, so compile once without it.
        fresh = numba.njit(parallel=True, fastmath=FASTMATH, error_model="numpy")(self.body)
        for types in [signature] if signature else used[0].signatures:
            fresh.compile(types)
        fresh.parallel_diagnostics(level=level)

    def __repr__(self) -> str:
        return f"<Kernel {self.body.__qualname__}>"
