"""What is measured of a network, against the same in float64 over the whole set at once."""

import dataclasses
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from selectax.attacks import ATTACKS
from selectax.datasets.pipeline.batches import in_batches
from selectax.models.network import of_module
from selectax.selectivity import unit_responses
from selectax.study.measures.computation.over_networks import stack
from selectax.study.measures.computation.own_corruptions import OwnCorruptions
from selectax.study.measures.computation.statistics import (
    measure_attacked,
    measure_clean,
    measure_stored,
)
from tests.reference import corruptions as reference_corruptions
from tests.reference import dimensionality as reference_dimensionality
from tests.reference import selectivity as reference_selectivity
from tests.reference import tiny_network as reference
from tests.study.tiny import TinyNetwork, bytes_and_labels, fitted_variables

MODULE = TinyNetwork()
IMAGES, LABELS = bytes_and_labels(21)
UNIT_IMAGES = IMAGES / 255
# Seven batches are full; of eight, the last is filled up with three images that do not count.
FULL, FILLED_UP = in_batches(IMAGES, LABELS, 7), in_batches(IMAGES, LABELS, 8)
CONTRAST = {1: 0.75, 3: 0.4, 5: 0.15}


@pytest.fixture(scope="module")
def variables():
    variables = fitted_variables(IMAGES, LABELS)
    right = reference.predictions(variables, UNIT_IMAGES) == LABELS
    assert 0.5 < np.mean(right) < 1
    return variables


def measured_clean(variables, batches, network, num_classes=3):
    """Measures, and responses, of one network; results without the axis of networks."""
    measures, responses = measure_clean(
        stack([variables], None), batches, apply=network.apply, num_classes=num_classes
    )
    return alone(measures), responses


def alone(stacked):
    return jax.tree.map(lambda leaf: leaf[0], stacked)


@pytest.fixture(scope="module")
def measure(variables):
    return lambda batches: measured_clean(variables, batches, of_module(MODULE))[0]


@pytest.fixture(scope="module")
def measure_under(variables):
    """Measures under an attack or a corruption, for each epsilon or severity."""

    def measured(name, strengths, batches=FILLED_UP, steps=0):
        stacked, network = stack([variables], None), of_module(MODULE)
        clean = measured_clean(variables, batches, network)[1]
        options = {"apply": network.apply, "num_classes": 3}
        if name in ATTACKS:
            keys = stack([jax.random.key_data(jax.random.key(5))], None)
            options |= {"attack": ATTACKS[name]}
            found = measure_attacked(keys, stacked, batches, clean, strengths, steps, **options)
        else:
            stored = OwnCorruptions(batches, "cifar10").corruption(name, strengths).images
            found = measure_stored(stacked, batches, clean, stored, **options)
        return alone(found)

    return measured


def assert_dimensionality(found, responses):
    for at, of_layer in enumerate(responses.values()):
        variances = reference_dimensionality.principal_variances(of_layer)
        np.testing.assert_array_equal(
            found.components[at], reference_dimensionality.components_for_variance(variances)
        )
        np.testing.assert_allclose(
            found.participation_ratio[at],
            reference_dimensionality.participation_ratio(of_layer),
            rtol=1e-3,
        )
        np.testing.assert_allclose(
            found.effective_rank[at], reference_dimensionality.effective_rank(of_layer), rtol=1e-3
        )


def assert_selectivity(found, at, responses):
    expected = reference_selectivity.layer_selectivity(responses, LABELS, 3)
    assert set(found) == set(expected)
    for name, indices in expected.items():
        np.testing.assert_allclose(found[name][at], indices, rtol=1e-4, atol=1e-6)


def in_order(correct, batches):
    """Of the images that are no filling."""
    correct, where = np.asarray(correct), np.asarray(batches.where)
    assert not np.any(correct & ~where)
    return correct[where]


@pytest.mark.parametrize("batches", [FULL, FILLED_UP], ids=["full", "filled up"])
def test_clean_measures(measure, variables, batches):
    found = measure(batches)
    logits, responses = reference.logits_and_responses(variables, UNIT_IMAGES)
    expected = logits.argmax(axis=1) == LABELS
    np.testing.assert_array_equal(in_order(found.correct, batches), expected)
    selectivity = reference_selectivity.layer_selectivity(responses, LABELS, 3)
    assert set(found.selectivity) == {"first", "second"}
    for name, indices in selectivity.items():
        np.testing.assert_allclose(found.selectivity[name], indices, rtol=1e-4, atol=1e-6)
        assert np.max(indices) > 0.01
    assert_dimensionality(found.dimensionality, responses)


class ThreeLayers(nn.Module):
    """Two layers are of equal width, and what lies between them is narrower."""

    @nn.compact
    def __call__(self, images, train=False):
        logits, activations = TinyNetwork(name="tiny")(images)
        third = unit_responses(activations["first"]) ** 2
        return logits, {**activations, "third": third}


def test_layers_of_equal_width_are_told_apart(variables):
    nested = {"params": {"tiny": variables["params"]}}
    found, _ = measured_clean(nested, FILLED_UP, of_module(ThreeLayers()))
    _, responses = reference.logits_and_responses(variables, UNIT_IMAGES)
    responses["third"] = responses["first"] ** 2
    assert_dimensionality(found.dimensionality, responses)
    selectivity = reference_selectivity.layer_selectivity(responses, LABELS, 3)
    for name, indices in selectivity.items():
        np.testing.assert_allclose(found.selectivity[name], indices, rtol=1e-4, atol=1e-6)


def test_what_fills_up_a_batch_does_not_count(measure):
    noise = np.random.default_rng(1).integers(0, 256, FILLED_UP.images.shape, np.uint8)
    where = np.asarray(FILLED_UP.where)
    other = dataclasses.replace(
        FILLED_UP,
        images=jnp.where(where[..., None, None, None], FILLED_UP.images, noise),
        labels=jnp.where(where, FILLED_UP.labels, 2),
    )
    jax.tree.map(np.testing.assert_array_equal, measure(FILLED_UP), measure(other))


def test_a_class_that_is_absent_takes_no_part(variables):
    found, _ = measured_clean(variables, FILLED_UP, of_module(MODULE), num_classes=5)
    _, responses = reference.logits_and_responses(variables, UNIT_IMAGES)
    expected = reference_selectivity.layer_selectivity(responses, LABELS, 3)
    np.testing.assert_allclose(found.selectivity["first"], expected["first"], rtol=1e-4, atol=1e-6)


def test_corrupted_measures_at_each_severity(measure_under, variables):
    found = measure_under("contrast", list(CONTRAST))
    _, clean = reference.logits_and_responses(variables, UNIT_IMAGES)
    of_severities = []
    for at, factor in enumerate(CONTRAST.values()):
        corrupted = np.stack(
            [reference_corruptions.contrast(image, factor) for image in UNIT_IMAGES]
        )
        published = np.floor(np.clip(corrupted, 0, 1) * 255 + 1e-6) / 255
        logits, responses = reference.logits_and_responses(variables, published)
        np.testing.assert_array_equal(
            in_order(found.correct[at], FILLED_UP), logits.argmax(axis=1) == LABELS
        )
        perturbed, difference = jax.tree.map(
            lambda leaf, at=at: leaf[at], (found.perturbed, found.difference)
        )
        assert_dimensionality(perturbed, responses)
        shift = {name: responses[name] - clean[name] for name in clean}
        assert_dimensionality(difference, shift)
        assert_selectivity(found.selectivity, at, responses)
        of_severities.append(np.asarray(perturbed.participation_ratio))
    assert not np.allclose(of_severities[0], of_severities[-1], rtol=1e-2)


def test_attacked_measures_at_each_epsilon(measure_under, variables):
    epsilons = (0.01, 0.03, 0.05)
    found = measure_under("fgsm", epsilons, steps=1)
    _, clean = reference.logits_and_responses(variables, UNIT_IMAGES)
    for at, epsilon in enumerate(epsilons):
        attacked = reference.fgsm(variables, UNIT_IMAGES, LABELS, epsilon)
        logits, responses = reference.logits_and_responses(variables, attacked)
        np.testing.assert_array_equal(
            in_order(found.correct[at], FILLED_UP), logits.argmax(axis=1) == LABELS
        )
        perturbed, difference = jax.tree.map(
            lambda leaf, at=at: leaf[at], (found.perturbed, found.difference)
        )
        assert_dimensionality(perturbed, responses)
        shift = {name: responses[name] - clean[name] for name in clean}
        assert_dimensionality(difference, shift)
        assert_selectivity(found.selectivity, at, responses)
    assert len({int(correct.sum()) for correct in found.correct}) > 1


@pytest.mark.parametrize(
    ("name", "strengths"), [("contrast", [2, 3, 4]), ("fgsm", [0.02, 0.03, 0.05])]
)
def test_the_size_of_batches_does_not_matter(measure_under, measure, name, strengths):
    """To what draws at random it would matter: draws depend on the number of the batch."""
    one, other = (measure_under(name, strengths, batches) for batches in (FULL, FILLED_UP))
    for at in range(3):
        np.testing.assert_array_equal(
            in_order(one.correct[at], FULL), in_order(other.correct[at], FILLED_UP)
        )
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-3), one[1:], other[1:])


def test_pgd_begins_at_the_clean_images_and_breaks_more_with_epsilon(measure_under, measure):
    clean = measure(FILLED_UP)
    found = measure_under("pgd", [0.0, 0.02, 0.2], steps=5)
    np.testing.assert_array_equal(found.correct[0], clean.correct)
    none, some, many = np.asarray(found.correct).sum((1, 2))
    assert none > some > many
    np.testing.assert_allclose(
        found.perturbed.participation_ratio[0], clean.dimensionality.participation_ratio, rtol=1e-4
    )


def test_batches_draw_different_noise(measure_under):
    """Four images in two batches: what only one of them is measured on differs."""
    batches = in_batches(np.tile(IMAGES[:4], (2, 1, 1, 1)), np.zeros(8, np.int32), 4)
    ratios = []
    for number in range(2):
        where = jnp.zeros((2, 4), bool).at[number].set(True)
        found = measure_under("gaussian_noise", [5], dataclasses.replace(batches, where=where))
        ratios.append(np.asarray(found.difference.participation_ratio))
    assert np.all(np.abs(ratios[0] - ratios[1]) > 1e-3)
