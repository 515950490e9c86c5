import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import apgd, pgd
from selectax.attacks.arguments import make_problem
from selectax.attacks.auto_pgd import apgd_method
from selectax.attacks.iteration import Evaluation
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
def test_on_a_linear_model_it_comes_close_to_the_best_there_is(norm):
    images, labels, weights, bias = linear_problem(inside=norm == "l2")
    best = reference.best_attack(images, labels, weights, bias, 0.05, norm)
    found = apgd(KEY, linear(weights, bias), images, labels, epsilon=0.05, steps=30, norm=norm)
    losses = [
        reference.cross_entropy(reference.linear_logits(points, weights, bias), labels)
        for points in (images, found, best)
    ]
    unbroken = np.argmax(linear(weights, bias)(found), axis=1) == labels
    assert unbroken.sum() > 4
    share = (losses[1] - losses[0]) / (losses[2] - losses[0])
    assert np.all(share[unbroken] > 0.999)


def checkpoints_of_the_paper_code(steps):
    """Numbers of steps at which AutoAttack's code looks whether to halve the step size."""
    interval, fewer = max(int(0.22 * steps), 1), max(int(0.03 * steps), 1)
    at, places = 0, []
    while at + interval <= steps:
        at += interval
        places.append(at)
        interval = max(interval - fewer, max(int(0.06 * steps), 1))
    return places


def run_rule(losses, steps, loss=lambda logits, labels: logits[:, 0], targets=None):
    """Step sizes, and points, of one sample in whose gradient direction the loss is dictated."""
    images = jnp.full((1, 1, 1, 1), 0.5)
    problem, _ = make_problem(
        *(lambda images: images, images, jnp.zeros(1, jnp.int32)),
        **{"norm": "linf", "bounds": (0, 1), "loss": loss, "targets": targets},
    )
    method = apgd_method(problem, steps=steps)
    epsilon = jnp.full((1, 1, 1, 1), 0.25)
    state, points, sizes, path = method.init(images, epsilon), images, [], []
    update = jax.jit(method.update)
    for value in losses:
        gradient = jnp.where(len(path) % 2, -1.0, 1.0) * jnp.ones_like(points)
        evaluation = Evaluation(gradient, jnp.array([value]), jnp.array([False]))
        path.append(float(points[0, 0, 0, 0]))
        points, state = update(state, points, evaluation, images, epsilon)
        sizes.append(float(state.step_size[0, 0, 0, 0]))
    return np.array(sizes), np.array(path), float(state.best[0, 0, 0, 0])


@pytest.mark.parametrize("steps", [1, 5, 10, 20, 33, 50, 100])
def test_a_loss_that_falls_halves_the_step_size_at_every_checkpoint(steps):
    sizes, _, _ = run_rule(-np.arange(steps + 1.0), steps)
    halved = np.flatnonzero(np.diff(np.append(0.5, sizes)) < 0)
    np.testing.assert_array_equal(halved, checkpoints_of_the_paper_code(steps))
    np.testing.assert_allclose(sizes[-1], 0.5 / 2 ** len(halved))


def test_a_loss_that_rises_keeps_the_step_size():
    sizes, _, _ = run_rule(np.arange(51.0), 50)
    np.testing.assert_array_equal(sizes, 0.5)


def test_a_loss_that_rises_too_seldom_halves_the_step_size():
    """Of the 11 steps to the first checkpoint 9 must raise the loss: 8 are under three quarters."""
    for rising, expected in [(9, 0.5), (8, 0.25)]:
        differences = np.where(np.arange(11) < rising, 1.0, -0.1)
        losses = np.append(0, np.cumsum(differences))
        sizes, _, _ = run_rule(losses, 50)
        assert sizes[-1] == expected


@pytest.mark.parametrize(("lowest", "expected"), [(1, 0.5), (-20, 0.25)])
def test_the_first_step_is_compared_with_0_as_in_the_authors_code(lowest, expected):
    sizes, _, _ = run_rule(np.arange(lowest, lowest + 4.0), 10)
    assert sizes.tolist() == [0.5, 0.5, *2 * [expected]]


@pytest.mark.parametrize("lowest", [1, -20])
@pytest.mark.parametrize(("targets", "expected"), [(None, 0.5), (jnp.ones(1, jnp.int32), 0.25)])
def test_the_first_step_is_compared_as_cross_entropy_not_as_log_odds(lowest, targets, expected):
    losses = np.arange(lowest, lowest + 4.0)
    sizes, _, _ = run_rule(losses, 10, loss="cross_entropy", targets=targets)
    assert sizes.tolist() == [0.5, 0.5, *2 * [expected]]


def test_without_a_new_best_the_step_size_is_halved_though_most_steps_rise():
    """The loss falls far between the checkpoints, and rises slowly then, not to its best."""
    rising = np.append(np.arange(12.0), np.arange(-10, 0))
    sizes, path, best = run_rule(rising, 50)
    assert sizes[11] == 0.5  # all rose
    assert sizes[20:].tolist() == [0.5, 0.25]  # 9 of 10 rose, but to no new best
    assert best == path[11]


def test_halving_goes_on_from_the_best_point():
    losses = [0, 1, 5, 0, -1, -2, -3, -4, -5, -6, -7, -8]
    sizes, path, best = run_rule(losses, 50)
    assert sizes[-1] == 0.25
    assert best == path[2]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["cross_entropy", "dlr"])
@pytest.mark.parametrize("norm", NORMS)
def test_it_is_at_least_as_strong_as_pgd(norm, loss):
    parameters, images, labels = mlp_problem(samples=256)
    logits_fn = functools.partial(mlp, parameters)
    epsilon = 0.08 if norm == "linf" else 0.3

    @jax.jit
    def accuracies():
        options = {"epsilon": epsilon, "norm": norm, "steps": 20, "loss": loss}
        found = apgd(KEY, logits_fn, images, labels, **options)
        stopped = apgd(KEY, logits_fn, images, labels, early_stop=True, restarts=2, **options)
        peer = pgd(KEY, logits_fn, images, labels, **options)
        results = jnp.stack([found, stopped, peer])
        return results, jnp.mean(jax.vmap(logits_fn)(results).argmax(-1) == labels, axis=1)

    (found, stopped, _), (accuracy, of_stopped, of_pgd) = accuracies()
    assert 0 < accuracy < 0.6
    assert accuracy <= of_pgd + 0.01
    assert of_stopped <= accuracy
    assert_inside(found, images, epsilon, norm)
    assert_inside(stopped, images, epsilon, norm)


def test_epsilon_and_steps_are_traced_and_epsilon_may_be_one_a_sample():
    parameters, images, labels = mlp_problem(samples=8)
    traces = []

    def logits_fn(images):
        traces.append(None)
        return mlp(parameters, images)

    @jax.jit
    def attacked(epsilon, steps):
        return apgd(KEY, logits_fn, images, labels, epsilon=epsilon, steps=steps)

    assert_inside(attacked(np.full(8, 0.1, np.float32), 3), images, 0.1, "linf")
    once = len(traces)
    epsilons = np.linspace(0, 0.3, 8, dtype=np.float32)
    for sample, points in enumerate(attacked(epsilons, 10)):
        assert_inside(points[None], images[sample][None], epsilons[sample], "linf")
    assert len(traces) == once


@pytest.mark.slow
def test_it_maps_over_models():
    _, images, labels = mlp_problem()
    models = [mlp_problem(seed)[0] for seed in range(2)]

    @jax.jit
    def attack(parameters):
        logits_fn = functools.partial(mlp, parameters)
        return apgd(KEY, logits_fn, images, labels, epsilon=0.3, steps=6, norm="l2")

    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *models)
    for one, parameters in zip(jax.vmap(attack)(stacked), models, strict=True):
        np.testing.assert_allclose(one, attack(parameters), atol=1e-4)
