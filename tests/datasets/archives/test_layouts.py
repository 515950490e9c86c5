"""Archives as people have them: other names and folders, parts, extracted copies, hidden files."""

import os
import pickle
import re
import tarfile
import warnings
import zipfile

import numpy as np
import pytest

from selectax import datasets
from selectax.commands import data
from selectax.datasets import DataError
from selectax.datasets.archives.archive import find, locate
from selectax.datasets.archives.pickled_batches import read_batch
from selectax.datasets.builders.cifar10 import SelectaxCifar10
from selectax.datasets.builders.cifar10_c import Cifar10C
from selectax.datasets.builders.tiny_imagenet_c import TinyImagenetC
from selectax.datasets.registry import WORDNET_IDS
from tests.datasets import small_archives as small
from tests.datasets.builders.test_cifar10 import assert_one_sentence, assert_same

HIDDEN = ("._{0}", ".DS_Store", "__MACOSX/{1}/._{0}", ".ipynb_checkpoints/{0}", "Thumbs.db")
PARTS = {
    "cifar10": [("train", {}), ("validation", {}), ("test", {})],
    "cifar10_c": [("test", {"corruption": "fog", "severity": 3})],
    "tiny_imagenet": [("train", {}), ("validation", {}), ("test", {})],
    "tiny_imagenet_c": [("test", {"corruption": "fog", "severity": 3})],
}


def load_all(name, folder, data_dir):
    return [
        datasets.load(
            name,
            split,
            data_dir=data_dir,
            archives=folder,
            allow_unverified_archives=True,
            **options,
        )
        for split, options in PARTS[name]
    ]


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """What the official layout of each small archive gives."""
    found = {}
    for name, archive in small.NAMES.items():
        folder = tmp_path_factory.mktemp(name)
        small.write(folder, archive)
        found[name] = load_all(name, folder, folder / "data")
    return found


def with_hidden(members):
    """Beside every file, and in folders of its own, what operating systems leave."""
    added = dict(members)
    for name in members:
        folder, _, file = name.rpartition("/")
        for pattern in HIDDEN:
            hidden = pattern.format(file, folder)
            if hidden.startswith("__MACOSX"):
                added[hidden] = b"\0\5\x16\7"
            else:
                added[f"{folder}/{hidden}"] = b"\0\5\x16\7"
    return added


def without_top(members):
    return {name.partition("/")[2]: content for name, content in members.items()}


def top_twice(members):
    return {f"{name.partition('/')[0]}/{name}": content for name, content in members.items()}


def beside_dot(members):
    return {f"./{name}": content for name, content in members.items()}


ALL = {
    "hidden files": with_hidden,
    "no top folder": without_top,
    "top folder twice": top_twice,
    "dot before": beside_dot,
}


def extract(members, folder):
    for name, content in members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.mark.parametrize("form", ["archive", pytest.param("extracted", marks=pytest.mark.slow)])
@pytest.mark.parametrize("layout", ALL)
@pytest.mark.parametrize("name", small.NAMES)
def test_layouts_of_all(name, layout, form, official, tmp_path):
    members = ALL[layout](small.MEMBERS[small.NAMES[name]]())
    if form == "archive":
        folder = tmp_path / "archives"
        small.write(folder, small.NAMES[name], members)
    else:
        folder = extract(members, tmp_path / "mine")
    for ours, expected in zip(
        load_all(name, folder, tmp_path / "data"), official[name], strict=True
    ):
        assert_same(ours, expected)


@pytest.mark.parametrize("name", small.NAMES)
def test_extracted_copy_in_the_folder_of_archives(name, official, tmp_path):
    """Refused without consent, since it has no checksum; a changed one is prepared anew."""
    members = small.MEMBERS[small.NAMES[name]]()
    extract(members, tmp_path / "archives")
    split, options = PARTS[name][-1]
    with pytest.raises(DataError) as raised:
        datasets.load(name, split, data_dir=tmp_path, archives=tmp_path / "archives", **options)
    assert_one_sentence(raised.value, "is a folder", "--allow-unverified-archives")
    loaded = load_all(name, tmp_path / "archives", tmp_path / "data")
    for ours, expected in zip(loaded, official[name], strict=True):
        assert_same(ours, expected)
    file = next(path for path in (tmp_path / "archives").rglob("*") if path.is_file())
    os.utime(file, ns=(0, 0))
    load_all(name, tmp_path / "archives", tmp_path / "data")
    assert len(list((tmp_path / "data").glob("unverified_*"))) == 2


ROOT = "tiny-imagenet-200"


def validation_in_class_folders(members, images="images/", annotations=True, copies=False):
    changed = dict(members)
    text = members[f"{ROOT}/val/val_annotations.txt"].decode()
    for line in text.splitlines():
        file, wnid = line.split("\t")[:2]
        old = f"{ROOT}/val/images/{file}"
        changed[f"{ROOT}/val/{wnid}/{images}{file}"] = members[old]
        if not copies:
            del changed[old]
    if not annotations:
        del changed[f"{ROOT}/val/val_annotations.txt"]
    return changed


def in_sorted_order(members):
    return members | {f"{ROOT}/wnids.txt": "\r\n".join(sorted(WORDNET_IDS)).encode()}


def without_classes(members):
    return {name: content for name, content in members.items() if "wnids.txt" not in name}


def renamed(old, new):
    return lambda members: {re.sub(old, new, name): content for name, content in members.items()}


TINY = {
    "validation in class folders": validation_in_class_folders,
    "in class folders, no images/": lambda members: validation_in_class_folders(members, ""),
    "in class folders, no annotations": lambda members: validation_in_class_folders(
        members, annotations=False
    ),
    "in class folders, and as published": lambda members: validation_in_class_folders(
        members, copies=True
    ),
    "sorted class list": in_sorted_order,
    "no class list": without_classes,
    ".jpg": renamed(r"\.JPEG$", ".jpg"),
    ".jpeg": renamed(r"\.JPEG$", ".jpeg"),
    "training images without images/": renamed(r"(train/n\d+)/images/", r"\1/"),
}


@pytest.mark.parametrize("layout", TINY)
def test_layouts_of_tiny_imagenet(layout, official, tmp_path):
    members = TINY[layout](small.tiny_imagenet_members())
    small.write(tmp_path / "archives", small.TINY_IMAGENET, members)
    loaded = load_all("tiny_imagenet", tmp_path / "archives", tmp_path / "data")
    for ours, expected in zip(loaded, official["tiny_imagenet"], strict=True):
        assert_same(ours, expected)


def python_version(members, protocol=2, repacked=False):
    """The same images as pickled batches, by names in bytes as Python 2 left them."""

    def key(name):
        return name if repacked else name.encode()

    names = [key(name) for name in datasets.describe("cifar10").class_names]
    batches = {"batches.meta": {key("label_names"): names, key("num_vis"): 3072}}
    for name, content in members.items():
        file = name.rpartition("/")[2]
        if file.endswith(".bin"):
            records = np.frombuffer(content, np.uint8).reshape(-1, 3073)
            labels = records[:, 0].astype(np.int64)
            batches[file.removesuffix(".bin")] = {
                key("data"): records[:, 1:].copy(),
                key("labels"): labels if repacked else labels.tolist(),
                key("batch_label"): b"training batch 1 of 5",
                key("filenames"): [b"a.png"] * len(records),
            }
    return {
        f"cifar-10-batches-py/{name}": pickle.dumps(batch, protocol)
        for name, batch in batches.items()
    }


@pytest.mark.parametrize("form", ["archive", "unpacked tar", "extracted", "protocol 5"])
def test_python_version_of_cifar10(form, official, tmp_path):
    members = python_version(
        small.cifar10_members(),
        protocol=5 if form == "protocol 5" else 2,
        repacked=form == "protocol 5",
    )
    folder = tmp_path / "archives"
    if form == "extracted":
        extract(members, folder)
    else:
        name = "cifar-10-python.tar" + ("" if form == "unpacked tar" else ".gz")
        small.write(folder, name, with_hidden(members))
    loaded = load_all("cifar10", folder, tmp_path / "data")
    for ours, expected in zip(loaded, official["cifar10"], strict=True):
        assert_same(ours, expected)


@pytest.mark.slow
def test_python_version_of_true_images(real_data, tmp_path):
    """Made from the binary version, since the true archive is not among the data of the tests."""
    with tarfile.open(real_data / small.CIFAR10) as tar:
        members = {m.name: tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()}
    small.write(tmp_path / "archives", "cifar-10-python.tar", python_version(members))
    loaded = load_all("cifar10", tmp_path / "archives", tmp_path / "data")
    binary = load_all("cifar10", real_data, tmp_path / "binary")
    for ours, expected in zip(loaded, binary, strict=True):
        assert_same(ours, expected)


def test_python_version_as_python_2_pickled_it():
    """Strings and arrays as the published batches have them, opcode by opcode."""
    content = (
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\n"
        b"q\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x01K\x02\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87"
        b"Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02\x05\x09tb"
        b"U\x06labelsq\x08]q\x09K\x07au."
    )
    batch = read_batch(content)
    np.testing.assert_array_equal(batch["data"], np.array([[5, 9]], np.uint8))
    assert batch["labels"] == [7]


class _Runs:
    def __init__(self, function, *arguments):
        self.what = function, arguments

    def __reduce__(self):
        return self.what


def made_of(code):
    def make(tmp_path):
        return {"data": np.zeros((1, 3072), np.uint8), "labels": [0], "x": code(tmp_path)}

    return make


HOSTILE_PICKLES = {
    "a command": made_of(lambda folder: _Runs(os.system, f"touch {folder}/executed")),
    "an evaluation": made_of(lambda folder: _Runs(eval, f"open('{folder}/executed', 'w')")),
    "an import": made_of(lambda folder: _Runs(__import__, "antigravity")),
    "numpy's loader": made_of(lambda folder: _Runs(np.load, f"{folder}/x.npy")),
    "an array of objects": lambda folder: {
        "data": np.array([_Runs(os.system, f"touch {folder}/executed")], object),
        "labels": [0],
    },
    "no dict": lambda _: [1, 2],
    "no labels": lambda _: {"data": np.zeros((1, 3072), np.uint8)},
    "floats": lambda _: {"data": np.zeros((1, 3072), np.float32), "labels": [0]},
    "too few labels": lambda _: {"data": np.zeros((2, 3072), np.uint8), "labels": [0]},
    "label 10": lambda _: {"data": np.zeros((1, 3072), np.uint8), "labels": [10]},
    "label -1": lambda _: {"data": np.zeros((1, 3072), np.uint8), "labels": [-1]},
    "a label of text": lambda _: {"data": np.zeros((1, 3072), np.uint8), "labels": ["cat"]},
}


@pytest.mark.parametrize("case", [*HOSTILE_PICKLES, "truncated", "no pickle", "too large"])
def test_hostile_pickles(case, tmp_path):
    members = python_version(small.cifar10_members())
    name = "cifar-10-batches-py/data_batch_3"
    if case == "truncated":
        members[name] = members[name][:1000]
    elif case == "no pickle":
        members[name] = b"<html>"
    elif case == "too large":
        members[name] = bytes(40 << 20)
    else:
        members[name] = pickle.dumps(HOSTILE_PICKLES[case](tmp_path), 2)
    small.write(tmp_path / "archives", "cifar-10-python.tar.gz", members)
    with pytest.raises(DataError) as raised:
        load_all("cifar10", tmp_path / "archives", tmp_path / "data")
    assert_one_sentence(raised.value, "cifar-10-python.tar.gz", "data_batch_3", "get a new copy")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["cifar10_c", "tiny_imagenet_c"])
def test_some_corruptions_only(name, official, tmp_path):
    members = {
        path: content
        for path, content in small.MEMBERS[small.NAMES[name]]().items()
        if re.search(r"/(fog|snow|labels)\b", path)
    }
    path = small.write(tmp_path / "archives", small.NAMES[name], members)
    assert {"cifar10_c": Cifar10C, "tiny_imagenet_c": TinyImagenetC}[name].corruptions_in(path) == (
        "snow",
        "fog",
    )
    assert_same(load_all(name, tmp_path / "archives", tmp_path / "data")[0], official[name][0])
    with pytest.raises(DataError) as raised:
        datasets.load(
            name,
            "test",
            corruption="frost",
            severity=1,
            data_dir=tmp_path / "data",
            archives=tmp_path / "archives",
            allow_unverified_archives=True,
        )
    assert_one_sentence(raised.value, "a part of", "frost", "snow, fog")


@pytest.mark.parametrize("name", ["cifar10_c", "tiny_imagenet_c"])
def test_download_cut_between_two_files_is_no_part(name, tmp_path):
    path = small.write(tmp_path / "archives", small.NAMES[name])
    with tarfile.open(path) as tar:
        cut = next(m.offset for m in tar.getmembers() if "/frost" in m.name)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match="truncated, corrupt or unreadable"):
        load_all(name, tmp_path / "archives", tmp_path / "data")


def foreign(share_names):
    """The frost folders of the first archive: images of classes that Tiny ImageNet lacks."""
    members = small.tiny_imagenet_c_members()
    image = members["Tiny-ImageNet-C/frost/1/" + f"{small.WNIDS[1]}/val_1.JPEG"]
    for severity in range(1, 6):
        for wnid in ("n01440764", "n01443538"):
            for number in (1, 77):
                members[f"Tiny-ImageNet-C/frost/{severity}/{wnid}/val_{number}.JPEG"] = image
        if not share_names:
            members[f"Tiny-ImageNet-C/frost/{severity}/{small.WNIDS[0]}/val_5.JPEG"] = image
    return members


@pytest.mark.parametrize("share_names", [True, False])
def test_foreign_classes_are_skipped_and_counted(share_names, official, tmp_path):
    small.write(tmp_path / "archives", small.TINY_IMAGENET_C, foreign(share_names))
    with pytest.warns(UserWarning, match="skipped") as warned:
        loaded = load_all("tiny_imagenet_c", tmp_path / "archives", tmp_path / "data")
    assert_same(loaded[0], official["tiny_imagenet_c"][0])
    (message,) = {str(warning.message) for warning in warned}
    for words in ("20 images of 2 classes", "frost", "zenodo.org/records/8206060", "f9c9a9db"):
        assert words in message
    frost, _ = datasets.load(
        "tiny_imagenet_c",
        "test",
        corruption="frost",
        severity=2,
        data_dir=tmp_path / "data",
        archives=tmp_path / "archives",
        allow_unverified_archives=True,
    )
    assert len(frost) == (3 if share_names else 4)


def test_corrupted_copies_and_extra_corruptions(official, tmp_path):
    """The further corruptions, published apart, are often unpacked into the same folder."""
    members = small.tiny_imagenet_c_members()
    members |= {
        name.replace("/fog/", "/spatter/"): content
        for name, content in members.items()
        if "/fog/" in name
    }
    small.write(tmp_path / "archives", small.TINY_IMAGENET_C, members)
    with pytest.warns(UserWarning, match=r"skipped 15 images of corruptions.*spatter"):
        loaded = load_all("tiny_imagenet_c", tmp_path / "archives", tmp_path / "data")
    assert_same(loaded[0], official["tiny_imagenet_c"][0])


def dropping(pattern, archive):
    return {n: c for n, c in small.MEMBERS[archive]().items() if not re.search(pattern, n)}


def under_two_tops():
    members = small.tiny_imagenet_members()
    return members | {f"copy/{name}": content for name, content in members.items()}


DAMAGED, OTHER, PART = "truncated, corrupt or unreadable", "another layout", "a part of the data"
KINDS = {
    "cifar10: a batch missing": ("cifar10", lambda: dropping("batch_3", small.CIFAR10), PART),
    "cifar10: other files": ("cifar10", lambda: {"a/cat.png": b"1"}, OTHER),
    "cifar10_c: no labels": ("cifar10_c", lambda: dropping("labels", small.CIFAR10_C), PART),
    "cifar10_c: other files": ("cifar10_c", lambda: {"a/cat.png": b"1"}, OTHER),
    "tiny: no val": ("tiny_imagenet", lambda: dropping("/val/", small.TINY_IMAGENET), PART),
    "tiny: an image missing": (
        "tiny_imagenet",
        lambda: dropping("val_3.JPEG", small.TINY_IMAGENET),
        PART,
    ),
    "tiny: other files": ("tiny_imagenet", lambda: {"a/cat.png": b"1"}, OTHER),
    "tiny: twice": ("tiny_imagenet", under_two_tops, OTHER),
    "tiny-c: a severity missing": (
        "tiny_imagenet_c",
        lambda: dropping("fog/3/", small.TINY_IMAGENET_C),
        PART,
    ),
    "tiny-c: other files": ("tiny_imagenet_c", lambda: {"a/cat.png": b"1"}, OTHER),
    "tiny-c: an image that is none": (
        "tiny_imagenet_c",
        lambda: (
            small.tiny_imagenet_c_members()
            | {f"Tiny-ImageNet-C/fog/3/{small.WNIDS[2]}/val_2.JPEG": b"?"}
        ),
        DAMAGED,
    ),
}


@pytest.mark.parametrize("case", KINDS)
def test_damaged_is_told_from_another_layout_and_from_a_part(case, tmp_path):
    name, members, says = KINDS[case]
    path = small.write(tmp_path / "archives", small.NAMES[name], members())
    with pytest.raises(DataError) as raised:
        load_all(name, tmp_path / "archives", tmp_path / "data")
    assert_one_sentence(raised.value, path, says)
    assert sum(kind in str(raised.value) for kind in (DAMAGED, OTHER, PART)) == 1


def test_compressed_copy_of_a_plain_archive_has_another_layout(tmp_path):
    path = small.write(tmp_path, "CIFAR-10-C.tar.gz", small.cifar10_c_members())
    path.rename(tmp_path / small.CIFAR10_C)
    with pytest.raises(DataError, match=r"another layout.*compressed by gzip"):
        load_all("cifar10_c", tmp_path, tmp_path / "data")


def test_validation_images_in_a_folder_that_the_annotations_contradict(tmp_path):
    members = validation_in_class_folders(small.tiny_imagenet_members())
    wrong = f"{ROOT}/val/{small.WNIDS[0]}/images/val_3.JPEG"
    members[wrong.replace(small.WNIDS[0], small.WNIDS[1])] = members.pop(wrong)
    small.write(tmp_path / "archives", small.TINY_IMAGENET, members)
    with pytest.raises(DataError, match="by the annotations"):
        load_all("tiny_imagenet", tmp_path / "archives", tmp_path / "data")


def test_names_under_which_browsers_save(tmp_path):
    known = SelectaxCifar10.archives()
    assert locate(known, tmp_path) is None
    for name in ("cifar-10-python.tar.gz", "cifar-10-binary.tar", "cifar-10-binary.tar.gz"):
        (tmp_path / name).write_bytes(b"")
        assert find(known, tmp_path) == find(known, tmp_path / name) == tmp_path / name
    saved = tmp_path / "Tiny-ImageNet-C.tar?download=1"
    saved.write_bytes(b"")
    assert find(TinyImagenetC.archives(), tmp_path) == saved
    with pytest.raises(DataError, match="is a file"):
        find(Cifar10C.archives(), saved)


def test_zip_with_backslashes(official, tmp_path):
    """As some programs on Windows write them."""
    (tmp_path / "archives").mkdir()
    with zipfile.ZipFile(tmp_path / "archives" / small.TINY_IMAGENET, "w") as file:
        for name, content in small.tiny_imagenet_members().items():
            info = zipfile.ZipInfo()
            info.filename = name.replace("/", "\\")
            file.writestr(info, content)
    loaded = load_all("tiny_imagenet", tmp_path / "archives", tmp_path / "data")
    for ours, expected in zip(loaded, official["tiny_imagenet"], strict=True):
        assert_same(ours, expected)


def test_no_warning_of_the_official_layouts(tmp_path):
    small.write(tmp_path / "archives", small.TINY_IMAGENET_C)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_all("tiny_imagenet_c", tmp_path / "archives", tmp_path / "data")


def test_command_on_a_part(tmp_path, capsys):
    members = dropping("(?<!fog|els).npy", small.CIFAR10_C)
    small.write(tmp_path / "archives", small.CIFAR10_C, members)
    where = ["--data-dir", str(tmp_path / "data"), "--archives", str(tmp_path / "archives")]
    where += ["--allow-unverified-archives"]
    assert data.main(["prepare", "cifar10_c", *where]) == 0
    assert "15 images" in (said := capsys.readouterr().out)
    assert "a part, which holds fog" in said
    sheet = tmp_path / "sheet.png"
    for words in (["check"], ["show", "--output", str(sheet)]):
        assert data.main([words[0], "cifar10_c", *words[1:], *where]) == 0
    # A file that is there is never replaced.
    drawn = sheet.read_bytes()
    assert data.main(["show", "cifar10_c", "--output", str(sheet), *where]) == 2
    assert capsys.readouterr().err == (
        f"--output {sheet}: exists already; name another file, or remove it.\n"
    )
    assert sheet.read_bytes() == drawn


@pytest.fixture
def wide(monkeypatch):
    """A terminal in which no cell of a table is folded."""
    monkeypatch.setenv("COLUMNS", "1000")


def test_list_says_what_was_prepared_from_the_archives_of_a_folder(tmp_path, capsys, wide):
    members = dropping("(?<!fog|els|ost).npy", small.CIFAR10_C)
    archives, prepared = tmp_path / "archives", ["--data-dir", str(tmp_path / "data")]
    small.write(archives, small.CIFAR10_C, members)
    from_there = ["--archives", str(archives), *prepared]
    unverified = [*from_there, "--allow-unverified-archives"]
    assert data.main(["prepare", "cifar10_c", *unverified]) == 0

    def rows(flags):
        capsys.readouterr()
        assert data.main(["list", *flags]) == 0
        lines = [line.split("│")[1:] for line in capsys.readouterr().out.splitlines()]
        return {line[0].strip(): [cell.strip() for cell in line[3:6]] for line in lines if line}

    (folder,) = tmp_path.glob("data/unverified_*/cifar10_c")
    everything, part = (f"test × {n} corruptions × 5 severities" for n in ("19", "2 of 19"))
    path = archives / small.CIFAR10_C
    assert rows(unverified)["cifar10_c"] == [part, str(folder), str(path)]
    assert rows(from_there)["cifar10_c"] == [everything, "not yet", f"{path}, unverified"]
    url = Cifar10C.ARCHIVE.url
    assert rows(prepared)["cifar10_c"] == [everything, "not yet", url]
    assert rows(unverified)["cifar10"][1:] == ["not yet", f"none in {archives}"]
    # And so does checking.
    assert data.main(["check", "cifar10_c", *unverified]) == 0
    capsys.readouterr()
    assert data.main(["check", "cifar10_c", *prepared]) == 2
    assert "is not prepared" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["list", "--archives", "/missing"], "--archives /missing: no such folder"),
        (["list", "--allow-unverified-archives"], "has no effect without --archives"),
        (["show", "digits", "--data-dir", "a"], "--data-dir a: has no effect with digits"),
        (["show", "digits", "--archives", "a"], "--archives a: has no effect with digits"),
        (["show", "cifar10_c", "--images", "3"], "--images 3: has no effect with cifar10_c"),
        (["show", "digits", "--output", "/nowhere/x.png"], "/nowhere is no folder; make it"),
        (["show", "digits", "--images", "0"], "--images 0: give a whole number"),
    ],
)
def test_flags_of_data_without_effect_are_refused(words, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert data.main(words) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_warnings_of_the_command_are_sentences(tmp_path, capsys):
    manual = tmp_path / "data" / "downloads" / "manual"
    extract(small.cifar10_members(), manual)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert data.main(["prepare", "cifar10", "--data-dir", str(tmp_path / "data")]) == 0
    said = capsys.readouterr().err
    assert said == (
        f"{manual / 'cifar-10-batches-bin'}: is a folder, which has no checksum to compare; it is "
        "taken as it is.\n"
    )
