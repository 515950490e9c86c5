"""What holds for all data sets: names, splits, and imports that cost nothing."""

import subprocess
import sys
import tempfile

import pytest
import tensorflow_datasets as tfds

from selectax import datasets
from selectax.corruptions import BENCHMARK_CORRUPTIONS, CORRUPTIONS
from selectax.datasets.loading import BUILDERS, find_builder


def test_descriptions():
    assert datasets.DATASETS == ("digits", "cifar10", "tiny_imagenet")
    digits, cifar10, tiny = (datasets.describe(name) for name in datasets.DATASETS)
    assert digits.image_shape == (16, 16, 3)
    assert cifar10.image_shape == (32, 32, 3)
    assert tiny.image_shape == (64, 64, 3)
    assert (digits.horizontal_flip, cifar10.horizontal_flip) == (False, True)
    for description, classes in ((digits, 10), (cifar10, 10), (tiny, 200)):
        assert len(set(description.class_names)) == description.num_classes == classes
    assert cifar10.class_names[3] == "cat"
    assert tiny.class_names[:2] == ("Egyptian cat", "reel")


def test_descriptions_of_corrupted_sets():
    assert datasets.CORRUPTED == {"cifar10": "cifar10_c", "tiny_imagenet": "tiny_imagenet_c"}
    for clean, corrupted in datasets.CORRUPTED.items():
        description = datasets.describe(corrupted)
        assert description.splits == ("test",)
        assert description.class_names == datasets.describe(clean).class_names
        assert set(BENCHMARK_CORRUPTIONS) <= set(description.corruptions)
    assert len(datasets.describe("cifar10_c").corruptions) == 19
    assert len(datasets.describe("tiny_imagenet_c").corruptions) == 15
    assert set(CORRUPTIONS) <= set(datasets.describe("cifar10_c").corruptions)


@pytest.mark.parametrize("ask", [datasets.describe, lambda name: datasets.load(name, "train")])
def test_unknown_name_is_refused_with_the_nearest(ask):
    with pytest.raises(
        ValueError, match=r"cifar_10.*did you mean cifar10\?.*digits, cifar10, tiny"
    ):
        ask("cifar_10")


@pytest.mark.parametrize("name", datasets.ALL_DATASETS)
def test_unknown_split_is_refused(name):
    with pytest.raises(ValueError, match=r"split valid:.*test"):
        datasets.load(name, "valid")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "corruption None: unknown.*gaussian_noise"),
        ({"corruption": "fogg", "severity": 1}, "corruption fogg: unknown.*fog"),
        ({"corruption": "fog"}, "severity None: give one of 1, 2, 3, 4, 5"),
        ({"corruption": "fog", "severity": 6}, "severity 6: give one of 1, 2, 3, 4, 5"),
    ],
)
@pytest.mark.parametrize("name", datasets.CORRUPTED.values())
def test_corrupted_sets_have_no_default(name, options, says):
    with pytest.raises(ValueError, match=says):
        datasets.load(name, "test", **options)
    with pytest.raises(ValueError, match=f'names no corruption.*"{name}/.*_5"'):
        tfds.builder(name)


def test_clean_sets_have_no_corruption():
    with pytest.raises(ValueError, match="cifar10 is not corrupted; take cifar10_c"):
        datasets.load("cifar10", "test", corruption="fog", severity=1)


def test_tfds_keeps_its_own_data_sets():
    assert tfds.builder_cls("cifar10").__module__.startswith("tensorflow_datasets")
    for name in ("selectax_cifar10", "cifar10_c", "tiny_imagenet", "tiny_imagenet_c"):
        assert tfds.builder_cls(name).__module__.startswith("selectax.datasets")


@pytest.mark.parametrize("name", BUILDERS)
def test_builders_leave_no_temporary_folder(name, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    corrupted = {"corruption": "fog", "severity": 1} if name.endswith("_c") else {}
    builder = find_builder(name, data_dir=tmp_path / "data", **corrupted)
    assert builder.info.features["image"].shape == datasets.describe(name).image_shape
    assert list(temporary.iterdir()) == []


def test_import_is_light_and_tensorflow_is_never_needed():
    program = """
import sys
import selectax.datasets
heavy = {"jax", "sklearn", "tensorflow", "flax", "grain"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
selectax.datasets.load("digits", "test")
assert "tensorflow_datasets" in sys.modules and "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
