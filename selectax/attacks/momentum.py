"""MI-FGSM: steps along a running sum of gradients."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from selectax.arguments.bounds import Bounds
from selectax.arguments.images import working_dtype
from selectax.arguments.numbers import check_real
from selectax.attacks.arguments import Epsilon, LogitsFn, Problem, checked_lengths
from selectax.attacks.attack import Attack, run_attack
from selectax.attacks.iteration import Method, inside
from selectax.attacks.losses import CustomLoss, Labels, LossName
from selectax.attacks.norms import Images, Norm, NormName, moderate


def mi_fgsm_method(
    problem: Problem,
    *,
    steps: int | Int[Array, ""],
    step_size: Array | None = None,
    decay: float | Float[Array, ""] = 1.0,
) -> Method:
    """Steps along the normalized momentum, by default of length epsilon / steps."""
    check_real("decay", decay)
    dtype = working_dtype(problem.dtype)
    decay = checked_lengths("decay", decay, dtype, remedy="0 is no momentum, 1 the whole one")

    def update(momentum, points, evaluation, origin, epsilon):
        gradient, _ = moderate(evaluation.gradient)
        axes = tuple(range(1, gradient.ndim))
        # The mean of absolute values instead of their sum: only the gradients' proportions matter.
        size = jnp.mean(jnp.abs(gradient), axis=axes, keepdims=True)
        momentum = decay * momentum + gradient / jnp.where(size == 0, 1, size)
        length = epsilon / steps if step_size is None else step_size
        moved = points + length * problem.norm.normalize(momentum)
        return inside(problem, moved, origin, epsilon), momentum

    return Method(lambda origin, epsilon: jnp.zeros_like(origin), update)


def mi_fgsm(
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: Epsilon,
    steps: int | Int[Array, ""],
    step_size: Epsilon | None = None,
    decay: float | Float[Array, ""] = 1.0,
    norm: NormName | Norm = "linf",
    bounds: Bounds = (0, 1),
    targets: Labels | None = None,
    loss: LossName | CustomLoss = "cross_entropy",
    early_stop: bool = False,
) -> Images:
    """Momentum iterative fast gradient sign method, from the clean image.

    Args:
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, as in `pgd`.
      steps: number of gradient steps, at least 1.
      step_size: length of a step; by default epsilon / steps, as in the paper.
      decay: decay factor μ of the momentum; 0 for no momentum.
      norm: norm of the ball and of a step, as in `pgd`.
      bounds: smallest and largest value of a pixel, as in `pgd`.
      targets: target classes, as in `pgd`.
      loss: loss that is maximised, as in `pgd`.
      early_stop: whether each sample stays where it is first misclassified, as in `pgd`.

    Returns:
      Adversarial images.

    Raises:
      TypeError: as `pgd`, or decay is not a single number.
      ValueError: as `pgd`, or decay is concrete and negative or not finite.

    References:
      Dong et al., 2018, "Boosting adversarial attacks with momentum", algorithm 1 and eq. 9 (l2).

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> selectax.mi_fgsm(logits_fn, images, labels, epsilon=0.1, steps=5).round(3)
      Array([[[[0.4, 0.6]]]], dtype=float32)
    """
    return run_attack(
        None,
        MI_FGSM,
        logits_fn,
        images,
        labels,
        epsilon=epsilon,
        steps=steps,
        step_size=step_size,
        options={"decay": decay},
        norm=norm,
        bounds=bounds,
        targets=targets,
        loss=loss,
        early_stop=early_stop,
    )


MI_FGSM = Attack(
    name="mi_fgsm",
    rule=mi_fgsm_method,
    options=("step_size", "decay"),
    help="steps along a running sum of gradients, from the clean image",
    source="Dong et al. 2018",
)
