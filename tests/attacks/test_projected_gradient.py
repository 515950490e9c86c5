import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selectax.attacks import fgsm, pgd, robust_accuracy_curve
from tests.attacks.problems import (
    NORMS,
    assert_inside,
    length,
    linear,
    linear_problem,
    mlp,
    mlp_problem,
)
from tests.reference import attacks as reference

KEY = jax.random.key(0)


@pytest.mark.parametrize("epsilon", [0.03, 0.3, 2.0])
def test_linf_attacks_on_a_linear_model_are_the_best_there_are(epsilon):
    images, labels, weights, bias = linear_problem()
    best = reference.best_attack(images, labels, weights, bias, epsilon, "linf")
    logits_fn = linear(weights, bias)
    by_step = fgsm(logits_fn, images, labels, epsilon=epsilon)
    np.testing.assert_allclose(by_step, best, atol=2e-6)
    by_descent = pgd(KEY, logits_fn, images, labels, epsilon=epsilon, steps=10)
    np.testing.assert_allclose(by_descent, best, atol=2e-6)


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.35])
def test_l2_attacks_on_a_linear_model_are_the_best_there_are(epsilon):
    """The box is far away for images near grey."""
    images, labels, weights, bias = linear_problem(inside=True)
    best = reference.best_attack(images, labels, weights, bias, epsilon, "l2")
    attack = {"epsilon": epsilon, "norm": "l2"}
    logits_fn = linear(weights, bias)
    np.testing.assert_allclose(fgsm(logits_fn, images, labels, **attack), best, atol=1e-5)
    straight = pgd(KEY, logits_fn, images, labels, steps=10, random_start=False, **attack)
    np.testing.assert_allclose(straight, best, atol=1e-5)
    # From a random start the direction is approached: its error falls by half a step.
    started = pgd(KEY, logits_fn, images, labels, steps=30, step_size=epsilon, **attack)
    np.testing.assert_allclose(started, best, atol=1e-4 * epsilon + 1e-5)


def test_l2_descent_approaches_the_best_attack_in_the_box():
    images, labels, weights, bias = linear_problem()
    epsilon = 0.6
    best = reference.best_attack(images, labels, weights, bias, epsilon, "l2")
    found = pgd(KEY, linear(weights, bias), images, labels, epsilon=epsilon, steps=100, norm="l2")
    clean, reached, possible = (
        reference.cross_entropy(reference.linear_logits(x, weights, bias), labels)
        for x in (images, found, best)
    )
    assert np.any(np.abs(best - images) < 1e-9)  # the box does hold some pixels
    assert np.all(reached - clean > 0.94 * (possible - clean))
    assert np.all(reached <= possible + 1e-5)


@given(st.floats(2.0**-20, 2, width=32), st.integers(0, 2**31 - 1), st.sampled_from(NORMS))
def test_random_attacks_are_inside_ball_and_bounds_exactly(epsilon, seed, norm):
    parameters, images, labels = mlp_problem()
    adversarial = jitted_pgd(jax.random.key(seed), parameters, images, labels, epsilon, norm)
    assert_inside(adversarial, images, epsilon, norm)


@functools.partial(jax.jit, static_argnames="norm")
def jitted_pgd(key, parameters, images, labels, epsilon, norm):
    logits_fn = functools.partial(mlp, parameters)
    return pgd(key, logits_fn, images, labels, epsilon=epsilon, steps=3, norm=norm)


@pytest.mark.parametrize("norm", NORMS)
def test_random_start_is_uniform_in_the_ball(norm):
    """A descent of next to no step ends where it started."""
    images = np.full((4000, 2, 2, 1), 0.5, np.float32)
    labels = np.zeros(4000, np.int32)
    logits_fn = linear(np.eye(4, 2, dtype=np.float32), 0)
    options = {"epsilon": 0.25, "steps": 1, "step_size": 1e-7, "norm": norm}
    starts = np.asarray(pgd(KEY, logits_fn, images, labels, **options)) - images
    np.testing.assert_allclose(starts.mean(axis=0), np.zeros((2, 2, 1)), atol=0.01)
    spread = 0.25 / np.sqrt(3 if norm == "linf" else 6)  # of a coordinate in the ball of R⁴
    np.testing.assert_allclose(starts.std(axis=0), np.full((2, 2, 1), spread), rtol=0.05)
    shares = (length(starts, norm) / 0.25) ** 4  # of the volume nearer to the centre
    quantiles = np.quantile(shares, [0.1, 0.25, 0.5, 0.75, 0.9])
    np.testing.assert_allclose(quantiles, [0.1, 0.25, 0.5, 0.75, 0.9], atol=0.03)
    still = pgd(KEY, logits_fn, images, labels, random_start=False, **options)
    np.testing.assert_allclose(still, images, atol=1e-6)


def test_default_step_size_is_two_and_a_half_epsilon_over_steps():
    parameters, images, labels = mlp_problem()
    logits_fn = functools.partial(mlp, parameters)
    options = {"epsilon": 0.2, "steps": 7, "norm": "l2"}
    default = pgd(KEY, logits_fn, images, labels, **options)
    explicit = pgd(KEY, logits_fn, images, labels, step_size=2.5 * 0.2 / 7, **options)
    np.testing.assert_allclose(default, explicit, atol=1e-6)
    other = pgd(KEY, logits_fn, images, labels, step_size=0.2 / 7, **options)
    assert np.abs(other - default).max() > 1e-3


def test_a_small_step_moves_by_step_size_times_steps():
    images, labels, weights, bias = linear_problem(inside=True)
    options = {"epsilon": 0.3, "steps": 5, "step_size": 0.01, "random_start": False}
    found = pgd(KEY, linear(weights, bias), images, labels, **options)
    np.testing.assert_allclose(np.abs(found - images), np.full(images.shape, 0.05), atol=1e-6)


def test_same_key_same_result_and_other_key_another():
    parameters, images, labels = mlp_problem()
    logits_fn = functools.partial(mlp, parameters)
    run = functools.partial(
        pgd, logits_fn=logits_fn, images=images, labels=labels, epsilon=0.1, steps=2, norm="l2"
    )
    np.testing.assert_array_equal(run(KEY), run(KEY))
    assert np.any(run(KEY) != run(jax.random.key(1)))


@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
def test_epsilon_step_size_and_steps_are_traced(norm):
    parameters, images, labels = mlp_problem(samples=8)
    traces = []

    def logits_fn(images):
        traces.append(None)
        return mlp(parameters, images)

    @jax.jit
    def attacked(epsilon, step_size, steps):
        return (
            fgsm(logits_fn, images, labels, epsilon=epsilon, norm=norm),
            pgd(
                KEY,
                logits_fn,
                images,
                labels,
                epsilon=epsilon,
                step_size=step_size,
                steps=steps,
                norm=norm,
            ),
            pgd(KEY, logits_fn, images, labels, epsilon=epsilon, steps=steps, norm=norm),
            robust_accuracy_curve(
                KEY, logits_fn, images, labels, epsilons=[0, epsilon], steps=steps, norm=norm
            ),
        )

    attacked(0.1, 0.03, 3)
    once = len(traces)
    for epsilon, step_size, steps in [(0.2, 0.01, 5), (0.0, 0.1, 1)]:
        _, traced, _, _ = attacked(epsilon, step_size, steps)
        static = pgd(
            KEY,
            functools.partial(mlp, parameters),
            images,
            labels,
            epsilon=epsilon,
            step_size=step_size,
            steps=steps,
            norm=norm,
        )
        np.testing.assert_allclose(traced, static, atol=1e-5)
    assert len(traces) == once


def test_pgd_mapped_over_epsilons_equals_a_loop():
    parameters, images, labels = mlp_problem()
    epsilons = np.array([0.01, 0.05, 0.2], np.float32)

    def attack(epsilon):
        return jitted_pgd(KEY, parameters, images, labels, epsilon, norm="l2")

    for one, epsilon in zip(jax.vmap(attack)(epsilons), epsilons, strict=True):
        np.testing.assert_allclose(one, attack(epsilon), atol=1e-5)


def test_pgd_mapped_over_models_equals_a_loop():
    models = [mlp_problem(seed)[0] for seed in range(3)]
    _, images, labels = mlp_problem()

    def attack(parameters):
        return jitted_pgd(KEY, parameters, images, labels, 0.1, norm="l2")

    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *models)
    for one, parameters in zip(jax.vmap(attack)(stacked), models, strict=True):
        np.testing.assert_allclose(one, attack(parameters), atol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_restarts_are_never_weaker(norm):
    parameters, images, labels = mlp_problem()
    logits_fn = functools.partial(mlp, parameters)
    epsilon = 0.12 if norm == "linf" else 0.4

    def outcome(restarts):
        adversarial = pgd(
            KEY,
            logits_fn,
            images,
            labels,
            epsilon=epsilon,
            steps=3,
            step_size=epsilon / 4,
            norm=norm,
            restarts=restarts,
        )
        assert_inside(adversarial, images, epsilon, norm)
        logits = np.asarray(logits_fn(adversarial))
        return logits.argmax(axis=1) != labels, reference.cross_entropy(logits, labels)

    broken_once, loss_once = outcome(1)
    broken, loss = outcome(8)
    assert np.all(broken | ~broken_once)
    assert np.all((loss >= loss_once - 1e-5)[~broken])
    assert broken.sum() > broken_once.sum()


def two_sided(images):
    """Class 0 loses to class 1 to the left of grey, and to the right has more loss but holds."""
    left = jnp.maximum(0.5 - images[:, 0, 0, 0], 0)
    right = jnp.maximum(images[:, 0, 0, 0] - 0.5, 0)
    first, second = -3 + 8 * left + 7.2 * right, -3 + 7.2 * right
    return jnp.stack([jnp.zeros_like(first), first, second], axis=1)


def test_restarts_prefer_a_misclassified_result_to_a_higher_loss():
    images, labels = np.full((32, 1, 1, 1), 0.5, np.float32), np.zeros(32, np.int32)
    options = {"epsilon": 0.4, "steps": 5}
    single = pgd(KEY, two_sided, images, labels, **options)
    right = np.asarray(single[:, 0, 0, 0]) > 0.5
    assert 4 < right.sum() < 28
    assert np.all(np.argmax(two_sided(single), axis=1) == np.where(right, 0, 1))
    several = pgd(KEY, two_sided, images, labels, restarts=12, **options)
    np.testing.assert_allclose(several, np.full(images.shape, 0.1), atol=1e-6)


def test_restarts_prefer_the_highest_loss_where_nothing_is_misclassified():
    images, labels = np.full((32, 1, 1, 1), 0.5, np.float32), np.zeros(32, np.int32)
    several = pgd(KEY, two_sided, images, labels, epsilon=0.3, steps=5, restarts=12)
    np.testing.assert_allclose(several, np.full(images.shape, 0.8), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
def test_early_stop_leaves_images_where_they_first_break(norm):
    parameters, images, labels = mlp_problem()
    logits_fn = functools.partial(mlp, parameters)
    epsilon = 0.1 if norm == "linf" else 0.4
    options = {"epsilon": epsilon, "norm": norm, "step_size": epsilon / 5, "random_start": False}
    path = [
        np.asarray(pgd(KEY, logits_fn, images, labels, steps=steps, **options))
        for steps in range(1, 9)
    ]
    stopped = pgd(KEY, logits_fn, images, labels, steps=8, early_stop=True, **options)
    wrong = np.stack([np.argmax(logits_fn(points), axis=1) != labels for points in path])
    first = np.where(wrong.any(axis=0), wrong.argmax(axis=0), 7)
    assert len(np.unique(first)) > 3
    expected = np.stack(path)[first, np.arange(len(images))]
    np.testing.assert_allclose(stopped, expected, atol=1e-5)


def test_early_stop_ends_the_loop_when_all_are_broken():
    images, labels, weights, bias = linear_problem()
    endless = jax.jit(
        lambda: pgd(
            KEY,
            linear(weights, bias),
            images,
            labels,
            epsilon=1.0,
            steps=2_000_000_000,
            step_size=0.1,
            restarts=2,
            early_stop=True,
        )
    )
    assert np.all(np.argmax(linear(weights, bias)(endless()), axis=1) != labels)
