"""Robust accuracy as a curve over the number of steps."""

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from selectax.arguments.bounds import Bounds
from selectax.arguments.key import checked_key
from selectax.attacks.arguments import (
    LogitsFn,
    check_batch_size,
    check_numbers,
    check_restarts,
    check_steps,
    checked_problem,
    one_length,
)
from selectax.attacks.curves.over_epsilons import judge_clean, share_above
from selectax.attacks.curves.queue import run_queue
from selectax.attacks.losses import CustomLoss, Labels, LossName
from selectax.attacks.norms import Images
from selectax.attacks.registry import ITERATED, iterated_method, starts_at_random
from selectax.attacks.restarts import keys_of_restarts


def robust_accuracy_over_steps(
    key: PRNGKeyArray,
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: float | Float[Array, ""],
    steps: Sequence[int] | Int[Array, "numbers"],
    attack: Literal["pgd", "mi_fgsm", "apgd"] = "pgd",
    step_size: float | Float[Array, ""] | None = None,
    norm: Literal["linf", "l2"] = "linf",
    random_start: bool = True,
    restarts: int = 1,
    bounds: Bounds = (0, 1),
    loss: LossName | CustomLoss = "cross_entropy",
    batch_size: int = 32,
) -> Float[Array, "numbers"]:
    """Share of images that an attack of at most each number of steps leaves classified correctly.

    All come from one run of the longest attack, which ends for an image as soon as it is broken: an
    image counts as broken by so many steps if one of the points that the attack has passed by then,
    its start among them, is misclassified.

    Args:
      key: for the random starts.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, in the images' units, for all samples, channels and pixels.
      steps: numbers of steps, in any order; may be traced.
      attack: "pgd", "mi_fgsm" or "apgd".
      step_size: of PGD and MI-FGSM, the same for all numbers of steps. By default that of the
        longest attack (2.5 · epsilon / max(steps) for PGD), with which a few steps do not cross the
        ball: attacks made for fewer steps are then stronger than these.
      norm: of the ball and of a step.
      random_start: of PGD; APGD always starts at random, MI-FGSM never.
      restarts: attacks from different starts.
      bounds: smallest and largest value of a pixel: numbers, or arrays of one for each channel or
        pixel; None for no bounds.
      loss: what is maximised, by name or as a function of (logits, labels), as for `pgd`.
      batch_size: images that are attacked at a time.

    Returns:
      Robust accuracies, fractions, in the order of steps; they never rise with the number. NaN if
      the network's logits are no numbers.

    Raises:
      TypeError: as `pgd`.
      ValueError: as `pgd`, the attack is unknown, there are no steps, or batch_size is below 1.

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
    if attack not in ITERATED:
        raise ValueError(f"attack must be one of {', '.join(ITERATED)}, not {attack!r}.")
    key = checked_key(key)
    problem, images = checked_problem(
        logits_fn, images, labels, norm=norm, bounds=bounds, loss=loss
    )
    check_batch_size(batch_size)
    radius, steps = one_length("epsilon", epsilon, images), jnp.asarray(steps)
    if steps.ndim != 1 or not len(steps):
        raise ValueError(
            f"steps must have shape (numbers,), not {steps.shape}; give at least one number."
        )
    check_steps(steps)
    random_start = starts_at_random(attack, random_start)
    check_restarts(restarts, random_start)
    length = one_length("step_size", step_size, images)
    longest = jnp.max(steps)
    method = iterated_method(attack, problem, steps=longest, step_size=length)

    def search(keys, images, radius):
        wrong, undefined = judge_clean(problem, images, batch_size)

        def breaking_steps(key):
            outcome = run_queue(
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
    # Outside of a jitted function too, all in one program rather than one an operation.
    breaking = jax.jit(search)(keys, images, radius)
    return check_numbers(share_above(breaking, steps.astype(images.dtype)))
