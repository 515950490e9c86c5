import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import Mesh, PartitionSpec

from selectax import models
from selectax.datasets import load
from selectax.datasets.pipeline.batches import in_batches
from selectax.models.network import of_module
from selectax.study.training.recipe import Recipe
from selectax.study.training.step import (
    Hyperparameters,
    init_state,
    train_epoch,
    validate,
)
from selectax.study.training.step import train_step as plain_train_step
from tests.reference import selectivity as reference
from tests.study.tiny import TinyNetwork, bytes_and_labels

train_step = jax.jit(plain_train_step, static_argnames=("recipe", "steps_per_epoch"))


def hyperparameters(alpha=0.7, learning_rate=0.1, seed=3):
    return Hyperparameters(
        jnp.float32(alpha), jnp.float32(learning_rate), jnp.asarray(seed, jnp.int32)
    )


def tiny_recipe(**changes):
    return dataclasses.replace(
        Recipe(of_module(TinyNetwork()), 3, epochs=4, batch_size=8), **changes
    )


def batch(samples=8):
    images, labels = bytes_and_labels(samples)
    return images.astype(np.float32) / 255, labels


def cross_entropy(params, images, labels):
    logits, _ = TinyNetwork().apply({"params": params}, images)
    return jnp.mean(optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels))


@pytest.mark.slow
def test_step_is_sgd_with_momentum_and_decay_as_pytorch_documents_it():
    """With g the gradient: g += decay · p; v = momentum · v + g; p -= learning rate · v."""
    images, labels = batch()
    recipe, given = tiny_recipe(momentum=0.8, weight_decay=0.01), hyperparameters(alpha=0)
    state = init_state(given, recipe, (8, 8, 3))
    expected, structure = jax.tree.flatten(state.variables["params"])
    expected = [np.asarray(leaf, np.float64) for leaf in expected]
    velocities = [0] * len(expected)
    for _ in range(3):
        params = jax.tree.unflatten(structure, [leaf.astype(np.float32) for leaf in expected])
        slopes = jax.tree.leaves(jax.grad(cross_entropy)(params, images, labels))
        for place, slope in enumerate(slopes):
            slope = np.asarray(slope, np.float64) + 0.01 * expected[place]
            velocities[place] = 0.8 * velocities[place] + slope
            expected[place] = expected[place] - 0.1 * velocities[place]
        state, _ = train_step(state, images, labels, given, recipe=recipe, steps_per_epoch=10)
    for ours, theirs in zip(jax.tree.leaves(state.variables["params"]), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layers", [None, ("second",), (("first", "second"),)])
def test_loss_is_cross_entropy_less_alpha_times_mean_selectivity(layers):
    images, labels = batch()
    given, recipe = hyperparameters(alpha=-0.7), tiny_recipe(layers=layers)
    state = init_state(given, recipe, (8, 8, 3))
    _, activations = TinyNetwork().apply(state.variables, images)
    regularized = reference.mean_selectivity(activations, labels, 3, layers)
    _, metrics = train_step(state, images, labels, given, recipe=recipe, steps_per_epoch=10)
    expected = cross_entropy(state.variables["params"], images, labels) + 0.7 * regularized
    np.testing.assert_allclose(metrics.loss, expected, rtol=1e-5)
    np.testing.assert_allclose(
        metrics.selectivity, reference.mean_selectivity(activations, labels, 3), rtol=1e-4
    )


@pytest.mark.parametrize(("step", "factor"), [(0, 1), (19, 1), (20, 0.1), (29, 0.1), (30, 0.01)])
def test_learning_rate_falls_at_half_and_three_quarters_of_the_run(step, factor):
    images, labels = batch()
    recipe, given = tiny_recipe(epochs=4), hyperparameters(alpha=0)
    fresh = init_state(given, recipe, (8, 8, 3))
    late = dataclasses.replace(fresh, step=jnp.asarray(step, jnp.int32))
    moves = []
    for state in (fresh, late):
        after, _ = train_step(state, images, labels, given, recipe=recipe, steps_per_epoch=10)
        before = state.variables["params"]
        moves.append(jax.tree.map(lambda a, b: a - b, after.variables["params"], before))
    for first, later in zip(*map(jax.tree.leaves, moves), strict=True):
        np.testing.assert_allclose(later, factor * first, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "epochs", "factor"),
    [(0, 0, 1), (0, 1.5, 1 / 15), (4, 1.5, 5 / 15), (14, 1.5, 1), (15, 1.5, 1), (0, 0.04, 1)],
)
def test_learning_rate_and_alpha_warm_up_in_equal_steps(step, epochs, factor):
    images, labels = batch()
    recipe = tiny_recipe(epochs=4)
    full = hyperparameters()
    state = init_state(full, recipe, (8, 8, 3))
    state = dataclasses.replace(state, step=jnp.asarray(step, jnp.int32))
    results = []
    for given in (
        dataclasses.replace(
            full, warmup_epochs=np.float32(epochs), alpha_warmup_epochs=np.float32(epochs)
        ),
        dataclasses.replace(full, learning_rate=0.1 * factor, alpha=0.7 * factor),
    ):
        given = jax.tree.map(jnp.asarray, given)
        after, metrics = train_step(state, images, labels, given, recipe=recipe, steps_per_epoch=10)
        results.append((metrics.loss, *jax.tree.leaves(after.variables)))
    for ours, expected in zip(*results, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_alpha_warms_up_from_the_first_epoch_of_the_regularizer():
    images, labels = batch()
    recipe = tiny_recipe(epochs=4)
    state = init_state(hyperparameters(), recipe, (8, 8, 3))
    state = dataclasses.replace(state, step=jnp.asarray(14, jnp.int32))
    losses = []
    for alpha, changes in (
        (0.7, {"alpha_epochs": np.array([1, 4]), "alpha_warmup_epochs": np.float32(2)}),
        (0.7 * 5 / 20, {}),
    ):
        given = dataclasses.replace(hyperparameters(alpha=alpha), **changes)
        _, metrics = train_step(state, images, labels, given, recipe=recipe, steps_per_epoch=10)
        losses.append(metrics.loss)
    np.testing.assert_allclose(*losses, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("step", "on"), [(9, False), (10, True), (29, True), (30, False)])
def test_regularizer_works_in_its_epochs_alone(step, on):
    images, labels = batch()
    recipe = tiny_recipe(epochs=4)
    results = []
    for alpha in (0, 5):
        given = dataclasses.replace(hyperparameters(alpha=alpha), alpha_epochs=np.array([1, 3]))
        state = init_state(given, recipe, (8, 8, 3))
        state = dataclasses.replace(state, step=jnp.asarray(step, jnp.int32))
        after, metrics = train_step(state, images, labels, given, recipe=recipe, steps_per_epoch=10)
        results.append((metrics.loss, *jax.tree.leaves(after.variables)))
    differ = [np.any(one != other) for one, other in zip(*results, strict=True)]
    assert any(differ) == on


@pytest.fixture(scope="module")
def whole_batch():
    """A step of a residual network on one device, and what it starts from."""
    recipe = Recipe(of_module(models.create("resnet8", 10)), 10, epochs=2, batch_size=16)
    generator = np.random.default_rng(0)
    images = generator.uniform(0, 1, (16, 8, 8, 3)).astype(np.float32)
    labels = generator.integers(0, 10, 16).astype(np.int32)
    given = hyperparameters()
    state = jax.jit(init_state, static_argnums=(1, 2))(given, recipe, (8, 8, 3))
    step = functools.partial(train_step, recipe=recipe, steps_per_epoch=10)
    return recipe, state, images, labels, given, jax.jit(step)(state, images, labels, given)


@pytest.mark.slow
@pytest.mark.parametrize("transform", ["vmap", "pmap", "shard_map"])
def test_devices_that_share_a_batch_agree_with_one(transform, whole_batch, four_devices):
    recipe, state, images, labels, given, expected = whole_batch
    shared = dataclasses.replace(
        recipe, network=of_module(models.create("resnet8", 10, axis_name="devices"))
    )
    step = functools.partial(
        plain_train_step, recipe=shared, steps_per_epoch=10, axis_name="devices"
    )
    split = [values.reshape(4, 4, *values.shape[1:]) for values in (images, labels)]
    in_axes = (None, 0, 0, None)
    if transform == "vmap":
        every = jax.jit(jax.vmap(step, in_axes, axis_name="devices"))(state, *split, given)
    elif transform == "pmap":
        every = jax.pmap(step, "devices", in_axes=in_axes, devices=four_devices)(
            state, *split, given
        )
    else:

        def of_device(state, images, labels, given):
            state = jax.lax.pcast(state, "devices", to="varying")
            state, metrics = step(state, images, labels, given)
            return jax.tree.map(lambda leaf: leaf[None], state), metrics

        everywhere, mine = PartitionSpec(), PartitionSpec("devices")
        state, metrics = jax.jit(
            jax.shard_map(
                of_device,
                mesh=Mesh(np.array(four_devices), "devices"),
                in_specs=(everywhere, mine, mine, everywhere),
                out_specs=(mine, everywhere),
            )
        )(state, images, labels, given)
        every = state, jax.tree.map(lambda leaf: jnp.stack(4 * [leaf]), metrics)
    for device in range(4):
        jax.tree.map(
            lambda one, other, at=device: np.testing.assert_allclose(
                one[at], other, rtol=2e-3, atol=2e-5
            ),
            every,
            expected,
        )


@pytest.mark.slow
def test_a_residual_network_overfits_64_images():
    images, labels = load("digits", "train")
    unit_images, labels = jnp.asarray(images[:64]) / 255, jnp.asarray(labels[:64])
    recipe = Recipe(of_module(models.create("resnet8", 10)), 10, epochs=1, batch_size=64)
    given = hyperparameters(alpha=0)

    @jax.jit
    def train():
        def step(state, _):
            arguments = (state, unit_images, labels, given)
            return plain_train_step(*arguments, recipe=recipe, steps_per_epoch=60)

        return jax.lax.scan(step, init_state(given, recipe, images.shape[1:]), length=60)

    state, metrics = train()
    assert metrics.accuracy[0] < 0.3
    assert metrics.accuracy[-1] == 1
    assert metrics.loss[-1] < 0.05
    assert validate(recipe.network, state.variables, in_batches(images[:64], labels, 32)) > 0.95


def test_an_epoch_takes_each_image_once_and_drops_the_last_batch():
    images = np.arange(1, 22, dtype=np.uint8)[:, None, None, None]
    seen = []

    recipe = tiny_recipe(augment=lambda key, images, horizontal_flip, part: images)
    state = init_state(hyperparameters(), recipe, (1, 1, 1))
    labels = jnp.arange(21) % 3

    def spy(*arguments, **options):
        jax.debug.callback(lambda batch: seen.append(np.asarray(batch)), arguments[1])
        return plain_train_step(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("selectax.study.training.step.train_step", spy)
        epochs = [
            jax.jit(functools.partial(train_epoch, recipe=recipe))(
                state, jnp.asarray(images), labels, hyperparameters(), jnp.asarray(number)
            )
            for number in (0, 1)
        ]
        jax.block_until_ready(epochs)
        jax.effects_barrier()
    first, second = (np.rint(255 * np.concatenate(seen[at : at + 2])).ravel() for at in (0, 2))
    assert len(seen) == 4
    assert len(set(first)) == len(set(second)) == 16
    assert list(first) != list(second)


def test_validation_accuracy_counts_padding_out():
    images, labels = bytes_and_labels(21)
    state = init_state(hyperparameters(), tiny_recipe(), (8, 8, 3))
    logits, _ = TinyNetwork().apply(state.variables, images.astype(np.float32) / 255)
    expected = np.mean(np.argmax(logits, axis=1) == labels)
    accuracy = validate(TinyNetwork(), state.variables, in_batches(images, labels, 8))
    np.testing.assert_allclose(accuracy, expected, rtol=1e-6)


def test_networks_of_one_program_may_have_schedules_of_their_own():
    """The learning rate falls where each network's shares of 20 steps say."""
    images, labels = batch()
    recipe = tiny_recipe(epochs=4)
    given = hyperparameters(alpha=0)
    state = init_state(given, recipe, (8, 8, 3))
    drops = np.array([[0.5, 0.75], [0.25, 0.25], [1, 1]], np.float32)

    @jax.jit
    def lengths_of_steps(step):
        def of_network(drops):
            own = dataclasses.replace(given, learning_rate_drops=drops)
            at = dataclasses.replace(state, step=step)
            after, _ = train_step(at, images, labels, own, recipe=recipe, steps_per_epoch=5)
            moved = jax.tree.map(
                lambda one, other: jnp.sum(jnp.abs(one - other)),
                after.variables["params"],
                state.variables["params"],
            )
            return sum(jax.tree.leaves(moved))

        return jax.lax.map(of_network, drops)

    first = lengths_of_steps(jnp.int32(0))
    expected = {4: (1, 1, 1), 5: (1, 0.01, 1), 10: (0.1, 0.01, 1), 15: (0.01, 0.01, 1)}
    for step, factors in expected.items():
        found = lengths_of_steps(jnp.int32(step)) / first
        np.testing.assert_allclose(found, factors, rtol=1e-2)
