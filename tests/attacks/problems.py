"""Small networks to attack, and what every attack's result must fulfil."""

import jax.numpy as jnp
import numpy as np

from tests.reference import attacks as reference

NORMS = ["linf", "l2"]


def linear_problem(classes=2, samples=12, inside=False, seed=0):
    """Images of (2, 3, 1), labels as the linear model itself gives them, weights and bias."""
    generator = np.random.default_rng(seed)
    low, high = (0.4, 0.6) if inside else (0, 1)
    images = generator.uniform(low, high, (samples, 2, 3, 1)).astype(np.float32)
    if not inside:
        images[:4] = np.round(images[:4])  # pixels on the bounds, as black and white ones are
    weights = generator.normal(size=(6, classes)).astype(np.float32)
    bias = (-0.5 * weights.sum(axis=0)).astype(np.float32)
    labels = reference.linear_logits(images, weights, bias).argmax(axis=1).astype(np.int32)
    return images, labels, weights, bias


def linear(weights, bias):
    return lambda images: images.reshape(len(images), -1) @ weights + bias


def mlp(parameters, images):
    hidden = jnp.tanh(images.reshape(len(images), -1) @ parameters["hidden"])
    return hidden @ parameters["output"]


def mlp_problem(seed=0, samples=64):
    """A curved network, images of (4, 4, 1) and the labels that it gives them itself."""
    generator = np.random.default_rng(seed)
    parameters = {
        "hidden": (2 * generator.normal(size=(16, 32))).astype(np.float32),
        "output": (0.5 * generator.normal(size=(32, 4))).astype(np.float32),
    }
    images = generator.uniform(0, 1, (samples, 4, 4, 1)).astype(np.float32)
    labels = np.argmax(mlp(parameters, images), axis=1).astype(np.int32)
    return parameters, images, labels


def length(difference, norm):
    flat = np.asarray(difference, np.float64).reshape(len(difference), -1)
    return np.abs(flat).max(axis=1) if norm == "linf" else np.sqrt(np.sum(flat**2, axis=1))


def assert_inside(adversarial, images, epsilon, norm, bounds=(0, 1)):
    """Inside ball and box to the last bit, as float64 sees the float32 numbers."""
    adversarial, images = np.asarray(adversarial, np.float64), np.asarray(images, np.float64)
    assert np.all(length(adversarial - images, norm) <= np.float64(np.float32(epsilon)))
    assert np.all(adversarial >= bounds[0])
    assert np.all(adversarial <= bounds[1])
