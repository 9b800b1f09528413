"""What is measured in a process of its own; prints one line of JSON for `processes.py`.

    python -m benchmarks.child import
    python -m benchmarks.child step 16 128
    python -m benchmarks.child memory minitorch 128 1000

Imports at the top nothing but the standard library: what an import costs is the question.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A module of each package, loaded only where the package really is.
UNWANTED = {
    "numba's CUDA target": "numba.cuda.cudadrv",
    "matplotlib": "matplotlib",
    "visdom": "visdom",
    "torch": "torch",
}


def importing() -> dict[str, Any]:
    """Return what `import minitorch` takes, and what it pulls in of what it should not."""
    wall, cpu = time.perf_counter(), time.process_time()
    import minitorch  # noqa: F401

    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "pulled": [name for name, module in UNWANTED.items() if module in sys.modules],
    }


def _training_step(library: str, batch: int) -> Callable[[], Any]:
    import numpy as np

    rng = np.random.default_rng(0)
    images = rng.random((batch, 1, 28, 28), dtype=np.float32)
    labels = rng.integers(0, 10, batch)
    if library == "minitorch":
        import minitorch

        from .lenet_minitorch import layers_step

        minitorch.set_default_dtype("float32")
        return layers_step(images, labels, 1e-4)
    from .lenet_torch import training_step

    return training_step(images, labels, 1e-4)


def first_steps(batches: list[int]) -> dict[str, Any]:
    """Return the process's CPU seconds after the first step at each batch size."""
    cpu = {}
    for batch in batches:
        _training_step("minitorch", batch)()
        cpu[str(batch)] = time.process_time()
    return {"cpu": cpu}


def _memory(name: str) -> int:
    """Return a field of /proc/self/status, in bytes.

    VmHWM is the peak that `ru_maxrss` gives, but of this program only: that one goes on
    counting from the process that started it.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {name}")


def _forget_peak() -> None:
    """Give unused memory back to the system, and let the peak begin anew from there."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def memory(library: str, batch: int, steps: int) -> dict[str, Any]:
    """Return what training steps take, in bytes.

    Returns:
        whole: the peak of the process, imports included.
        first: the peak of the first steps above what stood before them: data, model and
            imports. Kernels and their machine code, loaded at the first step, are counted.
        step: the peak of later steps above what stands between them, after unused memory was
            given back: the step's own working memory.
        growth: by how much the process grew over `steps` steps.
    """
    step = _training_step(library, batch)
    _forget_peak()
    stood = _memory("VmRSS")
    for _ in range(5):
        step()
    first = _memory("VmHWM") - stood
    whole = _memory("VmHWM")
    _forget_peak()
    stood = _memory("VmRSS")
    for _ in range(20):
        step()
    working = _memory("VmHWM") - stood
    for _ in range(steps // 10):
        step()
    before = _memory("VmRSS")
    for _ in range(steps):
        step()
    growth = _memory("VmRSS") - before
    return {"whole": whole, "first": first, "step": working, "growth": growth}


def main(what: str, *options: str) -> None:
    """Print the measurement `what` as JSON."""
    if what == "import":
        found = importing()
    elif what == "step":
        found = first_steps([int(batch) for batch in options])
    elif what == "memory":
        library, batch, steps = options
        found = memory(library, int(batch), int(steps))
    else:
        raise SystemExit(f"{what}: not one of import, step, memory")
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
