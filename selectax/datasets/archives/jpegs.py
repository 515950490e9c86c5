"""JPEG images: looked at before they are stored, and decoded the same way everywhere."""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)


def check_jpeg(content: bytes, width: int, height: int) -> None:
    """Decodes an image to see that it can be.

    Raises:
      ValueError: it is no JPEG, has another size, or is broken; with the reason alone.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            # Known from the header, before a large image would be decoded.
            size = image.size
            if size == (width, height):
                image.load()
    except _ERRORS as error:
        reason = "it is no JPEG" if "cannot identify" in str(error) else str(error)
        raise ValueError(reason) from error
    if size != (width, height):
        raise ValueError(f"it has {size[0]} × {size[1]} pixels, not {width} × {height}")


def decode_jpeg(content: bytes) -> UInt8[np.ndarray, "height width 3"]:
    """An image in colour; a grey one has the same in all channels."""
    with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
        return np.asarray(image.convert("RGB"))
