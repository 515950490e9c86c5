"""Archives that come from their official source, here a port of this machine."""

import dataclasses
import hashlib
import socket

import pytest
from tensorflow_datasets.core.download import downloader

from selectax import datasets
from selectax.datasets import DataError
from selectax.datasets.loading import BUILDERS
from tests.datasets import small_archives as small
from tests.datasets.test_cifar10 import assert_one_sentence, serving

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
    builder = BUILDERS[name]
    known = builder.ARCHIVE.sha256 is not None

    def behind(port):
        archive = dataclasses.replace(
            builder.ARCHIVE,
            url=f"http://127.0.0.1:{port}/{path.name}",
            size=path.stat().st_size if known else None,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest() if known else None,
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
    url = BUILDERS[name].ARCHIVE.url
    folder = tmp_path / "data" / "downloads" / "manual"
    if name == "tiny_imagenet_c":  # whose checksum is not known
        folder = "--allow-unverified-archives"
    assert_one_sentence(raised.value, small.NAMES[name], url, folder, "--archives")


def test_archive_put_where_the_sentence_says(name, official, load, tmp_path):
    if name == "tiny_imagenet_c":
        pytest.skip("its checksum is not known, so the sentence names no such folder")
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
