"""CIFAR-10 from small archives with known bytes, and from the real one."""

import contextlib
import dataclasses
import functools
import hashlib
import http.server
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading

import numpy as np
import pytest
from tensorflow_datasets.core.download import downloader

from selectax import datasets
from selectax.datasets.archives.archive import DataError
from selectax.datasets.builders.cifar10 import SelectaxCifar10

NAMES = b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"
BATCHES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]


def some_files(records=23):
    """Contents of the archive's files, of noise."""
    rng = np.random.default_rng(0)
    files = {"batches.meta.txt": NAMES}
    for name in BATCHES:
        batch = rng.integers(0, 256, (records, 3073), np.uint8)
        batch[:, 0] %= 10
        files[name] = batch.tobytes()
    return files


def write_archive(folder, files):
    folder.mkdir(exist_ok=True)
    path = folder / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def independent_reading(path):
    """Images and labels of each split, record by record and channel by channel."""
    images = {split: [] for split in datasets.SPLITS}
    labels = {split: [] for split in datasets.SPLITS}
    with tarfile.open(path) as tar:
        for name in BATCHES:
            content = tar.extractfile(f"cifar-10-batches-bin/{name}").read()
            for index, start in enumerate(range(0, len(content), 3073)):
                in_training = "validation" if index % 10 == 9 else "train"
                split = "test" if name == "test_batch.bin" else in_training
                labels[split].append(content[start])
                channels = [
                    np.frombuffer(content, np.uint8, 1024, start + 1 + 1024 * channel)
                    for channel in range(3)
                ]
                images[split].append(np.stack(channels, -1).reshape(32, 32, 3))
    return {split: (np.stack(images[split]), np.array(labels[split])) for split in images}


@pytest.fixture
def archive(tmp_path):
    return write_archive(tmp_path / "archives", some_files())


@pytest.fixture
def load(tmp_path):
    """Loads with everything in the test's own folders."""
    return functools.partial(
        datasets.load, "cifar10", data_dir=tmp_path / "data", archives=tmp_path / "archives"
    )


@pytest.fixture
def unverified(load):
    return functools.partial(load, allow_unverified_archives=True)


@pytest.fixture
def official(archive, monkeypatch):
    """The small archive, taken for the official one."""
    monkeypatch.setattr(
        SelectaxCifar10,
        "ARCHIVE",
        dataclasses.replace(
            SelectaxCifar10.ARCHIVE,
            size=archive.stat().st_size,
            sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
        ),
    )
    return archive


def assert_same(loaded, expected):
    images, labels = loaded
    assert images.dtype == np.uint8
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(images, expected[0])
    np.testing.assert_array_equal(labels, expected[1])


def assert_one_sentence(error, *words):
    text = str(error)
    assert text.endswith(".")
    assert "\n" not in text
    assert ". " not in text
    for word in words:
        assert str(word) in text


def test_official_archive():
    """Its checksum is the one that TFDS's own CIFAR-10 registers."""
    known = downloader.checksums_lib.get_all_url_infos()[SelectaxCifar10.ARCHIVE.url]
    ours = SelectaxCifar10.ARCHIVE
    assert (known.size, known.checksum, known.filename) == (ours.size, ours.sha256, ours.name)


@pytest.mark.parametrize("split", datasets.SPLITS)
def test_images_are_those_of_the_archive(archive, unverified, split):
    assert_same(unverified(split), independent_reading(archive)[split])


def test_splits_share_no_record(archive, unverified):
    images = np.concatenate([unverified(split)[0] for split in datasets.SPLITS])
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == 6 * 23


@pytest.mark.slow
def test_real_archive(real_data, tmp_path):
    expected = independent_reading(real_data / "cifar-10-binary.tar.gz")
    for split, count in (("train", 13500), ("validation", 1500), ("test", 2000)):
        images, labels = datasets.load(
            "cifar10",
            split,
            data_dir=tmp_path,
            archives=real_data,
            allow_unverified_archives=True,
        )
        assert images.shape == (count, 32, 32, 3)
        assert_same((images, labels), expected[split])


def test_real_archive_is_none_of_ours_without_consent(real_data, tmp_path):
    with pytest.raises(DataError, match=r"--allow-unverified-archives"):
        datasets.load("cifar10", "train", data_dir=tmp_path, archives=real_data)


def test_second_load_does_not_read_the_archive_again(archive, unverified, monkeypatch):
    first = unverified("train")
    monkeypatch.setattr(SelectaxCifar10, "_split_generators", None)
    assert_same(unverified("train"), first)


def test_prepared_official_archive_needs_no_archive(official, load):
    expected = load("test")
    official.unlink()
    assert_same(load("test", archives=None), expected)


def test_stdout_and_stderr_stay_clean(archive, tmp_path, capfd):
    program = f"""
from selectax import datasets
datasets.load("cifar10", "test", data_dir={str(tmp_path / "data")!r},
              archives={str(archive.parent)!r}, allow_unverified_archives=True)
import sys
assert "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert capfd.readouterr() == ("", "")


def test_other_checksum_is_refused(archive, load, tmp_path):
    with pytest.raises(DataError) as raised:
        load("train")
    assert_one_sentence(
        raised.value,
        archive,
        hashlib.sha256(archive.read_bytes()).hexdigest(),
        SelectaxCifar10.ARCHIVE.sha256,
        SelectaxCifar10.ARCHIVE.url,
        "--allow-unverified-archives",
    )
    assert not (tmp_path / "data").exists()


def test_unverified_archives_are_never_taken_for_another(official, unverified, tmp_path):
    of_official = unverified("test")
    files = some_files()
    files["test_batch.bin"] = files["data_batch_1.bin"]
    other = write_archive(tmp_path / "other", files)
    of_other = unverified("test", archives=other.parent)
    assert_same(of_other, independent_reading(other)["test"])
    assert not np.array_equal(of_official[0], of_other[0])
    assert_same(unverified("test"), of_official)
    assert_same(unverified("test", archives=None), of_official)


def test_unverified_archive_does_not_replace_a_download(archive, unverified, no_connection):
    unverified("test")
    with pytest.raises(DataError, match=r"could not be downloaded"):
        unverified("test", archives=None)


def test_missing_folder_and_archive(load, tmp_path):
    with pytest.raises(DataError) as raised:
        load("train")
    assert_one_sentence(raised.value, "--archives", tmp_path / "archives", "official source")
    (tmp_path / "archives").mkdir()
    with pytest.raises(DataError) as raised:
        load("train")
    assert_one_sentence(
        raised.value, "--archives", "cifar-10-binary.tar.gz", SelectaxCifar10.ARCHIVE.url
    )


def without(name):
    return lambda files: files.pop(name)


def changed(name, change):
    return lambda files: files.update({name: change(files[name])})


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (without("data_batch_3.bin"), "it lacks cifar-10-batches-bin/data_batch_3.bin"),
        (without("batches.meta.txt"), "it lacks cifar-10-batches-bin/batches.meta.txt"),
        (changed("data_batch_2.bin", lambda content: content[:-1]), "no multiple of 3073"),
        (changed("test_batch.bin", lambda content: b"\x0a" + content[1:]), "the label 10"),
        (changed("test_batch.bin", lambda _: b""), "no image for the test split"),
        (changed("batches.meta.txt", lambda names: names.replace(b"cat", b"cow")), "other classes"),
    ],
)
def test_archive_with_wrong_contents(unverified, tmp_path, damage, says):
    files = some_files()
    damage(files)
    path = write_archive(tmp_path / "archives", files)
    with pytest.raises(DataError) as raised:
        unverified("train")
    assert_one_sentence(raised.value, path, says, "get a new copy")


def test_too_few_images_to_validate(unverified, tmp_path):
    write_archive(tmp_path / "archives", some_files(records=9))
    with pytest.raises(DataError, match=r"no image for the validation split"):
        unverified("train")


def test_truncated_archive_leaves_nothing_that_loads(archive, unverified):
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    for _ in range(2):
        with pytest.raises(DataError) as raised:
            unverified("train")
        assert_one_sentence(raised.value, archive, "get a new copy")
    archive.write_bytes(whole)
    assert_same(unverified("train"), independent_reading(archive)["train"])


def test_killed_preparation_leaves_nothing_that_loads(archive, unverified, tmp_path):
    program = f"""
import os
from selectax import datasets
from selectax.datasets.builders import cifar10

def interrupted(self, records, generate=cifar10.SelectaxCifar10._generate_examples):
    for index, example in generate(self, records):
        if len(records) < 23 and index == 5:
            os.kill(os.getpid(), 9)
        yield index, example

cifar10.SelectaxCifar10._generate_examples = interrupted
datasets.load("cifar10", "train", data_dir={str(tmp_path / "data")!r},
              archives={str(archive.parent)!r}, allow_unverified_archives=True)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert list(tmp_path.rglob("*incomplete*")), "killed too early to show anything"
    for split, expected in independent_reading(archive).items():
        assert_same(unverified(split), expected)


def test_two_preparations_at_once(archive, unverified, monkeypatch):
    """The slower one finds the other's result in its place, and takes it."""

    def overtaken(self, dl_manager, split_generators=SelectaxCifar10._split_generators):
        with monkeypatch.context() as alone:
            alone.setattr(SelectaxCifar10, "_split_generators", split_generators)
            unverified("train")
        return split_generators(self, dl_manager)

    monkeypatch.setattr(SelectaxCifar10, "_split_generators", overtaken)
    assert_same(unverified("train"), independent_reading(archive)["train"])


@pytest.mark.parametrize("damage", ["truncated", "missing", "without description"])
def test_damaged_prepared_set(archive, unverified, tmp_path, damage):
    unverified("train")
    pattern = "*.json" if damage == "without description" else "*.array_record*"
    for path in (tmp_path / "data").rglob(pattern):
        if damage == "truncated":
            os.truncate(path, 1000)
        else:
            path.unlink()
    with pytest.raises(DataError) as raised:
        unverified("train")
    assert_one_sentence(raised.value, tmp_path / "data", "damaged", "remove this folder")


def test_data_dir_that_cannot_be_written(archive, unverified, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError) as raised:
        unverified("train", data_dir=tmp_path / "file")
    assert_one_sentence(raised.value, "--data-dir", tmp_path / "file", "name another folder")


@pytest.fixture
def source(monkeypatch):
    """Sets the official source to a port of this machine."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloader, "MAX_RETRIES", 0)

    def set_port(port):
        url = f"http://127.0.0.1:{port}/{SelectaxCifar10.ARCHIVE.name}"
        monkeypatch.setattr(
            SelectaxCifar10, "ARCHIVE", dataclasses.replace(SelectaxCifar10.ARCHIVE, url=url)
        )

    return set_port


@pytest.fixture
def no_connection(source):
    with socket.socket() as bound_but_not_listening:
        bound_but_not_listening.bind(("127.0.0.1", 0))
        source(bound_but_not_listening.getsockname()[1])
        yield


@contextlib.contextmanager
def serving(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def test_download(official, load, source):
    with serving(official.parent) as port:
        source(port)
        loaded = load("train", archives=None)
    assert_same(loaded, independent_reading(official)["train"])


def test_downloaded_archive_is_kept(official, load, source, monkeypatch):
    with serving(official.parent) as port, monkeypatch.context() as failing:
        source(port)
        failing.setattr(SelectaxCifar10, "_generate_examples", None)
        with pytest.raises(TypeError):
            load("train", archives=None)
    assert_same(load("train", archives=None), independent_reading(official)["train"])


def test_download_of_another_checksum(archive, load, source):
    with serving(archive.parent) as port:
        source(port)
        with pytest.raises(DataError) as raised:
            load("train", archives=None)
    assert_one_sentence(raised.value, SelectaxCifar10.ARCHIVE.url, "Checksum", "--archives")


def test_download_that_is_not_there(official, load, source, tmp_path):
    with serving(tmp_path) as port:
        source(port)
        with pytest.raises(DataError) as raised:
            load("train", archives=None)
    assert_one_sentence(raised.value, SelectaxCifar10.ARCHIVE.url, "--archives")


def test_no_connection(load, no_connection):
    with pytest.raises(DataError) as raised:
        load("train", archives=None)
    assert_one_sentence(
        raised.value, "cifar-10-binary.tar.gz", SelectaxCifar10.ARCHIVE.url, "--archives"
    )
