"""Archives that come from their official source, here a port of this machine."""

import dataclasses
import hashlib
import socket

import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import downloader

from selectax import datasets
from selectax.datasets import DataError
from selectax.datasets.loading import builder_class_of
from tests.datasets import small_archives as small
from tests.datasets.builders.test_cifar10 import assert_one_sentence, serving

OPTIONS = {
    "cifar10": {},
    "tiny_imagenet": {},
    "cifar10_c": {"corruption": "fog", "severity": 2},
    "tiny_imagenet_c": {"corruption": "fog", "severity": 2},
}
IMAGES = {"cifar10": 12, "tiny_imagenet": 11, "cifar10_c": 3, "tiny_imagenet_c": 3}


@pytest.fixture(params=OPTIONS)
def name(request):
    return request.param


@pytest.fixture
def official(name, tmp_path, monkeypatch):
    """The small archive, taken for the official one, behind a port that can be chosen."""
    path = small.write(tmp_path / "archives", small.NAMES[name])
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloader, "MAX_RETRIES", 0)
    builder = builder_class_of(name)
    # The checksum by which the archive is known; the other one is None.
    kind = "md5" if builder.ARCHIVE.sha256 is None else "sha256"

    def behind(port):
        archive = dataclasses.replace(
            builder.ARCHIVE,
            url=f"http://127.0.0.1:{port}/{path.name}",
            size=path.stat().st_size,
            **{kind: hashlib.new(kind, path.read_bytes()).hexdigest()},
        )
        monkeypatch.setattr(builder, "ARCHIVE", archive)

    with socket.socket() as bound_but_not_listening:
        bound_but_not_listening.bind(("127.0.0.1", 0))
        behind(bound_but_not_listening.getsockname()[1])
        yield path, behind


@pytest.fixture
def load(name, tmp_path):
    return lambda: datasets.load(name, "test", data_dir=tmp_path / "data", **OPTIONS[name])


def test_download(name, official, load):
    path, behind = official
    with serving(path.parent) as port:
        behind(port)
        images, _ = load()
    assert len(images) == IMAGES[name]
    assert len(load()[0]) == IMAGES[name]  # the source is gone, and not needed


def test_no_connection(name, official, load, tmp_path):
    with pytest.raises(DataError) as raised:
        load()
    url = builder_class_of(name).ARCHIVE.url
    folder = tmp_path / "data" / "downloads" / "manual"
    assert_one_sentence(raised.value, small.NAMES[name], url, folder, "--archives")


def test_archive_put_where_the_sentence_says(name, official, load, tmp_path):
    path, _ = official
    manual = tmp_path / "data" / "downloads" / "manual"
    manual.mkdir(parents=True)
    path.rename(manual / path.name)
    assert len(load()[0]) == IMAGES[name]


def test_other_archive_among_the_downloads_does_not_delay(official, load, tmp_path):
    downloads = tmp_path / "data" / "downloads"
    downloads.mkdir(parents=True)
    (downloads / "other.zip").write_bytes(b"")
    with pytest.raises(DataError, match="could not be downloaded"):
        load()


def download_config(**options):
    return tfds.download.DownloadConfig(**options)


@pytest.mark.parametrize("place", ["manual_dir", "download_dir"])
def test_folders_that_tfds_is_given(name, official, tmp_path, place):
    """Without a connection the archive is found where TFDS's own arguments say."""
    path, _ = official
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "manual").mkdir(parents=True)
    path.rename(elsewhere / "manual" / path.name)
    options = OPTIONS[name] and {"config": "fog_2"}
    builder = builder_class_of(name)(data_dir=tmp_path / "data", **options)
    if place == "manual_dir":
        given = {"download_config": download_config(manual_dir=elsewhere / "manual")}
    else:
        given = {"download_dir": elsewhere}
    builder.download_and_prepare(**given)
    assert len(builder.as_data_source("test")) == IMAGES[name]


def test_downloads_go_where_tfds_is_told(name, official, tmp_path):
    path, behind = official
    options = OPTIONS[name] and {"config": "fog_2"}
    builder = builder_class_of(name)(data_dir=tmp_path / "data", **options)
    with serving(path.parent) as port:
        behind(port)
        builder.download_and_prepare(download_dir=tmp_path / "elsewhere")
    assert any(found.is_file() for found in (tmp_path / "elsewhere").rglob("*"))
    assert not (tmp_path / "data" / "downloads").exists()


def test_other_archive_put_where_the_sentence_says(name, official, load, tmp_path):
    """It is refused: it need not hold what the official one does."""
    manual = tmp_path / "data" / "downloads" / "manual"
    manual.mkdir(parents=True)
    (manual / small.NAMES[name]).write_bytes(b"another archive")
    with pytest.raises(DataError) as raised:
        load()
    assert_one_sentence(raised.value, manual / small.NAMES[name], "checksum", "--archives")
