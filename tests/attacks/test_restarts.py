import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import strongest_attack
from selectax.attacks.arguments import make_problem
from selectax.attacks.restarts import best_of_restarts
from tests.attacks.problems import linear, linear_problem, mlp, mlp_problem


def ladder(images):
    """Class 1 wins above 0.7; class 2, always lower, adds loss below 0.5."""
    pixel = images[:, 0, 0, 0]
    return jnp.stack([jnp.zeros_like(pixel), 10 * (pixel - 0.7), -20 * (pixel - 0.1)], axis=1)


def test_a_misclassified_candidate_comes_first_and_then_the_highest_loss():
    labels = np.zeros(3, np.int32)
    #        broken: 0.8, and at 0.05 class 2 wins; unbroken: 0.3, 0.4, 0.6
    candidates = np.array([[0.6, 0.3, 0.4], [0.8, 0.4, 0.05], [0.9, 0.6, 0.8]], np.float32)
    found = strongest_attack(ladder, candidates[:, :, None, None, None], labels)
    np.testing.assert_allclose(found[:, 0, 0, 0], np.array([0.8, 0.6, 0.05], np.float32))


def test_targets_count_when_reached():
    labels, targets = np.zeros(2, np.int32), np.array([1, 2], np.int32)
    candidates = np.array([[0.05, 0.9], [0.75, 0.05]], np.float32)
    found = strongest_attack(
        ladder, list(candidates[:, :, None, None, None]), labels, targets=targets
    )
    np.testing.assert_allclose(found[:, 0, 0, 0], np.array([0.75, 0.05], np.float32))


def test_no_candidate_alone_is_stronger():
    parameters, images, labels = mlp_problem()
    logits_fn = functools.partial(mlp, parameters)
    generator = np.random.default_rng(1)
    candidates = [
        np.clip(images + generator.uniform(-0.3, 0.3, images.shape), 0, 1).astype(np.float32)
        for _ in range(4)
    ]
    broken = [np.argmax(logits_fn(points), axis=1) != labels for points in candidates]
    found = np.argmax(logits_fn(strongest_attack(logits_fn, candidates, labels)), axis=1) != labels
    np.testing.assert_array_equal(found, np.any(broken, axis=0))
    assert found.sum() > max(map(np.sum, broken))


def test_bad_candidates_are_named():
    images, labels, weights, bias = linear_problem()
    logits_fn = linear(weights, bias)
    with pytest.raises(ValueError, match=r"candidates are empty"):
        strongest_attack(logits_fn, [], labels)
    with pytest.raises(ValueError, match=r"candidates must be alike"):
        strongest_attack(logits_fn, [images, images[:, :1]], labels)
    with pytest.raises(ValueError, match=r"images hold .*outside bounds"):
        strongest_attack(logits_fn, [images, images + 2], labels)
    with pytest.raises(ValueError, match=r"targets\[0\]"):
        strongest_attack(logits_fn, [images], labels, targets=labels)


@pytest.mark.parametrize("later", [[1.0, np.inf], [np.inf, 1.0], [1.0, 2.0]])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_nan_of_one_restart_is_not_hidden_by_the_others(later, at):
    """Each attack gives its own number as its points and its strength."""
    strengths = jnp.array(np.insert(later, at, np.nan), jnp.float32)
    images = jnp.full((1, 1, 1, 1), 0.5)
    problem, _ = make_problem(ladder, images, jnp.zeros(1, jnp.int32), norm="linf", bounds=(0, 1))
    keys = jax.random.split(jax.random.key(0), 3)

    def attack(key, best, done):
        number = jnp.argmax(jnp.all(jax.random.key_data(keys) == jax.random.key_data(key), axis=1))
        return strengths[number] * jnp.ones_like(images), strengths[number][None]

    assert np.isnan(best_of_restarts(keys, problem, attack, images)).all()
