"""A sheet of images: its pictures are the arrays, its titles the classes."""

import numpy as np
import pytest

from selectax.study.report.figures.images import amplification, image_sheet

GENERATOR = np.random.default_rng(0)
CLEAN = GENERATOR.uniform(0.2, 0.8, (2, 4, 4, 3))
SHIFT = GENERATOR.choice([-0.04, 0.04], CLEAN.shape)
NAMES = ("cat, true cat", "dog", "a very long name of a frog")


def sheet(clean=CLEAN, shift=SHIFT):
    return image_sheet(
        {"clean": clean, "fog\nseverity 5": clean - 0.1, "PGD": clean + shift},
        {"clean": np.array([0, 1]), "fog\nseverity 5": np.array([0, 2]), "PGD": np.array([2, 1])},
        np.array([0, 1]),
        NAMES,
        caption="resnet8 on digits",
    )


def pictures(figure):
    """Of each row, by column."""
    of_axes = [axes.images[0].get_array() for axes in figure.axes]
    return [of_axes[:5], of_axes[5:]]


def test_columns_are_named_and_differences_say_how_much_they_are_amplified():
    figure = sheet()
    headers = [axes.texts[0].get_text() for axes in figure.axes[:5]]
    assert headers == ["clean", "fog\nseverity 5", "difference\n× 5", "PGD", "difference\n× 10"]
    assert not any(axes.texts for axes in figure.axes[5:])
    assert figure.get_suptitle() == "resnet8 on digits"


def test_pictures_are_the_images_and_their_amplified_differences():
    for row, shown in enumerate(pictures(sheet())):
        expected = [
            *(CLEAN[row], CLEAN[row] - 0.1, np.full((4, 4, 3), 0.5 - 5 * 0.1)),
            *(CLEAN[row] + SHIFT[row], 0.5 + 10 * SHIFT[row]),
        ]
        for found, image in zip(shown, expected, strict=True):
            np.testing.assert_allclose(found, image, atol=1e-7)


def test_titles_name_the_predicted_class_and_the_true_one_where_it_is_another():
    titles = [axes.get_title() for axes in sheet().axes]
    long = "a very long name of a…"
    assert titles == [
        *("cat", "cat", "", f"{long}\nnot cat", ""),
        *("dog", f"{long}\nnot dog", "", "dog", ""),
    ]


def test_images_of_one_channel_are_grey():
    figure = sheet(CLEAN[..., :1], SHIFT[..., :1])
    assert all(picture.shape == (4, 4) for row in pictures(figure) for picture in row)
    assert {axes.images[0].get_cmap().name for axes in figure.axes} == {"gray"}
    assert {axes.images[0].get_clim() for axes in figure.axes} == {(0, 1)}


def test_clean_images_alone_have_one_column():
    figure = image_sheet({"clean": CLEAN}, {"clean": np.array([0, 1])}, np.array([0, 1]), NAMES)
    assert len(figure.axes) == 2


@pytest.mark.parametrize(
    ("largest", "factor"),
    [(0, 1), (1, 0.5), (0.6, 0.5), (0.5, 1), (0.3, 1), (0.25, 2), (8 / 255, 10), (1e-9, 500)],
)
def test_amplified_differences_stay_within_half_the_range(largest, factor):
    found = amplification(np.array([0, -largest]))
    assert found == factor
    assert found * largest <= 0.5 + 1e-6
