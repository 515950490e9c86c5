"""How long the device idles between the steps of an epoch, from a profiler's trace, as a figure.

Run as `python experiments/benchmarks/study/idle.py`, on a CPU: there the profiler records when XLA
executes a program. On other devices it records single operations, which this script ignores.
"""

import dataclasses
import gzip
import itertools
import json
import sys
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib as mpl
import tyro

from experiments.benchmarks.shared.digits import load_large_digits
from experiments.benchmarks.shared.machine import machine
from selectax import models
from selectax.models.network import of_module
from selectax.study.plan import hyperparameters_of
from selectax.study.run.networks import NetworkId
from selectax.study.training.inputs import Resident, steps_of_epoch
from selectax.study.training.population import init_population
from selectax.study.training.recipe import Recipe

_EXECUTION = "ThunkExecutor::Execute (wait for completion)"
_WHOLE = "steps_of_epoch"
_FIGURE = Path(__file__).with_suffix(".png")


@dataclasses.dataclass(frozen=True)
class Options:
    """Prints the share of time in which the device idles."""

    copies: int = 4
    """Of the training set, in an epoch."""
    images: int | None = None
    """Training images; by default all of the digits."""
    output: Path = _FIGURE
    """The figure."""


def traced(folder, options):
    """When the device worked, and all the while, in seconds."""
    images, labels = (part[: options.images] for part in load_large_digits("train"))
    images, labels = jnp.tile(images, (options.copies, 1, 1, 1)), jnp.tile(labels, options.copies)
    training = Resident(images, labels)
    recipe = Recipe(of_module(models.create("resnet8", 10)), 10, epochs=2, batch_size=32)
    population = init_population(
        hyperparameters_of([NetworkId(0.0, 0), NetworkId(1.0, 0)], 0.1),
        recipe=recipe,
        image_shape=images.shape[1:],
    )
    *_, (done, population) = steps_of_epoch(population, training, 0, recipe=recipe)
    # One epoch: a trace holds a million events, and leaves out those that follow.
    with jax.profiler.trace(folder):
        *_, (done, population) = steps_of_epoch(population, training, done, recipe=recipe)
    (file,) = Path(folder).rglob("*.trace.json.gz")
    events = json.loads(gzip.decompress(file.read_bytes()))["traceEvents"]
    found = {_EXECUTION: [], _WHOLE: []}
    for event in events:
        for name in found:
            if event.get("ph") == "X" and event["name"].endswith(name):
                found[name].append((event["ts"] / 1e6, event["dur"] / 1e6))
    return sorted(found[_EXECUTION]), sorted(found[_WHOLE])


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory() as folder:
        working, whole = traced(folder, options)
    begin, end = whole[0][0], sum(whole[-1])
    idle = 1 - sum(length for _, length in working) / (end - begin)
    gaps = [later - sum(earlier) for earlier, (later, _) in itertools.pairwise(working)]
    longest = max(gaps, default=0)
    print(
        f"{idle:.2%} of {end - begin:.1f} s the device idles, in {len(working)} pieces of an "
        f"epoch; the longest gap between two is {1e3 * longest:.1f} ms (aim: at most 2 %); "
        f"{machine()}"
    )
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 1.6), layout="constrained")
    axis.broken_barh([(at - begin, length) for at, length in working], (0, 1), edgecolor="white")
    axis.set(
        xlabel="seconds",
        yticks=[],
        xlim=(0, end - begin),
        title=f"When the device works; it idles {idle:.2%} of the time",
    )
    figure.savefig(options.output, dpi=100)
    print(f"Figure: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
