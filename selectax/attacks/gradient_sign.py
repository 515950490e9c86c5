"""FGSM: one step along the gradient."""

from selectax.arguments.bounds import Bounds
from selectax.attacks.arguments import Epsilon, LogitsFn, Problem
from selectax.attacks.attack import Attack, run_attack
from selectax.attacks.iteration import Method, inside, no_state
from selectax.attacks.losses import CustomLoss, Labels, LossName
from selectax.attacks.norms import Images, Norm, NormName


def fgsm_method(problem: Problem) -> Method:
    """A step of length epsilon along the normalized gradient."""

    def update(state, points, evaluation, origin, epsilon):
        moved = points + epsilon * problem.norm.normalize(evaluation.gradient)
        return inside(problem, moved, origin, epsilon), state

    return Method(no_state, update)


def fgsm(
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: Epsilon,
    norm: NormName | Norm = "linf",
    bounds: Bounds = (0, 1),
    targets: Labels | None = None,
    loss: LossName | CustomLoss = "cross_entropy",
) -> Images:
    """Fast gradient sign method: one step of length epsilon along the normalized gradient.

    Args:
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, as in `pgd`.
      norm: norm of the ball, as in `pgd`; with "l2" the step follows the gradient itself.
      bounds: smallest and largest value of a pixel, as in `pgd`.
      targets: target classes, as in `pgd`.
      loss: loss that is maximised, as in `pgd`.

    Returns:
      Adversarial images.

    Raises:
      TypeError: as `pgd`.
      ValueError: as `pgd`.

    References:
      Goodfellow, Shlens & Szegedy, 2015, "Explaining and harnessing adversarial examples".

    Example:
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> selectax.fgsm(logits_fn, images, labels, epsilon=0.1).round(3)
      Array([[[[0.4, 0.6]]]], dtype=float32)
    """
    return run_attack(
        None,
        FGSM,
        logits_fn,
        images,
        labels,
        epsilon=epsilon,
        norm=norm,
        bounds=bounds,
        targets=targets,
        loss=loss,
    )


FGSM = Attack(
    name="fgsm",
    rule=fgsm_method,
    single_step=True,
    help="one step of length epsilon along the normalized gradient",
    source="Goodfellow et al. 2015",
)
