"""What holds for all data sets: names, splits, and imports that cost nothing."""

import importlib
import subprocess
import sys
import tempfile

import pytest
import tensorflow_datasets as tfds

from selectax import datasets
from selectax.corruptions import BENCHMARK_CORRUPTIONS, BENCHMARKS, CORRUPTIONS
from selectax.datasets.loading import find_builder


def test_descriptions():
    names = list(datasets.DATASETS)[:3]
    assert names == ["digits", "cifar10", "tiny_imagenet"]
    digits, cifar10, tiny = map(datasets.describe, names)
    assert digits.image_shape == (16, 16, 3)
    assert cifar10.image_shape == (32, 32, 3)
    assert tiny.image_shape == (64, 64, 3)
    assert (digits.horizontal_flip, cifar10.horizontal_flip) == (False, True)
    for description, classes in ((digits, 10), (cifar10, 10), (tiny, 200)):
        assert len(set(description.class_names)) == description.num_classes == classes
    assert cifar10.class_names[3] == "cat"
    assert tiny.class_names[:2] == ("Egyptian cat", "reel")


@pytest.mark.parametrize("name", datasets.ALL_DATASETS)
def test_each_entry_names_corruptions_and_drops_that_exist(name):
    data_set = datasets.describe(name)
    assert data_set.name == name
    assert (data_set.builder is None) == data_set.is_embedded
    assert set(data_set.default_corruptions) <= set(CORRUPTIONS)
    assert data_set.benchmark in BENCHMARKS
    drops = data_set.learning_rate_drops
    assert list(drops) == sorted(drops)
    assert all(0 < drop < 1 for drop in drops)
    assert len(data_set.folder_names) in (0, data_set.num_classes)


def test_four_attributes_describe_images_of_your_own():
    data_set = datasets.DataSet(
        num_classes=2, image_shape=(8, 8, 1), horizontal_flip=False, class_names=("no", "yes")
    )
    assert (data_set.splits, data_set.corruptions) == (datasets.SPLITS, ())
    assert data_set.learning_rate_drops == (1 / 2, 3 / 4)
    assert not data_set.is_embedded


def test_descriptions_of_corrupted_sets():
    assert datasets.CORRUPTED == {"cifar10": "cifar10_c", "tiny_imagenet": "tiny_imagenet_c"}
    for clean, corrupted in datasets.CORRUPTED.items():
        description = datasets.describe(corrupted)
        assert description.corrupted is None
        assert description.splits == ("test",)
        assert description.class_names == datasets.describe(clean).class_names
        assert set(BENCHMARK_CORRUPTIONS) <= set(description.corruptions)
    assert len(datasets.describe("cifar10_c").corruptions) == 19
    assert len(datasets.describe("tiny_imagenet_c").corruptions) == 15
    assert set(datasets.describe("cifar10_c").corruptions) <= set(CORRUPTIONS)


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
    importlib.import_module("selectax.datasets.builders")
    assert tfds.builder_cls("cifar10").__module__.startswith("tensorflow_datasets")
    for name in ("selectax_cifar10", "cifar10_c", "tiny_imagenet", "tiny_imagenet_c"):
        assert tfds.builder_cls(name).__module__.startswith("selectax.datasets")


@pytest.mark.parametrize(
    "name", [name for name in datasets.ALL_DATASETS if not datasets.describe(name).is_embedded]
)
def test_builders_leave_no_temporary_folder(name, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    corrupted = {"corruption": "fog", "severity": 1} if name.endswith("_c") else {}
    builder = find_builder(name, data_dir=tmp_path / "data", **corrupted)
    assert builder.info.features["image"].shape == datasets.describe(name).image_shape
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_import_is_light_and_tensorflow_is_never_needed():
    program = """
import sys
import selectax.datasets
heavy = {"jax", "sklearn", "tensorflow", "flax", "grain", "numpy", "tensorflow_datasets"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
import selectax.study.sweeps
selectax.datasets.load("digits", "test")
assert not {"grain", "sklearn", "tensorflow_datasets"} & set(sys.modules)
selectax.datasets.loading.builder_class_of("cifar10")
assert "tensorflow_datasets" in sys.modules and "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
