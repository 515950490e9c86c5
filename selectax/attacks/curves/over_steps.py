"""Robust accuracy as a function of the number of steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from selectax.arguments.arrays import as_array
from selectax.arguments.bounds import Bounds
from selectax.arguments.key import checked_key
from selectax.arguments.numbers import checked_count
from selectax.attacks.arguments import (
    LogitsFn,
    check_numbers,
    check_restarts,
    check_steps,
    make_problem,
    one_length,
)
from selectax.attacks.attack import Attack
from selectax.attacks.curves.batched_search import search_epsilons
from selectax.attacks.curves.clean_images import judge_clean
from selectax.attacks.curves.over_epsilons import share_above
from selectax.attacks.losses import CustomLoss, Labels, LossName
from selectax.attacks.norms import Images, Norm, NormName
from selectax.attacks.registry import named_attack
from selectax.attacks.restarts import keys_of_restarts
from selectax.numerics.compiled import run_compiled


def robust_accuracy_over_steps(
    key: PRNGKeyArray,
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: float | Float[Array, ""],
    steps: Sequence[int] | Int[Array, "numbers"],
    attack: str | Attack = "pgd",
    step_size: float | Float[Array, ""] | None = None,
    options: Mapping[str, Any] | None = None,
    norm: NormName | Norm = "linf",
    random_start: bool = True,
    restarts: int = 1,
    bounds: Bounds = (0, 1),
    loss: LossName | CustomLoss = "cross_entropy",
    batch_size: int = 32,
) -> Float[Array, "numbers"]:
    """Fraction of images that the network classifies correctly after each number of steps.

    All fractions come from one run of the longest attack, which ends for an image as soon as it is
    broken. An image counts as broken by N steps if its start or one of the first N points is
    misclassified.

    Args:
      key: for the random starts.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, in the images' units: a number for all samples, channels and
        pixels.
      steps: numbers of steps, in any order; may be traced.
      attack: name in `ATTACKS` of an attack of several steps, or such an `Attack`.
      step_size: length of a step, the same for all numbers of steps. The default is that of the
        longest attack (2.5 · epsilon / max(steps) for PGD), with which a few steps do not cross the
        ball; attacks that are run for fewer steps are therefore stronger than these.
      options: values for other options of the attack, by name.
      norm: norm of the ball and of a step, as in `pgd`.
      random_start: whether to start at random points; only used by attacks whose `random_start` is
        "optional".
      restarts: number of attacks from different random starts.
      bounds: smallest and largest value of a pixel, as in `pgd`.
      loss: loss that is maximised, as in `pgd`.
      batch_size: number of images that are attacked at a time.

    Returns:
      Robust accuracies, as fractions, in the order of steps; they never increase with the number.
      NaN if logits are not finite.

    Raises:
      TypeError: as `pgd`.
      ValueError: as `run_attack`, or the attack is unknown or takes a single step only, there are
        no steps, or batch_size is below 1.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> options = {"epsilon": 0.1, "step_size": 0.01, "random_start": False}
      >>> curve = selectax.robust_accuracy_over_steps(
      ...     jax.random.key(0), logits_fn, images, labels, steps=(1, 2, 10), **options
      ... )
      >>> curve.tolist()
      [1.0, 1.0, 0.0]
    """
    attack = named_attack(attack, iterated=True)
    key = checked_key(key)
    problem, images = make_problem(logits_fn, images, labels, norm=norm, bounds=bounds, loss=loss)
    checked_count("batch_size", batch_size)
    radius, numbers = one_length("epsilon", epsilon, images), _checked_numbers(steps)
    random_start = attack.starts_at_random(random_start)
    check_restarts(restarts, random_start)
    length = None if step_size is None else one_length("step_size", step_size, images)
    longest = jnp.max(numbers)
    method = attack.method(problem, steps=longest, step_size=length, options=options)

    def search(keys, images, radius):
        wrong, undefined = judge_clean(problem, images, batch_size)

        def breaking_steps(key):
            outcome = search_epsilons(
                key,
                problem,
                method,
                images,
                ~wrong & ~undefined,
                radius[None],
                steps=longest,
                restarts=1,
                random_start=random_start,
                warm_start=False,
                batch_size=batch_size,
            )
            breaking = jnp.where(outcome.withstood > 0, jnp.inf, outcome.steps.astype(images.dtype))
            return jnp.where(outcome.withstood < 0, jnp.nan, breaking)

        breaking = jnp.min(jax.lax.map(breaking_steps, keys), axis=0)
        undefined |= jnp.isnan(radius)
        return jnp.where(undefined, jnp.nan, jnp.where(wrong, 0, breaking))

    keys = keys_of_restarts(key, restarts)
    breaking = run_compiled(search, keys, images, radius)
    return check_numbers(share_above(breaking, numbers.astype(images.dtype)))


def _checked_numbers(steps):
    steps = jnp.asarray(as_array("steps", steps))
    if steps.ndim != 1 or not len(steps):
        raise ValueError(
            f"steps must have shape (numbers,), not {steps.shape}; give at least one number."
        )
    check_steps(steps, several=True)
    return steps
