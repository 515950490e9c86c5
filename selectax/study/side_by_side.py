"""Chooses how many networks each device trains in parallel, and by which convolutions."""

import dataclasses
import sys
import time
from typing import NamedTuple

import jax

from selectax.models.convolution import patch_convolution
from selectax.models.network import convolving_by
from selectax.study.plan import Plan, fresh, one_batch
from selectax.study.runtime.devices import axis_size
from selectax.study.runtime.hosts import largest
from selectax.study.runtime.waiting import wait
from selectax.study.training.population import resident_steps
from selectax.study.training.recipe import Recipe

# Share of a device's free memory that networks trained in parallel may use.
_MEMORY_SHARE = 0.8
# Number of timed training steps. One step before them compiles the program.
_STEPS = 3


class Arrangement(NamedTuple):
    """How each device trains networks.

    Attributes:
      models_at_a_time: number of networks that a device trains in parallel.
      recipe: the plan's recipe; its network's convolutions may be products of patches.
    """

    models_at_a_time: int
    recipe: Recipe


def arrange(plan: Plan, networks: int) -> Arrangement:
    """Chooses how many networks a device trains in parallel, and by which convolutions.

    This is the number in the configuration, if there is one. Otherwise it is 1 on the CPU. On GPU
    and TPU it is as many as memory holds, or 1 if a few steps of one network take less time per
    network. Networks in parallel multiply patches of images if that takes less time still. Every
    host must call the function.

    Args:
      plan: plan of the sweep.
      networks: number of networks to train.
    """
    networks = -(-networks // axis_size(plan.mesh, "model"))
    asked_for = plan.config.run.models_at_a_time
    if asked_for is not None:
        return Arrangement(min(asked_for, networks), plan.recipe)
    alone = Arrangement(1, plan.recipe)
    if jax.default_backend() == "cpu" or networks == 1:
        return alone
    arrangements = [*_parallel(plan, networks), alone]
    if len(arrangements) == 1:
        return alone
    # Every host must choose the same, so each time is the longest of all hosts.
    times = largest(*(round(1e6 * _seconds_per_network(plan, each)) for each in arrangements))
    return arrangements[times.index(min(times))]


def _parallel(plan: Plan, networks: int) -> list[Arrangement]:
    """Returns arrangements of as many networks as memory holds, for each form of convolution."""
    recipes = [plan.recipe]
    by_patches = convolving_by(plan.recipe.network, patch_convolution)
    if by_patches is not None:
        recipes.append(dataclasses.replace(plan.recipe, network=by_patches))
    # The largest of all hosts' negative numbers is what every host has memory for.
    most = largest(*(-min(networks, _fit_in_memory(plan, recipe)) for recipe in recipes))
    return [
        Arrangement(-number, recipe)
        for number, recipe in zip(most, recipes, strict=True)
        if number < -1
    ]


def _seconds_per_network(plan: Plan, arrangement: Arrangement) -> float:
    return seconds_per_step(plan, arrangement) / arrangement.models_at_a_time


def seconds_per_step(plan: Plan, arrangement: Arrangement) -> float:
    """Times a training step of the first networks of a plan in parallel, on one device.

    The images are black.
    """
    images, labels = one_batch(plan)
    networks, recipe = arrangement
    options = {"recipe": recipe, "models_at_a_time": networks}
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


def bytes_of_one(plan: Plan, recipe: Recipe) -> int:
    """Returns the memory in bytes for training one network at a time, without the images."""
    images, labels = one_batch(plan)
    population = jax.eval_shape(lambda: fresh(plan, plan.wanted[:1]))
    lowered = resident_steps.lower(population, images, labels, 0, 1, recipe=recipe)
    memory = lowered.compile().memory_analysis()
    if memory is None:  # this backend does not report it
        return 0
    return memory.temp_size_in_bytes + memory.argument_size_in_bytes


def _fit_in_memory(plan: Plan, recipe: Recipe) -> int:
    statistics = jax.local_devices()[0].memory_stats()
    if not statistics:
        return sys.maxsize
    free = statistics["bytes_limit"] - statistics["bytes_in_use"]
    return max(1, int(_MEMORY_SHARE * free / max(1, bytes_of_one(plan, recipe))))
