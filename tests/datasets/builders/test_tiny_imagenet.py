"""Tiny ImageNet: small archives of known images, and the real one, by an independent reader."""

import functools
import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from selectax import datasets
from selectax.datasets import DataError
from selectax.datasets.builders.tiny_imagenet import TinyImagenet
from tests.datasets import small_archives as small
from tests.datasets.builders.test_cifar10 import assert_one_sentence, assert_same


def independent_reading(path):
    """Images and labels of each split, by listing what the text files and folders say."""
    root = "tiny-imagenet-200"
    with zipfile.ZipFile(path) as archive:
        wnids = archive.read(f"{root}/wnids.txt").decode().split()
        rows = {split: [] for split in datasets.SPLITS}
        for line in archive.read(f"{root}/val/val_annotations.txt").decode().splitlines():
            file, wnid = line.split("\t")[:2]
            number = int(file.split("_")[1].split(".")[0])
            rows["test"].append((number, wnids.index(wnid), f"{root}/val/images/{file}"))
        for name in archive.namelist():
            parts = name.split("/")
            if parts[1:2] == ["train"] and name.endswith(".JPEG"):
                number = int(parts[4].split("_")[1].split(".")[0])
                split = "validation" if number % 10 == 9 else "train"
                rows[split].append((number, wnids.index(parts[2]), name))

        def read(rows):
            images = []
            for _, _, name in rows:
                with Image.open(io.BytesIO(archive.read(name))) as image:
                    pixels = np.array(image)
                images.append(np.stack([pixels] * 3, -1) if pixels.ndim == 2 else pixels)
            return np.array(images), np.array([label for _, label, _ in rows])

        return {split: read(sorted(rows[split])) for split in rows}


@pytest.fixture
def archive(tmp_path):
    return small.write(tmp_path / "archives", small.TINY_IMAGENET)


@pytest.fixture
def load(tmp_path):
    return functools.partial(
        datasets.load,
        "tiny_imagenet",
        data_dir=tmp_path / "data",
        archives=tmp_path / "archives",
        allow_unverified_archives=True,
    )


@pytest.mark.parametrize("split", datasets.SPLITS)
def test_images_are_those_of_the_archive(archive, load, split):
    images, labels = load(split)
    assert_same((images, labels), independent_reading(archive)[split])
    assert len(labels) == {"train": 6, "validation": 3, "test": 11}[split]


def test_grey_images_become_colour(archive, load):
    images, _ = load("train")  # the first three, numbered 2, are grey
    np.testing.assert_array_equal(images[:3, ..., 0], images[:3, ..., 2])
    assert np.any(images[3:, ..., 0] != images[3:, ..., 2])


def test_order_of_classes_is_that_of_the_archive(archive, load):
    _, labels = load("train")
    np.testing.assert_array_equal(labels, [0, 7, 199, 0, 7, 199])


def test_stored_images_are_the_archives_files(archive, tmp_path):
    """No JPEG is decoded and encoded again."""
    builder = tfds.builder("tiny_imagenet", data_dir=tmp_path / "data", archive_path=archive)
    builder.download_and_prepare()
    source = builder.as_data_source("test", decoders={"image": tfds.decode.SkipDecoding()})
    files = small.tiny_imagenet_members()
    for number, example in enumerate(source):
        file = files[f"tiny-imagenet-200/val/images/val_{number}.JPEG"]
        assert example["image"] == file


def test_builder_of_tfds(archive, tmp_path):
    builder = tfds.builder("tiny_imagenet", data_dir=tmp_path / "data", archive_path=archive)
    builder.download_and_prepare()
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {
        "train": 6,
        "validation": 3,
        "test": 11,
    }
    example = builder.as_data_source("test")[4]
    expected = independent_reading(archive)["test"]
    np.testing.assert_array_equal(example["image"], expected[0][4])
    assert builder.info.features["label"].int2str(example["label"]) == small.WNIDS[1]
    assert builder.info.metadata["words"][0] == "Egyptian cat"
    for text in (builder.info.citation, builder.info.homepage):
        assert text
    # Read again from what is on disk, without naming an archive.
    again = tfds.builder("tiny_imagenet", data_dir=tmp_path / "data")
    assert len(again.as_data_source("train")) == 6


def test_words_are_those_of_the_archive(real_data):
    with zipfile.ZipFile(real_data / small.TINY_IMAGENET) as archive:
        wnids = archive.read("tiny-imagenet-200/wnids.txt").decode().split()
        lines = archive.read("tiny-imagenet-200/words.txt").decode().splitlines()
    words = dict(line.split("\t") for line in lines)
    description = datasets.describe("tiny_imagenet")
    assert description.class_names == tuple(words[wnid] for wnid in wnids)


@pytest.mark.slow
def test_real_archive(real_data, tmp_path):
    expected = independent_reading(real_data / small.TINY_IMAGENET)
    for split, count in (("train", 7200), ("validation", 800), ("test", 2000)):
        images, labels = datasets.load(
            "tiny_imagenet",
            split,
            data_dir=tmp_path,
            archives=real_data,
            allow_unverified_archives=True,
        )
        assert images.shape == (count, 64, 64, 3)
        assert_same((images, labels), expected[split])


def test_other_checksum_is_refused(archive, load):
    with pytest.raises(DataError) as raised:
        load("train", allow_unverified_archives=False)
    assert_one_sentence(raised.value, archive, TinyImagenet.ARCHIVE.sha256, "--allow-unverified")


def test_tensorflow_is_never_needed(archive, tmp_path, capfd):
    program = f"""
import sys
import selectax.datasets.builders
import tensorflow_datasets as tfds
builder = tfds.builder("tiny_imagenet", data_dir={str(tmp_path / "data")!r},
                       archive_path={str(archive)!r})
tfds.disable_progress_bar()
builder.download_and_prepare()
assert builder.as_data_source("train")[0]["image"].shape == (64, 64, 3)
assert not {{"tensorflow", "jax", "torch"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert capfd.readouterr().err == ""
