"""Part 5: the experiments with all their networks, several at once.

Each network is trained in a process of its own: what goes wrong in one, be it that it is killed,
is written down, and the others go on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from .experiments import cnn_experiment, result_name

__all__ = ["EXPERIMENTS", "Outcome", "run_all", "run_sweep", "sweep_configs"]

# For each experiment: the model, and for each series the filters (K) and the depths (L).
EXPERIMENTS: dict[str, tuple[str, list[tuple[list[int], list[int]]]]] = {
    "1.1": ("cnn", [([32], [2, 4, 8, 16]), ([64], [2, 4, 8, 16])]),
    "1.2": ("cnn", [([k], [2, 4, 8]) for k in (32, 64, 128, 256)]),
    "1.3": ("cnn", [([64, 128, 256], [1, 2, 3, 4])]),
    "1.4": ("resnet", [([32], [8, 16, 32]), ([64, 128, 256], [2, 4, 8])]),
    "2": ("ycn", [([32, 64, 128], [3, 6, 9, 12])]),
}

MOST_POOLINGS = 4  # of 32 x 32 pixels they leave 2 x 2


class Outcome(NamedTuple):
    """What became of a run: the file that it wrote, or why it wrote none."""

    name: str
    path: Path | None
    error: str | None


def sweep_configs(experiment: str, shrink: int = 1, **options: Any) -> list[dict[str, Any]]:
    """Return the arguments of `cnn_experiment` for each run of an experiment.

    Args:
        experiment: "1.1" to "1.4", or "2".
        shrink: divide the numbers of filters by this.
        options: further arguments, the same for all.

    Raises:
        ValueError: if there is no such experiment, or nothing is left of the filters.
    """
    if experiment not in EXPERIMENTS:
        raise ValueError(
            f"there is no experiment {experiment!r}; there are {', '.join(EXPERIMENTS)}"
        )
    model_type, series = EXPERIMENTS[experiment]
    configs = []
    for filters, depths in series:
        if shrink < 1 or filters[0] // shrink < 1:
            raise ValueError(f"shrink is {shrink}; it must be from 1 to {filters[0]}")
        for depth in depths:
            configs.append(
                {
                    "run_name": f"exp{experiment.replace('.', '_')}",
                    "filters_per_layer": [k // shrink for k in filters],
                    "layers_per_block": depth,
                    "pool_every": max(2, -(-depth * len(filters) // MOST_POOLINGS)),
                    "hidden_dims": [100],
                    "model_type": model_type,
                    **options,
                }
            )
    return configs


def run_sweep(
    experiments: Sequence[str], processes: int = 2, shrink: int = 1, **options: Any
) -> list[Outcome]:
    """Run all networks of some experiments, several at once; print what becomes of each.

    Args:
        experiments: their names; ["all"] for all.
        processes: how many at once.
        shrink, options: as for `sweep_configs`.

    Returns:
        One outcome for each run, in the order of `sweep_configs`.

    Raises:
        ValueError: if an argument is out of range; nothing is run then.
    """
    names = list(EXPERIMENTS) if list(experiments) == ["all"] else experiments
    configs = [config for name in names for config in sweep_configs(name, shrink, **options)]
    return run_all(configs, processes)


def run_all(configs: Sequence[dict[str, Any]], processes: int = 2) -> list[Outcome]:
    """Run `cnn_experiment` with each of `configs`, at most so many `processes` at once.

    What a run prints goes into a file beside its result, of the same name but `.log`.

    Raises:
        ValueError: if `processes` is less than 1, or two runs would write one file.
    """
    if processes < 1:
        raise ValueError(f"processes is {processes}; it must be 1 or more")
    targets = [_target(config) for config in configs]
    if len(set(targets)) < len(targets):
        raise ValueError("two of the runs would write one file; give them other names")
    outcomes: dict[int, Outcome] = {}
    running: dict[Connection, tuple[int, BaseProcess]] = {}
    waiting = list(enumerate(configs))[::-1]
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                number, config = waiting.pop()
                connection, process = _started(config, targets[number])
                running[connection] = number, process
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                number, process = running.pop(ready)
                outcomes[number] = outcome = _outcome(targets[number], ready, process)
                state = "done" if outcome.error is None else "FAILED"
                print(f"[{len(outcomes)}/{len(configs)}] {outcome.name}: {state}", flush=True)
                if outcome.error is not None:
                    print(outcome.error.rstrip().splitlines()[-1], flush=True)
    finally:
        for _, process in running.values():
            process.terminate()
            process.join()
    return [outcomes[number] for number in range(len(configs))]


def _target(config: dict[str, Any]) -> Path:
    return Path(config.get("out_dir", "./results")) / result_name(config["run_name"], config)


def _started(config: dict[str, Any], target: Path) -> tuple[Connection, BaseProcess]:
    """Start a run; return where its outcome will come from, and its process."""
    # Spawned: a fork would take over threads of kernels that are not there any more.
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(config, target.with_suffix(".log"), there))
    with _one_thread():
        process.start()
    there.close()  # so that the end of the process ends the pipe
    return here, process


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes started within run their kernels on one thread: the runs are parallel."""
    names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _child(config: dict[str, Any], log: Path, there: Connection) -> None:
    """Run one experiment in a process of its own, and send its path or its error."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w", encoding="utf-8") as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        try:
            sent: tuple[Path | None, str | None] = cnn_experiment(**config), None
        except Exception:
            sent = None, traceback.format_exc()
            print(sent[1])
    there.send(sent)


def _outcome(target: Path, connection: Connection, process: BaseProcess) -> Outcome:
    """Return what a run sent; one that was killed sent nothing."""
    try:
        path, error = connection.recv()
    except EOFError:
        process.join()
        path, error = None, f"the process ended with exit code {process.exitcode}"
    process.join()
    connection.close()
    return Outcome(target.stem, path, error)
