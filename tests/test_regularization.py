import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from selectax.regularization import Regularizer, selectivity_penalty
from selectax.selectivity import mean_selectivity
from tests.reference import selectivity as reference
from tests.reference.finite_differences import central_difference

ALPHAS = (-2.0, -0.1, 0.0, 0.7)


def batch():
    """Images of 6 pixels, a first layer of 4 units and a second of 3, and 5 classes, 4 absent."""
    generator = np.random.default_rng(1)
    images = generator.uniform(0, 1, (8, 6)).astype(np.float32)
    labels = np.array([0, 0, 1, 3, 3, 2, 1, 0], np.int32)
    where = np.array([1, 1, 1, 0, 1, 1, 1, 1], bool)
    weights = {
        "first": generator.normal(size=(6, 4)).astype(np.float32),
        "second": generator.normal(size=(4, 3)).astype(np.float32),
    }
    return weights, images, labels, where


def activations_of(weights, images, xp=jnp):
    first = xp.maximum(images @ weights["first"], 0)
    return {"first": first, "second": xp.maximum(first @ weights["second"], 0)}


def penalty_of_weights(weights, images, labels, where, alpha, **options):
    activations = activations_of(weights, images)
    return selectivity_penalty(activations, labels, 5, alpha=alpha, where=where, **options)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("layers", [None, ["second"]])
def test_penalty_is_minus_alpha_times_mean_selectivity(alpha, layers):
    weights, images, labels, where = batch()
    activations = activations_of(weights, images, np)
    penalty = selectivity_penalty(activations, labels, 5, alpha=alpha, layers=layers, where=where)
    expected = -alpha * reference.mean_selectivity(activations, labels, 5, layers, where)
    assert penalty.shape == ()
    assert penalty.dtype == jnp.float32
    np.testing.assert_allclose(penalty, expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["first", "second"])
@pytest.mark.parametrize("alpha", [-2.0, 0.7])
def test_gradient_through_a_network_matches_finite_differences(name, alpha):
    weights, images, labels, where = batch()
    gradient = jax.grad(penalty_of_weights)(weights, images, labels, where, alpha)

    def penalty(changed):
        activations = activations_of({**weights, name: changed}, images.astype(np.float64), np)
        return -alpha * reference.mean_selectivity(activations, labels, 5, where=where)

    expected = central_difference(penalty, weights[name])
    np.testing.assert_allclose(gradient[name], expected, rtol=1e-3, atol=1e-5)
    assert np.any(np.abs(expected) > 1e-2)


@pytest.mark.parametrize("alpha", [-1.0, 1.0])
def test_descent_moves_selectivity_by_the_sign_of_alpha(alpha):
    weights, images, labels, where = batch()
    step = jax.jit(jax.grad(penalty_of_weights))
    before = -penalty_of_weights(weights, images, labels, where, 1.0)
    for _ in range(20):
        gradient = step(weights, images, labels, where, alpha)
        weights = jax.tree.map(lambda weight, slope: weight - 0.1 * slope, weights, gradient)
    after = -penalty_of_weights(weights, images, labels, where, 1.0)
    assert (after - before) * alpha > 0.05


def test_alpha_is_traced_and_mapped():
    weights, images, labels, where = batch()
    traces = []

    @jax.jit
    def penalty_and_gradient(alpha):
        traces.append(None)
        return jax.value_and_grad(penalty_of_weights)(weights, images, labels, where, alpha)

    one_by_one = [penalty_and_gradient(alpha) for alpha in ALPHAS]
    assert len(traces) == 1
    together = jax.vmap(penalty_and_gradient)(jnp.array(ALPHAS))
    for number, (penalty, gradient) in enumerate(one_by_one):
        np.testing.assert_allclose(together[0][number], penalty, rtol=1e-6)
        np.testing.assert_allclose(
            together[1]["first"][number], gradient["first"], rtol=1e-4, atol=1e-7
        )


@pytest.mark.parametrize("case", ["dead units", "one class", "empty batch"])
def test_gradient_is_zero_where_nothing_tells_classes_apart(case):
    weights, images, labels, where = batch()
    if case == "dead units":
        images = -images
        weights = jax.tree.map(np.abs, weights)
    elif case == "one class":
        labels = np.zeros_like(labels)
    else:
        where = np.zeros_like(where)
    penalty, gradient = jax.value_and_grad(penalty_of_weights)(weights, images, labels, where, 2.0)
    assert penalty == 0
    for leaf in jax.tree.leaves(gradient):
        np.testing.assert_array_equal(leaf, np.zeros(leaf.shape))


@pytest.mark.parametrize(
    "transform",
    [
        *("vmap", "pmap"),
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("shard_map", "shard_map without vma")
        ),
    ],
)
def test_averaged_gradients_of_devices_equal_those_of_one(transform, four_devices):
    """The manner of a training step: differentiate the whole batch's loss, then average."""
    weights, images, labels, where = batch()
    whole = jax.value_and_grad(penalty_of_weights)(weights, images, labels, where, 0.7)

    def local(images, labels, where):
        penalty, gradient = jax.value_and_grad(penalty_of_weights)(
            weights, images, labels, where, 0.7, axis_name="devices"
        )
        return penalty, jax.lax.pmean(gradient, "devices")

    if transform.startswith("shard_map"):
        mean = jax.shard_map(
            local,
            mesh=Mesh(np.array(four_devices), "devices"),
            in_specs=PartitionSpec("devices"),
            out_specs=PartitionSpec(),
            check_vma=transform == "shard_map",
        )(images, labels, where)
    else:
        split = jax.tree.map(
            lambda leaf: leaf.reshape(4, 2, *leaf.shape[1:]), (images, labels, where)
        )
        if transform == "vmap":
            mapped = jax.vmap(local, axis_name="devices")
        else:
            mapped = jax.pmap(local, axis_name="devices", devices=four_devices)
        every = mapped(*split)
        mean = jax.tree.map(lambda leaf: leaf[2], every)
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6),
        mean,
        whole,
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": np.zeros(8, np.float32)}, TypeError, "labels"),
        ({"where": np.ones(3, bool)}, ValueError, "where"),
        ({"layers": ["secnd"]}, ValueError, "secnd.*second"),
        ({"alpha": np.zeros(3, np.float32)}, TypeError, "alpha must be a single number"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    weights, images, labels, where = batch()
    arguments = {"labels": labels, "where": where, "alpha": 1.0, **change}
    with pytest.raises(error, match=message):
        selectivity_penalty(activations_of(weights, images), num_classes=5, **arguments)


def mean_activity(activations, labels, num_classes):
    return jnp.mean(jnp.stack([jnp.mean(layer) for layer in activations.values()]))


@pytest.mark.parametrize("regularizer", [mean_selectivity, mean_activity])
def test_a_regularizer_is_a_scalar_with_a_gradient(regularizer: Regularizer):
    weights, images, labels, _ = batch()

    def value_of(weights):
        return regularizer(activations_of(weights, images), jnp.asarray(labels), 5)

    value, gradient = jax.value_and_grad(value_of)(weights)
    assert value.shape == ()
    assert all(np.any(slope != 0) for slope in jax.tree.leaves(gradient))
