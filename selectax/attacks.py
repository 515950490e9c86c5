"""Adversarial attacks: FGSM, PGD and robust accuracy over epsilons.

`logits_fn` is any function from images to logits whose result for one image depends on that image
alone (batch norm in inference). Images are floats within `bounds`. An attack is untargeted and
maximises the cross-entropy; its result lies inside both the epsilon ball and the bounds, exactly.
Epsilon, step size and steps may be traced: one compilation serves all their values.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

Images = Float[Array, "samples height width channels"]
LogitsFn = Callable[[Images], Float[Array, "samples classes"]]
Epsilon = float | Float[Array, ""] | Float[Array, "samples"]


class Norm(NamedTuple):
    """What an attack needs to know of a norm; epsilon is broadcastable to the images.

    Attributes:
      normalize: gradient to the direction of steepest ascent with norm 1.
      project: (images, origin, epsilon) to images inside the ball around origin.
      random_start: (key, origin, epsilon) to a point drawn uniformly from the ball.
    """

    normalize: Callable[[Images], Images]
    project: Callable[[Images, Images, Array], Images]
    random_start: Callable[[PRNGKeyArray, Images, Array], Images]


def _project_linf(images, origin, epsilon):
    # One float inwards: origin ± epsilon may have been rounded outwards.
    lower = jnp.nextafter(origin - epsilon, origin)
    upper = jnp.nextafter(origin + epsilon, origin)
    return jnp.clip(images, lower, upper)


def _uniform_linf(key, origin, epsilon):
    return origin + epsilon * jax.random.uniform(key, origin.shape, origin.dtype, -1, 1)


def _l2_length(vectors):
    return jnp.sqrt(jnp.sum(vectors**2, axis=tuple(range(1, vectors.ndim)), keepdims=True))


def _normalize_l2(gradient):
    # Scaled first: squares of tiny gradients underflow.
    largest = jnp.max(jnp.abs(gradient), axis=tuple(range(1, gradient.ndim)), keepdims=True)
    scaled = gradient / jnp.where(largest > 0, largest, 1)
    length = _l2_length(scaled)
    return scaled / jnp.where(length > 0, length, 1)


def _project_l2(images, origin, epsilon):
    shift = images - origin
    length = _l2_length(shift)
    # A hundred-thousandth inwards covers the rounding of the length.
    inside = epsilon * (1 - 1e-5) / jnp.maximum(length, jnp.finfo(length.dtype).tiny)
    shift = shift * jnp.minimum(inside, 1)
    # A barrier, or the compiler would take (origin + shift) − origin for shift, without rounding.
    projected = jax.lax.optimization_barrier(origin + shift)
    outwards = jnp.abs(projected - origin) > jnp.abs(shift)
    return jnp.where(outwards, jnp.nextafter(projected, origin), projected)


def _uniform_l2(key, origin, epsilon):
    direction_key, radius_key = jax.random.split(key)
    direction = _normalize_l2(jax.random.normal(direction_key, origin.shape, origin.dtype))
    dimensions = np.prod(origin.shape[1:])
    uniform = jax.random.uniform(radius_key, (len(origin),) + (1,) * (origin.ndim - 1))
    return origin + epsilon * uniform ** (1 / dimensions) * direction


NORMS = {
    "linf": Norm(jnp.sign, _project_linf, _uniform_linf),
    "l2": Norm(_normalize_l2, _project_l2, _uniform_l2),
}


def fgsm(
    logits_fn: LogitsFn,
    images: Images,
    labels: Int[Array, "samples"],
    *,
    epsilon: Epsilon,
    norm: Literal["linf", "l2"] = "linf",
    bounds: tuple[float, float] = (0, 1),
) -> Images:
    """Fast gradient sign method: one step of length epsilon along the normalized gradient.

    Args:
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, in the images' units, for all samples or one each.
      norm: of the ball; with "l2" the step goes along the gradient itself.
      bounds: smallest and largest value of a pixel.

    Returns:
      Adversarial images.

    Raises:
      TypeError: images are no floats, or labels no integers.
      ValueError: shapes do not fit, the norm is unknown, or, where values are concrete, images
        lie outside the bounds or epsilon is negative or not finite.

    References:
      Goodfellow, Shlens & Szegedy, 2015, "Explaining and harnessing adversarial examples".
    """
    geometry, epsilon = _checked(images, labels, epsilon, norm, bounds)
    direction = _ascent(geometry, logits_fn, images, labels)
    return _inside(geometry, images + epsilon * direction, images, epsilon, bounds)


def pgd(
    key: PRNGKeyArray,
    logits_fn: LogitsFn,
    images: Images,
    labels: Int[Array, "samples"],
    *,
    epsilon: Epsilon,
    steps: int | Int[Array, ""],
    step_size: Epsilon | None = None,
    norm: Literal["linf", "l2"] = "linf",
    random_start: bool = True,
    restarts: int = 1,
    bounds: tuple[float, float] = (0, 1),
) -> Images:
    """Projected gradient descent, in one compiled loop.

    Args:
      key: for the random starts.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, in the images' units, for all samples or one each.
      steps: number of gradient steps, at least 1.
      step_size: length of a step; by default 2.5 · epsilon / steps.
      norm: of the ball and of a step.
      random_start: whether to start from a point drawn uniformly from the ball.
      restarts: attacks from different starts; each sample keeps a result that is misclassified if
        there is one, and of several the one with the highest loss.
      bounds: smallest and largest value of a pixel.

    Returns:
      Adversarial images.

    Raises:
      TypeError: images are no floats, or labels no integers.
      ValueError: shapes do not fit, the norm is unknown, restarts or steps are below 1, several
        restarts lack a random start, or, where values are concrete, images lie outside the bounds
        or epsilon or step_size is negative or not finite.

    References:
      Madry et al., 2018, "Towards deep learning models resistant to adversarial attacks" (with
      steps of 2.5 · epsilon / steps in its l2 attacks).
    """
    geometry, epsilon = _checked(images, labels, epsilon, norm, bounds)
    if restarts < 1:
        raise ValueError(f"restarts must be at least 1, not {restarts}.")
    if restarts > 1 and not random_start:
        raise ValueError(f"restarts={restarts} needs random_start=True, or all would be alike.")
    if not isinstance(steps, jax.core.Tracer) and steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}.")
    if step_size is None:
        step_size = 2.5 * epsilon / steps
    else:
        step_size = _per_sample("step_size", step_size, images)

    def attack(key):
        start = images
        if random_start:
            start = geometry.random_start(key, images, epsilon)
            start = _inside(geometry, start, images, epsilon, bounds)

        def step(_, adversarial):
            direction = _ascent(geometry, logits_fn, adversarial, labels)
            adversarial = adversarial + step_size * direction
            return _inside(geometry, adversarial, images, epsilon, bounds)

        return jax.lax.fori_loop(0, steps, step, start)

    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(restarts))
    if restarts == 1:
        return attack(keys[0])

    def strength(adversarial):
        logits = logits_fn(adversarial)
        wrong = jnp.argmax(logits, axis=-1) != labels
        return jnp.where(wrong, jnp.inf, _log_odds(logits, labels))

    candidates = jax.lax.map(attack, keys)
    strongest = jnp.argmax(jax.lax.map(strength, candidates), axis=0)
    return jnp.take_along_axis(candidates, _like(strongest, images)[None], axis=0)[0]


def robust_accuracy_curve(
    key: PRNGKeyArray,
    logits_fn: LogitsFn,
    images: Images,
    labels: Int[Array, "samples"],
    *,
    epsilons: Sequence[float] | Float[Array, "epsilons"],
    steps: int | Int[Array, ""] = 10,
    attack: Literal["pgd", "fgsm"] = "pgd",
    step_size: float | Float[Array, ""] | None = None,
    norm: Literal["linf", "l2"] = "linf",
    random_start: bool = True,
    restarts: int = 1,
    bounds: tuple[float, float] = (0, 1),
) -> Float[Array, "epsilons"]:
    """Share of images that no attack within each epsilon makes the network misclassify.

    Args:
      key: for the random starts of PGD.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilons: radii, in any order; the program is compiled once for all.
      steps: of PGD.
      attack: "pgd" or "fgsm".
      step_size: of PGD; by default 2.5 · epsilon / steps of each epsilon.
      norm: as for `pgd`.
      random_start: as for `pgd`.
      restarts: as for `pgd`.
      bounds: as for `pgd`.

    Returns:
      Robust accuracies, fractions, in the order of epsilons; they never rise with epsilon.

    Raises:
      TypeError: as `pgd`.
      ValueError: as `pgd`, or the attack is unknown.
    """
    if attack not in ("pgd", "fgsm"):
        raise ValueError(f"attack must be 'pgd' or 'fgsm', not {attack!r}.")
    _check_lengths("epsilons", epsilons)
    epsilons = jnp.asarray(epsilons, images.dtype)
    if epsilons.ndim != 1:
        raise ValueError(f"epsilons must have shape (epsilons,), not {epsilons.shape}.")

    def correct(epsilon):
        ball = {"epsilon": epsilon, "norm": norm, "bounds": bounds}
        if attack == "fgsm":
            adversarial = fgsm(logits_fn, images, labels, **ball)
        else:
            adversarial = pgd(
                key,
                logits_fn,
                images,
                labels,
                steps=steps,
                step_size=step_size,
                random_start=random_start,
                restarts=restarts,
                **ball,
            )
        return jnp.argmax(logits_fn(adversarial), axis=-1) == labels

    robust = robust_within(jax.lax.map(correct, epsilons), epsilons)
    robust &= jnp.argmax(logits_fn(images), axis=-1) == labels
    return jnp.mean(robust, axis=1, dtype=epsilons.dtype)


def robust_within(
    correct: Bool[Array, "epsilons samples"], epsilons: Float[Array, "epsilons"]
) -> Bool[Array, "epsilons samples"]:
    """Which samples no attack within each epsilon broke: a smaller ball lies inside a larger one.

    Args:
      correct: whether the attack with that epsilon left the sample correctly classified.
      epsilons: radii, in any order.
    """
    within = epsilons[None, :] <= epsilons[:, None]
    return jnp.all(correct[None] | ~within[:, :, None], axis=1)


def _log_odds(logits, labels):
    """Log of the odds against the true class, of which cross-entropy is the softplus.

    It grows and falls with the cross-entropy, and its gradient has the same direction, but does not
    vanish where the network is so certain that the probabilities round to 0 and 1.
    """
    logits = logits.astype(jnp.promote_types(logits.dtype, "float32"))
    true = jnp.arange(logits.shape[-1]) == labels[:, None]
    others = jax.nn.logsumexp(jnp.where(true, -jnp.inf, logits), axis=-1)
    return others - jnp.sum(jnp.where(true, logits, 0), axis=-1)


def _ascent(geometry: Norm, logits_fn, images, labels):
    """Direction of steepest ascent of each image's own loss, whatever the size of the batch."""
    return geometry.normalize(
        jax.grad(lambda images: jnp.sum(_log_odds(logits_fn(images), labels)))(images)
    )


def _inside(geometry: Norm, adversarial, images, epsilon, bounds):
    return jnp.clip(geometry.project(adversarial, images, epsilon), *bounds)


def _like(per_sample, images):
    return per_sample.reshape(per_sample.shape + (1,) * (images.ndim - 1))


def _check_lengths(name, lengths):
    if any(isinstance(length, jax.core.Tracer) for length in jax.tree.leaves(lengths)):
        return
    lengths = np.asarray(lengths)
    if not np.all((lengths >= 0) & np.isfinite(lengths)):
        raise ValueError(f"{name} must be finite and at least 0, not {lengths}.")


def _per_sample(name, length, images):
    """One length for all samples, or one each in a shape that broadcasts against the images."""
    _check_lengths(name, length)
    length = jnp.asarray(length, images.dtype)
    if length.shape not in ((), images.shape[:1]):
        raise ValueError(f"{name} must be a scalar or one value a sample, not {length.shape}.")
    return _like(length, images) if length.ndim else length


def _checked(images, labels, epsilon, norm, bounds):
    if norm not in NORMS:
        raise ValueError(f"norm must be one of {', '.join(NORMS)}, not {norm!r}.")
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise TypeError(f"images must be floats within bounds, not {images.dtype}.")
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, not {labels.dtype}.")
    if images.ndim < 2 or labels.shape != images.shape[:1]:
        raise ValueError(
            "images must have shape (samples, …) and labels (samples,), "
            f"not {images.shape} and {labels.shape}."
        )
    low, high = bounds
    if not low < high:
        raise ValueError(f"bounds must be (smallest, largest), not {bounds}.")
    if not isinstance(images, jax.core.Tracer):
        pixels = np.asarray(images)
        if not np.all((pixels >= low) & (pixels <= high)):
            raise ValueError(f"images must lie within bounds={bounds}; rescale them first.")
    return NORMS[norm], _per_sample("epsilon", epsilon, images)
