"""A population of 8 beside eight times one, and what checkpoints and gaps between pieces cost.

What devices exchange is counted a step and network, from the compiled program.

Run as `python experiments/benchmarks/study/population.py`; with
`XLA_FLAGS=--xla_force_host_platform_device_count=N` the layouts on N devices are timed, too.
"""

import dataclasses
import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from experiments.benchmarks.shared.collectives import count_exchanges
from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn
from experiments.benchmarks.shared.digits import SIZE, load_large_digits
from selectax import models
from selectax.models.network import of_module
from selectax.study.plan import hyperparameters_of
from selectax.study.run.checkpoints import open_checkpoints
from selectax.study.run.networks import NetworkId
from selectax.study.runtime.devices import copy_to_all, make_mesh, spread_networks
from selectax.study.runtime.waiting import wait
from selectax.study.training.inputs import Resident, steps_of_epoch
from selectax.study.training.population import init_population, resident_steps
from selectax.study.training.recipe import Recipe

EIGHT, STEPS, ROUNDS = 8, 4, 7


@dataclasses.dataclass(frozen=True)
class Options:
    """Prints tables of times and ratios."""

    model: str = "resnet8"
    """Name of the network."""
    batch_sizes: tuple[int, ...] = (32, 128)
    """Images a step."""
    sizes: tuple[int, ...] = (1, 2, 4, 8)
    """Numbers of networks."""
    steps: int = 4
    """Of each timing."""
    rounds: int = 5
    """Timings of each, in turn, of which the median counts."""
    copies: int = 8
    """Of the training set, in an epoch beside which a checkpoint is written."""
    images: int | None = None
    """Training images; by default all of the digits."""


def population_of(size, recipe, mesh=None):
    networks = [NetworkId(alpha, 0) for alpha in np.linspace(-1, 1, size)]
    population = init_population(
        hyperparameters_of(networks, 0.1), recipe=recipe, image_shape=(SIZE, SIZE, 3)
    )
    return spread_networks(population, mesh)


def repeated_steps(population, images, labels, steps, **options):
    """Takes so many steps of training at each call, from where the last one ended."""
    held = [population]

    def run():
        # The old population's memory becomes the new one's.
        held[0] = resident_steps(held[0], images, labels, 0, steps, **options)
        wait(held[0].running)

    return run


def time_sizes(options, images, labels):
    table = Table(title=f"{options.model}: ms a step and network, one at a time")
    for title in (
        "batch",
        "networks",
        "layout",
        "ms",
        "of one network's",
        "compilations",
        "exchanged",
    ):
        table.add_column(title, justify="right")
    devices = jax.devices()
    for batch_size in options.batch_sizes:
        recipe = Recipe(
            of_module(models.create(options.model, 10)), 10, epochs=1, batch_size=batch_size
        )
        layouts = {(size, "1x1"): None for size in options.sizes}
        if len(devices) > 1:
            size = max(options.sizes)
            data = [d for d in (1, 2, len(devices)) if len(devices) % d == 0]
            for layout in dict.fromkeys(f"{len(devices) // d}x{d}" for d in data):
                layouts[size, layout] = make_mesh(layout, size, batch_size, devices)
        states, compiled, exchanged = {}, {}, {}
        for (size, layout), mesh in layouts.items():
            before = resident_steps._cache_size()
            there = copy_to_all((images, labels), mesh)
            state = population_of(size, recipe, mesh)
            for _ in range(2):
                state = resident_steps(state, *there, 0, options.steps, recipe=recipe, mesh=mesh)
            wait(state.running)
            states[size, layout] = state, there
            lowered = resident_steps.lower(
                state, *there, 0, options.steps, recipe=recipe, mesh=mesh
            )
            number, size_of_all = count_exchanges(lowered.compile().as_text())
            exchanged[size, layout] = f"{size_of_all / 2**20:.2f} MiB in {number}"
            compiled[size, layout] = resident_steps._cache_size() - before
        times = {key: [] for key in layouts}
        for _ in range(options.rounds):
            for key, mesh in layouts.items():
                state, there = states[key]
                begin = time.perf_counter()
                state = resident_steps(state, *there, 0, options.steps, recipe=recipe, mesh=mesh)
                wait(state.running)
                times[key].append((time.perf_counter() - begin) / options.steps / key[0])
                states[key] = state, there
        one = statistics.median(times[min(options.sizes), "1x1"])
        for (size, layout), seconds in times.items():
            median = statistics.median(seconds)
            row = (batch_size, size, layout, f"{1e3 * median:.1f}", f"{median / one:.3f}")
            table.add_row(*map(str, row), str(compiled[size, layout]), exchanged[size, layout])
    return table


def contest() -> Contest:
    """A population of 8 beside the same networks one after the other, each as a run of one."""
    images, labels = map(jnp.asarray, load_large_digits("train"))
    recipe = Recipe(of_module(models.create("resnet8", 10)), 10, epochs=1, batch_size=128)

    together, alone = (
        repeated_steps(population_of(size, recipe), images, labels, STEPS, recipe=recipe)
        for size in (EIGHT, 1)
    )

    def one_by_one():
        for _ in range(EIGHT):
            alone()

    return Contest(
        f"Training {EIGHT} networks, ResNet-8, batch 128",
        time_in_turn({"one population": together, "single runs": one_by_one}, rounds=ROUNDS),
        work=EIGHT * STEPS,
        unit="steps",
        peer="single runs",
        aims=Aims(0.95, 0.95, gpu=0.95),
    )


def long_recipe(options):
    """More epochs than are timed, of the largest batches."""
    module = models.create(options.model, 10)
    return Recipe(of_module(module), 10, epochs=9, batch_size=max(options.batch_sizes))


def time_checkpoints(options, images, labels):
    """Seconds that saving holds training up, those of epochs, and those of writing."""
    recipe = long_recipe(options)
    population = population_of(max(options.sizes), recipe)
    training = Resident(images, labels)
    held_up, epochs, done = [], [], 0
    with tempfile.TemporaryDirectory() as folder, open_checkpoints(Path(folder)) as checkpoints:
        for _ in range(3):
            begin = time.perf_counter()
            *_, (done, population) = steps_of_epoch(population, training, done, recipe=recipe)
            before = time.perf_counter()
            checkpoints.save(done, population)
            held_up.append(time.perf_counter() - before)
            epochs.append(time.perf_counter() - begin)
        before = time.perf_counter()
        checkpoints.finish()
        written = time.perf_counter() - before
    return held_up, epochs, written


def seconds_between_pieces(options, images, labels):
    """Seconds between two pieces: what 16 pieces of a step take beyond one piece of 16."""
    recipe = long_recipe(options)
    seconds = {}
    for lengths in ((1,) * 16, (16,)):
        state = population_of(1, recipe)
        state = resident_steps(state, images, labels, 0, 1, recipe=recipe)
        wait(state.running)
        times = []
        for _ in range(options.rounds):
            begin = time.perf_counter()
            for done, steps in zip(itertools.accumulate(lengths, initial=0), lengths, strict=False):
                state = resident_steps(state, images, labels, done, steps, recipe=recipe)
                wait(state.running)
            times.append(time.perf_counter() - begin)
        seconds[len(lengths)] = statistics.median(times)
    return max(0.0, (seconds[16] - seconds[1]) / 15)


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    console = Console(width=100)
    images, labels = (jnp.asarray(part[: options.images]) for part in load_large_digits("train"))
    console.print(time_sizes(options, images, labels))
    many = jnp.tile(images, (options.copies, 1, 1, 1)), jnp.tile(labels, options.copies)
    held_up, epochs, written = time_checkpoints(options, *many)
    console.print(
        f"Checkpoints of {max(options.sizes)} networks hold training up for "
        f"{1e3 * max(held_up):.0f} ms at most, {max(held_up) / 30:.2%} of an epoch of 30 s "
        f"(epochs here took {epochs[-1]:.1f} s; writing in the background {written:.2f} s)"
    )
    gap = seconds_between_pieces(options, images, labels)
    console.print(
        f"Between pieces {1e3 * gap:.1f} ms, {gap / 5:.2%} of a piece of 5 s, in which the "
        "device idles"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
