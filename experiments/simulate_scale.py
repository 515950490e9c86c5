"""Estimates how long the papers' full jobs take on 1 to 512 accelerators, and what limits scaling.

This is a simulation, not a measurement: nothing here has run on an accelerator. The script

- counts the multiplications of a training step (from the network's shapes), and the bytes that
  devices exchange in a step (from the program compiled for as many virtual CPU devices);
- measures, on this machine, the share of the matrix-product limit that a step reaches, and the time
  of a checkpoint;
- takes the speeds of accelerators from their makers.

The time of a step is its multiplications divided by the accelerator's limit times the measured
share, reduced for layers narrower than the matrix unit. It is at least the time to move the feature
maps to and from memory. Latencies and bytes of the exchanges are added.
"""

import dataclasses
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from selectax.commands.command_line.parsing import parse
from selectax.models.network import of_module

_FORCED = 8
if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count={_FORCED}".strip()


class Accelerator(NamedTuple):
    """Its maker's figures: bfloat16 products, memory, exchange, and width of the matrix unit."""

    name: str
    flops: float
    memory_per_second: float
    exchange_per_second: float
    lanes: int


class Job(NamedTuple):
    """A full job of the papers."""

    name: str
    model: str
    size: int
    num_classes: int
    batch_size: int
    images: int
    epochs: int
    networks: int = 300


ACCELERATORS = (
    Accelerator("TPU v4", 275e12, 1.2e12, 300e9, 128),
    Accelerator("H100 SXM", 989e12, 3.35e12, 450e9, 64),
)
JOBS = (
    Job("ResNet-20 on CIFAR-10", "resnet20", 32, 10, 256, 45_000, 200),
    Job("ResNet-18 on Tiny ImageNet", "resnet18", 64, 200, 4096, 90_000, 90),
)
# Latency of one exchange between devices, of any size; an assumption.
_LATENCY = 10e-6
# How often a step moves each feature map, in float32: for convolution, norm and ReLU, forwards and
# backwards; an assumption.
_TIMES_MOVED, _FLOAT_BYTES = 12, 4


@dataclasses.dataclass(frozen=True)
class Options:
    """Prints tables and draws a figure."""

    devices: tuple[int, ...] = (1, 8, 64, 512)
    """Numbers of devices."""
    output: Path = Path("runs/simulated_scale.png")
    """PNG file of the figure."""


def layer_flops(module, image_shape):
    """Of each convolution: operations of its forward pass on one image, size of its maps, width."""
    import jax
    import jax.numpy as jnp

    images = jax.ShapeDtypeStruct((1, *image_shape), jnp.float32)
    variables = jax.eval_shape(module.init, jax.random.key(0), images)
    _, activations = jax.eval_shape(module.apply, variables, images)
    for name, weights in variables["params"].items():
        if name.endswith("_convolution"):
            layer = name.removesuffix("_convolution").replace("_shortcut", "_sum")
            _, height, width, features = activations[layer].shape
            positions = height * width
            flops = 2 * positions * math.prod(weights["kernel"].shape)
            yield flops, positions * features, features


def effective_flops(job, module, lanes):
    """Operations of a training step per image, as if narrow layers filled the matrix unit."""
    layers = layer_flops(module, (job.size, job.size, 3))
    # The forward pass, the gradient of the maps, and the gradient of the weights.
    return 3 * sum(flops * max(1, lanes / features) for flops, _, features in layers)


def bytes_moved(job, module):
    """Bytes that a training step moves to and from memory per image."""
    maps = sum(size for _, size, _ in layer_flops(module, (job.size, job.size, 3)))
    return _TIMES_MOVED * _FLOAT_BYTES * maps


def one_network(recipe, job):
    """A population of one network."""
    from selectax.study.plan import hyperparameters_of
    from selectax.study.run.networks import NetworkId
    from selectax.study.training.population import init_population

    hyperparameters = hyperparameters_of([NetworkId(0.0, 0)], 0.1)
    image_shape = (job.size, job.size, 3)
    return init_population(hyperparameters, recipe=recipe, image_shape=image_shape)


def exchanged(job, module, shares):
    """Number and bytes of the exchanges in a step of one network on several devices."""
    import jax
    import jax.numpy as jnp

    from experiments.benchmarks.shared.collectives import count_exchanges
    from selectax.study.runtime.devices import make_mesh
    from selectax.study.training.population import resident_steps
    from selectax.study.training.recipe import Recipe

    shares = min(shares, len(jax.devices()))
    # The bytes depend on the weights, not on the batch.
    recipe = Recipe(of_module(module), job.num_classes, epochs=1, batch_size=2 * shares)
    mesh = make_mesh(f"1x{shares}", 1, recipe.batch_size, jax.devices())
    images = jax.ShapeDtypeStruct((2 * shares, job.size, job.size, 3), jnp.uint8)
    labels = jax.ShapeDtypeStruct((2 * shares,), jnp.int32)
    population = jax.eval_shape(lambda: one_network(recipe, job))
    lowered = resident_steps.lower(population, images, labels, 0, 1, recipe=recipe, mesh=mesh)
    return count_exchanges(lowered.compile().as_text())


def measured_here(job):
    """Share of this machine's matrix-product limit that a step reaches, and bytes of a network."""
    import jax
    import jax.numpy as jnp

    from selectax import models
    from selectax.study.run.checkpoints import open_checkpoints
    from selectax.study.runtime.waiting import wait
    from selectax.study.training.population import resident_steps
    from selectax.study.training.recipe import Recipe

    def fastest(run, times=5):
        run()
        seconds = []
        for _ in range(times):
            begin = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - begin)
        return statistics.median(seconds)

    matrix = jnp.ones((2048, 2048))
    product = jax.jit(jnp.matmul)
    limit = 2 * 2048**3 / fastest(lambda: jax.block_until_ready(product(matrix, matrix)))
    module = models.create(job.model, job.num_classes)
    batch_size = 128 if job.size == 32 else 16
    recipe = Recipe(of_module(module), job.num_classes, epochs=1, batch_size=batch_size)
    images = jnp.zeros((batch_size, job.size, job.size, 3), jnp.uint8)
    labels = jnp.zeros(batch_size, jnp.int32)
    population = [one_network(recipe, job)]

    def step():
        population[0] = resident_steps(population[0], images, labels, 0, 1, recipe=recipe)
        wait(population[0].running)

    seconds = fastest(step, times=3)
    reached = batch_size * effective_flops(job, module, 1) / seconds
    with tempfile.TemporaryDirectory() as folder, open_checkpoints(Path(folder)) as checkpoints:
        begin = time.perf_counter()
        checkpoints.save(1, population[0])
        held_up = time.perf_counter() - begin
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(population[0]))
    return limit, reached / limit, held_up, size


def layouts(job, devices):
    """All splits of the devices into networks × parts of a batch."""
    for shares in range(1, devices + 1):
        if devices % shares == 0 and job.batch_size % shares == 0:
            yield devices // shares, shares


def hours(job, accelerator, devices, share, module, exchanges):
    """Hours of the whole job in its best layout, the layout, and what limits it."""
    count, size = exchanges
    of_image = max(
        effective_flops(job, module, accelerator.lanes) / (accelerator.flops * share),
        bytes_moved(job, module) / accelerator.memory_per_second,
    )
    steps = job.images // job.batch_size * job.epochs
    best = None
    for models, shares in layouts(job, devices):
        rounds = math.ceil(job.networks / models)
        compute = of_image * job.batch_size / shares
        exchange = 0.0
        if shares > 1:
            ring = 2 * (shares - 1) / shares * size / accelerator.exchange_per_second
            exchange = count * _LATENCY + ring
        total = rounds * steps * (compute + exchange) / 3600
        if best is None or total < best[0]:
            idle = 1 - job.networks / (rounds * models)
            limits = (("exchanges", exchange / (compute + exchange)), ("idle devices", idle))
            why, part = max(limits, key=lambda limit: limit[1])
            best = (total, f"{models} × {shares}", f"{why} {part:.0%}" if part > 0.01 else "–")
    return best


def main() -> int:
    options = parse(Options, None, None, description=__doc__)
    if min(options.devices, default=0) < 1:
        print("--devices: give whole numbers of at least 1.", file=sys.stderr)
        return 2
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from rich.console import Console
    from rich.table import Table

    from selectax import models

    console = Console(width=100)
    figure, axes = plt.subplots(1, len(JOBS), figsize=(10, 4), layout="constrained")
    for axis, job in zip(axes, JOBS, strict=True):
        limit, share, held_up, size = measured_here(job)
        module = models.create(job.model, job.num_classes)
        exchanges = exchanged(job, module, _FORCED)
        console.print(
            f"{job.name}, {job.networks} networks, batch {job.batch_size}, {job.epochs} epochs. "
            f"Measured here: matrix products {limit / 1e9:.0f} GFLOP/s, a step reaches {share:.0%} "
            f"of that; a checkpoint of one network, {size / 2**20:.1f} MiB, holds training up for "
            f"{1e3 * held_up:.0f} ms. Counted: {exchanges[0]} exchanges a step, "
            f"{exchanges[1] / 2**20:.2f} MiB, where devices share a batch."
        )
        table = Table(
            "devices", title=f"{job.name}: simulated hours (networks × shares of a batch)"
        )
        for accelerator in ACCELERATORS:
            table.add_column(accelerator.name, justify="right")
            table.add_column("lost to", justify="right")
        curves = {accelerator.name: [] for accelerator in ACCELERATORS}
        for devices in options.devices:
            cells = []
            for accelerator in ACCELERATORS:
                total, layout, why = hours(job, accelerator, devices, share, module, exchanges)
                curves[accelerator.name].append(total)
                cells += [f"{total:,.2f} ({layout})", why]
            table.add_row(f"{devices}", *cells)
        console.print(table)
        for name, values in curves.items():
            (line,) = axis.plot(options.devices, values, "o-", label=name)
            ideal = [values[0] * options.devices[0] / devices for devices in options.devices]
            axis.plot(options.devices, ideal, ":", color=line.get_color())
        axis.set(
            title=job.name, xscale="log", yscale="log", xlabel="devices", ylabel="hours (simulated)"
        )
        axis.legend(title="dotted: ideal", frameon=False)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.output, dpi=150)
    print(f"Figure: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
