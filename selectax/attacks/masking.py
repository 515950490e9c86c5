"""Whether an attack's failure says anything: signs that a network hides its gradients."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.attacks.arguments import (
    LogitsFn,
    check_logits,
    check_steps,
    checked_problem,
    per_sample,
)
from selectax.attacks.gradient_sign import fgsm
from selectax.attacks.iteration import evaluate, inside
from selectax.attacks.losses import Labels, fooled
from selectax.attacks.norms import Images
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
    bounds: tuple[float, float] = (0, 1),
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
      bounds: smallest and largest value of a pixel.
      tolerance: share of images that may misbehave before a flag is raised.

    Returns:
      Measurements and flags; `masking_warnings` puts raised flags into words.

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
    problem = checked_problem(logits_fn, images, labels, norm=norm, bounds=bounds)
    check_steps(steps)
    images = jnp.asarray(images)
    radius = per_sample("epsilon", epsilon, images)
    ball: dict[str, Any] = {"epsilon": epsilon, "norm": norm, "bounds": bounds}
    random_key, large_key = jax.random.split(key)

    def judge(points):
        logits = logits_fn(points)
        check_logits(problem, logits)
        return problem.loss(logits, labels, None), fooled(logits, labels)

    clean = evaluate(problem, images)
    single_loss, single = judge(fgsm(logits_fn, images, labels, **ball))
    iterated_loss, iterated = judge(
        pgd(key, logits_fn, images, labels, steps=steps, random_start=False, **ball)
    )

    def at_random(key):
        points = problem.geometry.random_start(key, images, radius)
        return judge(inside(problem, points, images, radius))[1]

    by_chance = jnp.any(
        jax.lax.map(at_random, jax.random.split(random_key, _RANDOM_POINTS)), axis=0
    )
    width = bounds[1] - bounds[0]
    largest = width if norm == "linf" else width * np.sqrt(np.prod(images.shape[1:]))
    everything = {**ball, "epsilon": largest, "steps": steps, "early_stop": True}
    _, beyond = judge(pgd(large_key, logits_fn, images, labels, **everything))

    probabilities = logits_fn(images)
    sums_to_one = jnp.abs(jnp.sum(probabilities, axis=-1) - 1) < 1e-3

    def accuracy(success):
        return jnp.mean(~(success | clean.fooled), dtype=images.dtype)

    still = jnp.all(clean.gradient == 0, axis=tuple(range(1, images.ndim)))
    zero_gradient_share = jnp.mean(still, dtype=images.dtype)
    rising_share = jnp.mean(iterated_loss > clean.loss, dtype=images.dtype)
    clean_mean, single_mean, iterated_mean = map(jnp.mean, (clean.loss, single_loss, iterated_loss))
    rounding = 1e-4 * jnp.abs(single_mean)
    gained = (single_mean > clean_mean + rounding) & (iterated_mean > single_mean - rounding)
    single_accuracy, iterated_accuracy = accuracy(single), accuracy(iterated)
    no_fewer = (iterated_accuracy >= single_accuracy) & (single_accuracy > 0)
    random_accuracy, large_accuracy = accuracy(by_chance), accuracy(beyond)
    return Believability(
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
        probabilities=jnp.all(sums_to_one) & jnp.all(probabilities >= 0),
    )


def masking_warnings(found: Believability) -> tuple[str, ...]:
    """One sentence for each flag that is raised; none for an attack to be believed.

    Args:
      found: by `believability`, concrete.

    Returns:
      Sentences in the order of the flags.

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
    return tuple(sentence for flag, sentence in sentences.items() if getattr(found, flag))
