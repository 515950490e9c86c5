import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selectax.attacks import fgsm, pgd, robust_accuracy_curve
from tests.reference import attacks as reference

KEY = jax.random.key(0)
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


@pytest.mark.parametrize("norm", NORMS)
def test_fgsm_steps_along_the_gradient_of_each_samples_own_loss(norm):
    images, labels, weights, bias = linear_problem(classes=5, inside=True)
    gradient = reference.cross_entropy_gradient(images, labels, weights, bias)
    expected = reference.best_step(images, gradient, 0.2, norm)
    found = fgsm(linear(weights, bias), images, labels, epsilon=0.2, norm=norm)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_a_saturated_network_is_attacked_all_the_same(norm):
    """A loss that rounds to 0 still has a direction in which it grows."""
    images, labels, weights, bias = linear_problem(inside=True)
    weights = 200 * weights / np.abs(weights[:, 1] - weights[:, 0]).sum()
    bias = np.where(np.arange(2) == 0, 65, 0).astype(np.float32)
    labels = np.zeros_like(labels)
    best = reference.best_attack(images, labels, weights, bias, 0.1, norm)
    found = fgsm(linear(weights, bias), images, labels, epsilon=0.1, norm=norm)
    np.testing.assert_allclose(found, best, atol=1e-5)


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


@pytest.mark.parametrize("norm", NORMS)
def test_pgd_is_at_least_as_strong_as_fgsm(norm):
    parameters, images, labels = mlp_problem(samples=256)
    logits_fn = functools.partial(mlp, parameters)
    epsilons = np.array([0.05, 0.1, 0.2] if norm == "linf" else [0.2, 0.4, 0.8], np.float32)
    curve = functools.partial(
        robust_accuracy_curve, KEY, logits_fn, images, labels, epsilons=epsilons, norm=norm
    )
    by_step, by_descent = curve(attack="fgsm", steps=1), curve(attack="pgd", steps=20, restarts=2)
    assert np.all(by_descent <= by_step)
    assert np.any(by_descent < by_step)
    assert by_step[0] < 1


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_curve_on_a_linear_model_is_the_exact_robust_accuracy(attack):
    images, labels, weights, bias = linear_problem(samples=200)
    epsilons = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0]
    curve = robust_accuracy_curve(
        KEY, linear(weights, bias), images, labels, epsilons=epsilons, steps=10, attack=attack
    )
    expected = reference.robust_accuracy(images, labels, weights, bias, epsilons, "linf")
    np.testing.assert_allclose(curve, expected, atol=1e-6)
    assert 0 < expected[3] < 1


@pytest.mark.parametrize("norm", NORMS)
def test_no_attack_breaks_what_cannot_be_broken(norm):
    images, labels, weights, bias = linear_problem(classes=5, samples=60)
    epsilons = [0.0, 0.05, 0.1, 0.2, 0.4]
    curve = robust_accuracy_curve(
        KEY, linear(weights, bias), images, labels, epsilons=epsilons, steps=20, norm=norm
    )
    exact = reference.robust_accuracy(images, labels, weights, bias, epsilons, norm)
    assert np.all(curve >= exact - 1e-6)
    np.testing.assert_allclose(curve, exact, atol=0.1)  # and most of what can be is


def narrow_band(images):
    """Class 1 wins in a band around 0.55 only, which a larger step of FGSM jumps over."""
    rise = jnp.sin(10 * jnp.pi * (images[:, 0, 0, 0] - 0.5)) - 0.5
    return jnp.stack([jnp.zeros_like(rise), rise], axis=1)


def test_what_a_smaller_epsilon_breaks_stays_broken():
    images, labels = np.full((4, 1, 1, 1), 0.5, np.float32), np.array([0, 0, 0, 1], np.int32)
    curve = functools.partial(
        robust_accuracy_curve, KEY, narrow_band, images, labels, steps=1, attack="fgsm"
    )
    np.testing.assert_allclose(curve(epsilons=[0, 0.05, 0.1]), [0.75, 0, 0])
    np.testing.assert_allclose(curve(epsilons=[0, 0.1]), [0.75, 0.75])
    # In any order, with each epsilon's accuracy in its own place.
    np.testing.assert_allclose(curve(epsilons=[0.1, 0, 0.05, 0.01]), [0, 0.75, 0, 0.75])


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_curve_never_rises_and_starts_at_clean_accuracy(attack, norm):
    parameters, images, labels = mlp_problem()
    labels = np.where(np.arange(64) < 16, (labels + 1) % 4, labels).astype(np.int32)
    epsilons = np.array([0, 0.02, 0.05, 0.1, 0.2, 0.4], np.float32)
    curve = robust_accuracy_curve(
        KEY,
        functools.partial(mlp, parameters),
        images,
        labels,
        epsilons=epsilons,
        steps=3,
        attack=attack,
        norm=norm,
        step_size=0.05 if attack == "pgd" else None,
    )
    assert curve.shape == (6,)
    assert curve[0] == 0.75
    assert np.all(np.diff(curve) <= 0)
    assert curve[-1] < curve[0]


def test_curve_maps_over_models():
    models = [mlp_problem(seed)[0] for seed in range(2)]
    _, images, labels = mlp_problem()

    @jax.jit
    def curve(parameters):
        logits_fn = functools.partial(mlp, parameters)
        return robust_accuracy_curve(
            KEY, logits_fn, images, labels, epsilons=[0.0, 0.05], steps=2, norm="l2"
        )

    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *models)
    together = jax.vmap(curve)(stacked)
    for one, parameters in zip(together, models, strict=True):
        np.testing.assert_allclose(one, curve(parameters), atol=1e-6)


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
        ({"bounds": (1, 0)}, ValueError, "bounds"),
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
    with pytest.raises(error, match=message):
        pgd(KEY, logits_fn, **{"steps": 2, **arguments})


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        *[({"epsilons": [0.1, epsilon]}, ValueError, "epsilon") for epsilon in NOT_AN_EPSILON],
        ({"epsilons": np.zeros((2, 2), np.float32)}, ValueError, "epsilon"),
        ({"attack": "cw"}, ValueError, "attack.*cw"),
        ({"norm": "l3"}, ValueError, "norm.*l3"),
        ({"images": np.full((4, 2, 2, 1), 1.01, np.float32)}, ValueError, "images"),
        ({"labels": np.zeros(4, np.float32)}, TypeError, "labels"),
        ({"labels": np.zeros(3, np.int32)}, ValueError, "labels"),
        ({"steps": 0}, ValueError, "steps"),
        ({"restarts": 0}, ValueError, "restarts"),
    ],
)
def test_bad_arguments_of_the_curve_are_named(change, error, message):
    arguments = {
        "images": np.full((4, 2, 2, 1), 0.5, np.float32),
        "labels": np.zeros(4, np.int32),
        "epsilons": [0.1],
        "steps": 2,
        **change,
    }
    with pytest.raises(error, match=message):
        robust_accuracy_curve(KEY, linear(np.eye(4, 2, dtype=np.float32), 0), **arguments)
