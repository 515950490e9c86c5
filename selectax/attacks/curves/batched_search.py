"""Searches for the smallest breaking epsilons of many images, in one compiled loop over a batch.

Each slot of the batch attacks one image with one epsilon. As soon as the attack breaks its image or
runs out of steps, the slot goes on with the next epsilon or with the next image.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from selectax.attacks.arguments import Problem, like
from selectax.attacks.curves.binary_search import Interval, is_closed, narrow, next_attacked
from selectax.attacks.curves.boundary import step_to_boundary
from selectax.attacks.iteration import Evaluation, Method, evaluate, inside
from selectax.attacks.norms import Images


class Outcome(NamedTuple):
    """Result for each image.

    Attributes:
      withstood: number of the sorted epsilons that did not break the image; −1 if logits were not
        finite.
      steps: number of steps of the last attack that broke the image, or 0.
      evaluations: number of gradient evaluations, summed over images.
    """

    withstood: Int[Array, "samples"]
    steps: Int[Array, "samples"]
    evaluations: Int[Array, ""]


class Search(NamedTuple):
    """What does not change during a search.

    Attributes:
      problem: the network and the labels of all images.
      method: method of the attack.
      images: clean images.
      order: indices of the images, with those to attack first.
      vulnerable: number of images to attack.
      epsilons: sorted epsilons.
      zeros: number of epsilons that are 0, which no image needs to be attacked with.
      steps: largest number of steps of an attack.
      restarts: number of attacks that must fail with the largest epsilon an image withstands.
      random_start: whether attacks start at random points.
      warm_start: see `search_epsilons`.
    """

    problem: Problem
    method: Method
    images: Images
    order: Int[Array, "samples"]
    vulnerable: Int[Array, ""]
    epsilons: Float[Array, "epsilons"]
    zeros: Int[Array, ""]
    steps: int | Int[Array, ""]
    restarts: int
    random_start: bool
    warm_start: bool


class Slots(NamedTuple):
    """The attacks in progress.

    Attributes:
      image: index of the image; the number of images if the slot is idle.
      interval: what is known of the image's smallest breaking epsilon.
      seeking: whether the ball still grows towards the decision boundary.
      attacked: index of the ball's epsilon; one less than the first index at the clean image.
      step: number of steps taken.
      points: current points.
      state: state of the method.
      adversarial: last point that broke the image.
      broken: whether there is such a point.
    """

    image: Int[Array, "slots"]
    interval: Interval
    seeking: Bool[Array, "slots"]
    attacked: Int[Array, "slots"]
    step: Int[Array, "slots"]
    points: Images
    state: Any
    adversarial: Images
    broken: Bool[Array, "slots"]


class Progress(NamedTuple):
    """State of the search.

    Attributes:
      turn: number of turns of the loop.
      taken: number of images that slots have taken.
      slots: attacks in progress.
      outcome: results so far.
      tally: number of images found at each distance below their guess.
    """

    turn: Int[Array, ""]
    taken: Int[Array, ""]
    slots: Slots
    outcome: Outcome
    tally: Float[Array, "distances"]


def search_epsilons(
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
    """Finds how many epsilons each image withstands.

    With warm_start, the search for an image begins with Newton's method: the image moves along the
    gradient, in a growing ball, to where its loss should change sign (as in DeepFool,
    Moosavi-Dezfooli et al., 2016). The epsilon of that ball is an upper bound, which usually leaves
    one or two epsilons of a coarse grid. After that, the first attack with each epsilon starts from
    the adversarial image of a larger one.

    Args:
      key: for random starts.
      problem: the network and the labels of all images.
      method: method of the attack.
      images: clean images.
      vulnerable: whether to attack each image; the others withstand the epsilons that are 0.
      epsilons: sorted epsilons.
      steps: number of steps of an attack, which ends early when it breaks its image.
      restarts: number of attacks that must fail with the largest epsilon an image withstands.
      random_start: whether attacks start at random points, unless they start warm.
      warm_start: see above.
      batch_size: number of slots.
    """
    search = Search(
        problem,
        method,
        images,
        order=jnp.argsort(~vulnerable).astype(jnp.int32),
        vulnerable=jnp.sum(vulnerable, dtype=jnp.int32),
        epsilons=epsilons,
        zeros=jnp.sum(epsilons == 0, dtype=jnp.int32),
        steps=steps,
        restarts=restarts,
        random_start=random_start,
        warm_start=warm_start,
    )
    start_key, key = jax.random.split(key)
    progress = first_progress(start_key, search, min(batch_size, len(images)))
    return jax.lax.while_loop(
        lambda progress: jnp.any(progress.slots.image < len(images)),
        lambda progress: take_turn(key, search, progress),
        progress,
    ).outcome


def first_progress(key: PRNGKeyArray, search: Search, batch_size: int) -> Progress:
    """Slots with the first images, at the beginning of their first attacks."""
    count, grid = len(search.images), len(search.epsilons)
    nothing = jnp.zeros(batch_size, jnp.int32)
    blank = search.images[:batch_size]
    no_radius = like(jnp.zeros(batch_size, blank.dtype), blank)
    slots = Slots(
        image=jnp.full(batch_size, count, jnp.int32),
        interval=Interval(nothing, nothing, nothing, nothing),
        seeking=nothing > 0,
        attacked=nothing,
        step=nothing,
        points=blank,
        state=search.method.init(blank, no_radius),
        adversarial=blank,
        broken=nothing > 0,
    )
    # One image at each distance, as long as none is known.
    tally = jnp.ones(grid + 1, jnp.float32)
    everywhere = jnp.ones(batch_size, bool)
    slots, taken = refill(search, slots, everywhere, jnp.int32(0))
    slots = begin_attacks(key, search, slots, everywhere, tally)
    outcome = Outcome(jnp.full(count, search.zeros), jnp.zeros(count, jnp.int32), jnp.int32(0))
    return Progress(jnp.int32(0), taken, slots, outcome, tally)


def take_turn(key: PRNGKeyArray, search: Search, progress: Progress) -> Progress:
    """One evaluation of the gradient for all slots, which judges their points and moves them."""
    slots = progress.slots
    count = len(search.images)
    alive = slots.image < count
    origin = search.images[slots.image]
    here = search.problem._replace(labels=search.problem.labels[slots.image])
    evaluation = evaluate(here, slots.points, origin)

    undefined = alive & jnp.isnan(evaluation.loss) & ~evaluation.fooled
    broken = alive & evaluation.fooled
    ended, interval = judge_attacks(search, slots, alive, broken, undefined)
    done = undefined | (ended & is_closed(interval, search.zeros, search.restarts))
    place = jnp.where(undefined, -1, interval.low)
    outcome = Outcome(
        progress.outcome.withstood.at[jnp.where(done, slots.image, count)].set(place, mode="drop"),
        progress.outcome.steps.at[jnp.where(broken, slots.image, count)].set(
            slots.step, mode="drop"
        ),
        progress.outcome.evaluations + jnp.sum(alive, dtype=jnp.int32),
    )
    distance = jnp.where(done, interval.guess - place, len(search.epsilons) + 1)
    tally = progress.tally.at[distance].add(1, mode="drop")

    slots = move(search, here, slots, evaluation, origin)._replace(
        interval=interval,
        seeking=slots.seeking & ~ended,
        adversarial=jnp.where(like(broken, origin), slots.points, slots.adversarial),
        broken=slots.broken | broken,
    )
    slots, taken = refill(search, slots, done | ~alive, progress.taken)
    key = jax.random.fold_in(key, progress.turn)
    slots = begin_attacks(key, search, slots, ended | done, tally)
    return Progress(progress.turn + 1, taken, slots, outcome, tally)


def judge_attacks(
    search: Search,
    slots: Slots,
    alive: Bool[Array, "slots"],
    broken: Bool[Array, "slots"],
    undefined: Bool[Array, "slots"],
) -> tuple[Bool[Array, "slots"], Interval]:
    """Which attacks have ended, and what is known of the images then.

    Args:
      search: the search.
      slots: attacks in progress.
      alive: whether the slot is not idle.
      broken: whether the point breaks the image.
      undefined: whether the network's logits are not finite there.
    """
    grid = len(search.epsilons)
    last = jnp.where(slots.seeking, slots.attacked >= grid - 1, slots.step >= search.steps)
    unbroken = alive & ~broken & last
    ended = broken | unbroken | undefined
    interval = narrow(slots.interval, slots.attacked, broken, unbroken & ~slots.seeking)
    guess = jnp.where(ended & slots.seeking, interval.high, interval.guess)
    return ended, interval._replace(guess=guess)


def move(
    search: Search, problem: Problem, slots: Slots, evaluation: Evaluation, origin: Images
) -> Slots:
    """Slots after a step of Newton's method or of the attack.

    Args:
      search: the search.
      problem: the problem with the labels of the slots' images.
      slots: attacks in progress.
      evaluation: evaluation of the slots' points.
      origin: clean images of the slots.
    """
    epsilon = radius_at(search, slots.attacked)
    reached, wider = step_to_boundary(
        problem, slots.points, evaluation, origin, epsilon, slots.attacked, search.epsilons
    )
    points, state = search.method.update(
        slots.state, slots.points, evaluation, origin, like(epsilon, origin)
    )
    return slots._replace(
        attacked=jnp.where(slots.seeking, wider, slots.attacked),
        step=slots.step + 1,
        points=jnp.where(like(slots.seeking, origin), reached, points),
        state=state,
    )


def refill(
    search: Search, slots: Slots, free: Bool[Array, "slots"], taken: Int[Array, ""]
) -> tuple[Slots, Int[Array, ""]]:
    """Puts the next images into free slots, as long as there are any.

    Args:
      search: the search.
      slots: attacks in progress.
      free: whether the slot is free.
      taken: number of images taken so far.

    Returns:
      The slots, and the number of images taken, which may exceed that of the images.
    """
    count, grid = len(search.images), len(search.epsilons)
    number = taken + jnp.cumsum(free, dtype=jnp.int32) - 1
    image = search.order[jnp.minimum(number, count - 1)]
    image = jnp.where(number < search.vulnerable, image, count)
    unknown = Interval(search.zeros, jnp.int32(grid), jnp.int32(0), jnp.int32(grid))
    slots = slots._replace(
        image=jnp.where(free, image, slots.image),
        interval=jax.tree.map(lambda new, old: jnp.where(free, new, old), unknown, slots.interval),
        seeking=slots.seeking | (free & search.warm_start),
        broken=slots.broken & ~free,
    )
    return slots, taken + jnp.sum(free, dtype=jnp.int32)


def begin_attacks(
    key: PRNGKeyArray,
    search: Search,
    slots: Slots,
    ended: Bool[Array, "slots"],
    tally: Float[Array, "distances"],
) -> Slots:
    """Begins the next attack in slots whose attack has ended.

    Args:
      key: for random starts.
      search: the search.
      slots: attacks in progress.
      ended: whether the slot's attack has ended.
      tally: number of images found at each distance below their guess.
    """
    origin = search.images[slots.image]
    attacked = next_attacked(slots.interval, tally)
    attacked = jnp.where(slots.seeking, search.zeros - 1, attacked)
    epsilon = like(radius_at(search, attacked), origin)
    start = origin
    if search.random_start:
        start = search.problem.norm.random_start(key, origin, epsilon)
    if search.warm_start:
        # Further attacks with the same epsilon start elsewhere.
        first = (slots.interval.low < slots.interval.high) | (slots.interval.tried == 0)
        start = jnp.where(like(slots.broken & first, origin), slots.adversarial, start)
    fresh = slots._replace(
        attacked=attacked,
        step=jnp.zeros_like(slots.step),
        points=inside(search.problem, start, origin, epsilon),
        state=search.method.init(origin, epsilon),
    )
    return jax.tree.map(lambda new, old: jnp.where(like(ended, new), new, old), fresh, slots)


def radius_at(search: Search, attacked: Int[Array, "slots"]) -> Float[Array, "slots"]:
    """Epsilon with this index; 0 for the index −1."""
    return jnp.where(attacked < 0, 0, search.epsilons[attacked])
