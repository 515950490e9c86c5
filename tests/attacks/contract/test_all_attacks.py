import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import ATTACKS, apgd, fgsm, mi_fgsm, pgd, run_attack
from tests.attacks.problems import (
    NORMS,
    assert_inside,
    linear,
    linear_problem,
    mlp,
    mlp_problem,
)
from tests.reference import attacks as reference

KEY = jax.random.key(0)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("bounds", [(0, 1), (-1, 2), (0, 255)])
def test_results_are_inside_ball_and_bounds_exactly(norm, bounds):
    parameters, images, labels = mlp_problem(samples=256)
    images = np.float32(bounds[0]) + np.float32(bounds[1] - bounds[0]) * images
    images[0], images[1] = bounds
    logits_fn = functools.partial(mlp, parameters)
    attack = {"norm": norm, "bounds": bounds}

    @jax.jit
    def both(epsilon):
        return (
            fgsm(logits_fn, images, labels, epsilon=epsilon, **attack),
            pgd(KEY, logits_fn, images, labels, epsilon=epsilon, steps=4, **attack),
        )

    for epsilon in [1e-4, 1 / 255, 8 / 255, 0.1, 0.3, 0.7, 1.3, 4.0, 300.0]:
        for adversarial in both(epsilon):
            assert_inside(adversarial, images, epsilon, norm, bounds)
            assert np.any(adversarial != images)
            assert adversarial.dtype == jnp.float32
            assert adversarial.shape == images.shape


@pytest.mark.parametrize("norm", NORMS)
def test_no_radius_is_no_change(norm):
    parameters, images, labels = mlp_problem()
    logits_fn = functools.partial(mlp, parameters)
    by_step = fgsm(logits_fn, images, labels, epsilon=0.0, norm=norm)
    by_descent = pgd(KEY, logits_fn, images, labels, epsilon=0.0, steps=3, norm=norm)
    np.testing.assert_array_equal(by_step, images)
    np.testing.assert_array_equal(by_descent, images)


@pytest.mark.parametrize("norm", NORMS)
def test_a_network_without_gradient_gives_no_nan(norm):
    _, images, labels = mlp_problem()

    def logits_fn(images):
        return jnp.zeros((len(images), 4)) + 0 * images.sum()

    by_step = fgsm(logits_fn, images, labels, epsilon=0.1, norm=norm)
    np.testing.assert_array_equal(by_step, images)
    by_descent = pgd(KEY, logits_fn, images, labels, epsilon=0.1, steps=3, norm=norm)
    assert_inside(by_descent, images, 0.1, norm)


@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
def test_epsilon_per_sample_equals_an_attack_per_sample(norm):
    parameters, images, labels = mlp_problem(samples=6)
    logits_fn = functools.partial(mlp, parameters)
    epsilons = np.array([0, 0.01, 0.05, 0.1, 0.2, 0.5], np.float32)
    step = functools.partial(fgsm, logits_fn, norm=norm)
    descend = functools.partial(pgd, KEY, logits_fn, steps=5, random_start=False, norm=norm)
    for attack in (step, descend):
        together = attack(images, labels, epsilon=epsilons)
        for number, epsilon in enumerate(epsilons):
            one = slice(number, number + 1)
            alone = attack(images[one], labels[one], epsilon=epsilon)
            np.testing.assert_allclose(together[one], alone, atol=1e-5)
            assert_inside(together[one], images[one], epsilon, norm)


NOT_AN_EPSILON = [-0.1, np.nan, np.inf]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        *[({"epsilon": epsilon}, ValueError, "epsilon") for epsilon in NOT_AN_EPSILON],
        ({"epsilon": np.array([0.1, 0.1, -0.1, 0.1])}, ValueError, "epsilon"),
        ({"epsilon": np.zeros(3, np.float32)}, ValueError, "epsilon"),
        ({"epsilon": np.zeros((4, 1), np.float32)}, ValueError, "epsilon"),
        ({"norm": "l3"}, ValueError, "norm.*l3"),
        ({"images": np.full((4, 2, 2, 1), 1.01, np.float32)}, ValueError, "images"),
        ({"images": np.full((4, 2, 2, 1), -0.01, np.float32)}, ValueError, "images"),
        ({"images": np.full((4, 2, 2, 1), np.nan, np.float32)}, ValueError, "images"),
        ({"images": np.zeros((4, 2, 2, 1), np.uint8)}, (TypeError, ValueError), "images"),
        ({"labels": np.zeros(4, np.float32)}, TypeError, "labels"),
        ({"labels": np.zeros(3, np.int32)}, ValueError, "labels"),
        ({"labels": np.zeros((4, 2), np.int32)}, ValueError, "labels"),
        ({"bounds": (1, 0)}, ValueError, "bounds.*swap"),
        (
            {"images": np.zeros((0, 2, 2, 1), np.float32), "labels": np.zeros(0, np.int32)},
            ValueError,
            "images.*empty",
        ),
        ({"labels": np.full(4, 2, np.int32)}, ValueError, "labels hold 2.*0 to 1"),
        ({"labels": np.full(4, -1, np.int32)}, ValueError, "labels hold -1"),
        ({"targets": np.zeros(4, np.int32)}, ValueError, r"targets\[0\]=0 is the label"),
        ({"targets": np.full(4, 2, np.int32)}, ValueError, "targets hold 2.*0 to 1"),
        ({"targets": np.full(4, -1, np.int32)}, ValueError, "targets hold -1"),
        ({"targets": np.ones(3, np.int32)}, ValueError, "targets.*shape"),
        ({"targets": np.ones(4, np.float32)}, TypeError, "targets"),
        ({"loss": "hinge"}, ValueError, "loss.*hinge"),
        ({"loss": "dlr"}, ValueError, "loss 'dlr' needs at least 3 classes, not 2"),
        ({"steps": 0}, ValueError, "steps"),
        ({"steps": -3}, ValueError, "steps"),
        ({"restarts": 0}, ValueError, "restarts"),
        ({"step_size": np.zeros(3, np.float32)}, ValueError, "step_size"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    arguments = {
        "images": np.full((4, 2, 2, 1), 0.5, np.float32),
        "labels": np.zeros(4, np.int32),
        "epsilon": 0.1,
        **change,
    }
    logits_fn = linear(np.eye(4, 2, dtype=np.float32), 0)
    if not {"steps", "restarts", "step_size"} & set(change):
        with pytest.raises(error, match=message):
            fgsm(logits_fn, **arguments)
    if "restarts" not in change:
        with pytest.raises(error, match=message):
            mi_fgsm(logits_fn, **{"steps": 2, **arguments})
    if "step_size" not in change:
        with pytest.raises(error, match=message):
            apgd(KEY, logits_fn, **{"steps": 2, **arguments})
    with pytest.raises(error, match=message):
        pgd(KEY, logits_fn, **{"steps": 2, **arguments})


def attacks():
    """Each attack of the table by name, with 5 steps if it has several."""
    return {
        name: functools.partial(run_attack, KEY, attack, steps=5)
        for name, attack in ATTACKS.items()
    }


@pytest.mark.parametrize("attack", attacks())
def test_logits_that_are_no_numbers_are_named_or_show(attack):
    """Even where a ReLU would turn the gradient of NaN into a zero."""
    images, labels = np.full((4, 2, 2, 1), 0.5, np.float32), np.zeros(4, np.int32)
    run = functools.partial(attacks()[attack], images=images, labels=labels, epsilon=0.1)

    def logits_fn(images):
        return jax.nn.relu(images.reshape(len(images), -1) + jnp.nan)

    with pytest.raises(ValueError, match=r"logits_fn gives logits that are NaN.*weights"):
        run(logits_fn)
    assert np.all(np.isnan(jax.jit(lambda: run(logits_fn))()))


@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("attack", attacks())
def test_targeted_attacks_go_to_their_targets(attack, norm):
    images, labels, weights, bias = linear_problem(classes=5, samples=40, inside=True)
    targets = (labels + 1 + np.arange(40) % 4) % 5
    logits_fn = linear(weights, bias)
    run = functools.partial(attacks()[attack], logits_fn, images, labels, norm=norm, epsilon=0.3)
    adversarial = run(targets=targets)
    assert_inside(adversarial, images, 0.3, norm)
    clean, targeted, untargeted = (
        reference.cross_entropy(reference.linear_logits(x, weights, bias), targets)
        for x in (images, adversarial, run())
    )
    assert np.all(targeted < clean)
    assert np.all(targeted <= untargeted + 1e-5)
    assert np.mean(np.argmax(logits_fn(adversarial), axis=1) == targets) > 0.35


@pytest.mark.parametrize("attack", attacks())
def test_targets_are_traced(attack):
    parameters, images, labels = mlp_problem(samples=8)
    traces = []

    def logits_fn(images):
        traces.append(None)
        return mlp(parameters, images)

    @jax.jit
    def attacked(targets):
        return attacks()[attack](logits_fn, images, labels, epsilon=0.1, targets=targets)

    first = attacked((labels + 1) % 4)
    once = len(traces)
    assert np.any(attacked((labels + 2) % 4) != first)
    assert len(traces) == once
