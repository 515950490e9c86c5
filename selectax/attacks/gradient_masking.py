"""Whether an attack's failure says anything: signs that a network hides its gradients."""

import math
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.arguments.arrays import is_concrete
from selectax.arguments.bounds import Bounds
from selectax.arguments.images import working_dtype
from selectax.arguments.key import checked_key
from selectax.attacks.arguments import (
    LogitsFn,
    broadcast_lengths,
    check_numbers,
    check_steps,
    checked_problem,
)
from selectax.attacks.gradient_sign import fgsm
from selectax.attacks.iteration import as_images, evaluate, inside
from selectax.attacks.losses import Labels, fooled
from selectax.attacks.norms import NORMS, Images
from selectax.attacks.projected_gradient import pgd

_RANDOM_POINTS = 10


class Believability(NamedTuple):
    """Measurements on some images, and the flags that they raise. All are scalars.

    Attributes:
      clean_accuracy: without attack.
      single_step_accuracy: under FGSM with epsilon.
      iterated_accuracy: under PGD with epsilon, from the clean image.
      random_accuracy: at 10 random points of the ball.
      large_epsilon_accuracy: under PGD in a ball that holds every image.
      zero_gradient_share: images at which the gradient of the loss is zero.
      rising_share: images whose loss PGD raised.
      zero_gradients: zero_gradient_share is above the tolerance.
      loss_not_rising: rising_share is below 1 by more than the tolerance.
      single_step_as_good: PGD breaks no more images than FGSM and reaches no higher loss; not
        raised where FGSM reaches the same loss above the clean one, as it does on linear networks,
        or breaks all.
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


def believability(
    key: PRNGKeyArray,
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: float | Float[Array, ""],
    steps: int | Int[Array, ""] = 10,
    norm: Literal["linf", "l2"] = "linf",
    bounds: Bounds = (0, 1),
    tolerance: float = 0.01,
) -> Believability:
    """Looks for signs that attacks fail for want of good gradients, not for robustness.

    Args:
      key: for random points and starts.
      logits_fn: the attacked network.
      images: clean images within bounds; some tens suffice.
      labels: true classes.
      epsilon: radius of the ball, in the images' units, at which attacks are to be believed.
      steps: of PGD, with its default step size.
      norm: of the ball.
      bounds: smallest and largest value of a pixel: numbers, or arrays of one for each channel or
        pixel; None for no bounds.
      tolerance: share of images that may misbehave before a flag is raised.

    Returns:
      Measurements and flags; `masking_warnings` puts raised flags into words. Measurements are NaN
      where logits or gradients that they need are not finite.

    Raises:
      TypeError: as `pgd`.
      ValueError: as `pgd`.

    References:
      Athalye, Carlini & Wagner, 2018, "Obfuscated gradients give a false sense of security",
      section 3.1; Carlini et al., 2019, "On evaluating adversarial robustness", section 5; the
      checks of AutoAttack's code (Croce & Hein, 2020).

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> found = selectax.believability(jax.random.key(0), logits_fn, images, labels, epsilon=0.1)
      >>> float(found.iterated_accuracy), bool(found.zero_gradients)
      (0.0, False)
    """
    key = checked_key(key)
    problem, origin = checked_problem(logits_fn, images, labels, norm=norm, bounds=bounds)
    check_steps(steps)
    images = as_images(problem, origin, origin)
    radius = broadcast_lengths("epsilon", epsilon, problem, origin)
    ball: dict[str, Any] = {"epsilon": radius, "norm": norm, "bounds": bounds}
    everything = {**ball, "epsilon": _radius_of_everything(problem, origin), "early_stop": True}
    random_key, large_key = jax.random.split(key)

    clean = evaluate(problem, origin, origin)
    single_loss, single = _judge(problem, fgsm(logits_fn, images, labels, **ball))
    iterated_loss, iterated = _judge(
        problem, pgd(key, logits_fn, images, labels, steps=steps, random_start=False, **ball)
    )

    def at_random(key):
        points = problem.geometry.random_start(key, origin, radius)
        points = inside(problem, points, origin, radius)
        loss, success = _judge(problem, as_images(problem, points, origin))
        return jnp.where(jnp.isnan(loss), jnp.nan, success)

    # NaN, if a point has it, or 1, if a point fools the network.
    by_chance = jnp.max(
        jax.lax.map(at_random, jax.random.split(random_key, _RANDOM_POINTS)), axis=0
    )
    beyond_loss, beyond = _judge(
        problem, pgd(large_key, logits_fn, images, labels, steps=steps, **everything)
    )
    defined = ~jnp.isnan(clean.loss)

    def share(happens, of_loss=clean.loss):
        mean = jnp.mean(happens, dtype=origin.dtype)
        return jnp.where(jnp.all(defined & ~jnp.isnan(of_loss)), mean, jnp.nan)

    def accuracy(success, loss=clean.loss):
        return share(~(success | clean.fooled), loss)

    still = jnp.all(clean.gradient == 0, axis=tuple(range(1, origin.ndim)))
    zero_gradient_share = share(still)
    rising_share = share(iterated_loss > clean.loss, iterated_loss)
    clean_mean, single_mean, iterated_mean = map(jnp.mean, (clean.loss, single_loss, iterated_loss))
    rounding = 1e-4 * jnp.abs(single_mean)
    gained = (single_mean > clean_mean + rounding) & (iterated_mean > single_mean - rounding)
    single_accuracy = accuracy(single, single_loss)
    iterated_accuracy = accuracy(iterated, iterated_loss)
    no_fewer = (iterated_accuracy >= single_accuracy) & (single_accuracy > 0)
    random_accuracy = accuracy(by_chance > 0, by_chance)
    large_accuracy = accuracy(beyond, beyond_loss)
    found = Believability(
        clean_accuracy=accuracy(clean.fooled),
        single_step_accuracy=single_accuracy,
        iterated_accuracy=iterated_accuracy,
        random_accuracy=random_accuracy,
        large_epsilon_accuracy=large_accuracy,
        zero_gradient_share=zero_gradient_share,
        rising_share=rising_share,
        zero_gradients=zero_gradient_share > tolerance,
        loss_not_rising=rising_share < 1 - tolerance,
        single_step_as_good=no_fewer & ~gained,
        random_points_better=random_accuracy < iterated_accuracy - tolerance,
        large_epsilon_withstood=large_accuracy > tolerance,
        probabilities=_are_probabilities(problem.logits_fn(images)),
    )
    check_numbers(jnp.stack(found[:7]) if is_concrete(found) else found.clean_accuracy)
    return found


def _judge(problem, points):
    """Loss and success at images; the loss is NaN where they or their logits are not finite."""
    logits = problem.logits_fn(points)
    loss = problem.loss(logits, problem.labels, None)
    finite = jnp.all(jnp.isfinite(points), axis=tuple(range(1, points.ndim)))
    finite &= jnp.all(jnp.isfinite(logits), axis=-1) & jnp.isfinite(loss)
    return jnp.where(finite, loss, jnp.nan), fooled(logits, problem.labels)


def _radius_of_everything(problem, images):
    """Epsilon of a ball around any image that holds every other."""
    low, high = problem.bounds
    width = high - low
    if is_concrete(width) and not np.all(np.isfinite(width)):
        raise ValueError(
            "bounds must be finite for believability, which attacks in a ball that holds every "
            "image; give the smallest and the largest value of a pixel."
        )
    shape = images.shape[1:]
    if problem.geometry is NORMS["linf"]:
        return jnp.broadcast_to(width, shape) if jnp.ndim(width) else width
    if jnp.ndim(width):
        return jnp.sqrt(jnp.sum(jnp.broadcast_to(width, shape) ** 2))
    return width * math.sqrt(math.prod(shape))


def _are_probabilities(logits):
    # As exact as the sum of rounded probabilities can be.
    tolerance = max(1e-3, float(jnp.finfo(logits.dtype).eps))
    sums = jnp.sum(logits.astype(working_dtype(logits.dtype)), axis=-1)
    return jnp.all(jnp.abs(sums - 1) < tolerance) & jnp.all(logits >= 0)


def masking_warnings(found: Believability) -> tuple[str, ...]:
    """One sentence for each flag that is raised; none for an attack to be believed.

    Args:
      found: by `believability`, concrete.

    Returns:
      Sentences in the order of the flags; a single one if measurements are NaN.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> found = selectax.believability(jax.random.key(0), logits_fn, images, labels, epsilon=0.1)
      >>> selectax.masking_warnings(found)
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
            "image, where none can be right."
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
