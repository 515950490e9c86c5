"""Hostile and broken archives: exit 2, one sentence, nothing left, and a good one works after."""

import io
import pathlib
import re
import stat
import struct
import sys
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from selectax.commands import data
from selectax.datasets.registry import WORDNET_IDS
from tests.datasets import small_archives as small
from tests.datasets.small_archives import WNIDS, jpeg, npy


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command; exit status, stdout, stderr."""

    def run(*arguments):
        where = ["--data-dir", str(tmp_path / "data"), "--archives", str(tmp_path / "archives")]
        where += ["--allow-unverified-archives"]
        monkeypatch.setattr(sys, "argv", ["data.py", *arguments, *where])
        status = data.main()
        return status, *capsys.readouterr()

    return run


def left_behind(folder):
    return [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]


def tar_member(name, kind=tarfile.REGTYPE, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def with_extra(name, member, content=b""):
    return lambda folder: small.write(folder, small.NAMES[name], extra=[(member, content)])


def with_changed(name, change):
    def make(folder):
        archive = small.NAMES[name]
        members = small.MEMBERS[archive]()
        change(members)
        return small.write(folder, archive, members)

    return make


def replaced(name, member, content):
    return with_changed(name, lambda members: members.update({member: content}))


def without(name, member):
    return with_changed(name, lambda members: members.pop(member))


def truncated(name, share):
    def make(folder):
        path = small.write(folder, small.NAMES[name])
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        return path

    return make


def damaged_byte(name, find):
    """Flips a bit of some contents."""

    def make(folder):
        path = small.write(folder, small.NAMES[name])
        content = bytearray(path.read_bytes())
        content[content.index(find) + len(find) // 2] ^= 0x10
        path.write_bytes(content)
        return path

    return make


def no_archive(name):
    def make(folder):
        folder.mkdir()
        (folder / small.NAMES[name]).write_bytes(b"<html>404 Not Found</html>" * 99)

    return make


def zip_with_header(change):
    """An image whose directory entry is changed after it was compressed."""

    def make(folder):
        path = small.write(folder, small.TINY_IMAGENET, extra=[(BOMB, b"\0" * 1000)])
        content = bytearray(path.read_bytes())
        entry = content.rindex(b"PK\x01\x02", 0, content.rindex(BOMB.filename.encode()))
        change(content, entry)
        path.write_bytes(content)

    return make


def zip_info(name, mode=0):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def declare(size):
    return lambda content, entry: content.__setitem__(
        slice(entry + 24, entry + 28), struct.pack("<I", size)
    )


def encrypt(content, entry):
    content[entry + 8] |= 1


def rare_compression(content, entry):
    content[entry + 10] = 97


def huge_jpeg():
    """A JPEG whose header declares 60,000 × 60,000 pixels."""
    content = bytearray(jpeg(0))
    start = content.index(b"\xff\xc0") + 5
    content[start : start + 4] = struct.pack(">HH", 60000, 60000)
    return bytes(content)


def labels(change):
    array = np.tile(np.arange(3, dtype=np.uint8), 5)
    return npy(change(array))


ROOT = "tiny-imagenet-200"
TRAIN = f"{ROOT}/train/{WNIDS[0]}/images/{WNIDS[0]}_2.JPEG"
BOMB = zip_info(f"{ROOT}/train/{WNIDS[0]}/images/{WNIDS[0]}_11.JPEG")
CORRUPT = f"Tiny-ImageNet-C/fog/3/{WNIDS[2]}/val_2.JPEG"
FOG, LABELS = "CIFAR-10-C/fog.npy", "CIFAR-10-C/labels.npy"
BATCH = "cifar-10-batches-bin/data_batch_2.bin"
IMAGES = np.zeros((15, 32, 32, 3), np.uint8)


def reverse_order():
    return npy(np.asfortranarray(IMAGES))


def long_header():
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }" + b" " * 50_000 + b"\n"
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header + b"\0"


HOSTILE = {
    # (data set, archive, what the sentence says)
    "tar.gz: absolute path": ("cifar10", with_extra("cifar10", "/etc/cron.d/x"), "no plain file"),
    "tar.gz: path leads out": ("cifar10", with_extra("cifar10", "a/../../x"), "no plain file"),
    "tar.gz: symbolic link": (
        "cifar10",
        with_extra("cifar10", tar_member("a", tarfile.SYMTYPE, "/etc/passwd")),
        "no plain file",
    ),
    "tar.gz: hard link in place of a file": (
        "cifar10",
        with_changed(
            "cifar10",
            lambda members: [
                members.pop(BATCH),
                members.update({tar_member(BATCH, tarfile.LNKTYPE, "/etc/passwd"): b""}),
            ],
        ),
        "no plain file",
    ),
    "tar.gz: device": (
        "cifar10",
        with_extra("cifar10", tar_member("null", tarfile.CHRTYPE)),
        "no plain file",
    ),
    "tar.gz: bomb": (
        "cifar10",
        replaced("cifar10", BATCH, bytes(40 << 20)),
        "would have 41943040 bytes",
    ),
    "tar.gz: bomb beside": (
        "cifar10",
        with_extra("cifar10", "readme.html", bytes(40 << 20)),
        "would have 41943040 bytes",
    ),
    "tar.gz: truncated": ("cifar10", truncated("cifar10", 0.5), "truncated"),
    "tar.gz: no archive": ("cifar10", no_archive("cifar10"), "unreadable"),
    "tar.gz: records cut": ("cifar10", replaced("cifar10", BATCH, b"\1" * 3000), "no multiple"),
    "tar: path leads out": ("cifar10_c", with_extra("cifar10_c", "../x"), "no plain file"),
    "tar: symbolic link": (
        "cifar10_c",
        with_extra("cifar10_c", tar_member("x", tarfile.SYMTYPE, "..")),
        "no plain file",
    ),
    "tar: truncated": ("cifar10_c", truncated("cifar10_c", 0.7), "unexpected end of data"),
    "tar: no archive": ("cifar10_c", no_archive("cifar10_c"), "unreadable"),
    "tar: file twice": ("cifar10_c", with_extra("cifar10_c", FOG, b"x"), "fog.npy twice"),
    "npy: labels missing": ("cifar10_c", without("cifar10_c", LABELS), "it lacks labels.npy"),
    "npy: pickle": (
        "cifar10_c",
        replaced("cifar10_c", FOG, npy(np.array([print]), allow_pickle=True)),
        "is a pickle",
    ),
    "npy: pickled labels": (
        "cifar10_c",
        replaced("cifar10_c", LABELS, npy(np.array([print] * 15), allow_pickle=True)),
        "is a pickle",
    ),
    "npy: too few images": (
        "cifar10_c",
        replaced("cifar10_c", FOG, npy(IMAGES[:10])),
        "of shape (10, 32, 32, 3), not (15, 32, 32, 3)",
    ),
    "npy: other type": (
        "cifar10_c",
        replaced("cifar10_c", FOG, npy(IMAGES.astype(np.float32))),
        "has float32",
    ),
    "npy: axes reversed": ("cifar10_c", replaced("cifar10_c", FOG, reverse_order()), "reverse"),
    "npy: shorter than declared": (
        "cifar10_c",
        replaced("cifar10_c", FOG, npy(IMAGES)[:-1]),
        "fog.npy has 46207 bytes",
    ),
    "npy: not an array": ("cifar10_c", replaced("cifar10_c", FOG, b"?" * 99), "no array of numpy"),
    "npy: header too long": ("cifar10_c", replaced("cifar10_c", FOG, long_header()), "no array"),
    "npy: labels differ between severities": (
        "cifar10_c",
        replaced("cifar10_c", LABELS, labels(np.sort)),
        "differs between severities",
    ),
    "npy: label out of range": (
        "cifar10_c",
        replaced("cifar10_c", LABELS, labels(lambda array: array + 8)),
        "the label 10",
    ),
    "npy: number no multiple of five": (
        "cifar10_c",
        replaced("cifar10_c", LABELS, labels(lambda array: array[:14])),
        "of shape (14,)",
    ),
    "zip: absolute path": ("tiny_imagenet", with_extra("tiny_imagenet", "/x"), "no plain file"),
    "zip: path leads out": ("tiny_imagenet", with_extra("tiny_imagenet", "a/../x"), "plain file"),
    "zip: symbolic link": (
        "tiny_imagenet",
        with_extra("tiny_imagenet", zip_info("a.JPEG", stat.S_IFLNK | 0o777), b"/etc/passwd"),
        "no plain file",
    ),
    "zip: bomb that says so": (
        "tiny_imagenet",
        with_extra("tiny_imagenet", zip_info("a.JPEG"), bytes(9 << 20)),
        "would have 9437184 bytes",
    ),
    "zip: bomb that declares less": ("tiny_imagenet", zip_with_header(declare(10)), "CRC"),
    "zip: declares more than there is": (
        "tiny_imagenet",
        zip_with_header(declare(2000)),
        f"{WNIDS[0]}_11.JPEG",
    ),
    "zip: encrypted": ("tiny_imagenet", zip_with_header(encrypt), "encrypted"),
    "zip: rare compression": ("tiny_imagenet", zip_with_header(rare_compression), "compression"),
    "zip: truncated": ("tiny_imagenet", truncated("tiny_imagenet", 0.9), "unreadable"),
    "zip: no archive": ("tiny_imagenet", no_archive("tiny_imagenet"), "not a zip file"),
    "zip: contents damaged": (
        "tiny_imagenet",
        damaged_byte("tiny_imagenet", small.tiny_imagenet_members()[TRAIN]),
        "CRC",
    ),
    "jpeg: other size": (
        "tiny_imagenet",
        replaced("tiny_imagenet", TRAIN, jpeg(0, (64, 63))),
        "64 × 63 pixels, not 64 × 64",
    ),
    "jpeg: decompression bomb": (
        "tiny_imagenet",
        replaced("tiny_imagenet", TRAIN, huge_jpeg()),
        "_2.JPEG",
    ),
    "jpeg: broken": (
        "tiny_imagenet",
        replaced("tiny_imagenet", TRAIN, jpeg(0)[:1000]),
        "truncated",
    ),
    "jpeg: another format": (
        "tiny_imagenet",
        replaced("tiny_imagenet", TRAIN, jpeg(0, form="PNG")),
        "no JPEG",
    ),
    "jpeg: empty": ("tiny_imagenet", replaced("tiny_imagenet", TRAIN, b""), "no JPEG"),
    "tiny: other classes": (
        "tiny_imagenet",
        replaced("tiny_imagenet", f"{ROOT}/wnids.txt", "\n".join(WORDNET_IDS[::-1]).encode()),
        "names other classes",
    ),
    "tiny: image of an unknown class": (
        "tiny_imagenet",
        replaced("tiny_imagenet", f"{ROOT}/train/n1/images/n1_0.JPEG", jpeg(0)),
        "unknown class n1",
    ),
    "tiny: image without annotation": (
        "tiny_imagenet",
        replaced("tiny_imagenet", f"{ROOT}/val/images/val_77.JPEG", jpeg(0)),
        "lacks val_77.JPEG",
    ),
    "tiny: annotation without image": (
        "tiny_imagenet",
        without("tiny_imagenet", f"{ROOT}/val/images/val_3.JPEG"),
        "lacks tiny-imagenet-200/val/images/val_3.JPEG",
    ),
    "tiny: no annotations": (
        "tiny_imagenet",
        without("tiny_imagenet", f"{ROOT}/val/val_annotations.txt"),
        "lacks tiny-imagenet-200/val/val_annotations.txt",
    ),
    "tiny: no validation images": (
        "tiny_imagenet",
        with_changed(
            "tiny_imagenet",
            lambda members: [
                members.pop(n) for n in list(members) if "/train/" in n and "_9." in n
            ],
        ),
        "no image for the validation split",
    ),
    "tiny-c: image missing at one severity": (
        "tiny_imagenet_c",
        without("tiny_imagenet_c", CORRUPT),
        "other images of fog_3",
    ),
    "tiny-c: image twice": (
        "tiny_imagenet_c",
        with_extra("tiny_imagenet_c", CORRUPT, jpeg(0)),
        "other images of fog_3",
    ),
    "tiny-c: unknown corruption": (
        "tiny_imagenet_c",
        with_extra("tiny_imagenet_c", CORRUPT.replace("fog", "smog"), jpeg(0)),
        "no known corruption or class",
    ),
    "tiny-c: severity 6": (
        "tiny_imagenet_c",
        with_extra("tiny_imagenet_c", CORRUPT.replace("/3/", "/6/"), jpeg(0)),
        "no known corruption or class",
    ),
    "tiny-c: image too large": (
        "tiny_imagenet_c",
        replaced("tiny_imagenet_c", CORRUPT, jpeg(0) + bytes(1 << 16)),
        "would have",
    ),
    "tiny-c: broken image in the last of 75": (
        "tiny_imagenet_c",
        replaced(
            "tiny_imagenet_c",
            CORRUPT.replace("fog/3", "jpeg_compression/5"),
            jpeg(0)[:500],
        ),
        "truncated",
    ),
    "tiny-c: truncated": ("tiny_imagenet_c", truncated("tiny_imagenet_c", 0.5), "truncated"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archive(case, run, tmp_path):
    name, make, says = HOSTILE[case]
    make(tmp_path / "archives")
    status, out, error = run("prepare", name)
    assert (status, out) == (2, "")
    assert re.fullmatch(r"[^\n]+\.\n", error), error
    assert not re.search(r"\. [A-Z]", error), "more than one sentence"
    assert says in error
    assert small.NAMES[name] in error
    assert "get a new copy" in error
    assert left_behind(tmp_path / "data") == []


@pytest.mark.slow
@pytest.mark.parametrize("name", small.NAMES)
def test_good_archive_after_a_broken_one(name, run, tmp_path):
    truncated(name, 0.6)(tmp_path / "archives")
    assert run("prepare", name)[0] == 2
    small.write(tmp_path / "archives", small.NAMES[name])
    status, out, _ = run("prepare", name)
    assert status == 0
    assert out.startswith(f"{name}: ")
    status, out, _ = run("check", name)
    assert status == 0
    assert "every image read" in out
    assert "prepared before" in run("prepare", name)[1]
    sheet = tmp_path / "sheet.png"
    assert run("show", name, "--output", str(sheet))[0] == 0
    with Image.open(io.BytesIO(sheet.read_bytes())) as image:
        assert image.format == "PNG"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("prepare",), "NAME: give at least one"),
        (("prepare", "cifar11"), "did you mean cifar10?"),
        (("check", "digits"), "is embedded"),
        (("prepare", "cifar10"), "no such folder"),
        (("show", "cifar10", "--split", "val"), "split val: unknown"),
        (("show", "cifar10", "--images", "0"), "--images 0"),
        (("show", "digits"), "--archives"),
    ],
)
def test_bad_input(run, arguments, says):
    status, _, error = run(*arguments)
    assert status == 2
    assert says in error
    assert error.count("\n") == 1


def test_check_of_a_set_that_is_not_prepared(run, tmp_path):
    small.write(tmp_path / "archives", small.CIFAR10)
    status, _, error = run("check", "cifar10")
    assert (status, "is not prepared" in error) == (2, True)


def test_check_of_a_damaged_set(run, tmp_path):
    small.write(tmp_path / "archives", small.TINY_IMAGENET)
    assert run("prepare", "tiny_imagenet")[0] == 0
    (record,) = (tmp_path / "data").rglob("*test.array_record*")
    content = bytearray(record.read_bytes())
    place = content.index(b"\xff\xd8\xff")
    content[place : place + 400] = bytes(400)
    record.write_bytes(content)
    status, _, error = run("check", "tiny_imagenet")
    assert (status, "is damaged; remove this folder" in error) == (2, True)
