"""CORRUPTIONS: all corruptions by name."""

from selectax.corruptions import blur, digital, elastic, frost, glass, jpeg, noise, spatter, weather
from selectax.corruptions.arguments import check_name
from selectax.corruptions.corruption import Corruption

CORRUPTIONS: dict[str, Corruption] = {
    corruption.name: corruption
    for corruption in (
        noise.GAUSSIAN_NOISE,
        noise.SHOT_NOISE,
        noise.IMPULSE_NOISE,
        blur.DEFOCUS_BLUR,
        glass.GLASS_BLUR,
        blur.MOTION_BLUR,
        blur.ZOOM_BLUR,
        weather.SNOW,
        frost.FROST,
        weather.FOG,
        weather.BRIGHTNESS,
        digital.CONTRAST,
        elastic.ELASTIC_TRANSFORM,
        digital.PIXELATE,
        jpeg.JPEG_COMPRESSION,
        noise.SPECKLE_NOISE,
        blur.GAUSSIAN_BLUR,
        spatter.SPATTER,
        digital.SATURATE,
    )
}
BENCHMARK_CORRUPTIONS = tuple(
    name for name, corruption in CORRUPTIONS.items() if not corruption.is_extra
)


def find_corruption(name: str | Corruption) -> Corruption:
    """Returns the corruption of a name in CORRUPTIONS; a `Corruption` is returned as it is.

    Raises:
      TypeError: name is neither a string nor a Corruption.
      ValueError: the name is not in CORRUPTIONS.
    """
    if isinstance(name, Corruption):
        return name
    if not isinstance(name, str):
        raise TypeError(f"name must be a name in CORRUPTIONS or a Corruption, not {name!r}.")
    check_name("name", name, tuple(CORRUPTIONS))
    return CORRUPTIONS[name]
