"""Time of each corruption beside others', and accuracy under it beside the original's.

The original's times are those of its code on the same kind of machine (two cores, no accelerator);
`imagecorruptions` (extra `bench`) is timed here, where it is installed.
"""

import dataclasses
import io
import os
import sys
import tarfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from experiments.benchmarks.shared.contest import Aims, Contest, time_in_turn
from experiments.benchmarks.shared.original_corruptions import original
from selectax.corruptions import CORRUPTIONS, corrupt, to_published_bytes

# Of ours as many as keep the device busy; of theirs, one by one, few are enough to know the time.
IMAGES, IMAGES_ON_GPU, THEIR_IMAGES, ROUNDS = 256, 8192, 32, 3

# Milliseconds per 32 × 32 image and severity; of those not named, below 0.1.
ORIGINAL = {
    "glass_blur": 9.4,
    "frost": 4.9,
    "zoom_blur": 2.4,
    "snow": 2.1,
    "motion_blur": 1.3,
    "brightness": 0.57,
    "elastic_transform": 0.46,
    "saturate": 0.42,
    "defocus_blur": 0.34,
    "fog": 0.34,
    "spatter": 0.25,
    "shot_noise": 0.19,
    "jpeg_compression": 0.13,
}


@dataclasses.dataclass(frozen=True)
class Options:
    """Prints tables of times, and with the real data one of accuracies."""

    corruptions: tuple[str, ...] = tuple(CORRUPTIONS)
    """Names of corruptions."""
    repeats: int = 5
    """Timings, of which the fastest counts."""
    seeds: int = 5
    """Accuracies of ours that are averaged."""
    times: bool = True
    """Time them."""
    whole: bool = False
    """Also time all corruptions and severities on 10,000 images of 32 × 32."""
    accuracy: bool = True
    """Compare accuracies, where SELECTAX_REAL_DATA names the folder of the real archives."""


def seconds(function, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - start)
    return min(times)


def ours(name, size, samples, benchmark, repeats):
    """Milliseconds per image, the mean over severities."""
    images = jax.random.randint(jax.random.key(0), (samples, size, size, 3), 0, 256) / 255
    compiled = jax.jit(corrupt, static_argnames=("name", "benchmark"))

    def attempt(severity):
        return compiled(jax.random.key(1), images, name, severity, benchmark=benchmark)

    jax.block_until_ready(attempt(1))
    times = [seconds(lambda s=s: attempt(s), repeats) for s in range(1, 6)]
    return 1e3 * np.mean(times) / samples


def imagecorruptions_time(name, repeats):
    """Milliseconds per 224 × 224 image, the mean over severities; None if it is not installed."""
    try:
        theirs = original(name)
    except ImportError:
        return None
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    theirs(image, 1)
    return 1e3 * np.mean([seconds(lambda s=s: theirs(image, s), repeats) for s in range(1, 6)])


def contest() -> Contest:
    """All corruptions at all severities, on images of 32 × 32."""
    number = IMAGES_ON_GPU if jax.default_backend() == "gpu" else IMAGES
    images = np.random.default_rng(0).integers(0, 256, (number, 32, 32, 3), np.uint8)
    names = tuple(CORRUPTIONS)
    compiled = jax.jit(corrupt, static_argnames="name")

    def all_at_once():
        pixels = jnp.asarray(images, jnp.float32) / 255
        for name in names:
            corrupted = [compiled(jax.random.key(0), pixels, name, s) for s in range(1, 6)]
            jax.block_until_ready(corrupted)

    def one_by_one():
        for name in names:
            theirs = original(name)
            for severity in range(1, 6):
                for image in images[:THEIR_IMAGES]:
                    theirs(image, severity)

    seconds = time_in_turn({"selectax": all_at_once, "imagecorruptions": one_by_one}, rounds=ROUNDS)
    for_all = number / THEIR_IMAGES
    seconds["imagecorruptions"] = [for_all * one for one in seconds["imagecorruptions"]]
    return Contest(
        f"{len(names)} corruptions at 5 severities",
        seconds,
        work=number * len(names) * 5,
        unit="images",
        peer="imagecorruptions",
        aims=Aims(10, 10, gpu=100),
    )


def time_table(options):
    table = Table(title="ms per image and severity, compiled")
    for title in ("", "32", "original", "64", "224", "imagecorruptions 224"):
        table.add_column(title, justify="right" if title else "left")
    total = np.zeros(3)
    for name in options.corruptions:
        small = ours(name, 32, 1000, "cifar10", options.repeats)
        middle = ours(name, 64, 250, "tiny_imagenet", options.repeats)
        large = ours(name, 224, 20, "imagenet", options.repeats)
        other = imagecorruptions_time(name, options.repeats)
        total += small, middle, large
        table.add_row(
            name,
            f"{small:.3f}",
            f"{ORIGINAL[name]:.2f}" if name in ORIGINAL else "< 0.1",
            f"{middle:.3f}",
            f"{large:.2f}",
            "–" if other is None else f"{other:.2f}",
        )
    table.add_section()
    table.add_row("sum", f"{total[0]:.3f}", "23.2", f"{total[1]:.3f}", f"{total[2]:.2f}", "")
    return table


def whole_data_set(options):
    images = np.random.default_rng(0).integers(0, 256, (10_000, 32, 32, 3), np.uint8)
    images = jnp.asarray(images.astype(np.float32) / 255)
    start = time.perf_counter()
    for name in options.corruptions:
        for severity in range(1, 6):
            jax.block_until_ready(corrupt(jax.random.key(0), images, name, severity))
    return time.perf_counter() - start


def accuracy_table(options, folder):
    # The tests' own: a network of PyTorch's, and the archives' layouts.
    from tests.corruptions.pretrained import resnet32

    from tests.corruptions.images import cifar_10

    classify = resnet32(folder)
    clean, labels = cifar_10(folder)
    table = Table(title="Accuracy of the pretrained ResNet-32 on 100 images, % over 5 severities")
    for title in ("", "original", "selectax", "difference"):
        table.add_column(title, justify="right" if title else "left")
    means = []
    with tarfile.open(folder / "CIFAR-10-C.tar") as archive:
        for name in options.corruptions:
            file = archive.extractfile(f"CIFAR-10-C/{name}.npy")
            published = np.load(io.BytesIO(file.read())).reshape(5, 100, 32, 32, 3)
            theirs, mine = [], []
            for severity in range(1, 6):
                images = published[severity - 1] / np.float32(255)
                theirs.append(np.mean(classify(images) == labels))
                # As the original: nothing in common between severities and between names.
                number = 5 * tuple(CORRUPTIONS).index(name) + severity
                for key in jax.random.split(jax.random.key(number), options.seeds):
                    images = to_published_bytes(corrupt(key, clean, name, severity))
                    mine.append(np.mean(classify(jnp.asarray(images) / 255) == labels))
            means.append((100 * np.mean(theirs), 100 * np.mean(mine)))
            their_mean, my_mean = means[-1]
            table.add_row(
                name, f"{their_mean:.1f}", f"{my_mean:.1f}", f"{my_mean - their_mean:+.1f}"
            )
    their_mean, my_mean = np.mean(means, axis=0)
    table.add_section()
    table.add_row("mean", f"{their_mean:.1f}", f"{my_mean:.1f}", f"{my_mean - their_mean:+.2f}")
    return table


def main() -> int:
    options = tyro.cli(Options)
    console = Console(width=100)
    folder = os.environ.get("SELECTAX_REAL_DATA")
    if options.accuracy and folder:
        console.print(accuracy_table(options, Path(folder)))
    if options.times:
        console.print(time_table(options))
    if options.whole:
        duration = whole_data_set(options)
        console.print(f"All severities on 10,000 images, compilation included: {duration:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
