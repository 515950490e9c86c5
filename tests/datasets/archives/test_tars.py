"""Tar archives: what is read of them, and what is refused."""

import gzip
import io
import tarfile

import pytest

from selectax.datasets.archives.archive import DataError
from selectax.datasets.archives.tars import tar_files


def sizes(*names):
    return dict.fromkeys(names, 100_000)


def write_tar(path, members):
    """A tar archive of (name or TarInfo, contents), compressed where the suffix says so."""
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for member, content in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("name", ["set.tar.gz", "set.tar"])
def test_tar_files_in_the_order_of_the_archive(tmp_path, name):
    folder = special("set", tarfile.DIRTYPE)
    members = [(folder, b""), ("./set/b", b"2"), ("set/readme", b"?"), ("set/a", b"1" * 99999)]
    path = write_tar(tmp_path / name, members)
    assert list(tar_files(path, sizes("set/a", "set/b"))) == [
        ("set/b", b"2"),
        ("set/a", b"1" * 99999),
    ]


@pytest.mark.parametrize(
    "member",
    [
        special("link", tarfile.SYMTYPE, "/etc/passwd"),
        special("link", tarfile.LNKTYPE, "a"),
        special("device", tarfile.CHRTYPE),
        special("pipe", tarfile.FIFOTYPE),
        special("a", tarfile.SYMTYPE, "b"),
        "/absolute",
        "../outside",
        "set/../../outside",
        "..",
    ],
    ids=lambda member: getattr(member, "name", member),
)
def test_members_that_no_data_set_needs_are_refused(tmp_path, member):
    path = write_tar(tmp_path / "set.tar.gz", [("a", b"1"), (member, b"")])
    with pytest.raises(DataError, match=r"set\.tar\.gz.*no plain file"):
        list(tar_files(path, sizes("a")))


def test_a_name_that_begins_with_dots_is_no_way_out(tmp_path):
    path = write_tar(tmp_path / "set.tar.gz", [("..a", b"1")])
    assert list(tar_files(path, sizes("..a"))) == [("..a", b"1")]


def test_missing_and_repeated_files_are_refused(tmp_path):
    path = write_tar(tmp_path / "set.tar.gz", [("a", b"1"), ("b", b"2"), ("./a", b"3")])
    with pytest.raises(DataError, match=r"set\.tar\.gz.*it lacks c, d"):
        list(tar_files(path, sizes("b", "d", "c")))
    with pytest.raises(DataError, match=r"set\.tar\.gz.*it holds a twice"):
        list(tar_files(path, sizes("a")))


def whole(tmp_path):
    noise = bytes(number * number % 251 for number in range(30000))
    return write_tar(tmp_path / "set.tar.gz", [("a", noise), ("b", noise[::-1])])


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_truncated(tmp_path, share):
    path = whole(tmp_path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match=r"set\.tar\.gz"):
        list(tar_files(path, sizes("a", "b")))


@pytest.mark.parametrize("tar_share", [0.1, 0.5, 0.7])
def test_truncated_inside_whole_compression(tmp_path, tar_share):
    path = whole(tmp_path)
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[: int(tar_share * len(content))]))
    with pytest.raises(DataError, match=r"set\.tar\.gz"):
        list(tar_files(path, sizes("a", "b")))


def test_corrupt_at_any_place(tmp_path):
    path = whole(tmp_path)
    content = path.read_bytes()
    end_of_header = content.index(b"\0", 10) + 1  # of the original's name, which no sum covers
    for place in range(end_of_header, len(content), len(content) // 23):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        path.write_bytes(bytes(damaged))
        with pytest.raises(DataError, match=r"set\.tar\.gz"):
            list(tar_files(path, sizes("a", "b")))


# Named, because gzip's bytes hold the second at which each worker collects its tests.
@pytest.mark.parametrize(
    "content", [b"no archive", gzip.compress(b"no tar" * 999)], ids=["no archive", "no tar"]
)
def test_other_files(tmp_path, content):
    path = tmp_path / "set.tar.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"set\.tar\.gz"):
        list(tar_files(path, sizes("a")))
