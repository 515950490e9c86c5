"""What costs grow with: images, units, classes, epsilons, networks and devices, a figure each.

Each figure states the slope on logarithmic axes, over all sizes and over the larger half, and the
share of this machine's matrix-product limit that the largest size reaches, by XLA's count of the
program's operations where it can count them. Forced devices share the same cores: they show what
spreading costs, not what it gains. Run as `python experiments/benchmarks/study/scaling.py`.
"""

import dataclasses
import functools
import itertools
import json
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from matplotlib.figure import Figure

from experiments.benchmarks.shared.contest import machine_and_load, time_in_turn
from experiments.benchmarks.shared.digits import load_large_digits
from experiments.benchmarks.study.population import population_of, repeated_steps
from selectax import models
from selectax.attacks import robust_accuracy_curve
from selectax.dimensionality import init_covariance, principal_variances, update_covariance
from selectax.models.network import of_module
from selectax.selectivity import layer_selectivity
from selectax.study.run.folder import write_json
from selectax.study.runtime.devices import copy_to_all, make_mesh
from selectax.study.training.recipe import Recipe

_FOLDER = Path(__file__).parent / "scaling"
_DEVICES = 8


@dataclasses.dataclass(frozen=True)
class Options:
    """Prints slopes and draws figures."""

    only: tuple[str, ...] = ()
    """What to grow: images, units, classes, epsilons, networks or devices; by default all."""
    rounds: int = 5
    """Timings of each size, of which the median counts."""
    sizes: int | None = None
    """Number of sizes, from the smallest; by default all."""
    output: Path = _FOLDER
    """Folder of the figures and of scaling.json."""


class Work(NamedTuple):
    """Something to time.

    Attributes:
      size: what grows.
      run: does it, and returns when it is done.
      operations: multiplications and additions by XLA's count; None where it has loops.
    """

    size: int
    run: Callable[[], object]
    operations: float | None = None


def _counted(size, function, *arguments):
    compiled = jax.jit(function).lower(*arguments).compile()
    operations = compiled.cost_analysis().get("flops")
    return Work(size, lambda: jax.block_until_ready(compiled(*arguments)), operations)


def images() -> Iterator[Work]:
    """Class selectivity of 512 units from 8 × 8 maps, 10 classes."""
    for size in (64, 128, 256, 512, 1024, 2048, 4096):
        maps = jax.random.uniform(jax.random.key(0), (size, 8, 8, 512))
        labels = jnp.arange(size) % 10
        yield _counted(size, functools.partial(layer_selectivity, num_classes=10), maps, labels)


def units() -> Iterator[Work]:
    """Principal variances of 10,000 responses."""

    def variances(responses):
        state = update_covariance(init_covariance(responses.shape[1]), responses)
        return principal_variances(state)

    for size in (16, 32, 64, 128, 256, 512):
        responses = jax.random.normal(jax.random.key(0), (10_000, size))
        yield _counted(size, variances, responses)


def classes() -> Iterator[Work]:
    """Class selectivity of 2,048 units on 4,096 images."""
    for size in (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024):
        responses = jax.random.uniform(jax.random.key(0), (4096, 2048))
        labels = jnp.arange(4096) % size
        function = functools.partial(layer_selectivity, num_classes=size)
        yield _counted(size, function, responses, labels)


def epsilons() -> Iterator[Work]:
    """Robust accuracy of a ResNet-8 under PGD-10, 64 images, epsilons up to 8/255."""
    module = models.create("resnet8", 10)
    pixels, labels = (values[:64] for values in load_large_digits("test"))
    pixels = jnp.asarray(pixels, jnp.float32) / 255
    variables = module.init(jax.random.key(0), pixels[:1])
    labels = jnp.argmax(module.apply(variables, pixels)[0], axis=1)

    @jax.jit
    def curve(grid):
        return robust_accuracy_curve(
            jax.random.key(1),
            lambda points: module.apply(variables, points)[0],
            pixels,
            labels,
            epsilons=grid,
            steps=10,
            batch_size=32,
        )

    for size in (2, 4, 8, 16, 32, 64):
        grid = jnp.linspace(8 / size, 8, size) / 255
        yield Work(size, lambda grid=grid: jax.block_until_ready(curve(grid)))


def networks() -> Iterator[Work]:
    """Two steps of ResNet-8, batch 32, one network after the other."""
    for size in (1, 2, 4, 8, 16, 32):
        yield Work(size, _steps(size, "1x1"))


def devices() -> Iterator[Work]:
    """Two steps of 8 networks, ResNet-8, batch 32, spread over forced devices of one processor."""
    for size in (1, 2, 4, 8):
        yield Work(size, _steps(8, f"{size}x1"))


def _steps(size, layout):
    images, labels = map(jnp.asarray, load_large_digits("train"))
    recipe = Recipe(of_module(models.create("resnet8", 10)), 10, epochs=1, batch_size=32)
    mesh = None if layout == "1x1" else make_mesh(layout, size, 32, jax.devices())
    there = copy_to_all((images, labels), mesh)
    return repeated_steps(population_of(size, recipe, mesh), *there, 2, recipe=recipe, mesh=mesh)


GROWING = {one.__name__: one for one in (images, units, classes, epsilons, networks, devices)}


def median_seconds(run: Callable[[], object], rounds: int) -> float:
    """After a call that is not counted."""
    return statistics.median(time_in_turn({"": run}, rounds=rounds)[""])


def slope(sizes: list[int], seconds: list[float]) -> float:
    """Of seconds over sizes on logarithmic axes, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def product_limit() -> float:
    """Operations a second of a large float32 matrix product."""
    matrix = jnp.ones((2048, 2048))
    product = jax.jit(jnp.matmul)
    return 2 * 2048**3 / median_seconds(lambda: jax.block_until_ready(product(matrix, matrix)), 5)


def measured(name: str, rounds: int, number: int | None = None) -> dict:
    """Sizes, seconds, slopes, and the share of the limit at the largest size."""
    limit, sizes, seconds, operations = product_limit(), [], [], None
    for work in itertools.islice(GROWING[name](), number):
        sizes.append(work.size)
        seconds.append(median_seconds(work.run, rounds))
        operations = work.operations
    half = len(sizes) // 2
    return {
        "what": GROWING[name].__doc__,
        "sizes": sizes,
        "seconds": seconds,
        "slope": slope(sizes, seconds),
        "slope of the larger half": slope(sizes[half:], seconds[half:]),
        "share of the limit": operations and operations / seconds[-1] / limit,
        "limit": limit,
        "machine": machine_and_load(),
    }


def draw(name: str, found: dict, path: Path) -> None:
    """The figure of what grows with one size."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(found["sizes"], found["seconds"], "o-")
    axes.set(xscale="log", yscale="log", xlabel=name, ylabel="seconds")
    axes.set_xticks(found["sizes"], labels=map(str, found["sizes"]))
    axes.minorticks_off()
    axes.set_title(f"{found['what']}\n{sentence(found)}", fontsize="small", wrap=True)
    figure.savefig(path, dpi=120)


def sentence(found: dict) -> str:
    """Slopes and share, in words."""
    share = found["share of the limit"]
    reached = "" if share is None else f"; {share:.0%} of the matrix-product limit at the largest"
    larger = found["slope of the larger half"]
    return f"slope {found['slope']:.2f}, of the larger half {larger:.2f}{reached}"


def main(options: Options) -> None:
    """Measures, keeps the figures' numbers, and draws."""
    # Before JAX looks for devices.
    jax.config.update("jax_num_cpu_devices", _DEVICES)
    options.output.mkdir(parents=True, exist_ok=True)
    numbers = options.output / "scaling.json"
    for name in options.only or GROWING:
        found = measured(name, options.rounds, options.sizes)
        kept = json.loads(numbers.read_text()) if numbers.exists() else {}
        write_json(numbers, kept | {name: found})
        draw(name, found, options.output / f"{name}.png")
        print(f"{name}: {found['what']} {sentence(found)}.")
    print(machine_and_load())


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
