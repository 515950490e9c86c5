"""PGD: steps along the gradient, each projected back into the ball."""

from jaxtyping import Array, Int, PRNGKeyArray

from selectax.arguments.bounds import Bounds
from selectax.attacks.arguments import Epsilon, LogitsFn, Problem
from selectax.attacks.attack import Attack, run_attack
from selectax.attacks.iteration import Method, inside, no_state
from selectax.attacks.losses import CustomLoss, Labels, LossName
from selectax.attacks.norms import Images, Norm, NormName


def pgd_method(
    problem: Problem, *, steps: int | Int[Array, ""], step_size: Array | None = None
) -> Method:
    """Steps along the normalized gradient, by default of length 2.5 · epsilon / steps."""

    def update(state, points, evaluation, origin, epsilon):
        length = 2.5 * epsilon / steps if step_size is None else step_size
        moved = points + length * problem.norm.normalize(evaluation.gradient)
        return inside(problem, moved, origin, epsilon), state

    return Method(no_state, update)


def pgd(
    key: PRNGKeyArray,
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: Epsilon,
    steps: int | Int[Array, ""],
    step_size: Epsilon | None = None,
    norm: NormName | Norm = "linf",
    random_start: bool = True,
    restarts: int = 1,
    bounds: Bounds = (0, 1),
    targets: Labels | None = None,
    loss: LossName | CustomLoss = "cross_entropy",
    early_stop: bool = False,
) -> Images:
    """Projected gradient descent, in one compiled loop.

    Args:
      key: for the random starts.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, in the images' units: a number, or one per sample (samples,). In
        linf also one per channel (1, 1, channels) or pixel (height, width, channels). Pixels with
        an epsilon of 0 do not change, so an array with zeros acts as a mask.
      steps: number of gradient steps, at least 1.
      step_size: length of a step; by default 2.5 · epsilon / steps.
      norm: norm of the ball and of a step: "linf", "l2" or a `Norm`.
      random_start: whether to start at a random point of the ball.
      restarts: number of attacks from different random starts. For each sample the first
        misclassified result is kept; if there is none, the one with the highest loss.
      bounds: smallest and largest value of a pixel: numbers, or arrays with one value per channel
        or pixel; None for no bounds.
      targets: target classes, different from the labels; None for an untargeted attack. With
        targets, "misclassified" means classified as the target.
      loss: loss that is maximised: "cross_entropy", "dlr", or a function of (logits, labels) that
        returns one value per sample; with targets, a function of (logits, labels, targets).
      early_stop: whether each sample stays where it is first misclassified. The loop then ends as
        soon as all samples are misclassified. This saves time and breaks at least as many samples,
        but reaches a lower loss.

    Returns:
      Adversarial images.

    Raises:
      TypeError: images are not floats, labels, targets, steps or restarts are not integers, or a
        length is not a number.
      ValueError: the data are empty, shapes do not match, the norm or loss is unknown, bounds are
        reversed, restarts or steps are below 1, or several restarts lack a random start; for
        concrete values also if images lie outside the bounds, labels or targets are not classes, a
        target equals its label, epsilon or step_size is negative or not finite, or logits are not
        finite.

    References:
      Madry et al., 2018, "Towards deep learning models resistant to adversarial attacks", whose l2
      attacks use steps of 2.5 · epsilon / steps.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> import selectax
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> key = jax.random.key(0)
      >>> attacked = selectax.pgd(key, logits_fn, images, labels, epsilon=0.1, steps=5)
      >>> attacked.round(3)
      Array([[[[0.4, 0.6]]]], dtype=float32)
    """
    return run_attack(
        key,
        PGD,
        logits_fn,
        images,
        labels,
        epsilon=epsilon,
        steps=steps,
        step_size=step_size,
        norm=norm,
        random_start=random_start,
        restarts=restarts,
        bounds=bounds,
        targets=targets,
        loss=loss,
        early_stop=early_stop,
    )


PGD = Attack(
    name="pgd",
    rule=pgd_method,
    random_start="optional",
    options=("step_size",),
    help="steps along the normalized gradient, projected into the ball",
    source="Madry et al. 2018",
)
