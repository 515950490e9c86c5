import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import ATTACKS, breaking_epsilons, pgd, robust_accuracy_curve
from tests.attacks.problems import NORMS, linear, linear_problem, mlp, mlp_problem
from tests.reference import attacks as reference

pytestmark = pytest.mark.slow

KEY = jax.random.key(0)
NOT_AN_EPSILON = [-0.1, np.nan, np.inf]


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
        ({"epsilons": []}, ValueError, "epsilons.*at least one"),
        ({"labels": np.full(4, 2, np.int32)}, ValueError, "labels hold 2.*0 to 1"),
        ({"labels": np.full(4, 2, np.int32), "attack": "fgsm"}, ValueError, "labels hold 2"),
        ({"labels": np.full(4, 2, np.int32), "batch_size": 2}, ValueError, "labels hold 2"),
        ({"batch_size": 0}, ValueError, "batch_size.*0"),
        ({"step_size": np.full(4, 0.1)}, ValueError, "step_size.*scalar"),
        ({"step_size": -0.1}, ValueError, "step_size.*-0.1"),
        ({"attack": "mi_fgsm", "restarts": 2}, ValueError, "restarts=2"),
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


def brute_force(images, labels, logits_fn, epsilons, **options):
    """Breaking epsilons by an attack with each epsilon, all steps of each looked at."""
    breaking = np.full(len(images), np.inf)
    for epsilon in sorted(epsilons, reverse=True):
        options |= {"epsilon": epsilon, "early_stop": True}
        adversarial = pgd(KEY, logits_fn, images, labels, **options)
        broken = np.argmax(logits_fn(adversarial), axis=1) != labels
        breaking[broken] = epsilon
    wrong = np.argmax(logits_fn(images), axis=1) != labels
    return np.where(wrong, 0, breaking)


@pytest.mark.parametrize("norm", NORMS)
def test_without_warm_start_each_image_breaks_where_attacks_anew_break_it(norm):
    parameters, images, labels = mlp_problem(samples=200)
    labels = np.where(np.arange(200) < 20, (labels + 1) % 4, labels).astype(np.int32)
    logits_fn = functools.partial(mlp, parameters)
    epsilons = np.linspace(0.01, 0.25, 9, dtype=np.float32) * (1 if norm == "linf" else 3)
    options = {"steps": 6, "norm": norm, "random_start": False}
    found = breaking_epsilons(
        KEY,
        logits_fn,
        images,
        labels,
        epsilons=epsilons[::-1],
        warm_start=False,
        batch_size=16,
        **options,
    )
    expected = brute_force(images, labels, logits_fn, epsilons, **options)
    # All but where an attack with more epsilon fails where one with less succeeds.
    assert np.mean(found == expected.astype(np.float32)) > 0.96
    assert np.all(found >= expected.astype(np.float32))
    assert len(np.unique(found)) > 8


@pytest.mark.parametrize("norm", NORMS)
def test_curve_equals_attacks_anew_within_sampling_error(norm):
    parameters, images, labels = mlp_problem(samples=400)
    logits_fn = functools.partial(mlp, parameters)
    epsilons = np.linspace(0.01, 0.2, 7, dtype=np.float32) * (1 if norm == "linf" else 3)
    options = {"steps": 20, "norm": norm}
    breaking = brute_force(images, labels, logits_fn, epsilons, **options)
    anew = np.mean(breaking > epsilons[:, None], axis=1)
    curve = functools.partial(
        robust_accuracy_curve, KEY, logits_fn, images, labels, epsilons=epsilons, **options
    )
    warm, cold = curve(), curve(warm_start=False)
    assert np.all(np.diff(warm) <= 0)
    assert np.all(np.diff(cold) <= 0)
    error = np.sqrt(anew * (1 - anew) / len(images))
    np.testing.assert_array_less(np.abs(cold - anew), 2 * error)
    assert np.all(warm <= anew + 0.01)  # it may be stronger


def test_restarts_break_more_images_at_one_epsilon():
    parameters, images, labels = mlp_problem(samples=200)

    @functools.partial(jax.jit, static_argnames="restarts")
    def breaking(restarts):
        logits_fn = functools.partial(mlp, parameters)
        options = {"steps": 2, "norm": "l2", "warm_start": False, "restarts": restarts}
        return breaking_epsilons(
            KEY, logits_fn, images, labels, epsilons=np.linspace(0.05, 1, 12), **options
        )

    once, often = breaking(1), breaking(10)
    assert np.mean(often < once) > 0.1
    assert np.mean(often > once) < 0.02


@pytest.mark.parametrize(
    ("attack", "warm_start"),
    # Each attack begins in one of the two ways.
    [*zip(sorted(ATTACKS.keys() - {"fgsm", "pgd"}), itertools.cycle([True, False]))],
)
def test_other_attacks_find_the_exact_curve_of_a_linear_model(attack, warm_start):
    images, labels, weights, bias = linear_problem(samples=50)
    epsilons = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4]
    curve = robust_accuracy_curve(
        KEY,
        linear(weights, bias),
        images,
        labels,
        epsilons=epsilons,
        attack=attack,
        warm_start=warm_start,
        batch_size=16,
    )
    expected = reference.robust_accuracy(images, labels, weights, bias, epsilons, "linf")
    np.testing.assert_allclose(curve, expected, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_size_of_the_batch_changes_nothing_on_a_linear_model(batch_size):
    images, labels, weights, bias = linear_problem(samples=30)
    epsilons = np.array([0.02, 0.05, 0.1, 0.2], np.float32)
    found = breaking_epsilons(
        KEY, linear(weights, bias), images, labels, epsilons=epsilons, batch_size=batch_size
    )
    shares = reference.robust_accuracy(images, labels, weights, bias, epsilons, "linf")
    np.testing.assert_allclose(np.mean(found > epsilons[:, None], axis=1), shares, atol=1e-6)


def test_breaking_epsilons_of_wrong_and_of_unbreakable_images():
    images, labels = np.full((3, 1, 1, 1), 0.5, np.float32), np.array([0, 1, 0], np.int32)
    images[2] = 0.9
    logits_fn = linear(np.array([[-1.0, 1.0]]), np.array([0.6, -0.6]))  # class 1 above 0.6
    labels[2] = 1
    found = breaking_epsilons(KEY, logits_fn, images, labels, epsilons=[0.01, 0.15, 0.2])
    np.testing.assert_array_equal(found, np.array([0.15, 0, np.inf], np.float32))


@pytest.mark.parametrize("attack", ["pgd", "fgsm"])
def test_logits_that_are_no_numbers_are_named_or_show(attack):
    images, labels = np.full((4, 2, 2, 1), 0.5, np.float32), np.zeros(4, np.int32)
    images[3] = 0.75
    honest = linear(np.eye(4, 2, dtype=np.float32) - 0.1, np.array([1, 0]))

    def logits_fn(images):
        """No number in the neighbourhood of the last image."""
        missing = jnp.any(images > 0.7, axis=(1, 2, 3))
        return jax.nn.relu(jnp.where(missing[:, None], jnp.nan, honest(images)))

    options = {"epsilons": [0.01, 0.02], "attack": attack}
    with pytest.raises(ValueError, match="logits_fn gives logits that are NaN"):
        robust_accuracy_curve(KEY, logits_fn, images, labels, **options)
    curve = jax.jit(lambda: robust_accuracy_curve(KEY, logits_fn, images, labels, **options))()
    assert np.all(np.isnan(curve))
    sound = robust_accuracy_curve(KEY, logits_fn, images[:3], labels[:3], **options)
    np.testing.assert_array_equal(sound, [1, 1])


def test_nan_on_the_way_of_an_attack_shows():
    images, labels = np.full((4, 2, 2, 1), 0.5, np.float32), np.zeros(4, np.int32)

    def logits_fn(images):
        honest = linear(np.eye(4, 2, dtype=np.float32), np.array([1, 0]))(images)
        return jnp.where(jnp.any(images != 0.5, axis=(1, 2, 3))[:, None], jnp.nan, honest)

    with pytest.raises(ValueError, match="logits_fn gives logits that are NaN"):
        robust_accuracy_curve(KEY, logits_fn, images, labels, epsilons=[0.1])
