"""Applies every corruption to every image, and saves the results in the published layouts.

A folder of images becomes ImageNet-C's `<corruption>/<severity>/<class>/<image>.JPEG`; an array or
a data set becomes CIFAR-10-C's `<corruption>.npy` with the images of severities 1, 2, … in order.
"""

import itertools
import json
import zlib
from pathlib import Path

import numpy as np
from rich.console import Console

from selectax.commands.corruption.config import CorruptConfig
from selectax.commands.corruption.image_files import (
    NOTE,
    SMALLEST_SIDE,
    image_files,
    image_form,
    read_image,
    save_jpeg,
)
from selectax.corruptions import CORRUPTIONS
from selectax.datasets import DATASETS
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.runtime.progress import Log, stage
from selectax.study.runtime.whole_files import whole_file

# The JPEG quality of the published folders.
_JPEG_QUALITY = 85
_IMAGES_AT_A_TIME, _FILES_AT_A_TIME = 1000, 64
# Fewer files at a time if the images are large, to bound memory.
_PIXELS_AT_A_TIME = 2**25


def corrupt_data_set(config: CorruptConfig, console: Console) -> Path:
    """Writes the corrupted data set, or the missing parts of it, and returns its folder.

    Raises:
      ConfigurationError: the input cannot be read or corrupted, or the output folder holds
        another result.
    """
    output = config.folder
    source = Path(config.input)
    folder = source if source.is_dir() else None
    images, labels = (None, None) if folder else _read_arrays(config)
    files = image_files(folder) if folder else []
    forms = {file: image_form(file) for file in files}
    groups = list(_groups(forms))
    _claim(output, config)
    total = len(_names(config)) * len(config.severities)
    log = Log(console, config.log)
    if with_alpha := sum(form.has_alpha for form in forms.values()):
        log.warn(
            f"--input {source}: {with_alpha} of {len(files)} images have an alpha channel; they "
            "are composited onto white, because JPEG files have none."
        )
    with stage(log, "corrupt", total=total, event="corruption") as progress:
        for name in _names(config):
            if folder:
                _corrupt_files(config, name, folder, groups, output, progress)
            else:
                _corrupt_array(config, name, images, output, progress)
    if labels is not None and not (output / "labels.npy").exists():
        _write(output / "labels.npy", lambda file: np.save(file, _repeat(labels, config)))
    return output


def draw_sheet(config: CorruptConfig) -> Path:
    """Draws the first image at every corruption (rows) and severity (columns); returns the file.

    Raises:
      ConfigurationError: the input cannot be read or corrupted.
    """
    from PIL import Image, ImageDraw

    path = config.sheet
    if path is None:
        raise ConfigurationError("--sheet None: name a file that ends in .png.")
    image = _first_image(config)
    height, width, _ = image.shape
    scale = max(1, 96 // max(height, width))
    cell_height, cell_width, margin, label = scale * height + 4, scale * width + 4, 16, 130
    columns = 1 + len(config.severities)
    sheet = Image.new(
        "RGB",
        (label + columns * cell_width, margin + len(_names(config)) * cell_height),
        "white",
    )
    pen = ImageDraw.Draw(sheet)
    for column, title in enumerate(("clean", *map(str, config.severities))):
        pen.text((label + column * cell_width, 2), title, fill="black")
    for row, name in enumerate(_names(config)):
        top = margin + row * cell_height
        pen.text((4, top + cell_height // 2 - 6), name, fill="black")
        cells = [image, *(_corrupt(config, name, s, image[None], 0)[0] for s in config.severities)]
        for column, cell in enumerate(cells):
            enlarged = np.repeat(np.repeat(cell, scale, 0), scale, 1)
            sheet.paste(Image.fromarray(enlarged), (label + column * cell_width, top))
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, lambda file: sheet.save(file, "PNG"))
    return path


def _names(config):
    return tuple(CORRUPTIONS) if config.corruptions is None else config.corruptions


def _corrupt(config, name, severity, images, first):
    """Corrupts uint8 images; randomness depends on seed, corruption, severity and image number."""
    import jax

    from selectax.corruptions import corrupt, to_published_bytes

    # A checksum of the name, so that other corruptions in the command make no difference.
    key = jax.random.key(config.seed)
    for number in (zlib.crc32(name.encode()), severity, first):
        key = jax.random.fold_in(key, number)
    images = images.astype(np.float32) / 255
    corrupted = corrupt(key, images, name, severity, benchmark=config.benchmark)
    return np.asarray(to_published_bytes(corrupted))


def _corrupt_array(config, name, images, output, progress):
    path = output / f"{name}.npy"
    if path.exists():
        for severity in config.severities:
            progress.advance(f"{name} {severity}: there already", 0, **_of(name, severity))
        return
    results = np.empty((len(config.severities), *images.shape), np.uint8)
    for at, severity in enumerate(config.severities):
        for first in range(0, len(images), _IMAGES_AT_A_TIME):
            part = slice(first, first + _IMAGES_AT_A_TIME)
            results[at, part] = _corrupt(config, name, severity, images[part], first)
        progress.advance(f"{name} {severity}", len(images), **_of(name, severity))
    _write(path, lambda file: np.save(file, results.reshape(-1, *images.shape[1:])))


def _corrupt_files(config, name, folder, groups, output, progress):
    for severity in config.severities:
        where, made = output / name / str(severity), 0
        for first, files in groups:
            targets = [(where / file.relative_to(folder)).with_suffix(".JPEG") for file in files]
            if all(target.exists() for target in targets):
                continue
            images = np.stack([read_image(file) for file in files])
            corrupted = _corrupt(config, name, severity, images, first)
            for image, target in zip(corrupted, targets, strict=True):
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(target, lambda file, image=image: save_jpeg(file, image, _JPEG_QUALITY))
            made += len(files)
        progress.advance(f"{name} {severity}", made, **_of(name, severity))


def _of(name, severity):
    return {"name": name, "severity": severity}


def _groups(forms):
    """Groups of files of equal size to read together, each with the number of its first file."""
    first = 0
    for (width, height), run in itertools.groupby(forms, key=lambda file: forms[file].size):
        most = max(1, min(_FILES_AT_A_TIME, _PIXELS_AT_A_TIME // (width * height)))
        while group := list(itertools.islice(run, most)):
            yield first, group
            first += len(group)


def _read_arrays(config):
    """Images as uint8, and labels if they are known."""
    if config.input in DATASETS and not Path(config.input).exists():
        from selectax.datasets import load

        return load(
            config.input,
            config.split,
            data_dir=config.data_dir,
            archives=config.archives,
            allow_unverified_archives=config.allow_unverified_archives,
        )
    try:
        images = np.load(config.input, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise ConfigurationError(
            f"--input {config.input}: is no readable .npy file of numbers; save one by numpy.save."
        ) from None
    right_shape = getattr(images, "ndim", 0) == 4 and len(images) > 0 and images.shape[3] in (1, 3)
    if not right_shape or images.dtype != np.uint8 or min(images.shape[1:3]) < SMALLEST_SIDE:
        raise ConfigurationError(
            f"--input {config.input}: holds {getattr(images, 'dtype', 'several arrays')} of shape "
            f"{getattr(images, 'shape', '')}; give bytes of shape (samples, height, width, 3) "
            f"with at least {SMALLEST_SIDE} pixels a side."
        )
    return images, None


def _first_image(config):
    if Path(config.input).is_dir():
        return read_image(image_files(Path(config.input))[0])
    image = _read_arrays(config)[0][0]
    return image if image.shape[-1] == 3 else np.repeat(image, 3, axis=-1)


def _claim(output, config):
    """Records the options in the folder, so that other options do not continue its contents."""
    made_of = {
        "input": str(Path(config.input).absolute())
        if Path(config.input).exists()
        else config.input,
        "severities": list(config.severities),
        "benchmark": config.benchmark,
        "seed": config.seed,
        "split": config.split,
    }
    note = output / NOTE
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"--output {output}: cannot be written ({error.strerror}); choose another folder."
        ) from None
    if note.exists():
        try:
            before = json.loads(note.read_text())
        except (OSError, ValueError):
            before = {}
        for flag, value in made_of.items():
            if before.get(flag) != value:
                raise ConfigurationError(
                    f"--output {output}: holds a result of --{flag} {before.get(flag)}, not "
                    f"{value}; give the same flags, or choose another folder."
                )
    elif any(output.iterdir()):
        raise ConfigurationError(
            f"--output {output}: holds other files already; choose an empty folder."
        )
    else:
        _write(note, lambda file: file.write((json.dumps(made_of, indent=2) + "\n").encode()))


def _repeat(labels, config):
    return np.tile(labels, len(config.severities))


def _write(path, write):
    """Writes a whole file or none."""
    beside = path.with_name(f".{path.name}.partial")
    with whole_file(path, "wb", beside=beside) as file:
        write(file)
