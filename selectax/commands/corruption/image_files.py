"""Reads image files of many kinds: 16 bits, alpha, palettes, CMYK, and orientation from EXIF."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from selectax.study.configuration.errors import ConfigurationError

SUFFIXES = (".jpeg", ".jpg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff")
# The name of a file in each folder that `selectax corrupt` has made.
NOTE = "corrupt.json"
SMALLEST_SIDE = 8
# These values of EXIF's orientation swap width and height.
_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)


class Form(NamedTuple):
    """The form of an image, from its file's header.

    Attributes:
      size: width and height, after EXIF's orientation is applied.
      has_alpha: whether pixels may be transparent.
    """

    size: tuple[int, int]
    has_alpha: bool


def image_files(folder: Path) -> list[Path]:
    """The image files below a folder, sorted, without hidden files and results of `corrupt`.

    A folder below this one that holds corrupt.json is a result, and is skipped.

    Raises:
      ConfigurationError: there are no images, or two would be written to one .JPEG file.
    """
    results = {note.parent for note in folder.rglob(NOTE)} - {folder}
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and results.isdisjoint(file.parents)
    )
    if not files:
        raise ConfigurationError(
            f"--input {folder}: holds no images; name a folder with {', '.join(SUFFIXES)} files."
        )
    targets: dict[Path, Path] = {}
    for file in files:
        other = targets.setdefault(file.relative_to(folder).with_suffix(".JPEG"), file)
        if other != file:
            raise ConfigurationError(
                f"--input {folder}: {other.name} and {file.name} would become one file; rename one."
            )
    return files


def image_form(file: Path) -> Form:
    """Reads the form of an image.

    Raises:
      ConfigurationError: the file is not a readable image, too small or animated.
    """
    from PIL import Image

    try:
        with Image.open(file) as image:
            width, height = image.size
            # Cameras store a preview as the second image of a JPEG file.
            frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            has_alpha = _has_alpha(image)
            if image.getexif().get(_ORIENTATION) in _TURNED:
                width, height = height, width
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise ConfigurationError(
            f"--input {file}: is no readable image; repair or remove it."
        ) from None
    if frames > 1:
        raise ConfigurationError(
            f"--input {file}: holds {frames} frames; save one of them as an image of its own."
        )
    if min(width, height) < SMALLEST_SIDE:
        raise ConfigurationError(
            f"--input {file}: is {width} × {height} pixels; images need at least "
            f"{SMALLEST_SIDE} a side, so enlarge or remove it."
        )
    return Form((width, height), has_alpha)


def read_image(file: Path) -> UInt8[np.ndarray, "height width 3"]:
    """Reads the RGB colours of an image.

    EXIF's orientation is applied, 16 bits are scaled to 8, and an image with an alpha channel is
    composited onto white, because JPEG files have no alpha channel.

    Raises:
      ConfigurationError: the file cannot be read, or its pixels have no fixed range.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I"):
                image = _from_16_bits(image, file)
            if image.mode == "F":
                raise ConfigurationError(
                    f"--input {file}: holds floats, whose range is not known; save it in 8 bits."
                )
            if _has_alpha(image):
                image = image.convert("RGBA")
                white = Image.new("RGBA", image.size, "white")
                image = Image.alpha_composite(white, image)
            return np.asarray(image.convert("RGB"))
    except ConfigurationError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise ConfigurationError(
            f"--input {file}: is truncated or damaged; repair or remove it."
        ) from None


def save_jpeg(file, colours: UInt8[np.ndarray, "height width 3"], quality: int) -> None:
    """Writes a JPEG image into an open file."""
    from PIL import Image

    Image.fromarray(colours).save(file, "JPEG", quality=quality, optimize=True)


def _has_alpha(image):
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


def _from_16_bits(image, file):
    from PIL import Image

    numbers = np.asarray(image)
    if numbers.min() < 0 or numbers.max() > 65535:
        raise ConfigurationError(
            f"--input {file}: holds {numbers.min()} to {numbers.max()}, more than 16 bits; save "
            "it in 8 or 16 bits."
        )
    # 65535 = 257 · 255
    return Image.fromarray(((numbers.astype(np.int64) + 128) // 257).astype(np.uint8))
