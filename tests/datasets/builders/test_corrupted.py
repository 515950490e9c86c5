"""CIFAR-10-C and Tiny ImageNet-C: all configurations at once, each as the archive has it."""

import concurrent.futures
import functools
import hashlib
import io
import multiprocessing
import os
import subprocess
import sys
import tarfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from selectax import datasets
from selectax.datasets import DataError
from selectax.datasets.builders.cifar10_c import Cifar10C
from selectax.datasets.builders.tiny_imagenet_c import TinyImagenetC
from selectax.datasets.registry import WORDNET_IDS
from tests.datasets import small_archives as small
from tests.datasets.builders.test_cifar10 import assert_one_sentence, assert_same

NAMES = ("cifar10_c", "tiny_imagenet_c")
BUILDERS = {"cifar10_c": Cifar10C, "tiny_imagenet_c": TinyImagenetC}


def independent_reading(path):
    """{(corruption, severity): (images, labels)}, by numpy's and Pillow's own readers."""
    found = {}
    with tarfile.open(path) as tar:
        if path.name == small.CIFAR10_C:
            labels = np.load(io.BytesIO(tar.extractfile("CIFAR-10-C/labels.npy").read()))
            for corruption in datasets.describe("cifar10_c").corruptions:
                content = tar.extractfile(f"CIFAR-10-C/{corruption}.npy").read()
                images = np.split(np.load(io.BytesIO(content)), 5)
                for severity in datasets.SEVERITIES:
                    found[corruption, severity] = images[severity - 1], labels[: len(images[0])]
            return found
        for member in tar.getmembers():
            _, corruption, severity, wnid, file = member.name.split("/")
            with Image.open(tar.extractfile(member)) as image:
                pixels = np.array(image.convert("RGB"))
            number = int(file.split("_")[1].split(".")[0])
            row = number, WORDNET_IDS.index(wnid), pixels
            found.setdefault((corruption, int(severity)), []).append(row)
    for key, rows in found.items():
        _, labels, images = zip(*sorted(rows, key=lambda row: row[:2]), strict=True)
        found[key] = np.array(images), np.array(labels)
    return found


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def archive(name, tmp_path):
    return small.write(tmp_path / "archives", small.NAMES[name])


@pytest.fixture
def load(name, tmp_path):
    return functools.partial(
        datasets.load,
        name,
        "test",
        data_dir=tmp_path / "data",
        archives=tmp_path / "archives",
        allow_unverified_archives=True,
    )


def test_every_corruption_and_severity(name, archive, load):
    expected = independent_reading(archive)
    assert len(expected) == {"cifar10_c": 95, "tiny_imagenet_c": 75}[name]
    for (corruption, severity), images_and_labels in expected.items():
        loaded = load(corruption=corruption, severity=severity)
        assert_same(loaded, images_and_labels)


@pytest.fixture(scope="module")
def real_data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.mark.slow
@pytest.mark.parametrize("real_name", NAMES)
def test_real_archive(real_name, real_data, real_data_dir):
    for (corruption, severity), expected in independent_reading(
        real_data / small.NAMES[real_name]
    ).items():
        loaded = datasets.load(
            real_name,
            "test",
            corruption=corruption,
            severity=severity,
            data_dir=real_data_dir,
            archives=real_data,
            allow_unverified_archives=True,
        )
        assert len(loaded[1]) == {"cifar10_c": 100, "tiny_imagenet_c": 80}[real_name]
        assert_same(loaded, expected)


@pytest.mark.slow
def test_real_images_are_test_images_in_order(real_data, real_data_dir):
    """Faintly corrupted, the images of both archives look like those of the clean one."""
    load = functools.partial(
        datasets.load, data_dir=real_data_dir, archives=real_data, allow_unverified_archives=True
    )
    clean, labels = load("cifar10", "test")
    faint, faint_labels = load("cifar10_c", "test", corruption="jpeg_compression", severity=1)
    np.testing.assert_array_equal(labels[:100], faint_labels)
    assert np.mean(np.abs(clean[:100].astype(float) - faint)) < 8
    clean, labels = load("tiny_imagenet", "test")
    faint, faint_labels = load("tiny_imagenet_c", "test", corruption="brightness", severity=1)
    other, _ = load("tiny_imagenet_c", "test", corruption="pixelate", severity=2)
    assert set(faint_labels) <= set(labels)
    differences = np.abs(other.astype(float) - faint).mean((1, 2, 3))
    shifted = np.abs(np.roll(other, 1, 0).astype(float) - faint).mean((1, 2, 3))
    assert np.mean(differences < shifted) > 0.9


def test_archive_is_looked_through_once(name, archive, load, monkeypatch):
    looked = []
    read_contents = BUILDERS[name]._read_contents
    monkeypatch.setattr(
        BUILDERS[name],
        "_read_contents",
        lambda self, path: looked.append(path) or read_contents(self, path),
    )
    for severity in datasets.SEVERITIES:
        load(corruption="fog", severity=severity)
        load(corruption="snow", severity=severity)
    assert looked == [archive]


def test_builder_of_tfds(name, archive, tmp_path):
    options = {"data_dir": tmp_path / "data", "archive_path": archive}
    builder = tfds.builder(f"{name}/fog_3", **options)
    builder.download_and_prepare()
    other = tfds.builder(f"{name}/snow_1", **options)
    assert other.data_path.exists()
    expected = independent_reading(archive)["snow", 1]
    assert len(builder.as_data_source("test")) == len(expected[1])
    for example, image, label in zip(other.as_data_source("test"), *expected, strict=True):
        np.testing.assert_array_equal(example["image"], image)
        assert example["label"] == label


@pytest.mark.slow
def test_killed_preparation_leaves_nothing_that_loads(name, archive, load, tmp_path):
    builder = f"{BUILDERS[name].__module__} import {BUILDERS[name].__name__} as Builder"
    program = f"""
import os
from selectax import datasets
from {builder}

def interrupted(self, path, contents, generate=Builder._generate_examples):
    if self.builder_config.name == "snow_2":
        os.kill(os.getpid(), 9)
    yield from generate(self, path, contents)

Builder._generate_examples = interrupted
datasets.load({name!r}, "test", corruption="fog", severity=1, data_dir={str(tmp_path / "data")!r},
              archives={str(archive.parent)!r}, allow_unverified_archives=True)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert list(tmp_path.rglob("*incomplete*")), "killed too early to show anything"
    assert not list((tmp_path / "data").rglob(f"unverified*/{name}"))
    loaded = load(corruption="gaussian_noise", severity=1)
    assert_same(loaded, independent_reading(archive)["gaussian_noise", 1])


def _load(options):
    return datasets.load(**options)


@pytest.mark.slow
def test_two_processes_at_once(name, archive, tmp_path):
    options = {
        "name": name,
        "split": "test",
        "corruption": "fog",
        "severity": 2,
        "data_dir": tmp_path / "data",
        "archives": archive.parent,
        "allow_unverified_archives": True,
    }
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=spawn) as pool:
        for loaded in pool.map(_load, [options, options]):
            assert_same(loaded, independent_reading(archive)["fog", 2])
    assert not list(tmp_path.rglob("*incomplete*"))


@pytest.mark.slow
def test_slower_of_two_takes_the_others_result(name, archive, load, monkeypatch):
    read_contents = BUILDERS[name]._read_contents

    def overtaken(self, path):
        with monkeypatch.context() as alone:
            alone.setattr(BUILDERS[name], "_read_contents", read_contents)
            load(corruption="fog", severity=2)
        return read_contents(self, path)

    monkeypatch.setattr(BUILDERS[name], "_read_contents", overtaken)
    loaded = load(corruption="fog", severity=2)
    assert_same(loaded, independent_reading(archive)["fog", 2])


def test_checksums(name, archive, load):
    official = BUILDERS[name].ARCHIVE
    with pytest.raises(DataError) as raised:
        load(corruption="fog", severity=1, allow_unverified_archives=False)
    ours = hashlib.sha256(archive.read_bytes()).hexdigest()
    says = official.sha256 or official.md5
    assert_one_sentence(raised.value, archive, ours, says, official.url, "--allow-unverified")


def test_cifar10_c_is_registered_with_tfds_own_checksum():
    from tensorflow_datasets.core.download import checksums

    known = checksums.get_all_url_infos()[Cifar10C.ARCHIVE.url]
    ours = Cifar10C.ARCHIVE
    assert (known.size, known.checksum, known.filename) == (ours.size, ours.sha256, ours.name)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_archive(tmp_path):
    """Of 290 MB not a third is ever in memory."""
    members = small.cifar10_c_members(images=1000)
    assert sum(map(len, members.values())) > 290e6
    small.write(tmp_path / "archives", small.CIFAR10_C, members)
    program = f"""
import resource
from selectax import datasets
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
datasets.load("cifar10_c", "test", corruption="fog", severity=1,
              data_dir={str(tmp_path / "data")!r}, archives={str(tmp_path / "archives")!r},
              allow_unverified_archives=True)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 100_000, f"{{grown}} KiB"
"""
    subprocess.run([sys.executable, "-c", program], check=True, env=dict(os.environ))
