import functools

import jax
import numpy as np
import pytest

from selectax.attacks import apgd, mi_fgsm, pgd, robust_accuracy_over_steps
from tests.attacks.problems import NORMS, linear, mlp, mlp_problem

pytestmark = pytest.mark.slow

KEY = jax.random.key(0)
STEPS = np.array([1, 2, 3, 5, 8])


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("attack", ["pgd", "mi_fgsm"])
def test_it_is_the_accuracy_along_one_attack(attack, norm):
    parameters, images, labels = mlp_problem(samples=100)
    labels = np.where(np.arange(100) < 9, (labels + 1) % 4, labels).astype(np.int32)
    logits_fn = functools.partial(mlp, parameters)
    epsilon = 0.1 if norm == "linf" else 0.4
    options = {"epsilon": epsilon, "norm": norm}
    found = robust_accuracy_over_steps(
        KEY,
        logits_fn,
        images,
        labels,
        steps=STEPS[::-1],
        attack=attack,
        random_start=False,
        batch_size=16,
        **options,
    )
    step_size = (2.5 if attack == "pgd" else 1) * epsilon / 8
    whole = {
        "pgd": functools.partial(pgd, KEY, random_start=False),
        "mi_fgsm": mi_fgsm,
    }[attack]
    correct = np.argmax(logits_fn(images), axis=1) == labels
    expected = []
    for steps in range(1, 9):
        points = whole(logits_fn, images, labels, steps=steps, step_size=step_size, **options)
        correct = correct & (np.argmax(logits_fn(points), axis=1) == labels)
        expected.append(correct.mean())
    np.testing.assert_allclose(found[::-1], np.array(expected)[STEPS - 1], atol=0.011)
    assert np.all(np.diff(found) >= 0)
    assert len(set(found.tolist())) > 2


def test_restarts_and_apgd_never_raise_it():
    parameters, images, labels = mlp_problem()

    @functools.partial(jax.jit, static_argnames=("restarts", "attack"))
    def curve(steps, restarts, attack="pgd"):
        options = {"epsilon": 0.4, "norm": "l2", "restarts": restarts, "attack": attack}
        logits_fn = functools.partial(mlp, parameters)
        return robust_accuracy_over_steps(KEY, logits_fn, images, labels, steps=steps, **options)

    once, often = curve(STEPS, 1), curve(STEPS, 8)
    assert np.all(often <= once)
    assert np.any(often < once)
    logits_fn = functools.partial(mlp, parameters)
    options = {"epsilon": 0.4, "norm": "l2", "steps": 8}
    points = apgd(KEY, logits_fn, images, labels, **options)
    anew = np.mean(np.argmax(logits_fn(points), axis=1) == labels)
    assert abs(curve(STEPS, 1, "apgd")[-1] - anew) < 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": []}, r"steps.*at least one"),
        ({"steps": [3, 0]}, r"steps must be at least 1, not 0"),
        ({"steps": 3}, r"steps must have shape"),
        ({"epsilon": -0.1}, r"epsilon.*-0.1"),
        ({"epsilon": np.full(4, 0.1)}, r"epsilon must be a scalar"),
        ({"attack": "fgsm"}, r"attack must be one of.*fgsm"),
        ({"batch_size": 0}, r"batch_size"),
        ({"random_start": False, "restarts": 2}, r"restarts=2"),
    ],
)
def test_bad_arguments_are_named(change, message):
    images, labels = np.full((4, 2, 2, 1), 0.5, np.float32), np.zeros(4, np.int32)
    logits_fn = linear(np.eye(4, 2, dtype=np.float32), 0)
    arguments = {"epsilon": 0.1, "steps": [1, 2], **change}
    with pytest.raises(ValueError, match=message):
        robust_accuracy_over_steps(KEY, logits_fn, images, labels, **arguments)
