"""Images to corrupt, and real images with their published corrupted forms."""

import functools
import io
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
from PIL import Image


def photographs(samples=2, height=12, width=20):
    """Returns smooth images with black, white and grey regions, whose values are bytes / 255."""
    generator = np.random.default_rng(0)
    waves = generator.normal(size=(samples, height, width, 3)).cumsum(axis=1).cumsum(axis=2)
    images = np.clip(0.5 + 0.1 * waves, 0, 1)
    images[:, :2, :2], images[:, 2:4, :2] = 0, 0.4
    return (np.round(255 * images) / 255).astype(np.float32)


def peak_memory(name, height, width):
    """Returns the peak memory, in bytes, of a process that corrupts one image."""
    program = f"""
import resource, jax, numpy as np
from selectax.corruptions import corrupt
image = np.full((1, {height}, {width}, 3), 0.5, np.float32)
corrupt(jax.random.key(0), image, "{name}", 3, benchmark="imagenet").block_until_ready()
print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return int(done.stdout)


@functools.cache
def cifar_10(folder, count=100):
    """Returns the first images of the test set and their labels."""
    with tarfile.open(folder / "cifar-10-binary.tar.gz") as archive:
        records = archive.extractfile("cifar-10-batches-bin/test_batch.bin").read(count * 3073)
    records = np.frombuffer(records, np.uint8).reshape(count, 3073)
    clean = records[:, 1:].reshape(count, 3, 32, 32).transpose(0, 2, 3, 1)
    return clean.astype(np.float32) / 255, records[:, 0].astype(int)


@functools.cache
def cifar_10_c(folder, name):
    """Returns the published forms of the first 100 images at each severity, as bytes."""
    with tarfile.open(folder / "CIFAR-10-C.tar") as archive:
        published = np.load(io.BytesIO(archive.extractfile(f"CIFAR-10-C/{name}.npy").read()))
    return published.reshape(5, 100, 32, 32, 3)


@functools.cache
def tiny_imagenet_c(folder, name):
    """Returns clean images, and their published forms at each severity as bytes."""
    clean, published = [], []
    with (
        zipfile.ZipFile(folder / "tiny-imagenet-200.zip") as originals,
        tarfile.open(folder / "Tiny-ImageNet-C.tar") as archive,
    ):
        files = [file for file in archive.getmembers() if file.isfile()]
        for severity in range(1, 6):
            of_severity = sorted(
                (file for file in files if f"/{name}/{severity}/" in f"/{file.name}"),
                key=lambda file: file.name.split("/")[-1],
            )
            published.append([_pixels(archive.extractfile(file).read()) for file in of_severity])
        for file in of_severity:
            image = file.name.split("/")[-1]
            clean.append(_pixels(originals.read(f"tiny-imagenet-200/val/images/{image}")))
    return np.array(clean).astype(np.float32) / 255, np.array(published)


def _pixels(file):
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
