"""JPEG compression and decompression, in libjpeg's own integers.

References:
  ITU-T T.81, 1992, "Digital compression and coding of continuous-tone still images", annex K (the
  tables); libjpeg, jfdctint.c and jdsample.c (the integer transform and the chroma upsampling).
"""

import jax
import jax.numpy as jnp
import numpy as np

from selectax.corruptions.corruption import BENCHMARK_SOURCE, Corruption
from selectax.corruptions.operations.eight_bits import rounded

_LUMA_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA_TABLE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
)

# The discrete cosine transform times 2^13; libjpeg's constants are rounded one by one before they
# are added, so that some entries of equal size differ by one.
_COSINES = np.array(
    (
        (8192, 8192, 8192, 8192, 8192, 8192, 8192, 8192),
        (11363, 9633, 6437, 2260, -2260, -6437, -9633, -11363),
        (10703, 4433, -4433, -10703, -10703, -4433, 4433, 10703),
        (9633, -2259, -11362, -6436, 6436, 11362, 2259, -9633),
        (8192, -8192, -8192, 8192, 8192, -8192, -8192, 8192),
        (6437, -11362, 2261, 9633, -9633, -2261, 11362, -6437),
        (4433, -10704, 10704, -4433, -4433, 10704, -10704, 4433),
        (2260, -6436, 9633, -11363, 11363, -9633, 6436, -2260),
    ),
    np.int32,
)


def _quantisation(qualities, _):
    """The tables for luma and chroma at each quality."""
    tables = []
    for quality in qualities:
        scale = 5000 // quality if quality < 50 else 200 - 2 * quality
        scaled = (np.array([_LUMA_TABLE, _CHROMA_TABLE]) * scale + 50) // 100
        tables.append(np.clip(scaled, 1, 255))
    return np.array(tables, np.int32)


def _shift_right(number, bits):
    """Division by a power of two, rounded."""
    return (number + (1 << (bits - 1))) >> bits


def _transform(cosines, blocks, axis, bits):
    """Multiplies by the cosines along an axis of eight, in integers, and drops bits."""
    lines = [jnp.take(blocks, line, axis) for line in range(8)]
    products = (
        sum(int(cosine) * line for cosine, line in zip(row, lines, strict=True)) for row in cosines
    )
    return jnp.stack([_shift_right(product, bits) for product in products], axis)


def _through_blocks(plane, table):
    """A plane of whole numbers after quantisation; its sides are multiples of eight."""
    height, width = plane.shape
    blocks = plane.reshape(height // 8, 8, width // 8, 8).transpose(1, 3, 0, 2) - 128
    coefficients = _transform(_COSINES, blocks, 1, 11)
    coefficients = _transform(_COSINES, coefficients, 0, 15)
    # The transform is eight times too large. Halves are rounded away from zero; adding a half more
    # makes the quotient of floats safe from falling below a whole number.
    divisor = (8 * table)[..., None, None]
    size = (jnp.abs(coefficients) + divisor // 2).astype(jnp.float32) + 0.5
    quantised = jnp.sign(coefficients) * jnp.floor(size / divisor).astype(jnp.int32)
    coefficients = quantised * table[..., None, None]
    blocks = _transform(_COSINES.T, coefficients, 0, 11)
    blocks = _transform(_COSINES.T, blocks, 1, 18)
    blocks = jnp.clip(blocks + 128, 0, 255)
    return blocks.transpose(2, 0, 3, 1).reshape(height, width)


def _to_multiple(plane, rows, columns):
    """Repeats the last row and column until the sides are multiples of what is given."""
    height, width = plane.shape
    return jnp.pad(plane, ((0, -height % rows), (0, -width % columns)), mode="edge")


def _halve(plane):
    """Means of two by two pixels, whose halves are rounded down and up in turns."""
    plane = _to_multiple(plane, 2, 16)
    bias = 1 + jnp.arange(plane.shape[1] // 2, dtype=jnp.int32) % 2
    pairs = plane[::2] + plane[1::2]
    return (pairs[:, ::2] + pairs[:, 1::2] + bias) >> 2


def _double(plane):
    """Twice the size, each new pixel from three parts of its own and one of the next old one."""
    padded = jnp.pad(plane, 1, mode="edge")
    own = 3 * padded[1:-1]
    rows = jnp.stack([own + padded[:-2], own + padded[2:]], 1).reshape(-1, padded.shape[1])
    own = 3 * rows[:, 1:-1]
    columns = jnp.stack([(own + rows[:, :-2] + 8) >> 4, (own + rows[:, 2:] + 7) >> 4], 2)
    return columns.reshape(len(columns), -1)


def _fixed(number):
    return round(number * 65536)


def _jpeg_compression(_, image, tables):
    height, width, _ = image.shape
    red, green, blue = jnp.moveaxis(rounded(image).astype(jnp.int32), -1, 0)
    half = 1 << 15
    luma = (_fixed(0.299) * red + _fixed(0.587) * green + _fixed(0.114) * blue + half) >> 16
    middle = (128 << 16) + half - 1
    bluish = -_fixed(0.16874) * red - _fixed(0.33126) * green + half * blue + middle
    reddish = half * red - _fixed(0.41869) * green - _fixed(0.08131) * blue + middle

    luma = _through_blocks(_to_multiple(luma, 8, 8), tables[0])[:height, :width]

    def chroma(plane):
        small = _halve(plane >> 16)
        decoded = _through_blocks(_to_multiple(small, 8, 8), tables[1])
        decoded = decoded[: (height + 1) // 2, : (width + 1) // 2]
        return _double(decoded)[:height, :width] - 128

    bluish, reddish = jax.vmap(chroma)(jnp.stack([bluish, reddish]))
    red = luma + ((_fixed(1.402) * reddish + half) >> 16)
    green = luma + ((-_fixed(0.34414) * bluish - _fixed(0.71414) * reddish + half) >> 16)
    blue = luma + ((_fixed(1.772) * bluish + half) >> 16)
    return jnp.stack([red, green, blue], -1).astype(image.dtype) / 255


JPEG_COMPRESSION = Corruption(
    name="jpeg_compression",
    apply=_jpeg_compression,
    constants=_quantisation,
    # quality
    severities={
        "cifar10": (80, 65, 58, 50, 40),
        "tiny_imagenet": (65, 58, 50, 40, 25),
        "imagenet": (25, 18, 15, 10, 7),
    },
    source=BENCHMARK_SOURCE,
    needs_colour=True,
    keeps_flat_images=True,
    is_extra=False,
)
