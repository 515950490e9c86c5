import functools

import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import mi_fgsm, norms
from tests.attacks.problems import (
    NORMS,
    assert_inside,
    linear,
    linear_problem,
    mlp,
    mlp_problem,
)
from tests.reference import attacks as reference


@pytest.mark.parametrize("norm", NORMS)
def test_on_a_linear_model_it_is_the_best_there_is(norm):
    images, labels, weights, bias = linear_problem(inside=norm == "l2")
    best = reference.best_attack(images, labels, weights, bias, 0.2, norm)
    found = mi_fgsm(linear(weights, bias), images, labels, epsilon=0.2, steps=8, norm=norm)
    np.testing.assert_allclose(found, best, atol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
def test_steps_go_along_the_decaying_sum_of_gradients(decay, norm):
    """Three classes, so that the gradient turns along the way."""
    images, labels, weights, bias = linear_problem(classes=3, inside=True)
    found = mi_fgsm(
        linear(weights, bias),
        images,
        labels,
        epsilon=0.3,
        steps=4,
        step_size=0.05,
        decay=decay,
        norm=norm,
    )
    points, momentum = images.astype(np.float64), np.zeros(images.shape)
    for _ in range(4):
        gradient = reference.cross_entropy_gradient(points, labels, weights, bias)
        momentum = decay * momentum + gradient / np.abs(gradient).sum((1, 2, 3), keepdims=True)
        length = np.sqrt(np.sum(momentum**2, (1, 2, 3), keepdims=True))
        points = points + 0.05 * (np.sign(momentum) if norm == "linf" else momentum / length)
    np.testing.assert_allclose(found, points, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("bounds", [(0, 1), (0, 255)])
def test_results_are_inside_ball_and_bounds_exactly(norm, bounds):
    parameters, images, labels = mlp_problem()
    images = np.float32(bounds[1]) * images
    logits_fn = functools.partial(mlp, parameters)
    for epsilon in [1e-4, 8 / 255, 0.7, 300.0]:
        options = {"epsilon": epsilon, "steps": 3, "norm": norm, "bounds": bounds}
        found = mi_fgsm(logits_fn, images, labels, **options)
        assert_inside(found, images, epsilon, norm, bounds)
        assert np.any(found != images)


def test_default_step_size_is_epsilon_over_steps():
    images, labels, weights, bias = linear_problem(inside=True)
    options = {"epsilon": 0.3, "steps": 5}
    default = mi_fgsm(linear(weights, bias), images, labels, **options)
    explicit = mi_fgsm(linear(weights, bias), images, labels, step_size=0.06, **options)
    np.testing.assert_allclose(default, explicit, atol=1e-6)


def test_a_decay_that_is_no_number_is_named():
    images, labels, weights, bias = linear_problem()
    with pytest.raises(ValueError, match=r"decay.*nan"):
        mi_fgsm(linear(weights, bias), images, labels, epsilon=0.1, steps=2, decay=np.nan)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("exponent", [-125, 126])
def test_the_scale_of_the_loss_does_not_matter(norm, exponent):
    """Sums of such gradients overflow, and their means underflow, though float32 holds each."""
    images = np.random.default_rng(0).uniform(0.3, 0.7, (2, 4, 1, 1)).astype(np.float32)
    weights = np.array([1.0, -1.5, 1.25, 1.75], np.float32)
    labels = np.zeros(2, np.int32)

    def logits_fn(images):
        score = images.reshape(2, 4) @ weights
        return jnp.stack([-score, score], axis=-1)

    def attack(scale):
        def loss(logits, labels):
            return jnp.float32(scale) * logits[:, 1]

        return mi_fgsm(logits_fn, images, labels, epsilon=0.1, steps=3, norm=norm, loss=loss)

    np.testing.assert_allclose(attack(2.0**exponent), attack(1), atol=1e-6)
    assert np.max(np.abs(attack(2.0**exponent) - images)) > 0.04


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_the_l2_ball_of_any_size_is_kept(size):
    origin = jnp.zeros((1, 2, 2, 1), jnp.float32)
    points = jnp.full_like(origin, 3 * size)
    projected = norms.NORMS["l2"].project(points, origin, jnp.float32(size))
    np.testing.assert_allclose(projected / size, np.full((1, 2, 2, 1), 0.5), rtol=1e-4)
