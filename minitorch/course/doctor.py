"""Looking for what is missing on a machine: `minitorch doctor`.

What may be broken is tried in child processes, so that the doctor itself always comes to its end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Finding", "examine"]


@dataclass(frozen=True)
class Finding:
    """What the doctor found.

    Args:
        name: what was looked at.
        state: "good", "missing" (something that not all need) or "bad".
        what: what was found.
        mend: the line that mends it.
    """

    name: str
    state: str
    what: str
    mend: str = ""


# Those that the package is tested with.
_KNOWN_TO_WORK = [(3, 11), (3, 12), (3, 13)]


def _ask(code: str, seconds: float = 120, folder: Path | None = None) -> tuple[str, str]:
    """Run Python code in a child process and return what it printed and, if it failed, why."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            cwd=folder,
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer within {seconds:.0f} s"
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return "", lines[-1] if lines else f"Python ended with status {done.returncode}"
    return done.stdout.strip(), ""


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] not in _KNOWN_TO_WORK:
        return Finding("Python", "missing", f"{version} is not tested", "install Python 3.13")
    return Finding("Python", "good", f"{version}, {sys.executable}")


def _package(name: str, package: str, state: str = "bad", use: str = "") -> Finding:
    out, why = _ask(f"import {name}; print(getattr({name}, '__version__', 'installed'))")
    if why:
        return Finding(name, state, f"{use}{why}", f"pip install {package}")
    return Finding(name, "good", out)


_NUMBA = """
import json, numba, numpy
@numba.njit(parallel=True)
def total(a):
    s = 0.0
    for i in numba.prange(len(a)):
        s += a[i]
    return s
assert total(numpy.ones(1000)) == 1000
print(json.dumps([numba.__version__, numba.get_num_threads(), numba.threading_layer()]))
"""


def _numba() -> Finding:
    out, why = _ask(_NUMBA)
    if why:
        return Finding("Numba", "bad", why, "pip install --force-reinstall 'numba>=0.61'")
    version, threads, layer = json.loads(out)
    what = f"{version}, {threads} thread{'' if threads == 1 else 's'}, threading layer {layer}"
    return Finding("Numba", "good", what)


_CUDA = """
import json
try:
    import numba_cuda
    from numba import cuda
    here = cuda.is_available()
    print(json.dumps([numba_cuda.__version__, str(cuda.get_current_device().name) if here else ""]))
except ImportError:
    print(json.dumps(["", ""]))
"""


def _cuda() -> Iterator[Finding]:
    out, why = _ask(_CUDA)
    version, gpu = json.loads(out) if out else ("", "")
    if gpu:
        name = gpu.removeprefix("b'").removesuffix("'")
        yield Finding("CUDA", "good", f"numba-cuda {version}, {name}")
        return
    reason = why or ("numba-cuda is not installed" if not version else "there is no GPU")
    simulator, missing = _ask("import greenlet; print(greenlet.__version__)")
    mend = "" if version else "on a machine with an NVIDIA GPU: pip install 'numba-cuda[cu13]'"
    if missing:
        yield Finding("CUDA", "missing", f"{reason}, and the simulator, which Tasks on CUDA run on "
                      "without a GPU, needs greenlet", "pip install greenlet")  # fmt: skip
    else:
        what = f"{reason}; kernels run on the simulator (greenlet {simulator})"
        yield Finding("CUDA", "good", what, mend)


def _data(root: Path | None) -> Finding:
    setting = os.environ.get("MINITORCH_DATA")
    folder = Path(setting) if setting else (root or Path()) / "data"
    names = ("train-images", "train-labels", "t10k-images", "t10k-labels")
    found = [path.name for path in folder.rglob("*") if "sample" not in path.parts] \
        if folder.is_dir() else []  # fmt: skip
    if all(any(name in file for file in found) for name in names):
        return Finding("MNIST", "good", str(folder))
    sample = folder / "sample"
    what = f"not in {folder}" + ("; the sample is there, which the tests use"
                                 if sample.is_dir() else "")  # fmt: skip
    return Finding("MNIST", "missing", what, "bash mnist_get_data.sh")


def _writable(name: str, folder: Path, mend: str) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Finding(name, "good", f"{folder} can be written")
    except OSError as error:
        return Finding(name, "bad", f"{folder}: {error.strerror}", mend)


def _cache(root: Path) -> Finding:
    setting = os.environ.get("NUMBA_CACHE_DIR")
    if setting:
        folder = Path(setting)
        while not folder.exists():
            folder = folder.parent
        return _writable("kernel cache", folder, "export NUMBA_CACHE_DIR=a folder of yours")
    return _writable("kernel cache", root / "minitorch", "export NUMBA_CACHE_DIR=~/.cache/numba")


def _package_itself(root: Path) -> Finding:
    """Find out whether the package of the checkout imports, and is the one that Python finds."""
    code = "import minitorch; print(minitorch.__file__)"
    out, why = _ask(code, folder=root)
    if why:
        return Finding("minitorch", "bad", why, "minitorch check")
    if not Path(out).resolve().is_relative_to(root.resolve()):
        return Finding("minitorch", "bad", f"Python finds another one, {out}", "pip install -e .")
    return Finding("minitorch", "good", f"{root}")


def examine(root: Path | None) -> Iterator[Finding]:
    """Yield what is found, one thing after another.

    Args:
        root: the checkout; None if there is none here.
    """
    yield _python()
    steps: list[Callable[[], Finding]] = [
        lambda: _package("numpy", "'numpy>=2'"),
        _numba,
        lambda: _package("pytest", "'pytest>=8'"),
        lambda: _package("hypothesis", "'hypothesis>=6.100'"),
    ]
    for step in steps:
        yield step()
    yield from _cuda()
    yield _package("visdom", "-c constraints.txt 'visdom>=0.2.4'", "missing", "for live plots; ")
    if root is None:
        yield Finding("checkout", "bad", "there is none here or above", "cd into your checkout")
        return
    yield _package_itself(root)
    yield _data(root)
    yield _writable("checkout", root, f"chmod u+w {root}")
    yield _cache(root)
