"""The strongest of several attacks, sample by sample."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from selectax.arguments.arrays import as_array
from selectax.arguments.bounds import Bounds
from selectax.arguments.images import working_dtype
from selectax.attacks.arguments import (
    LogitsFn,
    Problem,
    check_numbers,
    like,
    make_problem,
)
from selectax.attacks.iteration import as_images
from selectax.attacks.losses import Labels, fooled
from selectax.attacks.norms import Images
from selectax.numerics.compiled import run_compiled


def strength(problem: Problem, points: Images) -> Float[Array, "samples"]:
    """Infinity if a point reaches the goal, otherwise its loss; NaN if a logit is not finite."""
    logits = problem.logits_fn(points)
    loss = problem.loss(logits, problem.labels, problem.targets)
    finite = jnp.all(jnp.isfinite(logits), axis=-1) & jnp.isfinite(loss)
    loss = jnp.where(finite, loss, jnp.nan).astype(working_dtype(points.dtype))
    return jnp.where(fooled(logits, problem.labels, problem.targets), jnp.inf, loss)


def keys_of_restarts(key: PRNGKeyArray, restarts: int) -> PRNGKeyArray:
    """A key for each attack. The first ones do not depend on the number of restarts."""
    return jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(restarts, dtype=jnp.int32))


def best_of_restarts(
    keys: PRNGKeyArray,
    problem: Problem,
    attack: Callable[[PRNGKeyArray, Images, Array], tuple[Images, Float[Array, "samples"] | None]],
    origin: Images,
) -> Images:
    """Runs an attack with each key, and keeps the strongest result of each sample.

    Args:
      keys: one key per attack.
      problem: the problem.
      attack: function of (key, best points so far, whether these reach the goal) that returns
        points and their strength; None for the strength if it has not been computed yet.
      origin: clean images, in the type of the points; any attack counts as stronger.

    Returns:
      The strongest points.
    """

    def once_more(carry, key):
        best, reached = carry
        points, found = attack(key, best, reached == jnp.inf)
        if found is None:
            found = strength(problem, as_images(problem, points, origin))
        # NaN, once found, stays, for it must not be hidden.
        stronger = ~(found <= reached) & ~jnp.isnan(reached)
        best = jnp.where(like(stronger, origin), points, best)
        return (best, jnp.where(stronger, found, reached)), None

    weakest = jnp.full(len(origin), -jnp.inf, origin.dtype)
    return jax.lax.scan(once_more, (origin, weakest), keys)[0][0]


def strongest_attack(
    logits_fn: LogitsFn,
    candidates: Sequence[Images] | Float[Array, "attacks samples height width channels"],
    labels: Labels,
    *,
    targets: Labels | None = None,
    bounds: Bounds = (0, 1),
) -> Images:
    """The strongest of several attacks' results, for each sample.

    This is the first result that is misclassified (with targets: classified as the target), or, if
    there is none, the one with the highest cross-entropy.

    Args:
      logits_fn: the attacked network.
      candidates: results of attacks on the same images, in order of preference.
      labels: true classes.
      targets: target classes, of targeted attacks.
      bounds: smallest and largest value of a pixel.

    Returns:
      Adversarial images; NaN where the logits of a candidate are not finite.

    Raises:
      TypeError: candidates are not floats, or labels are not integers.
      ValueError: there are no candidates, or shapes do not match; for concrete values also if
        candidates lie outside the bounds, labels or targets are not classes, or logits are not
        finite.

    Example:
      >>> import jax.numpy as jnp
      >>> from selectax.attacks import strongest_attack
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> candidates = [images, images.at[..., 0].set(0.2)]
      >>> strongest_attack(logits_fn, candidates, labels).round(3)
      Array([[[[0.2, 0.5]]]], dtype=float32)
    """
    if not len(candidates):
        raise ValueError("candidates are empty; give at least one attack's images.")
    candidates = [jnp.asarray(as_array("candidates", candidate)) for candidate in candidates]
    shapes = {candidate.shape for candidate in candidates}
    if len(shapes) > 1:
        raise ValueError(f"candidates must be alike in shape, not {sorted(shapes)}.")
    for candidate in candidates:
        problem, _ = make_problem(logits_fn, candidate, labels, bounds=bounds, targets=targets)

    def choose(candidates):
        strengths = jax.lax.map(lambda points: strength(problem, points), candidates)
        chosen = jnp.argmax(strengths, axis=0)  # the first NaN, if there is one
        best = jnp.take_along_axis(candidates, like(chosen, candidates[0])[None], axis=0)[0]
        undefined = jnp.any(jnp.isnan(strengths), axis=0)
        return jnp.where(like(undefined, best), jnp.nan, best)

    return check_numbers(run_compiled(choose, jnp.stack(candidates)))
