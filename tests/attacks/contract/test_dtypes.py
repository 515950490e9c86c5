"""Attacks give equal values and types, whatever the process's and the images' types."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import (
    ATTACKS,
    attack_believability,
    breaking_epsilons,
    fgsm,
    robust_accuracy_curve,
    robust_accuracy_over_steps,
    run_attack,
    strongest_attack,
)
from tests.attacks.problems import length

GENERATOR = np.random.default_rng(0)
# Values that bfloat16 and float16 hold exactly, so that all types attack the same images.
IMAGES = np.asarray(GENERATOR.integers(64, 192, (6, 2, 2, 1)) / 256, np.float32)
WEIGHTS = np.asarray(GENERATOR.integers(-8, 8, (4, 3)) / 8, np.float32)
LABELS = np.argmax(IMAGES.reshape(6, 4) @ WEIGHTS, axis=1).astype(np.int32)
TOLERANCE = {"float32": 1e-5, "bfloat16": 2**-7, "float16": 2**-10}


def logits_fn(images):
    return images.reshape(len(images), -1) @ jnp.asarray(WEIGHTS, images.dtype)


def run(attack, dtype, norm, impl="threefry2x32"):
    key = jax.random.key(0, impl=impl)
    images = jnp.asarray(IMAGES, dtype)
    call = jax.jit(
        lambda key, images: run_attack(key, ATTACKS[attack], logits_fn, images, LABELS, **ball)
    )
    restarts = 2 if ATTACKS[attack].random_start == "optional" else 1
    ball = {"epsilon": 0.1, "norm": norm, "steps": 5, "restarts": restarts}
    return call(key, images)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_equal_in_all_types_and_inside_the_ball(attack, norm):
    expected = np.asarray(run(attack, "float32", norm))
    with jax.enable_x64(True):
        wide = run(attack, "float32", norm)
    assert wide.dtype == jnp.float32
    np.testing.assert_allclose(wide, expected, atol=TOLERANCE["float32"])
    dtype = "bfloat16" if norm == "linf" else "float16"
    found = run(attack, dtype, norm)
    assert found.dtype == dtype
    found = np.asarray(found, np.float64)
    # Of points of nearly equal loss APGD may keep another, anywhere in the ball.
    tolerance = 0.02 if attack == "apgd" else TOLERANCE[dtype]
    np.testing.assert_allclose(found, expected, atol=tolerance)
    assert np.all(length(found - IMAGES, norm) <= np.float64(np.float32(0.1)))
    assert np.all((found >= 0) & (found <= 1))


@pytest.mark.parametrize("attack", ["pgd", "apgd"])
def test_keys_of_kind_rbg_attack_as_well(attack):
    found = run(attack, "float32", "linf", "rbg")
    assert np.all(length(np.asarray(found) - IMAGES, "linf") <= np.float32(0.1))


def curves(dtype):
    images, key = jnp.asarray(IMAGES, dtype), jax.random.key(0)
    options = {"norm": "l2", "batch_size": 4}
    epsilons = np.array([0.0, 0.05, 0.3], np.float32)
    problem = (key, logits_fn, images, LABELS)
    found = attack_believability(*problem, epsilon=0.1, norm="l2", steps=3)
    return (
        robust_accuracy_curve(*problem, epsilons=epsilons, steps=3, **options),
        breaking_epsilons(*problem, epsilons=epsilons, attack="apgd", steps=3, **options),
        robust_accuracy_over_steps(*problem, epsilon=0.1, steps=[1, 3], **options),
        jnp.stack(found[:5]),
    )


@pytest.mark.slow
def test_curves_are_equal_in_all_types():
    """Types meet in the loops of l2, whose lengths are of another type than narrow images."""
    expected = curves("float32")
    with jax.enable_x64(True):
        wide = curves("float32")
    for found in (wide, curves("bfloat16")):
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == jnp.float32
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_large_float16_images_move_as_far_as_they_may():
    """The sum of squares of 224 × 224 × 3 gradients overflows float16."""
    images = np.full((1, 224, 224, 3), 0.5, np.float16)

    def logits(images):
        mean = jnp.mean(images.astype(jnp.float32), axis=(1, 2, 3))
        return jnp.stack([mean, 0.9999 - mean], axis=1)

    found = fgsm(logits, images, [0], epsilon=5.0, norm="l2")
    moved = length(np.asarray(found, np.float64) - images, "l2")
    assert 4.5 < moved[0] <= 5


def test_the_strongest_of_narrow_candidates_keeps_their_type():
    images = jnp.asarray(IMAGES, jnp.bfloat16)
    with jax.enable_x64(True):
        assert strongest_attack(logits_fn, [images, images], LABELS).dtype == jnp.bfloat16
