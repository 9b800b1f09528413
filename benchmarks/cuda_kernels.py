"""Print what each CUDA kernel takes of two kinds of GPU, as a table in Markdown; needs no GPU.

    python -m benchmarks.cuda_kernels

It compiles all of them, which takes some minutes. Needs the extra `cuda`, and nvidia-cuda-nvcc.
"""

from __future__ import annotations

from minitorch.cuda_compile import Resources, ptx_of, resources
from minitorch.cuda_kernels import KernelCase, kernel_cases

GPUS = ((7, 5), (9, 0))

HEADINGS = ["kernel", "dtype", "dims"] + [
    f"sm_{major}{minor} {what}"
    for major, minor in GPUS
    for what in ("registers", "shared", "local", "spilled")
]


def needed(case: KernelCase, gpu: tuple[int, int]) -> Resources:
    """Return what a kernel takes of a kind of GPU."""
    return resources(ptx_of(case.kernel, case.argument_types, gpu), gpu)


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table: registers of a thread; bytes of a block's shared memory; bytes a thread."""
    print(row(HEADINGS))
    print(row(["---"] * 3 + ["---:"] * (len(HEADINGS) - 3)))
    for dtype in ("float32", "float64"):
        for case in kernel_cases(dtype):
            figures = [str(figure) for gpu in GPUS for figure in needed(case, gpu)]
            print(row([case.name, case.dtype, str(case.dims), *figures]), flush=True)


if __name__ == "__main__":
    main()
