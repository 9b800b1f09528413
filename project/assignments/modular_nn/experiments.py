"""Parts 3 and 5: experiments with architectures, and a command line for those with images.

    python -m project.assignments.modular_nn.experiments run-exp -n test -K 32 64 -L 2 -P 2 -H 100
    python -m project.assignments.modular_nn.experiments run-sweep -e 1.1 1.2 --processes 4

A run leaves `results/NAME_L2_K32-64.json`: what repeats it, and what came of it.
"""

from __future__ import annotations

import argparse
import glob
import inspect
import json
import os
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import minitorch
from minitorch.atomic import write_whole
from minitorch.data import DataLoader
from minitorch.errors import BackendError, DataError
from minitorch.layers import CrossEntropyLoss
from minitorch.models import CNN, MLP, ArgMaxClassifier, BinaryClassifier, ResNet, YourCNN
from minitorch.optim import SGD, Adam
from minitorch.training import ClassifierTrainer, FitResult, NonFiniteLossError
from minitorch.viz import plot_fit

from .cifar import load_cifar10
from .classifier import select_roc_thresh

__all__ = [
    "MODEL_TYPES",
    "cnn_experiment",
    "load_experiment",
    "mlp_experiment",
    "plot_exp_results",
    "result_name",
    "save_experiment",
]

MODEL_TYPES = {"cnn": CNN, "resnet": ResNet, "ycn": YourCNN}


def mlp_experiment(
    depth: int,
    width: int,
    dl_train: DataLoader,
    dl_valid: DataLoader,
    dl_test: DataLoader,
    n_epochs: int,
) -> tuple[BinaryClassifier, float, float, float]:
    """Train a perceptron, set its threshold by the validation set, and test it.

    Args:
        depth: how many hidden layers.
        width: the neurons of each.
        dl_train, dl_valid, dl_test: loaders of points and labels.
        n_epochs: how many epochs to train for.

    Returns:
        The model, its threshold, and with it the accuracies in % on validation and test set.
    """
    ### BEGIN SOLUTION
    model = BinaryClassifier(MLP(2, [width] * depth + [2], ["tanh"] * depth + ["none"]))
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    trainer = ClassifierTrainer(model, CrossEntropyLoss(), optimizer)
    trainer.fit(dl_train, dl_valid, n_epochs, verbose=False)
    model.threshold = select_roc_thresh(model, *dl_valid.dataset.tensors)
    valid = trainer.test_epoch(dl_valid, verbose=False)
    test = trainer.test_epoch(dl_test, verbose=False)
    return model, model.threshold, valid.accuracy, test.accuracy
    ### END SOLUTION


def cnn_experiment(
    run_name: str,
    out_dir: str = "./results",
    seed: int | None = None,
    device: str | None = None,
    bs_train: int = 128,
    bs_test: int | None = None,
    batches: int | None = 100,
    epochs: int = 100,
    early_stopping: int | None = 3,
    checkpoints: str | None = None,
    lr: float = 1e-3,
    reg: float = 1e-3,
    filters_per_layer: Sequence[int] = (64,),
    layers_per_block: int = 2,
    pool_every: int = 2,
    hidden_dims: Sequence[int] = (1024,),
    model_type: str = "cnn",
    conv_params: dict[str, Any] | None = None,
    pooling_params: dict[str, Any] | None = None,
    **kw: Any,
) -> Path:
    """Train a convolutional network on CIFAR-10, and save the run.

    The run is repeated by `cnn_experiment(**cfg)` with what `load_experiment` gives.

    Args:
        run_name: the first part of the file's name.
        out_dir: the folder of the file.
        seed: of all that is drawn; None draws one.
        device: the backend, by name; None takes the default.
        bs_train, bs_test: the sizes of the batches; None tests in quarters of `bs_train`.
        batches: how many batches an epoch has, and a test; None takes all.
        epochs: how many epochs at most.
        early_stopping: end when the test loss has not become less for so many.
        checkpoints: a file name without its extension, see `Trainer.fit`.
        lr, reg: learning rate and weight decay, for Adam.
        filters_per_layer: the filters of each block of convolutions (K).
        layers_per_block: how many convolutions a block has (L).
        pool_every: after how many convolutions one pools (P).
        hidden_dims: the sizes of the hidden linear layers (H).
        model_type: "cnn", "resnet" or "ycn".
        conv_params, pooling_params: for the layers of the model; None for its own.
        kw: for the model, such as `dropout`.

    Returns:
        The path of the file that was written.

    Raises:
        ValueError: if there is no such model, or a number is out of range.
        ShapeError: if nothing of an image is left after pooling.
    """
    if model_type not in MODEL_TYPES:
        raise ValueError(
            f"model_type is {model_type!r}; it must be one of {', '.join(MODEL_TYPES)}"
        )
    seed = random.randrange(2**31) if seed is None else seed
    bs_test = max(bs_train // 4, 1) if bs_test is None else bs_test
    kw = {**kw.pop("kw", {}), **kw}  # as it stands in a saved configuration
    given = locals()
    cfg = {name: given[name] for name in inspect.signature(cnn_experiment).parameters}
    for name in ("filters_per_layer", "hidden_dims"):
        cfg[name] = list(cfg[name])

    ### BEGIN SOLUTION
    dtype = minitorch.get_default_dtype()
    minitorch.set_default_dtype("float32")
    try:
        minitorch.manual_seed(seed)
        ds_train, ds_test = load_cifar10()
        layers = {"conv_params": conv_params, "pooling_params": pooling_params}
        network = MODEL_TYPES[model_type](
            ds_train[0][0].shape,
            out_classes=10,
            channels=[filters for filters in filters_per_layer for _ in range(layers_per_block)],
            pool_every=pool_every,
            hidden_dims=hidden_dims,
            **{name: params for name, params in layers.items() if params is not None},
            **kw,
        )
        model = ArgMaxClassifier(network)
        optimizer = Adam(model.parameters(), lr=lr, weight_decay=reg)
        trainer = ClassifierTrainer(model, CrossEntropyLoss(), optimizer, device)
        fit_res = trainer.fit(
            DataLoader(ds_train, bs_train, shuffle=True),
            DataLoader(ds_test, bs_test, shuffle=False),
            epochs,
            checkpoints=checkpoints,
            early_stopping=early_stopping,
            max_batches=batches,
        )
    finally:
        minitorch.set_default_dtype(dtype)
    ### END SOLUTION
    return save_experiment(run_name, out_dir, cfg, fit_res, ds_train.source)


def result_name(run_name: str, cfg: dict[str, Any]) -> str:
    """Return the name of a run's file, such as "test_run_L1_K32-64.json"."""
    filters = "-".join(map(str, cfg["filters_per_layer"]))
    return f"{run_name}_L{cfg['layers_per_block']}_K{filters}.json"


def save_experiment(
    run_name: str, out_dir: str, cfg: dict[str, Any], fit_res: FitResult, data: str = ""
) -> Path:
    """Write a run to a file in `out_dir`, whole or not at all, and print its name.

    Args:
        run_name, out_dir: the first part of the file's name, and its folder, which is made.
        cfg: the parameters that repeat the run.
        fit_res: what came of it.
        data: what it was trained on, in words.
    """
    path = Path(out_dir) / result_name(run_name, cfg)
    content = {"config": cfg, "data": data, "results": fit_res._asdict()}
    write_whole(path, json.dumps(content, indent=2).encode())
    print(f"*** Output file {path} written")
    return path


def load_experiment(filename: str | Path) -> tuple[dict[str, Any], FitResult]:
    """Return the parameters of a run and what came of it.

    Raises:
        DataError: if the file is missing, cut short, or not of a run.
    """
    try:
        content = json.loads(Path(filename).read_text())
        return content["config"], FitResult(**content["results"])
    except FileNotFoundError:
        raise DataError(f"{filename}: there is no such file") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{filename}: not the file of a run: {error!r}") from None


def plot_exp_results(filename_pattern: str, results_dir: str | Path = "results") -> None:
    """Draw the runs whose file names match in one figure; print what they have in common.

    Args:
        filename_pattern: such as "exp1_1_L*_K32*.json".
        results_dir: where they are.
    """
    paths = glob.glob(os.path.join(results_dir, filename_pattern))
    if not paths:
        print(f"No results found for pattern {filename_pattern}.", file=sys.stderr)
        return
    figure: Any = None
    common: dict[str, Any] | None = None
    sources = set()
    # By the numbers in them, so that L16 comes behind L8.
    for path in sorted(paths, key=lambda p: [int(n) for n in re.findall(r"\d+", Path(p).stem)]):
        cfg, fit_res = load_experiment(path)
        legend = re.sub(r"^exp\d+_(\d+_)?", "", Path(path).stem)
        figure, _ = plot_fit(fit_res, figure, legend=legend, log_loss=True)
        common = {
            k: v for k, v in cfg.items() if common is None or (k in common and common[k] == v)
        }
        sources.add(json.loads(Path(path).read_text()).get("data", ""))
    figure.suptitle(", ".join(sorted(sources)))
    print("common config: ", common)


def parse_cli(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command and its options."""
    parser = argparse.ArgumentParser(
        prog="python -m project.assignments.modular_nn.experiments",
        description="Experiments with convolutional networks on CIFAR-10.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(cnn_experiment).parameters.items()
    }

    def add(command: argparse.ArgumentParser, *flags: str, **how: Any) -> None:
        name = flags[-1].lstrip("-").replace("-", "_")
        if not how.get("required"):
            how.setdefault("default", defaults.get(name))
            how["help"] += f" (default: {how['default']})"
        command.add_argument(*flags, **how)

    one = commands.add_parser("run-exp", help="train one network, and save what came of it")
    several = commands.add_parser("run-sweep", help="train all networks of some experiments")
    add(one, "-n", "--run-name", required=True, help="first part of the file's name")
    add(several, "-e", "--experiments", nargs="+", required=True, help='such as "1.1"; or "all"')
    add(several, "-p", "--processes", type=int, default=2, help="how many at once")
    shrink = "divide the numbers of filters by this, for a look at what is to come"
    add(several, "--shrink", type=int, default=1, help=shrink)
    for command in (one, several):
        add(command, "-o", "--out-dir", help="folder of the results")
        add(command, "-s", "--seed", type=int, help="of all that is drawn")
        add(command, "-d", "--device", help="the backend, by name")
        add(command, "--bs-train", type=int, help="batch size for training")
        add(command, "--bs-test", type=int, help="batch size for tests; None: a quarter")
        add(command, "--batches", type=int, help="batches in an epoch")
        add(command, "--epochs", type=int, help="epochs at most")
        add(command, "--early-stopping", type=int, help="epochs without a better test loss")
        add(command, "--lr", type=float, help="learning rate")
        add(command, "--reg", type=float, help="weight decay")
    add(one, "--checkpoints", help="file name without extension; saved when the test is best")
    numbers: dict[str, Any] = {"type": int, "nargs": "+", "required": True}
    add(one, "-K", "--filters-per-layer", **numbers, help="filters of each block's layers")
    add(one, "-L", "--layers-per-block", type=int, required=True, help="convolutions in a block")
    add(one, "-P", "--pool-every", type=int, required=True, help="convolutions before a pooling")
    add(one, "-H", "--hidden-dims", **numbers, help="sizes of the hidden linear layers")
    add(one, "-M", "--model-type", choices=list(MODEL_TYPES), help="the network")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: 1 if a run failed."""
    options = vars(parse_cli(arguments))
    if options.pop("command") == "run-exp":
        try:
            cnn_experiment(**options)
        except (ValueError, OSError, BackendError, NonFiniteLossError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        return 0
    from .sweeps import run_sweep

    names, processes, shrink = (options.pop(n) for n in ("experiments", "processes", "shrink"))
    try:
        outcomes = run_sweep(names, processes, shrink, **options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return int(any(outcome.error for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
