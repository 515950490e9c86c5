"""What holds for all data sets: names, splits, and imports that cost nothing."""

import subprocess
import sys

import pytest

from selectax import datasets


def test_descriptions():
    assert datasets.DATASETS == ("digits", "cifar10")
    digits, cifar10 = (datasets.describe(name) for name in datasets.DATASETS)
    assert digits.image_shape == cifar10.image_shape == (32, 32, 3)
    assert (digits.horizontal_flip, cifar10.horizontal_flip) == (False, True)
    for description in (digits, cifar10):
        assert len(description.class_names) == description.num_classes == 10
    assert cifar10.class_names[3] == "cat"


@pytest.mark.parametrize("ask", [datasets.describe, lambda name: datasets.load(name, "train")])
def test_unknown_name_is_refused_with_the_nearest(ask):
    with pytest.raises(ValueError, match=r"cifar_10.*did you mean cifar10\?.*digits, cifar10"):
        ask("cifar_10")


@pytest.mark.parametrize("name", datasets.DATASETS)
def test_unknown_split_is_refused(name):
    with pytest.raises(ValueError, match=r"split valid:.*train, validation, test"):
        datasets.load(name, "valid")


def test_import_is_light_and_tensorflow_is_never_needed():
    program = """
import sys
import selectax.datasets
heavy = {"jax", "sklearn", "tensorflow_datasets", "tensorflow", "flax"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
selectax.datasets.load("digits", "test")
assert "tensorflow_datasets" not in sys.modules
import selectax.datasets.cifar10
assert "tensorflow_datasets" in sys.modules and "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
