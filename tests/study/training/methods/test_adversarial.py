"""Adversarial training, beside attacks on linear models in closed form and steps in NumPy."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.models.network import of_module
from selectax.study.training.methods.adversarial import attacked_images
from selectax.study.training.methods.batch import keys_of_images
from tests.reference import attacks as reference
from tests.study.training.methods.tiny_method import (
    ADVERSARIAL,
    LINEAR,
    Normalized,
    batch_of,
    hyperparameters,
    one_step,
    recipe_of,
    unit_images,
)

GENERATOR = np.random.default_rng(0)
# Steps of many epsilons, so that in l2 the random start is soon forgotten.
LONG = 300.0
WEIGHTS = GENERATOR.normal(size=(192, 2))


def linear_logits(images):
    return images.reshape(len(images), -1) @ jnp.asarray(WEIGHTS, jnp.float32)


def images_of_two_classes(norm):
    """In l2 they are away from the bounds, where clipping would make PGD stop short of the best."""
    images, labels = unit_images(6)
    return images if norm == "linf" else 0.3 + 0.4 * images, labels % 2


def attacked(images, labels, strength, norm="linf", steps=3, step_size=2.5):
    options = {"adversarial_norm": norm, "adversarial_steps": steps}

    @jax.jit
    def attack(images, labels):
        given = {**options, "adversarial_step_size": jnp.float32(step_size)}
        return attacked_images(batch_of(linear_logits, images, labels, strength, **given))

    return attack(images, labels)


@pytest.mark.parametrize(("norm", "strength"), [("linf", 4), ("l2", 100)])
def test_the_attack_of_a_linear_model_is_the_best_one(norm, strength):
    images, labels = images_of_two_classes(norm)
    expected = reference.best_attack(images, labels, WEIGHTS, 0, strength / 255, norm)
    found = attacked(images, labels, strength, norm, steps=30, step_size=LONG)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert np.abs(found - images).max() > 1e-2


def test_steps_have_the_length_that_is_asked_for():
    """From its random start, each pixel goes steps · size along the sign, and stays in the ball."""
    labels = np.array([0, 1])
    images, epsilon = np.full((2, 8, 8, 3), 0.5, np.float32), 8 / 255
    start = attacked(images, labels, 8, steps=4, step_size=1e-6)
    assert np.ptp(np.asarray(start)) > epsilon
    signs = np.sign(WEIGHTS[:, 1] - WEIGHTS[:, 0]).reshape(1, 8, 8, 3) * [[[[1]]], [[[-1]]]]
    for step_size in (0.2, 0.9):
        expected = np.clip(start + step_size * epsilon * signs, 0.5 - epsilon, 0.5 + epsilon)
        found = attacked(images, labels, 8, steps=4, step_size=step_size)
        np.testing.assert_allclose(found, expected, atol=2e-6)


def test_each_image_starts_elsewhere():
    images = np.full((2, 8, 8, 3), 0.5, np.float32)
    start = attacked(images, np.array([0, 0]), 8, step_size=1e-6)
    assert np.abs(start[0] - start[1]).max() > 8 / 255


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_at_strength_0_the_images_are_the_same_to_the_bit(norm):
    images, labels = unit_images(6)
    np.testing.assert_array_equal(attacked(images, labels % 2, 0, norm), images)


@pytest.mark.parametrize(("norm", "strength"), [("linf", 4), ("l2", 100)])
def test_a_step_is_the_gradient_at_the_best_attack(norm, strength):
    """SGD in float64 on the cross-entropy of a linear model at its attacked images."""
    images, labels = images_of_two_classes(norm)
    options = {"adversarial_norm": norm, "adversarial_steps": 30}
    recipe = recipe_of(
        "adversarial", LINEAR, method_options=tuple(options.items()), weight_decay=0.01
    )
    recipe = dataclasses.replace(recipe, num_classes=2)
    given = hyperparameters(strength, adversarial_step_size=jnp.float32(LONG))
    before = np.asarray(
        LINEAR.init(jax.random.fold_in(jax.random.key(0), 0), images)["params"]["kernel"],
        np.float64,
    )
    worst = reference.best_attack(images, labels, before, 0, strength / 255, norm)
    logits = reference.linear_logits(worst, before, 0)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    errors = (probabilities - np.eye(2)[labels]) / len(labels)
    slope = worst.reshape(len(labels), -1).T @ errors + 0.01 * before
    state, metrics = one_step(recipe, given, images, labels)
    found = state.variables["params"]["kernel"]
    np.testing.assert_allclose(found, before - 0.1 * slope, atol=1e-6)
    np.testing.assert_allclose(
        metrics.loss, reference.cross_entropy(logits, labels).mean(), rtol=1e-4
    )
    assert np.abs(0.1 * slope).max() > 1e-3


@pytest.mark.slow
def test_the_attack_sees_running_statistics_and_training_those_of_the_attacked_batch():
    """A standard step on images that were attacked in evaluation mode is the same step."""
    images, labels = unit_images()
    given, network = hyperparameters(8.0, alpha=-0.7), of_module(Normalized())
    recipe = recipe_of("adversarial")
    state, _ = one_step(recipe, given, images, labels)  # statistics other than 0 and 1
    key = jax.random.key(3)
    batch = batch_of(
        lambda pixels: network.apply(state.variables, pixels)[0],
        *(images, labels, 8.0),
        **ADVERSARIAL,
        adversarial_step_size=2.5,
    )._replace(keys=keys_of_images(key, len(images), None))
    worse = jax.jit(lambda: attacked_images(batch))()
    expected = one_step(recipe_of("standard"), given, worse, labels, state=state)
    found = one_step(recipe, given, images, labels, key, state=state)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), found, expected
    )
    assert np.abs(worse - images).max() > 7.9 / 255


def test_the_attack_raises_the_loss_of_a_step():
    images, labels = unit_images()
    recipe, losses = recipe_of("adversarial"), []
    for strength in (0, 4, 16):
        _, metrics = one_step(recipe, hyperparameters(strength), images, labels)
        losses.append(float(metrics.loss))
    assert losses[0] < losses[1] < losses[2]


@pytest.mark.slow
@pytest.mark.parametrize("micro_batches", [2, 4])
def test_micro_batches_are_attacked_as_the_whole_batch(micro_batches):
    """Without batch norm, whose statistics are those of each micro-batch."""
    images, labels = unit_images(8)
    recipe = dataclasses.replace(recipe_of("adversarial", LINEAR), num_classes=2)
    given = hyperparameters(8.0, alpha=0.5)
    expected = one_step(recipe, given, images, labels % 2)
    parts = dataclasses.replace(recipe, micro_batches=micro_batches)
    found = one_step(parts, given, images, labels % 2)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), found, expected
    )
