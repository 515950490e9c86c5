"""The search for an image's place, with images that break exactly from their place on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks.curves import binary_search
from selectax.attacks.curves.binary_search import Interval

is_closed, narrow, next_attacked = map(
    jax.jit, (binary_search.is_closed, binary_search.narrow, binary_search.next_attacked)
)


def search(place, grid, tally, attempts=1, floor=0, succeeds=lambda attempt: True):
    """Place found, and the epsilons attacked; of several attempts the first ones may fail."""
    zero = jnp.zeros(1, jnp.int32)
    interval = Interval(zero + floor, zero + grid, zero, zero + grid)
    attacked = []
    while not bool(is_closed(interval, jnp.int32(floor), jnp.int32(attempts))[0]):
        number = next_attacked(interval, tally)
        attacked.append(int(number[0]))
        assert 0 <= attacked[-1] < grid
        broken = (number >= place) & succeeds(attacked.count(attacked[-1]))
        interval = narrow(interval, number, broken, ~broken)
    return int(interval.low[0]), attacked


@pytest.mark.parametrize("grid", [1, 2, 8, 33])
def test_it_ends_at_the_place(grid):
    for place in range(grid + 1):
        found, attacked = search(place, grid, jnp.ones(grid + 1))
        assert found == place
        assert len(attacked) <= 2 * np.log2(grid + 1) + 1
        assert len(set(attacked)) == len(attacked)


def test_what_is_known_of_other_images_shortens_it():
    tally = jnp.ones(33).at[20].add(100)  # most are 20 places below their guess
    found, attacked = search(12, 32, tally)
    assert found == 12
    assert len(attacked) == 2


def test_epsilons_of_zero_are_not_attacked():
    found, attacked = search(2, 8, jnp.ones(9), floor=2)
    assert found == 2
    assert min(attacked) >= 2


def test_the_largest_withstood_epsilon_is_attacked_again_and_again():
    found, attacked = search(3, 8, jnp.ones(9), attempts=4)
    assert found == 3
    assert attacked.count(2) == 4
    assert max(attacked.count(number) for number in range(9) if number != 2) == 1


def test_a_later_success_lowers_the_place():
    """Attacks succeed at the second attempt only, where the image can be broken at all."""
    found, attacked = search(3, 8, jnp.ones(9), attempts=3, succeeds=lambda attempt: attempt > 1)
    assert found == 3
    assert attacked.count(2) == 3


def test_an_image_that_rounding_misclassifies_without_attack_breaks_at_the_smallest_epsilon():
    """Only with epsilons above 0 is the first attack, at the clean image, one of index −1."""
    zero = jnp.zeros(1, jnp.int32)
    interval = narrow(Interval(zero, zero + 4, zero, zero + 4), zero - 1, zero == 0, zero != 0)
    assert int(interval.low[0]) == int(interval.high[0]) == 0
