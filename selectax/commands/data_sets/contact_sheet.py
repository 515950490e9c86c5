"""Draws images on one sheet, with a name under each."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

_TILE = 128
_GAP = 8
_NAME_HEIGHT = 16


def contact_sheet(
    images: UInt8[np.ndarray, "samples height width 3"], names: Sequence[str], *, columns: int
) -> Image.Image:
    """Draws images in rows, enlarged without smoothing, so that each pixel can be seen.

    Args:
      images: from 0 to 255.
      names: one for each image; cut to the width of an image.
      columns: images in a row.
    """
    rows = -(-len(images) // columns)
    font = ImageFont.load_default()
    width, height = _TILE + _GAP, _TILE + _NAME_HEIGHT + _GAP
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (image, name) in enumerate(zip(images, names, strict=True)):
        left, top = _GAP + index % columns * width, _GAP + index // columns * height
        tile = Image.fromarray(image).resize((_TILE, _TILE), Image.Resampling.NEAREST)
        sheet.paste(tile, (left, top))
        while draw.textlength(name, font=font) > _TILE:
            name = name[:-2].rstrip("…") + "…"
        draw.text((left, top + _TILE), name, fill="black", font=font)
    return sheet
