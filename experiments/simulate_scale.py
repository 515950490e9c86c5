"""Simulates how long the full studies train on 1 to 512 accelerators, and what limits them.

This is a simulation, not a measurement: nothing here has run on an accelerator.

- Counted: the floating-point operations of a training step, from the shapes of the network, and the
  bytes that devices exchange in a step, from the program compiled for simulated CPU devices.
- Measured on this machine: the fraction of the peak matrix-product speed that a step reaches, and
  the time of a checkpoint.
- Assumed: the specifications of the accelerators, as published by their manufacturers.

The compute time of a step is its number of operations divided by the accelerator's peak speed and
by the fraction measured here. Layers narrower than the matrix unit count as if they had its width.
The compute time is at least the time that it takes to move the feature maps to and from memory. The
time of a step is its compute time plus the latency and the transfer time of its exchanges.
"""

import dataclasses
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal, NamedTuple

from selectax.commands.command_line.parsing import parse
from selectax.models.network import of_module

_FORCED = 8
if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count={_FORCED}".strip()


class Accelerator(NamedTuple):
    """Specifications by the manufacturer.

    Attributes:
      name: name of the accelerator.
      flops: peak bfloat16 floating-point operations per second.
      memory_per_second: memory bandwidth in bytes per second.
      exchange_per_second: bandwidth between devices in bytes per second.
      lanes: width of the matrix unit.
    """

    name: str
    flops: float
    memory_per_second: float
    exchange_per_second: float
    lanes: int


class Job(NamedTuple):
    """The training of a full study.

    Attributes:
      name: name of the job.
      model: name of the architecture.
      size: height and width of the images in pixels.
      num_classes: number of classes.
      batch_size: images per step.
      images: number of training images.
      epochs: number of passes over the training images.
      networks: number of networks.
    """

    name: str
    model: str
    size: int
    num_classes: int
    batch_size: int
    images: int
    epochs: int
    networks: int = 460


ACCELERATORS = (
    Accelerator("TPU v4", 275e12, 1.2e12, 300e9, 128),
    Accelerator("H100 SXM", 989e12, 3.35e12, 450e9, 64),
)
JOBS = (
    Job("ResNet-20 on CIFAR-10", "resnet20", 32, 10, 256, 45_000, 200),
    Job("ResNet-18 on Tiny ImageNet", "resnet18", 64, 200, 4096, 90_000, 90),
)
# Assumed latency of one exchange between devices, in seconds, independent of its size.
_LATENCY = 10e-6
# Assumed number of reads and writes of each feature map in a step, by convolution, norm and ReLU in
# the forward and backward pass; and bytes per float32.
_TIMES_MOVED, _FLOAT_BYTES = 12, 4


@dataclasses.dataclass(frozen=True)
class Options:
    """Prints tables of simulated hours and draws a figure."""

    devices: tuple[int, ...] = (1, 8, 64, 512)
    """Numbers of devices."""
    models: tuple[Literal["resnet20", "resnet18"], ...] = ("resnet20", "resnet18")
    """Full studies to simulate, by their network."""
    output: Path = Path("runs/simulated_scale.png")
    """File of the figure."""


def layer_flops(module, image_shape):
    """Yields, for each convolution, the FLOPs for one image, the size of the output, and its width.

    The FLOPs are those of the forward pass; the width is the number of output channels.
    """
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
    """FLOPs of a training step on one image, with narrow layers as wide as the matrix unit."""
    layers = layer_flops(module, (job.size, job.size, 3))
    # Forward pass, gradient of the feature maps, and gradient of the weights.
    return 3 * sum(flops * max(1, lanes / features) for flops, _, features in layers)


def bytes_moved(job, module):
    """Bytes read from and written to memory in a training step on one image."""
    maps = sum(size for _, size, _ in layer_flops(module, (job.size, job.size, 3)))
    return _TIMES_MOVED * _FLOAT_BYTES * maps


def one_network(recipe, job):
    """Initializes a population of one network."""
    from selectax.study.plan import hyperparameters_of
    from selectax.study.run.networks import NetworkId
    from selectax.study.training.population import init_population

    hyperparameters = hyperparameters_of([NetworkId(0.0, 0)], 0.1)
    image_shape = (job.size, job.size, 3)
    return init_population(hyperparameters, recipe=recipe, image_shape=image_shape)


def exchanged(job, module, shares):
    """Number of exchanges in a training step of one network on several devices, and their bytes."""
    import jax
    import jax.numpy as jnp

    from experiments.benchmarks.shared.collectives import count_exchanges
    from selectax.study.runtime.devices import make_mesh
    from selectax.study.training.population import resident_steps
    from selectax.study.training.recipe import Recipe

    shares = min(shares, len(jax.devices()))
    # The number of bytes depends on the weights, not on the batch size.
    recipe = Recipe(of_module(module), job.num_classes, epochs=1, batch_size=2 * shares)
    mesh = make_mesh(f"1x{shares}", 1, recipe.batch_size, jax.devices())
    images = jax.ShapeDtypeStruct((2 * shares, job.size, job.size, 3), jnp.uint8)
    labels = jax.ShapeDtypeStruct((2 * shares,), jnp.int32)
    population = jax.eval_shape(lambda: one_network(recipe, job))
    lowered = resident_steps.lower(population, images, labels, 0, 1, recipe=recipe, mesh=mesh)
    return count_exchanges(lowered.compile().as_text())


def measured_here(job):
    """Measures a training step and a checkpoint on this machine.

    Returns:
      Peak speed of matrix products in FLOP/s, the fraction of it that a training step reaches, the
      seconds for which a checkpoint blocks training, and the bytes of a network in training.
    """
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
    """Yields every split of the devices into networks × parts of a batch."""
    for shares in range(1, devices + 1):
        if devices % shares == 0 and job.batch_size % shares == 0:
            yield devices // shares, shares


def hours(job, accelerator, devices, share, module, exchanges):
    """Hours of the whole job in the fastest layout, this layout, and what limits it."""
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
        print(
            f"--devices {list(options.devices)}: give one or more integers of at least 1.",
            file=sys.stderr,
        )
        return 2
    if not options.models:
        print("--models: give resnet20, resnet18 or both.", file=sys.stderr)
        return 2
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from rich.console import Console
    from rich.table import Table

    from selectax import models

    console = Console(width=100)
    jobs = [job for job in JOBS if job.model in options.models]
    figure, axes = plt.subplots(
        1, len(jobs), figsize=(5 * len(jobs), 4), layout="constrained", squeeze=False
    )
    for axis, job in zip(axes[0], jobs, strict=True):
        limit, share, held_up, size = measured_here(job)
        module = models.create(job.model, job.num_classes)
        exchanges = exchanged(job, module, _FORCED)
        console.print(
            f"{job.name}, {job.networks} networks, batch {job.batch_size}, {job.epochs} epochs. "
            f"Measured here: matrix products {limit / 1e9:.0f} GFLOP/s, a step reaches {share:.0%} "
            f"of that; a checkpoint of one network, {size / 2**20:.1f} MiB, blocks training for "
            f"{1e3 * held_up:.0f} ms. Counted: {exchanges[0]} exchanges per step, "
            f"{exchanges[1] / 2**20:.2f} MiB, if devices share a batch."
        )
        table = Table("devices", title=f"{job.name}: simulated hours (networks × parts of a batch)")
        for accelerator in ACCELERATORS:
            table.add_column(accelerator.name, justify="right")
            table.add_column("limited by", justify="right")
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
