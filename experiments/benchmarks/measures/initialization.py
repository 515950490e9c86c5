"""Drawing all weights of a network by one call beside Flax's own `init`, layer by layer.

In a fresh process each, for the second call finds everything compiled; importing is not counted.
"""

import dataclasses
import subprocess
import sys

import tyro

from experiments.benchmarks.shared.contest import Aims, Contest

PROGRAM = """
import time, jax, flax.linen as nn
from selectax import models
module, key = models.create({model!r}, num_classes=10), jax.random.key(0)
images = jax.numpy.zeros((1, 32, 32, 3))
start = time.{clock}()
jax.block_until_ready({init}(key, images))
print(time.{clock}() - start)
"""
INITS = {"selectax": "module.init", "Flax": "lambda *given: nn.Module.init(module, *given)"}


@dataclasses.dataclass(frozen=True)
class Options:
    """Which network, and how often."""

    model: str = "resnet8"
    """Its name in `selectax.models.MODELS`."""
    rounds: int = 3
    """Of each, in turn."""
    clock: str = "perf_counter"
    """Function of `time`: perf_counter, or process_time for the time of all processors."""


def contest(options: Options = Options()) -> Contest:
    seconds: dict[str, list[float]] = {name: [] for name in INITS}
    for _ in range(options.rounds):
        for name, init in INITS.items():
            program = PROGRAM.format(model=options.model, clock=options.clock, init=f"({init})")
            command = [sys.executable, "-c", program]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds[name].append(float(done.stdout))
    return Contest(
        f"Initializing a {options.model}",
        seconds,
        work=1,
        unit="networks",
        peer="Flax",
        aims=Aims(10, 10, gpu=10),
    )


if __name__ == "__main__":
    contest(tyro.cli(Options, description=__doc__)).show()
