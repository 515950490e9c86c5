"""Steps of Newton's method towards the decision boundary."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from selectax.attacks.arguments import Problem, like
from selectax.attacks.iteration import Evaluation, inside
from selectax.attacks.norms import Images, moderate


def step_to_boundary(
    problem: Problem,
    points: Images,
    evaluation: Evaluation,
    origin: Images,
    epsilon: Float[Array, "samples"],
    attacked: Int[Array, "samples"],
    epsilons: Float[Array, "epsilons"],
) -> tuple[Images, Int[Array, "samples"]]:
    """Moves points along the gradient to where the loss would change sign if it were linear.

    Args:
      problem: the problem, with the labels of these samples.
      points: current points.
      evaluation: their evaluation.
      origin: clean images.
      epsilon: radii of the current balls.
      attacked: indices of these radii.
      epsilons: sorted radii to choose from.

    Returns:
      Points in the smallest sufficient ball, which is larger than the current one unless that is
      the largest, and the index of its radius.
    """
    direction = problem.norm.normalize(evaluation.gradient)
    axes = tuple(range(1, origin.ndim))
    gradient, unit = moderate(evaluation.gradient)
    slope = jnp.sum(direction * gradient, axis=axes)
    slope = jnp.maximum(slope, jnp.finfo(gradient.dtype).tiny)
    needed = epsilon - evaluation.loss / unit.reshape(slope.shape) / slope
    wider = jnp.searchsorted(epsilons, needed).astype(jnp.int32)
    wider = jnp.clip(wider, attacked + 1, len(epsilons) - 1)
    radius = epsilons[wider]
    points = points + like(radius - epsilon, origin) * direction
    return inside(problem, points, origin, like(radius, origin)), wider
