import io
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from selectax.commands.corruption import tasks as corrupting
from selectax.commands.corruption.config import CorruptConfig, check
from selectax.commands.corruption.image_files import read_image
from selectax.commands.corruption.tasks import corrupt_data_set, draw_sheet
from selectax.study.configuration.errors import ConfigurationError

QUIET = Console(quiet=True)
EXPERIMENT = pathlib.Path(__file__).parents[3] / "experiments" / "corrupt.py"
CHEAP = ("contrast", "impulse_noise")


def some_images(samples=3, height=9, width=12, channels=3):
    return np.random.default_rng(0).integers(0, 256, (samples, height, width, channels), np.uint8)


@pytest.fixture
def array(tmp_path):
    path = tmp_path / "images.npy"
    np.save(path, some_images())
    return path


@pytest.fixture
def folder(tmp_path):
    for number, image in enumerate(some_images()):
        path = tmp_path / "images" / f"class_{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    Image.fromarray(some_images(1, 16, 8)[0]).save(tmp_path / "images" / "tall.JPG")
    return tmp_path / "images"


def config(source, **options):
    return CorruptConfig(str(source), corruptions=CHEAP, severities=(1, 5), **options)


def test_an_array_becomes_arrays_like_cifar_10_cs(array):
    output = corrupt_data_set(config(array), QUIET)
    assert output == array.parent / "images-C"
    for name in CHEAP:
        corrupted = np.load(output / f"{name}.npy")
        assert corrupted.shape == (6, 9, 12, 3)
        assert corrupted.dtype == np.uint8
        assert np.any(corrupted[:3] != corrupted[3:])
    images = some_images().astype(int)
    mean = images.mean(axis=(1, 2), keepdims=True)
    exact = np.floor((images - mean) * 0.75 + mean + 1e-3)
    assert np.abs(np.load(output / "contrast.npy")[:3] - exact).max() <= 1


def test_a_data_set_keeps_its_labels(tmp_path):
    output = corrupt_data_set(
        CorruptConfig("digits", tmp_path / "out", ("contrast",), (2,), split="validation"), QUIET
    )
    labels = np.load(output / "labels.npy")
    assert len(labels) == len(np.load(output / "contrast.npy"))
    assert set(labels) == set(range(10))


def test_a_folder_becomes_folders_like_imagenet_cs(folder):
    output = corrupt_data_set(config(folder), QUIET)
    for name in CHEAP:
        for severity in (1, 5):
            where = output / name / str(severity)
            files = {str(file.relative_to(where)) for file in where.rglob("*.*")}
            assert files == {
                *("class_0/0.JPEG", "class_0/2.JPEG", "class_1/1.JPEG", "tall.JPEG"),
            }
            assert Image.open(where / "tall.JPEG").size == (8, 16)


def test_what_is_there_is_left_and_what_is_missing_is_made_the_same(array, folder):
    output = corrupt_data_set(config(array), QUIET)
    first = (output / "impulse_noise.npy").read_bytes()
    kept = (output / "contrast.npy").stat().st_mtime_ns
    (output / "impulse_noise.npy").unlink()
    (output / ".impulse_noise.npy.partial").write_bytes(b"half")
    corrupt_data_set(config(array), QUIET)
    assert (output / "impulse_noise.npy").read_bytes() == first
    assert (output / "contrast.npy").stat().st_mtime_ns == kept

    output = corrupt_data_set(config(folder, output=folder.parent / "out"), QUIET)
    path = output / "impulse_noise" / "5" / "class_0" / "2.JPEG"
    first = path.read_bytes()
    path.unlink()
    corrupt_data_set(config(folder, output=output), QUIET)
    assert path.read_bytes() == first


def test_randomness_depends_on_the_seed_alone(array, tmp_path):
    results = [
        np.load(
            corrupt_data_set(config(array, output=tmp_path / str(number), seed=seed), QUIET)
            / "impulse_noise.npy"
        )
        for number, seed in enumerate((0, 0, 1))
    ]
    np.testing.assert_array_equal(results[0], results[1])
    assert np.any(results[0] != results[2])


def test_another_command_does_not_go_on_with_a_result(array):
    corrupt_data_set(config(array), QUIET)
    with pytest.raises(ConfigurationError, match="--seed 0, not 1"):
        corrupt_data_set(config(array, seed=1), QUIET)


def test_other_files_are_left_alone(array, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").touch()
    with pytest.raises(ConfigurationError, match="--output"):
        corrupt_data_set(config(array, output=tmp_path / "out"), QUIET)


def test_a_sheet_shows_every_corruption(folder, tmp_path):
    path = draw_sheet(config(folder, sheet=tmp_path / "sheet.png"))
    sheet = np.asarray(Image.open(path))
    assert sheet.shape[0] > 2 * 9
    assert not (tmp_path / "images-C").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input": "nowhere"}, "--input nowhere"),
        ({"corruptions": ("snaw",)}, "--corruptions snaw.*snow"),
        ({"corruptions": ()}, "--corruptions is empty"),
        ({"corruptions": ("snow", "snow")}, "--corruptions snow snow"),
        ({"severities": (0,)}, "--severities 0"),
        ({"severities": (6,)}, "--severities 6"),
        ({"severities": ()}, "--severities is empty"),
        (
            {"archives": pathlib.Path("a")},
            "--archives a: .*--input digits; omit it",
        ),
        (
            {"data_dir": pathlib.Path("d")},
            "--data-dir d: has no effect with --input digits; omit it",
        ),
        (
            {"allow_unverified_archives": True},
            "--allow-unverified-archives: has no effect with --input digits; omit it",
        ),
        (
            {"sheet": pathlib.Path("sheet.png"), "output": pathlib.Path("out")},
            "--output out: has no effect with --sheet sheet.png",
        ),
        ({"severities": (2, 2)}, "--severities 2 2"),
        ({"seed": -1}, "--seed -1"),
        ({"split": "tset"}, "--split tset.*test"),
        ({"output": pathlib.Path("/proc/nowhere")}, "--output"),
        ({"sheet": pathlib.Path("sheet.jpg")}, "--sheet sheet.jpg"),
        ({"sheet": pathlib.Path("/proc/sheet.png")}, "--sheet /proc/sheet.png"),
    ],
)
def test_bad_flags_are_named(options, message, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, _: not str(path).startswith("/proc"))
    with pytest.raises(ConfigurationError, match=message) as error:
        check(CorruptConfig(**{"input": "digits", **options}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"split": "train"}, "--split train"),
        ({"archives": pathlib.Path("a")}, "--archives a"),
        ({"data_dir": pathlib.Path("d")}, "--data-dir d"),
        ({"allow_unverified_archives": True}, "--allow-unverified-archives"),
    ],
)
def test_flags_of_data_sets_are_refused_with_files(options, flag, array, folder):
    for source in (array, folder):
        check(config(source))
        with pytest.raises(ConfigurationError) as error:
            check(config(source, **options))
        says = str(error.value)
        assert says.startswith(f"{flag}: has no effect with --input {source}; omit it, or name a ")


def test_the_folder_that_one_is_in_can_be_corrupted(folder, monkeypatch):
    monkeypatch.chdir(folder)
    check(config("."))
    assert config(".").folder == folder.parent / "images-C"
    assert config("..").folder == folder.parent.parent / f"{folder.parent.name}-C"
    output = folder.parent / "out"
    assert config(".", output=output).folder == output
    assert corrupt_data_set(config(".", output=output), QUIET) == output
    assert (output / "contrast" / "1" / "tall.JPEG").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no array", "no readable .npy file"),
        (np.zeros((3, 9, 12, 3), np.float32), "float32"),
        (np.zeros((3, 9, 12), np.uint8), "shape"),
        (np.zeros((3, 7, 12, 3), np.uint8), "7"),
        (np.zeros((0, 9, 12, 3), np.uint8), "shape"),
    ],
)
def test_bad_arrays_are_refused(content, message, tmp_path):
    path = tmp_path / "bad.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    with pytest.raises(ConfigurationError, match=message):
        corrupt_data_set(config(path), QUIET)
    assert not (tmp_path / "bad-C").exists()


def test_bad_folders_are_refused_before_the_work(folder):
    (folder / "bad.png").write_bytes(b"no image")
    with pytest.raises(ConfigurationError, match=r"bad\.png"):
        corrupt_data_set(config(folder), QUIET)
    Image.fromarray(some_images(1, 9, 9)[0]).save(folder / "bad.png")
    Image.fromarray(some_images(1, 9, 9)[0]).save(folder / "bad.jpg")
    with pytest.raises(ConfigurationError, match=r"bad\.jpg and bad\.png"):
        corrupt_data_set(config(folder), QUIET)
    (folder / "bad.jpg").unlink()
    Image.fromarray(some_images(1, 7, 9)[0]).save(folder / "bad.png")
    with pytest.raises(ConfigurationError, match="9 × 7"):
        corrupt_data_set(config(folder), QUIET)
    assert not folder.with_name("images-C").exists()


def test_alpha_is_composited_and_that_is_said(folder, tmp_path):
    image = Image.fromarray(some_images(1, channels=4)[0])
    image.save(folder / "clear.png")
    told = io.StringIO()
    corrupt_data_set(config(folder), Console(file=told, width=200))
    assert "1 of 5 images have an alpha channel" in told.getvalue()
    path = tmp_path / "images-C" / "contrast" / "1" / "clear.JPEG"
    seen = read_image(folder / "clear.png").astype(float)
    mean = seen.mean((0, 1))
    assert np.abs(np.asarray(Image.open(path)) - (0.75 * (seen - mean) + mean)).mean() < 20


def test_a_result_within_the_input_is_not_corrupted_again(folder):
    output = folder / "result"
    corrupt_data_set(config(folder, output=output), QUIET)
    made = {file: file.stat().st_mtime_ns for file in output.rglob("*")}
    (folder / "._tall.JPG").write_bytes(b"no image")
    corrupt_data_set(config(folder, output=output), QUIET)
    assert {file: file.stat().st_mtime_ns for file in output.rglob("*")} == made
    # Nor is it corrupted by a command with another output.
    other = corrupt_data_set(config(folder, output=folder / "other"), QUIET)
    assert not list(other.glob("*/*/result"))
    with pytest.raises(ConfigurationError, match="holds other files"):
        corrupt_data_set(config(folder, output=folder), QUIET)


def test_few_large_images_are_read_at_a_time(folder, monkeypatch):
    sizes = []

    def counting(config, name, severity, images, first):
        sizes.append((first, len(images)))
        return images

    monkeypatch.setattr(corrupting, "_corrupt", counting)
    monkeypatch.setattr(corrupting, "_PIXELS_AT_A_TIME", 2 * 9 * 12)
    only = CorruptConfig(str(folder), corruptions=("contrast",), severities=(1,))
    corrupt_data_set(only, QUIET)
    assert sizes == [(0, 2), (2, 1), (3, 1)]


def test_a_sheet_does_not_replace_a_file(array, tmp_path):
    (tmp_path / "sheet.png").write_bytes(b"mine")
    with pytest.raises(ConfigurationError, match=r"--sheet .*sheet\.png: exists already"):
        check(config(array, sheet=tmp_path / "sheet.png"))


def test_a_sheet_of_a_grey_array_is_drawn(tmp_path):
    np.save(tmp_path / "grey.npy", some_images(channels=1))
    path = draw_sheet(config(tmp_path / "grey.npy", sheet=tmp_path / "sheet.png"))
    assert Image.open(path).mode == "RGB"


def test_the_command_says_what_is_wrong_in_one_sentence(array):
    command = [sys.executable, str(EXPERIMENT), "--input", str(array), "--corruptions", "snaw"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "--corruptions snaw" in result.stderr


def test_a_result_says_what_it_is_made_of(array):
    output = corrupt_data_set(config(array), QUIET)
    assert json.loads((output / "corrupt.json").read_text())["benchmark"] == "cifar10"
