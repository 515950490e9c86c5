"""Signs that a network hides its gradients, so that attacks fail without it being robust."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.arguments.arrays import is_concrete
from selectax.arguments.bounds import Bounds
from selectax.arguments.images import working_dtype
from selectax.arguments.key import checked_key
from selectax.arguments.numbers import check_fraction
from selectax.attacks.arguments import (
    LogitsFn,
    Problem,
    broadcast_lengths,
    check_numbers,
    check_steps,
    make_problem,
)
from selectax.attacks.gradient_sign import fgsm
from selectax.attacks.iteration import Evaluation, as_images, evaluate, inside
from selectax.attacks.losses import Labels, fooled
from selectax.attacks.norms import NORMS, Images, NormName
from selectax.attacks.projected_gradient import pgd
from selectax.numerics.compiled import run_compiled

_RANDOM_POINTS = 10


class Believability(NamedTuple):
    """Measurements on some images, and the flags that they raise. All are scalars.

    Attributes:
      clean_accuracy: accuracy without attack.
      single_step_accuracy: accuracy under FGSM with epsilon.
      iterated_accuracy: accuracy under PGD with epsilon, from the clean image.
      random_accuracy: accuracy at 10 random points of the ball.
      large_epsilon_accuracy: accuracy under PGD in a ball that contains every image.
      zero_gradient_share: fraction of images at which the gradient of the loss is zero.
      rising_share: fraction of images whose loss PGD raises.
      zero_gradients: zero_gradient_share is above the tolerance.
      loss_not_rising: rising_share is below 1 by more than the tolerance.
      single_step_as_good: PGD breaks no more images than FGSM and reaches no higher loss. Not
        raised if FGSM breaks all images, or raises the loss as much as PGD, as on linear networks.
      random_points_better: random points break more images than PGD, by more than the tolerance.
      large_epsilon_withstood: large_epsilon_accuracy is above the tolerance.
      probabilities: the "logits" are probabilities, whose gradients vanish.

    Example:
      >>> from selectax.attacks import Believability
      >>> Believability._fields[:2]
      ('clean_accuracy', 'single_step_accuracy')
    """

    clean_accuracy: Float[Array, ""]
    single_step_accuracy: Float[Array, ""]
    iterated_accuracy: Float[Array, ""]
    random_accuracy: Float[Array, ""]
    large_epsilon_accuracy: Float[Array, ""]
    zero_gradient_share: Float[Array, ""]
    rising_share: Float[Array, ""]
    zero_gradients: Bool[Array, ""]
    loss_not_rising: Bool[Array, ""]
    single_step_as_good: Bool[Array, ""]
    random_points_better: Bool[Array, ""]
    large_epsilon_withstood: Bool[Array, ""]
    probabilities: Bool[Array, ""]


class _Outcome(NamedTuple):
    """Loss, or NaN if it is not finite, and success at each sample's point."""

    loss: Float[Array, "samples"]
    success: Bool[Array, "samples"]


def attack_believability(
    key: PRNGKeyArray,
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: float | Float[Array, ""],
    steps: int | Int[Array, ""] = 10,
    norm: NormName = "linf",
    bounds: Bounds = (0, 1),
    tolerance: float = 0.01,
) -> Believability:
    """Checks for signs that attacks fail because gradients are bad, not because of robustness.

    Args:
      key: for random points and starts.
      logits_fn: the attacked network.
      images: clean images within bounds; a few dozen are enough.
      labels: true classes.
      epsilon: radius of the ball, in the images' units, for which attacks are checked.
      steps: number of steps of PGD, with its default step size.
      norm: "linf" or "l2".
      bounds: smallest and largest value of a pixel, as in `pgd`; both must be finite.
      tolerance: fraction of images that may deviate before a flag is raised, between 0 and 1.

    Returns:
      Measurements and flags; `masking_warnings` describes the flags that are raised. Measurements
      are NaN if logits or gradients that they depend on are not finite.

    Raises:
      TypeError: as `pgd`, or tolerance is not a single number.
      ValueError: as `pgd`, or bounds are not finite, the norm is not one of the two, or a concrete
        tolerance is not between 0 and 1.

    References:
      Athalye, Carlini & Wagner, 2018, "Obfuscated gradients give a false sense of security",
      section 3.1; Carlini et al., 2019, "On evaluating adversarial robustness", section 5; the
      checks in the code of AutoAttack (Croce & Hein, 2020).

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from selectax.attacks import attack_believability
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> key = jax.random.key(0)
      >>> found = attack_believability(key, logits_fn, images, labels, epsilon=0.1)
      >>> float(found.iterated_accuracy), bool(found.zero_gradients)
      (0.0, False)
    """
    key = checked_key(key)
    problem, origin = make_problem(logits_fn, images, labels, norm=norm, bounds=bounds)
    if problem.norm not in NORMS.values():
        raise ValueError(
            f"norm must be one of {', '.join(NORMS)} for attack_believability, which needs a ball "
            f"that contains every image, not {norm!r}."
        )
    check_steps(steps)
    check_fraction("tolerance", tolerance)
    radius = broadcast_lengths("epsilon", epsilon, problem, origin)
    radius_of_everything = jnp.asarray(_radius_of_everything(problem, origin))

    def measure(key, origin, labels, radius, radius_of_everything, steps):
        images = as_images(problem, origin, origin)
        ball: dict[str, Any] = {"epsilon": radius, "norm": norm, "bounds": bounds}
        everything = {**ball, "epsilon": radius_of_everything, "early_stop": True}
        random_key, large_key = jax.random.split(key)

        clean = evaluate(problem, origin, origin)
        single = _judge(problem, fgsm(logits_fn, images, labels, **ball))
        iterated = _judge(
            problem, pgd(key, logits_fn, images, labels, steps=steps, random_start=False, **ball)
        )
        at_random = _judge_random_points(random_key, problem, origin, radius)
        attacked = pgd(large_key, logits_fn, images, labels, steps=steps, **everything)
        large = _judge(problem, attacked)
        return _with_flags(
            _measurements(clean, single, iterated, at_random, large),
            means=[jnp.mean(one.loss) for one in (clean, single, iterated)],
            probabilities=_are_probabilities(problem.logits_fn(images)),
            tolerance=tolerance,
        )

    found = run_compiled(measure, key, origin, problem.labels, radius, radius_of_everything, steps)
    check_numbers(jnp.stack(found[:7]) if is_concrete(found) else found.clean_accuracy)
    return found


def _judge(problem, points) -> _Outcome:
    """Outcome at images; the loss is also NaN if they or their logits are not finite."""
    logits = problem.logits_fn(points)
    loss = problem.loss(logits, problem.labels, None)
    finite = jnp.all(jnp.isfinite(points), axis=tuple(range(1, points.ndim)))
    finite &= jnp.all(jnp.isfinite(logits), axis=-1) & jnp.isfinite(loss)
    return _Outcome(jnp.where(finite, loss, jnp.nan), fooled(logits, problem.labels))


def _judge_random_points(key, problem: Problem, origin, radius) -> _Outcome:
    """Whether one of the random points fools the network; the loss is only good for its NaN."""

    def at_random(key):
        points = problem.norm.random_start(key, origin, radius)
        points = inside(problem, points, origin, radius)
        loss, success = _judge(problem, as_images(problem, points, origin))
        return jnp.where(jnp.isnan(loss), jnp.nan, success)

    # NaN if a point is NaN, 1 if a point fools the network.
    keys = jax.random.split(key, _RANDOM_POINTS)
    highest = jnp.max(jax.lax.map(at_random, keys), axis=0)
    return _Outcome(highest, highest > 0)


def _measurements(
    clean: Evaluation, single: _Outcome, iterated: _Outcome, at_random: _Outcome, large: _Outcome
) -> dict[str, Array]:
    """The measurements of Believability; NaN where a loss that they depend on is NaN."""
    defined = ~jnp.isnan(clean.loss)
    axes = tuple(range(1, clean.gradient.ndim))

    def share(happens, of_loss=clean.loss):
        mean = jnp.mean(happens, dtype=clean.gradient.dtype)
        return jnp.where(jnp.all(defined & ~jnp.isnan(of_loss)), mean, jnp.nan)

    def accuracy(outcome):
        return share(~(outcome.success | clean.fooled), outcome.loss)

    return {
        "clean_accuracy": share(~clean.fooled),
        "single_step_accuracy": accuracy(single),
        "iterated_accuracy": accuracy(iterated),
        "random_accuracy": accuracy(at_random),
        "large_epsilon_accuracy": accuracy(large),
        "zero_gradient_share": share(jnp.all(clean.gradient == 0, axis=axes)),
        "rising_share": share(iterated.loss > clean.loss, iterated.loss),
    }


def _with_flags(measured: dict[str, Array], means, probabilities, tolerance) -> Believability:
    """Adds the flags; means are the mean losses of the clean images, under FGSM and under PGD."""
    clean_mean, single_mean, iterated_mean = means
    single, iterated = measured["single_step_accuracy"], measured["iterated_accuracy"]
    rounding = 1e-4 * jnp.abs(single_mean)
    as_high = (single_mean > clean_mean + rounding) & (iterated_mean > single_mean - rounding)
    gained = as_high | (iterated_mean > single_mean + rounding)
    no_fewer = (iterated >= single) & (single > 0)
    return Believability(
        **measured,
        zero_gradients=measured["zero_gradient_share"] > tolerance,
        loss_not_rising=measured["rising_share"] < 1 - tolerance,
        single_step_as_good=no_fewer & ~gained,
        random_points_better=measured["random_accuracy"] < iterated - tolerance,
        large_epsilon_withstood=measured["large_epsilon_accuracy"] > tolerance,
        probabilities=probabilities,
    )


def _radius_of_everything(problem, images):
    """Radius of a ball around any image that contains every other image."""
    low, high = problem.bounds
    width = high - low
    if is_concrete(width) and not np.all(np.isfinite(width)):
        raise ValueError(
            "bounds must be finite for attack_believability, which needs a ball that contains "
            "every image; give the smallest and the largest value of a pixel."
        )
    shape = images.shape[1:]
    if problem.norm is NORMS["linf"]:
        return jnp.broadcast_to(width, shape) if jnp.ndim(width) else width
    if jnp.ndim(width):
        return jnp.sqrt(jnp.sum(jnp.broadcast_to(width, shape) ** 2))
    return width * math.sqrt(math.prod(shape))


def _are_probabilities(logits):
    # Rounded probabilities do not sum to exactly 1.
    tolerance = max(1e-3, float(jnp.finfo(logits.dtype).eps))
    sums = jnp.sum(logits.astype(working_dtype(logits.dtype)), axis=-1)
    return jnp.all(jnp.abs(sums - 1) < tolerance) & jnp.all(logits >= 0)


def masking_warnings(found: Believability) -> tuple[str, ...]:
    """One sentence for each flag that is raised; none if the attacks are believable.

    Args:
      found: concrete result of `attack_believability`.

    Returns:
      Sentences in the order of the flags; a single sentence if measurements are NaN.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from selectax.attacks import attack_believability, masking_warnings
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> key = jax.random.key(0)
      >>> found = attack_believability(key, logits_fn, images, labels, epsilon=0.1)
      >>> masking_warnings(found)
      ()
    """
    sentences = {
        "zero_gradients": (
            f"The gradient is zero at {found.zero_gradient_share:.1%} of the images: "
            "attacks along it do not move them."
        ),
        "loss_not_rising": (
            f"PGD raises the loss of only {found.rising_share:.1%} of the images: "
            "the gradient does not point uphill."
        ),
        "single_step_as_good": (
            f"PGD leaves {found.iterated_accuracy:.1%} accuracy and a single step "
            f"{found.single_step_accuracy:.1%}: iterating does not help."
        ),
        "random_points_better": (
            f"Random points leave {found.random_accuracy:.1%} accuracy and PGD "
            f"{found.iterated_accuracy:.1%}: searching without gradients is stronger."
        ),
        "large_epsilon_withstood": (
            f"PGD leaves {found.large_epsilon_accuracy:.1%} accuracy in a ball that holds every "
            "image, where no network can be right."
        ),
        "probabilities": (
            "The network returns probabilities: give attacks the logits, "
            "whose gradients do not vanish."
        ),
    }
    if np.any(np.isnan(np.asarray(found[:7], np.float64))):
        return (
            "The network's logits or their gradients are not finite: attacks say nothing about it.",
        )
    return tuple(sentence for flag, sentence in sentences.items() if getattr(found, flag))
