"""What is not finite does not come out as robustness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import (
    ATTACKS,
    NORMS,
    attack_believability,
    breaking_epsilons,
    masking_warnings,
    robust_accuracy_curve,
    robust_accuracy_over_steps,
    robust_within,
    run_attack,
    strongest_attack,
)

KEY = jax.random.key(0)
IMAGES = np.random.default_rng(0).uniform(0.3, 0.7, (3, 2, 1, 1)).astype(np.float32)
WEIGHTS = np.array([[1.0, -1.0], [0.5, 0.2]], np.float32)
LABELS = np.argmax(IMAGES.reshape(3, 2) @ WEIGHTS, axis=1).astype(np.int32)


def attacked(attack, norm="linf"):
    return lambda f, x, e: run_attack(KEY, attack, f, x, LABELS, epsilon=e, steps=2, norm=norm)


MEASURES = {
    **{name: attacked(attack) for name, attack in ATTACKS.items() if name != "apgd"},
    "fgsm l2": attacked(ATTACKS["fgsm"], "l2"),
    "apgd": attacked(ATTACKS["apgd"], "l2"),
    "curve": lambda f, x, e: robust_accuracy_curve(
        KEY, f, x, LABELS, epsilons=jnp.stack([e, e]), steps=2
    ),
    "curve of fgsm": lambda f, x, e: robust_accuracy_curve(
        KEY, f, x, LABELS, epsilons=jnp.stack([e, e]), attack="fgsm"
    ),
    "breaking": lambda f, x, e: breaking_epsilons(
        KEY, f, x, LABELS, epsilons=jnp.stack([e, e]), steps=2
    ),
    "steps": lambda f, x, e: robust_accuracy_over_steps(KEY, f, x, LABELS, epsilon=e, steps=[1, 2]),
    "believability": lambda f, x, e: jnp.stack(
        attack_believability(KEY, f, x, LABELS, epsilon=e, steps=2)[2:3]
    ),
    "strongest": lambda f, x, e: strongest_attack(f, [x, x], LABELS) + 0 * e,
}


@pytest.mark.parametrize("name", MEASURES)
def test_no_finite_number_comes_of_what_is_not_finite(name):
    """One sample of the images, one weight, or epsilon; images that have them hold NaN."""

    def call(weights, images, epsilon):
        def logits_fn(images):
            return images.reshape(3, 2) @ weights

        found = MEASURES[name](logits_fn, images, epsilon)
        of_samples = found.ndim == 4 or name == "breaking"
        return jnp.isnan(found).reshape(3, -1).any(1) if of_samples else jnp.isnan(found)

    compiled = jax.jit(call)
    sound = (jnp.asarray(WEIGHTS), jnp.asarray(IMAGES), jnp.float32(0.01))
    assert not np.any(compiled(*sound))
    for poison in (np.nan, np.inf, -np.inf):
        weights = sound[0].at[0, 1].set(poison)
        assert np.all(compiled(weights, *sound[1:])), f"weights {poison}"
        assert np.all(compiled(*sound[:2], jnp.float32(poison))), f"epsilon {poison}"
        images = sound[1].at[1, 0, 0, 0].set(poison)
        found = np.asarray(compiled(sound[0], images, sound[2]))
        assert found[1] if len(found) == 3 else np.all(found), f"images {poison}"


def test_a_network_of_nan_is_refused_or_named():
    def logits_fn(images):
        return images.reshape(3, 2) @ WEIGHTS * jnp.nan

    run = jax.jit(
        lambda: attack_believability(KEY, logits_fn, IMAGES, LABELS, epsilon=0.1, steps=2)
    )
    assert "not finite" in masking_warnings(run())[0]
    with pytest.raises(ValueError, match="NaN or infinite"):
        strongest_attack(logits_fn, [IMAGES], LABELS)


def test_a_direction_of_nan_is_nan_everywhere():
    gradient = jnp.ones((1, 2, 2, 1)).at[0, 0, 0, 0].set(jnp.nan)
    assert np.all(np.isnan(NORMS["l2"].normalize(gradient)))


def test_epsilons_that_are_no_radii_show_no_robustness():
    correct = np.ones((2, 3), bool)
    with pytest.raises(ValueError, match=r"epsilons.*nan"):
        robust_within(correct, [0.1, np.nan])
    traced = jax.jit(robust_within)(correct, jnp.array([0.1, jnp.nan]))
    np.testing.assert_array_equal(traced, [[True] * 3, [False] * 3])
