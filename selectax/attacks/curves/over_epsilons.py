"""Robust accuracy as a curve over epsilon."""

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.arguments.bounds import Bounds
from selectax.arguments.images import as_array
from selectax.arguments.key import checked_key
from selectax.attacks.arguments import (
    LogitsFn,
    Problem,
    check_batch_size,
    check_numbers,
    check_restarts,
    check_steps,
    checked_lengths,
    checked_problem,
    one_length,
)
from selectax.attacks.batches import in_batches
from selectax.attacks.curves.queue import run_queue
from selectax.attacks.iteration import as_images, evaluate, inside
from selectax.attacks.losses import CustomLoss, Labels, LossName, fooled
from selectax.attacks.norms import Images
from selectax.attacks.registry import ITERATED, iterated_method, starts_at_random

ATTACKS = ("fgsm", *ITERATED)


def robust_accuracy_curve(
    key: PRNGKeyArray,
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilons: Sequence[float] | Float[Array, "epsilons"],
    steps: int | Int[Array, ""] = 10,
    attack: Literal["pgd", "fgsm", "mi_fgsm", "apgd"] = "pgd",
    step_size: float | Float[Array, ""] | None = None,
    norm: Literal["linf", "l2"] = "linf",
    random_start: bool = True,
    restarts: int = 1,
    bounds: Bounds = (0, 1),
    loss: LossName | CustomLoss = "cross_entropy",
    warm_start: bool = True,
    batch_size: int = 32,
) -> Float[Array, "epsilons"]:
    """Share of images that no attack within each epsilon makes the network misclassify.

    Args:
      key: for the random starts.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilons: radii, in any order, each for all samples, channels and pixels (`pgd` alone takes
        one for each); the program is compiled once for all.
      steps: of each attack; FGSM has one.
      attack: "pgd", "fgsm", "mi_fgsm" or "apgd".
      step_size: of PGD and MI-FGSM; by default that of `pgd` or `mi_fgsm` for each epsilon.
      norm: of the ball and of a step.
      random_start: of PGD; APGD always starts at random, MI-FGSM and FGSM never.
      restarts: attacks that the image must withstand at the largest epsilon that it is said to
        withstand, and below.
      bounds: smallest and largest value of a pixel: numbers, or arrays of one for each channel or
        pixel; None for no bounds.
      loss: what is maximised, by name or as a function of (logits, labels), as for `pgd`.
      warm_start: whether the search for the epsilon that breaks an image begins with steps of
        Newton's method towards the class boundary, and attacks start from the adversarial image of
        a larger epsilon. They are then stronger than so many steps from elsewhere, and fewer. With
        False each is an attack of its own, as comparisons with published numbers of steps ask for.
      batch_size: images that are attacked at a time.

    Returns:
      Robust accuracies, fractions, in the order of epsilons; they never rise with epsilon. NaN if
      the network's logits are no numbers.

    Raises:
      TypeError: as `pgd`.
      ValueError: as `pgd`, the attack is unknown, there are no epsilons, or batch_size is below 1.

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
    """Share of samples that break at more than each value; NaN if one of them is NaN."""
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
    attack: Literal["pgd", "fgsm", "mi_fgsm", "apgd"] = "pgd",
    step_size: float | Float[Array, ""] | None = None,
    norm: Literal["linf", "l2"] = "linf",
    random_start: bool = True,
    restarts: int = 1,
    bounds: Bounds = (0, 1),
    loss: LossName | CustomLoss = "cross_entropy",
    warm_start: bool = True,
    batch_size: int = 32,
) -> Float[Array, "samples"]:
    """Of several epsilons the smallest with which an attack makes the network err, image by image.

    An image that breaks at an epsilon breaks at every larger one, so that the iterated attacks need
    not be made with each: the smallest is searched for, among all images at once, in one compiled
    loop that fills each place of its batch anew as soon as the attack there has broken its image.
    Its cost grows with the logarithm of the number of epsilons. FGSM, whose larger step may jump
    over what a smaller one hits, is made with all epsilons.

    Args:
      key: as for `robust_accuracy_curve`, and so are the others.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilons: radii, in any order.
      steps: of each attack.
      attack: "pgd", "fgsm", "mi_fgsm" or "apgd".
      step_size: of PGD and MI-FGSM.
      norm: of the ball and of a step.
      random_start: of PGD.
      restarts: attacks that an image must withstand.
      bounds: smallest and largest value of a pixel: numbers, or arrays of one for each channel or
        pixel; None for no bounds.
      loss: what is maximised, by name or as a function of (logits, labels), as for `pgd`.
      warm_start: whether attacks start from those with larger epsilons.
      batch_size: images that are attacked at a time.

    Returns:
      One of the epsilons; 0 where the clean image is misclassified, infinity where no attack
      succeeds, NaN where logits are no numbers.

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
    if attack not in ATTACKS:
        raise ValueError(f"attack must be one of {', '.join(ATTACKS)}, not {attack!r}.")
    key = checked_key(key)
    problem, images = checked_problem(
        logits_fn, images, labels, norm=norm, bounds=bounds, loss=loss
    )
    check_steps(steps)
    check_batch_size(batch_size)
    random_start = starts_at_random(attack, random_start)
    check_restarts(restarts, random_start)
    epsilons = checked_lengths("epsilons", epsilons, images.dtype)
    if epsilons.ndim != 1 or not len(epsilons):
        raise ValueError(
            f"epsilons must have shape (epsilons,), not {epsilons.shape}; give at least one "
            "radius, and take pgd for an epsilon of each channel or pixel."
        )
    length = one_length("step_size", step_size, images)
    epsilons = jnp.sort(epsilons)
    unknown = jnp.isnan(epsilons[-1])  # NaN is sorted to the end
    if attack == "fgsm":
        breaking = _by_one_step(problem, images, epsilons, batch_size)
        return check_numbers(jnp.where(unknown, jnp.nan, breaking))
    method = iterated_method(attack, problem, steps=steps, step_size=length)

    def search(key, images, epsilons):
        wrong, undefined = judge_clean(problem, images, batch_size)
        withstood = run_queue(
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

    # Outside of a jitted function too, all in one program rather than one an operation.
    return check_numbers(jax.jit(search)(key, images, epsilons))


def judge_clean(
    problem: Problem, images: Images, batch_size: int
) -> tuple[Bool[Array, "samples"], Bool[Array, "samples"]]:
    """Which clean images are misclassified; which of them, or of their logits, are not finite."""

    def judge(images, labels):
        logits = problem.logits_fn(as_images(problem, images, images))
        finite = jnp.all(jnp.isfinite(images), axis=tuple(range(1, images.ndim)))
        finite &= jnp.all(jnp.isfinite(logits), axis=-1)
        return fooled(logits, labels) & finite, ~finite

    wrong, undefined = in_batches(judge, batch_size, images, problem.labels)
    return wrong, undefined


def _by_one_step(problem, images, epsilons, batch_size):
    """The smallest epsilons with which FGSM succeeds; the gradient is the same for all."""

    def few(images, labels):
        here = problem._replace(labels=labels)
        evaluation = evaluate(here, images, images)
        direction = problem.geometry.normalize(evaluation.gradient)

        def one(epsilon):
            points = inside(here, images + epsilon * direction, images, epsilon)
            logits = problem.logits_fn(as_images(problem, points, images))
            finite = jnp.all(jnp.isfinite(logits), axis=-1)
            withstood = jnp.where(finite, jnp.inf, jnp.nan)
            return jnp.where(fooled(logits, labels), epsilon, withstood)

        # An image that one epsilon breaks and another makes NaN is NaN.
        breaking = jnp.min(jax.lax.map(one, epsilons), axis=0)
        breaking = jnp.where(evaluation.fooled, 0, breaking)
        finite = jnp.all(jnp.isfinite(images), axis=tuple(range(1, images.ndim)))
        return jnp.where(jnp.isnan(evaluation.loss) | ~finite, jnp.nan, breaking)

    return in_batches(few, batch_size, images, problem.labels)


def robust_within(
    correct: Bool[Array, "epsilons samples"], epsilons: Float[Array, "epsilons"]
) -> Bool[Array, "epsilons samples"]:
    """Which samples no attack within each epsilon broke: a smaller ball lies inside a larger one.

    Args:
      correct: whether the attack with that epsilon left the sample correctly classified.
      epsilons: radii, in any order.

    Returns:
      Whether the sample withstood the attacks with that epsilon and with all smaller ones; False
      for a traced epsilon that is negative or not finite.

    Raises:
      TypeError: correct are no booleans.
      ValueError: shapes do not fit, or a concrete epsilon is negative or not finite.

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> correct = jnp.array([[True, False], [False, True]])
      >>> selectax.robust_within(correct, jnp.array([0.1, 0.2])).tolist()
      [[True, False], [False, False]]
    """
    correct = jnp.asarray(as_array(correct))
    if correct.dtype != bool:
        raise TypeError(f"correct must be booleans, not {correct.dtype}; compare with the labels.")
    epsilons = checked_lengths("epsilons", epsilons, jnp.result_type(as_array(epsilons)))
    if correct.ndim != 2 or epsilons.shape != correct.shape[:1]:
        raise ValueError(
            "correct must have shape (epsilons, samples) and epsilons (epsilons,), not "
            f"{correct.shape} and {epsilons.shape}."
        )
    within = epsilons[None, :] <= epsilons[:, None]
    robust = jnp.all(correct[None] | ~within[:, :, None], axis=1)
    return robust & ~jnp.isnan(epsilons)[:, None]
