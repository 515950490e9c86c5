import functools
import pathlib

import jax
import numpy as np
import pytest

from selectax.attacks import (
    ATTACKS,
    Attack,
    Method,
    fgsm,
    inside,
    mi_fgsm,
    pgd,
    robust_accuracy_curve,
    robust_accuracy_over_steps,
    run_attack,
)
from tests.attacks.problems import assert_inside, linear, linear_problem, mlp, mlp_problem
from tests.project.markdown import blocks
from tests.reference import attacks as reference

KEY = jax.random.key(0)


def half_steps(problem, *, steps, share=0.5):
    """Steps of a share of epsilon along the normalized gradient."""

    def update(state, points, evaluation, origin, epsilon):
        ahead = points + share * epsilon * problem.norm.normalize(evaluation.gradient)
        return inside(problem, ahead, origin, epsilon), state

    return Method(lambda origin, epsilon: (), update)


OWN = Attack(name="half", rule=half_steps, random_start="optional", options=("share",))


def test_an_attack_from_outside_is_the_best_on_a_linear_model():
    images, labels, weights, bias = linear_problem()
    best = reference.best_attack(images, labels, weights, bias, 0.1, "linf")
    found = run_attack(KEY, OWN, linear(weights, bias), images, labels, epsilon=0.1, steps=5)
    np.testing.assert_allclose(found, best, atol=2e-6)


@pytest.mark.slow
def test_curves_take_an_attack_from_outside():
    images, labels, weights, bias = linear_problem(samples=50)
    epsilons = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4]
    problem = (KEY, linear(weights, bias), images, labels)
    curve = robust_accuracy_curve(*problem, epsilons=epsilons, attack=OWN)
    exact = reference.robust_accuracy(images, labels, weights, bias, epsilons, "linf")
    np.testing.assert_allclose(curve, exact, atol=1e-6)
    steps = robust_accuracy_over_steps(*problem, epsilon=0.1, steps=[8], attack=OWN)
    np.testing.assert_allclose(steps, exact[3], atol=1e-6)


def test_a_static_attack_is_compiled_once():
    parameters, images, labels = mlp_problem(samples=4)
    traces = []

    @functools.partial(jax.jit, static_argnames="attack")
    def attacked(images, epsilon, attack):
        traces.append(attack.name)
        logits_fn = functools.partial(mlp, parameters)
        return run_attack(KEY, attack, logits_fn, images, labels, epsilon=epsilon, steps=2)

    for epsilon in (0.1, 0.2):
        assert_inside(attacked(images, epsilon, OWN), images, epsilon, "linf")
    attacked(images, 0.1, ATTACKS["fgsm"])
    assert traces == ["half", "fgsm"]
    equal = Attack(name="half", rule=half_steps, random_start="optional", options=("share",))
    attacked(images, 0.1, equal)
    assert len(traces) == 2


@pytest.mark.slow
def test_functions_of_attacks_equal_their_entries():
    parameters, images, labels = mlp_problem(samples=8)
    logits_fn = functools.partial(mlp, parameters)
    ball = {"epsilon": 0.1, "norm": "l2"}
    run = functools.partial(run_attack, logits_fn=logits_fn, images=images, labels=labels, **ball)
    by_step = fgsm(logits_fn, images, labels, **ball)
    np.testing.assert_array_equal(run(None, ATTACKS["fgsm"]), by_step)
    by_descent = pgd(KEY, logits_fn, images, labels, steps=2, restarts=2, **ball)
    np.testing.assert_array_equal(run(KEY, ATTACKS["pgd"], steps=2, restarts=2), by_descent)
    by_momentum = mi_fgsm(logits_fn, images, labels, steps=2, decay=0.5, **ball)
    found = run(None, ATTACKS["mi_fgsm"], steps=2, options={"decay": 0.5})
    np.testing.assert_array_equal(found, by_momentum)


def test_a_single_step_that_stops_early_leaves_misclassified_images():
    images, labels, weights, bias = linear_problem()
    labels[0] = 1 - labels[0]
    options = {"epsilon": 0.1, "early_stop": True}
    logits_fn = linear(weights, bias)
    found = run_attack(None, ATTACKS["fgsm"], logits_fn, images, labels, **options)
    np.testing.assert_array_equal(found[0], images[0])
    assert np.all(np.any(found[1:] != images[1:], axis=(1, 2, 3)))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"attack": "pgd"}, TypeError, r"attack must be an Attack.*'pgd'"),
        ({"key": None}, TypeError, r"key must be a PRNG key"),
        ({"options": {"decay": 1}}, ValueError, r"decay is not an option of half.*takes share"),
        ({"step_size": 0.1}, ValueError, r"step_size is not an option of half"),
        ({"attack": ATTACKS["apgd"], "step_size": 0.1}, ValueError, r"apgd, which takes no opt"),
        ({"attack": ATTACKS["fgsm"], "restarts": 2}, ValueError, r"restarts=2 needs an attack"),
        ({"random_start": False, "restarts": 2}, ValueError, r"restarts=2 needs an attack"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    images, labels, weights, bias = linear_problem()
    arguments = {"key": KEY, "attack": OWN, "epsilon": 0.1, **change}
    with pytest.raises(error, match=message):
        run_attack(logits_fn=linear(weights, bias), images=images, labels=labels, **arguments)


def test_an_entry_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match=r"random_start must be.*'perhaps'"):
        Attack(name="own", rule=half_steps, random_start="perhaps")
    with pytest.raises(TypeError, match=r"options must be a tuple of names, not \['share'\]"):
        Attack(name="own", rule=half_steps, options=["share"])
    with pytest.raises(ValueError, match=r'random_start must be "never".*own'):
        Attack(name="own", rule=half_steps, random_start="always", single_step=True)


@pytest.mark.slow
def test_the_example_in_the_documentation_works():
    page = pathlib.Path(__file__).parents[2] / "docs" / "new_attack.md"
    names = {}
    exec(compile("".join(blocks(page, "python")), page.name, "exec"), names)
    assert names["accuracy"] < 0.8
    curve = np.asarray(names["curve"])
    assert curve[0] == 1
    assert np.all(np.diff(curve) < 0)
    moved = np.asarray(names["moved"])
    assert moved[:, :2].max() <= 0.05 + 1e-6
    assert 0.05 < moved[:, 2:].max() <= 0.1 + 1e-6
