"""The strongest of several attacks, sample by sample."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from selectax.arguments.bounds import Bounds
from selectax.arguments.images import as_array, working_dtype
from selectax.attacks.arguments import (
    LogitsFn,
    Problem,
    check_numbers,
    checked_problem,
    like,
)
from selectax.attacks.losses import Labels, fooled
from selectax.attacks.norms import Images


def strength(problem: Problem, points: Images) -> Float[Array, "samples"]:
    """Infinite where the goal is reached, else the loss; NaN where a logit is not finite."""
    logits = problem.logits_fn(points)
    loss = problem.loss(logits, problem.labels, problem.targets)
    finite = jnp.all(jnp.isfinite(logits), axis=-1) & jnp.isfinite(loss)
    loss = jnp.where(finite, loss, jnp.nan).astype(working_dtype(points.dtype))
    return jnp.where(fooled(logits, problem.labels, problem.targets), jnp.inf, loss)


def keys_of_restarts(key: PRNGKeyArray, restarts: int) -> PRNGKeyArray:
    """A key for each attack; the first ones are the same however many there are."""
    return jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(restarts, dtype=jnp.int32))


def best_of_restarts(
    keys: PRNGKeyArray,
    attack: Callable[[PRNGKeyArray, Images, Array], tuple[Images, Float[Array, "samples"]]],
    images: Images,
) -> Images:
    """Attacks again and again, keeping of each sample the strongest result.

    Args:
      keys: one an attack.
      attack: (key, best points so far, whether these reach the goal) to points and their strength.
      images: clean images, in the type of the points; every attack counts as stronger.
    """

    def once_more(carry, key):
        best, reached = carry
        points, found = attack(key, best, reached == jnp.inf)
        stronger = ~(found <= reached)  # or NaN, which is to be seen
        best = jnp.where(like(stronger, images), points, best)
        return (best, jnp.where(stronger, found, reached)), None

    weakest = jnp.full(len(images), -jnp.inf, images.dtype)
    return jax.lax.scan(once_more, (images, weakest), keys)[0][0]


def strongest(
    logits_fn: LogitsFn,
    candidates: Sequence[Images] | Float[Array, "attacks samples height width channels"],
    labels: Labels,
    *,
    targets: Labels | None = None,
    bounds: Bounds = (0, 1),
) -> Images:
    """Of several attacks' results, per sample the strongest.

    That is the first that is misclassified (or, with targets, classified as the target), and if
    there is none the one with the highest cross-entropy.

    Args:
      logits_fn: the attacked network.
      candidates: results of attacks on the same images, in order of preference.
      labels: true classes.
      targets: classes to be reached, of targeted attacks.
      bounds: smallest and largest value of a pixel: numbers, or arrays of one for each channel or
        pixel; None for no bounds.

    Returns:
      Adversarial images; NaN where the logits of a candidate are not finite.

    Raises:
      TypeError: candidates are no floats, or labels no integers.
      ValueError: there are no candidates, shapes do not fit, or, where values are concrete,
        candidates lie outside the bounds, labels or targets outside the classes, or logits are
        not finite.

    Example:
      >>> import jax.numpy as jnp
      >>> from selectax.attacks import strongest
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> strongest(logits_fn, [images, images.at[..., 0].set(0.2)], labels).round(3)
      Array([[[[0.2, 0.5]]]], dtype=float32)
    """
    if not len(candidates):
        raise ValueError("candidates are empty; give at least one attack's images.")
    candidates = [jnp.asarray(as_array(candidate)) for candidate in candidates]
    shapes = {candidate.shape for candidate in candidates}
    if len(shapes) > 1:
        raise ValueError(f"candidates must be alike in shape, not {sorted(shapes)}.")
    for candidate in candidates:
        problem, _ = checked_problem(
            logits_fn, candidate, labels, norm="linf", bounds=bounds, targets=targets
        )
    candidates = jnp.stack(candidates)
    strengths = jax.lax.map(lambda points: strength(problem, points), candidates)
    chosen = jnp.argmax(strengths, axis=0)  # the first NaN, if there is one
    best = jnp.take_along_axis(candidates, like(chosen, candidates[0])[None], axis=0)[0]
    undefined = jnp.any(jnp.isnan(strengths), axis=0)
    return check_numbers(jnp.where(like(undefined, best), jnp.nan, best))
