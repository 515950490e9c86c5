"""Tiny ImageNet, images/s: our streaming, PyTorch's DataLoader, and what a network consumes.

Both read the same prepared records in the same order, decode the same JPEG files with Pillow and
make batches of bytes. They take turns, so that what else the machine does slows all of them.
"""

import dataclasses
import functools
import os
import pathlib
import statistics
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from absl import flags
from rich.console import Console
from rich.table import Table

from selectax import models
from selectax.datasets import DataError
from selectax.datasets.loading import open_source
from selectax.datasets.pipeline.augmentation import augment
from selectax.datasets.pipeline.batches import to_unit_range
from selectax.datasets.pipeline.order import epoch_order
from selectax.datasets.pipeline.streaming import stream
from selectax.models.network import of_module
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import Hyperparameters, init_state, train_step


@dataclasses.dataclass(frozen=True)
class Options:
    """Measures images per second of streaming, of PyTorch's DataLoader and of a network."""

    archives: pathlib.Path | None = None
    """Folder that holds tiny-imagenet-200.zip; by default that in SELECTAX_REAL_DATA."""
    data_dir: pathlib.Path | None = None
    """Folder for prepared data sets; by default that of tensorflow-datasets."""
    workers: int = 2
    """Threads or processes that read and decode."""
    batch_size: int = 64
    """Images a batch."""
    model: str = "resnet18"
    """Network that consumes the images."""
    batches: int = 100
    """Batches of each round of reading; the first 20 are not counted."""
    steps: int = 2
    """Training steps of each round of the network."""
    rounds: int = 3
    """Rounds, of which the median counts."""


class TorchImages:
    """The same examples for PyTorch, which makes tensors of their batches."""

    def __init__(self, source):
        self.source = source

    def __len__(self):
        return len(self.source)

    def __getitem__(self, index):
        example = self.source[index]
        return example["image"], int(example["label"])


def main() -> int:
    options = tyro.cli(Options)
    flags.FLAGS.mark_as_parsed()  # as stream asks for, with processes
    try:
        archives = options.archives or os.environ.get("SELECTAX_REAL_DATA")
        source = open_source(
            "tiny_imagenet",
            "train",
            data_dir=options.data_dir,
            archives=archives,
            allow_unverified_archives=True,
        )
    except DataError as error:
        print(error, file=sys.stderr)
        return 2
    order, _ = epoch_order(0, 0, len(source), options.batch_size)
    order = np.asarray(order[: options.batches])
    trained = f"{options.model}, training steps"
    tasks = {
        f"streaming, {options.workers} threads": lambda: rate(
            stream(source, order, threads=options.workers, device=jax.devices()[0])
        ),
        f"streaming, {options.workers} processes": lambda: rate(
            stream(source, order, workers=options.workers, device=jax.devices()[0])
        ),
        f"PyTorch DataLoader, {options.workers} processes": lambda: rate(
            loader(source, order, options)
        ),
        trained: training(options),
    }
    rates = {name: [] for name in tasks}
    for _ in range(options.rounds):
        for name, task in tasks.items():
            rates[name].append(task())
    table = Table(title=f"Tiny ImageNet, images/s, batches of {options.batch_size}")
    for column in ("", "median", "least", "most", f"× {options.model}"):
        table.add_column(column, justify="right")
    consumed = statistics.median(rates[trained])
    for name, values in rates.items():
        median = statistics.median(values)
        figures = (median, min(values), max(values))
        table.add_row(name, *(f"{v:,.1f}" for v in figures), f"{median / consumed:.1f}")
    Console().print(table)
    return 0


def rate(batches):
    """Images per second once all processes run and nothing is left of what they read meanwhile."""
    images = 0
    for number, batch in enumerate(batches):
        if number == 20:
            images, begin = 0, time.perf_counter()
        images += len(batch["label"] if isinstance(batch, dict) else batch[1])
    return images / (time.perf_counter() - begin)


def loader(source, order, options):
    from torch.utils.data import DataLoader  # here, for processes of Grain import this file, too

    return DataLoader(
        TorchImages(source),
        batch_sampler=order.tolist(),
        num_workers=options.workers,
        prefetch_factor=4,
        # A forked process would inherit JAX's locked threads.
        multiprocessing_context="spawn",
    )


def training(options):
    """A round of training steps, compiled beforehand."""
    network = of_module(models.create(options.model, 200))
    recipe = Recipe(network, 200, epochs=1, batch_size=options.batch_size)
    hyperparameters = Hyperparameters(jnp.float32(0), jnp.float32(0.1), jnp.int32(0))
    images = np.zeros((options.batch_size, 64, 64, 3), np.uint8)
    labels = np.arange(options.batch_size, dtype=np.int32) % 200
    step = functools.partial(train_step, recipe=recipe, steps_per_epoch=1000)

    @jax.jit
    def augmented_step(state):
        augmented = augment(jax.random.key(0), images)
        return step(state, to_unit_range(augmented), labels, hyperparameters)[0]

    start = init_state(hyperparameters, recipe, images.shape[1:])
    state = jax.block_until_ready(augmented_step(start))

    def measure():
        begin = time.perf_counter()
        after = state
        for _ in range(options.steps):
            after = augmented_step(after)
        jax.block_until_ready(after)
        return options.steps * options.batch_size / (time.perf_counter() - begin)

    return measure


if __name__ == "__main__":
    sys.exit(main())
