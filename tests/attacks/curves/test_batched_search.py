"""The parts of the search; tests of the curves hold the whole."""

import jax
import jax.numpy as jnp
import numpy as np

from selectax.attacks import ATTACKS, make_problem
from selectax.attacks.curves.batched_search import (
    Search,
    begin_attacks,
    first_progress,
    judge_attacks,
    radius_at,
    refill,
    search_epsilons,
)
from tests.attacks.problems import linear, linear_problem

KEY = jax.random.key(0)
EPSILONS = jnp.array([0.0, 0.01, 0.1, 1.0], jnp.float32)


def a_search(warm_start=False, random_start=False, vulnerable=5):
    images, labels, weights, bias = linear_problem(samples=6)
    problem, origin = make_problem(linear(weights, bias), images, labels)
    return Search(
        problem,
        ATTACKS["pgd"].method(problem, steps=4),
        origin,
        order=jnp.arange(5, -1, -1, dtype=jnp.int32),
        vulnerable=jnp.int32(vulnerable),
        epsilons=EPSILONS,
        zeros=jnp.int32(1),
        steps=4,
        restarts=1,
        random_start=random_start,
        warm_start=warm_start,
    )


def test_the_first_images_of_the_order_come_first():
    progress = first_progress(KEY, a_search(), 4)
    np.testing.assert_array_equal(progress.slots.image, [5, 4, 3, 2])
    assert progress.taken == 4
    np.testing.assert_array_equal(progress.slots.interval.low, [1] * 4)
    np.testing.assert_array_equal(progress.slots.interval.high, [4] * 4)
    assert np.all(np.asarray(progress.slots.attacked) >= 1)


def test_free_slots_take_images_until_none_is_left():
    search = a_search()
    slots = first_progress(KEY, search, 4).slots
    slots, taken = refill(search, slots, jnp.array([False, True, False, True]), jnp.int32(4))
    np.testing.assert_array_equal(slots.image, [5, 1, 3, 6])  # only five are vulnerable
    assert taken == 6


def test_an_attack_ends_when_it_succeeds_or_has_no_steps_left():
    search = a_search()
    slots = first_progress(KEY, search, 4).slots._replace(
        attacked=jnp.array([2, 2, 2, 2]), step=jnp.array([1, 4, 3, 0])
    )
    alive = jnp.array([True, True, True, False])
    broken = jnp.array([True, False, False, False])
    ended, interval = judge_attacks(search, slots, alive, broken, jnp.zeros(4, bool))
    np.testing.assert_array_equal(ended, [True, True, False, False])
    np.testing.assert_array_equal(interval.high, [2, 4, 4, 4])
    np.testing.assert_array_equal(interval.low, [1, 3, 1, 1])


def test_attacks_begin_anew_only_where_one_has_ended():
    search = a_search(warm_start=True)
    slots = first_progress(KEY, search, 2).slots
    adversarial = jnp.full_like(slots.points, 0.5)
    slots = slots._replace(
        seeking=jnp.zeros(2, bool),
        adversarial=adversarial,
        broken=jnp.ones(2, bool),
        step=jnp.array([3, 3]),
    )
    ended = jnp.array([True, False])
    begun = begin_attacks(KEY, search, slots, ended, jnp.ones(5))
    np.testing.assert_array_equal(begun.step, [0, 3])
    np.testing.assert_array_equal(begun.points[1], slots.points[1])
    radius = radius_at(search, begun.attacked)[0]
    origin = search.images[slots.image[0]]
    expected = np.clip(0.5, origin - radius, origin + radius)  # from the adversarial image
    np.testing.assert_allclose(begun.points[0], expected, atol=1e-6)


def test_a_negative_index_is_no_radius():
    np.testing.assert_allclose(radius_at(a_search(), jnp.array([-1, 2])), [0, 0.1])


def test_images_that_are_not_vulnerable_withstand_zeros_alone():
    search = a_search()
    outcome = search_epsilons(
        *(KEY, search.problem, search.method, search.images),
        *(jnp.zeros(6, bool), EPSILONS),
        steps=4,
        restarts=1,
        random_start=False,
        warm_start=False,
        batch_size=4,
    )
    np.testing.assert_array_equal(outcome.withstood, [1] * 6)
    assert outcome.evaluations == 0
