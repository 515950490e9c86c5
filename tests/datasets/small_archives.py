"""Small archives in the official layouts, of known bytes, whole or with something changed."""

import io
import tarfile
import zipfile

import numpy as np
from PIL import Image

from selectax.datasets import describe
from selectax.datasets.registry import WORDNET_IDS

CIFAR10 = "cifar-10-binary.tar.gz"
CIFAR10_C = "CIFAR-10-C.tar"
TINY_IMAGENET = "tiny-imagenet-200.zip"
TINY_IMAGENET_C = "Tiny-ImageNet-C.tar"

WNIDS = (WORDNET_IDS[0], WORDNET_IDS[7], WORDNET_IDS[199])


def jpeg(seed, size=(64, 64), mode="RGB", form="JPEG"):
    rng = np.random.default_rng(seed)
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(file, form)
    return file.getvalue()


def npy(array, **options):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **options)
    return file.getvalue()


def cifar10_members():
    names = b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"
    rng = np.random.default_rng(0)
    members = {"cifar-10-batches-bin/batches.meta.txt": names}
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        batch = rng.integers(0, 256, (12, 3073), np.uint8)
        batch[:, 0] %= 10
        members[f"cifar-10-batches-bin/{name}.bin"] = batch.tobytes()
    return members


def cifar10_c_members(images=3):
    rng = np.random.default_rng(0)
    members = {
        f"CIFAR-10-C/{name}.npy": npy(rng.integers(0, 256, (5 * images, 32, 32, 3), np.uint8))
        for name in describe("cifar10_c").corruptions
    }
    labels = npy(np.tile(np.arange(images, dtype=np.uint8) % 10, 5))
    # In the middle, as in an archive in order of the names.
    middle = len(members) // 2
    items = list(members.items())
    return dict([*items[:middle], ("CIFAR-10-C/labels.npy", labels), *items[middle:]])


def tiny_imagenet_members():
    root = "tiny-imagenet-200"
    members = {
        f"{root}/wnids.txt": "\n".join(WORDNET_IDS).encode(),
        f"{root}/words.txt": b"n00001740\tentity\n",
        f"{root}/test/images/test_0.JPEG": jpeg(99),
    }
    for wnid in WNIDS:
        members[f"{root}/train/{wnid}/{wnid}_boxes.txt"] = f"{wnid}_0.JPEG\t0\t0\t1\t1".encode()
        for number in (10, 9, 2):
            mode = "L" if number == 2 else "RGB"
            image = jpeg(WORDNET_IDS.index(wnid) * 1000 + number, mode=mode)
            members[f"{root}/train/{wnid}/images/{wnid}_{number}.JPEG"] = image
    lines = [f"val_{number}.JPEG\t{WNIDS[number % 3]}\t0\t0\t9\t9\n" for number in range(11)]
    members[f"{root}/val/val_annotations.txt"] = "".join(lines).encode()
    for number in range(11):
        members[f"{root}/val/images/val_{number}.JPEG"] = jpeg(10**6 + number)
    return members


def tiny_imagenet_c_members():
    members = {}
    for seed, corruption in enumerate(describe("tiny_imagenet_c").corruptions):
        for severity in range(1, 6):
            for number in (10, 2, 1):
                name = f"{corruption}/{severity}/{WNIDS[number % 3]}/val_{number}.JPEG"
                image = jpeg((seed * 5 + severity) * 100 + number)
                members[f"Tiny-ImageNet-C/{name}"] = image
    return members


MEMBERS = {
    CIFAR10: cifar10_members,
    CIFAR10_C: cifar10_c_members,
    TINY_IMAGENET: tiny_imagenet_members,
    TINY_IMAGENET_C: tiny_imagenet_c_members,
}
NAMES = {
    "cifar10": CIFAR10,
    "cifar10_c": CIFAR10_C,
    "tiny_imagenet": TINY_IMAGENET,
    "tiny_imagenet_c": TINY_IMAGENET_C,
}


def write(folder, archive, members=None, extra=()):
    """An archive of {name: contents}, and of members (TarInfo or ZipInfo, contents) after them."""
    folder.mkdir(exist_ok=True)
    path = folder / archive
    members = MEMBERS[archive]() if members is None else members
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            for name, content in [*members.items(), *extra]:
                file.writestr(name, content)
        return path
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for member, content in [*members.items(), *extra]:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path
