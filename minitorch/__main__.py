"""The command line: `minitorch COMMAND`, or `python -m minitorch COMMAND`."""

from __future__ import annotations

import sys
import time


def main() -> None:
    """Run a command."""
    try:
        import typer
    except ImportError:
        sys.exit("minitorch: the command line needs typer; pip install 'minitorch[project]'")
    app = typer.Typer(help="minitorch: tensors, autodiff and kernels.", no_args_is_help=True)

    @app.callback()
    def commands() -> None:
        """Leave room for more than one command."""

    @app.command()
    def warmup() -> None:
        """Compile the kernels of the default backend and keep them, so that nothing waits later."""
        from tqdm import tqdm

        from . import get_backend
        from .warmup import warmup_steps

        started = time.perf_counter()
        steps = list(warmup_steps())
        for name, step in (bar := tqdm(steps, unit="step", leave=False, disable=None)):
            bar.set_description(name)
            step()
        seconds = time.perf_counter() - started
        print(f"kernels of {get_backend()} are ready, after {seconds:.1f} s")

    app()


if __name__ == "__main__":
    main()
