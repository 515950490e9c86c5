"""Robust accuracy as a function of epsilon."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.arguments.arrays import as_array
from selectax.arguments.bounds import Bounds
from selectax.arguments.key import checked_key
from selectax.arguments.numbers import checked_count
from selectax.attacks.arguments import (
    LogitsFn,
    Problem,
    check_numbers,
    check_restarts,
    check_steps,
    checked_lengths,
    make_problem,
    one_length,
)
from selectax.attacks.attack import Attack
from selectax.attacks.curves.batched_search import search_epsilons
from selectax.attacks.curves.batches import in_batches
from selectax.attacks.curves.clean_images import judge_clean
from selectax.attacks.iteration import Method, as_images, evaluate
from selectax.attacks.losses import CustomLoss, Labels, LossName, fooled
from selectax.attacks.norms import Images, Norm, NormName
from selectax.attacks.registry import named_attack
from selectax.numerics.compiled import one_program, run_compiled


def robust_accuracy_curve(
    key: PRNGKeyArray,
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilons: Sequence[float] | Float[Array, "epsilons"],
    steps: int | Int[Array, ""] = 10,
    attack: str | Attack = "pgd",
    step_size: float | Float[Array, ""] | None = None,
    options: Mapping[str, Any] | None = None,
    norm: NormName | Norm = "linf",
    random_start: bool = True,
    restarts: int = 1,
    bounds: Bounds = (0, 1),
    loss: LossName | CustomLoss = "cross_entropy",
    warm_start: bool = True,
    batch_size: int = 32,
) -> Float[Array, "epsilons"]:
    """Fraction of images that the network classifies correctly under attacks within each epsilon.

    Args:
      key: for the random starts.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilons: radii of the balls, in any order; one compilation serves all. Each is a number for
        all samples, channels and pixels; `pgd` also takes one for each of them.
      steps: number of steps of each attack; a single-step attack ignores it.
      attack: a name in `ATTACKS`, or an `Attack`.
      step_size: length of a step; by default the attack's own for each epsilon.
      options: values for other options of the attack, by name.
      norm: norm of the ball and of a step, as in `pgd`.
      random_start: whether to start at random points; only used by attacks whose `random_start` is
        "optional".
      restarts: number of attacks that an image must withstand with the largest epsilon for which
        it counts as robust.
      bounds: smallest and largest value of a pixel, as in `pgd`.
      loss: loss that is maximised, as in `pgd`.
      warm_start: whether the search for the epsilon that breaks an image begins with steps of
        Newton's method towards the decision boundary, and attacks start from the adversarial image
        of a larger epsilon. This needs fewer evaluations, and makes attacks stronger than their
        number of steps alone. Use False to compare with published results for a number of steps.
      batch_size: number of images that are attacked at a time.

    Returns:
      Robust accuracies, as fractions, in the order of epsilons; they never increase with epsilon.
      NaN if logits are not finite.

    Raises:
      TypeError: as `pgd`.
      ValueError: as `run_attack`, or the attack is unknown, there are no epsilons, or batch_size is
        below 1.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> key, epsilons = jax.random.key(0), (0.0, 0.01, 0.1)
      >>> selectax.robust_accuracy_curve(key, logits_fn, images, labels, epsilons=epsilons).tolist()
      [1.0, 1.0, 0.0]
    """
    breaking = breaking_epsilons(
        key,
        logits_fn,
        images,
        labels,
        epsilons=epsilons,
        steps=steps,
        attack=attack,
        step_size=step_size,
        options=options,
        norm=norm,
        random_start=random_start,
        restarts=restarts,
        bounds=bounds,
        loss=loss,
        warm_start=warm_start,
        batch_size=batch_size,
    )
    return share_above(breaking, jnp.asarray(epsilons, breaking.dtype))


def share_above(
    breaking: Float[Array, "samples"], values: Float[Array, "values"]
) -> Float[Array, "values"]:
    """Fraction of samples that break at more than each value; NaN if a sample is NaN."""
    share = jnp.mean(breaking > values[:, None], axis=1, dtype=values.dtype)
    return jnp.where(jnp.any(jnp.isnan(breaking)), jnp.nan, share)


def breaking_epsilons(
    key: PRNGKeyArray,
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilons: Sequence[float] | Float[Array, "epsilons"],
    steps: int | Int[Array, ""] = 10,
    attack: str | Attack = "pgd",
    step_size: float | Float[Array, ""] | None = None,
    options: Mapping[str, Any] | None = None,
    norm: NormName | Norm = "linf",
    random_start: bool = True,
    restarts: int = 1,
    bounds: Bounds = (0, 1),
    loss: LossName | CustomLoss = "cross_entropy",
    warm_start: bool = True,
    batch_size: int = 32,
) -> Float[Array, "samples"]:
    """The smallest of several epsilons with which an attack makes the network err, for each image.

    An image that breaks with one epsilon counts as broken with every larger one. An iterated attack
    is therefore not run with each epsilon. A binary search finds the smallest one, for all images
    in one compiled loop; as soon as an attack has broken its image, its place in the batch is
    filled anew. The cost grows with the logarithm of the number of epsilons. A single-step attack
    is run with all epsilons, because its larger steps can jump over what a smaller step hits.

    Args:
      key: for the random starts.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilons: radii of the balls, as in `robust_accuracy_curve`.
      steps: number of steps of each attack, as in `robust_accuracy_curve`.
      attack: a name in `ATTACKS`, or an `Attack`.
      step_size: length of a step, as in `robust_accuracy_curve`.
      options: values for other options of the attack, by name.
      norm: norm of the ball and of a step, as in `pgd`.
      random_start: whether to start at random points, as in `robust_accuracy_curve`.
      restarts: number of attacks that an image must withstand, as in `robust_accuracy_curve`.
      bounds: smallest and largest value of a pixel, as in `pgd`.
      loss: loss that is maximised, as in `pgd`.
      warm_start: how searches and attacks begin, as in `robust_accuracy_curve`.
      batch_size: number of images that are attacked at a time.

    Returns:
      One of the epsilons for each image; 0 if the clean image is misclassified, infinity if no
      attack succeeds, NaN if logits are not finite.

    Raises:
      TypeError: as `robust_accuracy_curve`.
      ValueError: as `robust_accuracy_curve`.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> key, epsilons = jax.random.key(0), (0.0, 0.01, 0.1)
      >>> broken = selectax.breaking_epsilons(key, logits_fn, images, labels, epsilons=epsilons)
      >>> broken.round(3)
      Array([0.1], dtype=float32)
    """
    attack = named_attack(attack)
    key = checked_key(key)
    problem, images = make_problem(logits_fn, images, labels, norm=norm, bounds=bounds, loss=loss)
    check_steps(steps)
    checked_count("batch_size", batch_size)
    random_start = attack.starts_at_random(random_start)
    check_restarts(restarts, random_start)
    epsilons = _sorted_epsilons(epsilons, images)
    length = None if step_size is None else one_length("step_size", step_size, images)
    method = attack.method(problem, steps=steps, step_size=length, options=options)
    unknown = jnp.isnan(epsilons[-1])  # NaN is sorted to the end
    if attack.single_step:

        def by_one_step(images, epsilons, unknown):
            breaking = _by_one_step(problem, method, images, epsilons, batch_size)
            return jnp.where(unknown, jnp.nan, breaking)

        return check_numbers(run_compiled(by_one_step, images, epsilons, unknown))

    def search(key, images, epsilons):
        wrong, undefined = judge_clean(problem, images, batch_size)
        withstood = search_epsilons(
            key,
            problem,
            method,
            images,
            ~wrong & ~undefined,
            epsilons,
            steps=steps,
            restarts=restarts,
            random_start=random_start,
            warm_start=warm_start,
            batch_size=batch_size,
        ).withstood
        breaking = jnp.append(epsilons, jnp.inf)[withstood]
        breaking = jnp.where(undefined | (withstood < 0), jnp.nan, breaking)
        return jnp.where(unknown, jnp.nan, jnp.where(wrong, 0, breaking))

    return check_numbers(run_compiled(search, key, images, epsilons))


def _sorted_epsilons(epsilons, images):
    epsilons = checked_lengths("epsilons", epsilons, images.dtype)
    if epsilons.ndim != 1 or not len(epsilons):
        raise ValueError(
            f"epsilons must have shape (epsilons,), not {epsilons.shape}; give at least one "
            "radius, and use pgd for an epsilon per channel or pixel."
        )
    return jnp.sort(epsilons)


def _by_one_step(problem: Problem, method: Method, images, epsilons, batch_size):
    """Smallest epsilons with which one step succeeds; all steps use the same gradient."""

    def break_batch(images, labels):
        here = problem._replace(labels=labels)
        evaluation = evaluate(here, images, images)

        def attacked(epsilon):
            state = method.init(images, epsilon)
            points, _ = method.update(state, images, evaluation, images, epsilon)
            logits = problem.logits_fn(as_images(problem, points, images))
            finite = jnp.all(jnp.isfinite(logits), axis=-1)
            withstood = jnp.where(finite, jnp.inf, jnp.nan)
            return jnp.where(fooled(logits, labels), epsilon, withstood)

        # An image that breaks with one epsilon and gives NaN with another is NaN.
        breaking = jnp.min(jax.lax.map(attacked, epsilons), axis=0)
        breaking = jnp.where(evaluation.fooled, 0, breaking)
        finite = jnp.all(jnp.isfinite(images), axis=tuple(range(1, images.ndim)))
        return jnp.where(jnp.isnan(evaluation.loss) | ~finite, jnp.nan, breaking)

    return in_batches(break_batch, batch_size, images, problem.labels)


def robust_within(
    correct: Bool[Array, "epsilons samples"], epsilons: Float[Array, "epsilons"]
) -> Bool[Array, "epsilons samples"]:
    """Which samples withstood the attacks with each epsilon and with all smaller ones.

    A smaller ball lies inside a larger one, so a sample that breaks in the smaller ball is not
    robust in the larger one.

    Args:
      correct: whether the sample was classified correctly under the attack with each epsilon.
      epsilons: radii of the balls, in any order.

    Returns:
      Whether each sample is robust within each epsilon; False for a traced epsilon that is negative
      or not finite.

    Raises:
      TypeError: correct is not an array of booleans.
      ValueError: shapes do not match, or a concrete epsilon is negative or not finite.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> correct = jnp.array([[True, False], [False, True]])
      >>> selectax.robust_within(correct, jnp.array([0.1, 0.2])).tolist()
      [[True, False], [False, False]]
    """
    given = as_array("correct", correct)
    if given.dtype != bool:
        raise TypeError(f"correct must be booleans, not {given.dtype}; compare with the labels.")
    epsilons = checked_lengths(
        "epsilons", epsilons, jnp.result_type(as_array("epsilons", epsilons, keep_doubles=True))
    )
    if given.ndim != 2 or epsilons.shape != given.shape[:1]:
        raise ValueError(
            "correct must have shape (epsilons, samples) and epsilons (epsilons,), not "
            f"{given.shape} and {epsilons.shape}."
        )
    return _robust_within(given, epsilons)


@one_program
def _robust_within(correct, epsilons):
    within = epsilons[None, :] <= epsilons[:, None]
    robust = jnp.all(correct[None] | ~within[:, :, None], axis=1)
    return robust & ~jnp.isnan(epsilons)[:, None]
