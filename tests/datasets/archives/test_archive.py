"""Official archives, found in a folder and told apart."""

import pytest

from selectax.datasets.archives.archive import Archive, DataError, find, leads_outside, sha256

ARCHIVE = Archive("set.tar.gz", "https://example.org/set.tar.gz", 3, "ab")


def test_find(tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(b"abc")
    assert find(ARCHIVE, tmp_path) == find(ARCHIVE, str(tmp_path)) == tmp_path / "set.tar.gz"


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(DataError) as raised:
        find(ARCHIVE, tmp_path / "nowhere")
    for word in ("--archives", str(tmp_path / "nowhere"), ARCHIVE.name, ARCHIVE.url):
        assert word in str(raised.value)


@pytest.mark.parametrize("content", ["empty", "folder of the name"])
def test_missing_archive_is_refused(tmp_path, content):
    if content == "folder of the name":
        (tmp_path / ARCHIVE.name).mkdir()
    with pytest.raises(DataError) as raised:
        find(ARCHIVE, tmp_path)
    for word in ("--archives", str(tmp_path), ARCHIVE.name, ARCHIVE.url):
        assert word in str(raised.value)


def test_sha256(tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert sha256(tmp_path / "set.tar.gz") == known


@pytest.mark.parametrize("name", ["/a", "..", "a/../b", "../a", "a\\..\\b", "C:/a", "c:\\a", "\\a"])
def test_names_that_lead_outside(name):
    assert leads_outside(name)


@pytest.mark.parametrize("name", ["a", "./a", "a/b", "..a", "a..", "a/...", "a/b:c"])
def test_names_that_stay_inside(name):
    assert not leads_outside(name)
