"""Image files of many kinds are read as they are seen, or refused."""

import numpy as np
import pytest
from PIL import Image

from selectax.commands.corruption.image_files import image_form, read_image
from selectax.study.configuration.errors import ConfigurationError
from tests.commands.corruption.test_tasks import some_images


def saved(folder, name, image, **options):
    folder.mkdir(exist_ok=True)
    image.save(folder / name, **options)
    return read_image(folder / name)


def test_images_are_read_as_they_are_seen(tmp_path):
    colours = some_images(1)[0]
    picture, grey = Image.fromarray(colours), colours[..., 0]
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    np.testing.assert_array_equal(
        saved(tmp_path, "16.png", wide), np.repeat(grey[..., None], 3, axis=-1)
    )
    exif = Image.Exif()
    exif[0x0112] = 6
    np.testing.assert_array_equal(
        saved(tmp_path, "turned.png", picture, exif=exif), np.rot90(colours, -1)
    )
    assert image_form(tmp_path / "turned.png").size == (9, 12)
    clear = np.zeros((9, 12, 1), np.uint8)
    clear[:4] = 255
    clear[4:6] = 51
    seen = colours * (clear / 255) + 255 * (1 - clear / 255)
    with_alpha = Image.fromarray(np.concatenate([colours, clear], axis=-1))
    assert np.abs(saved(tmp_path, "alpha.png", with_alpha) - seen).max() <= 1
    assert image_form(tmp_path / "alpha.png").has_alpha
    both = Image.fromarray(np.concatenate([grey[..., None], clear], axis=-1), "LA")
    seen = (grey[..., None] * (clear / 255) + 255 * (1 - clear / 255)).repeat(3, axis=-1)
    assert np.abs(saved(tmp_path, "grey.png", both) - seen).max() <= 1
    palette = picture.quantize(8)
    np.testing.assert_array_equal(saved(tmp_path, "p.png", palette), palette.convert("RGB"))
    palette.info["transparency"] = 0
    transparent = saved(tmp_path, "pt.gif", palette, transparency=0)
    assert np.all(transparent[np.asarray(palette) == 0] == 255)
    bits = Image.fromarray(grey).convert("1")
    np.testing.assert_array_equal(saved(tmp_path, "1.png", bits), bits.convert("RGB"))
    inks = picture.resize((40, 40)).convert("CMYK")
    printed = saved(tmp_path, "cmyk.jpg", inks, quality=100).astype(int)
    assert np.abs(printed - np.asarray(inks.convert("RGB"))).mean() < 6


@pytest.mark.parametrize("format", ["GIF", "PNG"])
def test_animations_are_refused(format, tmp_path):
    first, second = (Image.fromarray(image) for image in some_images(2))
    path = tmp_path / f"moving.{format.lower()}"
    first.save(path, save_all=True, append_images=[second])
    with pytest.raises(ConfigurationError, match=r"moving.*2 frames"):
        image_form(path)


@pytest.mark.parametrize("value", [1e6, -5])
def test_more_than_16_bits_are_refused(value, tmp_path):
    Image.fromarray(np.full((9, 9), value, np.int32)).save(tmp_path / "wide.tif")
    with pytest.raises(ConfigurationError, match=r"wide.*16 bits"):
        read_image(tmp_path / "wide.tif")
    Image.fromarray(np.full((9, 9), value, np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(ConfigurationError, match=r"float\.tif: holds floats"):
        read_image(tmp_path / "float.tif")
