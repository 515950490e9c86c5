"""Official corrupted sets beside the clean images, from small archives."""

import jax
import numpy as np
import pytest

from selectax.datasets import DataError, describe, load
from selectax.datasets.corrupted_sets import corruptions_at_hand, open_official_set
from selectax.datasets.pipeline.batches import in_batches
from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.corrupted_images import fallback, resolve_corruptions
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.configuration.options import DataOptions, EvaluationOptions
from selectax.study.measures.subject import EvaluationImages
from tests.datasets import small_archives as small
from tests.reference import tiny_network as reference
from tests.study.tiny import TinyNetwork, measured


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archives")
    small.write(folder, small.CIFAR10_C)
    data_dir = tmp_path_factory.mktemp("data")
    return {"archives": folder, "data_dir": data_dir, "allow_unverified_archives": True}


def clean_images(labels):
    return np.random.default_rng(1).integers(0, 256, (len(labels), 32, 32, 3), np.uint8)


def opened(dataset, where, images, labels):
    return open_official_set(dataset, where, in_batches(images, labels, 2))


def test_what_is_at_hand(where, tmp_path):
    assert corruptions_at_hand("cifar10", **where)
    assert not corruptions_at_hand("tiny_imagenet", **where)
    assert not corruptions_at_hand("digits", **where)
    assert not corruptions_at_hand("cifar10", **where | {"archives": None, "data_dir": tmp_path})


def test_a_prepared_set_counts_beside_archives_that_lack_it(where, tmp_path):
    """As after `selectax data prepare cifar10_c`, and then --archives with CIFAR-10 alone."""
    small.write(tmp_path, small.CIFAR10)
    without = where | {"archives": tmp_path, "data_dir": tmp_path / "data"}
    assert not corruptions_at_hand("cifar10", **without)
    labels = np.array([0, 1, 2], np.int32)
    with pytest.raises(DataError, match=r"--archives .*: holds no CIFAR-10-C\.tar"):
        opened("cifar10", without, clean_images(labels), labels)
    whole = opened("cifar10", where, clean_images(labels), labels)
    # What was prepared from an archive that is not the official one has a folder of its own.
    without["data_dir"] = whole.data_dir
    assert corruptions_at_hand("cifar10", **without) == describe("cifar10_c").corruptions
    prepared = opened("cifar10", without, clean_images(labels), labels)
    assert prepared.data_dir == whole.data_dir
    expected = whole.corruption("fog", (1,)).images
    np.testing.assert_array_equal(prepared.corruption("fog", (1,)).images, expected)


def test_images_are_those_of_the_set_beside_their_clean_ones(where):
    labels = np.array([0, 1, 2, 9], np.int32)  # of which the corrupted set holds the first three
    images = clean_images(labels)
    official = opened("cifar10", where, images, labels)
    stored = official.corruption("fog", (2, 5))
    assert stored.paired
    assert stored.images.shape == (2, 2, 2, 32, 32, 3)
    np.testing.assert_array_equal(stored.clean.where, [[True, True], [True, False]])
    np.testing.assert_array_equal(stored.clean.images[0], images[:2])
    for at, severity in enumerate((2, 5)):
        expected, _ = load("cifar10_c", "test", corruption="fog", severity=severity, **where)
        found = np.asarray(stored.images[:, at]).reshape(4, 32, 32, 3)[:3]
        np.testing.assert_array_equal(found, expected)


def test_a_whole_set_belongs_to_the_test_images_themselves(where):
    labels = np.array([0, 1, 2], np.int32)
    official = opened("cifar10", where, clean_images(labels), labels)
    assert official.corruption("fog", (1,)).clean is official.test


def test_another_order_of_labels_is_no_pair(where):
    labels = np.array([1, 0, 2], np.int32)
    official = opened("cifar10", where, clean_images(labels), labels)
    stored = official.corruption("fog", (1,))
    assert not stored.paired
    np.testing.assert_array_equal(stored.clean.labels, [[0, 1], [2, 0]])


@pytest.mark.slow
@pytest.mark.parametrize(("labels", "paired"), [([0, 1, 2, 4], True), ([2, 1, 0, 4], False)])
def test_rows_name_the_set_and_difference_needs_pairs(where, labels, paired):
    labels = np.array(labels, np.int32)
    images = clean_images(labels)
    module = TinyNetwork(10)
    variables = module.init(jax.random.key(0), images[:1] / 255)
    official = opened("cifar10", where, images, labels)
    batches = in_batches(images, labels, 2)
    options = EvaluationOptions(
        measures=("corruptions", "dimensionality"), corruptions=("fog",), severities=(1, 4)
    )
    there = EvaluationImages(batches, batches, official)
    rows = measured(0, variables, there, options, module, 10).rows
    corrupted = [row for row in rows if row.get("perturbation")]
    assert {row["dataset"] for row in corrupted} == {"cifar10_c"}
    assert any(row["perturbation"] == "difference:fog" for row in corrupted) == paired
    for severity in (1, 4):
        there, classes = load("cifar10_c", "test", corruption="fog", severity=severity, **where)
        right = np.mean(reference.predictions(variables, there / 255) == classes)
        (found,) = (
            row["value"]
            for row in corrupted
            if row["metric"] == "accuracy" and row.get("severity") == severity
        )
        np.testing.assert_allclose(found, right)


def test_tiny_imagenet_c_has_other_images_whatever_its_labels(tmp_path):
    small.write(tmp_path, small.TINY_IMAGENET_C)
    where = {"archives": tmp_path, "data_dir": tmp_path, "allow_unverified_archives": True}
    _, labels = load("tiny_imagenet_c", "test", corruption="fog", severity=1, **where)
    images = np.zeros((len(labels), 64, 64, 3), np.uint8)
    official = opened("tiny_imagenet", where, images, labels)
    assert not official.corruption("fog", (1,)).paired


def test_corruptions_that_a_part_lacks_are_refused_before_training(tmp_path):
    members = {
        name: content
        for name, content in small.cifar10_c_members().items()
        if name.endswith(("fog.npy", "snow.npy", "labels.npy"))
    }
    small.write(tmp_path, small.CIFAR10_C, members)
    at_hand = corruptions_at_hand("cifar10", archives=tmp_path)
    assert at_hand == ("snow", "fog")
    config = SweepConfig(DataOptions(dataset="cifar10"))
    with pytest.raises(ConfigurationError, match=r"gaussian_noise: .*a part.*snow, fog"):
        resolve_corruptions(config, official_at_hand=True, at_hand=at_hand)
    named = SweepConfig(config.data, evaluation=EvaluationOptions(corruptions=("fog",)))
    resolved = resolve_corruptions(named, official_at_hand=True, at_hand=at_hand).evaluation
    assert (resolved.corrupted_images, resolved.corruptions) == ("official", ("fog",))


@pytest.mark.parametrize(
    ("dataset", "images", "at_hand", "says"),
    [
        ("cifar10", "auto", False, True),
        ("tiny_imagenet", "auto", False, True),
        ("cifar10", "auto", True, False),
        ("cifar10", "own", False, False),
        ("digits", "auto", False, False),
    ],
)
def test_auto_says_when_it_falls_back(dataset, images, at_hand, says):
    options = EvaluationOptions(corrupted_images=images)
    config = SweepConfig(DataOptions(dataset=dataset), evaluation=options)
    sentence = fallback(config, resolve_corruptions(config, official_at_hand=at_hand))
    assert (sentence is not None) == says
    if sentence is not None:
        assert f"our own corruptions of the test images of {dataset}" in sentence
        assert "use --corrupted-images official to download it" in sentence


def test_the_remedy_is_the_archive_where_a_folder_of_archives_is_given(tmp_path):
    config = SweepConfig(DataOptions(dataset="cifar10", archives=tmp_path))
    sentence = fallback(config, resolve_corruptions(config, official_at_hand=False))
    assert f"neither prepared nor in --archives {tmp_path}; put its archive there, or" in sentence
    assert "download" not in sentence
