"""Chooses how many networks each device trains in parallel."""

import time
from collections.abc import Callable

import jax

from selectax.study.plan import Plan, fresh, one_batch
from selectax.study.runtime.devices import axis_size
from selectax.study.runtime.hosts import largest
from selectax.study.runtime.waiting import wait
from selectax.study.training.population import resident_steps

# Share of a device's free memory that networks trained in parallel may use.
_MEMORY_SHARE = 0.8
# Number of timed training steps. One step before them compiles the program.
_STEPS = 3


def models_at_a_time(plan: Plan, networks: int) -> int:
    """Returns the number of networks that a device trains in parallel.

    This is the number in the configuration, if there is one. Otherwise it is 1 on the CPU. On GPU
    and TPU it is as many as memory holds, or 1 if a few steps of one network take less time per
    network. Every host must call the function.

    Args:
      plan: plan of the sweep.
      networks: number of networks to train.
    """
    networks = -(-networks // axis_size(plan.mesh, "model"))
    asked_for = plan.config.run.models_at_a_time
    if asked_for is not None:
        return min(asked_for, networks)
    if jax.default_backend() == "cpu":
        return 1
    # The largest of all hosts' negative numbers is what every host has memory for.
    (most,) = largest(-min(networks, _fit_in_memory(plan, networks)))
    return _faster(-most, lambda size: seconds_per_step(plan, size))


def _faster(most: int, seconds: Callable[[int], float]) -> int:
    """Returns 1 or `most`, whichever takes fewer seconds per network."""
    if most == 1:
        return 1
    alone, together = largest(*(round(1e6 * seconds(size) / size) for size in (1, most)))
    return most if together <= alone else 1


def seconds_per_step(plan: Plan, networks: int) -> float:
    """Times a training step of the first networks of a plan in parallel, on one device.

    The images are black.
    """
    images, labels = one_batch(plan)
    options = {"recipe": plan.recipe, "models_at_a_time": networks}
    # Initial weights may be those of any networks, of the same one if there are too few.
    few = (plan.wanted * networks)[:networks]
    population = resident_steps(fresh(plan, few), images, labels, 0, 1, **options)
    wait(population.running)
    begin = time.monotonic()
    # Repeat the first step of an epoch, because the artificial training set has only one batch.
    for _ in range(_STEPS):
        population = resident_steps(population, images, labels, 0, 1, **options)
        wait(population.running)
    return (time.monotonic() - begin) / _STEPS


def bytes_of_one(plan: Plan) -> int:
    """Returns the memory in bytes for training one network at a time, without the images."""
    images, labels = one_batch(plan)
    population = jax.eval_shape(lambda: fresh(plan, plan.wanted[:1]))
    lowered = resident_steps.lower(population, images, labels, 0, 1, recipe=plan.recipe)
    memory = lowered.compile().memory_analysis()
    if memory is None:  # this backend does not report it
        return 0
    return memory.temp_size_in_bytes + memory.argument_size_in_bytes


def _fit_in_memory(plan: Plan, networks: int) -> int:
    statistics = jax.local_devices()[0].memory_stats()
    if not statistics:
        return networks
    free = statistics["bytes_limit"] - statistics["bytes_in_use"]
    return max(1, int(_MEMORY_SHARE * free / max(1, bytes_of_one(plan))))
