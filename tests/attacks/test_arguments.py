"""Forms in which arguments are accepted, and sentences for those that are not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.ablation import ablated_accuracy, random_ranks
from selectax.attacks import apgd, fgsm, pgd, robust_accuracy_curve
from selectax.sensitivity import input_gradient_norms

KEY = jax.random.key(0)
IMAGES = np.random.default_rng(0).uniform(0.2, 0.8, (4, 2, 2, 3)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).normal(size=(12, 3)).astype(np.float32)
LABELS = np.argmax(IMAGES.reshape(4, 12) @ WEIGHTS, axis=1).astype(np.int32)


def logits_fn(images):
    return images.reshape(len(images), -1) @ WEIGHTS


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 2, 3), (1, 2, 2, 1), (4, 2, 2, 3)])
def test_epsilon_of_channels_and_pixels_is_the_step_there(shape):
    """Labels of two classes make the sign of the gradient that of the difference of weights."""
    epsilon = np.random.default_rng(2).uniform(0, 0.1, shape).astype(np.float32)
    epsilon.flat[0] = 0

    def two(images):
        return logits_fn(images)[:, :2]

    labels = np.array([0, 1, 0, 1])
    towards = np.sign(WEIGHTS[:, 1] - WEIGHTS[:, 0]).reshape(1, 2, 2, 3)
    signs = np.where(labels == 0, 1, -1)[:, None, None, None] * towards
    expected = IMAGES + np.broadcast_to(epsilon, IMAGES.shape) * signs
    options = {"epsilon": epsilon}
    np.testing.assert_allclose(fgsm(two, IMAGES, labels, **options), expected, atol=1e-6)
    found = pgd(KEY, two, IMAGES, labels, steps=5, **options)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    moved = np.asarray(apgd(KEY, two, IMAGES, labels, steps=3, **options)) - IMAGES
    assert np.all(np.abs(moved) <= np.broadcast_to(epsilon, IMAGES.shape))


def test_bounds_of_channels_hold():
    low, high = np.array([0.1, 0.0, -1.0]), np.array([0.9, 1.0, 0.85])
    found = fgsm(logits_fn, IMAGES, LABELS, epsilon=3.0, bounds=(low, high))
    assert np.all((found >= low.astype(np.float32)) & (found <= high.astype(np.float32)))
    assert np.any(found[..., 2] < -0.9)
    free = np.asarray(fgsm(logits_fn, IMAGES, LABELS, epsilon=3.0, bounds=None))
    np.testing.assert_allclose(np.abs(free - IMAGES), 3, rtol=1e-6)


def test_a_function_is_a_loss():
    """Minus the true logit, whose gradient is minus its weights."""

    def loss(logits, labels):
        return -jnp.take_along_axis(logits, labels[:, None], axis=1)[:, 0]

    found = fgsm(logits_fn, IMAGES, LABELS, epsilon=0.1, loss=loss)
    expected = IMAGES - 0.1 * np.sign(WEIGHTS.T[LABELS]).reshape(IMAGES.shape)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"loss must return.*\(4,\)"):
        fgsm(logits_fn, IMAGES, LABELS, epsilon=0.1, loss=lambda logits, labels: logits.mean())


def test_lists_raw_keys_and_networks_with_activations_are_accepted():
    expected = pgd(KEY, logits_fn, IMAGES, LABELS, epsilon=0.1, steps=2)
    found = pgd(
        jax.random.PRNGKey(0),
        lambda images: (logits_fn(images), {"layer": images}),
        IMAGES.tolist(),
        LABELS.tolist(),
        epsilon=0.1,
        steps=2,
    )
    np.testing.assert_array_equal(found, expected)
    masks = {"layer": [[True], [True]]}

    def masked(images, masks):
        return logits_fn(images) * masks["layer"], {}

    right = ablated_accuracy(masked, masks, IMAGES.tolist(), [*LABELS[:3].tolist(), -1])
    np.testing.assert_array_equal(right, [1, 1])


def attacked(**change):
    return pgd(KEY, logits_fn, IMAGES, LABELS, **({"epsilon": 0.1, "steps": 2} | change))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pgd(0, logits_fn, IMAGES, LABELS, epsilon=0.1, steps=1), r"jax.random.key\(0\)"),
        (lambda: attacked(steps=1.5), "steps must be integers, not float"),
        (lambda: attacked(steps=[5, 10]), r"steps must be a single number, not of shape \(2,\)"),
        (
            lambda: robust_accuracy_curve(
                *(KEY, logits_fn, IMAGES, LABELS), epsilons=[0.1], steps=np.array([1, 50])
            ),
            r"steps must be a single number, not of shape \(2,\); robust_accuracy_over_steps",
        ),
        (lambda: attacked(steps="two"), "steps must be an array of numbers, not a str"),
        (lambda: attacked(restarts=1.5), r"restarts must be an integer, not 1\.5"),
        (lambda: attacked(epsilon="8/255"), "epsilon must be an array of numbers, not a str"),
        (lambda: attacked(step_size="1"), "step_size must be an array of numbers, not a str"),
        (lambda: random_ranks(3, jnp.zeros(2)), r"jax.random.key\(3\)"),
        (lambda: input_gradient_norms(7, logits_fn, IMAGES), r"jax.random.key\(7\)"),
        (
            lambda: robust_accuracy_curve(
                jax.random.split(KEY), logits_fn, IMAGES, LABELS, epsilons=[0.1]
            ),
            "single PRNG key",
        ),
        (lambda: fgsm(lambda x: x[:, 0, 0, :1], IMAGES, LABELS, epsilon=0.1), "one logit"),
        (lambda: fgsm(lambda x: x[:, 0, 0, 0], IMAGES, LABELS, epsilon=0.1), "one logit"),
        (lambda: fgsm(logits_fn, IMAGES, LABELS, epsilon=np.ones(3)), "epsilon must be a scalar"),
        (
            lambda: fgsm(logits_fn, IMAGES, LABELS, epsilon=np.ones((1, 1, 3)), norm="l2"),
            "an l2 ball has one radius",
        ),
        (
            lambda: fgsm(logits_fn, IMAGES, LABELS, epsilon=0.1, bounds=([0] * 2, [1] * 2)),
            "bounds of shape",
        ),
        (
            lambda: fgsm(logits_fn, np.full((2, 3, 8, 8), 0.5, np.float32), [0, 1], epsilon=0.1),
            r"channels first.*transpose\(0, 2, 3, 1\)",
        ),
        (
            lambda: ablated_accuracy(
                lambda x, m: logits_fn(x), {"a": [[True]]}, IMAGES, [0, 1, 2, 3]
            ),
            "labels hold 3.*0 to 2",
        ),
    ],
)
def test_what_is_not_accepted_is_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (None, "must be an array of numbers, not None"),
        ({0, 1}, "must be an array of numbers, not a set"),
        (["a", "b", "c", "d"], "must hold numbers only, but holds a str"),
        (np.array(["a"] * 4), "must be an array of numbers, not of <U1"),
    ],
)
def test_what_holds_no_numbers_is_refused_by_name(values, words):
    masks = {"units": np.ones((1, 2), bool)}

    def masked_logits(images, masks):
        return logits_fn(images)

    with pytest.raises(TypeError, match=f"^labels {words}"):
        fgsm(logits_fn, IMAGES, values, epsilon=0.1)
    with pytest.raises(TypeError, match=f"^images {words}"):
        fgsm(logits_fn, values, LABELS, epsilon=0.1)
    with pytest.raises(TypeError, match=f"^labels {words}"):
        ablated_accuracy(masked_logits, masks, IMAGES, values)
    with pytest.raises(TypeError, match=f"^images {words}"):
        ablated_accuracy(masked_logits, masks, values, LABELS)
