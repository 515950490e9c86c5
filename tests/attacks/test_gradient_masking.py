import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import attack_believability, masking_warnings
from tests.attacks.problems import NORMS, linear, linear_problem, mlp, mlp_problem

pytestmark = pytest.mark.slow

FLAGS = {
    "zero_gradients",
    "loss_not_rising",
    "single_step_as_good",
    "random_points_better",
    "large_epsilon_withstood",
    "probabilities",
}


def check(logits_fn, images, labels, norm, epsilon=None):
    """Measurements, the names of raised flags, and what is said of them."""
    epsilon = epsilon or (0.1 if norm == "linf" else 0.4)
    run = functools.partial(attack_believability, epsilon=epsilon, norm=norm)
    found = jax.jit(run, static_argnums=1)(jax.random.key(0), logits_fn, images, labels)
    raised = {flag for flag in FLAGS if getattr(found, flag)}
    warnings = masking_warnings(found)
    assert len(warnings) == len(raised)
    return found, raised, " ".join(warnings)


@pytest.mark.parametrize("norm", NORMS)
def test_an_honest_network_raises_no_flag(norm):
    parameters, images, labels = mlp_problem()
    labels = np.where(np.arange(64) < 16, (labels + 1) % 4, labels).astype(np.int32)
    found, raised, _ = check(functools.partial(mlp, parameters), images, labels, norm)
    assert not raised
    assert found.clean_accuracy == 0.75
    assert found.iterated_accuracy <= found.single_step_accuracy < 0.75
    assert found.large_epsilon_accuracy == 0
    assert found.rising_share == 1


@pytest.mark.parametrize("norm", NORMS)
def test_a_linear_network_raises_no_flag(norm):
    """There a single step is as good as any number."""
    images, labels, weights, bias = linear_problem(samples=64, inside=True)
    assert not check(linear(weights, bias), images, labels, norm, epsilon=0.02)[1]


@pytest.mark.parametrize("norm", NORMS)
def test_quantised_input_is_seen(norm):
    parameters, images, labels = mlp_problem()
    found, raised, said = check(
        lambda images: mlp(parameters, jnp.round(images * 8) / 8), images, labels, norm
    )
    assert raised >= FLAGS - {"probabilities"} - {"large_epsilon_withstood"}
    assert found.zero_gradient_share == 1
    assert found.rising_share == 0
    assert found.random_accuracy < found.iterated_accuracy == found.single_step_accuracy
    assert "The gradient is zero at 100.0% of the images" in said


def test_a_saturating_scale_is_seen():
    parameters, images, labels = mlp_problem()
    _, raised, said = check(
        lambda images: jnp.tanh(1e4 * mlp(parameters, images)), images, labels, "linf"
    )
    assert raised >= {"zero_gradients", "loss_not_rising"}
    assert "does not point uphill" in said


def test_a_gradient_that_points_downhill_is_seen():
    parameters, images, labels = mlp_problem()

    @jax.custom_jvp
    def misleading(images):
        return images

    misleading.defjvp(lambda primals, tangents: (primals[0], -tangents[0]))
    found, raised, said = check(
        lambda images: mlp(parameters, misleading(images)), images, labels, "linf"
    )
    assert raised >= {"loss_not_rising", "single_step_as_good", "random_points_better"}
    assert "zero_gradients" not in raised
    assert found.rising_share < 0.5
    assert "iterating does not help" in said


def test_iterating_helps_if_it_alone_raises_the_loss():
    """FGSM jumps to the next zero of the sine, where the loss is that of the clean image."""
    images, labels = np.full((4, 1, 1, 1), 0.5, np.float32), np.zeros(4, np.int32)

    def waves(images):
        pixel = images[:, 0, 0, 0]
        wave = jnp.sin(10 * jnp.pi * (pixel - 0.5)) - 1.5
        return jnp.stack([jnp.zeros_like(pixel), wave], axis=1)

    found, raised, _ = check(waves, images, labels, "linf", epsilon=0.1)
    assert found.single_step_accuracy == found.iterated_accuracy == 1
    assert "single_step_as_good" not in raised


def test_a_constant_network_withstands_every_epsilon():
    _, images, _ = mlp_problem()
    labels = np.zeros(64, np.int32)
    found, raised, said = check(
        lambda images: jnp.stack([1 + 0 * images.sum((1, 2, 3)), images.mean((1, 2, 3)) - 5], 1),
        images,
        labels,
        "linf",
    )
    assert raised == {"large_epsilon_withstood"}
    assert found.large_epsilon_accuracy == 1
    assert "a ball that holds every image" in said


def test_probabilities_in_place_of_logits_are_seen():
    parameters, images, labels = mlp_problem()
    _, raised, said = check(
        lambda images: jax.nn.softmax(mlp(parameters, images)), images, labels, "linf"
    )
    assert raised == {"probabilities"}
    assert "give attacks the logits" in said
