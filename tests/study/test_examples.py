"""A few images perturbed: by what, how strongly, and what the network takes them for."""

import dataclasses

import numpy as np
import pytest

from selectax.datasets.pipeline.batches import in_batches
from selectax.models.network import of_module
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.examples import perturb_examples
from tests.reference import corruptions as reference_corruptions
from tests.reference import tiny_network as reference
from tests.study.tiny import TinyNetwork, bytes_and_labels, evaluation_images, fitted_variables

IMAGES, LABELS = bytes_and_labels(21)
VARIABLES = fitted_variables(IMAGES, LABELS)
OPTIONS = EvaluationOptions(
    corruptions=("contrast", "fog"), severities=(2, 4, 1), epsilons=(2.0, 12.0), pgd_steps=(1, 3)
)


def examples(attacked=8, **changes):
    images = evaluation_images(
        in_batches(IMAGES, LABELS, 8), in_batches(IMAGES[:attacked], LABELS[:attacked], 16)
    )
    options = dataclasses.replace(OPTIONS, **changes)
    return perturb_examples(0, VARIABLES, images, options, network=of_module(TinyNetwork()))


@pytest.fixture(scope="module")
def both():
    return examples()


def test_the_first_corruption_and_the_strongest_attack_are_shown(both):
    assert list(both.images) == ["clean", "contrast\nseverity 4", "PGD, 3 steps\nε = 12/255"]
    clean, corrupted, attacked = both.images.values()
    np.testing.assert_array_equal(both.labels, LABELS[:6])
    np.testing.assert_allclose(clean, IMAGES[:6] / 255, rtol=1e-6)
    # Contrast of severity 4 keeps 0.3 of the deviation from the mean.
    expected = [reference_corruptions.contrast(image, 0.3) for image in IMAGES[:6] / 255]
    np.testing.assert_allclose(corrupted, expected, atol=1 / 255 + 1e-6)
    change = np.abs(attacked - clean).max()
    assert change == pytest.approx(12 / 255, rel=1e-4)


def test_predictions_are_the_networks(both):
    for title, images in both.images.items():
        expected = reference.predictions(VARIABLES, images)
        np.testing.assert_array_equal(both.predictions[title], expected)
    clean, _, attacked = (both.predictions[title] == both.labels for title in both.images)
    assert attacked.sum() < clean.sum()


@pytest.mark.parametrize(
    ("measures", "titles"),
    [
        (("corruptions",), ["clean", "contrast\nseverity 4"]),
        (("attacks",), ["clean", "PGD, 3 steps\nε = 12/255"]),
    ],
)
def test_what_is_not_measured_is_not_shown(measures, titles):
    assert list(examples(measures=measures).images) == titles


def test_fewer_images_are_no_fault():
    few = examples(attacked=2, measures=("corruptions",))
    assert len(few.labels) == 2
    assert all(len(images) == 2 for images in few.images.values())
