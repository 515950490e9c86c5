"""Checks and decodes JPEG images. All data sets of JPEG images share these two functions."""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)


def check_jpeg(content: bytes, width: int, height: int) -> None:
    """Checks that an image is a JPEG of the given size and can be decoded.

    Raises:
      ValueError: if it is not a JPEG, has another size, or is broken. The message is the reason
        only; the caller adds the name of the file.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            # The header gives the size, so that an oversized image is never decoded.
            size = image.size
            if size == (width, height):
                image.load()
    except _ERRORS as error:
        reason = "it is no JPEG" if "cannot identify" in str(error) else str(error)
        raise ValueError(reason) from error
    if size != (width, height):
        raise ValueError(f"it has {size[0]} × {size[1]} pixels, not {width} × {height}")


def decode_jpeg(content: bytes) -> UInt8[np.ndarray, "height width 3"]:
    """Decodes an image to RGB. The three channels of a grey image are equal."""
    with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
        return np.asarray(image.convert("RGB"))
