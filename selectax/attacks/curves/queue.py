"""Attacks on many images in one compiled loop: where one ends, the next takes its place."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.attacks.arguments import Problem, like
from selectax.attacks.curves.bracket import Bracket, is_closed, narrow, next_attacked
from selectax.attacks.iteration import Method, evaluate, inside
from selectax.attacks.norms import Images, moderate


class Outcome(NamedTuple):
    """What the attacks showed of each image.

    Attributes:
      withstood: number of epsilons of the sorted grid that did not break it; −1 where the logits
        were no numbers.
      steps: of the last attack that broke it, or 0.
      evaluations: number of images over all evaluations of the gradient.
    """

    withstood: Int[Array, "samples"]
    steps: Int[Array, "samples"]
    evaluations: Int[Array, ""]


class Slots(NamedTuple):
    """The attacks in progress.

    Attributes:
      image: number of the image, or the number of images where there is none left.
      bracket: of its place on the grid.
      seeking: whether its ball is still growing towards the class boundary.
      attacked: number of the ball's epsilon; below that of the smallest at the clean image.
      step: steps made.
      points: reached.
      state: of the method.
      adversarial: the last point that broke the image.
      broken: whether there is one.
    """

    image: Int[Array, "slots"]
    bracket: Bracket
    seeking: Bool[Array, "slots"]
    attacked: Int[Array, "slots"]
    step: Int[Array, "slots"]
    points: Images
    state: Any
    adversarial: Images
    broken: Bool[Array, "slots"]


def run_queue(
    key: PRNGKeyArray,
    problem: Problem,
    method: Method,
    images: Images,
    vulnerable: Bool[Array, "samples"],
    epsilons: Float[Array, "epsilons"],
    *,
    steps: int | Int[Array, ""],
    restarts: int,
    random_start: bool,
    warm_start: bool,
    batch_size: int,
) -> Outcome:
    """Finds the place of each image on a grid of epsilons.

    One evaluation of the gradient serves all slots, and says what the points reached so far are
    worth. With warm_start an image is first moved along the gradient in a ball that grows, by
    Newton's method, to where its loss should change sign (as in DeepFool, Moosavi-Dezfooli et al.,
    2016); that ball's epsilon bounds its place from above, mostly to one or two epsilons of a
    coarse grid. From then on, the first attack with each epsilon starts from the adversarial image
    of a larger one.

    Args:
      key: for random starts.
      problem: the network and the labels of all images.
      method: of the attack.
      images: clean images.
      vulnerable: those to attack; the others' place is the number of epsilons that are 0.
      epsilons: sorted.
      steps: of an attack, which ends when it breaks its image.
      restarts: attacks that must fail with the largest epsilon that an image withstands.
      random_start: whether attacks start at random, where they do not start warm.
      warm_start: see above.
      batch_size: number of slots.
    """
    count, grid = len(images), len(epsilons)
    floor = jnp.sum(epsilons == 0, dtype=jnp.int32)
    queue = jnp.argsort(~vulnerable).astype(jnp.int32)
    jobs = jnp.sum(vulnerable, dtype=jnp.int32)

    def radius(attacked):
        return jnp.where(attacked < 0, 0, epsilons[attacked])

    def begin(key, slots, ended, tally):
        """Slots whose attack has ended, with the next one's beginning."""
        origin = images[slots.image]
        attacked = jnp.where(slots.seeking, floor - 1, next_attacked(slots.bracket, tally))
        epsilon = like(radius(attacked), images)
        start = origin
        if random_start:
            start = problem.geometry.random_start(key, origin, epsilon)
        if warm_start:
            # Further attempts with an epsilon start elsewhere.
            first = (slots.bracket.low < slots.bracket.high) | (slots.bracket.tried == 0)
            start = jnp.where(like(slots.broken & first, images), slots.adversarial, start)
        fresh = slots._replace(
            attacked=attacked,
            step=jnp.zeros_like(slots.step),
            points=inside(problem, start, origin, epsilon),
            state=method.init(origin, epsilon),
        )
        return jax.tree.map(lambda new, old: jnp.where(like(ended, new), new, old), fresh, slots)

    def refill(slots, free, taken):
        """Slots with new images, as far as there are any, in place of those that are free."""
        job = taken + jnp.cumsum(free, dtype=jnp.int32) - 1
        image = jnp.where(job < jobs, queue[jnp.minimum(job, count - 1)], count)
        everything = Bracket(floor, jnp.int32(grid), jnp.int32(0), jnp.int32(grid))
        slots = slots._replace(
            image=jnp.where(free, image, slots.image),
            bracket=jax.tree.map(
                lambda new, old: jnp.where(free, new, old), everything, slots.bracket
            ),
            seeking=slots.seeking | (free & warm_start),
            broken=slots.broken & ~free,
        )
        return slots, taken + jnp.sum(free, dtype=jnp.int32)

    def turn(carry):
        number, taken, slots, outcome, tally = carry
        alive = slots.image < count
        origin, labels = images[slots.image], problem.labels[slots.image]
        epsilon = radius(slots.attacked)
        here = problem._replace(labels=labels)
        evaluation = evaluate(here, slots.points, origin)

        undefined = alive & jnp.isnan(evaluation.loss) & ~evaluation.fooled
        broken = alive & evaluation.fooled
        last = jnp.where(slots.seeking, slots.attacked >= grid - 1, slots.step >= steps)
        unbroken = alive & ~broken & last
        ended = broken | unbroken | undefined
        bracket = narrow(slots.bracket, slots.attacked, broken, unbroken & ~slots.seeking)
        bracket = bracket._replace(
            guess=jnp.where(ended & slots.seeking, bracket.high, bracket.guess)
        )
        done = undefined | (ended & is_closed(bracket, floor, restarts))

        place = jnp.where(undefined, -1, bracket.low)
        outcome = Outcome(
            outcome.withstood.at[jnp.where(done, slots.image, count)].set(place, mode="drop"),
            outcome.steps.at[jnp.where(broken, slots.image, count)].set(slots.step, mode="drop"),
            outcome.evaluations + jnp.sum(alive, dtype=jnp.int32),
        )
        distance = jnp.where(done, bracket.guess - place, grid + 1)
        tally = tally.at[distance].add(1, mode="drop")

        reached, wider = seek(here, slots, evaluation, origin, epsilon)
        points, state = method.update(
            slots.state, slots.points, evaluation, origin, like(epsilon, origin)
        )
        slots = slots._replace(
            bracket=bracket,
            seeking=slots.seeking & ~ended,
            attacked=jnp.where(slots.seeking, wider, slots.attacked),
            step=slots.step + 1,
            points=jnp.where(like(slots.seeking, origin), reached, points),
            state=state,
            adversarial=jnp.where(like(broken, origin), slots.points, slots.adversarial),
            broken=slots.broken | broken,
        )
        slots, taken = refill(slots, done | ~alive, taken)
        slots = begin(jax.random.fold_in(key, number), slots, ended | done, tally)
        return number + 1, taken, slots, outcome, tally

    def seek(problem, slots, evaluation, origin, epsilon):
        """Points in the ball in which, were the loss linear, its sign would change."""
        direction = problem.geometry.normalize(evaluation.gradient)
        axes = tuple(range(1, origin.ndim))
        gradient, unit = moderate(evaluation.gradient)
        slope = jnp.maximum(
            jnp.sum(direction * gradient, axis=axes), jnp.finfo(gradient.dtype).tiny
        )
        needed = epsilon - evaluation.loss / unit.reshape(slope.shape) / slope
        wider = jnp.searchsorted(epsilons, needed).astype(jnp.int32)
        wider = jnp.clip(wider, slots.attacked + 1, grid - 1)
        radius = epsilons[wider]
        points = slots.points + like(radius - epsilon, origin) * direction
        return inside(problem, points, origin, like(radius, origin)), wider

    batch_size = min(batch_size, count)
    nothing = jnp.zeros(batch_size, jnp.int32)
    blank = images[:batch_size]
    slots = Slots(
        image=jnp.full(batch_size, count, jnp.int32),
        bracket=Bracket(nothing, nothing, nothing, nothing),
        seeking=nothing > 0,
        attacked=nothing,
        step=nothing,
        points=blank,
        state=method.init(blank, like(jnp.zeros(batch_size, images.dtype), images)),
        adversarial=blank,
        broken=nothing > 0,
    )
    # One image at each distance, before any is known.
    tally = jnp.ones(grid + 1, jnp.float32)
    everywhere = jnp.ones(batch_size, bool)
    slots, taken = refill(slots, everywhere, jnp.int32(0))
    start_key, key = jax.random.split(key)
    slots = begin(start_key, slots, everywhere, tally)
    outcome = Outcome(jnp.full(count, floor), jnp.zeros(count, jnp.int32), jnp.int32(0))
    carry = (jnp.int32(0), taken, slots, outcome, tally)
    return jax.lax.while_loop(lambda carry: jnp.any(carry[2].image < count), turn, carry)[3]
