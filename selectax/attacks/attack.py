"""What defines an attack, and the function that runs one."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.arguments.bounds import Bounds
from selectax.arguments.key import checked_key
from selectax.attacks.arguments import (
    Epsilon,
    LogitsFn,
    Problem,
    broadcast_lengths,
    check_numbers,
    check_restarts,
    check_steps,
    like,
    make_problem,
)
from selectax.attacks.iteration import (
    Method,
    as_images,
    inside,
    iterate,
    iterate_to_best,
    take_one_step,
)
from selectax.attacks.losses import CustomLoss, Labels, LossName
from selectax.attacks.norms import Images, Norm, NormName
from selectax.attacks.restarts import best_of_restarts, keys_of_restarts
from selectax.numerics.compiled import run_compiled

RandomStart = Literal["never", "optional", "always"]


@dataclasses.dataclass(frozen=True)
class Attack:
    """A gradient-based attack: its update rule, and what its callers can choose.

    An attack is hashable, so it can be a static argument of a jitted function. Create it once, at
    the top of a module: two attacks are equal only if their rules are the same function.

    Attributes:
      name: short name, as in `ATTACKS`.
      rule: function that returns the `Method` for a `Problem`. It is called with the problem, and
        with `steps` and the options as keyword arguments; a single-step attack gets no `steps`.
      random_start: whether the attack starts at a random point of the ball: "never", "always", or
        "optional" if the caller decides.
      options: names of the options that the rule takes, such as "step_size".
      single_step: whether the attack takes exactly one step, from the clean image.
      help: one line for tables and command-line help.
      source: paper that introduced the attack.

    Example:
      >>> from selectax.attacks import ATTACKS
      >>> ATTACKS["mi_fgsm"].options
      ('step_size', 'decay')
    """

    name: str
    rule: Callable[..., Method]
    random_start: RandomStart = "never"
    options: tuple[str, ...] = ()
    single_step: bool = False
    help: str = ""
    source: str = ""

    def __post_init__(self):
        if self.random_start not in ("never", "optional", "always"):
            raise ValueError(
                f'random_start must be "never", "optional" or "always", not {self.random_start!r}.'
            )
        if not isinstance(self.options, tuple):
            raise TypeError(f"options must be a tuple of names, not {self.options!r}.")
        if self.single_step and self.random_start != "never":
            raise ValueError(
                f'random_start must be "never" for the single-step attack {self.name}, not '
                f"{self.random_start!r}."
            )

    def starts_at_random(self, random_start: bool) -> bool:
        """Whether the attack starts at random if the caller asks for `random_start`."""
        return self.random_start == "always" or (random_start and self.random_start == "optional")

    def method(
        self,
        problem: Problem,
        *,
        steps: int | Int[Array, ""],
        step_size: Array | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Method:
        """Method for a problem.

        Raises:
          ValueError: step_size or one of the options is not an option of this attack.
        """
        given = dict(options or {})
        if step_size is not None:
            given["step_size"] = step_size
        unknown = sorted(given.keys() - set(self.options))
        if unknown:
            known = f"takes {', '.join(self.options)}" if self.options else "takes no options"
            raise ValueError(
                f"{unknown[0]} is not an option of {self.name}, which {known}; leave it out."
            )
        if not self.single_step:
            given["steps"] = steps
        return self.rule(problem, **given)


def run_attack(
    key: PRNGKeyArray | None,
    attack: Attack,
    logits_fn: LogitsFn,
    images: Images,
    labels: Labels,
    *,
    epsilon: Epsilon,
    steps: int | Int[Array, ""] = 10,
    step_size: Epsilon | None = None,
    options: Mapping[str, Any] | None = None,
    norm: NormName | Norm = "linf",
    random_start: bool = True,
    restarts: int = 1,
    bounds: Bounds = (0, 1),
    targets: Labels | None = None,
    loss: LossName | CustomLoss = "cross_entropy",
    early_stop: bool = False,
) -> Images:
    """Runs any attack, one of `ATTACKS` or your own, in one compiled loop.

    Args:
      key: for random starts; None is accepted for an attack that never starts at random.
      attack: the attack, such as `ATTACKS["pgd"]`.
      logits_fn: the attacked network.
      images: clean images within bounds.
      labels: true classes.
      epsilon: radius of the ball, as in `pgd`.
      steps: number of gradient steps, at least 1; a single-step attack ignores it.
      step_size: length of a step, as in `pgd`; by default the attack's own.
      options: values for other options of the attack, by name.
      norm: norm of the ball and of a step, as in `pgd`.
      random_start: whether to start at a random point of the ball; only used by attacks whose
        `random_start` is "optional".
      restarts: number of attacks from different random starts, as in `pgd`.
      bounds: smallest and largest value of a pixel, as in `pgd`.
      targets: target classes, as in `pgd`.
      loss: loss that is maximised, as in `pgd`.
      early_stop: whether to stop each sample as soon as it is misclassified, as in `pgd`.

    Returns:
      Adversarial images.

    Raises:
      TypeError: attack is not an `Attack`; otherwise as `pgd`.
      ValueError: as `pgd`, or the attack does not have one of the options.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from selectax.attacks import ATTACKS, run_attack
      >>> images, labels = jnp.full((1, 1, 1, 2), 0.5), jnp.array([0])
      >>> def logits_fn(images):
      ...     return images[:, 0, 0] * jnp.array([1.1, 1.0])
      ...
      >>> key, attack = jax.random.key(0), ATTACKS["pgd"]
      >>> run_attack(key, attack, logits_fn, images, labels, epsilon=0.1).round(3)
      Array([[[[0.4, 0.6]]]], dtype=float32)
    """
    if not isinstance(attack, Attack):
        raise TypeError(f'attack must be an Attack, such as ATTACKS["pgd"], not {attack!r}.')
    start_key: Any = key
    if attack.random_start != "never":
        start_key = checked_key(start_key)
    problem, origin = make_problem(
        logits_fn, images, labels, norm=norm, bounds=bounds, targets=targets, loss=loss
    )
    check_steps(steps)
    random_start = attack.starts_at_random(random_start)
    check_restarts(restarts, random_start)
    epsilon = broadcast_lengths("epsilon", epsilon, problem, origin)
    if step_size is not None:
        step_size = broadcast_lengths("step_size", step_size, problem, origin)
    # Checks the options while they are concrete.
    attack.method(problem, steps=steps, step_size=step_size, options=options)

    def run(key, origin, epsilon, step_size, steps):
        method = attack.method(problem, steps=steps, step_size=step_size, options=options)
        attempt = functools.partial(
            _attempt,
            attack=attack,
            problem=problem,
            method=method,
            origin=origin,
            epsilon=epsilon,
            steps=steps,
            random_start=random_start,
            early_stop=early_stop,
        )
        keys = keys_of_restarts(key, restarts) if random_start else None
        if keys is not None and (restarts > 1 or method.best is not None):
            points = best_of_restarts(keys, problem, attempt, origin)
        else:
            first = None if keys is None else keys[0]
            points, _ = attempt(first, origin, jnp.zeros(len(origin), bool))
        return as_images(problem, points, origin)

    return check_numbers(
        run_compiled(run, start_key, origin, epsilon, step_size, jnp.asarray(steps, jnp.int32))
    )


def _attempt(
    key: Any,
    best: Images,
    reached: Bool[Array, "samples"],
    *,
    attack: Attack,
    problem: Problem,
    method: Method,
    origin: Images,
    epsilon: Array,
    steps: int | Int[Array, ""],
    random_start: bool,
    early_stop: bool,
) -> tuple[Images, Float[Array, "samples"] | None]:
    """Runs an attack once.

    Args:
      key: for the random start; None if there is none.
      best: the strongest points of earlier attempts.
      reached: whether these reach the goal.
      attack: the attack.
      problem: the problem.
      method: the attack's method for it.
      origin: clean images.
      epsilon: radius of the ball, broadcastable to the images.
      steps: number of steps.
      random_start: whether to start at a random point.
      early_stop: whether samples that reach the goal stay where they are.

    Returns:
      Points, and their strength if the method computes it.
    """
    start = origin
    if random_start:
        start = problem.norm.random_start(key, origin, epsilon)
        start = inside(problem, start, origin, epsilon)
    if early_stop:
        start = jnp.where(like(reached, origin), best, start)
    path = (problem, method, start, origin, epsilon)
    if attack.single_step:
        return take_one_step(*path, early_stop=early_stop), None
    if method.best is None:
        return iterate(*path, steps=steps, early_stop=early_stop), None
    return iterate_to_best(*path, best=method.best, steps=steps, early_stop=early_stop)
